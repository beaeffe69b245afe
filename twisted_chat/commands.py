"""Commands: one table, from which parsing and help are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.dialects import users
from twisted_chat.limits import NOTICE_WIDTH, SHOWN_NAME
from twisted_chat.member import Member
from twisted_chat.room import Room

_log = Logger(namespace="chat")

# A slash and an ASCII letter begin a command. With more slashes one is dropped and the rest is
# said, so that every text, `//x` as well, can be said.
_COMMAND = re.compile(r"/([A-Za-z][^ \t]*)[ \t]*(.*)", re.DOTALL)
_SLASHED = re.compile(r"/+[A-Za-z]")


@dataclass(frozen=True)
class Command:
    """One command. `run` gets the room, who asks, and what stood after the blank, stripped."""

    name: str
    arguments: str
    help: str
    run: Callable[[Room, Member, str], None]


def parse(line: str) -> tuple[str, str] | None:
    """The name (in lower case) and the argument of the command that `line` is; None: it is said."""
    match = _COMMAND.fullmatch(line)
    return (match[1].lower(), match[2].strip()) if match else None


def unescape(line: str) -> str:
    """What a `line` that is no command says: `//x` says `/x`."""
    return line[1:] if _SLASHED.match(line) else line


def escape(text: str) -> str:
    """The line that says `text` and is never a command: the inverse of `unescape`."""
    return f"/{text}" if _SLASHED.match(text) else text


def obey(room: Room, member: Member, line: str) -> None:
    """Do what `member` asks with `line` (clean and not empty): run its command or say it."""
    command = parse(line)
    if command is None:
        room.say(member, unescape(line))
        return
    name, argument = command
    if name in COMMANDS:
        COMMANDS[name].run(room, member, argument)
    else:
        shown = name[:SHOWN_NAME]
        room.refuse(member, f"no command /{shown}: /help lists them, and //{shown} says it")


def _help(room: Room, member: Member, argument: str) -> None:
    for command in COMMANDS.values():
        room.notify(member, f"{f'/{command.name} {command.arguments}'.strip()}: {command.help}")
    room.notify(member, "//word: say /word")


def _who(room: Room, member: Member, argument: str) -> None:
    def answer(names: list[str]) -> None:
        room.notify(member, f"{users(len(names))} online:")
        for line in _wrap(names):
            room.notify(member, line)

    def no_answer(failure: Failure) -> None:
        _log.failure("the journal gave no names", failure=failure)
        room.refuse(member, "the names cannot be had just now: try /who again later")

    room.names().addCallbacks(answer, no_answer)


def _wrap(names: Iterable[str]) -> Iterator[str]:
    """`names` joined by commas, in lines of about NOTICE_WIDTH characters."""
    line = ""
    for name in names:
        if line and len(line) + len(name) > NOTICE_WIDTH:
            yield f"{line},"
            line = name
        else:
            line = f"{line}, {name}" if line else name
    yield line


def _quit(room: Room, member: Member, argument: str) -> None:
    room.leave(member, words=argument)


COMMANDS = {
    command.name: command
    for command in (
        Command("help", "", "list the commands", _help),
        Command("who", "", "list who is online", _who),
        Command("quit", "[words]", "leave, with words if you like", _quit),
    )
}
