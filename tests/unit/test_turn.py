"""What a turn costs, counted and not timed, and what becomes of readers that cannot be written to.

That each reader gets what it should is tested against a model (`tests/model/test_turn_model.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from twisted.trial.unittest import SynchronousTestCase

from tests.support.readers import PLAIN, TERSE, SpokenDialect, reader
from twisted_chat.events import Announced, Left, Notice, Said, Slowed
from twisted_chat.members import Member, Room
from twisted_chat.turn import Turn


def calls(function: Callable[[], object]) -> int:
    """How many calls, of Python and of C, `function` makes."""
    count = 0

    def profile(frame: FrameType, kind: str, argument: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def deliver(turn: Turn) -> list[Member]:
    """The members to which nothing could be delivered."""
    failed: list[Member] = []
    turn.deliver(failed.append)
    return failed


class TurnTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lobby, self.dev, self.tea = (Room(name) for name in ("lobby", "dev", "tea"))

    def pieces(self, members: list[Member]) -> set[int]:
        """The objects that were written, one to each of `members`."""
        written = [piece for m in members for pieces in m.outbox.writes for piece in pieces]
        self.assertEqual(len(written), len(members))
        return set(map(id, written))

    # One object for all who read the same.

    def test_all_who_are_in_the_same_several_rooms_get_the_same_object(self) -> None:
        members = [reader(f"m{n}", (self.lobby, self.dev)) for n in range(9)]
        members += [reader(f"n{n}", (self.dev, self.lobby)) for n in range(9)]
        turn = Turn()
        turn.publish(self.lobby, Said("ann", "one"))
        turn.publish(self.dev, Said("ann", "two"))
        turn.publish(self.lobby, Said("ann", "three"))
        self.assertEqual(deliver(turn), [])
        self.assertEqual(len(self.pieces(members)), 1)
        self.assertEqual(
            [line.split(b":")[0] for line in members[0].outbox.take()[0].splitlines()],
            [b"#lobby", b"#dev", b"#lobby"],
        )

    def test_who_is_in_quiet_rooms_too_gets_the_same_object_as_who_is_not(self) -> None:
        quiet = [Room(f"quiet{n}") for n in range(9)]
        members = [reader(f"m{n}", (room, self.lobby)) for n, room in enumerate(quiet)]
        members += [reader(f"n{n}", (self.lobby,)) for n in range(9)]
        turn = Turn()
        turn.publish(self.lobby, Said("ann", "one"))
        self.assertEqual(deliver(turn), [])
        self.assertEqual(len(self.pieces(members)), 1)

    def test_each_event_is_rendered_once_for_each_of_its_rooms_and_each_dialect(self) -> None:
        dialects = SpokenDialect(), SpokenDialect("~")
        sets = (self.lobby,), (self.lobby, self.dev), (self.dev, self.tea), (self.tea,)
        members = [reader(f"m{n}", sets[n % 4], dialects[n // 4 % 2]) for n in range(40)]
        turn = Turn()
        said = [Said(member.name, "hello") for member in members]
        for member, event in zip(members, said, strict=True):
            turn.publish(next(iter(member.rooms)), event, member)
        left = Left("ann", {"lobby": 1, "tea": 1})
        turn.publish_all((self.lobby, self.tea), left)
        self.assertEqual(deliver(turn), [])
        turn.transcript(dialects[0])
        for dialect in dialects:
            self.assertEqual(set(dialect.rendered.values()), {1})
            self.assertEqual(len(dialect.rendered), len(said) + 2)

    def test_who_is_shown_nothing_of_an_event_is_not_written_to(self) -> None:
        members = [reader(f"m{n}", (self.lobby,), (PLAIN, TERSE)[n % 2]) for n in range(6)]
        turn = Turn()
        turn.publish(self.lobby, Slowed("lobby", 5, "op"))
        self.assertEqual(deliver(turn), [])
        self.assertEqual(len(self.pieces(members[::2])), 1)
        self.assertEqual([member.outbox.writes for member in members[1::2]], [[], [], []])

    # As much work as there are events and readers, and no more.

    def work(self, members: list[Member], rooms: list[Room]) -> int:
        """The calls of a turn in which each of `members` speaks, in one of the rooms in turn."""
        turn = Turn()
        for number, member in enumerate(members):
            room = rooms[number % len(rooms)]
            turn.publish(room, Said(member.name, "hello"), member)
        return calls(lambda: deliver(turn))

    def test_all_who_speak_in_the_same_rooms_cost_no_more_each_if_they_are_more(self) -> None:
        for rooms in ([Room("a")], [Room("a"), Room("b")], [Room("a"), Room("b"), Room("c")]):
            members = [reader(f"m{n}", rooms) for n in range(50)]
            few = self.work(members, rooms)
            members += [reader(f"n{n}", rooms) for n in range(150)]
            self.assertLess(self.work(members, rooms), 5 * few)

    def test_nor_if_each_of_them_is_in_a_room_of_its_own_too(self) -> None:
        for is_busy in (False, True):
            costs = []
            for count in (50, 200):
                lobby = Room("lobby")
                own = [Room(f"own{n}") for n in range(count)]
                members = [reader(f"m{n}", (lobby, room)) for n, room in enumerate(own)]
                turn = Turn()
                for member, room in zip(members, own, strict=True):
                    turn.publish(lobby, Said(member.name, "hello"), member)
                    if is_busy:
                        turn.publish(room, Said("guest", "hello"))
                costs.append(calls(lambda turn=turn: deliver(turn)))
            self.assertLess(costs[1], 5 * costs[0])

    def test_who_speaks_gets_two_pieces_whatever_many_others_say(self) -> None:
        rooms = [self.lobby, self.dev]
        members = [reader(f"m{n}", rooms) for n in range(50)]
        self.work(members, rooms)
        pieces = {len(write) for member in members for write in member.outbox.writes}
        self.assertEqual(pieces, {1, 2})

    def test_the_members_of_a_room_in_which_nothing_is_published_cost_nothing(self) -> None:
        costs = []
        for count in (1, 100):
            room = Room("quiet")
            for number in range(count):
                reader(f"m{number}", (room,))
            turn = Turn()
            turn.begin(reader("ann"), room)
            costs.append(calls(lambda turn=turn: deliver(turn)))
        self.assertEqual(costs[0], costs[1])

    def test_readers_of_several_rooms_are_looked_for_only_where_there_may_be_some(self) -> None:
        ann = reader("ann", (self.lobby,))
        reader("bob", (self.tea,))
        turn = Turn()
        turn.begin(ann, self.dev)
        self.dev.members[ann] = None
        ann.join(self.dev)
        rooms = self.lobby, self.dev, self.tea
        self.assertEqual([room.overlaps for room in rooms], [True, True, False])
        turn.end(ann, self.dev)
        del self.dev.members[ann]
        ann.part(self.dev)
        turn.publish_all(rooms, Left("cat", {"lobby": 1, "dev": 0, "tea": 1}))
        deliver(turn)
        self.assertEqual([room.overlaps for room in rooms], [False, False, False])

    def test_what_happened_in_other_rooms_too_hides_nothing_that_comes(self) -> None:
        ann = reader("ann", (self.lobby, self.dev))
        reader("bob", (self.tea,))
        turn = Turn()
        for rooms in ((self.lobby, self.tea), (self.tea, Room("zoo"))):
            turn.publish_all(rooms, Left("cat", {room.name: 1 for room in rooms}))
            turn.publish(self.dev, Said("dan", "hello"))
        self.assertEqual(deliver(turn), [])
        self.assertEqual(ann.outbox.take()[0].count(b"\n"), 3)

    def test_what_several_rooms_get_weighs_in_each_of_them(self) -> None:
        """It is rendered for each."""
        one, all_of_them = Turn(), Turn()
        event = Left("ann", {"lobby": 1, "dev": 1})
        one.publish(self.lobby, event)
        all_of_them.publish_all((self.lobby, self.dev), event)
        self.assertEqual(all_of_them.size, 2 * one.size)

    # Readers that cannot be written to.

    def test_a_broken_way_out_fails_once_and_is_nobody_elses_trouble(self) -> None:
        sets = (self.lobby,), (self.lobby, self.dev), (self.dev,)
        broken = [reader(f"m{n}", rooms) for n, rooms in enumerate(sets)]
        broken.append(reader("speaker", (self.lobby, self.dev)))
        sound = [reader(f"n{n}", rooms) for n, rooms in enumerate(sets)]
        for member in broken:
            member.outbox.broken = True
        turn = Turn()
        turn.publish(self.lobby, Said("speaker", "one"), broken[-1])
        turn.publish(self.dev, Said("ann", "two"))
        self.assertCountEqual(deliver(turn), broken)
        self.assertEqual([len(member.outbox.writes) for member in sound], [1, 1, 1])

    def test_a_broken_dialect_is_nobody_elses_trouble(self) -> None:
        class Broken(SpokenDialect):
            def render(self, event: object, room: str) -> bytes:
                raise ZeroDivisionError

        dialect = Broken()
        sets = (self.lobby,), (self.lobby, self.dev)
        broken = [reader(f"m{n}", rooms, dialect) for n, rooms in enumerate(sets)]
        sound = [reader(f"n{n}", rooms) for n, rooms in enumerate(sets)]
        broken.append(reader("last", (self.lobby,), dialect))
        turn = Turn()
        turn.publish_all((self.lobby, self.dev), Said("ann", "one"))
        self.assertCountEqual(deliver(turn), broken)
        self.assertEqual([len(member.outbox.writes) for member in sound], [1, 1])

    def test_who_leaves_a_room_while_a_turn_is_delivered_gets_that_turn_once(self) -> None:
        ann = reader("ann", (self.lobby, self.dev))
        bob = reader("bob", (self.lobby,))
        bob.outbox.broken = True

        def leave(member: Member) -> None:
            del self.lobby.members[ann]
            ann.part(self.lobby)

        turn = Turn()
        turn.publish(self.lobby, Said("cat", "one"))
        turn.publish(self.dev, Said("cat", "two"))
        turn.deliver(leave)
        self.assertEqual([write.count(b"\n") for write in ann.outbox.take()], [2])

    # The transcript.

    def test_the_transcript_has_only_what_it_records(self) -> None:
        said = Said("ann", "hello")
        turn = Turn()
        turn.publish(self.lobby, Slowed("lobby", 5, "op"))
        turn.publish(self.lobby, said)
        turn.publish(self.dev, Announced("dev", "op", "news"))
        turn.tell(reader("bob", (self.lobby,)), Notice("only for bob"))
        self.assertEqual(turn.transcript(PLAIN), PLAIN.render(said, "lobby"))

    def test_an_event_of_several_rooms_stands_in_the_transcript_of_each(self) -> None:
        left = Left("ann", {"lobby": 1, "dev": 2})
        turn = Turn()
        turn.publish_all((self.lobby, self.dev), left)
        lines = PLAIN.render(left, "lobby") + b"#dev " + PLAIN.render(left, "dev")
        self.assertEqual(turn.transcript(PLAIN), lines)
