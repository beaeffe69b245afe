"""Requests over HTTP: how long they may take, how many there may be, and in which order."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.web_hall import HANDSHAKE, THERE, Link, WebHall
from twisted_chat.limits import BURST, GOODBYE, RATE, REQUEST_WAIT, UNASKED

GET = b"GET /-/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /lobby HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (
    b"POST /lobby HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded"
    b"\r\nContent-Length: 5\r\n\r\n"
)
PATIENTLY = 0.9 * REQUEST_WAIT


class RequestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin()

    def begin(self, **limits: int) -> None:
        self.hall = WebHall(**limits)
        self.link = Link(self.hall)

    def ask(self, request: bytes) -> int:
        """Return the status that `request` is answered with; 0: there is no answer."""
        self.link.send(request)
        answer = self.link.answer()
        return int(answer.split(maxsplit=2)[1]) if answer else 0

    @property
    def is_aborted(self) -> bool:
        return self.link.transport.disconnected or self.link.transport.disconnecting

    # Time.

    def test_a_head_that_comes_byte_by_byte_has_one_time_in_all(self) -> None:
        pause = REQUEST_WAIT / 10
        for i in range(9):
            self.link.send(GET[i : i + 1])
            self.hall.clock.advance(pause)
        self.assertFalse(self.is_aborted)
        self.link.send(b"a")
        self.hall.clock.advance(pause)
        self.assertTrue(self.is_aborted)
        self.assertEqual(self.link.transport.value(), b"")

    def test_a_body_comes_in_the_time_of_its_head(self) -> None:
        self.link.send(POST)
        self.hall.clock.advance(PATIENTLY)
        self.link.send(b"a")
        self.hall.clock.advance(REQUEST_WAIT - PATIENTLY)
        self.assertTrue(self.is_aborted)

    def test_each_request_of_a_connection_has_its_own_time(self) -> None:
        for _ in range(3):
            self.hall.clock.advance(PATIENTLY)
            self.assertEqual(self.ask(GET), 200)
        self.hall.clock.advance(REQUEST_WAIT)
        self.assertTrue(self.is_aborted)

    def test_who_is_refused_and_does_not_go_is_cut_off(self) -> None:
        self.assertEqual(self.ask(b"BREW / HTTP/1.1\r\n"), 501)
        self.assertTrue(self.link.transport.half_closed)
        self.assertEqual(self.ask(GET), 0)
        self.assertFalse(self.is_aborted)
        self.hall.clock.advance(GOODBYE)
        self.assertTrue(self.is_aborted)

    # One behind the other.

    def test_what_comes_before_the_answer_is_not_served(self) -> None:
        self.link.send(GET + GET + GET)
        self.assertTrue(self.is_aborted)
        self.assertEqual(self.link.transport.value().count(b"HTTP/1.1"), 1)

    def test_what_comes_behind_a_body_is_not_served(self) -> None:
        self.link.send(POST + b"hello" + GET)
        self.assertTrue(self.is_aborted)
        self.assertEqual(self.link.transport.value().count(b"HTTP/1.1"), 1)

    def test_what_comes_behind_a_stream_is_no_request(self) -> None:
        self.link.send(STREAM + GET + GET)
        self.link.send(GET)
        answer = self.link.answer()
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)
        self.assertFalse(self.is_aborted)
        self.link.send(bytes(UNASKED))
        self.assertTrue(self.is_aborted)

    def test_what_comes_behind_a_handshake_is_no_request(self) -> None:
        self.link.send(HANDSHAKE + GET)
        answer = self.link.answer()
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)
        self.assertIn(b"101 Switching Protocols", answer)
        frames = answer.partition(b"\r\n\r\n")[2]
        self.assertEqual((frames[0], frames[2:4]), (0x88, b"\x03\xea"), "it is closed: no frames")

    # How many.

    def test_who_asks_for_more_than_may_be_said_waits(self) -> None:
        self.begin(rate=RATE, burst=BURST)
        for _ in range(BURST - 1):
            self.assertEqual(self.ask(GET), 200)
        self.assertEqual(self.ask(GET), 0)
        self.hall.wait(2 / RATE)
        self.assertIn(b"200 OK", self.link.answer())

    def test_a_long_head_counts_for_many(self) -> None:
        self.begin(rate=1, burst=10)
        self.assertEqual(self.ask(GET[:-2] + b"X: " + b"y" * 5000 + b"\r\n\r\n"), 0)
        self.assertEqual(self.ask(b""), 0)
        self.hall.wait(20)
        self.assertIn(b"200 OK", self.link.answer())

    def test_who_waits_and_goes_is_not_served(self) -> None:
        self.begin(rate=1, burst=2)
        self.assertEqual(self.ask(GET), 200)
        self.assertEqual(self.ask(GET), 0)
        self.link.lose()
        self.assertEqual(self.hall.clock.getDelayedCalls(), [])

    # What is not believed.

    def test_a_body_is_never_read_as_a_form(self) -> None:
        for kind in (b"multipart/form-data; boundary=x", b"multipart/form-data", b"a" * 1000):
            self.begin()
            post = POST.replace(b"application/x-www-form-urlencoded", kind)
            self.assertEqual(self.ask(post + b"a=b&c"), 401)

    def test_who_comes_by_a_wrong_name_is_cut_off(self) -> None:
        self.link = Link(self.hall, THERE)
        self.assertEqual(self.ask(GET.replace(b"localhost", b"evil.test")), 421)
        self.assertTrue(self.link.transport.half_closed)
