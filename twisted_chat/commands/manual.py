"""What /help says."""

from __future__ import annotations

from functools import cache

from twisted_chat.authorisation import Door, refusal
from twisted_chat.commands import COMMANDS, find
from twisted_chat.commands.command import Command, Request, shorten
from twisted_chat.events import Notice, Role
from twisted_chat.refusal import Refusal


async def show_help(request: Request) -> None:
    """What who asks may use; or one command, with its aliases."""
    word = request.argument.removeprefix("/").lower()
    if word:
        command = find(word, request.member.door)
        if command is None:
            lead = request.member.door.lead
            raise Refusal(f"no command {lead}{shorten(word)}: {lead}help lists them")
        lead = request.member.door.lead
        aliases = [
            Notice(f"{lead}{alias} is the same")
            for alias in command.aliases
            if find(alias, request.member.door) is command
        ]
        request.chat.tell(request.member, _described(command, request.member.door), *aliases)
        return
    request.chat.tell(request.member, *_all(request.member.door, request.member.standing.role))


@cache
def _all(door: Door, role: Role) -> list[Notice]:
    """What somebody with `role` at `door` may use."""
    notices = [
        _described(command, door)
        for command in COMMANDS.values()
        if refusal(command.right, door, role) is None
    ]
    return notices if door is Door.CONTROL else [*notices, Notice("//word: say /word")]


def _described(command: Command, door: Door) -> Notice:
    return Notice(
        f"{door.lead}{command.usage}: {command.help}",
        {"command": command.name, "arguments": command.arguments, "help": command.help},
    )
