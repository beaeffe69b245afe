"""Doors whose connections are streams: TCP, TLS, unix sockets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocolFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.doors.admission import Connections
from twisted_chat.doors.door import Entrance, IDoor
from twisted_chat.doors.handshakes import Handshakes
from twisted_chat.doors.listening import Listener, Place
from twisted_chat.doors.outbox import IStreamTransport, Patience
from twisted_chat.doors.proxied import BehindProxies
from twisted_chat.events import Refused
from twisted_chat.interfaces import IDialect
from twisted_chat.limits import GOODBYE, REFUSED_AT_ONCE
from twisted_chat.refusal import Refusal


@implementer(IDoor)
class StreamDoor(ServerFactory[Protocol]):
    """A door whose connections are streams: TCP, TLS or unix sockets. It is the factory of their
    protocols.
    """

    noisy = False
    name: str
    dialect: IDialect

    def __init__(self, entrance: Entrance) -> None:
        self.entrance = entrance
        # One look away for each line that is said, and not two.
        self.chat = entrance.chat
        self.desk = entrance.desk
        self.reactor = entrance.reactor
        self.limits = entrance.limits
        self.patience = Patience(self.reactor, self.limits)
        self.connections: Connections[Any] = Connections()
        self.heard = 0
        self.received = 0
        """Bytes of the packets that were heard."""
        self.refused = 0
        self.being_refused = 0
        """Connections that were refused and are not closed yet."""
        self.listeners: list[Listener] = []

    def listen_on(self) -> Sequence[Listener]:
        """Listen on all of its places. Raises ListenError."""
        raise NotImplementedError

    def factory_for(self, place: Place) -> IProtocolFactory:
        """Return what makes the protocols of those that come to `place`."""
        anteroom = self.entrance.anteroom
        factory: IProtocolFactory = self
        if place.is_tls:
            factory = Handshakes(factory, anteroom)
        if place.certificate is not None:
            factory = TLSMemoryBIOFactory(place.certificate, False, factory, self.reactor)
        if place.is_proxied:
            factory = BehindProxies(factory, self.entrance.proxies, anteroom)
        return factory

    # IDoor.

    def open(self) -> None:
        self.listeners += self.listen_on()

    def places(self) -> Sequence[str]:
        return [str(listener) for listener in self.listeners]

    def close(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for listener in self.listeners:
            await listener.stop()

    def drain(self) -> Deferred[None]:
        self.entrance.anteroom.close_all()
        for connection in [*self.connections]:
            connection.stop()
        return self.connections.all_gone()

    def counts(self) -> dict[str, int]:
        return {
            "accepted": self.connections.accepted,
            "connections": len(self.connections),
            "refused": self.refused,
            "packets": self.heard,
            "bytes_in": self.received,
            "bytes_out": self.patience.sent,
        }


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class RefusingProtocol(Protocol):
    """Tells a peer why it cannot come in.

    It is heard out for a while: to close a connection with bytes that nobody has read is a reset,
    which would take our own words back.
    """

    transport: IStreamTransport

    def __init__(self, door: StreamDoor, why: Refusal) -> None:
        self._door = door
        self._why = why
        self._abort: IDelayedCall

    def connectionMade(self) -> None:
        door = self._door
        door.refused += 1
        door.being_refused += 1
        is_tls = ISSLTransport.providedBy(self.transport)
        self.transport.write(door.dialect.render(Refused(str(self._why), self._why.kind), ""))
        self._abort = door.reactor.callLater(GOODBYE, self.transport.abortConnection)
        if door.being_refused > REFUSED_AT_ONCE and is_tls:
            self.transport.abortConnection()  # A handshake costs more than a word is worth.
        elif door.being_refused > REFUSED_AT_ONCE or is_tls:
            # TLS has no half of a connection to close.
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def handshakeCompleted(self) -> None:
        """Over TLS: what was written goes out now."""

    def readConnectionLost(self) -> None:
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """That was us."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._door.being_refused -= 1
        if self._abort.active():
            self._abort.cancel()
