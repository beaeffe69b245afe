"""What the line door does with its peers while a ledger is away."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import BOB, Door
from tests.support.loopback import LoopbackLedger, lay_journal, settle
from twisted_chat.limits import GOODBYE, IN_FLIGHT
from twisted_chat.names import named
from twisted_chat.requests import Arrive, Mute

LINE = b"x" * 60 + b"\n"
MUCH = LINE * (IN_FLIGHT // len(LINE))


class DoorOverALedgerTests(SynchronousTestCase):
    """A line door whose ledger answers when the test lets it."""

    def setUp(self) -> None:
        self.pace = Clock()
        self.ledger = LoopbackLedger(self.pace)
        self.door = Door(journal=lambda now: lay_journal("n1", self.ledger, self.pace))
        self.ann, self.bob = self.door.connect(), self.door.connect(BOB)
        self.let_answer()
        for peer in (self.ann, self.bob):
            peer.transport.lines()

    def let_answer(self) -> None:
        """Let the ledger bring back all that is under way."""
        while not self.ledger.rests:
            settle(self.pace, self.ledger)
            self.door.turn()

    def is_read(self, peer) -> bool:
        return peer.transport.producerState == "producing"

    def test_lines_do_not_wait_for_each_other(self) -> None:
        for text in (b"one\n", b"two\n", b"three\n"):
            self.ann.dataReceived(text)
            self.assertTrue(self.is_read(self.ann))
        self.let_answer()
        self.assertEqual(
            [line.split()[-1] for line in self.bob.transport.lines()], ["one", "two", "three"]
        )

    def test_a_peer_with_much_under_way_is_not_read_until_it_is_less(self) -> None:
        self.ann.dataReceived(MUCH)
        self.assertFalse(self.is_read(self.ann))
        self.assertTrue(self.is_read(self.bob))
        self.let_answer()
        self.assertTrue(self.is_read(self.ann))
        self.assertEqual(len(self.bob.transport.lines()), MUCH.count(b"\n"))

    def test_what_is_read_nonetheless_as_over_tls_waits_until_it_is_less(self) -> None:
        self.ann.dataReceived(b"hello\n")
        self.let_answer()
        self.ann.dataReceived(MUCH)
        self.ann.dataReceived(b"not yet\n")
        self.bob.dataReceived(b"me first\n")
        self.let_answer()
        self.assertEqual(self.door.said()[-2:], ["[10.0.0.2:2] me first", "[10.0.0.1:1] not yet"])

    def test_lines_behind_a_command_wait_for_its_answer(self) -> None:
        self.ann.dataReceived(b"before\n/nick ann\nafter\n")
        self.assertFalse(self.is_read(self.ann))
        self.let_answer()
        self.assertEqual(
            self.bob.transport.lines(),
            ["[10.0.0.1:1] before", "- 10.0.0.1:1 is now ann", "[ann] after"],
        )
        self.assertEqual(self.ann.transport.lines(), ["- You are now ann"])

    def test_what_is_looked_up_knows_of_what_was_said_just_before(self) -> None:
        self.ann.dataReceived(b"hello\n")
        self.ann.dataReceived(b"/history 1\n")
        self.let_answer()
        self.assertIn("[10.0.0.1:1] hello", self.ann.transport.lines()[0])

    def mute_ann(self) -> None:
        journal = self.door.factory.chat.journal
        journal.ask("n1.9", Arrive(named("op"), "", "local", "control"))
        journal.ask("n1.9", Mute(named("10.0.0.1:1"), 60))
        self.let_answer()
        self.ann.transport.lines()

    def refused(self) -> list[str]:
        """The first words of what ann reads."""
        self.let_answer()
        return [line[:30] for line in self.ann.transport.lines()]

    def test_refusals_come_in_the_order_of_the_lines_that_are_refused(self) -> None:
        self.mute_ann()
        for line in (b"one\n", b" /login ann secret\n", b"two\n", b"/dance\n"):
            self.ann.dataReceived(line)
        self.assertEqual(
            self.refused(),
            [
                "! that was not said: you are m",
                "! that was not said: a passphr",
                "! that was not said: you are m",
                "! no command /dance: /help lis",
            ],
        )

    def test_what_the_door_itself_refuses_comes_in_that_order_too(self) -> None:
        self.mute_ann()
        muted, long = "! that was not said: you are m", "! a line longer than 100 bytes"
        for sent in (b"x" * 101 + b"\n", b"x" * 5000 + b"\n"):
            self.ann.dataReceived(b"one\n" + sent + b"two\n")
            self.assertEqual(self.refused(), [muted, long, muted])
        self.ann.dataReceived(b"one\n\xe9\ntwo\n")
        hint = "! that was no UTF-8, and other"
        self.assertEqual(self.refused(), [muted, hint, muted, muted])

    def test_a_hint_comes_before_the_answer_to_the_command_that_it_is_about(self) -> None:
        self.ann.dataReceived(b"one\n/danc\xe9\n/nick ann\n")
        self.assertEqual(
            self.refused(),
            [
                "! that was no UTF-8, and other",
                "! no command /danc\ufffd: /help lis",
                "- You are now ann",
            ],
        )

    def test_a_lost_peer_keeps_no_place_for_a_hint_or_what_comes_behind_it(self) -> None:
        self.ann.dataReceived(b"one\n/danc\xe9\n" + b"x" * 5000)
        self.ann.connectionLost(Failure(ConnectionDone()))
        self.door.clock.advance(GOODBYE)
        self.door.turn()
        self.assertEqual(self.door.entrance.admission._users, 1)
        self.let_answer()
        self.assertTrue(self.bob.transport.lines()[-1].startswith("< The user 10.0.0.1:1 left"))

    def test_all_that_a_peer_had_sent_is_heard_before_it_leaves(self) -> None:
        for end in (
            lambda peer: peer.readConnectionLost(),
            lambda peer: peer.connectionLost(Failure(ConnectionDone())),
        ):
            peer = self.door.connect()
            self.let_answer()
            self.bob.transport.lines()
            peer.dataReceived(MUCH)
            peer.dataReceived(b"behind\n/nick zoe\nlast\n")
            end(peer)
            self.let_answer()
            lines = self.bob.transport.lines()
            self.assertEqual(len(lines), MUCH.count(b"\n") + 4)
            self.assertTrue(lines[-4].endswith("] behind"))
            self.assertEqual(lines[-2:], ["[zoe] last", "< The user zoe left (2 users online)"])

    def test_a_peer_that_is_lost_waits_for_a_ledger_that_is_away_and_holds_nothing_up(self) -> None:
        self.ann.dataReceived(MUCH)
        self.ann.dataReceived(b"/nick ann\nlast\n")
        self.ann.connectionLost(Failure(ConnectionDone()))
        self.door.clock.advance(GOODBYE)
        self.door.clock.advance(GOODBYE)
        self.let_answer()
        self.assertEqual(
            [line.split(" ", 1)[-1] for line in self.bob.transport.lines()[-3:]],
            ["10.0.0.1:1 is now ann", "last", "The user ann left (1 user online)"],
        )

    def test_who_goes_while_it_enters_is_told_of_twice(self) -> None:
        peer = self.door.connect()
        peer.dataReceived(b"hello\n")
        peer.connectionLost(Failure(ConnectionDone()))
        self.let_answer()
        lines = self.bob.transport.lines()
        self.assertEqual(
            [line.split(" (")[0] for line in lines],
            [
                "> New user 10.0.0.1:1~2 entered",
                "[10.0.0.1:1~2] hello",
                "< The user 10.0.0.1:1~2 left",
            ],
        )
