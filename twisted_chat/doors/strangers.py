"""Peers that are not chat clients, told by the first bytes they send.

A rule stands here only if no person begins like that: "GET out", HELP and EHLO are people's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_JOIN = "join with chat-client, nc or telnet"
_TLS = "this port speaks no TLS: join with plain chat-client, nc or telnet"
_SSH = f"this port speaks no SSH: {_JOIN}"
_HTTP = f"this is a chat and no web server: {_JOIN}"
_BINARY = f"this is a chat, and what you sent is no text: {_JOIN}"

# The first bytes of a connection that are too few to tell: a TLS record of a handshake begins with
# 16 03 and a minor version up to 4 (RFC 8446, 5.1), an SSH peer with "SSH-" (RFC 4253, 4.2).
_UNDECIDED = (b"", b"\x16", b"\x16\x03", b"S", b"SS", b"SSH")

# A person's first key may be one that edits (BS, DEL, ^U, ^W), moves (TAB, an arrow's ESC), redraws
# (^L) or ends the line. The other control bytes begin binary protocols, such as SOCKS, LPD, MQTT,
# BitTorrent and TDS.
_FIRST_KEYS = b"\b\t\n\f\r\x15\x17\x1b"
_NO_KEYS = bytes(byte for byte in range(0x20) if byte not in _FIRST_KEYS)

# The method in capitals and the version make it a request (RFC 9112, 3): a person may well begin
# with "GET out".
_METHOD = rb"[A-Z][A-Z-]{2,} [^ ]"
_VERSION = rb" (HTTP|RTSP|SIP|ICAP)/\d\.\d"
_REQUEST = re.compile(rb"%b*%b" % (_METHOD, _VERSION))
_REQUEST_START = re.compile(_METHOD)
_REQUEST_END = re.compile(rb"%b$" % _VERSION)

_OTHERS = (
    (re.compile(rb"CAP LS(?: \d+)?"), "is no IRC server"),  # IRCv3, capability negotiation.
    (re.compile(rb"EHLO (?:\[|[^ ]+\.)[^ ]*"), "is no mail server"),  # RFC 5321, 4.1.1.1.
    (re.compile(rb"\*\d+"), "is no Redis server"),  # An array of RESP: "*2", then what it holds.
    # HAProxy's PROXY protocol, version 1; version 2 holds a NUL.
    (re.compile(rb"PROXY (?:TCP[46] [^ ]+ [^ ]+ \d+ \d+|UNKNOWN.*)"), "takes no PROXY header"),
    (re.compile(rb"< NTP/\d\.\d >"), "is no Nessus server"),
    (re.compile(rb"\x1b%-12345X.*"), "is no printer"),  # HP's PJL, universal exit language.
)


class Stranger:
    """A peer that is not yet known to be a chat client.

    It is to be shown what the peer sends, up to the end of the first line that is not empty. If
    that comes from no chat client, it calls `turn_away` with what to tell the peer.
    """

    __slots__ = ("_may_be_request", "_start", "_turn_away")

    def __init__(self, turn_away: Callable[[str], None]) -> None:
        self._turn_away = turn_away
        self._start: bytes | None = b""
        """The first bytes of the connection, while they are too few to tell."""
        self._may_be_request = False

    def begin(self, data: bytes) -> bytes:
        """Take `data` from the peer. Return what is to be read of it and of what was kept back
        before. Return b"" while that is too little to tell, or if the peer was turned away.
        """
        if self._start is None:
            return data
        data = self._start + data
        if data in _UNDECIDED:
            self._start = data
            return b""
        self._start = None
        return b"" if self._is_turned_away(_by_first_bytes(data)) else data

    def kept_back(self) -> bytes:
        """Return what was kept back: the peer has ended its side."""
        kept, self._start = self._start or b"", None
        return kept

    def part(self, part: bytes) -> None:
        """Look at `part` of the first line that is not empty, which is not over yet."""
        if not self._may_be_request:
            self._is_turned_away(_by_part(part))

    def line(self, line: bytes) -> bool:
        """Return whether `line`, the first one that is not empty, is a chat client's."""
        return not self._is_turned_away(_by_first_line(line))

    def long_line(self, start: bytes) -> bool:
        """Return whether the first line, which begins with `start` and is too long, is a chat
        client's. If not, the peer was turned away, or `long_line_ended` will tell.
        """
        if self._is_turned_away(_by_part(start)):
            return False
        self._may_be_request = _REQUEST_START.match(start) is not None
        return not self._may_be_request

    def long_line_ended(self, tail: bytes) -> bool:
        """Return whether that line, which has ended with `tail`, is a chat client's."""
        return self._may_be_request and not self._is_turned_away(_by_end(tail))

    def _is_turned_away(self, message: str | None) -> bool:
        if message is None:
            return False
        self._turn_away(message)
        return True


# What to tell a peer that is no chat client; None: it may be one.


def _by_first_bytes(start: bytes) -> str | None:
    if start[:2] == b"\x16\x03" and start[2:3] < b"\x05":
        return _TLS
    if start.startswith(b"SSH-"):
        return _SSH
    return _BINARY if start[0] in _NO_KEYS else None


def _by_part(part: bytes) -> str | None:
    """Judge a part of the first line."""
    return _BINARY if b"\0" in part else None


def _by_first_line(line: bytes) -> str | None:
    if request := _REQUEST.fullmatch(line):
        return _for_request(request)
    for pattern, what in _OTHERS:
        if pattern.fullmatch(line):
            return f"this is a chat and {what}: {_JOIN}"
    return _BINARY if line[0] in _NO_KEYS else _by_part(line)


def _by_end(tail: bytes) -> str | None:
    """Judge the end of a first line that starts like a request."""
    request = _REQUEST_END.search(tail)
    return _for_request(request) if request else None


def _for_request(request: re.Match[bytes]) -> str:
    protocol = request[1].decode()
    return _HTTP if protocol == "HTTP" else f"this is a chat and speaks no {protocol}: {_JOIN}"
