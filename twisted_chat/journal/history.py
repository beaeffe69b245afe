"""What was said: the last lines of each room, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from operator import itemgetter
from typing import Any

from twisted_chat.events import Emoted, Said
from twisted_chat.journal.store import IStore, Line
from twisted_chat.limits import HISTORY, HISTORY_BYTES, HISTORY_OVERHEAD

_Record = tuple[int, float, Said | Emoted, int, int]
"""A Line's fields, how many lines it holds and how many bytes it takes; a bare tuple, which is made
in a tenth of the time."""

_Age = tuple[bool, int, str]
"""Whether a room is occupied, the number of its oldest line, its name: the least goes first."""


class _Shelf:
    """The lines of one room, the oldest first."""

    __slots__ = ("age", "count", "occupied", "records")

    def __init__(self) -> None:
        self.records: deque[_Record] = deque()
        self.count = 0
        """Lines in it; a record may hold several."""
        self.occupied = True
        self.age: _Age | None = None
        """Its entry in the heap."""


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

    Past that the oldest lines go first, those of empty rooms before others. What is kept and what
    goes is told to `store`.
    """

    def __init__(self, store: IStore, most: int = HISTORY, size: int = HISTORY_BYTES) -> None:
        self._store = store
        self._lasting = store.lasting
        self._most = most
        # Some more are let gather, and go together: one by one costs twice as much.
        self._full = most + most // 8
        self._limit = size
        self._size = 0
        self._number = 0
        self._shelves: dict[str, _Shelf] = {}
        self._ages: list[_Age] = []

    def add(self, room: str, time: float, event: Said | Emoted) -> None:
        """Keep `event`, which came at `time` (Unix time)."""
        if self._most:
            self._number = number = self._number + 1
            # First: if it is larger than all that may be kept, it is dropped again.
            if self._lasting:
                self._store.add(room, Line(number, time, event))
            self._put(room, number, time, event)

    def load(self, lines: dict[str, list[Line]]) -> None:
        """Take over what was kept before. All these rooms are empty."""
        # In the order in which they came, so that where less is kept than before the oldest go.
        everything = [(line.number, room, line) for room, kept in lines.items() for line in kept]
        if not self._most:
            self._number = max((line[0] for line in everything), default=0)
            for room, kept in lines.items():
                self._store.drop(room, kept[-1].number)
            return
        for number, room, line in sorted(everything, key=itemgetter(0)):
            self._number = number
            self._put(room, number, line.time, line.event)
            self.occupy(room, False)

    def last(self, room: str, count: int) -> Lines:
        """The last `count` lines of `room`, as they are now."""
        shelf = self._shelves.get(room)
        count = 0 if shelf is None else max(0, min(count, self._most, shelf.count))
        return Lines([] if shelf is None else [*islice(reversed(shelf.records), count)], count)

    def occupy(self, room: str, occupied: bool) -> None:
        """Somebody is in `room` again, or nobody any more."""
        shelf = self._shelves.get(room)
        if shelf is not None and shelf.occupied != occupied:
            shelf.occupied = occupied
            self._enter_age(room, shelf)

    def forget(self, room: str) -> None:
        """Keep nothing of `room`."""
        shelf = self._shelves.get(room)
        if shelf is not None:
            self._store.drop(room, shelf.records[-1][0])
            while shelf.records:
                self._discard_oldest(shelf)
            del self._shelves[room]

    def _put(self, room: str, number: int, time: float, event: Said | Emoted) -> None:
        shelf = self._shelves.get(room)
        if shelf is None:
            shelf = self._shelves[room] = _Shelf()
        text = event.text
        lines = 1 + text.count("\n")
        size = HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))
        shelf.records.append((number, time, event, lines, size))
        shelf.count = count = shelf.count + lines
        self._size += size
        if shelf.age is None:
            self._enter_age(room, shelf)
        if count > self._full:
            self._trim(room, shelf)
        while self._size > self._limit and self._ages:
            self._evict()

    def _trim(self, room: str, shelf: _Shelf) -> None:
        """Let what is no more among the last lines go; a record that holds some stays whole."""
        number = 0
        while shelf.count - shelf.records[0][3] >= self._most:
            number = self._discard_oldest(shelf)
        if number:
            self._store.drop(room, number)

    def _evict(self) -> None:
        """Let the oldest record of all go."""
        age = heappop(self._ages)
        room = age[2]
        shelf = self._shelves.get(room)
        if shelf is None or shelf.age is not age:
            return  # Another entry stands for that room now.
        if age[1] == shelf.records[0][0]:
            self._store.drop(room, self._discard_oldest(shelf))
            if not shelf.records:
                del self._shelves[room]
                return
        self._enter_age(room, shelf)

    def _discard_oldest(self, shelf: _Shelf) -> int:
        number, _, _, lines, size = shelf.records.popleft()
        shelf.count -= lines
        self._size -= size
        return number

    def _enter_age(self, room: str, shelf: _Shelf) -> None:
        shelf.age = (shelf.occupied, shelf.records[0][0], room)
        heappush(self._ages, shelf.age)
        if len(self._ages) > 2 * len(self._shelves) + 64:
            self._ages = [each.age for each in self._shelves.values() if each.age is not None]
            heapify(self._ages)
