"""What one turn of the reactor delivers, to whom and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from twisted_chat.events import Event, Said
from twisted_chat.interfaces import IDialect
from twisted_chat.member import Member


class _Copy:
    """What one member that some event singles out gets of a turn.

    `parts` holds, in order, the events that this member alone gets and ranges (first, end) of the
    events that all get. From event `start` on it gets all that come; None: nothing more.
    """

    def __init__(self, start: int) -> None:
        self.parts: list[Event | tuple[int, int]] = []
        self.start: int | None = start

    def take(self, end: int, restart: int | None) -> None:
        """Get the shared events up to `end`, then go on at `restart`."""
        if self.start is not None:
            self.parts.append((self.start, end))
            self.start = restart


class Turn:
    """Events in their order, each with the audience it had when it was applied.

    All members that no event singles out share one `bytes`; the others' copies are cut from it by
    offsets, so that a turn in which everybody speaks stays linear in its events and its bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        """Characters said so far."""
        self._events: list[Event] = []
        self._copies: dict[Member, _Copy] = {}
        self._rendered: dict[IDialect, tuple[bytes, list[int]]] = {}

    def publish(self, event: Event, but: Member | None = None) -> None:
        """Put `event` for all members there are now, `but` apart."""
        index = len(self._events)
        if but is not None:
            self._copy(but).take(index, index + 1)
        self._events.append(event)
        if isinstance(event, Said):
            self.size += len(event.text)

    def tell(self, member: Member, event: Event) -> None:
        """Put `event` for `member` alone."""
        copy = self._copy(member)
        if copy.start is not None:
            copy.take(len(self._events), len(self._events))
            copy.parts.append(event)

    def begin(self, member: Member) -> None:
        """`member` gets what comes from here on, and nothing that was before."""
        self._copies[member] = _Copy(len(self._events))

    def end(self, member: Member) -> None:
        """`member` gets what was up to here and nothing more."""
        self._copy(member).take(len(self._events), None)

    def shared(self, dialect: IDialect) -> bytes:
        """All published events in `dialect`; rendered once, however often it is asked for."""
        return self._shared(dialect)[0]

    def deliveries(self, members: Iterable[Member]) -> Iterator[tuple[Member, bytes]]:
        """What each of `members` gets; who gets nothing is left out."""
        for member in members:
            data, offsets = self._shared(member.dialect)
            if copy := self._copies.get(member):
                copy.take(len(self._events), None)
                view = memoryview(data)
                data = b"".join(
                    view[offsets[part[0]] : offsets[part[1]]]
                    if isinstance(part, tuple)
                    else member.dialect.render(part)
                    for part in copy.parts
                )
            if data:
                yield member, data

    def _copy(self, member: Member) -> _Copy:
        copy = self._copies.get(member)
        if copy is None:
            copy = self._copies[member] = _Copy(0)
        return copy

    def _shared(self, dialect: IDialect) -> tuple[bytes, list[int]]:
        if dialect not in self._rendered:
            lines = [dialect.render(event) for event in self._events]
            offsets = list(accumulate(map(len, lines), initial=0))
            self._rendered[dialect] = b"".join(lines), offsets
        return self._rendered[dialect]
