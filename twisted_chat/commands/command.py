"""What a command is, and the request that it obeys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from twisted_chat import requests
from twisted_chat.authorisation import RIGHTS, Door, Right
from twisted_chat.chat import Chat
from twisted_chat.events import LOBBY, Notice
from twisted_chat.interfaces import ICertificate, IView
from twisted_chat.limits import SHOWN_NAME
from twisted_chat.members import Member
from twisted_chat.records import Role
from twisted_chat.refusal import Kind, Refusal

if TYPE_CHECKING:
    from twisted_chat.passphrases import Passphrases
    from twisted_chat.traces import Traces


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is being obeyed: `member` asks for it.

    `argument`: what stands behind the command's word, stripped. `room`: the name of the room that
    the command is about; "" if it is about no room. `certificate`: the daemon's; None: it speaks
    no TLS.
    """

    chat: Chat
    table: Table
    passphrases: Passphrases
    traces: Traces
    certificate: ICertificate | None
    member: Member
    argument: str = field(repr=False)
    room: str

    @property
    def view(self) -> IView:
        """What there is to see of the chat."""
        view: IView = self.chat.view
        return view

    @property
    def role(self) -> Role:
        """The role of the member that asks, as far as this process knows."""
        role: Role = self.view.role(self.member.id)
        return role

    def may_look_into(self, room: str) -> bool:
        """Return whether the asker may look into the room that is called exactly `room`. Members of
        the room and operators may.
        """
        is_there = any(each.name == room for each in self.member.rooms)
        return is_there or self.role >= Role.OPERATOR

    def ask(self, request: requests.Request) -> Deferred[Any]:
        """Ask the journal for `request`. Fires with the answer, or fails with a Refusal."""
        return self.chat.ask(self.member, request)

    def answer(self, text: str, **record: object) -> None:
        """Answer the member that asks: `text` for people, `record` for programs."""
        self.chat.notify(self.member, text, **record)

    def answer_all(self, rows: Sequence[tuple[str, Mapping[str, object]]]) -> int:
        """Answer with the first of `rows`, each a text and a record. Return how many were sent.

        An answer is bounded, so that it puts no slow reader out; chatctl gets all.
        """
        share = float("inf") if self.member.door is Door.CONTROL else self.chat.limits.answer
        notices: list[Notice] = []
        for text, record in rows:
            notice = Notice(text, record or None)
            share -= len(self.member.dialect.render_to(notice, self.member))
            if share < 0:
                break
            notices.append(notice)
        self.chat.tell(self.member, *notices)
        return len(notices)

    def words(self, count: int) -> list[str]:
        """Return the argument as `count` words. The last is all the rest; missing ones are ""."""
        words = self.argument.split(None, count - 1)
        return words + [""] * (count - len(words))

    @property
    def its_room(self) -> str:
        """The name of the room that it is about. Raises Refusal if it is about no room."""
        if not self.room:
            raise Refusal("you are in no room: /join ROOM first", Kind.NO_ROOM)
        return self.room

    @property
    def some_room(self) -> str:
        """The name of the room that it is about; the lobby if it is about no room."""
        return self.room or LOBBY


@dataclass(frozen=True, slots=True)
class Command:
    """A command. `run` obeys a Request, and raises Refusal if that is not to be done.

    `arguments`: how they are written, as help shows it. Unless they begin with a [, one has to be
    there. `control_arguments`: how they are written for chatctl, if that differs.
    """

    name: str
    arguments: str
    help: str
    run: Callable[[Request], Awaitable[None]]
    aliases: tuple[str, ...] = ()
    control_arguments: str = ""

    @property
    def right(self) -> Right:
        """What says who may use the command."""
        return RIGHTS[self.name]

    def usage(self, door: Door) -> str:
        """Return how the command is written at `door`, without the lead of commands there."""
        return f"{self.name} {self.arguments_at(door)}".strip()

    def arguments_at(self, door: Door) -> str:
        """Return how its arguments are written at `door`."""
        if door is Door.CONTROL and self.control_arguments:
            return self.control_arguments
        return self.arguments

    def needs_argument(self, door: Door) -> bool:
        """Return whether it is not to be obeyed at `door` without an argument."""
        arguments = self.arguments_at(door)
        return bool(arguments) and not arguments.startswith("[")


class Table:
    """All commands. `commands`: by their names, in the order in which help lists them. `by_word`:
    also by their aliases.
    """

    def __init__(self, *commands: Command) -> None:
        self.commands = {command.name: command for command in commands}
        aliases = {alias: command for command in commands for alias in command.aliases}
        self.by_word = self.commands | aliases

    def __iter__(self) -> Iterator[Command]:
        return iter(self.commands.values())

    def find(self, word: str, door: Door) -> Command | None:
        """Return the command that `word` means at `door`, or None. A word can mean two commands:
        `names` is a command of chatctl, and elsewhere an alias of `who`.
        """
        command = self.commands.get(word)
        if command is not None and door in command.right.doors:
            return command
        return self.by_word.get(word)


def shorten(text: str, length: int = SHOWN_NAME) -> str:
    """Return the first `length` characters of what somebody wrote, to repeat them in an answer."""
    return text if len(text) <= length else f"{text[:length]}…"
