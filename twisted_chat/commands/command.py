"""What a command is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twisted_chat.authorisation import Door, Right
from twisted_chat.chat import Chat
from twisted_chat.events import LOBBY, Notice
from twisted_chat.limits import SHOWN_NAME
from twisted_chat.member import Member

if TYPE_CHECKING:
    from twisted_chat.passphrases import Passphrases
    from twisted_chat.traces import Traces


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is being obeyed: the member that asks, and the `argument` (stripped).

    `room`: the name of the room that it is about; "": of none.
    """

    chat: Chat
    passphrases: Passphrases
    traces: Traces
    member: Member
    argument: str = field(repr=False)
    room: str

    def answer(self, text: str, **record: object) -> None:
        """Answer the member that asks: `text` for people, `record` for programs."""
        self.chat.notify(self.member, text, **record)

    def answer_all(self, rows: Sequence[tuple[str, Mapping[str, object]]]) -> int:
        """Answer with the first of `rows`, each a text and a record. Return how many were sent.

        An answer is bounded, so that it puts no slow reader out; chatctl gets all.
        """
        share = float("inf") if self.member.door is Door.CONTROL else self.chat.share
        notices: list[Notice] = []
        for text, record in rows:
            share -= len(text.encode()) + len("- \n")
            if share < 0:
                break
            notices.append(Notice(text, record or None))
        self.chat.tell(self.member, *notices)
        return len(notices)

    def words(self, count: int) -> list[str]:
        """The argument in `count` words, of which the last is all the rest; "" where there are
        fewer.
        """
        words = self.argument.split(None, count - 1)
        return words + [""] * (count - len(words))

    @property
    def some_room(self) -> str:
        """The room that it is about, the lobby if it is about none."""
        return self.room or LOBBY


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `run` gets the Request, and raises Refusal if it is not to be done.

    `arguments`: how they are written, as help shows it; one that does not begin with [ has to be
    there. `control_arguments`: how they are written for chatctl, if otherwise.
    """

    name: str
    arguments: str
    help: str
    run: Callable[[Request], Awaitable[None]]
    right: Right = field(default_factory=Right)
    aliases: tuple[str, ...] = ()
    control_arguments: str = ""

    def usage(self, door: Door) -> str:
        """Return how it is written, behind what leads a command at `door`."""
        arguments = self.arguments
        if door is Door.CONTROL and self.control_arguments:
            arguments = self.control_arguments
        return f"{self.name} {arguments}".strip()


def shorten(text: str, length: int = SHOWN_NAME) -> str:
    """As much of what somebody wrote as an answer repeats: `length` characters."""
    return text if len(text) <= length else f"{text[:length]}…"
