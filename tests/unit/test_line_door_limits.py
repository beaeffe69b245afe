"""The line door's limits, without sockets: who pastes waits, who is too many is told so."""

from __future__ import annotations

from math import floor

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, providedBy

from tests.support.doubles import ANN, BOB, Door, TCPTransport
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.doors.streams import RefusingProtocol
from twisted_chat.limits import GOODBYE, REFUSED_AT_ONCE, SHORTEST_PAUSE, TOKEN

ANSWER = 0.5
"""Tokens, at most, of a refusal of one line."""


def said_by(protocol: ChatProtocol, door: Door) -> list[str]:
    """What it has said since the transcript was last asked for."""
    lead = f"[{protocol.transport.getPeer().host}:{protocol.transport.getPeer().port}] "
    return [line.removeprefix(lead) for line in door.said() if line.startswith(lead)]


class FloodTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.door = Door(rate=10, burst=10)
        self.ann = self.door.connect(ANN)
        self.door.said()

    def paste(self, count: int) -> list[str]:
        lines = [f"line {number}" for number in range(count)]
        self.ann.dataReceived("".join(f"{line}\n" for line in lines).encode())
        return lines

    def reads(self) -> bool:
        return self.ann.transport.producerState == "producing"

    def test_a_burst_is_said_at_once_and_the_rest_at_the_rate(self) -> None:
        lines = self.paste(50)
        self.assertEqual(said_by(self.ann, self.door), lines[:10])
        self.assertFalse(self.reads())
        heard = lines[:10]
        for _ in range(4):
            self.door.clock.pump([SHORTEST_PAUSE] * 20)
            heard += said_by(self.ann, self.door)
            self.assertEqual(heard, lines[: len(heard)])
        self.assertIn(len(heard), (49, 50))
        self.door.clock.pump([SHORTEST_PAUSE] * 20)
        self.assertTrue(self.reads())

    def test_every_line_costs_the_empty_the_refused_and_the_long_one_too(self) -> None:
        for before, tokens in (
            (b"\n", 1),
            (b"\r\n", 1),
            (b"x" * 101 + b"\n", 1 + ANSWER),
            (b"x" * 4 * TOKEN + b"\n", 5 + ANSWER),
            (b"/nope\n", 1 + ANSWER),
            (b"\xff\xfd\x06\n", 2),
        ):
            with self.subTest(before=before):
                self.setUp()
                self.ann.dataReceived(before)
                lines = self.paste(20)
                self.assertEqual(said_by(self.ann, self.door), lines[: floor(10 - tokens)])

    def test_a_command_costs_what_its_answer_is_worth(self) -> None:
        self.door = Door(rate=10, burst=12, max_per_address=1000)
        for number in range(100):
            self.door.connect(type(ANN)("TCP", "192.168.100.100", 10_000 + number))
        self.ann = self.door.connect(ANN)
        self.door.said()
        self.ann.dataReceived(b"/who\n")  # 100 names of 23 characters
        lines = self.paste(20)
        self.assertEqual(said_by(self.ann, self.door), lines[:1])

    def test_nobody_else_waits(self) -> None:
        bob = self.door.connect(BOB)
        self.paste(1000)
        bob.dataReceived(b"me first\n")
        self.assertEqual(said_by(bob, self.door), ["me first"])

    def test_what_was_sent_before_the_end_is_said_at_its_rate_and_then_it_leaves(self) -> None:
        for reason in (ConnectionDone, ConnectionLost):
            with self.subTest(reason=reason):
                self.setUp()
                lines = self.paste(30)
                self.ann.dataReceived(b"the last")
                self.ann.connectionLost(Failure(reason()))
                heard = self.door.said()
                self.assertEqual(len(heard), 10)
                self.door.clock.pump([SHORTEST_PAUSE] * 60)
                heard += self.door.said()
                self.assertEqual(
                    heard,
                    [f"[10.0.0.1:1] {line}" for line in [*lines, "the last"]]
                    + ["< The user 10.0.0.1:1 left (0 user online)"],
                )
                self.assertEqual(self.door.clock.getDelayedCalls(), [])
                self.assertIsNone(self.door.entrance.admission.refusal(None))
                self.assertEqual(self.door.entrance.admission._users, 0)

    def test_who_is_put_out_while_it_waits_is_heard_no_more(self) -> None:
        self.paste(30)
        self.door.said()
        self.ann._too_slow(5)
        self.door.turn()
        self.ann.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.door.said()), 1)
        self.assertEqual(self.door.clock.getDelayedCalls(), [])
        self.assertEqual(self.door.entrance.admission._users, 0)

    def test_it_goes_on_to_be_read_after_its_end_was_decided(self) -> None:
        self.ann.dataReceived(b"/quit\n" + b"more\n" * 50)
        self.assertEqual(len(self.door.said()), 1)
        self.assertTrue(self.ann.transport.disconnecting)


class RefusalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.door = Door(max_users=1)
        self.ann = self.door.connect(ANN)
        self.door.said()

    def connect(self, transport: TCPTransport) -> TCPTransport:
        protocol = self.door.factory.buildProtocol(BOB)
        self.assertIsInstance(protocol, RefusingProtocol)
        protocol.makeConnection(transport)
        return transport

    def test_who_is_too_many_is_told_so_and_nobody_hears_of_it(self) -> None:
        transport = self.connect(TCPTransport(peerAddress=BOB))
        transport.protocol = None
        self.assertEqual(transport.lines(), ["! the chat is full (1 user): try again later"])
        self.assertTrue(transport.half_closed)
        self.assertEqual(self.door.said(), [])

    def test_it_is_heard_out_but_not_for_ever(self) -> None:
        protocol = self.door.factory.buildProtocol(BOB)
        transport = TCPTransport(peerAddress=BOB)
        protocol.makeConnection(transport)
        protocol.writeConnectionLost()
        protocol.dataReceived(b"let me in\n" * 1000)
        self.assertFalse(transport.disconnecting)
        protocol.readConnectionLost()
        self.assertTrue(transport.disconnecting)
        self.door.clock.advance(GOODBYE)
        self.assertTrue(transport.disconnected)
        protocol.connectionLost()
        self.assertEqual(self.door.factory.being_refused, 0)

    def test_what_cannot_be_heard_out_is_closed(self) -> None:
        tls = TCPTransport(peerAddress=BOB)
        directlyProvides(tls, providedBy(tls), ISSLTransport)
        self.assertTrue(self.connect(tls).disconnecting)
        for _ in range(REFUSED_AT_ONCE - 1):
            self.assertTrue(self.connect(TCPTransport(peerAddress=BOB)).half_closed)
        self.assertTrue(self.connect(TCPTransport(peerAddress=BOB)).disconnecting)

    def test_when_one_has_left_there_is_room_again(self) -> None:
        self.ann.connectionLost(Failure(ConnectionDone()))
        self.assertIsInstance(self.door.factory.buildProtocol(BOB), ChatProtocol)
