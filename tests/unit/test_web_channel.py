"""Connections of the web door over HTTP: their bounds, and how they become WebSockets."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from tests.support.web import said
from tests.support.web_hall import HANDSHAKE, HERE, THERE, Link, WebHall
from twisted_chat.limits import GOODBYE, REFUSED_AT_ONCE, REQUEST_WAIT

HEALTH = b"GET /-/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def changed(**headers: str | None) -> bytes:
    """Return the handshake with other `headers`; None leaves one out."""
    lines = HANDSHAKE.decode().split("\r\n")[1:-2]
    fields = dict(line.split(": ") for line in lines)
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"GET /-/ws HTTP/1.1\r\n{text}\r\n".encode()


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of all answers in `answer`."""
    return [int(each.split()[0]) for each in answer.split(b"HTTP/1.1 ")[1:]]


class ChannelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = WebHall()

    def ask(self, data: bytes, peer: IPv4Address = HERE) -> bytes:
        """Return what is answered to `data` on a connection of its own."""
        self.link = Link(self.hall, peer)
        self.link.send(data)
        return self.link.answer()

    def counts(self) -> tuple[int, int]:
        counts = self.hall.door.counts()
        return counts["connections"], counts["refused"]

    # Its time and its place.

    def test_a_request_has_so_long_in_all(self) -> None:
        link = Link(self.hall)
        for byte in HEALTH[:20]:
            link.send(bytes((byte,)))
            self.hall.wait(REQUEST_WAIT / 21)
        self.assertIn(link, self.hall.links)
        self.hall.wait(REQUEST_WAIT / 10)
        self.assertNotIn(link, self.hall.links)
        self.assertEqual(self.counts(), (0, 0))

    def test_a_connection_is_kept_as_long_for_a_further_request(self) -> None:
        self.assertEqual(statuses(self.ask(HEALTH)), [200])
        self.hall.wait(REQUEST_WAIT - 1)
        self.link.send(HEALTH)
        self.assertEqual(statuses(self.link.answer()), [200])
        self.hall.wait(REQUEST_WAIT - 1)
        self.assertIn(self.link, self.hall.links)
        self.hall.wait(2)
        self.assertNotIn(self.link, self.hall.links)

    def test_connections_count_from_the_start(self) -> None:
        self.hall.limits.max_users = 2
        first, _ = Link(self.hall), Link(self.hall)
        self.assertEqual(self.counts(), (2, 0))
        answer = self.ask(HEALTH)
        self.assertEqual(statuses(answer), [503])
        self.assertIn(b"the chat is full (2 users)", answer)
        self.assertEqual(self.counts(), (2, 1))
        first.lose()
        self.assertEqual(statuses(self.ask(HEALTH)), [200])

    def test_so_many_are_told_why_at_once_and_for_so_long(self) -> None:
        self.hall.limits.max_users = 0
        links = [Link(self.hall) for _ in range(REFUSED_AT_ONCE + 3)]
        self.assertEqual([link.is_up for link in links].count(True), REFUSED_AT_ONCE)
        self.assertEqual(self.counts(), (0, REFUSED_AT_ONCE + 3))
        self.hall.wait(GOODBYE + 1)
        self.assertEqual(self.hall.links, [])
        self.hall.limits.max_users = 1
        self.assertEqual(statuses(self.ask(HEALTH)), [200])

    def test_who_comes_through_a_proxy_counts_as_where_it_comes_from(self) -> None:
        self.hall.limits.max_per_address = 1
        claim = {"X_Forwarded_For": "192.0.2.1"}
        self.assertEqual(statuses(self.ask(changed(**claim))), [101])
        first = self.link
        first.ask({"hello": 1})
        first.read()
        self.ask(changed(**claim))
        self.link.ask({"hello": 1})
        [refused] = self.link.read()
        self.assertIn("1 connections from 192.0.2.1", refused["text"])
        self.assertEqual(statuses(self.ask(HEALTH)), [200])
        self.link.lose()
        first.lose()
        self.hall.turn()
        self.ask(changed(**claim))
        self.link.ask({"hello": 1})
        [greeting] = self.link.read()
        self.assertTrue(greeting["name"].startswith("192.0.2.1:"))

    def test_who_is_banned_reads_it(self) -> None:
        operator = self.hall.table.enter("op")
        self.hall.table.appoint(operator)
        self.hall.table.ask(operator, "/ban 10.0.0.7")
        answer = self.ask(HEALTH, THERE)
        self.assertEqual(statuses(answer), [403])
        self.assertIn(b"you are banned", answer)

    # What it takes.

    def test_a_body_that_is_too_long_is_refused_before_it_comes(self) -> None:
        post = b"POST /lobby HTTP/1.1\r\nHost: localhost\r\n"
        chunk = b"%x\r\n%s\r\n" % (100_000, b"x" * 100_000)
        for head, body in (
            (b"Content-Length: 3000000\r\n\r\n", b""),
            (b"Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n", b"x" * 3_000_000),
            (b"Transfer-Encoding: chunked\r\n\r\n", chunk * 3 + b"0\r\n\r\n"),
        ):
            answer = self.ask(post + head + body)
            self.assertEqual(statuses(answer), [413])
            self.assertIn(b"Connection: close", answer)
            self.assertTrue(self.link.transport.half_closed)
            self.link.send(b"x" * 100_000 + HEALTH)
            self.assertEqual(self.link.answer(), b"")
            self.hall.wait(GOODBYE)
            self.assertNotIn(self.link, self.hall.links)

    def test_a_request_that_two_servers_could_read_otherwise_ends_the_connection(self) -> None:
        post = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
        for head in (
            b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
            b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n",
            b"Content-Length: +4\r\n\r\n",
            b"Content-Length : 4\r\n\r\n",
        ):
            answer = self.ask(post + head + b"0\r\n\r\n" + HEALTH)
            self.assertEqual(statuses(answer)[:1], [400], head)
            self.assertNotIn(b"ok\n", answer)

    def test_answers_tell_nothing_that_need_not_be_told(self) -> None:
        for request in (HEALTH, HEALTH.replace(b"health", b"nothing"), changed(Upgrade=None)):
            answer = self.ask(request)
            self.assertNotIn(b"Server:", answer)
            self.assertIn(b"X-Content-Type-Options: nosniff", answer)
            self.assertIn(b"Referrer-Policy: no-referrer", answer)

    # Handshakes.

    def test_a_handshake_is_answered_as_the_rfc_says(self) -> None:
        answer = self.ask(changed(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ=="))
        self.assertEqual(statuses(answer), [101])
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", answer)
        self.assertNotIn(b"Sec-WebSocket-Protocol", answer)
        self.assertNotIn(b"Sec-WebSocket-Extensions", answer)

    def test_the_subprotocol_is_granted_if_it_is_asked_for(self) -> None:
        answer = self.ask(changed(Sec_WebSocket_Protocol="irc, chat.json"))
        self.assertIn(b"Sec-WebSocket-Protocol: chat.json\r\n", answer)
        answer = self.ask(changed(Sec_WebSocket_Protocol="irc"))
        self.assertEqual(statuses(answer), [400])

    def test_anything_else_is_no_handshake(self) -> None:
        for request, status in (
            (changed(Upgrade=None), 426),
            (changed(Upgrade="h2c"), 426),
            (changed(Connection="close"), 426),
            (changed(Connection="keep-alive, Upgrade", Upgrade="WebSocket"), 101),
            (changed(Sec_WebSocket_Version="8"), 426),
            (changed(Sec_WebSocket_Version=None), 426),
            (changed(Sec_WebSocket_Key=None), 400),
            (changed(Sec_WebSocket_Key="short"), 400),
            (changed(Sec_WebSocket_Key="A" * 24), 400),
            (HANDSHAKE.replace(b"GET", b"POST"), 400),
            (HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
            (changed(Origin="http://localhost"), 101),
            (changed(Origin="null"), 403),
            (changed(Origin="http://localhost:81"), 403),
            (changed(Host="evil.test", Origin="http://evil.test"), 421),
        ):
            answer = self.ask(request)
            self.assertEqual(int(answer.split()[1]), status, request)
            if status == 426:
                self.assertIn(b"Upgrade: websocket", answer)
                self.assertIn(b"sec-websocket-version: 13", answer.lower())

    # From HTTP to frames.

    def test_frames_begin_when_the_transport_has_sent_all_that_came_before(self) -> None:
        """They go out past it, and would come before the answers."""
        link = Link(self.hall)
        link.protocol.dataReceived(HEALTH)
        link.protocol.dataReceived(HANDSHAKE + said({"hello": 1}, {"say": "x"}))
        self.hall.turn()
        answer = link.transport.value()
        self.assertEqual(statuses(answer), [200, 101])
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
        self.assertEqual(link.transport.producerState, "paused")
        link.transport.clear()
        link.transport.all_is_sent()
        self.assertEqual(link.transport.producerState, "producing")
        self.assertEqual([event["event"] for event in link.read()], ["greeting", "said"])

    def test_much_may_come_behind_the_handshake(self) -> None:
        link = Link(self.hall)
        lines = [{"say": "x" * 1000} for _ in range(60)]
        link.protocol.dataReceived(HANDSHAKE + said({"hello": 1}, *lines))
        link.transport.clear()
        link.transport.all_is_sent()
        self.assertEqual(len(link.read()), 61)
        self.assertEqual(link.transport.producerState, "producing")

    def test_what_a_peer_sent_that_is_gone_by_then_is_heard(self) -> None:
        reader = Link(self.hall)
        reader.greet(name="bob")
        link = Link(self.hall)
        link.protocol.dataReceived(HANDSHAKE + said({"hello": 1, "name": "ann"}, {"say": "x"}))
        link.lose()
        events = [(event["event"], event.get("text")) for event in reader.read()]
        self.assertEqual(events, [("entered", None), ("said", "x"), ("left", None)])
        self.assertEqual(self.counts(), (1, 0))

    # The end of the daemon.

    def test_when_the_daemon_stops_all_connections_end(self) -> None:
        idle, member = Link(self.hall), Link(self.hall)
        member.greet()
        begun = Link(self.hall)
        begun.send(HEALTH[:10])
        silent = Link(self.hall)
        silent.send(HANDSHAKE)
        silent.answer()
        self.hall.chat.stop()
        self.hall.turn()
        drained = self.hall.door.drain()
        for link in (idle, begun):
            self.assertEqual(statuses(link.answer()), [503])
        self.assertEqual([event["event"] for event in silent.read()], ["stopping"])
        self.assertEqual(silent.code, 1001)
        self.hall.wait(1.1)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(self.hall.clock.getDelayedCalls(), [])
