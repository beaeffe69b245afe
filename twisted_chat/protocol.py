"""The line door: bytes from TCP, TLS or unix sockets to what members ask, events back to lines."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from itertools import count

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat import strangers, telnet
from twisted_chat.admission import Admission, Connections
from twisted_chat.authorisation import Door
from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.dialects import LineDialect
from twisted_chat.events import Reason, Refused
from twisted_chat.flood import Flood
from twisted_chat.holding import HoldingLineReceiver
from twisted_chat.limits import GOODBYE, MAX_LINE, REFUSED_AT_ONCE, SHORTEST_PAUSE, TOKEN
from twisted_chat.member import Member
from twisted_chat.networks import LOCAL, host_of, is_local, network_of
from twisted_chat.outbox import IOutboxReactor, IStreamTransport, Patience, outbox_for
from twisted_chat.text import clean, is_plain

_WANT_A_LOOK = (b"/", b"\n", b" ", b"\t")
_LATER_WANTS_A_LOOK = re.compile(rb"\n[/\n \t]").search
"""The begin of a line that is not simply said. A pattern finds all four in the time of one `in`."""


class ChatProtocol(HoldingLineReceiver):
    """One connection of the line door: any client that sends lines."""

    factory: ChatFactory

    def connectionMade(self) -> None:
        factory = self.factory
        peer = self.transport.getPeer()
        if isinstance(peer, TCP4Address | TCP6Address):
            # Unix sockets claim to be ITCPTransport too.
            self.transport.setTcpNoDelay(True)
        self._host = host_of(peer)
        self._outbox = outbox_for(self.transport, factory.patience, self._too_slow)
        self._meter = factory.flood.meter(network_of(self._host))
        safe = is_local(self._host) or ISSLTransport.providedBy(self.transport)
        self._member = Member(
            factory.name_of(peer),
            self._outbox,
            factory.dialect,
            self._meter,
            Door.SAFE_LINE if safe else Door.LINE,
            self._host,
        )
        self._telnet = telnet.Telnet()
        self._start: bytes | None = b""  # The first bytes, while they are too few to tell.
        self._is_first_line = True
        self._may_be_request = False
        self._resuming: IDelayedCall | None = None
        self._latest = 0.0
        self._is_out = False
        factory.connections.add(self)
        factory.admission.enter(self._host)
        self._await(factory.chat.enter(self._member))

    def dataReceived(self, data: bytes) -> None:
        if self._member.leaving:
            return
        self.factory.packets += 1
        if self.at_line_start and not self._is_first_line and self._say_at_once(data):
            return
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
            self._charge(len(answers) / telnet.ANSWER)
        super().dataReceived(data)

    def _say_at_once(self, data: bytes) -> bool:
        """Say all of `data` if it is nothing but whole lines that need no closer look.

        That is what nearly all packets are, and in a busy room this takes a third of the time.
        """
        # Neither a command nor an empty line, nor a part of one, nor one that may be too long or
        # that may be meant for a command and have slipped.
        if (
            not data.endswith(b"\n")
            or data.startswith(_WANT_A_LOOK)
            or _LATER_WANTS_A_LOOK(data)
            or (len(data) > self.max_line and max(map(len, data.split(b"\n"))) > self.max_line)
            or not is_plain(data)
        ):
            return False
        if self._meter.charge(data.count(b"\n") + len(data) // TOKEN, only_at_once=True):
            return False
        self.factory.chat.say(self._member, data[:-1].decode())
        return True

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
        self._await(self.factory.desk.hand_in(self._member, clean(line)))

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
        self.factory.chat.refuse(
            self._member,
            f"a line longer than {self.max_line} bytes was not said: send it in shorter lines",
        )

    def _turn_away(self, message: str) -> None:
        self.factory.chat.refuse(self._member, message)
        self.factory.chat.leave(self._member, reason=Reason.NOT_A_CHAT_CLIENT)
        self.clearLineBuffer()

    # Flood control.

    def bytes_read(self, size: int) -> None:
        self._charge(1 + size // TOKEN)

    def _charge(self, tokens: float) -> None:
        wait = self._meter.charge(tokens)
        if wait and self._resuming is None and not self._member.leaving:
            self.hold()
            self._resuming = self.factory.reactor.callLater(max(wait, SHORTEST_PAUSE), self._resume)

    def _resume(self) -> None:
        self._resuming = None
        self.release()

    def release(self) -> None:
        if self._resuming is None:
            super().release()

    def _await(self, answer: Deferred[None] | None) -> None:
        """Take no line until `answer` fires. None: it is there already."""
        if answer is not None:
            self.hold_until(answer)
            if self.is_lost:
                self._bound(answer)

    def _bound(self, answer: Deferred[None]) -> None:
        """The peer is gone: who only waits, and be it to try one passphrase after the other, keeps
        its place for GOODBYE seconds at most.
        """
        reactor = self.factory.reactor
        answer.addTimeout(max(0.0, self._latest - reactor.seconds()), reactor)

    def failed(self, failure: Failure) -> None:
        self.factory.chat.leave(self._member, reason=Reason.DOOR_FAILED)
        super().failed(failure)

    # The end.

    def _too_slow(self, waiting: int) -> None:
        self._log.info(
            "{name} is put out: too slow to read, {waiting} bytes wait for it",
            name=self._member.name,
            waiting=waiting,
        )
        self.factory.chat.leave(self._member, reason=Reason.TOO_SLOW)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._outbox.connection_lost()
        self.factory.connections.lose(self)
        # What it had sent may have to wait for its turn; until all is heard it is in the room.
        self._latest = self.factory.reactor.seconds() + GOODBYE
        if self.answer is not None:
            self._bound(self.answer)
        super().connectionLost(reason)

    def input_ended(self) -> None:
        if self._start:
            start, self._start = self._start, None
            super().dataReceived(start)
        super().input_ended()

    def leave(self) -> None:
        self.factory.chat.leave(self._member)
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        if self.is_lost and not self._is_out:
            self._is_out = True
            self.factory.admission.leave(self._host)


@implementer(IHalfCloseableProtocol)
class RefusingProtocol(Protocol):
    """Tells a peer why it cannot come in.

    It is heard out for a while: to close a connection with bytes that nobody has read is a reset,
    which would take our own words back.
    """

    factory: ChatFactory
    transport: IStreamTransport

    def __init__(self, why: str) -> None:
        self._why = why
        self._abort: IDelayedCall

    def connectionMade(self) -> None:
        factory = self.factory
        factory.refusals += 1
        self.transport.write(factory.dialect.render(Refused(self._why)))
        self._abort = factory.reactor.callLater(GOODBYE, self.transport.abortConnection)
        # TLS has no half of a connection to close.
        if factory.refusals > REFUSED_AT_ONCE or ISSLTransport.providedBy(self.transport):
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()

    def readConnectionLost(self) -> None:
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """That was us."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.factory.refusals -= 1
        if self._abort.active():
            self._abort.cancel()


