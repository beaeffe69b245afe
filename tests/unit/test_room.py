"""The turn: who gets what of it, and in how many writes."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.asking import ask
from tests.support.doubles import (
    LINES,
    BrokenDialect,
    ChatOnTheTable,
    RecordingOutbox,
    RecordingTranscript,
)
from twisted_chat.authorisation import Door
from twisted_chat.interfaces import IDialect, IJournal, IOutbox, ITranscript
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.limits import TURN
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.networks import LOCAL
from twisted_chat.requests import LogIn, Register


class RoomTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = ChatOnTheTable()
        self.chat = self.table.chat

    def test_doubles_and_parts_keep_their_interfaces(self) -> None:
        verifyObject(IOutbox, RecordingOutbox())
        verifyObject(ITranscript, RecordingTranscript())
        verifyObject(IJournal, MemoryJournal(time.time))
        verifyObject(IDialect, LINES)

    def test_all_that_happens_in_a_turn_leaves_in_one_write_to_each(self) -> None:
        ann, bob = self.table.enter("ann"), self.table.enter("bob")
        for number in range(10):
            self.chat.say(ann, str(number))
            self.chat.notify(bob, "noted")
        self.table.turns.run()
        self.assertEqual([len(ann.outbox.written), len(bob.outbox.written)], [1, 1])

    def test_members_that_nothing_singles_out_share_one_object(self) -> None:
        members = [self.table.enter(f"m{number}") for number in range(5)]
        self.table.turns.run()
        self.chat.say(members[0], "hello")
        self.table.turns.run()
        self.assertEqual(len({id(member.outbox.written[-1]) for member in members[1:]}), 1)

    def test_a_second_peer_of_the_same_address_gets_a_name_of_its_own(self) -> None:
        names = [self.table.enter("10.0.0.1:5").name for _ in range(3)]
        self.assertEqual(names, ["10.0.0.1:5", "10.0.0.1:5~2", "10.0.0.1:5~3"])

    def test_who_enters_and_leaves_in_one_turn_is_greeted_and_told_of_once(self) -> None:
        ann = self.table.enter("ann")
        self.table.read(ann)
        bob = self.table.enter("bob")
        self.chat.leave(bob)
        self.assertEqual(
            self.table.read(ann),
            [
                "> New user bob entered (2 users online)",
                "< The user bob left (1 user online)",
            ],
        )
        self.assertEqual(bob.outbox.lines, ["> Connected to the chat server (2 users online)"])
        self.assertEqual(bob.outbox.closed, 1)

    def test_a_failing_delivery_is_logged_and_is_nobody_elses_trouble(self) -> None:
        ann, bob, cat = (self.table.enter(name) for name in ("ann", "bob", "cat"))
        self.table.turns.run()
        bob.outbox.broken = True
        self.chat.say(ann, "hello")
        self.assertEqual(
            self.table.read(cat)[-2:],
            ["[ann] hello", "< The user bob left (2 users online), put out: its connection failed"],
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_dialect_that_fails_is_nobody_elses_trouble(self) -> None:
        for speaker in ("ann", "bob"):  # The one whose copy is cut, and one who gets what all get.
            with self.subTest(speaker=speaker):
                table = ChatOnTheTable()
                members = {name: table.enter(name) for name in ("bob", "ann", "cat")}
                table.turns.run()
                members["bob"].switch(BrokenDialect())
                dan = table.enter("dan")
                table.chat.say(members[speaker], "hello")
                table.turns.run()
                self.assertEqual(
                    dan.outbox.lines[0], "> Connected to the chat server (4 users online)"
                )
                self.assertIn(f"[{speaker}] hello", table.read(members["cat"]))
                self.assertIn(f"[{speaker}] hello", table.transcript.lines)
                self.assertNotIn(members["bob"], table.chat.everybody())
                self.assertEqual(members["bob"].outbox.closed, 1)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_when_it_stops_all_are_told_and_the_transcript_counts_down_to_none(self) -> None:
        ann, bob = self.table.enter("ann"), self.table.enter("bob")
        self.table.turns.run()
        self.chat.say(ann, "last words")
        self.chat.stop()
        self.table.turns.run()
        self.assertEqual(bob.outbox.lines[-2:], ["[ann] last words", "- the daemon stops"])
        self.assertEqual(ann.outbox.lines[-1], "- the daemon stops")
        self.assertEqual([ann.outbox.closed, bob.outbox.closed], [1, 1])
        self.assertEqual(
            self.table.transcript.lines[-2:],
            ["< The user ann left (1 user online)", "< The user bob left (0 user online)"],
        )

    def test_a_thousand_who_leave_at_once_cost_each_other_nothing(self) -> None:
        watcher = self.table.enter("watcher")
        members = [self.table.enter(f"m{number}") for number in range(1000)]
        self.table.read(watcher)
        for member in members:
            self.chat.leave(member)
        lines = self.table.read(watcher)
        self.assertEqual(len(lines), 1000)
        self.assertEqual(lines[-1], "< The user m999 left (1 user online)")
        self.assertEqual(len(watcher.outbox.written), 0)
        self.assertTrue(all(len(member.outbox.written) <= 2 for member in members))

    def test_who_stays_hears_nothing_of_the_many_who_leave_when_it_stops(self) -> None:
        members = [self.table.enter(f"m{number}") for number in range(TURN // 50)]
        for member in members:
            self.table.read(member)
        self.chat.stop()
        self.table.turns.run()
        self.assertEqual({tuple(m.outbox.lines) for m in members}, {("- the daemon stops",)})
        self.assertEqual(self.table.transcript.lines[-1][-16:], " (0 user online)")

    def test_who_is_found_dead_when_it_stops_keeps_the_many_others_from_nothing(self) -> None:
        dead, *members = [self.table.enter(f"m{number}") for number in range(10)]
        for member in members:
            self.table.read(member)
        dead.outbox.broken = True
        self.chat.say(members[0], "x" * (TURN - 500))  # A little more is a turn.
        self.chat.stop()
        self.table.turns.run()
        self.assertEqual({m.outbox.lines[-1] for m in members}, {"- the daemon stops"})
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_one_found_dead_while_another_goes_hurts_neither_room_nor_order(self) -> None:
        """A full turn is delivered in the middle of what somebody asked."""
        for line in ("/join tea", "/quit"):
            ann, bob, cat = (self.table.enter(name) for name in ("ann", "bob", "cat"))
            for member in (ann, bob):
                self.table.desk.hand_in(member, "/join dev")
            self.table.turns.run()
            bob.outbox.broken = True
            self.chat.say(cat, "x" * (TURN - 40))
            self.table.desk.hand_in(ann, line)
            self.table.turns.run()
            # It is found out about while others are told, and decided behind that.
            self.assertIn(
                "#dev < The user bob left (0 user online), put out: its connection failed",
                self.table.transcript.lines,
            )
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
            # Nothing is left of the room.
            rooms = ["- #lobby: 1 user online"] + ["- #tea: 1 user online"] * (line != "/quit")
            self.table.read(cat)
            self.assertEqual(self.table.ask(cat, "/rooms"), rooms)
            for member in (ann, cat):
                self.chat.leave(member)

    def test_who_is_found_dead_as_it_enters_or_is_renamed_gets_nothing_more(self) -> None:
        cat = self.table.enter("cat")
        self.table.ask(cat, "/topic tea")
        for name, line in (("ann", None), ("bob", "/nick lia"), ("dan", "/join dev")):
            member = Member(name, RecordingOutbox(), LINES, self.table.flood.meter(LOCAL))
            member.outbox.broken = True
            if line is not None:
                member.outbox.broken = False
                self.chat.arrive(member)
                self.table.turns.run()
                member.outbox.broken = True
            self.chat.say(cat, "x" * (TURN - 40))
            if line is None:
                self.chat.arrive(member)
            else:
                self.table.desk.hand_in(member, line)
            self.table.turns.run()
            self.assertEqual(member.outbox.closed, 1)
            self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(self.table.ask(cat, "/who")[-2:], ["- 1 user online:", "- cat"])

    def test_a_name_that_is_taken_from_somebody_who_is_found_dead_is_free(self) -> None:
        ann, bob = (self.table.enter(name, door=Door.SAFE_LINE) for name in ("10.0.0.1:1", "bob"))
        journal = self.chat.journal
        self.table.ask(ann, "/nick ann")
        ask(journal, ann, Register(named(ann.name), "a digest"))
        registration = journal.view.registration(named("ann"))
        self.table.turns.run()
        ann.outbox.broken = True
        self.chat.notify(ann, "it finds out now")
        self.chat.delivery._turn.size = TURN  # As after a flush in which thousands were found dead.
        ask(journal, bob, LogIn(named(registration.name), registration.digest))
        self.assertEqual(
            self.table.read(bob)[-2:],
            [
                "- You are now ann",
                "< The user 10.0.0.1:1 left (1 user online), put out: its connection failed",
            ],
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_many_who_are_found_dead_at_once_are_told_of_in_the_next_turn(self) -> None:
        members = [self.table.enter(f"m{number}") for number in range(TURN // 100 + 1)]
        last = self.table.enter("last")
        self.table.turns.run()
        for member in members:
            member.outbox.broken = True
        self.table.read(last)
        self.chat.say(last, "hello")
        self.chat.notify(last, "said")
        lines = self.table.read(last)
        self.assertEqual(lines[0], "- said")
        self.assertEqual(len(lines), 1 + len(members))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), len(members))

    def test_who_goes_from_room_to_room_costs_the_others_one_write(self) -> None:
        members = [self.table.enter(f"m{number}") for number in range(1000)]
        self.table.turns.run()
        for member in members:
            member.outbox.written.clear()
        for number in range(250):
            self.table.desk.hand_in(members[0], f"/join dev{number % 7}")
            self.table.desk.hand_in(members[0], "/join lobby")
        self.table.turns.run()
        self.assertEqual({len(member.outbox.written) for member in members}, {1})
        self.assertEqual(len({id(member.outbox.written[0]) for member in members[1:]}), 1)
        self.assertEqual(len(members[0].outbox.lines), 1000)
        self.assertEqual(len(members[1].outbox.lines), 500)
        self.assertEqual(list(self.chat._rooms), ["lobby"])
