"""What one turn of the reactor delivers, to whom and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import accumulate

from twisted_chat.events import Emoted, Event, Notice, Said
from twisted_chat.interfaces import IDialect
from twisted_chat.member import Member
from twisted_chat.room import Room

_WORDS = (Said, Emoted)
_OTHER = 60
"""Bytes of an event at most, besides the texts in it."""


class _Stream:
    """The events that all members of one room get, in their order."""

    __slots__ = ("events", "rendered", "unrecorded")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.unrecorded: set[int] = set()
        """Which of them, by index, the transcript has no use for."""
        self.rendered: dict[IDialect, tuple[bytes, list[int]]] = {}

    def render(self, dialect: IDialect) -> tuple[bytes, list[int]]:
        """All events in `dialect`, and where each begins; rendered once, however often asked."""
        if dialect not in self.rendered:
            rendered = list(map(dialect.render, self.events))
            offsets = list(accumulate(map(len, rendered), initial=0))
            self.rendered[dialect] = b"".join(rendered), offsets
        return self.rendered[dialect]


class _Copy:
    """What one member that some event singles out gets of a turn.

    `parts` holds, in order, the events that this member alone gets and ranges (stream, first, end)
    of the events that all in a room get. From event `start` of `stream` on it gets all that come;
    `stream` None: nothing more.
    """

    __slots__ = ("parts", "start", "stream")

    def __init__(self, stream: _Stream | None, start: int) -> None:
        self.parts: list[Event | tuple[_Stream, int, int]] = []
        self.stream = stream
        self.start = start

    def take(self) -> None:
        """Get all events of the stream that there are so far."""
        if self.stream is not None:
            end = len(self.stream.events)
            if self.start < end:
                self.parts.append((self.stream, self.start, end))
                self.start = end

    def skip(self, stream: _Stream) -> None:
        """Get all but the next event of `stream`, if that is the one."""
        if self.stream is stream:
            end = len(stream.events)
            if self.start < end:
                self.parts.append((stream, self.start, end))
            self.start = end + 1


class Turn:
    """Events in their order, each with the audience it had when it was applied.

    All members of a room that no event singles out share one `bytes`; the others' copies are cut
    from it by offsets, so that a turn in which everybody speaks stays linear in its events and its
    bytes. Rooms in which nothing happens cost nothing.
    """

    def __init__(self) -> None:
        self.size = 0
        """Bytes of all events at most, each counted once."""
        self._streams: dict[Room, _Stream] = {}
        self._copies: dict[Member, _Copy] = {}

    def publish(
        self, room: Room, event: Event, but: Member | None = None, deaf: Collection[Member] = ()
    ) -> None:
        """Put `event` for all members that are in `room` now, `but` and the `deaf` ones apart."""
        stream = self._streams.get(room) or self._stream(room)
        if but is not None:
            (self._copies.get(but) or self._copy(but)).skip(stream)
        for member in deaf:
            # A member in another room does not hear it anyway.
            if member is not but and member.room is room:
                self._copy(member).skip(stream)
        stream.events.append(event)
        self.size += _weigh(event)

    def announce(self, room: Room, notice: Notice) -> None:
        """Put `notice` for all members that are in `room` now; the transcript has no use for it."""
        self.publish(room, notice)
        stream = self._streams[room]
        stream.unrecorded.add(len(stream.events) - 1)

    def tell(self, member: Member, *events: Event) -> None:
        """Put `events` for `member` alone, which may be in no room."""
        copy = self._copy(member)
        copy.take()
        copy.parts += events
        self.size += sum(map(_weigh, events))

    def begin(self, member: Member, room: Room) -> None:
        """`member` gets what comes in `room` from here on, and nothing that was there before."""
        copy = self._copy(member)
        copy.take()
        copy.stream = self._stream(room)
        copy.start = len(copy.stream.events)

    def end(self, member: Member) -> None:
        """`member` gets what was in its room up to here, and nothing that comes."""
        copy = self._copy(member)
        copy.take()
        copy.stream = None

    def forget(self, member: Member) -> None:
        """`member`, which is in no room any more, gets nothing at all."""
        self._copies[member] = _Copy(None, 0)

    def deliver(self, failed: Callable[[Member], None]) -> None:
        """Write to each member what it gets. Where that raises, `failed(member)` is called in the
        handler: one member's broken way out or dialect is never the others' trouble.
        """
        copies = self._copies
        for room, stream in self._streams.items():
            if not stream.events:
                continue
            dialect: IDialect | None = None
            shared = b""
            # A copy: members that are found dead leave during the loop.
            for member in list(room.members):
                if member in copies:
                    continue
                try:
                    if member.dialect is not dialect:
                        shared = stream.render(member.dialect)[0]
                        dialect = member.dialect
                    member.outbox.write(shared)
                except Exception:
                    failed(member)
        for member, copy in copies.items():
            try:
                if pieces := self._cut(copy, member.dialect):
                    member.outbox.write_pieces(pieces)
            except Exception:
                failed(member)

    def transcript(self, dialect: IDialect) -> bytes:
        """Return all that was published and not only announced, each line with its room's lead."""
        lines = []
        for room, stream in self._streams.items():
            if stream.unrecorded:
                kept = (
                    event
                    for index, event in enumerate(stream.events)
                    if index not in stream.unrecorded
                )
                data = b"".join(map(dialect.render, kept))
            else:
                data = stream.render(dialect)[0]
            if lead := room.lead.encode():
                data = b"".join(lead + line for line in data.splitlines(keepends=True))
            lines.append(data)
        return b"".join(lines)

    def _cut(self, copy: _Copy, dialect: IDialect) -> list[bytes | memoryview]:
        """What a member with `copy` gets, in pieces."""
        copy.take()
        pieces: list[bytes | memoryview] = []
        latest: _Stream | None = None
        for part in copy.parts:
            if isinstance(part, tuple):
                stream, first, end = part
                if stream is not latest:
                    latest = stream
                    data, offsets = stream.render(dialect)
                    view = memoryview(data)
                pieces.append(view[offsets[first] : offsets[end]])
            else:
                pieces.append(dialect.render(part))
        return pieces

    def _copy(self, member: Member) -> _Copy:
        copy = self._copies.get(member)
        if copy is None:
            stream = None if member.room is None else self._stream(member.room)
            copy = self._copies[member] = _Copy(stream, 0)
        return copy

    def _stream(self, room: Room) -> _Stream:
        stream = self._streams.get(room)
        if stream is None:
            stream = self._streams[room] = _Stream()
        return stream


def _weigh(event: Event) -> int:
    """Bytes of `event` as lines, at most; it is quicker than to render it."""
    if not isinstance(event, _WORDS):
        values = [getattr(event, field) for field in event.__slots__]
        return _OTHER + sum([_bytes(value) for value in values if isinstance(value, str)])
    lead = _bytes(event.name) + len("[] \n")
    return _bytes(event.text) + (event.text.count("\n") + 1) * lead


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)
