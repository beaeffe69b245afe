"""Where the head of a request over HTTP ends, and whether everybody would read it alike.

What a proxy takes for one request and this daemon for two lets somebody speak with the address of
others. So a head of which there is any doubt is refused, also where RFC 9112 would let it pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted_chat.doors.web.heads import Unwelcome
from twisted_chat.limits import HEAD_LINES, REQUEST_HEAD

_END = b"\r\n\r\n"
_ODD = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")
"""No end of a line, and no text: the start of TLS, for one."""
_FIRST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) [\x21-\x7e]+ HTTP/1\.([01])")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_METHODS = (b"GET", b"HEAD", b"POST", b"OPTIONS")


class Framing:
    """Finds the end of one head in what comes in."""

    def __init__(self) -> None:
        self._head = b""
        self._method = b""
        self._is_old = False
        """Whether it is that of HTTP/1.0."""

    def take(self, data: bytes) -> bytes:
        """Return all that has come, if the head is whole in it, and else nothing. Raises Unwelcome
        as soon as something is wrong with the head.
        """
        seen = max(0, len(self._head) - len(_END))
        self._head += data
        end = self._head.find(_END, seen)
        until = end if end >= 0 else len(self._head)
        if _ODD.search(self._head, seen, until):
            raise Unwelcome(400, "that is no HTTP: a line of a head ends with CR LF, and is text")
        if until > REQUEST_HEAD:
            is_line = b"\r\n" not in self._head[:REQUEST_HEAD]
            raise Unwelcome(414 if is_line else 431, f"a head has at most {REQUEST_HEAD} bytes")
        if not self._method and b"\r\n" in self._head:
            self._read_first(self._head.partition(b"\r\n")[0])
        if end < 0:
            return b""
        self._check(self._head[:end].split(b"\r\n")[1:])
        return self._head

    def _read_first(self, line: bytes) -> None:
        match = _FIRST.fullmatch(line)
        if match is None:
            raise Unwelcome(400, "the first line is a method, an address and HTTP/1.1")
        self._method, self._is_old = match[1], match[2] == b"0"
        if self._method not in _METHODS:
            raise Unwelcome(501, "GET, HEAD and POST are understood here")

    def _check(self, lines: Sequence[bytes]) -> None:
        if len(lines) > HEAD_LINES:
            raise Unwelcome(431, f"a head has at most {HEAD_LINES} lines")
        lengths: list[bytes] = []
        codings: list[bytes] = []
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise Unwelcome(400, "each line of a head is a name, a colon and a value")
            name, value = match[1].lower(), match[2].lower()
            if name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value)
        if len(lengths) + len(codings) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise Unwelcome(400, "a body has one length, and that is a number")
        if codings and (codings != [b"chunked"] or self._is_old):
            raise Unwelcome(501, "a body comes whole, or chunked over HTTP/1.1")
        if self._method != b"POST" and (codings or any(map(int, lengths))):
            raise Unwelcome(400, "only POST has a body")
