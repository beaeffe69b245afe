"""The handshake of TLS, which comes before everything else: whoever does not complete it was never
there.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocol, IProtocolFactory
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.doors.anteroom import Anteroom
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.doors.proxied import Proxied
from twisted_chat.limits import HANDSHAKE
from twisted_chat.networks import host_of


@implementer(IProtocolFactory)
class Handshakes:
    """A factory for TLS, in whatever way it is spoken: the protocols that `factory` makes get their
    connection when its handshake is complete.

    Those that provide IHandshakeListener get it at once, as from TLS itself.
    """

    noisy = False

    def __init__(self, factory: IProtocolFactory, anteroom: Anteroom) -> None:
        self._factory = factory
        self._anteroom = anteroom

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        protocol: IProtocol | None = self._factory.buildProtocol(addr)
        if protocol is None or IHandshakeListener.providedBy(protocol):
            return protocol
        return Handshake(protocol, self._anteroom)

    def doStart(self) -> None:
        self._factory.doStart()

    def doStop(self) -> None:
        self._factory.doStop()


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Waits in `anteroom` for the end of the handshake, and then gives its place to `protocol`."""

    transport: TLSMemoryBIOProtocol

    def __init__(self, protocol: IProtocol, anteroom: Anteroom) -> None:
        self._protocol = protocol
        self._anteroom = anteroom

    def connectionMade(self) -> None:
        host = host_of(self.transport.getPeer())
        self._anteroom.enter(cast(IStreamTransport, self.transport), host, HANDSHAKE)

    def handshakeCompleted(self) -> None:
        beneath = self.transport.transport
        if isinstance(beneath, Proxied):
            beneath = beneath.transport
        if isinstance(beneath, Connection):
            outlast_failed_writes(beneath)
        self._anteroom.leave(cast(IStreamTransport, self.transport))
        self.transport.wrappedProtocol = self._protocol
        self._protocol.makeConnection(self.transport)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._anteroom.leave(cast(IStreamTransport, self.transport))


def outlast_failed_writes(connection: Connection) -> None:
    """Let a write to `connection` that fails end nothing: what the peer had sent before is read to
    its end, which ends the connection.

    Twisted ends it with the first such write, and what had come and was not read yet goes with it.
    On a plain socket `SocketOutbox` prevents that; beneath TLS no outbox can.
    """
    write = connection.writeSomeData

    def write_or_drop(data: bytes) -> int:
        written = write(data)
        return len(data) if isinstance(written, Exception) else written

    connection.writeSomeData = write_or_drop  # type: ignore[method-assign]
