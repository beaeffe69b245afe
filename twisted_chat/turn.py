"""What one turn of the reactor delivers, to whom and in which order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate, compress, repeat

from twisted_chat.events import RECORDED, Emoted, Event, RoomEvent, Said
from twisted_chat.interfaces import IDialect
from twisted_chat.members import Member, Room

_WORDS = (Said, Emoted)
_RECORDED = frozenset(RECORDED)
_LEAD = len("[] \n")
"""Bytes of a line that somebody said, besides name and text."""

_OTHER = 60
"""Bytes of any other event at most, besides the texts in it."""


class _Stream:
    """The events of one room, in their order, and the place of each in the turn."""

    __slots__ = ("events", "places", "rendered", "room")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.events: list[RoomEvent] = []
        self.places: list[int] = []
        self.rendered: dict[IDialect, tuple[bytes, list[int], list[bytes]]] = {}

    def render(self, dialect: IDialect) -> tuple[bytes, list[int], list[bytes]]:
        """Return all events in `dialect`, where each begins, and each alone. They are rendered
        once, however often this is called.
        """
        if dialect not in self.rendered:
            pieces = list(map(dialect.render, self.events, repeat(self.room.name)))
            self.rendered[dialect] = b"".join(pieces), _offsets(pieces), pieces
        return self.rendered[dialect]


_View = _Stream | frozenset[Room]
"""What a member reads: the stream of its one room, or the streams of all its rooms, merged. A
position in the first is an index; in the second it is a place in the turn.
"""


class _Merged:
    """The events of several rooms in one dialect, in the order of the turn.

    They are put together of runs, each of consecutive events of one room: a busy room and a quiet
    one cost as much as the quiet one has events.
    """

    __slots__ = ("data", "runs", "starts")

    def __init__(self) -> None:
        self.data = b""
        self.starts: list[int] = []
        """The place of each run's first event."""
        self.runs: list[tuple[_Stream, list[int], int, int, int]] = []
        """The stream of each run, its offsets, where the run begins in it, where it ends, and what
        to add to an offset of the stream to have one in `data`.
        """

    def offset(self, place: int) -> int:
        """Return where in `data` the first event begins that has `place` or a later one."""
        # For the place where a run begins this is the run before, which ends there.
        number = bisect_left(self.starts, place) - 1
        if number < 0:
            return 0
        stream, offsets, first, end, shift = self.runs[number]
        return offsets[bisect_left(stream.places, place, first, end)] + shift


class _Copy:
    """What one member that some event singles out gets of a turn.

    `parts` holds, in order, the events that this member alone gets and ranges (view, first, end) of
    the events that all with that view get. The member gets all that comes in `view` from the
    position `start` on.
    """

    __slots__ = ("parts", "start", "view")

    def __init__(self, view: _View) -> None:
        self.parts: list[Event | tuple[_View, int, int]] = []
        self.view = view
        self.start = 0

    def take(self, place: int) -> None:
        """Get all events of the view so far. `place`: that of the turn's next event."""
        view = self.view
        end = len(view.events) if isinstance(view, _Stream) else place
        if self.start < end:
            self.parts.append((view, self.start, end))
        self.start = end

    def skip(self, stream: _Stream, place: int) -> None:
        """Get all but the next event of `stream`, which has `place`, if it is in the view."""
        view = self.view
        if view is stream:
            end = len(stream.events)
        elif not isinstance(view, _Stream) and stream.room in view:
            end = place
        else:
            return
        if self.start < end:
            self.parts.append((view, self.start, end))
        self.start = end + 1


