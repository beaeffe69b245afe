"""Behind a proxy: who is let in, as whom, and what is no header."""

from __future__ import annotations

import struct
from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import Door, TCPTransport
from tests.support.properties import given, st
from tests.support.proxies import (
    ALPN,
    LOCAL,
    NO_TLS,
    PROXY,
    SIGNATURE,
    TLS,
    block,
    proxy_header,
    proxy_line,
)
from twisted_chat.doors.listening import place_for
from twisted_chat.doors.proxied import Proxies
from twisted_chat.doors.proxy_header import BadHeader, Header, read_header
from twisted_chat.limits import PROXY_HEADER, PROXY_WAIT
from twisted_chat.networks import claimed_address, host_of, is_local, origin_of

HERE = IPv4Address("TCP", "127.0.0.1", 40000)
ELSEWHERE = IPv4Address("TCP", "10.9.9.9", 40000)
ANN, SIX = ("198.51.100.7", 1234), ("2001:db8::7", 1234)

GOOD = {
    "v1": (proxy_line(ANN), ANN),
    "v1, IPv6": (proxy_line(SIX, ("2001:db8::1", 8888)), SIX),
    "v1, mapped": (proxy_line(("::ffff:198.51.100.7", 1234), ("::1", 1)), ANN),
    "v2": (proxy_header(ANN, parts=b""), ANN),
    "v2, IPv6": (proxy_header(SIX, ("2001:db8::1", 8888), b""), SIX),
    "v2 and more": (proxy_header(ANN, parts=ALPN + TLS), ANN),
    "v2, as long as may be": (
        proxy_header(
            ANN, parts=b"\x04" + struct.pack("!H", PROXY_HEADER - 31) + b"x" * (4096 - 31)
        ),
        ANN,
    ),
}
TELLS_OF_NOBODY = {
    "v1": b"PROXY UNKNOWN\r\n",
    "v1, with addresses": b"PROXY UNKNOWN 1.2.3.4 1.2.3.4 5 6\r\n",
    "v2, its own check": block(LOCAL, 0, b""),
    "v2, its own check with addresses": block(LOCAL, 0x11, b"\x7f\0\0\1" * 2 + b"\0\1\0\2"),
    "v2, unknown": block(PROXY, 0, b""),
    "v2, a unix socket": block(PROXY, 0x31, b"/run/x".ljust(216, b"\0")),
    "v2, UDP": block(PROXY, 0x12, b"\x7f\0\0\1" * 2 + b"\0\1\0\2"),
}
BAD = {
    "a line": b"hello\r\n",
    "HTTP": b"GET / HTTP/1.0\r\n",
    "another case": b"proxy TCP4 1.2.3.4 1.2.3.4 5 6\r\n",
    "another family": b"PROXY TCP5 1.2.3.4 1.2.3.4 5 6\r\n",
    "v1, of the other family": b"PROXY TCP4 ::1 ::1 5 6\r\n",
    "v1, no address": b"PROXY TCP4 1.2.3.400 1.2.3.4 5 6\r\n",
    "v1, no other address": b"PROXY TCP4 1.2.3.4 chat 5 6\r\n",
    "v1, no port": b"PROXY TCP4 1.2.3.4 1.2.3.4 x 6\r\n",
    "v1, a port that is too high": b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 6\r\n",
    "v1, too short": b"PROXY TCP4 1.2.3.4 1.2.3.4 5\r\n",
    "v1, too long": b"PROXY UNKNOWN " + b"x" * 93,
    "v2, another version": SIGNATURE + b"\x11\x11\0\0",
    "v2, another command": SIGNATURE + b"\x22\x11\0\0",
    "v2, too long": SIGNATURE + b"\x21\x11" + struct.pack("!H", PROXY_HEADER - 15),
    "v2, too short": block(PROXY, 0x11, b"\x7f\0\0\1" * 2),
    "v2, too short for IPv6": block(PROXY, 0x21, b"\x7f\0\0\1" * 2 + b"\0\1\0\2"),
}


