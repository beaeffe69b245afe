"""Where lines are kept: records of what was said, on one shelf for each room, in one share for each
address.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import Any

from twisted_chat.events import Emoted, Retold, Said
from twisted_chat.journal.ranking import Ranking
from twisted_chat.limits import HISTORY_OVERHEAD

Record = tuple[int, Said | Emoted, str, int, int]
"""The number of an event's first line, the event, the key of its name, how many lines it holds and
how many bytes it takes; a bare tuple, which is made in a tenth of the time.
"""

GONE: deque[Record] = deque()

_lines_of = attrgetter("lines")
_number_of = itemgetter(0)
_size_in_lines = itemgetter(3)


class Holder:
    """What one address holds of all that is kept."""

    __slots__ = ("claimed", "shares", "size")

    def __init__(self) -> None:
        self.size = 0
        """Bytes."""
        self.claimed = 0
        """The size by which the ranking of all holders has it: never less than `size`."""
        self.shares = Ranking(Share.rank)
        """What it said in each room; the one with the oldest record is first."""

    def rank(self) -> tuple[int, int] | None:
        """Return its rank among all holders: the one that holds most is first, and of several the
        one with the oldest record.
        """
        self.claimed = self.size  # The ranking asks for a rank to take it over.
        first = self.shares.first()
        return None if first is None else (-self.size, first.records[0][0])


class Share:
    """What one address said in one room, the oldest record first. Never empty while it is kept."""

    __slots__ = ("holder", "lines", "origin", "records", "room")

    def __init__(self, holder: Holder, room: str, origin: str, record: Record) -> None:
        self.holder = holder
        self.room = room
        self.origin = origin
        self.lines = 0
        """A record may hold several."""
        self.records = deque([record])

    def rank(self) -> int | None:
        """Return the number of its oldest line; None: it is gone."""
        return self.records[0][0] if self.records else None

    def number_at(self, place: int) -> int:
        """Return the number of its line at `place`, counted from 0 for the oldest."""
        for number, _, _, lines, _ in self.records:
            if place < lines:
                return number + place
            place -= lines
        raise IndexError(place)

    def newest_first(self, lines: int, end: int) -> Iterator[Record]:
        """Yield its records with its last `lines` lines, the newest first, but for lines whose
        number is `end` or higher.
        """
        # There may be 100,000 of them behind it, so these are passed over without a look at each.
        passed = len(self.records) - bisect_left(self.records, end, key=_number_of)
        lines -= sum(map(_size_in_lines, islice(reversed(self.records), passed)))
        for record in islice(reversed(self.records), passed, None):
            if lines <= 0:
                return
            if lines < record[3]:
                record = part(record, record[3] - lines)
            lines -= record[3]
            yield record if record[0] + record[3] <= end else part(record, 0, end - record[0])


class Shelf:
    """The lines of one room."""

    __slots__ = ("lines", "shares")

    def __init__(self) -> None:
        self.lines = 0
        self.shares: dict[str, Share] = {}
        """By origin."""

    def surplus(self, most: int) -> dict[Share, int]:
        """Return how many lines each share has to give until `most` are left: as if one line went
        after the other, the oldest of the origin that has most.
        """
        over = self.lines - most
        if over <= 0:
            return {}
        shares = sorted(self.shares.values(), key=_lines_of, reverse=True)
        # The first `highest` ones are cut to `level` lines, and of those some by one more.
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
        del shares[highest:]
        surplus = {share: share.lines - level for share in shares}
        for share in nsmallest(rest, shares, key=lambda share: share.number_at(surplus[share])):
            surplus[share] += 1
        return surplus


class Lines(Sequence[Retold]):
    """The last `count` lines of `records`, of which the newest is first: the oldest line first.

    Lazy: iterate in reverse and stop early; the rest is never made.
    """

    def __init__(self, records: Sequence[Record], count: int) -> None:
        self._records = records
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __reversed__(self) -> Iterator[Retold]:
        return islice(chain.from_iterable(map(_retold, self._records)), self._count)

    def __iter__(self) -> Iterator[Retold]:
        return reversed([*reversed(self)])

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


def part(record: Record, start: int, end: int | None = None) -> Record:
    """Return `record` with its lines from `start` to `end` alone."""
    number, event, key, lines, _ = record
    end = lines if end is None else end
    if end - start == lines:
        return record
    text = "\n".join(event.text.split("\n")[start:end])
    number += start
    event = type(event)(event.name, text, event.room, event.time, event.era, number)
    return number, event, key, end - start, size_of(text)


def size_of(text: str) -> int:
    """Return how many bytes of memory a record of `text` takes at most."""
    return HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))


def id_of(event: Said | Emoted, number: int) -> str:
    """Return the id of the line with this `number`, one of `event`. See events.Said."""
    return f"{event.era}-{number}" if event.era else ""


def _retold(record: Record) -> Iterator[Retold]:
    """Yield the lines of `record`, the newest first."""
    number, event, _, lines, _ = record
    is_emoted = isinstance(event, Emoted)
    texts = event.text.split("\n")
    for place in range(lines - 1, -1, -1):
        line_id = id_of(event, number + place)
        yield Retold(event.name, texts[place], is_emoted, event.room, event.time, line_id)
