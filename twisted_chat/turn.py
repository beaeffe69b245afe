"""What one turn of the reactor delivers, to whom and in which order."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from heapq import heapify, heappop, heappush
from itertools import accumulate, compress, repeat

from twisted_chat.events import RECORDED, Event, RoomEvent
from twisted_chat.interfaces import IDialect
from twisted_chat.members import Member, Room

_RECORDED = frozenset(RECORDED)


class _Stream:
    """The events of one room, in order, and what they look like."""

    __slots__ = ("events", "pieces", "places", "rendered", "room", "skipped")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.events: list[RoomEvent] = []
        self.pieces: dict[IDialect, list[bytes]] = {dialect: [] for dialect in room.dialects}
        """Each event alone, by the dialects that members of the room read."""
        self.rendered: dict[IDialect, tuple[bytes, memoryview, list[int]]] = {}
        self.places: list[int] | None = [] if room.overlaps else None
        """The place of each event in the turn. None: no member is in another room too."""
        self.skipped: defaultdict[Member, list[int]] = defaultdict(list)
        """For members that are in this room alone and get all its events but some: the indexes of
        those.
        """

    def add(self, event: RoomEvent) -> int:
        """Append `event`. Return the bytes that a reader of it gets at most."""
        self.events.append(event)
        most = 0
        for dialect, pieces in self.pieces.items():
            try:
                piece = dialect.render(event, self.room.name)
            except Exception:
                # The delivery tries again. If that fails too, its readers are found dead.
                self.pieces = {d: p for d, p in self.pieces.items() if d is not dialect}
                continue
            pieces.append(piece)
            if len(piece) > most:
                most = len(piece)
        return most

    def write_in(self, dialect: IDialect) -> list[bytes]:
        """Return each event alone in `dialect`. Events that come later are written in it too."""
        pieces = self.pieces.get(dialect)
        if pieces is None:
            pieces = list(map(dialect.render, self.events, repeat(self.room.name)))
            self.pieces[dialect] = pieces
        return pieces

    def render(self, dialect: IDialect) -> tuple[bytes, memoryview, list[int]]:
        """Return all events in `dialect`, the same bytes to cut from, and where each event begins.
        No event may come after that.
        """
        rendered = self.rendered.get(dialect)
        if rendered is None:
            pieces = self.write_in(dialect)
            data = b"".join(pieces)
            offsets = list(accumulate(map(len, pieces), initial=0))
            rendered = self.rendered[dialect] = data, memoryview(data), offsets
        return rendered

    def keep_places(self) -> None:
        """Keep the places of events from here on: a member begins to read this room together with
        others.
        """
        if self.places is None:
            self.places = [-1] * len(self.events)  # That member gets none of these.


_View = _Stream | frozenset[Room]
"""What a member reads: the stream of its only room, or the merged streams of all its rooms. A
position is an index in the first, and a place in the turn in the second.
"""


class _Merged:
    """The events of several rooms in one dialect, in the order of the turn.

    `merged[place]` is the offset in `data` of the first event that has this place or a later one.

    They are joined from runs; a run is consecutive events of one room. So a busy room and a quiet
    one cost as much as the quiet one has events.
    """

    __slots__ = ("cuttable", "data", "runs", "starts")

    def __init__(self) -> None:
        self.data = b""
        self.cuttable = memoryview(b"")
        self.starts: list[int] = []
        """The place of each run's first event."""
        self.runs: list[tuple[list[int], list[int], int, int, int]] = []
        """The places and offsets of each run's stream, where the run begins in it, where it ends,
        and what to add to an offset of the stream to have one in `data`.
        """

    def __getitem__(self, place: int) -> int:
        # If a run begins at `place`, this is the run before it, which ends there.
        number = bisect_left(self.starts, place) - 1
        if number < 0:
            return 0
        places, offsets, first, end, shift = self.runs[number]
        return offsets[bisect_left(places, place, first, end)] + shift


class _Copy:
    """What one member gets of a turn that differs from what all others with its view get.

    `parts` holds, in order, what this member alone gets, and ranges (view, first, end, skipped) of
    what all with that view get, except the events at the positions `skipped`. From the position
    `start` on, the member gets all that comes in `view`, except `skipped`.
    """

    __slots__ = ("parts", "skipped", "start", "view")

    def __init__(self, view: _View) -> None:
        self.parts: list[bytes | Event | tuple[_View, int, int, list[int]]] = []
        self.view = view
        self.start = 0
        self.skipped: list[int] = []

    def take(self, place: int) -> None:
        """Add all events of the view so far. `place`: the place of the next event of the turn."""
        view = self.view
        end = len(view.events) if isinstance(view, _Stream) else place
        if self.start < end:
            self.parts.append((view, self.start, end, self.skipped))
            self.skipped = []
        self.start = end

    def skip(self, stream: _Stream, place: int) -> None:
        """Leave out the next event of `stream`, which has `place`, if it is in the view."""
        view = self.view
        if view is stream:
            self.skipped.append(len(stream.events))
        elif not isinstance(view, _Stream) and stream.room in view:
            self.skipped.append(place)