class HeaderTests(SynchronousTestCase):
    def test_a_header_is_read_when_it_is_whole_and_not_before(self) -> None:
        for name, (data, (host, port)) in GOOD.items():
            with self.subTest(name=name):
                for size in range(len(data)):
                    self.assertIsNone(read_header(data[:size]))
                header = read_header(data + b"PROXY hello\r\n")
                assert header is not None
                assert header.peer is not None
                self.assertEqual(header.size, len(data))
                self.assertEqual((header.peer.host, header.peer.port), (host, port))

    def test_a_header_may_tell_of_nobody(self) -> None:
        for name, data in TELLS_OF_NOBODY.items():
            with self.subTest(name=name):
                for size in range(len(data)):
                    self.assertIsNone(read_header(data[:size]))
                self.assertEqual(read_header(data + b"hello"), Header(len(data)))

    def test_what_is_no_header_is_told_from_the_byte_on_that_shows_it(self) -> None:
        for name, data in BAD.items():
            with self.subTest(name=name):
                self.assertRaises(BadHeader, read_header, data)
        self.assertRaises(BadHeader, read_header, b"h")
        self.assertRaises(BadHeader, read_header, b"PROXX")
        self.assertRaises(BadHeader, read_header, SIGNATURE[:5] + b"x")

    def test_it_tells_whether_the_client_speaks_tls(self) -> None:
        for parts, tells in ((TLS, True), (ALPN + TLS, True), (NO_TLS, False), (ALPN, False)):
            header = read_header(proxy_header(ANN, parts=parts))
            assert header is not None
            self.assertEqual(header.is_encrypted, tells)

    @given(st.binary(max_size=80), st.sampled_from([b"", SIGNATURE, b"PROXY ", b"PROXY TCP4 "]))
    def test_whatever_comes_is_a_header_or_the_begin_of_one_or_none(
        self, data: bytes, lead: bytes
    ) -> None:
        try:
            header = read_header(lead + data)
        except BadHeader:
            return
        if header is not None:
            self.assertLessEqual(header.size, len(lead + data))

    @given(st.binary(max_size=60))
    def test_parts_that_are_broken_tell_nothing_and_break_nothing(self, parts: bytes) -> None:
        header = read_header(proxy_header(ANN, parts=parts))
        assert header is not None
        self.assertEqual(header.peer, claimed_address(ip_address(ANN[0]), ANN[1]))


class ClaimTests(SynchronousTestCase):
    def test_no_text_of_a_proxy_gets_into_a_name(self) -> None:
        header = read_header(proxy_line(("fe80::1%\n>\u00a0x", 1), ("::1", 2)))
        assert header is not None
        assert header.peer is not None
        self.assertEqual(str(host_of(header.peer)), "fe80::1")

    def test_what_a_proxy_tells_is_never_this_machine(self) -> None:
        for data in (
            proxy_line(("127.0.0.1", 1)),
            proxy_line(("::1", 1), ("::1", 2)),
            proxy_line(("::ffff:127.0.0.1", 1), ("::1", 2)),
            proxy_header(("127.1.2.3", 1)),
        ):
            header = read_header(data)
            assert header is not None
            assert header.peer is not None
            host = host_of(header.peer)
            self.assertFalse(is_local(host))
            self.assertNotEqual(origin_of(host), "local")


class ProxiedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.door = Door(max_per_address=2)
        self.factory = self.door.factory.factory_for(place_for("proxy:tcp:0", ""))

    def connect(self, peer: IAddress = HERE) -> TCPTransport:
        protocol = self.factory.buildProtocol(peer)
        transport = TCPTransport(peerAddress=peer)
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return transport

    def send(self, transport: TCPTransport, *pieces: bytes) -> list[str]:
        for piece in pieces:
            transport.protocol.dataReceived(piece)
        self.door.turn()
        return transport.lines()

    def test_one_enters_when_the_header_is_whole_under_the_address_in_it(self) -> None:
        for name, (data, (host, port)) in GOOD.items():
            with self.subTest(name=name):
                for split in (len(data), 1, 7):
                    self.door.said()
                    ann = self.connect()
                    pieces = [data[at : at + split] for at in range(0, len(data), split)]
                    self.send(ann, *pieces[:-1])
                    self.assertEqual(self.door.said(), [])
                    self.assertIn("Connected", self.send(ann, pieces[-1])[0])
                    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                    self.assertIn(f"> New user {where} entered", self.door.said()[0])
                    ann.protocol.connectionLost(Failure(ConnectionDone()))
                    self.door.turn()
        self.assertEqual(self.door.entrance.admission._users, 0)

    def test_what_stands_behind_the_header_is_heard(self) -> None:
        self.send(self.connect(), proxy_line(ANN) + b"hello\nyou\n")
        self.assertEqual(
            self.door.said()[1:], ["[198.51.100.7:1234] hello", "[198.51.100.7:1234] you"]
        )

    def test_limits_and_bans_are_those_of_the_address_in_the_header(self) -> None:
        for _ in range(2):
            self.send(self.connect(), proxy_line(ANN))
        third = self.connect()
        [refused] = self.send(third, proxy_line(ANN))
        self.assertIn("! 2 connections from 198.51.100.7 are as many", refused)
        self.assertTrue(third.half_closed)
        self.assertIn("Connected", self.send(self.connect(), proxy_line(SIX, SIX))[0])

    def test_a_proxy_that_tells_of_nobody_is_let_alone_and_nobody_is_told(self) -> None:
        for name, data in TELLS_OF_NOBODY.items():
            with self.subTest(name=name):
                check = self.connect()
                self.assertEqual(self.send(check, data, b"hello\n" * 1000), [])
                self.assertFalse(check.disconnected)
                self.door.clock.advance(PROXY_WAIT)
                self.assertTrue(check.disconnected)
                self.assertEqual(self.door.said(), [])
        self.assertEqual(self.door.entrance.admission._users, 0)

    def test_what_is_no_header_is_closed_and_the_log_says_so_once(self) -> None:
        with capturedLogs() as logs:
            for data in BAD.values():
                peer = self.connect()
                self.assertEqual(self.send(peer, data), [])
                self.assertTrue(peer.disconnected)
                peer.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.door.said(), [])
        [entry] = logs
        self.assertEqual(
            entry["line"], "a connection from 127.0.0.1 is closed: it has no PROXY header"
        )
        self.assertEqual(self.door.entrance.admission._users, 0)

    def test_a_header_has_its_time(self) -> None:
        silent, slow = self.connect(), self.connect()
        data = proxy_line(ANN)
        for at in range(int(PROXY_WAIT) - 1):
            self.door.clock.advance(1)
            self.send(slow, data[at : at + 1])
        self.assertFalse(silent.disconnected or slow.disconnected)
        self.door.clock.advance(1)
        self.assertTrue(silent.disconnected and slow.disconnected)

    def test_only_proxies_that_are_listed_are_believed(self) -> None:
        with capturedLogs() as logs:
            for _ in range(2):
                self.assertIsNone(self.factory.buildProtocol(ELSEWHERE))
        [entry] = logs
        self.assertIn("10.9.9.9 is closed: no proxy is there (--proxy-from)", entry["line"])
        for places, peer, is_believed in (
            (Proxies.DEFAULT, UNIXAddress(None), True),
            (Proxies.DEFAULT, IPv6Address("TCP", "::ffff:127.0.0.1", 1), True),
            (Proxies.DEFAULT, IPv6Address("TCP", "::1", 1), True),
            (["10.9.0.0/16"], ELSEWHERE, True),
            (["10.9.9.8"], ELSEWHERE, False),
            (["10.9.9.9"], HERE, False),
            (["10.9.9.9"], UNIXAddress(None), False),
            (["unix"], UNIXAddress(None), True),
            (["2001:db8::/32"], IPv6Address("TCP", "2001:db8:1::1", 1), True),
        ):
            with self.subTest(places=places, peer=peer):
                self.assertEqual(Proxies(places).are_at(peer), is_believed)
        for place in ("chat.example", "10.9.9.9/8", "local", ""):
            self.assertRaises(ValueError, Proxies, [place])

    def test_the_end_of_its_side_is_that_of_the_peer(self) -> None:
        """TCP closes a connection at once where that cannot be told."""
        ann = self.connect()
        self.assertFalse(IHalfCloseableProtocol.providedBy(ann.protocol))
        self.send(ann, proxy_line(ANN), b"last words")
        self.assertTrue(IHalfCloseableProtocol.providedBy(ann.protocol))
        ann.protocol.readConnectionLost()
        self.assertIn("[198.51.100.7:1234] last words", self.door.said())
        self.assertTrue(ann.disconnecting)

    def test_a_passphrase_is_taken_only_where_nobody_reads_along_on_any_part_of_the_way(
        self,
    ) -> None:
        self.door.entrance.proxies.networks += Proxies(["10.9.9.9"]).networks
        secret = b"/register a long passphrase\n"
        for peer, header, is_safe in (
            (HERE, proxy_header(ANN, parts=TLS), True),
            (UNIXAddress(None), proxy_header(ANN, parts=TLS), True),
            (HERE, proxy_header(("127.0.0.1", 1), parts=NO_TLS), False),
            (HERE, proxy_line(("127.0.0.1", 1)), False),
            (ELSEWHERE, proxy_header(ANN, parts=TLS), False),
        ):
            with self.subTest(peer=peer, is_safe=is_safe):
                ann = self.connect(peer)
                answers = self.send(ann, header, secret)
                refused = any("nobody can read along" in line for line in answers)
                self.assertEqual(refused, not is_safe)
                ann.protocol.connectionLost(Failure(ConnectionDone()))
