"""The line door on a transport of strings: in every split, and with whatever comes in."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, BOB, Door, TCPTransport
from tests.support.properties import given, settings, st
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.limits import BACKLOG, GOODBYE

NOT_CHAT = ", put out: not a chat client"


def feed(protocol: ChatProtocol, pieces: list[bytes]) -> None:
    for piece in pieces:
        protocol.dataReceived(piece)


SPLITS = {
    "whole": lambda data: [data],
    "byte by byte": lambda data: [data[at : at + 1] for at in range(len(data))],
    "in threes": lambda data: [data[at : at + 3] for at in range(0, len(data), 3)],
    "last byte apart": lambda data: [data[:-1], data[-1:]],
}

LONG = b"y" * 101
WHAT_COMES_IN = {
    "LF": (b"one\ntwo\n", ["[A] one", "[A] two"], []),
    "CRLF": (b"one\r\ntwo\r\n", ["[A] one", "[A] two"], []),
    "only one CR is dropped": (b"one\r\r\n", ["[A] one␍"], []),
    "CR inside": (b"one\rtwo\n", ["[A] one␍two"], []),
    "empty lines": (b"\n\r\n\n", [], []),
    "blanks are a text": (b" \n\t\n", ["[A]  ", "[A] \t"], []),
    "characters of several bytes": ("Grüße 日本 👋\n".encode(), ["[A] Grüße 日本 👋"], []),
    "invalid UTF-8": (b"a\xc3\nb\xff\xff\n", ["[A] a\ufffd", "[A] b\ufffd"], ["no UTF-8"]),
    "controls": (b"\x1b[31m\x07\n", ["[A] ␛[31m␇"], []),
    "longest line": (b"x" * 100 + b"\n", [f"[A] {'x' * 100}"], []),
    "longest line, CRLF": (b"x" * 100 + b"\r\n", [f"[A] {'x' * 100}"], []),
    "too long": (LONG + b"\nafter\n", ["[A] after"], ["long"]),
    "too long, CRLF": (LONG + b"\r\nafter\r\n", ["[A] after"], ["long"]),
    "much too long": (LONG * 9 + b"\nafter\n", ["[A] after"], ["long"]),
    "too long, twice": (LONG * 2 + b"\n" + LONG * 3 + b"\nafter\n", ["[A] after"], ["long"] * 2),
    "too long, starting like a request": (b"GET " + LONG + b"\nafter\n", ["[A] after"], ["long"]),
    "a command": (b"/frob\n//frob\n", ["[A] /frob"], ["no command /frob"]),
    "telnet's options": (b"a\xff\xfb\x01b\xff\xfd\x03c\n", ["[A] abc"], []),
    "telnet's subnegotiation": (b"a\xff\xfa\x18\x00xterm\xff\xf0b\n", ["[A] ab"], []),
    "IAC in telnet's subnegotiation": (b"a\xff\xfa\x18\xff\xff\xff\xf0b\n", ["[A] ab"], []),
    "LF in telnet's subnegotiation": (b"a\xff\xfa\x18\nb\n", ["[A] a", "[A] b"], []),
    "LF in telnet's option": (b"a\xff\xfd\nb\n", ["[A] a", "[A] b"], []),
    "telnet's ^C": (b"abc\xff\xf4\xff\xfd\x06d\n", ["[A] abcd"], []),
    "IAC IAC is 0xFF": (b"a\xff\xffb\n", ["[A] a\ufffdb"], ["no UTF-8"]),
    "nothing but telnet": (b"\xff\xf1\n\xff\xf9\r\n", [], []),
    "one who types GET out": (b"GET out\nA B HTTP/1.1\n", ["[A] GET out", "[A] A B HTTP/1.1"], []),
    "one who types of SSH": (b"SSH\nSSH-2.0 x\n", ["[A] SSH", "[A] SSH-2.0 x"], []),
    "keys pressed first": (b"\x15\x17\x0c\x1b[A\x08\x7f\tx\n", ["[A] ␕␗␌␛[A␈␡\tx"], []),
    "byte order mark": (b"\xef\xbb\xbf/frob\r\n\xef\xbb\xbfx\n", ["[A] \ufeffx"], ["/frob"]),
}  # fmt: skip
STRANGERS = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\n",
    "HTTP, LF": b"POST /say HTTP/1.0\n\nhello\n",
    "HTTP, a method with a dash": b"M-SEARCH * HTTP/1.1\r\n\r\n",
    "HTTP, a long target": b"GET /" + b"x" * 500 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP, just too long": b"GET /" + b"x" * 88 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP after empty lines": b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\xff\xfb\x01\nhello\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\nhello\n",
}


class LineDoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.door = Door()

    def each_split(self, data: bytes):
        for name, split in SPLITS.items():
            self.door = Door()
            protocol = self.door.connect()
            self.door.said()
            protocol.transport.clear()
            feed(protocol, split(data))
            yield name, protocol

    def test_a_passphrase_behind_a_blank_is_not_said_however_it_comes(self) -> None:
        ann = self.door.connect(ANN)
        ann.dataReceived(b"hello\n")
        ann.dataReceived(b" /register correct horse\n")
        ann.dataReceived(b"code\n\t/login ann correct horse\n")
        ann.dataReceived(b"code\n /login ann correct horse\nmore code\n")
        self.assertNotIn("horse", "".join(self.door.said()))

    def test_a_newcomer_is_greeted_and_the_others_are_told(self) -> None:
        ann = self.door.connect(ANN)
        self.assertEqual(ann.transport.lines(), ["> Connected to the chat server (1 user online)"])
        bob = self.door.connect(BOB)
        self.assertEqual(bob.transport.lines(), ["> Connected to the chat server (2 users online)"])
        self.assertEqual(ann.transport.lines(), ["> New user 10.0.0.2:2 entered (2 users online)"])
        self.assertTrue(ann.transport.no_delay)

    def test_whatever_comes_in_is_heard_the_same_however_it_is_split(self) -> None:
        for name, (data, said, refused) in WHAT_COMES_IN.items():
            for split, protocol in self.each_split(data):
                with self.subTest(what=name, split=split):
                    expected = [line.replace("[A]", "[10.0.0.1:1]") for line in said]
                    self.assertEqual(self.door.said(), expected)
                    answers = [
                        line
                        for line in protocol.transport.value().decode("latin-1").split("\n")
                        if line.startswith("!")
                    ]
                    self.assertEqual(len(answers), len(refused), answers)
                    for answer, word in zip(answers, refused, strict=True):
                        self.assertIn(word, answer)
                    self.assertFalse(protocol.transport.disconnecting)

    def test_who_is_no_chat_client_is_told_once_and_put_out_unheard(self) -> None:
        for name, data in STRANGERS.items():
            for split, protocol in self.each_split(data):
                with self.subTest(who=name, split=split):
                    self.assertEqual(
                        self.door.said(), [f"< The user 10.0.0.1:1 left (0 user online){NOT_CHAT}"]
                    )
                    [answer] = protocol.transport.lines()
                    self.assertRegex(answer, "^! this .* chat-client, nc or telnet$")
                    self.assertIn(name[:3].replace("HTT", "web"), answer)
                    self.assertTrue(protocol.transport.disconnecting)

    @settings(max_examples=100)
    @given(data=st.data())
    def test_any_bytes_are_heard_the_same_in_any_split(self, data: st.DataObject) -> None:
        piece = st.sampled_from(
            [b"a", b"\n", b"\r", b"\r\n", b"\xff", b"\xff\xfb\x01", b"\xff\xfa", b"\xff\xf0",
             "é".encode(), b"\xc3", b"\x1b", b"/who", b"/x", b"//x", b"z" * 60, b"GET ",
             b" HTTP/1.1", b"SSH-", b"\x16", b"\x03", b"/quit", b"\r\0", b"\0", b"\x08",
             b"\xef\xbb\xbf", b" SIP/2.0"]
        )  # fmt: skip
        stream = b"".join(data.draw(st.lists(piece, max_size=25)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        edges = [0, *cuts, len(stream)]
        heard = []
        for pieces in (
            [stream],
            [stream[a:b] for a, b in pairwise(edges)],
            SPLITS["byte by byte"](stream),
        ):
            door = Door()
            protocol = door.connect()
            feed(protocol, pieces)
            protocol.readConnectionLost()
            heard.append((door.said(), protocol.transport.disconnecting))
        self.assertEqual(heard[0], heard[1])
        self.assertEqual(heard[0], heard[2])
        self.assertEqual(heard[0][0][-1].split(" left ")[0], "< The user 10.0.0.1:1")
        self.assertTrue(heard[0][1])

    def test_telnet_is_answered_before_the_line_ends_and_once_for_each_option(self) -> None:
        for _, protocol in self.each_split(b"\xff\xfd\x01\xff\xfd\x01\xff\xfb\x03\xff\xfb\x03"):
            self.assertEqual(protocol.transport.value(), b"\xff\xfc\x01\xff\xfe\x03")

    def test_telnet_s_timing_mark_is_answered_each_time(self) -> None:
        for _, protocol in self.each_split(b"\xff\xf4\xff\xfd\x06" * 3):
            self.assertEqual(protocol.transport.value(), b"\xff\xfc\x06" * 3)

    def test_telnet_s_refusals_are_not_answered(self) -> None:
        for _, protocol in self.each_split(b"\xff\xfc\x01\xff\xfe\x03\xff\xf9"):
            self.assertEqual(protocol.transport.value(), b"")

    def test_when_a_peer_ends_its_side_its_last_line_counts_and_answers_are_sent(self) -> None:
        for last, said in (
            (b"hi", ["[10.0.0.1:1] hi"]),
            (b"hi\r", ["[10.0.0.1:1] hi"]),
            (b"SS", ["[10.0.0.1:1] SS"]),
            (b"/frob", []),
            (b"", []),
            (LONG * 2, []),
            (b"x" * 101, []),
        ):
            for split, protocol in self.each_split(last) if last else [("none", self.fresh())]:
                with self.subTest(last=last, split=split):
                    protocol.readConnectionLost()
                    self.assertEqual(
                        self.door.said(), [*said, "< The user 10.0.0.1:1 left (0 user online)"]
                    )
                    refused = last.startswith((b"/", b"y", b"x"))
                    self.assertEqual(len(protocol.transport.lines()), int(refused))
                    self.assertTrue(protocol.transport.disconnecting)
                    self.end(protocol)

    def fresh(self) -> ChatProtocol:
        self.door = Door()
        protocol = self.door.connect()
        self.door.said()
        protocol.transport.clear()
        return protocol

    def end(self, protocol: ChatProtocol, error: type[Exception] = ConnectionDone) -> None:
        protocol.writeConnectionLost()
        protocol.connectionLost(Failure(error()))
        self.assertEqual(self.door.factory.connections, set())
        self.assertEqual(self.door.clock.getDelayedCalls(), [])

    def test_a_request_that_ends_without_a_line_end_is_still_one(self) -> None:
        for request in (b"GET / HTTP/1.1", b"GET /" + b"x" * 200 + b" HTTP/1.1"):
            protocol = self.fresh()
            protocol.dataReceived(request)
            protocol.readConnectionLost()
            self.assertEqual(
                self.door.said(), [f"< The user 10.0.0.1:1 left (0 user online){NOT_CHAT}"]
            )

    def test_a_reset_is_a_leaving_like_any_other(self) -> None:
        protocol = self.fresh()
        protocol.dataReceived(b"one\ntwo")
        protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(
            self.door.said(),
            [
                "[10.0.0.1:1] one",
                "[10.0.0.1:1] two",
                "< The user 10.0.0.1:1 left (0 user online)",
            ],
        )
        self.assertEqual(self.door.clock.getDelayedCalls(), [])

    def test_who_dies_inside_its_greeting_leaves_once(self) -> None:
        bob = self.door.connect(BOB)
        bob.transport.clear()
        ann = self.door.factory.buildProtocol(ANN)
        ann.makeConnection(TCPTransport(peerAddress=ANN))
        ann.connectionLost(Failure(ConnectionLost()))
        self.door.turn()
        self.assertEqual(
            bob.transport.lines(),
            [
                "> New user 10.0.0.1:1 entered (2 users online)",
                "< The user 10.0.0.1:1 left (1 user online)",
            ],
        )

    def test_after_quit_no_further_line_is_taken(self) -> None:
        for _, protocol in self.each_split(b"/quit bye\nghost\n/quit again\n"):
            protocol.dataReceived(b"ghost\n")
            protocol.readConnectionLost()
            self.assertEqual(self.door.said(), ["< The user 10.0.0.1:1 left (0 user online): bye"])
            self.assertTrue(protocol.transport.disconnecting)

    def test_a_peer_that_does_not_let_itself_be_closed_is_aborted(self) -> None:
        protocol = self.fresh()
        protocol.dataReceived(b"/quit\n")
        self.door.turn()
        self.door.clock.advance(GOODBYE - 0.1)
        self.assertFalse(protocol.transport.disconnected)
        self.door.clock.advance(0.1)
        self.assertTrue(protocol.transport.disconnected)
        self.end(protocol)

    def test_who_does_not_read_is_put_out_and_the_others_are_told(self) -> None:
        ann, bob = self.door.connect(ANN), self.door.connect(BOB)
        ann.transport.producer.pauseProducing()
        for _ in range(BACKLOG // 100 + 1):
            bob.dataReceived(b"x" * 99 + b"\n")
            self.door.turn()
        self.assertEqual(
            bob.transport.lines()[-1],
            "< The user 10.0.0.1:1 left (1 user online), put out: too slow to read",
        )
        self.assertTrue(ann.transport.disconnecting)

    def test_names_are_addresses(self) -> None:
        for peer, name in (
            (IPv4Address("TCP", "10.0.2.15", 33082), "10.0.2.15:33082"),
            (IPv6Address("TCP", "2001:db8:0:0::1", 33082), "[2001:db8::1]:33082"),
            (IPv6Address("TCP", "::ffff:10.0.2.15", 33082), "10.0.2.15:33082"),
            (IPv6Address("TCP", "fe80::1%eth0", 5), "[fe80::1%eth0]:5"),
            (UNIXAddress(None), "local:1"),
            (UNIXAddress("/tmp/x"), "local:2"),
        ):
            protocol = self.door.connect(peer)
            self.assertIn(f"New user {name} entered", self.door.said()[0])
            protocol.connectionLost(Failure(ConnectionDone()))
            self.door.said()

    def test_all_gone_fires_when_the_last_connection_is_gone(self) -> None:
        self.assertIsNone(self.successResultOf(self.door.factory.connections.all_gone()))
        ann, bob = self.door.connect(ANN), self.door.connect(BOB)
        gone = self.door.factory.connections.all_gone()
        ann.connectionLost(Failure(ConnectionDone()))
        self.assertNoResult(gone)
        bob.connectionLost(Failure(ConnectionDone()))
        self.assertIsNone(self.successResultOf(gone))