class Turn:
    """Events in order, each with the audience that it had when it was applied.

    All members of a room that no event singles out share one `bytes`. The copies of the others are
    cut from it by offsets: so a turn in which everybody speaks stays linear in its events and its
    bytes. Rooms in which nothing happens cost nothing.

    Members of the same several rooms share one `bytes` too: the events of those rooms, merged in
    the order in which they were published.

    An event is rendered when it is published, in every dialect that members of its room read. So it
    is known how large the turn is.
    """

    def __init__(self) -> None:
        self.size = 0
        """The bytes that a member would get that is in all rooms and is told everything."""
        self._place = 0
        """The place of the next event that gets one."""
        self._streams: dict[Room, _Stream] = {}
        self._copies: dict[Member, _Copy] = {}
        self._forgotten: dict[Member, None] = {}
        self._shared: dict[int, Sequence[Room]] = {}
        """The rooms of each event of several rooms, by its place."""
        self._merged: dict[tuple[frozenset[Room], IDialect], _Merged] = {}

    def publish(
        self, room: Room, event: RoomEvent, but: Member | None = None, deaf: Collection[Member] = ()
    ) -> None:
        """Put `event` for all members that are in `room` at this moment, except `but` and the
        `deaf` ones.
        """
        stream = self._streams.get(room) or self._stream(room)
        if but is not None:
            if but.rooms is room.alone and but not in self._copies:
                stream.skipped[but].append(len(stream.events))
            else:
                self._copy(but).skip(stream, self._place)
        for member in deaf:
            # A member that is not in the room does not hear it anyway.
            if room in member.rooms:
                self._copy(member).skip(stream, self._place)
        if stream.places is not None:
            stream.places.append(self._place)
            self._place += 1
        self.size += stream.add(event)

    def publish_all(
        self,
        rooms: Sequence[Room],
        event: RoomEvent,
        but: Member | None = None,
        deaf: Collection[Member] = (),
    ) -> None:
        """Do the same for an event of several rooms. A member that is in several of them reads it
        once, as an event of the first of these.
        """
        place = self._place
        if len(rooms) > 1:
            self._shared[place] = rooms
        for room in rooms:
            self._place = place
            self.publish(room, event, but, deaf)
        self._place = place + 1

    def tell(self, member: Member, *events: Event) -> None:
        """Put `events` for `member` alone, which may be in no room."""
        copy = self._copy(member)
        copy.take(self._place)
        for event in events:
            try:
                piece = member.dialect.render_to(event, member)
            except Exception:
                copy.parts.append(event)  # That fails again in the delivery.
                continue
            copy.parts.append(piece)
            self.size += len(piece)

    def begin(self, member: Member, room: Room) -> None:
        """Let `member` get what comes in `room` from here on, and nothing that was there before.

        Call this just before or just after `room` comes into `member.rooms`, and nothing else.
        """
        others = [each for each in member.rooms if each is not room]
        rooms = [*others, room]
        self._move(member, others, rooms)
        with suppress(Exception):  # That fails again in the delivery.
            self._stream(room).write_in(member.dialect)
        if others:
            for each in rooms:
                each.overlaps = True
                if stream := self._streams.get(each):
                    stream.keep_places()

    def end(self, member: Member, room: Room) -> None:
        """Let `member` get what was in `room` up to here, and nothing that comes later.

        Call this just before or just after `room` goes out of `member.rooms`, and nothing else.
        """
        others = [each for each in member.rooms if each is not room]
        self._move(member, [*others, room], others)

    def end_all(self, member: Member) -> None:
        """Do the same for all rooms of `member`. Call this just before it has left them."""
        self._move(member, member.rooms, ())

    def forget(self, member: Member) -> None:
        """Let `member` get nothing of this turn, also of what is put for it later."""
        self._forgotten[member] = None

    def deliver(self, failed: Callable[[Member], None]) -> None:
        """Write to each member what it gets. If that raises, `failed(member)` is called in the
        handler: the broken outbox or dialect of one member is never the others' trouble.
        """
        copies = self._copies
        for member in self._forgotten:
            copies[member] = _Copy(frozenset())
        several: dict[Member, frozenset[Room]] = {}
        for room, stream in self._streams.items():
            if not stream.events:
                continue
            skipped = stream.skipped
            dialect: IDialect | None = None
            shared = b""
            # A copy: members that are found dead leave during the loop.
            members = self._part(room, several) if room.overlaps else list(room.members)
            for member in members:
                if member in skipped or member in copies:
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
            end = len(stream.events)
            for member, indexes in skipped.items():
                if member in copies:
                    continue
                try:
                    _, data, offsets = stream.render(member.dialect)
                    if pieces := _cut(data, offsets, 0, end, indexes):
                        member.outbox.write_pieces(pieces)
                except Exception:
                    failed(member)
        for member, rooms in several.items():
            if member in copies:
                continue
            try:
                if shared := self._merge(rooms, member.dialect).data:
                    member.outbox.write(shared)
            except Exception:
                failed(member)
        for member, copy in copies.items():
            try:
                if parts := self._parts(copy, member):
                    member.outbox.write_pieces(parts)
            except Exception:
                failed(member)

    def transcript(self, dialect: IDialect) -> bytes:
        """Return all published events that a transcript records, room by room. Each line has the
        lead of its room. An event of several rooms stands in each.
        """
        lines = []
        for room, stream in self._streams.items():
            data = stream.render(dialect)[0]
            if not _RECORDED.issuperset(map(type, stream.events)):
                recorded = [type(event) in _RECORDED for event in stream.events]
                data = b"".join(compress(stream.write_in(dialect), recorded))
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
        """Return what a member reads that is in all of `rooms`."""
        if len(rooms) == 1:
            (room,) = rooms
            return self._stream(room)
        return frozenset(rooms)

    def _copy(self, member: Member, rooms: Collection[Room] | None = None) -> _Copy:
        """Return the copy of `member`, which is in `rooms`; None: in `member.rooms`."""
        copy = self._copies.get(member)
        if copy is None:
            view = self._view(member.rooms if rooms is None else rooms)
            copy = self._copies[member] = _Copy(view)
            if isinstance(view, _Stream):
                copy.skipped = view.skipped.pop(member, copy.skipped)
        return copy

    def _move(self, member: Member, before: Collection[Room], after: Collection[Room]) -> None:
        """Let `member` read the rooms `after` from here on, and those of `before` no more."""
        copy = self._copy(member, before)
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
                # Only those rooms in which something happened: more members share these.
                several[member] = frozenset(self._streams.keys() & member.rooms.keys())
        room.overlaps = len(alone) < len(room.members)
        return alone

    # What it looks like.

    def _merge(self, rooms: frozenset[Room], dialect: IDialect) -> _Merged:
        """Return the events of `rooms` in `dialect`. The same rooms are merged only once."""
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
            places = stream.places or []
            end = first + 1
            its_rooms = self._shared.get(place)
            # An event of several rooms stands in the stream of each.
            if its_rooms is None or stream.room is next(r for r in its_rooms if r in rooms):
                end = bisect_left(places, heads[0][0], end) if heads else len(places)
                data, _, offsets = stream.render(dialect)
                merged.starts.append(place)
                merged.runs.append((places, offsets, first, end, size - offsets[first]))
                pieces.append(data[offsets[first] : offsets[end]])
                size += offsets[end] - offsets[first]
            if end < len(places):
                heappush(heads, (places[end], n, end))
        merged.data = b"".join(pieces)
        merged.cuttable = memoryview(merged.data)
        return merged

    def _parts(self, copy: _Copy, member: Member) -> list[bytes | memoryview]:
        """Return what `member` gets by its `copy`, in pieces."""
        copy.take(self._place)
        dialect = member.dialect
        pieces: list[bytes | memoryview] = []
        for part in copy.parts:
            if isinstance(part, bytes):
                if part:  # Otherwise the dialect does not show it.
                    pieces.append(part)
            elif isinstance(part, tuple):
                view, first, end, skipped = part
                if isinstance(view, _Stream):
                    _, data, offsets = view.render(dialect)
                    pieces += _cut(data, offsets, first, end, skipped)
                else:
                    merged = self._merge(view, dialect)
                    pieces += _cut(merged.cuttable, merged, first, end, skipped)
            else:
                pieces.append(dialect.render_to(part, member))
        return pieces


def _cut(
    data: memoryview, offsets: list[int] | _Merged, first: int, end: int, skipped: Iterable[int]
) -> list[memoryview]:
    """Return `data` from the position `first` up to `end` in pieces, without the events at the
    positions `skipped`, which stand in order. No piece is empty.
    """
    pieces = []
    start = offsets[first]
    for position in skipped:
        if piece := data[start : offsets[position]]:
            pieces.append(piece)
        start = offsets[position + 1]
    if piece := data[start : offsets[end]]:
        pieces.append(piece)
    return pieces
