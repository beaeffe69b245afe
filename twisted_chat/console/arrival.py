"""Guesses what a server is that has not greeted."""

from __future__ import annotations

import re

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ISSLTransport, ITransport

_OTHERS = (
    (re.compile(r"SSH-"), "an SSH server answers there and no chat"),
    (re.compile(r"HTTP/|<!doctype html|<html", re.I), "a web server answers there and no chat"),
    # SMTP and FTP begin alike (RFC 5321, 4.2; RFC 959, 4.2).
    (re.compile(r"220[ -]|\+OK|\* OK"), "a mail or FTP server answers there and no chat"),
    # The first bytes of a TLS alert or handshake (RFC 8446, 5.1), as text.clean shows them.
    (re.compile("[␕␖]␃"), "that is a TLS port: try --tls"),
)

_QUOTED = 60
"""Characters of a first line that are shown: enough to recognise it."""


def suspicion(line: str) -> str:
    """Return what the server seems to be. `line`: what it sent in place of a greeting, clean."""
    for pattern, what in _OTHERS:
        if pattern.match(line):
            return what
    shown = line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"
    return f"no chat answers there: instead of a greeting it sent {shown!r}"


def doubt(transport: ITransport) -> str:
    """Return the question to the person about a server that sends nothing on `transport`."""
    is_tcp = isinstance(transport.getHost(), IPv4Address | IPv6Address)
    if is_tcp and not ISSLTransport.providedBy(transport):
        return "is this a chat? perhaps TLS: try --tls"
    return "is this a chat?"
