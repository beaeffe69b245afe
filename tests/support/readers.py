"""Readers of a turn. Their dialects tell what was rendered for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_chat.events import Event, Slowed
from twisted_chat.flood import Flood
from twisted_chat.interfaces import IDialect, IOutbox
from twisted_chat.limits import Limits
from twisted_chat.members import Member, Room
from twisted_chat.networks import LOCAL


@implementer(IDialect)
class SpokenDialect:
    """Writes all that is in an event, and for whom. Does not show an event of the type `hidden`."""

    def __init__(self, tongue: str = "", hidden: type[Event] | None = None) -> None:
        self.tongue = tongue
        self.hidden = hidden
        self.rendered: Counter[tuple[str, int]] = Counter()
        """How often each event (its `id()`) was rendered for a room."""

    def render(self, event: Event, room: str) -> bytes:
        self.rendered[room, id(event)] += 1
        if type(event) is self.hidden:
            return b""
        return f"{self.tongue}#{room}: {event!r}\n".encode()

    def render_to(self, event: Event, reader: Member) -> bytes:
        if type(event) is self.hidden:
            return b""
        return f"{self.tongue}{reader.name}: {event!r}\n".encode()


PLAIN = SpokenDialect()
TERSE = SpokenDialect("~", hidden=Slowed)


@implementer(IOutbox)
class PiecesOutbox:
    """Keeps each write as the pieces in which it came. If it is `broken`, it raises instead."""

    def __init__(self) -> None:
        self.writes: list[list[bytes | memoryview]] = []
        self.broken = False

    def write(self, data: bytes) -> None:
        self.write_pieces([data])

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        if self.broken:
            raise RuntimeError("broken on purpose")
        self.writes.append(list(pieces))

    def close(self) -> None:
        """Do nothing: a turn closes no outbox."""

    def take(self) -> list[bytes]:
        """Return what each write since the last call consisted of."""
        writes, self.writes = self.writes, []
        return [b"".join(pieces) for pieces in writes]


def reader(name: str, rooms: Sequence[Room] = (), dialect: IDialect = PLAIN) -> Member:
    """Return a member that was in `rooms` before the turn began."""
    member = Member(name, PiecesOutbox(), dialect, Flood(Clock(), Limits(rate=0)).meter(LOCAL))
    for room in rooms:
        room.members[member] = None
        member.join(room)
        room.overlaps = len(rooms) > 1 or room.overlaps
    return member
