"""What was said: the last lines of each room, in bounded memory that all addresses share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import itemgetter
from sys import intern
from typing import Any

from twisted_chat import names
from twisted_chat.events import Emoted, Said
from twisted_chat.journal.ranking import Ranking
from twisted_chat.journal.shelf import GONE, Holder, Lines, Record, Share, Shelf, id_of, part
from twisted_chat.journal.store import IStore, Line
from twisted_chat.limits import HISTORY, HISTORY_BYTES, HISTORY_OVERHEAD, HISTORY_SHARE, NUMBERS

_DIGITS = 16
"""Of the number of a line at most: it is less than NUMBERS."""

_number_of = itemgetter(0)
_lines_of = itemgetter(3)


class History:
    """The last `most` lines of each room, and of all rooms together at most `size` bytes.

    Past `most`, the oldest line goes of the origin that has said most of the room's lines; past
    `size`, the oldest record of the origin that takes most bytes, whatever room it is of. Of
    several that have as much, the one with the oldest record gives. So an origin loses nothing to
    others that hold more, and where there is only one, all goes by age.

    What goes when depends on what was added and forgotten, and on nothing else: reads change
    nothing. `store` is told of all that is kept and of all that goes.
    """

    def __init__(self, store: IStore, most: int = HISTORY, size: int = HISTORY_BYTES) -> None:
        self._store = store
        self._lasting = store.lasting
        self._bound(most, size)
        self._clear()

    def _bound(self, most: int, size: int) -> None:
        self._most = most
        # Some more are let gather, which nobody is shown, and go together: one by one costs twice
        # as much.
        self._full = most + most // 8
        self._limit = size

    def bind(self, most: int, size: int) -> None:
        """Keep the last `most` lines of each room from here on, and at most `size` bytes. What is
        more, or was more before, goes.
        """
        self._most = min(self._most, most)
        for shelf in [*self._shelves.values()]:
            self._trim(shelf)
        self._bound(most, size)
        self._evict()

    def _clear(self) -> None:
        self._size = 0
        self._shelves: dict[str, Shelf] = {}
        self._holders: dict[str, Holder] = {}
        self._fullest = Ranking(Holder.rank)
        # What the store is to be told: numbers of records that went, and what is left of them.
        self._gone: list[int] = []
        self._left: list[Line] = []

    def add(self, event: Said | Emoted, origin: str, key: str) -> None:
        """Keep `event`, which somebody from `origin` said under a name with the key `key`.

        Its lines have the numbers from `event.number` on, which are higher than those of all that
        was added before, in whatever room.
        """
        if self._most:
            # First: if it is larger than all that may be kept, it is dropped again.
            if self._lasting:
                self._store.add(Line(event, origin))
            self._put(event, origin, key)

    def take_over(self, lines: Iterable[Line]) -> int:
        """Begin with the `lines` that the store has kept, in the order of their numbers. Return the
        highest number of a line, 0 if there is none.
        """
        highest = 0
        for event, origin in lines:
            highest = event.number + event.text.count("\n")
            if self._most:
                self._put(event, origin, names.key(event.name))
            else:
                self._gone.append(event.number)
        self._tell_store()
        return highest

    def dump(self) -> dict[str, object]:
        """Return all that is kept, and the bounds, as JSON can hold it."""
        records = [
            [
                number,
                event.time,
                event.era,
                event.room,
                isinstance(event, Emoted),
                event.name,
                name_key,
                event.text,
                share.origin,
            ]
            for shelf in self._shelves.values()
            for share in shelf.shares.values()
            for number, event, name_key, _, _ in share.records
        ]
        return {"most": self._most, "size": self._limit, "records": sorted(records)}

    def load(self, dump: Mapping[str, Any]) -> None:
        """Keep what `dump` returned, under its bounds, in place of all that is here. From here on
        the same goes as there.
        """
        gone = [
            record[0]
            for shelf in self._shelves.values()
            for share in shelf.shares.values()
            for record in share.records
        ]
        self._bound(dump["most"], dump["size"])
        self._clear()
        self._gone = gone
        for number, time, era, room, is_emoted, name, name_key, text, origin in dump["records"]:
            # Each of few values: one object for all lines.
            name, room, era, name_key = map(intern, (name, room, era, name_key))
            event = (Emoted if is_emoted else Said)(name, text, room, time, era, number)
            self._left.append(Line(event, origin))
            self._put(event, origin, name_key)
        self._tell_store()

    def holds(self, room: str) -> bool:
        """Return whether any line of `room` is kept."""
        return room in self._shelves

    def last(self, room: str, count: int, end: int = NUMBERS) -> Lines:
        """Return the last `count` lines of `room`, as they are now: of those with a number below
        `end`.
        """
        shelf = self._shelves.get(room)
        if shelf is None:
            return Lines([], 0)
        records = [*islice(self._newest_first(shelf, end), max(0, count))]
        return Lines(records, max(0, min(count, sum(map(_lines_of, records)))))

    def before(self, room: str, id: str, count: int) -> tuple[bool, Lines]:
        """Return whether it is known where in `room` the line with this `id` stood, and the last
        `count` lines before it; none if it is not known.
        """
        wanted = _number_in(id)
        shelf = self._shelves.get(room)
        record = next(self._newest_first(shelf, wanted + 1), None) if shelf else None
        # A line of the same era has a lower number if it was said before.
        if record is None or id_of(record[1], wanted) != id:
            return False, Lines([], 0)
        return True, self.last(room, count, wanted)

    def after(self, room: str, id: str, count: int) -> tuple[bool, Lines]:
        """Return whether these are all lines of `room` after the one with this `id`, and the lines.

        If there are more than `count`, or no line has this `id`, they are the last `count`.
        """
        wanted = _number_in(id)
        shelf = self._shelves.get(room)
        records: list[Record] = []
        lines = 0
        for record in self._newest_first(shelf) if shelf else ():
            number, event, _, its_lines, _ = record
            records.append(record)
            lines += its_lines
            if number <= wanted:
                lines -= wanted - number + 1
                if lines <= count and wanted < number + its_lines and id_of(event, wanted) == id:
                    return True, Lines(records, lines)
                break
            if lines > count:
                break
        return False, self.last(room, count)

    def forget(self, room: str) -> None:
        """Keep nothing of `room`."""
        shelf = self._shelves.get(room)
        if shelf is not None:
            for share in [*shelf.shares.values()]:
                self._shorten(shelf, share, share.lines)
            self._tell_store()

    def forget_line(self, room: str, id: str) -> int:
        """Keep the line of `room` with this `id` no longer. Return how many went: 1, or 0 if there
        is none.
        """
        wanted = _number_in(id)
        shelf = self._shelves.get(room)
        for share in shelf.shares.values() if shelf else ():
            for index, record in enumerate(share.records):
                number, event, _, lines, _ = record
                if number <= wanted < number + lines and id_of(event, wanted) == id:
                    self._take_out(share, index, wanted - number)
                    return 1
        return 0

    def forget_lines(self, is_meant: Callable[[str, str], bool]) -> dict[str, list[str]]:
        """Keep nothing of what those said for whom `is_meant(key, origin)` is true: `key` that of
        the name under which it was said. Return the ids of the lines that went, by room, the oldest
        first.
        """
        gone: list[Record] = []
        for shelf in [*self._shelves.values()]:
            for share in [*shelf.shares.values()]:
                kept: deque[Record] = deque()
                meant: list[Record] = []
                for record in share.records:
                    (meant if is_meant(record[2], share.origin) else kept).append(record)
                if meant:
                    share.records = kept
                    self._gone += [number for number, *_ in meant]
                    self._lighten(shelf, share, sum(m[3] for m in meant), sum(m[4] for m in meant))
                    gone += meant
        self._tell_store()
        ids: dict[str, list[str]] = {}
        for number, event, _, lines, _ in sorted(gone, key=_number_of):
            its_ids = (id_of(event, number + place) for place in range(lines))
            ids.setdefault(event.room, []).extend(its_ids)
        return ids

    def _newest_first(self, shelf: Shelf, end: int = NUMBERS) -> Iterator[Record]:
        """Yield the records of the last `most` lines, the newest first, but for lines whose number
        is `end` or higher.
        """
        hidden = shelf.surplus(self._most)
        shares = shelf.shares.values()
        each = (share.newest_first(share.lines - hidden.get(share, 0), end) for share in shares)
        return merge(*each, key=_number_of, reverse=True)

    def _put(self, event: Said | Emoted, origin: str, key: str) -> None:
        room = event.room
        shelf = self._shelves.get(room)
        if shelf is None:
            shelf = self._shelves[room] = Shelf()
        number = event.number
        text = event.text
        lines = 1 + text.count("\n")
        # As shelf.size_of has it.
        size = HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))
        record = number, event, key, lines, size
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
            self._claim(holder, number)
        if count > self._full:
            self._trim(shelf)
        if self._size > self._limit:
            self._evict()

    def _begin(self, shelf: Shelf, room: str, origin: str, record: Record) -> Share:
        """Return the new share of `origin` in `shelf`, which holds its first record."""
        holder = self._holders.get(origin)
        if holder is None:
            holder = self._holders[origin] = Holder()
        share = shelf.shares[origin] = Share(holder, room, origin, record)
        holder.shares.put(share, record[0])
        holder.size += HISTORY_SHARE
        self._size += HISTORY_SHARE
        return share

    def _claim(self, holder: Holder, number: int) -> None:
        """Tell the ranking that `holder` has grown past what it claimed. `number`: of a line."""
        # Somewhat more, so that this is rare.
        holder.claimed = holder.size + holder.size // 8
        self._fullest.put(holder, (-holder.claimed, -number))

    def _trim(self, shelf: Shelf) -> None:
        """Let go what is more than may be kept of a room."""
        for share, count in shelf.surplus(self._most).items():
            self._shorten(shelf, share, count)
        self._tell_store()

    def _evict(self) -> None:
        """Let the oldest records of the holders that hold most go, until all fits."""
        while self._size > self._limit:
            holder = self._fullest.first()
            share = holder and holder.shares.first()
            assert share  # Something is kept.
            self._shorten(self._shelves[share.room], share, share.records[0][3])
        self._tell_store()

    def _shorten(self, shelf: Shelf, share: Share, count: int) -> None:
        """Let the first `count` lines of `share` go."""
        records = share.records
        size = 0
        left = count
        while left:
            record = records.popleft()
            self._gone.append(record[0])
            size += record[4]
            if record[3] > left:
                record = part(record, left)
                records.appendleft(record)
                self._left.append(Line(record[1], share.origin))
                size -= record[4]
                break
            left -= record[3]
        self._lighten(shelf, share, count, size)

    def _take_out(self, share: Share, index: int, place: int) -> None:
        """Let the line at `place` of the record at `index` go. What stands before it and what comes
        after it are two records then.
        """
        record = share.records[index]
        del share.records[index]
        pieces = []
        if place:
            pieces.append(part(record, 0, place))
        if place + 1 < record[3]:
            pieces.append(part(record, place + 1))
        for piece in reversed(pieces):
            share.records.insert(index, piece)
        self._gone.append(record[0])
        self._left += [Line(event, share.origin) for _, event, _, _, _ in pieces]
        size = record[4] - sum(piece[4] for piece in pieces)
        self._lighten(self._shelves[share.room], share, 1, size)
        holder = share.holder
        if holder.size > holder.claimed:  # Two records may take more than one.
            self._claim(holder, record[0])
        self._tell_store()
        if self._size > self._limit:
            self._evict()

    def _lighten(self, shelf: Shelf, share: Share, lines: int, size: int) -> None:
        """Note that `share` has let `lines` go, and `size` bytes."""
        share.lines -= lines
        shelf.lines -= lines
        if not share.records:
            share.records = GONE  # A ranking may have it for a while.
            size += HISTORY_SHARE
            del shelf.shares[share.origin]
            if not shelf.shares:
                del self._shelves[share.room]
        self._size -= size
        holder = share.holder
        holder.size -= size
        if not holder.size:
            del self._holders[share.origin]

    def _tell_store(self) -> None:
        if self._gone or self._left:
            if self._lasting:
                self._store.drop(self._gone, self._left)
            self._gone = []
            self._left = []


def _number_in(id: str) -> int:
    """Return the number that ends `id`; -1 if no line can have this id."""
    digits = id.rpartition("-")[2]
    is_number = len(digits) <= _DIGITS and digits.isascii() and digits.isdecimal()
    return int(digits) if is_number else -1
