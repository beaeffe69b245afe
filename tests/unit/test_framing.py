"""Heads of requests: one that two programs could read in two ways is refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.doors.web.framing import Framing
from twisted_chat.doors.web.heads import Unwelcome
from twisted_chat.limits import HEAD_LINES, REQUEST_HEAD

POST = b"POST /lobby HTTP/1.1\r\nHost: a\r\n"


class FramingTests(SynchronousTestCase):
    def refuse(self, code: int, *heads: bytes) -> None:
        """Each of `heads` is refused with `code`, also if it comes byte by byte."""
        for head in heads:
            unwelcome = self.assertRaises(Unwelcome, Framing().take, head)
            self.assertEqual(unwelcome.code, code, head[:99])
            framing = Framing()
            bytewise = (framing.take(head[i : i + 1]) for i in range(len(head)))
            self.assertEqual(self.assertRaises(Unwelcome, list, bytewise).code, code, head[:99])

    def test_a_head_is_handed_on_when_it_is_whole(self) -> None:
        head = POST + b"X:\r\nContent-Length: 3\r\nY:a: \xff\tb \r\n\r\n"
        self.assertEqual(Framing().take(head + b"a\nb"), head + b"a\nb")
        for middle in range(len(head)):
            framing = Framing()
            self.assertEqual(framing.take(head[:middle]), b"")
            self.assertEqual(framing.take(head[middle:] + b"a"), head + b"a")

    def test_a_body_has_one_length(self) -> None:
        length, chunked = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
        pairs = (length + length, length + chunked, chunked + length, chunked + chunked)
        self.refuse(400, *(POST + pair + b"\r\n" for pair in pairs))
        for value in (b"", b"5, 5", b"+5", b"-5", b"0x5", b"5 5", b"5_0", b"9" * 5000, b"\xb2"):
            self.refuse(400, POST + b"Content-Length: " + value + b"\r\n\r\n")

    def test_no_other_coding_of_a_body_is_taken(self) -> None:
        for value in (b"identity", b"gzip, chunked", b"chunked, chunked", b"xchunked", b""):
            self.refuse(501, POST + b"Transfer-Encoding: " + value + b"\r\n\r\n")
        self.refuse(501, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")

    def test_only_post_has_a_body(self) -> None:
        for method in (b"GET", b"HEAD", b"OPTIONS"):
            start = method + b" /lobby HTTP/1.1\r\nHost: a\r\n"
            self.refuse(400, start + b"Content-Length: 1\r\n\r\n")
            self.refuse(400, start + b"Transfer-Encoding: chunked\r\n\r\n")
            self.assertTrue(Framing().take(start + b"Content-Length: 0\r\n\r\n"))

    def test_each_line_is_a_field_of_its_own(self) -> None:
        for line in (
            *(b" folded", b"\tfolded", b" Host: b", b"Host : b", b"Host", b": b"),
            *(b"Ho st: b", b"Ho\x80st: b", b"(Host): b"),
        ):
            self.refuse(400, POST + line + b"\r\n\r\n")

    def test_a_line_ends_with_both_of_its_bytes_and_is_text(self) -> None:
        for odd in (b"\n", b"\r", b"\0", b"\x0b", b"\x1b", b"\x7f", b"\r\r\n", b"\n\r\n"):
            self.refuse(400, POST + b"X: a" + odd + b"Y: b\r\n\r\n")
        self.refuse(400, b"GET / HTTP/1.1\nHost: a\n\n", b"\n", b"\x16\x03\x01\x02")

    def test_the_first_line_is_refused_before_others_come(self) -> None:
        self.refuse(
            400,
            *(b"GET /\r\n", b"GET / HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n", b"NICK ann\r\n"),
            *(b"\r\n", b"GET  / HTTP/1.1\r\n", b"GET / b HTTP/1.1\r\n", b"GET /\xff HTTP/1.1\r\n"),
            b" GET / HTTP/1.1\r\n",
        )
        for method in (b"PUT", b"DELETE", b"CONNECT", b"TRACE", b"get", b"BREW"):
            self.refuse(501, method + b" / HTTP/1.1\r\n")

    def test_a_head_is_bounded(self) -> None:
        self.refuse(414, b"GET /" + b"a" * REQUEST_HEAD)
        self.refuse(431, POST + b"X: " + b"y" * REQUEST_HEAD, POST + b"X: y\r\n" * REQUEST_HEAD)
        head = POST + b"X: y\r\n" * (HEAD_LINES - 1) + b"\r\n"
        self.assertEqual(Framing().take(head), head)
        self.refuse(431, POST + b"X: y\r\n" * HEAD_LINES + b"\r\n")
        start = POST + b"X: "
        longest = start + b"y" * (REQUEST_HEAD - len(start)) + b"\r\n\r\n"
        self.assertEqual(Framing().take(longest), longest)
