"""What /help says."""

from __future__ import annotations

from twisted_chat.authorisation import Door, refusal
from twisted_chat.commands import BY_WORD, COMMANDS
from twisted_chat.commands.command import Command, Refusal, Request, shorten


async def show_help(request: Request) -> None:
    """What who asks may use; or one command, with its aliases."""
    word = request.argument.removeprefix("/").lower()
    if word:
        command = BY_WORD.get(word)
        if command is None:
            lead = request.member.door.lead
            raise Refusal(f"no command {lead}{shorten(word)}: {lead}help lists them")
        _describe(request, command)
        for alias in command.aliases:
            request.answer(f"{request.member.door.lead}{alias} is the same")
        return
    member = request.member
    for command in COMMANDS.values():
        if refusal(command.right, member.door, member.standing.role) is None:
            _describe(request, command)
    if member.door is not Door.CONTROL:
        request.answer("//word: say /word")


def _describe(request: Request, command: Command) -> None:
    request.answer(
        f"{request.member.door.lead}{command.usage}: {command.help}",
        command=command.name,
        arguments=command.arguments,
        help=command.help,
    )
