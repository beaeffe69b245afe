"""Whoever does not complete the handshake of TLS was never there."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.internet.tcp import Connection as TCPConnection
from twisted.internet.testing import AccumulatingProtocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Authority
from tests.support.doubles import ANN, BOB, Door, TCPTransport
from tests.support.shaking import Client
from tests.unit.test_outbox import Reactor
from twisted_chat.doors.certificates import ServerCertificate
from twisted_chat.doors.handshakes import outlast_failed_writes
from twisted_chat.doors.listening import Place
from twisted_chat.limits import GOODBYE, HANDSHAKE, REFUSED_AT_ONCE, UNREADY


class Port:
    """Where TLS is spoken at `door`, with `certificate`."""

    def __init__(self, door: Door, certificate: ServerCertificate, place: Place) -> None:
        self._factory = door.factory.factory_for(place)
        if place.certificate is None:  # Then Twisted makes its own TLS of it.
            self._factory = TLSMemoryBIOFactory(certificate, False, self._factory, door.clock)
        self._door = door
        self._factory.doStart()

    def connect(self, peer: IAddress = ANN) -> Connection:
        """Return a connection that has sent nothing yet."""
        connection = Connection(self._door, TCPTransport(peerAddress=peer))
        connection.protocol = self._factory.buildProtocol(peer)
        connection.protocol.makeConnection(connection.transport)
        return connection

    def close(self) -> None:
        self._factory.doStop()


class Connection:
    """Both ends of a connection to a Port: the client, and the daemon's `protocol`."""

    def __init__(self, door: Door, transport: TCPTransport) -> None:
        self._door = door
        self.transport = transport
        self.client = Client()

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)
        self._door.turn()

    def shake(self) -> str:
        """Complete the handshake, and return what the daemon says then."""
        self.send(self.client.take(b""))
        self.send(self.client.take(self.written()))
        return self.read()

    def read(self) -> str:
        return self.client.read(self.written()).decode()

    def written(self) -> bytes:
        written = self.transport.value()
        self.transport.clear()
        return written

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionLost()))
        self._door.turn()

    @property
    def is_closed(self) -> bool:
        return self.transport.disconnected


class HandshakeTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        authority = Authority(Path(folder.name))
        self.certificate = ServerCertificate(str(authority.certify("127.0.0.1")))
        self.open()

    def open(self, **limits: int) -> None:
        self.door = Door(**limits)
        self.entrance = self.door.entrance
        self.port = Port(self.door, self.certificate, Place("", "tcp:0", self.certificate))

    def test_one_enters_when_the_handshake_is_complete_and_not_before(self) -> None:
        ann = self.port.connect()
        hello = ann.client.take(b"")
        for at in range(len(hello)):
            ann.send(hello[at : at + 1])
        finished = ann.client.take(ann.written())
        for at in range(len(finished) - 1):
            ann.send(finished[at : at + 1])
        self.assertEqual(self.door.said(), [])
        self.assertEqual(ann.read(), "")
        ann.send(finished[-1:])
        self.assertEqual(ann.read(), "> Connected to the chat server (1 user online)\n")
        [entered] = self.door.said()
        self.assertIn("entered", entered)

    def test_what_comes_with_the_last_of_the_handshake_is_heard(self) -> None:
        ann = self.port.connect()
        ann.send(ann.client.take(b""))
        finished = ann.client.take(ann.written())
        ann.send(finished + ann.client.say(b"hello\n"))
        self.assertTrue(self.door.said()[-1].endswith("] hello"))
        self.assertEqual(len(self.entrance.anteroom), 0)

    def test_this_holds_in_whatever_way_tls_is_listened_on(self) -> None:
        for place in (
            Place("", "ssl:0:privateKey=x"),
            Place("", "TLS:folder:0"),
            Place("", "unix:path", self.certificate),
        ):
            with self.subTest(place=place):
                connection = Port(self.door, self.certificate, place).connect()
                connection.send(connection.client.take(b""))
                self.assertEqual(len(self.entrance.anteroom), 1)
                connection.lose()
                self.assertEqual(self.door.said(), [])
        self.assertIs(self.door.factory.factory_for(Place("", "tcp:0")), self.door.factory)

    def test_scans_garbage_and_those_who_go_are_told_to_nobody(self) -> None:
        for data in (b"", b"\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", bytes(range(256)) * 300):
            with self.subTest(data=data[:20]):
                connection = self.port.connect()
                if data:
                    connection.send(data)
                    self.assertEqual(self.entrance.admission._users, 1)
                connection.lose()
                self.assertEqual(self.door.said(), [])
                self.assertEqual(self.entrance.admission._users, 0)
                self.assertEqual(len(self.entrance.anteroom), 0)
        self.assertEqual(self.door.clock.getDelayedCalls(), [])

    def test_a_handshake_has_its_time_and_not_one_byte_makes_it_longer(self) -> None:
        silent, slow = self.port.connect(), self.port.connect(BOB)
        hello = slow.client.take(b"")
        for at in range(int(HANDSHAKE) - 1):
            self.door.clock.advance(1)
            slow.send(hello[at : at + 1])
        self.assertFalse(silent.is_closed or slow.is_closed)
        self.door.clock.advance(1)
        self.assertTrue(silent.is_closed and slow.is_closed)
        self.assertEqual(self.door.said(), [])

    def test_a_member_is_not_closed_when_its_time_for_the_handshake_is_over(self) -> None:
        ann = self.port.connect()
        ann.shake()
        self.door.clock.advance(2 * HANDSHAKE)
        self.assertFalse(ann.is_closed)

    def test_where_too_many_wait_the_one_that_has_waited_longest_is_closed(self) -> None:
        first = self.port.connect()
        second = self.port.connect()
        others = [
            self.port.connect(IPv4Address("TCP", f"10.{n // 250}.0.{n % 250 + 1}", 1))
            for n in range(UNREADY - 2)
        ]
        self.assertFalse(first.is_closed)
        last = self.port.connect(BOB)
        self.assertTrue(first.is_closed)
        self.assertFalse(second.is_closed or any(each.is_closed for each in others))
        self.assertEqual(len(self.entrance.anteroom), UNREADY)
        self.assertIn("Connected", last.shake())
        self.port.connect(BOB)
        self.assertFalse(second.is_closed)

    def test_those_who_wait_have_the_places_of_their_address(self) -> None:
        self.open(max_per_address=2)
        first, second = self.port.connect(), self.port.connect()
        third = self.port.connect()
        self.assertIn("2 connections from 10.0.0.1 are as many", third.shake())
        self.assertIn("Connected", self.port.connect(BOB).shake())
        first.lose()
        self.assertIn("Connected", self.port.connect().shake())
        self.assertIn("Connected", second.shake())

    def test_who_is_refused_reads_why_when_the_handshake_is_complete(self) -> None:
        self.open(max_users=1)
        self.port.connect().shake()
        self.assertEqual(
            self.port.connect(BOB).shake(), "! the chat is full (1 user): try again later\n"
        )
        silent = self.port.connect(BOB)
        self.door.clock.advance(GOODBYE)
        self.assertTrue(silent.is_closed)

    def test_where_many_are_refused_the_next_ones_are_closed_at_once(self) -> None:
        self.open(max_users=1)
        self.port.connect().shake()
        refused = [self.port.connect(BOB) for _ in range(REFUSED_AT_ONCE + 1)]
        self.assertEqual([each.is_closed for each in refused], [False] * REFUSED_AT_ONCE + [True])

    def test_a_daemon_that_stops_waits_for_no_handshake(self) -> None:
        ann, silent = self.port.connect(), self.port.connect(BOB)
        ann.shake()
        self.port.close()
        self.door.factory.drain()
        self.door.turn()
        self.assertTrue(silent.is_closed)
        self.assertIn("stop", ann.read())


class FailedWriteTests(SynchronousTestCase):
    """The peer is gone, and a write beneath TLS fails before all is read that had come."""

    def setUp(self) -> None:
        ours, self.peer = socket.socketpair()
        self.addCleanup(ours.close)
        ours.setblocking(False)
        self.protocol = AccumulatingProtocol()
        self.connection = TCPConnection(ours, self.protocol, Reactor())
        self.connection.connected = True
        outlast_failed_writes(self.connection)

    def test_what_the_peer_had_sent_before_is_read_to_its_end(self) -> None:
        self.peer.sendall(b"last words")
        self.peer.close()
        self.connection.write(b"to nobody")
        self.assertIsNone(self.connection.doWrite())
        self.assertIsNone(self.connection.doRead())
        self.assertEqual(self.protocol.data, b"last words")
        self.assertIsNotNone(self.connection.doRead())

    def test_a_write_that_succeeds_is_as_ever(self) -> None:
        self.addCleanup(self.peer.close)
        self.connection.write(b"hello")
        self.assertIsNone(self.connection.doWrite())
        self.assertEqual(self.peer.recv(100), b"hello")
