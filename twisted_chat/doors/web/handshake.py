"""How a connection over HTTP becomes a WebSocket (RFC 6455, 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IPullProducer
from twisted.web.http import Request
from zope.interface import implementer

from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.doors.web.heads import Unwelcome

PROTOCOL = "chat.json"
"""The subprotocol of the WebSocket."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3.


def accept(request: Request) -> bytes:
    """Return the head that answers the handshake in `request`. Raises Unwelcome."""
    if request.method != b"GET" or request.clientproto != b"HTTP/1.1":
        raise Unwelcome(400, "a WebSocket begins with GET over HTTP/1.1")
    is_asked = "websocket" in _listed(request, "Upgrade")
    if not is_asked or "upgrade" not in _listed(request, "Connection"):
        raise Unwelcome(426, "here is a WebSocket: come with one")
    if _listed(request, "Sec-WebSocket-Version") != ["13"]:
        raise Unwelcome(426, "the version of the WebSocket is 13")
    keys = request.requestHeaders.getRawHeaders(b"Sec-WebSocket-Key", [])
    if len(keys) != 1 or not _is_key(keys[0]):
        raise Unwelcome(400, "Sec-WebSocket-Key is 16 bytes in base64")
    accepted = base64.b64encode(hashlib.sha1(keys[0] + _GUID).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accepted,
    ]
    if offered := _listed(request, "Sec-WebSocket-Protocol"):
        if PROTOCOL not in offered:
            raise Unwelcome(400, f"the subprotocol is {PROTOCOL}")
        lines.append(f"Sec-WebSocket-Protocol: {PROTOCOL}".encode())
    return b"".join(line + b"\r\n" for line in [*lines, b""])


def _listed(request: Request, name: str) -> Sequence[str]:
    """Return the values of a header that is a list, in lower case."""
    values = request.requestHeaders.getRawHeaders(name, [])
    return [each.strip().lower() for value in values for each in value.split(",") if each.strip()]


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


@implementer(IPullProducer)
class WhenSent:
    """Calls `function` once `transport` has sent all that was written to it. It has no producer."""

    def __init__(self, transport: IStreamTransport, function: Callable[[], None]) -> None:
        self._transport = transport
        self._function = function
        self._has_begun = False
        # TCP asks for more at once, when nothing is sent yet.
        transport.registerProducer(self, False)
        self._has_begun = True

    def resumeProducing(self) -> None:
        if self._has_begun:
            self._transport.unregisterProducer()
            self._function()

    def stopProducing(self) -> None:
        """The transport is lost, which its protocol is told."""
