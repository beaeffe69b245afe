"""Connections that come through a proxy, which tells first where they come from."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, cast

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocol,
    IProtocolFactory,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import alsoProvides, directlyProvides, implementer, providedBy

from twisted_chat.doors.anteroom import Anteroom
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.doors.proxy_header import BadHeader, read_header
from twisted_chat.interfaces import IPrivate
from twisted_chat.limits import PROXY_WAIT
from twisted_chat.networks import ClaimedAddress, Host, Network, host_of, is_local

UNIX = "unix"
"""Stands for all unix sockets among the places of proxies."""

_MOST_NOTED = 100
"""Places of which the log gets a line: whoever has more has read it."""


class Proxies:
    """The proxies that are believed: those at `places`, addresses, networks or UNIX. Raises
    ValueError for what is neither.
    """

    DEFAULT = ("127.0.0.0/8", "::1", UNIX)
    _log = Logger(namespace="chat")

    def __init__(self, places: Iterable[str] = DEFAULT) -> None:
        self.networks: list[Network] = []
        self._has_unix = False
        for place in places:
            if place == UNIX:
                self._has_unix = True
            else:
                self.networks.append(ip_network(place))
        self._noted: set[str] = set()

    def are_at(self, peer: IAddress) -> bool:
        """Return whether one of them is at `peer`."""
        return self.have(host_of(peer))

    def have(self, host: Host) -> bool:
        """Return whether one of them is at `host`; None: at a unix socket."""
        if host is None:
            return self._has_unix
        return any(host in network for network in self.networks)

    def note(self, peer: IAddress, what: str) -> None:
        """Log what is wrong with `peer`, once."""
        line = f"a connection from {host_of(peer) or 'a unix socket'} {what}"
        if line not in self._noted and len(self._noted) < _MOST_NOTED:
            self._noted.add(line)
            self._log.warn("{line}; this is told once", line=line)


@implementer(IProtocolFactory)
class BehindProxies:
    """Makes the protocols of `factory` for those who come through one of `proxies`, when the header
    is whole: it has PROXY_WAIT seconds. Others are closed at once.
    """

    noisy = False

    def __init__(self, factory: IProtocolFactory, proxies: Proxies, anteroom: Anteroom) -> None:
        self._factory = factory
        self._proxies = proxies
        self._anteroom = anteroom

    def buildProtocol(self, addr: IAddress) -> Proxied | None:
        if self._proxies.are_at(addr):
            return Proxied(self._factory, self._proxies, self._anteroom)
        self._proxies.note(addr, "is closed: no proxy is there (--proxy-from)")
        return None

    def doStart(self) -> None:
        self._factory.doStart()

    def doStop(self) -> None:
        self._factory.doStop()


class Proxied(ProtocolWrapper):
    """One connection through a proxy: the transport of a protocol that `factory` makes for whom the
    proxy tells of.

    If the proxy tells of nobody, it looks whether somebody answers: the connection is left to it
    until its time is over, and nobody is told.
    """

    transport: Any
    _peer: ClaimedAddress | None = None

    def __init__(self, factory: IProtocolFactory, proxies: Proxies, anteroom: Anteroom) -> None:
        self._factory = factory
        self._proxies = proxies
        self._anteroom = anteroom
        self._head = b""
        self._protocol: IProtocol | None = None

    def logPrefix(self) -> str:
        return "Proxied"

    def makeConnection(self, transport: IStreamTransport) -> None:
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self._anteroom.enter(transport, host_of(transport.getPeer()), PROXY_WAIT)

    def getPeer(self) -> IAddress:
        return self._peer or cast(IAddress, self.transport.getPeer())

    def dataReceived(self, data: bytes) -> None:
        if self._protocol is not None:
            self._protocol.dataReceived(data)
            return
        self._head += data
        try:
            header = read_header(self._head)
        except BadHeader:
            self._proxies.note(self.transport.getPeer(), "is closed: it has no PROXY header")
            self.transport.abortConnection()
            return
        if header is None:
            return
        rest, self._head = self._head[header.size :], self._head[: header.size]
        if header.peer is not None:
            self._begin(header.peer, header.is_encrypted)
            if rest and self._protocol is not None:
                self._protocol.dataReceived(rest)

    def _begin(self, peer: ClaimedAddress, is_encrypted: bool) -> None:
        self._head = b""
        self._peer = peer
        self._anteroom.leave(self.transport)
        if is_encrypted and is_local(host_of(self.transport.getPeer())):
            alsoProvides(self, IPrivate)
        protocol = self._factory.buildProtocol(peer)
        if protocol is None:
            self.transport.abortConnection()
            return
        self._protocol = protocol
        if IHalfCloseableProtocol.providedBy(protocol):
            # TCP asks when it comes to it.
            alsoProvides(self, IHalfCloseableProtocol)
        protocol.makeConnection(cast(ITransport, self))

    def readConnectionLost(self) -> None:
        cast(IHalfCloseableProtocol, self._protocol).readConnectionLost()

    def writeConnectionLost(self) -> None:
        cast(IHalfCloseableProtocol, self._protocol).writeConnectionLost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._anteroom.leave(self.transport)
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connectionLost(reason)
