"""A web door on a clock, and links to it that can break at any byte."""

from __future__ import annotations

import json
from collections.abc import Iterator

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from tests.support.doubles import ChatOnTheTable, TCPTransport
from tests.support.web import CLOSE, PONG, masked, said
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.proxied import Proxies
from twisted_chat.doors.web.door import WebDoor
from twisted_chat.doors.web.heads import Heads
from twisted_chat.limits import Limits

HERE = IPv4Address("TCP", "127.0.0.1", 5000)
THERE = IPv4Address("TCP", "10.0.0.7", 5000)

HANDSHAKE = (
    b"GET /-/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class LinkTransport(TCPTransport):
    """Asks a pull producer for more as TCP does: at once, and when all is sent."""

    def __init__(self, peer: IPv4Address) -> None:
        super().__init__(peerAddress=peer, lenient=True)
        self.is_lost = False

    def registerProducer(self, producer: object, streaming: bool) -> None:
        if self.is_lost:
            producer.stopProducing()
            return
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        if self.producer is not None:
            super().unregisterProducer()

    def lose(self) -> None:
        """Be gone, which a producer is told."""
        self.is_lost = True
        if self.producer is not None:
            self.producer.stopProducing()
            self.unregisterProducer()

    def all_is_sent(self) -> None:
        """Ask a pull producer for more."""
        if self.producer is not None and not self.streaming:
            self.producer.resumeProducing()


class Link:
    """A connection to the web door, and what is at its other end: HTTP first, then a WebSocket.

    `code`: by which the daemon has closed the WebSocket; None: it has not.
    """

    def __init__(self, hall: WebHall, peer: IPv4Address = HERE) -> None:
        self._hall = hall
        self.transport = LinkTransport(peer)
        self.protocol = hall.door.buildProtocol(peer)
        self.is_up = self.protocol is not None
        self.code: int | None = None
        self.reason = ""
        self.pings = 0
        self.answers_pings = True
        self._text = ""
        self._wire = Connection(ConnectionType.CLIENT)
        self.transport.protocol = self.protocol
        if self.is_up:
            self.protocol.makeConnection(self.transport)
            hall.links.append(self)

    def send(self, data: bytes) -> None:
        """Send `data`, if the link is up."""
        if self.is_up:
            self.transport.protocol.dataReceived(data)
            self.transport.all_is_sent()

    def ask(self, *requests: dict[str, object]) -> None:
        """Send `requests` in one packet."""
        self.send(said(*requests))

    def greet(self, **hello: object) -> list[dict[str, object]]:
        """Come with a WebSocket, say hello, and return what is read then."""
        self.send(HANDSHAKE)
        self.answer()
        self.ask({"hello": 1, **hello})
        return self.read()

    def answer(self) -> bytes:
        """Return what was answered over HTTP."""
        self._hall.turn()
        data = self.transport.value()
        self.transport.clear()
        return data

    def read(self) -> list[dict[str, object]]:
        """Let turns pass, and return the events that have come since the last call."""
        self._hall.turn()
        return [*self.arrived()]

    def arrived(self, most: int = 1 << 30) -> Iterator[dict[str, object]]:
        """Yield the events in the next `most` bytes that the daemon has sent."""
        data = self.transport.value()
        self.transport.clear()
        self.transport.write(data[most:])
        self._wire.receive_data(data[:most])
        for event in self._wire.events():
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    text, self._text = self._text, ""
                    yield json.loads(text)
            elif isinstance(event, Ping):
                self.pings += 1
                if self.answers_pings:
                    self.send(masked(PONG, b""))
            elif isinstance(event, CloseConnection):
                self.code, self.reason = event.code, event.reason or ""

    def close(self, code: int | None = 1000) -> None:
        """Close the WebSocket."""
        self.send(masked(CLOSE, b"" if code is None else code.to_bytes(2, "big")))

    def lose(self) -> None:
        """Let the connection be gone, as the daemon sees it."""
        if self.is_up:
            self.is_up = False
            self._hall.links.remove(self)
            self.transport.lose()
            self.transport.protocol.connectionLost(Failure(ConnectionLost()))


class WebHall:
    """A chat with a web door, on a clock."""

    def __init__(self, **limits: int) -> None:
        self.table = ChatOnTheTable()
        self.clock = self.table.clock
        self.chat = self.table.chat
        self.limits: Limits = self.table.limits
        self.limits.take_over(Limits(**{"rate": 0} | limits))
        self.entrance: Entrance = self.table.entrance()
        self.door = WebDoor(self.entrance, [], Heads(Proxies()))
        self.links: list[Link] = []
        """Those that are up."""

    def turn(self) -> None:
        """Let turns pass until nothing waits."""
        for _ in range(3):
            self.table.turns.run()
            self.clock.advance(0)
            for link in [*self.links]:
                if link.transport.disconnecting:
                    link.lose()

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.clock.advance(seconds)
        self.turn()
