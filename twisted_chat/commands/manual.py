"""The command that explains commands."""

from __future__ import annotations

from twisted_chat.authorisation import TYPED, Door, check, refusal
from twisted_chat.commands.command import Command, Request, shorten
from twisted_chat.events import Notice
from twisted_chat.refusal import Kind, Refusal


async def show_help(request: Request) -> None:
    """List all commands that the asker may use, or explain one of them with its aliases."""
    member = request.member
    door, role, muted = member.door, request.role, request.view.muted(member.id)
    word = request.argument.removeprefix("/").lower()
    if not word:
        notices = [
            _described(command, door)
            for command in request.table
            if refusal(command.right, door, role, muted) is None
        ]
        if door in TYPED:
            notices.append(Notice("//word: say /word"))
        request.chat.tell(member, *notices)
        return
    command = request.table.find(word, door)
    if command is None:
        raise Refusal(
            f"no command {door.lead}{shorten(word)}: {door.lead}help lists them", Kind.NO_COMMAND
        )
    check(command.name, door, role, muted)
    aliases = [
        Notice(f"{door.lead}{alias} is the same", {"command": command.name, "alias": alias})
        for alias in command.aliases
        if request.table.find(alias, door) is command
    ]
    request.chat.tell(member, _described(command, door), *aliases)


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
