"""Readers of a room that are not in the chat."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Lock, Move


class DeadOutbox(RecordingOutbox):
    def write(self, data: bytes) -> None:
        raise OSError


class WatchingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = ChatOnTheTable()
        self.chat = self.table.chat
        self.ann = self.table.enter("ann")
        self.table.read(self.ann)
        self.reader = self.come()

    def come(self, outbox: RecordingOutbox | None = None) -> Member:
        """Return somebody that is in no room and not in the chat."""
        return Member("x", outbox or RecordingOutbox(), LINES, self.table.flood.meter("x"))

    def lock(self, room: str) -> None:
        self.table.appoint(self.ann)
        self.chat.ask(self.ann, Lock(room))
        self.table.settle()

    def test_it_reads_what_happens_in_the_room_from_there_on(self) -> None:
        self.chat.say(self.ann, "before")
        self.chat.watch(self.reader, "LOBBY")
        self.chat.say(self.ann, "hello")
        bob = self.table.enter("bob")
        self.chat.leave(bob)
        self.assertEqual(
            self.table.read(self.reader),
            [
                "[ann] hello",
                "> New user bob entered (2 users online)",
                "< The user bob left (1 user online)",
            ],
        )

    def test_nobody_is_told_of_it_and_it_is_not_counted(self) -> None:
        self.chat.watch(self.reader, "lobby")
        self.assertEqual(self.table.ask(self.ann, "/who"), ["- 1 user online:", "- ann"])
        self.chat.leave(self.reader)
        self.assertEqual(self.table.read(self.ann), [])
        self.assertEqual([*self.chat.everybody()], [self.ann])

    def test_it_gets_what_came_before_it_left_and_then_its_way_out_is_closed(self) -> None:
        self.chat.watch(self.reader, "lobby")
        self.chat.say(self.ann, "hello")
        self.chat.leave(self.reader)
        self.chat.say(self.ann, "unheard")
        self.assertEqual(self.table.read(self.reader), ["[ann] hello"])
        self.assertTrue(self.reader.outbox.closed)

    def test_a_room_that_is_not_there_is_refused(self) -> None:
        refused = self.assertRaises(Refusal, self.chat.watch, self.reader, "dev")
        self.assertEqual(refused.kind, Kind.NO_ROOM)

    def test_a_locked_room_is_refused(self) -> None:
        self.lock("lobby")
        refused = self.assertRaises(Refusal, self.chat.watch, self.reader, "lobby")
        self.assertEqual(refused.kind, Kind.LOCKED)

    def test_it_is_put_out_of_a_room_that_is_locked_and_of_no_other(self) -> None:
        self.chat.watch(self.reader, "lobby")
        other = self.come()
        bob = self.table.enter("bob")
        self.chat.ask(bob, Move(named("dev")))
        self.table.settle()
        self.chat.watch(other, "dev")
        self.lock("lobby")
        self.chat.say(self.ann, "among us")
        self.chat.say(bob, "in public")
        read = self.table.read(self.reader)
        self.assertIn("locked", read[-1])
        self.assertTrue(self.reader.outbox.closed)
        self.assertEqual(self.table.read(other), ["[bob] in public"])

    def test_it_goes_on_reading_in_a_room_that_was_empty_for_a_while(self) -> None:
        bob = self.table.enter("bob")
        self.chat.ask(bob, Move(named("dev")))
        self.table.settle()
        self.chat.watch(self.reader, "dev")
        for room in ("lobby", "dev"):
            self.chat.ask(bob, Move(named(room)))
        self.table.settle()
        self.chat.say(bob, "hello")
        self.assertEqual(
            self.table.read(self.reader),
            [
                "< The user bob left (0 user online)",
                "> New user bob entered (1 user online)",
                "[bob] hello",
            ],
        )

    def test_one_whose_way_out_is_broken_is_gone(self) -> None:
        reader = self.come(DeadOutbox())
        self.chat.watch(reader, "lobby")
        self.chat.say(self.ann, "hello")
        self.table.read(self.ann)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.chat.say(self.ann, "again")
        self.table.read(self.ann)
        self.assertEqual(self.flushLoggedErrors(OSError), [])

    def test_it_is_told_when_the_daemon_stops(self) -> None:
        self.chat.watch(self.reader, "lobby")
        self.successResultOf(self.chat.stop())
        self.assertEqual(self.table.read(self.reader), ["- the daemon stops"])
        self.assertTrue(self.reader.outbox.closed)
