"""What was said: the last lines of each room, in bounded memory that all addresses share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge, nsmallest
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

from twisted_chat.events import Emoted, Said
from twisted_chat.journal.ranking import Ranking
from twisted_chat.journal.store import IStore, Line
from twisted_chat.limits import HISTORY, HISTORY_BYTES, HISTORY_OVERHEAD, HISTORY_SHARE

_Record = tuple[int, float, Said | Emoted, int, int]
"""A Line's number, time and event, how many lines it holds and how many bytes it takes; a bare
tuple, which is made in a tenth of the time.
"""

_GONE: deque[_Record] = deque()

_number_of = itemgetter(0)
_lines_of = attrgetter("lines")


class _Holder:
    """What one address holds of all that is kept."""

    __slots__ = ("claimed", "shares", "size")

    def __init__(self) -> None:
        self.size = 0
        """Bytes."""
        self.claimed = 0
        """The size by which the ranking of all holders has it: never less than `size`."""
        self.shares = Ranking(_Share.rank)
        """What it said in each room; the one with the oldest record is first."""

    def rank(self) -> tuple[int, int] | None:
        """Return its rank among all holders: the one that holds most is first, and of several the
        one with the oldest record.
        """
        self.claimed = self.size  # The ranking asks for a rank to take it over.
        first = self.shares.first()
        return None if first is None else (-self.size, first.records[0][0])


class _Share:
    """What one address said in one room, the oldest record first. Never empty while it is kept."""

    __slots__ = ("holder", "lines", "origin", "records", "room")

    def __init__(self, holder: _Holder, room: str, origin: str, record: _Record) -> None:
        self.holder = holder
        self.room = room
        self.origin = origin
        self.lines = 0
        """A record may hold several."""
        self.records = deque([record])

    def rank(self) -> int | None:
        """Return the number of its oldest record; None: it is gone."""
        return self.records[0][0] if self.records else None


class _Shelf:
    """The lines of one room."""

    __slots__ = ("lines", "shares")

    def __init__(self) -> None:
        self.lines = 0
        self.shares: dict[str, _Share] = {}
        """By origin."""


class Lines(Sequence[tuple[float, Said | Emoted]]):
    """The last `count` lines of `records`, of which the newest is first: their times, and one line
    in each, the oldest first. Only those are made that are looked at, from the last on.
    """

    def __init__(self, records: Sequence[_Record], count: int) -> None:
        self._records = records
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __reversed__(self) -> Iterator[tuple[float, Said | Emoted]]:
        lines = (
            (time, type(event)(event.name, text))
            for _, time, event, _, _ in self._records
            for text in reversed(event.text.split("\n"))
        )
        return islice(lines, self._count)

    def __iter__(self) -> Iterator[tuple[float, Said | Emoted]]:
        return reversed([*reversed(self)])

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


class History:
    """The last `most` lines of each room, and of all rooms together at most `size` bytes.

    Past `most`, the oldest line goes of the origin that has said most of the room's lines; past
    `size`, the oldest record of the origin that takes most bytes, whatever room it is of. Of
    several that have as much, the one with the oldest record gives. So an origin loses nothing to
    others that hold more, and where there is only one, all goes by age. What is kept and what goes
    is told to `store`.
    """

    def __init__(self, store: IStore, most: int = HISTORY, size: int = HISTORY_BYTES) -> None:
        self._store = store
        self._lasting = store.lasting
        self._most = most
        # Some more are let gather, and go together before anybody looks: nobody can tell, and one
        # by one costs twice as much.
        self._full = most + most // 8
        self._limit = size
        self._size = 0
        self._number = 0
        self._shelves: dict[str, _Shelf] = {}
        self._holders: dict[str, _Holder] = {}
        self._fullest = Ranking(_Holder.rank)

    def add(self, room: str, time: float, event: Said | Emoted, origin: str) -> None:
        """Keep `event`, which somebody from `origin` said in `room` at `time` (Unix time)."""
        if self._most:
            self._number = number = self._number + 1
            # First: if it is larger than all that may be kept, it is dropped again.
            if self._lasting:
                self._store.add(room, Line(number, time, event, origin))
            self._put(room, number, time, event, origin)

    def load(self, lines: dict[str, list[Line]]) -> None:
        """Take over what was kept before."""
        # In the order in which they came, so that where less is kept than before the oldest go.
        everything = [(line.number, room, line) for room, kept in lines.items() for line in kept]
        everything.sort(key=_number_of)
        if not self._most:
            self._number = everything[-1][0] if everything else 0
            self._store.drop([number for number, _, _ in everything])
            return
        for number, room, line in everything:
            self._number = number
            self._put(room, number, line.time, line.event, line.origin)

    def last(self, room: str, count: int) -> Lines:
        """The last `count` lines of `room`, as they are now."""
        shelf = self._shelves.get(room)
        if shelf is None:
            return Lines([], 0)
        if shelf.lines > self._most:
            self._trim(shelf)
        count = max(0, min(count, shelf.lines))
        newest_first = (reversed(share.records) for share in shelf.shares.values())
        records = islice(merge(*newest_first, key=_number_of, reverse=True), count)
        return Lines([*records], count)

    def forget(self, room: str) -> None:
        """Keep nothing of `room`."""
        shelf = self._shelves.get(room)
        if shelf is not None:
            gone: list[int] = []
            for share in [*shelf.shares.values()]:
                self._shorten(shelf, share, share.lines, gone)
            self._store.drop(gone)

    def _put(self, room: str, number: int, time: float, event: Said | Emoted, origin: str) -> None:
        shelf = self._shelves.get(room)
        if shelf is None:
            shelf = self._shelves[room] = _Shelf()
        text = event.text
        lines = 1 + text.count("\n")
        # As _size_of has it.
        size = HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))
        record = number, time, event, lines, size
        share = shelf.shares.get(origin)
        if share is None:
            share = self._begin(shelf, room, origin, record)
        else:
            share.records.append(record)
        share.lines += lines
        shelf.lines = count = shelf.lines + lines
        self._size += size
        holder = share.holder
        holder.size = held = holder.size + size
        if held > holder.claimed:
            # Somewhat more, so that this is rare.
            holder.claimed = held + held // 8
            self._fullest.put(holder, (-holder.claimed, -number))
        if count > self._full:
            self._trim(shelf)
        if self._size > self._limit:
            self._evict()

    def _begin(self, shelf: _Shelf, room: str, origin: str, record: _Record) -> _Share:
        """Return the new share of `origin` in `shelf`, which holds its first record."""
        holder = self._holders.get(origin)
        if holder is None:
            holder = self._holders[origin] = _Holder()
        share = shelf.shares[origin] = _Share(holder, room, origin, record)
        holder.shares.put(share, record[0])
        holder.size += HISTORY_SHARE
        self._size += HISTORY_SHARE
        return share

    def _trim(self, shelf: _Shelf) -> None:
        """Let go what is more than may be kept of a room: as if one line went after the other, the
        oldest of the origin that has most.
        """
        shares = sorted(shelf.shares.values(), key=_lines_of, reverse=True)
        # Some of the first ones are cut to `level` lines together, and of those some by one more.
        over = shelf.lines - self._most
        level = shares[0].lines
        highest = 0
        for share in (*shares, None):
            step = level - (share.lines if share else 0)
            if step * highest >= over:
                break
            over -= step * highest
            level -= step
            highest += 1
        each, rest = divmod(over, highest)
        level -= each
        gone: list[int] = []
        del shares[highest:]
        for share in shares:
            self._shorten(shelf, share, share.lines - level, gone)
        if rest:
            for share in nsmallest(rest, shares, key=lambda share: share.records[0][0]):
                self._shorten(shelf, share, 1, gone)
        self._store.drop(gone)

    def _evict(self) -> None:
        """Let the oldest records of the holders that hold most go, until all fits."""
        gone: list[int] = []
        while self._size > self._limit:
            holder = self._fullest.first()
            share = holder and holder.shares.first()
            assert share  # Something is kept.
            self._shorten(self._shelves[share.room], share, share.records[0][3], gone)
        self._store.drop(gone)

    def _shorten(self, shelf: _Shelf, share: _Share, count: int, gone: list[int]) -> None:
        """Let the first `count` lines of `share` go. The numbers of records that go whole are added
        to `gone`. Of one that is cut the store keeps all: at the next start it is cut again.
        """
        records = share.records
        share.lines -= count
        shelf.lines -= count
        size = 0
        while count:
            number, time, event, lines, its_size = records[0]
            if lines <= count:
                records.popleft()
                gone.append(number)
                size += its_size
                count -= lines
            else:
                text = event.text.split("\n", count)[count]
                new_size = _size_of(text)
                event = type(event)(event.name, text)
                records[0] = number, time, event, lines - count, new_size
                size += its_size - new_size
                break
        if not records:
            share.records = _GONE  # A ranking may have it for a while.
            size += HISTORY_SHARE
            del shelf.shares[share.origin]
            if not shelf.shares:
                del self._shelves[share.room]
        self._size -= size
        holder = share.holder
        holder.size -= size
        if not holder.size:
            del self._holders[share.origin]


def _size_of(text: str) -> int:
    """Return the bytes that a record of `text` takes at most."""
    return HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))
