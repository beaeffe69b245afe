"""A connection that breaks where it goes on after an answer: it is logged and ended, not deaf."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, BOB, ChatOnTheTable, Door, SlowJournal, TCPTransport
from tests.support.hall import Vault
from tests.unit.test_control import PEER, attendants, request
from twisted_chat.doors.control import ControlDoor

HASHED = b"/nick ann\n/register horse battery\n"


class LineDoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.vault = Vault(self)
        self.door = Door(clock=self.vault.clock, passphrases=self.vault.passphrases)
        self.bob = self.door.connect(BOB)
        self.patch(self.door.factory.chat, "say", self.fail_to_say)

    def fail_to_say(self, member: object, text: str, room: str) -> None:
        raise RuntimeError("on purpose")

    def assert_over(self) -> None:
        """It is logged, ann is told of as gone, and nothing is counted or timed any more."""
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.door.turn()
        [line] = [line for line in self.bob.transport.lines() if line.startswith("<")]
        self.assertIn("The user ann left (1 user online)", line)
        self.bob.connectionLost(Failure(ConnectionDone()))
        self.door.turn()
        self.assertEqual(self.door.entrance.admission._users, 0)
        self.assertEqual(self.vault.clock.getDelayedCalls(), [])

    def test_what_fails_behind_a_login_ends_the_connection_and_is_logged(self) -> None:
        ann = self.door.connect(_safe(ANN))
        ann.dataReceived(HASHED + b"hello\n")
        self.vault.clock.hear()
        self.assertTrue(ann.transport.disconnected)
        ann.connectionLost(Failure(ConnectionAborted()))
        self.assert_over()

    def test_what_fails_behind_a_login_of_who_is_gone_leaves_nothing(self) -> None:
        ann = self.door.connect(_safe(ANN))
        ann.dataReceived(HASHED + b"hello\n")
        ann.connectionLost(Failure(ConnectionDone()))
        self.vault.clock.hear()
        self.assert_over()

    def test_an_answer_that_fails_itself_ends_the_connection_and_is_logged(self) -> None:
        for is_gone in (False, True):
            with self.subTest(is_gone=is_gone):
                self.setUp()
                ann = self.door.connect(ANN)
                ann.dataReceived(b"/nick ann\n")
                answer: Deferred[None] = Deferred()
                self.patch(self.door.factory.desk, "hand_in", lambda *_, answer=answer: answer)
                ann.dataReceived(b"hello\n/quit\n")
                if is_gone:
                    ann.connectionLost(Failure(ConnectionDone()))
                answer.errback(RuntimeError("on purpose"))
                self.assertNotEqual(ann.transport.disconnected, is_gone)
                if not is_gone:
                    ann.connectionLost(Failure(ConnectionAborted()))
                self.assert_over()


def _safe(peer):
    """`peer`, come from this machine, where passphrases are taken."""
    return type(peer)(peer.type, "127.0.0.1", peer.port)


class ControlDoorTests(SynchronousTestCase):
    def test_what_fails_behind_an_answer_ends_the_connection_and_is_logged(self) -> None:
        table = ChatOnTheTable(SlowJournal())
        door = ControlDoor(table.entrance(), "")
        protocol = door.buildProtocol(PEER)
        protocol.makeConnection(TCPTransport(peerAddress=PEER))
        table.chat.journal.is_slow = True
        protocol.dataReceived(request("who") + request("ops"))
        self.patch(protocol, "_obey", lambda line: 1 / 0)
        table.chat.journal.settle()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(protocol.transport.disconnected)
        protocol.connectionLost(Failure(ConnectionAborted()))
        table.turns.run()
        self.assertEqual(door.connections, set())
        self.assertEqual(attendants(table), set())
        self.assertEqual(table.clock.getDelayedCalls(), [])
