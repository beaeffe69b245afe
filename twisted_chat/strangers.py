"""Peers that are no chat clients, told by the first bytes they send."""

from __future__ import annotations

import re

_TLS = "this port speaks no TLS: join with plain chat-client, nc or telnet"
_SSH = "this port speaks no SSH: join with chat-client, nc or telnet"
HTTP = "this is a chat and no web server: join with chat-client, nc or telnet"

# The first bytes of a connection that are too few to tell: a TLS record of a handshake begins with
# 16 03 and a minor version up to 4 (RFC 8446, 5.1), an SSH peer with "SSH-" (RFC 4253, 4.2).
_UNDECIDED = (b"", b"\x16", b"\x16\x03", b"S", b"SS", b"SSH")

# The method in capitals and the version make it a request (RFC 9112, 3): a person may well begin
# with "GET out".
_REQUEST = re.compile(rb"[A-Z][A-Z-]{2,} [^ ]+ HTTP/\d\.\d")
_REQUEST_START = re.compile(rb"[A-Z][A-Z-]{2,} [^ ]")
_REQUEST_END = re.compile(rb" HTTP/\d\.\d$")


def undecided(start: bytes) -> bool:
    """Whether `start`, the first bytes of a connection, is too short to tell."""
    return start in _UNDECIDED


def other_protocol(start: bytes) -> str | None:
    """What to tell a peer whose first bytes are `start`, if it is not here to chat."""
    if start[:2] == b"\x16\x03" and start[2:3] < b"\x05":
        return _TLS
    return _SSH if start.startswith(b"SSH-") else None


def is_http_request(line: bytes) -> bool:
    """Whether `line`, the first one without its end, is a request line of HTTP."""
    return _REQUEST.fullmatch(line) is not None


def starts_http_request(start: bytes) -> bool:
    """Whether a first line that begins with `start` can still turn out to be one."""
    return _REQUEST_START.match(start) is not None


def ends_http_request(tail: bytes) -> bool:
    """Whether a line that started like one ends like one too."""
    return _REQUEST_END.search(tail) is not None