class ChatFactory(ServerFactory[Protocol]):
    """Makes a member of each connection of the line door; holds the chat they share.

    `packets` counts what came in, so that a stopping daemon can tell when nothing more comes.
    """

    noisy = False
    dialect = LineDialect()

    def __init__(
        self,
        chat: Chat,
        desk: Desk,
        reactor: IOutboxReactor,
        admission: Admission,
        flood: Flood,
        patience: Patience,
        max_line: int = MAX_LINE,
    ) -> None:
        self.chat = chat
        self.desk = desk
        self.reactor = reactor
        self.admission = admission
        self.flood = flood
        self.patience = patience
        self.connections: Connections[ChatProtocol] = Connections()
        self.packets = 0
        self.refusals = 0
        """Connections that were refused and are not closed yet."""
        self._max_line = max_line
        self._local = count(1)

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol | RefusingProtocol:
        assert addr is not None
        why = self.admission.refusal(host_of(addr))
        protocol = RefusingProtocol(why) if why else ChatProtocol(self._max_line)
        protocol.factory = self
        return protocol

    def name_of(self, peer: IAddress) -> str:
        """The default name of a member: its address, or `local:N` where it has none."""
        if not isinstance(peer, TCP4Address | TCP6Address):
            return f"{LOCAL}:{next(self._local)}"
        host = host_of(peer)
        return f"[{host}]:{peer.port}" if isinstance(host, IPv6Address) else f"{host}:{peer.port}"
