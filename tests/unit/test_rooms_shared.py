"""Which room makes place for another: a stranger fills no more than its share of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, Hall, RecordingStore
from tests.support.properties import settings, st
from twisted_chat.events import (
    LOBBY,
    Said,
)
from twisted_chat.journal.history import History
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.rooms import Rooms
from twisted_chat.journal.saved import SavedState
from twisted_chat.limits import EMPTY_ROOM, Bounds
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.records import Rules
from twisted_chat.refusal import Refusal

ORIGINS = ("10.0.0.1", "2001:db8::/64", "local", "uid:1000")
NAMES = tuple(f"room{letter}" for letter in "abcdefghijkmnopqrstu")


@dataclass
class Place:
    """A room, as the model has it."""

    name: str
    maker: str
    emptied: float | None = None
    rules: Rules = field(default_factory=Rules)
    is_owned: bool = False

    @property
    def may_go(self) -> bool:
        return self.emptied is not None and not self.rules.locked and not self.rules.slow


class RoomsModel(RuleBasedStateMachine):
    """The rooms beside a list of them that is searched for the one to go. Nobody is in the lobby,
    and one person at most in any other.
    """

    @initialize(most=st.integers(1, 20))
    def begin(self, most: int) -> None:
        self.store = RecordingStore()
        self.now = 1000.0
        self.most = most
        self.places: dict[str, Place] = {}
        self.rooms = Rooms(self.store, History(self.store), most)

    def made_by(self, origin: str) -> list[Place]:
        return [place for place in self.places.values() if place.maker == origin]

    def one_to_go(self, places: list[Place]) -> Place | None:
        return min(
            (place for place in places if place.may_go),
            key=lambda each: (
                each.is_owned,
                -len(self.made_by(each.maker)),
                each.emptied,
                each.maker,
            ),
            default=None,
        )

    @rule(name=st.sampled_from(NAMES), origin=st.sampled_from(ORIGINS))
    def come(self, name: str, origin: str) -> None:
        self.now += 1
        place = self.places.get(name)
        if place is None:
            gone: Place | None = None
            is_refused = False
            if len(self.made_by(origin)) >= max(1, self.most // 8):
                gone = self.one_to_go(self.made_by(origin))
                is_refused = gone is None
            elif len(self.places) + 1 >= self.most:
                gone = self.one_to_go(list(self.places.values()))
                is_refused = gone is None
            if gone is not None:
                del self.places[gone.name]
            try:
                self.rooms.make(named(name), origin)
                assert not is_refused
            except Refusal:
                assert is_refused
                return
            place = self.places[name] = Place(name, origin)
        elif place.emptied is None:
            return
        place.emptied = None
        self.rooms.enter(self.rooms.get(named(name)), "somebody")
        said = Said("ann", "hello", name, self.now, "era", int(self.now))
        self.rooms._history.add(said, origin, "ann")

    @rule(name=st.sampled_from(NAMES))
    def go(self, name: str) -> None:
        place = self.places.get(name)
        if place is not None and place.emptied is None:
            self.now += 1
            place.emptied = self.now
            self.rooms.leave(self.rooms.get(named(name)), "somebody", self.now)

    @rule(
        name=st.sampled_from(NAMES),
        changes=st.fixed_dictionaries(
            {}, optional={"locked": st.booleans(), "slow": st.integers(0, 1)}
        ),
        is_owned=st.booleans(),
    )
    def set_rules(self, name: str, changes: dict[str, int], is_owned: bool) -> None:
        place = self.places.get(name)
        # The order of those that are empty is that in which they could first go.
        if place is not None and place.emptied is None:
            place.rules = replace(place.rules, **changes)
            place.is_owned = is_owned
            self.rooms.rule(self.rooms.get(named(name)), place.rules, is_owned)

    @rule(most=st.integers(1, 20))
    def begin_again(self, most: int) -> None:
        """Everybody is gone then."""
        self.now += 1
        self.most = most
        for place in self.places.values():
            if place.emptied is None:
                place.emptied = self.now
        stored = self.store.load(SavedState)
        history = History(self.store)
        history.take_over(stored.lines)
        self.rooms = Rooms(self.store, history, most)
        talked_in = dict.fromkeys(line.event.room for line in stored.lines)
        self.rooms.load(stored.rooms.values(), talked_in, self.now)
        # All that the last ones have left in one moment go in any order.
        for place in self.places.values():
            room = self.rooms.find(named(place.name))
            assert room is None or room.maker == place.maker
        self.places = {
            name: place
            for name, place in self.places.items()
            if self.rooms.find(named(name)) is not None
        }
        assert len(self.places) + 1 <= self.most or not any(
            place.may_go for place in self.places.values()
        )

    @invariant()
    def there_are_those_of_the_model(self) -> None:
        if hasattr(self, "places"):
            assert {room.name for room in self.rooms} == {LOBBY, *self.places}
            assert set(self.store.documents.get("room", ())) == set(self.places)
            assert set(self.rooms._makers) == {place.maker for place in self.places.values()}


RoomsModel.TestCase.settings = settings(max_examples=60, stateful_step_count=50)

RoomsModelTests = RoomsModel.TestCase


class StrangerTests(SynchronousTestCase):
    """What somebody can do who makes as many rooms as it can."""

    max_rooms = 16

    def setUp(self) -> None:
        self.store = RecordingStore()
        self.begin()

    def begin(self) -> None:
        self.hall = Hall(self, self.store, max_rooms=self.max_rooms)
        self.stranger = self.hall.come("10.9.9.9")

    def ask(self, member: Member, *lines: str) -> list[str]:
        return [answer for line in lines for answer in self.hall.ask(member, line)]

    def fill(self) -> None:
        for number in range(100):
            self.ask(self.stranger, f"/join q{number}", "x")
        self.ask(self.stranger, "/join lobby")

    def rooms(self) -> set[str]:
        return {room.name for room in self.hall.journal.state.rooms}

    def test_it_takes_neither_history_nor_topic_of_rooms_that_are_empty_just_now(self) -> None:
        for number in range(7):
            ann = self.hall.come(f"10.0.0.{number}")
            for room in (f"a{number}", f"b{number}"):
                self.ask(ann, f"/join {room}", f"/topic {room}", "hello")
            self.ask(ann, "/join lobby")
        before = self.rooms()
        self.fill()
        self.assertEqual(self.rooms(), {LOBBY, "q98", "q99", *before} - {"a0"})
        # One had to go before it had its share; from then on it was always one of its own.
        ann = self.hall.come("10.0.0.1")
        self.assertIn("set the topic: a1", self.ask(ann, "/join a1")[2])
        self.assertIn("hello", self.ask(ann, "/history")[0])

    def test_where_all_is_full_the_address_that_made_most_gives_first(self) -> None:
        bob = self.hall.come("10.0.0.9")
        self.ask(bob, "/join oldest", "hello", "/join lobby")
        for number in range(7):
            ann = self.hall.come(f"10.0.0.{number}")
            self.ask(ann, f"/join a{number}", "hello", f"/join b{number}", "hello", "/join lobby")
        before = self.rooms()
        self.assertEqual(len(before), self.max_rooms)
        self.ask(self.stranger, "/join q")
        self.assertEqual(self.rooms(), {"q", *before} - {"a0"})

    def test_it_makes_an_eighth_and_then_its_own_longest_empty_room_goes(self) -> None:
        self.fill()
        self.assertEqual(self.rooms(), {LOBBY, "q98", "q99"})
        self.begin()
        self.assertEqual(self.rooms(), {LOBBY, "q98", "q99"})
        self.ask(self.stranger, "/join more")
        self.assertEqual(self.rooms(), {LOBBY, "q99", "more"})

    def test_it_is_told_when_all_its_rooms_are_in_use(self) -> None:
        for number in range(2):
            other = self.hall.come("10.9.9.9")
            self.ask(other, f"/join q{number}")
        self.assertEqual(
            self.ask(self.stranger, "/join q2"),
            [
                "! 2 rooms were made from 10.9.9.9, as many as may be from one address: "
                "join one of /rooms"
            ],
        )
        self.assertIn("- You are now in #q1", self.ask(self.stranger, "/join q1"))

    def test_a_room_whose_topic_a_registered_owner_set_goes_last(self) -> None:
        ann = self.hall.owner("ann", "10.0.0.1")
        self.ask(ann, "/join first", "/topic tea", "/join second", "hello", "/join lobby")
        self.begin()
        ann = self.hall.come("10.0.0.1")
        self.ask(ann, "/join third", "hello", "/join lobby")
        self.assertEqual(self.rooms(), {LOBBY, "first", "third"})
        self.hall.try_out(ann, f"/login ann {SECRET}")
        self.ask(ann, "/join first", "/topic -", "/join fourth", "hello", "/join lobby")
        self.ask(ann, "/join fifth", "hello", "/join lobby")
        self.assertEqual(self.rooms(), {LOBBY, "fourth", "fifth"})

    def test_a_topic_of_a_guest_keeps_no_room(self) -> None:
        bob = self.hall.come("10.0.0.1", "bob")
        self.ask(bob, "/join first", "/topic tea", "/join second", "hello", "/join lobby")
        self.ask(bob, "/join third", "hello")
        self.assertEqual(self.rooms(), {LOBBY, "second", "third"})

    def test_rooms_that_operators_restrict_stay(self) -> None:
        self.ask(self.stranger, "/join q0", "x", "/join q1", "x", "/join lobby")
        self.hall.control("lock", room="q0")
        self.hall.control("slow", "10", room="q1")
        self.assertIn("2 rooms were made from 10.9.9.9", self.ask(self.stranger, "/join q2")[0])
        self.hall.control("unlock", room="q0")
        self.ask(self.stranger, "/join q2")
        self.assertEqual(self.rooms(), {LOBBY, "q1", "q2"})

    def test_who_made_a_room_is_known_also_after_a_kill(self) -> None:
        self.ask(self.stranger, "/join q0", "x")
        self.begin()
        self.ask(self.stranger, "/join q1", "x", "/join q2", "x")
        self.assertEqual(self.rooms(), {LOBBY, "q1", "q2"})

    def test_a_day_gives_the_share_back(self) -> None:
        self.fill()
        self.hall.clock.advance(EMPTY_ROOM)
        self.ask(self.stranger, "/join q0", "x", "/join q1", "x")
        self.assertEqual(self.rooms(), {LOBBY, "q0", "q1"})


class OlderRoomTests(SynchronousTestCase):
    def test_rooms_of_which_nobody_knows_the_maker_are_those_of_one_address(self) -> None:
        store = RecordingStore()
        for number in range(12):
            document = {"name": f"old{number}", "emptied": 1_000_000.0 + number, "topic": "old"}
            store.put("room", f"old{number}", {**document, "slow": 0, "locked": False})
        clock = Clock()
        clock.advance(1_000_100)
        journal = MemoryJournal(clock.seconds, store, Bounds(max_rooms=16))
        for number in range(9):
            journal.state.rooms.make(named(f"new{number}"), f"10.0.0.{number // 2}")
        names = {room.name for room in journal.state.rooms}
        self.assertEqual(len(names), 16)
        self.assertEqual(
            {name for name in names if name.startswith("old")},
            {f"old{number}" for number in range(6, 12)},
        )
