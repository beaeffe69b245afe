"""How chat-client comes back to a server, as its clock tells."""

from __future__ import annotations

from unittest import TestCase

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.clients import AWAY, GREETING
from twisted_chat.bridge import Bridge
from twisted_chat.console.face import Face, User
from twisted_chat.console.options import Options
from twisted_chat.events import Event

PAUSES = (1, 2, 4, 8, 16, 30, 30)
"""Seconds from the loss of a connection, or a failed try, to the next one; a part of a second
comes on top, by chance.
"""


class Paper(Face):
    """A face that keeps what it is shown."""

    interactive = True
    runs_commands = True

    def __init__(self) -> None:
        self.shown: list[str] = []

    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        return succeed(None)

    def _hand_over(self, line: str) -> None:
        pass

    def start(self, user: User) -> None:
        pass

    def show(self, line: str, event: Event) -> None:
        self.shown.append(line)

    def tell(self, line: str) -> None:
        self.shown.append(line)

    def show_exit(self) -> None:
        pass

    def ring(self) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def close(self) -> Deferred[object]:
        return succeed(None)


class ComingBackTests(TestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.face = Paper()
        options = Options()
        options.parseOptions(["127.0.0.1", "8888"])
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 8888)
        bridge = Bridge(self.reactor, endpoint, options, self.face)
        Deferred.fromCoroutine(bridge.run())
        self.tries = 0
        self.connect()
        self.hear(GREETING)
        self.lose()

    def next_try(self):
        """The factory of the next connection that is tried."""
        self.tries += 1
        self.assertEqual(len(self.reactor.tcpClients), self.tries)
        return self.reactor.tcpClients[-1][2]

    def connect(self) -> None:
        self.protocol: Protocol = self.next_try().buildProtocol(None)
        self.protocol.makeConnection(StringTransport())

    def hear(self, line: str) -> None:
        self.protocol.dataReceived(line.encode())

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def pass_time(self, pause: int) -> None:
        """There is a next try after that many seconds and the part of one, and none before."""
        self.reactor.advance(pause - 0.01)
        self.assertEqual(len(self.reactor.tcpClients), self.tries)
        self.reactor.advance(1.02)

    def test_the_pauses_grow_as_long_as_there_is_no_server(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.next_try().clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def test_the_pauses_grow_as_long_as_it_is_refused_at_the_door(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.hear("! you are banned\n")
            self.assertTrue(self.protocol.transport.disconnecting)
            self.lose()
        self.assertEqual(self.face.shown, [GREETING.strip(), AWAY.strip(), "! you are banned"])

    def test_each_reason_is_shown_once_whatever_its_numbers(self) -> None:
        reasons = [
            "you are banned for 1 min 1 s more: rude",
            "you are banned for 57 s more: rude",
            "the chat is full (10000 users): try again later",
            "the chat is full (1 user): try again later",
            "you are banned for 20 s more: rude",
        ]
        for pause, reason in zip(PAUSES, reasons, strict=False):
            self.pass_time(pause)
            self.connect()
            self.hear(f"! {reason}\n")
            self.lose()
        self.assertEqual(
            self.face.shown[2:], [f"! {reasons[0]}", f"! {reasons[2]}", f"! {reasons[4]}"]
        )

    def test_the_pauses_grow_as_long_as_it_is_not_greeted(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.lose()
        self.assertEqual(self.face.shown, [GREETING.strip(), AWAY.strip()])

    def test_a_greeting_makes_the_pauses_short_again(self) -> None:
        for _ in range(2):
            for pause in PAUSES[:4]:
                self.pass_time(pause)
                self.connect()
                self.hear("! the chat is locked\n") if pause < PAUSES[3] else self.hear(GREETING)
                self.lose()
        lines = [GREETING.strip(), AWAY.strip(), "! the chat is locked"]
        self.assertEqual(self.face.shown, [*lines, *lines, *lines[:2]])