class Turn:
    """Events in their order, each with the audience it had when it was applied.

    All members of a room that no event singles out share one `bytes`; the others' copies are cut
    from it by offsets, so that a turn in which everybody speaks stays linear in its events and its
    bytes. Rooms in which nothing happens cost nothing.

    All members of the same several rooms share one `bytes` as well: the events of those rooms,
    merged in the order in which they were published.
    """

    def __init__(self) -> None:
        self.size = 0
        """Bytes of all events at most, each counted once in each of its rooms."""
        self._place = 0
        """Where in the turn the next event will stand."""
        self._streams: dict[Room, _Stream] = {}
        self._copies: dict[Member, _Copy] = {}
        self._forgotten: dict[Member, None] = {}
        self._shared: dict[int, Sequence[Room]] = {}
        """The rooms of each event that has several, by its place."""
        self._merged: dict[tuple[frozenset[Room], IDialect], _Merged] = {}

    def publish(
        self, room: Room, event: RoomEvent, but: Member | None = None, deaf: Collection[Member] = ()
    ) -> None:
        """Put `event` for all members that are in `room` now, `but` and the `deaf` ones apart."""
        stream = self._streams.get(room) or self._stream(room)
        place = self._place
        if but is not None:
            (self._copies.get(but) or self._copy(but)).skip(stream, place)
        for member in deaf:
            # A member that is not in the room does not hear it anyway.
            if room in member.rooms:
                self._copy(member).skip(stream, place)
        stream.events.append(event)
        stream.places.append(place)
        self._place = place + 1
        self.size += _weigh(event)

    def publish_all(
        self,
        rooms: Sequence[Room],
        event: RoomEvent,
        but: Member | None = None,
        deaf: Collection[Member] = (),
    ) -> None:
        """The same for an event of several rooms. A member that is in some of them reads it once,
        as an event of the first of these.
        """
        place = self._place
        if len(rooms) > 1:
            self._shared[place] = rooms
        for room in rooms:
            self._place = place
            self.publish(room, event, but, deaf)

    def tell(self, member: Member, *events: Event) -> None:
        """Put `events` for `member` alone, which may be in no room."""
        copy = self._copy(member)
        copy.take(self._place)
        copy.parts += events
        self.size += sum(map(_weigh, events))

    def begin(self, member: Member, room: Room) -> None:
        """`member` gets what comes in `room` from here on, and nothing that was there before.

        Call it just before or just after `member.rooms` has got `room`, and nothing else.
        """
        others = [each for each in member.rooms if each is not room]
        rooms = [*others, room]
        self._move(member, others, rooms)
        if others:
            for each in rooms:
                each.overlaps = True

    def end(self, member: Member, room: Room) -> None:
        """`member` gets what was in `room` up to here, and nothing that comes.

        Call it just before or just after `member.rooms` has lost `room`, and nothing else.
        """
        others = [each for each in member.rooms if each is not room]
        self._move(member, [*others, room], others)

    def end_all(self, member: Member) -> None:
        """The same for all its rooms. Call it just before it has none any more."""
        self._move(member, member.rooms, ())

    def forget(self, member: Member) -> None:
        """`member` gets nothing at all of this turn, whatever else is put for it."""
        self._forgotten[member] = None

    def deliver(self, failed: Callable[[Member], None]) -> None:
        """Write to each member what it gets. Where that raises, `failed(member)` is called in the
        handler: one member's broken way out or dialect is never the others' trouble.
        """
        copies = self._copies
        for member in self._forgotten:
            copies[member] = _Copy(frozenset())
        several: dict[Member, frozenset[Room]] = {}
        for room, stream in self._streams.items():
            if not stream.events:
                continue
            dialect: IDialect | None = None
            shared = b""
            # A copy: members that are found dead leave during the loop.
            members = self._part(room, several) if room.overlaps else list(room.members)
            for member in members:
                if member in copies:
                    continue
                try:
                    if member.dialect is not dialect:
                        dialect = None
                        shared = stream.render(member.dialect)[0]
                        if not shared:
                            continue
                        dialect = member.dialect
                    member.outbox.write(shared)
                except Exception:
                    failed(member)
        for member, rooms in several.items():
            if member in copies:
                continue
            try:
                if data := self._merge(rooms, member.dialect).data:
                    member.outbox.write(data)
            except Exception:
                failed(member)
        for member, copy in copies.items():
            try:
                if pieces := self._cut(copy, member):
                    member.outbox.write_pieces(pieces)
            except Exception:
                failed(member)

    def transcript(self, dialect: IDialect) -> bytes:
        """Return all published events that a transcript records, room by room, each line with its
        room's lead. An event of several rooms stands in each.
        """
        lines = []
        for room, stream in self._streams.items():
            data, _, pieces = stream.render(dialect)
            if not _RECORDED.issuperset(map(type, stream.events)):
                recorded = [type(event) in _RECORDED for event in stream.events]
                data = b"".join(compress(pieces, recorded))
            if lead := room.lead.encode():
                data = b"".join(lead + line for line in data.splitlines(keepends=True))
            lines.append(data)
        return b"".join(lines)

    # Who reads what.

    def _stream(self, room: Room) -> _Stream:
        stream = self._streams.get(room)
        if stream is None:
            stream = self._streams[room] = _Stream(room)
        return stream

    def _view(self, rooms: Collection[Room]) -> _View:
        """What a member reads that is in all of `rooms`."""
        if len(rooms) == 1:
            (room,) = rooms
            return self._stream(room)
        return frozenset(rooms)

    def _copy(self, member: Member) -> _Copy:
        copy = self._copies.get(member)
        if copy is None:
            copy = self._copies[member] = _Copy(self._view(member.rooms))
        return copy

    def _move(self, member: Member, before: Collection[Room], after: Collection[Room]) -> None:
        """From here on `member` reads the rooms `after`, and no more those of `before`."""
        copy = self._copies.get(member)
        if copy is None:
            copy = self._copies[member] = _Copy(self._view(before))
        copy.take(self._place)
        copy.view = view = self._view(after)
        copy.start = len(view.events) if isinstance(view, _Stream) else self._place

    def _part(self, room: Room, several: dict[Member, frozenset[Room]]) -> list[Member]:
        """Return the members of `room` that are in no other room. Put the others into `several`."""
        alone = []
        for member in room.members:
            if member in several:
                continue
            if len(member.rooms) == 1:
                alone.append(member)
            else:
                # Of its rooms, those in which something happened: more members share these.
                several[member] = frozenset(self._streams.keys() & member.rooms.keys())
        room.overlaps = len(alone) < len(room.members)
        return alone

    # What it looks like.

    def _merge(self, rooms: frozenset[Room], dialect: IDialect) -> _Merged:
        """Return the events of `rooms` in `dialect`; the same rooms are merged once."""
        merged = self._merged.get((rooms, dialect))
        if merged is None:
            busy = frozenset(rooms & self._streams.keys())
            merged = self._weave(rooms, dialect) if busy == rooms else self._merge(busy, dialect)
            self._merged[rooms, dialect] = merged
        return merged

    def _weave(self, rooms: frozenset[Room], dialect: IDialect) -> _Merged:
        """Put the events of `rooms` together, run by run."""
        merged = _Merged()
        streams = [self._streams[room] for room in rooms]
        heads = [(stream.places[0], n, 0) for n, stream in enumerate(streams) if stream.places]
        heapify(heads)
        pieces: list[bytes] = []
        size = 0
        while heads:
            place, n, first = heappop(heads)
            stream = streams[n]
            places = stream.places
            end = first + 1
            its_rooms = self._shared.get(place)
            # An event of several rooms stands in the stream of each.
            if its_rooms is None or stream.room is next(r for r in its_rooms if r in rooms):
                end = bisect_left(places, heads[0][0], end) if heads else len(places)
                data, offsets, _ = stream.render(dialect)
                merged.starts.append(place)
                merged.runs.append((stream, offsets, first, end, size - offsets[first]))
                pieces.append(data[offsets[first] : offsets[end]])
                size += offsets[end] - offsets[first]
            if end < len(places):
                heappush(heads, (places[end], n, end))
        merged.data = b"".join(pieces)
        return merged

    def _cut(self, copy: _Copy, member: Member) -> list[bytes | memoryview]:
        """Return what `member` with `copy` gets, in pieces."""
        copy.take(self._place)
        dialect = member.dialect
        pieces: list[bytes | memoryview] = []
        latest: _View | None = None
        for part in copy.parts:
            piece: bytes | memoryview
            if not isinstance(part, tuple):
                piece = dialect.render_to(part, member)
            else:
                view, first, end = part
                if view is not latest:
                    latest = view
                    if isinstance(view, _Stream):
                        merged = None
                        data, offsets, _ = view.render(dialect)
                    else:
                        merged = self._merge(view, dialect)
                        data = merged.data
                    cuttable = memoryview(data)
                if merged is None:
                    piece = cuttable[offsets[first] : offsets[end]]
                else:
                    piece = cuttable[merged.offset(first) : merged.offset(end)]
            # Empty: the dialect does not show it, or all that happened was in other rooms.
            if piece:
                pieces.append(piece)
        return pieces


def _offsets(pieces: list[bytes]) -> list[int]:
    """Where each of `pieces` begins when they are joined, and where the last one ends."""
    return list(accumulate(map(len, pieces), initial=0))


def _weigh(event: Event) -> int:
    """Bytes of `event` as lines, at most; it is quicker than to render it."""
    if not isinstance(event, _WORDS):
        values = [getattr(event, field) for field in event.__slots__]
        return _OTHER + sum([_bytes(value) for value in values if isinstance(value, str)])
    return _bytes(event.text) + (event.text.count("\n") + 1) * (_bytes(event.name) + _LEAD)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)
