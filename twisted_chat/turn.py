"""What one turn of the reactor delivers, to whom and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

from twisted_chat.events import Event, Said
from twisted_chat.interfaces import IDialect
from twisted_chat.member import Member

_OTHER = 100
"""Bytes of an event in which nobody says anything; a farewell may be longer."""


class _Copy:
    """What one member that some event singles out gets of a turn.

    `parts` holds, in order, the events that this member alone gets and ranges (first, end) of the
    events that all get. From event `start` on it gets all that come; None: nothing more.
    """

    __slots__ = ("parts", "start")

    def __init__(self, start: int) -> None:
        self.parts: list[Event | tuple[int, int]] = []
        self.start: int | None = start

    def take(self, end: int, restart: int | None) -> None:
        """Get the shared events up to `end`, then go on at `restart`."""
        if self.start is not None:
            if self.start < end:
                self.parts.append((self.start, end))
            self.start = restart


class Turn:
    """Events in their order, each with the audience it had when it was applied.

    All members that no event singles out share one `bytes`; the others' copies are cut from it by
    offsets, so that a turn in which everybody speaks stays linear in its events and its bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        """About how many bytes all members get: as many as that, or fewer."""
        self._events: list[Event] = []
        self._copies: dict[Member, _Copy] = {}
        self._rendered: dict[IDialect, tuple[bytes, list[int]]] = {}

    def publish(self, event: Event, but: Member | None = None) -> None:
        """Put `event` for all members there are now, `but` apart."""
        index = len(self._events)
        if but is not None:
            self._copy(but).take(index, index + 1)
        self._events.append(event)
        self.size += _weigh(event)

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

    def deliver(self, members: Iterable[Member], failed: Callable[[Member], None]) -> None:
        """Write to each of `members` what it gets. Where that raises, `failed(member)` is called
        in the handler: one member's broken way out is never the others' trouble.
        """
        copies = self._copies
        dialect: IDialect | None = None
        data = shared = b""
        for member in members:
            if member.dialect is not dialect:
                dialect = member.dialect
                shared = self._shared(dialect)[0]
            data = self._cut(copies[member], dialect) if member in copies else shared
            if data:
                try:
                    member.outbox.write(data)
                except Exception:
                    failed(member)

    def _cut(self, copy: _Copy, dialect: IDialect) -> bytes:
        """What a member with `copy` gets."""
        copy.take(len(self._events), None)
        data, offsets = self._shared(dialect)
        view = memoryview(data)
        return b"".join(
            [
                view[offsets[part[0]] : offsets[part[1]]]
                if isinstance(part, tuple)
                else dialect.render(part)
                for part in copy.parts
            ]
        )

    def _copy(self, member: Member) -> _Copy:
        copy = self._copies.get(member)
        if copy is None:
            copy = self._copies[member] = _Copy(0)
        return copy

    def _shared(self, dialect: IDialect) -> tuple[bytes, list[int]]:
        if dialect not in self._rendered:
            rendered = list(map(dialect.render, self._events))
            offsets = list(accumulate(map(len, rendered), initial=0))
            self._rendered[dialect] = b"".join(rendered), offsets
        return self._rendered[dialect]


def _weigh(event: Event) -> int:
    """Bytes of `event` as lines, at most; it is quicker than to render it."""
    if not isinstance(event, Said):
        return _OTHER
    lead = len(event.name) + len("[] \n")
    size = len(event.text) if event.text.isascii() else 4 * len(event.text)
    return size + (event.text.count("\n") + 1) * lead
