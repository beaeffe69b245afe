"""The line door: bytes from TCP, TLS or unix sockets to what members ask, events back to lines."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from itertools import count

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IReactorTime,
)
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat import strangers, telnet
from twisted_chat.commands import obey
from twisted_chat.dialects import LineDialect
from twisted_chat.events import Reason
from twisted_chat.limits import MAX_LINE
from twisted_chat.lines import BoundedLineReceiver
from twisted_chat.member import Member
from twisted_chat.outbox import IStreamTransport, Outbox
from twisted_chat.room import Room
from twisted_chat.text import clean


@implementer(IHalfCloseableProtocol)
class ChatProtocol(BoundedLineReceiver):
    """One connection of the line door: any client that sends lines."""

    factory: ChatFactory
    transport: IStreamTransport

    def connectionMade(self) -> None:
        peer = self.transport.getPeer()
        if isinstance(peer, TCP4Address | TCP6Address):
            # Unix sockets claim to be ITCPTransport too.
            self.transport.setTcpNoDelay(True)
        self._outbox = Outbox(self.transport, self.factory.clock, self._too_slow)
        self._member = Member(self.factory.name_of(peer), self._outbox, self.factory.dialect)
        self._telnet = telnet.Telnet()
        self._start: bytes | None = b""  # The first bytes, while they are too few to tell.
        self._is_first_line = True
        self._may_be_request = False
        self.factory.connections.add(self)
        self.factory.room.enter(self._member)

    def dataReceived(self, data: bytes) -> None:
        if self._member.leaving:
            return
        self.factory.packets += 1
        if self._start is not None:
            data = self._start + data
            if strangers.undecided(data):
                self._start = data
                return
            self._start = None
            if message := strangers.other_protocol(data):
                self._turn_away(message)
                return
        # Not with the line: ^C in telnet ends none, and hides all until it is answered.
        if (telnet.IAC in data or not self._telnet.idle) and (
            answers := self._telnet.feed(data)[1]
        ):
            self._outbox.write(answers)
        super().dataReceived(data)

    def line_received(self, line: bytes) -> None:
        if self._member.leaving:
            self.clearLineBuffer()
            return
        line = telnet.strip(line)
        if not line:
            return
        if self._is_first_line and strangers.is_http_request(line):
            self._turn_away(strangers.HTTP)
            return
        self._is_first_line = False
        obey(self.factory.room, self._member, clean(line))

    def long_line(self, start: bytes) -> None:
        self._may_be_request = self._is_first_line and strangers.starts_http_request(start)
        self._is_first_line = False
        if not self._may_be_request:
            self._refuse_long_line()

    def long_line_ended(self, tail: bytes) -> None:
        if self._may_be_request:
            self._may_be_request = False
            if strangers.ends_http_request(tail):
                self._turn_away(strangers.HTTP)
            else:
                self._refuse_long_line()

    def _refuse_long_line(self) -> None:
        self.factory.room.refuse(
            self._member,
            f"a line longer than {self.max_line} bytes was not said: send it in shorter lines",
        )

    def _turn_away(self, message: str) -> None:
        self.factory.room.refuse(self._member, message)
        self.factory.room.leave(self._member, reason=Reason.NOT_A_CHAT_CLIENT)
        self.clearLineBuffer()

    def _too_slow(self) -> None:
        self.factory.room.leave(self._member, reason=Reason.TOO_SLOW)

    def readConnectionLost(self) -> None:
        """The peer ended its side: what it said last is said, and it leaves."""
        if not self._member.leaving:
            if self._start:
                start, self._start = self._start, None
                super().dataReceived(start)
            self.input_ended()
            self.factory.room.leave(self._member)

    def writeConnectionLost(self) -> None:
        """Our own side is only ever closed together with the peer's."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.readConnectionLost()
        self._outbox.connection_lost()
        self.factory.disconnected(self)


class ChatFactory(ServerFactory[ChatProtocol]):
    """Makes a member of each connection of the line door; holds the room they share.

    `packets` counts what came in, so that a stopping daemon can tell when nothing more comes.
    """

    noisy = False
    dialect = LineDialect()

    def __init__(self, room: Room, clock: IReactorTime, max_line: int = MAX_LINE) -> None:
        self.room = room
        self.clock = clock
        self.connections: set[ChatProtocol] = set()
        self.packets = 0
        self._max_line = max_line
        self._local = count(1)
        self._all_gone: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:
        protocol = ChatProtocol(self._max_line)
        protocol.factory = self
        return protocol

    def name_of(self, peer: IAddress) -> str:
        """The default name of a member: its address, or `local:N` where it has none."""
        if not isinstance(peer, TCP4Address | TCP6Address):
            return f"local:{next(self._local)}"
        host = ip_address(peer.host)
        if isinstance(host, IPv6Address):
            if host.ipv4_mapped is None:
                return f"[{host}]:{peer.port}"
            host = host.ipv4_mapped
        return f"{host}:{peer.port}"

    def disconnected(self, protocol: ChatProtocol) -> None:
        """A connection is gone."""
        self.connections.discard(protocol)
        if self._all_gone is not None and not self.connections:
            self._all_gone.callback(None)

    def all_gone(self) -> Deferred[None]:
        """Fires when no connection is left. To be called once, when none can come any more."""
        if not self.connections:
            return succeed(None)
        self._all_gone = Deferred()
        return self._all_gone
