"""The history beside a simple model of it: which lines go when there are too many, and that a copy
of it goes on alike.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import astuple, dataclass, replace

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.hall import RecordingStore
from tests.support.properties import settings, st
from twisted_chat.events import Emoted, Retold, Said
from twisted_chat.journal.history import History
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import HISTORY_OVERHEAD, HISTORY_SHARE
from twisted_chat.names import key


@dataclass(frozen=True, eq=False)
class Record:
    """One event, as the model keeps it. Events are equal where only their numbers differ."""

    event: Said | Emoted
    origin: str

    @property
    def room(self) -> str:
        return self.event.room

    @property
    def lines(self) -> list[Retold]:
        event = self.event
        return [
            Retold(
                event.name,
                text,
                isinstance(event, Emoted),
                event.room,
                event.time,
                f"{event.era}-{event.number + place}",
            )
            for place, text in enumerate(event.text.split("\n"))
        ]

    @property
    def size(self) -> int:
        text = self.event.text
        return HISTORY_OVERHEAD + (len(text) if text.isascii() else 4 * len(text))

    def part(self, start: int, end: int | None = None) -> list[Record]:
        """The record with some of its lines, if it has any."""
        texts = self.event.text.split("\n")[start:end]
        event = replace(self.event, text="\n".join(texts), number=self.event.number + start)
        return [replace(self, event=event)] if texts else []


SIZES = st.sampled_from([0, 4000, 8000, 20_000, 1 << 20])
MOST = st.sampled_from([0, 1, 5, 8, 16, 24])
ROOMS = ("lobby", "dev", "tea", *"abcdefghijkl")
ORIGINS = ("10.0.0.1", "2001:db8::/64", "local", "")
NAMES = ("ann", "bob", "ANN")
TEXT = st.text(st.sampled_from("aé日😀\n"), min_size=1, max_size=12)
EVENTS = st.builds(Said, st.sampled_from(NAMES), TEXT) | st.builds(
    Emoted, st.just("ann"), st.sampled_from(["waves", "nods"])
)
SAID = st.tuples(
    st.sampled_from(ROOMS[:3]) | st.sampled_from(ROOMS), EVENTS, st.sampled_from(ORIGINS)
)


class HistoryModel(RuleBasedStateMachine):
    """The history beside a list of all that was said, beside the store that is told of it, and
    beside a history that was made from a dump and that nobody reads.

    The list is what people are promised: one line goes after the other, that of the origin that has
    most; how many go at once is the history's affair.
    """

    @initialize(most=MOST, size=SIZES)
    def begin(self, most: int, size: int) -> None:
        self.most, self.size = most, size
        self.store = RecordingStore()
        self.history = History(self.store, most, size)
        self.copy = History(NoStore(), most, size)
        self.records: list[Record] = []
        self.number = self.time = self.eras = 0

    def oldest_of_the_fullest(self, held: Counter[str], records: list[Record]) -> Record:
        """The oldest of `records` of the origin that holds most; of several, of all of theirs."""
        return next(each for each in records if held[each.origin] == max(held.values()))

    def put_in_place_of(self, record: Record, *parts: Record) -> None:
        place = self.records.index(record)
        self.records[place : place + 1] = parts

    def trimmed(self, room: str) -> list[Record]:
        """The records of the lines of `room` that are shown."""
        mine = [record for record in self.records if record.room == room]
        while True:
            held: Counter[str] = Counter()
            for record in mine:
                held[record.origin] += len(record.lines)
            if held.total() <= self.most:
                return mine
            place = mine.index(self.oldest_of_the_fullest(held, mine))
            mine[place : place + 1] = mine[place].part(1)

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
        room = record.room
        lines = sum(len(each.lines) for each in self.records if each.room == room)
        # Some more gather before they go. Nobody is shown them.
        if lines > self.most + self.most // 8:
            left = [*self.trimmed(room), *(each for each in self.records if each.room != room)]
            self.records = sorted(left, key=lambda each: each.event.number)
        self.evict()

    @rule(said=st.lists(SAID, min_size=1, max_size=9))
    def add(self, said: list[tuple[str, Said | Emoted, str]]) -> None:
        for room, event, origin in said:
            self.time += 1
            event = replace(
                event, room=room, time=self.time, era=f"e{self.eras}", number=self.number + 1
            )
            self.number += len(event.text.split("\n"))
            for history in (self.history, self.copy):
                history.add(event, origin, key(event.name))
            if self.most:
                self.keep(Record(event, origin))

    @rule(over=st.integers(0, 3), said=st.lists(SAID, min_size=1, max_size=9))
    def fill_the_lobby(self, over: int, said: list[tuple[str, Said | Emoted, str]]) -> None:
        """Until there are more lines than are shown, where some more may gather."""
        for _, event, origin in said * (self.most + over):
            lines = sum(len(each.lines) for each in self.records if each.room == "lobby")
            if lines >= self.most + min(over, self.most // 8):
                break
            self.add([("lobby", event, origin)])

    @rule(count=st.integers(0, 30), back=st.integers(0, 30))
    def look_at_the_lobby(self, count: int, back: int) -> None:
        self.look("lobby", count)
        self.look_after("lobby", back, count)

    @rule(back=st.integers(0, 30))
    def forget_a_line_of_the_lobby(self, back: int) -> None:
        self.forget_line("lobby", back)

    @rule(room=st.sampled_from(ROOMS))
    def forget(self, room: str) -> None:
        for history in (self.history, self.copy):
            history.forget(room)
        self.records = [record for record in self.records if record.room != room]

    @rule(room=st.sampled_from(ROOMS), back=st.integers(0, 30))
    def forget_line(self, room: str, back: int) -> None:
        lines = [line for each in self.records if each.room == room for line in each.lines]
        gone = lines[-1 - back].id if back < len(lines) else f"e{self.eras}-{self.number + 1}"
        for history in (self.history, self.copy):
            assert history.forget_line(room, gone) == (back < len(lines))
        for record in self.records:
            ids = [line.id for line in record.lines]
            if gone in ids:
                place = ids.index(gone)
                self.put_in_place_of(record, *record.part(0, place), *record.part(place + 1))
                break
        self.evict()

    @rule(name=st.sampled_from(NAMES), origin=st.sampled_from(ORIGINS))
    def forget_lines(self, name: str, origin: str) -> None:
        def is_meant(a_key: str, an_origin: str) -> bool:
            return (a_key, an_origin) == (key(name), origin)

        gone: dict[str, list[str]] = {}
        for record in [*self.records]:
            if is_meant(key(record.event.name), record.origin):
                gone.setdefault(record.room, []).extend(line.id for line in record.lines)
                self.records.remove(record)
        for history in (self.history, self.copy):
            assert history.forget_lines(is_meant) == gone

    @rule(most=MOST, size=SIZES)
    def bind(self, most: int, size: int) -> None:
        """Go on with other bounds."""
        for history in (self.history, self.copy):
            history.bind(most, size)
        self.most = min(self.most, most)
        left = [record for room in ROOMS for record in self.trimmed(room)]
        self.records = sorted(left, key=lambda each: each.event.number)
        self.most, self.size = most, size
        self.evict()

    @rule(most=MOST, size=SIZES)
    def begin_again(self, most: int, size: int) -> None:
        """With other bounds, in another era."""
        self.most, self.size = most, size
        self.eras += 1
        kept, self.records = self.records, []
        for record in kept if most else ():
            self.keep(record)
        saved = self.store.load(SavedState)
        self.history = History(self.store, most, size)
        highest = int(kept[-1].lines[-1].id.partition("-")[2]) if kept else 0
        assert self.history.take_over(saved.lines) == highest
        self.copy = History(NoStore())
        self.copy.load(self.history.dump())

    @rule()
    def copy_anew(self) -> None:
        self.copy = History(NoStore())
        self.copy.load(json.loads(json.dumps(self.history.dump())))

    @rule(most=MOST, size=SIZES)
    def load_in_place_of_something_else(self, most: int, size: int) -> None:
        dump = self.history.dump()
        store = RecordingStore()
        self.history = History(store, most, size)
        for number in range(3):
            event = Said("eve", "a\nb", "lobby", 1.0, "other", 1 + 2 * number)
            self.history.add(event, "local", "eve")
        self.history.load(dump)
        self.store = store

    @rule(room=st.sampled_from(ROOMS), count=st.integers(-1, 30))
    def look(self, room: str, count: int) -> None:
        lines = self.history.last(room, count)
        expected = self.last(room, count)
        assert list(lines) == list(reversed([*reversed(lines)])) == expected
        assert len(lines) == len(expected)
        assert lines[-5:] == expected[-5:]

    @rule(room=st.sampled_from(ROOMS), back=st.integers(0, 30), count=st.integers(-1, 30))
    def look_after(self, room: str, back: int, count: int) -> None:
        lines = self.last(room, 100)
        if back < len(lines):
            whole, after = self.history.after(room, lines[-1 - back].id, count)
            assert whole == (back <= count)
            assert list(after) == self.last(room, min(back, count))
            assert len(after) == len(list(after))
        ids = [line.id for each in self.records for line in each.lines if each.room != room]
        for gone in ("", "-", "x", "e0-", "e0-1²", f"e9-{self.number}", *ids[:1]):
            whole, after = self.history.after(room, gone, count)
            assert not whole
            assert list(after) == self.last(room, count)

    @rule(room=st.sampled_from(ROOMS), back=st.integers(0, 30), count=st.integers(-1, 30))
    def look_before(self, room: str, back: int, count: int) -> None:
        lines = self.last(room, 100)
        if back < len(lines):
            line = lines[-1 - back]
            older = lines[: -1 - back]
            known, before = self.history.before(room, line.id, count)
            assert known
            assert list(before) == (older[-count:] if count > 0 else [])
            assert len(before) == len(list(before))
            number = int(line.id.rpartition("-")[2])
            assert list(self.history.last(room, count, number)) == list(before)
        for gone in ("", "-", "x", "e0-", "e0-1²", f"e9-{self.number}"):
            known, before = self.history.before(room, gone, count)
            assert not known
            assert list(before) == []

    def last(self, room: str, count: int) -> list[Retold]:
        lines = [line for each in self.trimmed(room) for line in each.lines]
        return lines[-count:] if count > 0 else []

    @invariant()
    def it_keeps_what_the_model_keeps_and_the_store_was_told_of_all(self) -> None:
        if not hasattr(self, "records"):
            return
        kept = [(astuple(each.event), each.origin) for each in self.records]
        stored = sorted(self.store.lines.values(), key=lambda line: line.event.number)
        assert [(astuple(line.event), line.origin) for line in stored] == kept
        assert self.history.dump() == self.copy.dump()
        assert set(self.history._shelves) == {record.room for record in self.records}
        assert set(self.history._holders) == {record.origin for record in self.records}
        assert self.history._size == sum(each.size for each in self.history._holders.values())
        assert len(self.history._fullest) < 50
        for holder in self.history._holders.values():
            assert len(holder.shares) < 50

    @rule()
    def look_at_all(self) -> None:
        for room in ROOMS:
            assert self.history.holds(room) == any(each.room == room for each in self.records)
            self.look(room, 100)


HistoryModel.TestCase.settings = settings(max_examples=200, stateful_step_count=40)


HistoryModelTests = HistoryModel.TestCase
