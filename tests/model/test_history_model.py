"""The history beside a simple model of it: which lines go when there are too many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.hall import RecordingStore
from tests.support.properties import settings, st
from twisted_chat.events import Emoted, Said
from twisted_chat.journal.history import History
from twisted_chat.journal.kept import Kept
from twisted_chat.limits import HISTORY_OVERHEAD, HISTORY_SHARE

Lines = list[tuple[float, Said | Emoted]]


@dataclass(frozen=True)
class Record:
    """One event, as the model keeps it."""

    room: str
    number: int
    time: float
    event: Said | Emoted
    origin: str

    @property
    def lines(self) -> Lines:
        kind, name = type(self.event), self.event.name
        return [(self.time, kind(name, text)) for text in self.event.text.split("\n")]

    @property
    def size(self) -> int:
        text = self.event.text
        return HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))

    @property
    def without_its_first_line(self) -> Record:
        kind, name = type(self.event), self.event.name
        return replace(self, event=kind(name, self.event.text.partition("\n")[2]))


SIZES = st.integers(0, 30).map(lambda count: count * (HISTORY_OVERHEAD + HISTORY_SHARE // 4))
MOST = st.integers(0, 20)
ROOMS = ("lobby", "dev", "tea", *"abcdefghijkl")
ORIGINS = ("10.0.0.1", "2001:db8::/64", "local", "")
TEXT = st.text(st.sampled_from("aé日😀\n"), min_size=1, max_size=12)
EVENTS = st.builds(Said, st.sampled_from(["ann", "bob"]), TEXT) | st.builds(
    Emoted, st.just("ann"), st.sampled_from(["waves", "nods"])
)
SAID = st.tuples(
    st.sampled_from(ROOMS[:3]) | st.sampled_from(ROOMS), EVENTS, st.sampled_from(ORIGINS)
)


class HistoryModel(RuleBasedStateMachine):
    """The history beside a list of all that was said, and beside the store that is told of it.

    The list is what people are promised: one line goes after the other, that of the origin that has
    most; how many go at once is the history's affair.
    """

    @initialize(most=MOST, size=SIZES)
    def begin(self, most: int, size: int) -> None:
        self.most, self.size = most, size
        self.store = RecordingStore()
        self.history = History(self.store, most, size)
        self.records: list[Record] = []
        self.number = self.time = 0

    def oldest_of_the_fullest(self, held: Counter[str], records: list[Record]) -> Record:
        """The oldest of `records` of the origin that holds most; of several, of all of theirs."""
        return next(each for each in records if held[each.origin] == max(held.values()))

    def trim(self, room: str) -> None:
        while True:
            mine = [record for record in self.records if record.room == room]
            held: Counter[str] = Counter()
            for record in mine:
                held[record.origin] += len(record.lines)
            if held.total() <= self.most:
                return
            record = self.oldest_of_the_fullest(held, mine)
            if len(record.lines) == 1:
                self.records.remove(record)
            else:
                self.records[self.records.index(record)] = record.without_its_first_line

    def evict(self) -> None:
        while True:
            held: Counter[str] = Counter()
            for origin, _ in {(record.origin, record.room) for record in self.records}:
                held[origin] += HISTORY_SHARE
            for record in self.records:
                held[record.origin] += record.size
            if held.total() <= self.size:
                return
            self.records.remove(self.oldest_of_the_fullest(held, self.records))

    def keep(self, record: Record) -> None:
        self.records.append(record)
        lines = sum(len(each.lines) for each in self.records if each.room == record.room)
        # Some more may gather before they go, as long as nobody looks.
        if lines > self.most + self.most // 8:
            self.trim(record.room)
        self.evict()

    @rule(said=st.lists(SAID, min_size=1, max_size=9))
    def add(self, said: list[tuple[str, Said | Emoted, str]]) -> None:
        for room, event, origin in said:
            self.time += 1
            self.history.add(room, self.time, event, origin)
            if self.most:
                self.number += 1
                self.keep(Record(room, self.number, self.time, event, origin))

    @rule(room=st.sampled_from(ROOMS))
    def forget(self, room: str) -> None:
        self.history.forget(room)
        self.records = [record for record in self.records if record.room != room]

    @rule(most=MOST, size=SIZES)
    def begin_again(self, most: int, size: int) -> None:
        """With other bounds. The store has kept the records whole."""
        self.most, self.size = most, size
        self.records = []
        for room, line in self.store.lines.values() if most else ():
            self.keep(Record(room, line.number, line.time, line.event, line.origin))
        self.number = max(self.store.lines, default=0)
        self.history = History(self.store, most, size)
        self.history.load(self.store.load(Kept).lines)

    @rule(room=st.sampled_from(ROOMS), count=st.integers(-1, 30))
    def look(self, room: str, count: int) -> None:
        lines = self.history.last(room, count)
        self.trim(room)
        assert list(lines) == list(reversed([*reversed(lines)])) == self.last(room, count)
        assert len(lines) == len(self.last(room, count))
        assert lines[-5:] == self.last(room, count)[-5:]

    def last(self, room: str, count: int) -> Lines:
        lines = [line for each in self.records if each.room == room for line in each.lines]
        return lines[-count:] if count > 0 else []

    @invariant()
    def it_keeps_what_the_model_keeps_and_the_store_was_told_of_all(self) -> None:
        if not hasattr(self, "records"):
            return
        stored = [(number, room, line.origin) for number, (room, line) in self.store.lines.items()]
        assert stored == [(each.number, each.room, each.origin) for each in self.records]
        for record in self.records:
            assert self.store.lines[record.number][1].event.text.endswith(record.event.text)
        assert set(self.history._shelves) == {record.room for record in self.records}
        assert set(self.history._holders) == {record.origin for record in self.records}
        assert self.history._size == sum(each.size for each in self.history._holders.values())
        assert len(self.history._fullest) < 50
        for holder in self.history._holders.values():
            assert len(holder.shares) < 50

    @rule()
    def look_at_all(self) -> None:
        for room in ROOMS:
            self.look(room, 100)


HistoryModel.TestCase.settings = settings(max_examples=200, stateful_step_count=40)


HistoryModelTests = HistoryModel.TestCase
