"""A turn, against a model that gives each event to each reader at once."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.properties import settings, st
from tests.support.readers import PLAIN, TERSE, reader
from twisted_chat.events import (
    RECORDED,
    Announced,
    Left,
    Notice,
    Renamed,
    RoomEvent,
    Said,
    Slowed,
)
from twisted_chat.members import Member, Room
from twisted_chat.turn import Turn

NAMES = ("lobby", "dev", "tea", "zoo")
EVENTS = st.sampled_from(
    (
        lambda number: Said("ann", f"line {number}"),
        lambda number: Said("ann", f"line {number}\nand more"),
        lambda number: Announced("lobby", "op", f"news {number}"),
        lambda number: Slowed("lobby", number, "op"),
    )
)
COMMON_EVENTS = st.sampled_from(
    (
        lambda number: Left("ann", dict.fromkeys(NAMES, number)),
        lambda number: Renamed("ann", f"ann{number}", NAMES),
        lambda number: Slowed("lobby", number, "op"),
    )
)


class TurnModel(RuleBasedStateMachine):
    """A turn beside a model that appends each event to what each of its readers has got so far.

    Each reader gets, in one write a turn, what the model gave it: the events of all its rooms in
    the order in which they were published, from where it came on and up to where it went; each
    once, however many of its rooms the event is of; none that it is the author of or deaf to; its
    own ones at their place among them. A forgotten reader gets nothing. The size of the turn is no
    less than what any of them gets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn()
        self.rooms = {name: Room(name) for name in NAMES}
        self.people: dict[str, list[Member]] = {name: [] for name in NAMES}
        self.members: list[Member] = []
        self.forgotten: set[Member] = set()
        self.expected: defaultdict[Member, bytes] = defaultdict(bytes)
        self.transcript: defaultdict[str, bytes] = defaultdict(bytes)
        self.number = 0

    def gets(self, member: Member, data: bytes) -> None:
        if member not in self.forgotten:
            self.expected[member] += data

    def publish_in_the_model(
        self, names: list[str], event: RoomEvent, but: Member | None, deaf: list[Member]
    ) -> None:
        for name in names:
            if isinstance(event, RECORDED):
                lead = b"" if name == "lobby" else f"#{name} ".encode()
                self.transcript[name] += lead + PLAIN.render(event, name)
        for member in self.members:
            shared = [name for name in names if member in self.people[name]]
            if shared and member is not but and member not in deaf:
                self.gets(member, member.dialect.render(event, shared[0]))

    def some_event(self, data: st.DataObject, events: st.SearchStrategy) -> RoomEvent:
        self.number += 1
        return data.draw(events)(self.number)

    def some_readers(self, data: st.DataObject) -> tuple[Member | None, list[Member]]:
        """An author, and readers that are deaf to it."""
        members = st.sampled_from(self.members)
        return data.draw(st.none() | members), data.draw(st.lists(members, max_size=3))

    def somebody(self, data: st.DataObject) -> Member:
        return data.draw(st.sampled_from(self.members))

    def come(self, member: Member, name: str, early: bool) -> None:
        """`early`: the turn hears of it before the room does."""
        room = self.rooms[name]
        if early:
            self.turn.begin(member, room)
        room.members[member] = None
        member.join(room)
        if not early:
            self.turn.begin(member, room)
        self.people[name].append(member)

    def go(self, member: Member, name: str, early: bool) -> None:
        room = self.rooms[name]
        if early:
            self.turn.end(member, room)
        del room.members[member]
        member.part(room)
        if not early:
            self.turn.end(member, room)
        self.people[name].remove(member)

    def go_at_once(self, member: Member) -> None:
        """`member` is in no room any more."""
        for room in member.rooms:
            del room.members[member]
            self.people[room.name].remove(member)
        self.turn.end_all(member)
        member.part_all()

    # What happens.

    @initialize(wheres=st.lists(st.sets(st.sampled_from(NAMES)), min_size=2, max_size=6))
    def some_are_here_already(self, wheres: list[set[str]]) -> None:
        for number, names in enumerate(wheres):
            member = reader(f"m{number}", (), (PLAIN, TERSE)[number % 2])
            self.members.append(member)
            for name in sorted(names):
                self.come(member, name, early=False)
        self.deliver()

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def publish(self, data: st.DataObject, name: str) -> None:
        event = self.some_event(data, EVENTS)
        but, deaf = self.some_readers(data)
        self.publish_in_the_model([name], event, but, deaf)
        self.turn.publish(self.rooms[name], event, but, deaf)

    @rule(data=st.data())
    def say(self, data: st.DataObject) -> None:
        """What most of a turn is: somebody speaks in a room of its own."""
        member = self.somebody(data)
        if member.rooms:
            room = data.draw(st.sampled_from(list(member.rooms)))
            event = self.some_event(data, EVENTS)
            self.publish_in_the_model([room.name], event, member, [])
            self.turn.publish(room, event, member)

    @rule(data=st.data(), names=st.lists(st.sampled_from(NAMES), unique=True))
    def publish_all(self, data: st.DataObject, names: list[str]) -> None:
        event = self.some_event(data, COMMON_EVENTS)
        but, deaf = self.some_readers(data)
        self.publish_in_the_model(names, event, but, deaf)
        self.turn.publish_all([self.rooms[name] for name in names], event, but, deaf)

    @rule(data=st.data())
    def publish_in_all_rooms_of_a_member(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        names = [room.name for room in member.rooms]
        event = self.some_event(data, COMMON_EVENTS)
        self.publish_in_the_model(names, event, member, [])
        self.turn.publish_all(list(member.rooms), event, member)

    @rule(data=st.data(), count=st.integers(1, 2))
    def tell(self, data: st.DataObject, count: int) -> None:
        member = self.somebody(data)
        self.number += 1
        events = [Notice(f"answer {self.number}"), Slowed("lobby", self.number, "op")][:count]
        for event in events:
            self.gets(member, member.dialect.render_to(event, member))
        self.turn.tell(member, *events)

    @rule(data=st.data(), name=st.sampled_from(NAMES), early=st.booleans())
    def begin(self, data: st.DataObject, name: str, early: bool) -> None:
        absent = [member for member in self.members if member not in self.people[name]]
        if absent:
            self.come(data.draw(st.sampled_from(absent)), name, early)

    @rule(data=st.data(), early=st.booleans())
    def end(self, data: st.DataObject, early: bool) -> None:
        member = self.somebody(data)
        if member.rooms:
            self.go(member, data.draw(st.sampled_from(list(member.rooms))).name, early)

    @rule(data=st.data())
    def leave_the_chat(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        names = [room.name for room in member.rooms]
        rooms = list(member.rooms)
        self.go_at_once(member)
        event = self.some_event(data, COMMON_EVENTS)
        self.publish_in_the_model(names, event, None, [])
        self.turn.publish_all(rooms, event)

    @rule(data=st.data())
    def switch(self, data: st.DataObject) -> None:
        """What waits is delivered before."""
        self.deliver()
        member = self.somebody(data)
        member.switch(TERSE if member.dialect is PLAIN else PLAIN)

    @rule(name=st.sampled_from(NAMES))
    def an_empty_room_is_made_anew(self, name: str) -> None:
        if not self.people[name]:
            self.rooms[name] = Room(name)

    @precondition(lambda self: len(self.forgotten) < 2)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        self.forgotten.add(member)
        self.expected.pop(member, None)
        self.turn.forget(member)

    @rule()
    def deliver(self) -> None:
        turn, self.turn = self.turn, Turn()
        failed: list[Member] = []
        turn.deliver(failed.append)
        assert failed == []
        for member in self.members:
            expected = self.expected[member]
            assert member.outbox.take() == ([expected] if expected else []), member.name
            assert len(expected) <= turn.size, member.name
        for name, room in self.rooms.items():
            assert room.dialects == Counter(member.dialect for member in self.people[name])
        transcript: defaultdict[str, bytes] = defaultdict(bytes)
        for line in turn.transcript(PLAIN).splitlines(keepends=True):
            lead = line.split(b" ")[0].decode()
            # The lobby's lines stand bare; PLAIN begins them with "#lobby:".
            transcript[lead.strip("#:")] += line
        assert transcript == self.transcript
        self.expected.clear()
        self.transcript.clear()
        self.forgotten.clear()

    def teardown(self) -> None:
        if self.members:
            self.deliver()


TestTurnModel = TurnModel.TestCase
TestTurnModel.settings = settings(max_examples=250, stateful_step_count=40)
