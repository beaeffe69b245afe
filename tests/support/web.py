"""WebSockets of the web door: a client that does what a test says, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import ssl
from contextlib import suppress
from email.message import Message
from email.parser import Parser

from tests.support.processes import Peer

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def masked(opcode: int, payload: bytes, fin: bool = True, rsv: int = 0) -> bytes:
    """Return a frame as a client sends it. Its mask is zero, which changes nothing."""
    size = len(payload)
    head = bytes((fin << 7 | rsv << 4 | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 1 << 16:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + bytes(4) + payload


def said(*requests: dict[str, object]) -> bytes:
    """Return `requests` as frames."""
    return b"".join(masked(TEXT, json.dumps(each).encode()) for each in requests)


def close(code: int | None = 1000, reason: str = "") -> bytes:
    """Return the frame that closes a WebSocket."""
    payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
    return masked(CLOSE, payload)


class Closed(Exception):
    """The daemon has closed the WebSocket: `code` says why; None: without a word."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The daemon has answered something else than a WebSocket: `status`, and `text`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Answer:
    """What is answered over HTTP: its `status`, `headers` and `body`."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, _, headers = head.decode().partition("\r\n")
        self.status = int(first.split()[1])
        self.headers: Message = Parser().parsestr(headers)


class HTTPPeer(Peer):
    """A connection over HTTP. `tls`: it is over TLS, and any certificate will do. `source`: the
    address that it comes from.
    """

    def __init__(
        self,
        address: tuple[str, int],
        receive_buffer: int | None = None,
        tls: bool = False,
        source: str | None = None,
    ) -> None:
        super().__init__(address, receive_buffer=receive_buffer, source=source)
        # A reset takes with it what the system has not sent yet.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = "{}:{}".format(*address)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)

    def answer(self, has_body: bool = True) -> Answer:
        """Read the next answer, whose body has a Content-Length. That to HEAD has no body."""
        head = "\n".join([*self.find("\r"), "\r", ""]).encode()
        answer = Answer(head)
        size = int(answer.headers["Content-Length"]) if has_body else 0
        return Answer(head + self._take(size))

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            data = self.socket.recv(65536)
            if not data:
                raise Closed(None)
            self._received += data
        taken, self._received = self._received[:size], self._received[size:]
        return taken


class WebPeer(HTTPPeer):
    """A WebSocket at the web door, or at first just a connection to it. `path`: of the door."""

    def __init__(
        self,
        address: tuple[str, int],
        receive_buffer: int | None = None,
        tls: bool = False,
        path: str = "",
        source: str | None = None,
    ) -> None:
        super().__init__(address, receive_buffer, tls, source)
        self._path = path
        self.head = b""
        """The head of the answer to the handshake."""
        self._key = base64.b64encode(os.urandom(16))

    def request(self, **headers: str | None) -> bytes:
        """Return the head of a handshake, with other `headers`; None leaves one out."""
        lines = {
            "Host": self.address,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": self._key.decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "chat.json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        return f"GET {self._path}/-/ws HTTP/1.1\r\n{text}\r\n".encode()

    def hello(self, name: str = "", rooms: object = None, **more: object) -> None:
        """Say hello in the same packet as the handshake."""
        hello: dict[str, object] = {"hello": 1, **more}
        if name:
            hello["name"] = name
        if rooms is not None:
            hello["rooms"] = rooms
        self.send(self.request() + said(hello))

    def accepted(self) -> None:
        """Read the answer to the handshake. Raises Refused."""
        while b"\r\n\r\n" not in self._received:
            data = self.socket.recv(65536)
            if not data:
                raise Closed(None)
            self._received += data
        self.head, _, self._received = self._received.partition(b"\r\n\r\n")
        status = int(self.head.split()[1])
        if status != 101:
            size = re.search(rb"(?i)\r\ncontent-length: (\d+)", self.head)
            raise Refused(status, self._take(int(size[1]) if size else 0).decode())
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accepted = base64.b64encode(hashlib.sha1(self._key + guid).digest())
        assert b"sec-websocket-accept: " + accepted.lower() in self.head.lower()

    def frame(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the next frame. Raises Closed where none comes."""
        if not self.head:
            self.accepted()
        head = self._take(2)
        assert head[0] & 0x70 == 0, "a reserved bit is set"
        assert head[0] & 0x80, "the daemon sends whole messages"
        size = head[1]
        assert size < 128, "the daemon must not mask"
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        return head[0] & 0x0F, self._take(size)

    def line(self) -> str:
        """Return the text of the next message; pings are answered. Raises Closed, with the code of
        the daemon, which gets an answer to that.
        """
        while True:
            opcode, payload = self.frame()
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self.send(masked(PONG, payload))
            elif opcode == CLOSE:
                self._answer_close(payload)
                code = int.from_bytes(payload[:2], "big") if payload else None
                raise Closed(code, payload[2:].decode())

    def _answer_close(self, payload: bytes) -> None:
        with suppress(OSError):  # It was the answer to ours.
            self.send(masked(CLOSE, payload[:2]))

    def event(self) -> dict[str, object]:
        """Return the next event."""
        return json.loads(self.line())

    def until(self, kind: str, /, **fields: object) -> list[dict[str, object]]:
        """Read up to an event of this kind, with `fields`. Return all that was read, with it."""
        events = []
        while True:
            events.append(event := self.event())
            if event["event"] == kind and fields.items() <= event.items():
                return events

    def ask(self, *requests: dict[str, object]) -> None:
        """Send `requests` in one packet."""
        self.send(said(*requests))
