"""What /help says."""

from __future__ import annotations

from functools import cache

from twisted_chat.authorisation import Door, refusal
from twisted_chat.commands import COMMANDS, find
from twisted_chat.commands.command import Command, Request, shorten
from twisted_chat.events import Notice, Role
from twisted_chat.refusal import Refusal


async def show_help(request: Request) -> None:
    """Answer with what the asker may use, or with one command and its aliases if it may use that.
    Raises Refusal.
    """
    member = request.member
    door, role = member.door, member.standing.role
    muted = member.standing.muted_until > request.chat.now()
    word = request.argument.removeprefix("/").lower()
    if not word:
        request.chat.tell(member, *_all(door, role, muted))
        return
    command = find(word, door)
    if command is None:
        raise Refusal(f"no command {door.lead}{shorten(word)}: {door.lead}help lists them")
    if why := refusal(command.right, door, role, muted):
        raise Refusal(f"{door.lead}{command.name} {why}")
    aliases = [
        Notice(f"{door.lead}{alias} is the same")
        for alias in command.aliases
        if find(alias, door) is command
    ]
    request.chat.tell(member, _described(command, door), *aliases)


@cache
def _all(door: Door, role: Role, muted: bool) -> list[Notice]:
    """Describe what somebody with `role` at `door` may use."""
    notices = [
        _described(command, door)
        for command in COMMANDS.values()
        if refusal(command.right, door, role, muted) is None
    ]
    return notices if door is Door.CONTROL else [*notices, Notice("//word: say /word")]


def _described(command: Command, door: Door) -> Notice:
    usage = command.usage(door)
    return Notice(
        f"{door.lead}{usage}: {command.help}",
        {
            "command": command.name,
            "arguments": usage.removeprefix(command.name).lstrip(),
            "help": command.help,
        },
    )
