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

from twisted_chat.authorisation import Door
from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.dialects import LineDialect
from twisted_chat.doors import strangers, telnet
from twisted_chat.doors.admission import Admission, Connections
from twisted_chat.doors.held_lines import HoldingLineReceiver
from twisted_chat.doors.holding import Holding
from twisted_chat.doors.line_ends import LineEnds, erased
from twisted_chat.doors.outbox import IOutboxReactor, IStreamTransport, Patience, outbox_for
from twisted_chat.events import Reason, Refused
from twisted_chat.flood import Flood
from twisted_chat.limits import (
    CR_PAUSE,
    GOODBYE,
    MAX_LINE,
    REFUSED_AT_ONCE,
    SHORTEST_PAUSE,
    TOKEN,
)
from twisted_chat.member import Member
from twisted_chat.networks import LOCAL, host_of, is_local, network_of, origin_of
from twisted_chat.sockets import user_of
from twisted_chat.text import REPLACEMENT, clean, is_plain, is_utf8

_WANT_A_LOOK = (b"/", b"\n")
_LATER_WANTS_A_LOOK = re.compile(rb"\n[/\n]").search
"""Finds a later line that is a command or empty. A pattern costs no more than one `in`."""

_MAY_BE_SECRET = re.compile(rb"(?i)login|register").search
"""Finds the word of a command that has a passphrase and may have slipped."""


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
        origin = origin_of(self._host, user_of(self.transport))
        # Each address of loopback has a meter: a proxy there may give each of its own clients one.
        self._meter = factory.flood.meter(origin if self._host is None else network_of(self._host))
        safe = is_local(self._host) or ISSLTransport.providedBy(self.transport)
        self._member = Member(
            factory.name_of(peer),
            self._outbox,
            factory.dialect,
            self._meter,
            Door.SAFE_LINE if safe else Door.LINE,
            self._host,
            origin,
        )
        self._telnet = telnet.Telnet()
        self._ends = LineEnds(self.max_line)
        self._after_cr: IDelayedCall | None = None
        self._unpaid = 0  # Bytes of telnet.
        self._start: bytes | None = b""  # The first bytes, while they are too few to tell.
        self._is_first_line = True
        self._may_be_request = False
        self._is_hinted = False
        self.holding = Holding(self, factory.reactor)
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
            if message := strangers.by_first_bytes(data):
                self._turn_away(message)
                return
        self._read(data)

    def _read(self, data: bytes) -> None:
        if telnet.IAC in data and not self._telnet.is_spoken:
            start = data.index(telnet.IAC)
            self._read_text(data[:start])  # Lines that came before are edited by nobody.
            data = data[start:]
        # Not with the line: ^C in telnet ends none, and hides all until it is answered.
        if telnet.IAC in data or not self._telnet.idle:
            size = len(data)
            data, answers = self._telnet.feed(data)
            tokens, self._unpaid = divmod(self._unpaid + size - len(data), TOKEN)
            # A few bytes cost nothing: they may be a sign of life, which ends no idleness.
            if tokens := tokens + len(answers) // telnet.ANSWER:
                self._charge(tokens)
            if answers:
                self._outbox.write(answers)
        self._read_text(data)

    def _read_text(self, data: bytes) -> None:
        """Take `data`, which holds no telnet."""
        ready = self._ends.feed(data)
        self._take(ready)
        if self._is_first_line and not self.holding:
            # All that has come is empty lines and a part of the first one with text.
            part = ready if self._ends.are_known else data
            if message := strangers.by_part(part):
                self._turn_away(message)
        self._watch_cr()

    def _take(self, data: bytes) -> None:
        """Take `data`, whose line ends are LF."""
        super().dataReceived(data)
        if self._ends.are_cr:
            self.at_line_start = False  # What comes next may belong to the last CR.

    def _watch_cr(self) -> None:
        """Wait for what may follow a CR, if only that tells whether it is a line end."""
        if self._after_cr is not None:
            self._after_cr.cancel()
            self._after_cr = None
        if self._ends.wait_for_pause and not self._member.leaving:
            self._after_cr = self.factory.reactor.callLater(CR_PAUSE, self._nothing_follows)

    def _nothing_follows(self) -> None:
        self._after_cr = None
        if not self.holding:  # Otherwise it was not read, and `resume_input` waits again.
            self._take(self._ends.pause())

    def _say_at_once(self, data: bytes) -> bool:
        """Say all of `data` if it is nothing but whole lines that need no closer look.

        That is what nearly all packets are, and in a busy room this takes a third of the time.
        """
        # Neither a command nor an empty line, nor a part of one, nor one that may be too long or
        # that may hold a passphrase. To look for what both words of _MAY_BE_SECRET hold is quick.
        if (
            not data.endswith(b"\n")
            or data.startswith(_WANT_A_LOOK)
            or _LATER_WANTS_A_LOOK(data)
            or (len(data) > self.max_line and max(map(len, data.split(b"\n"))) > self.max_line)
            or (data.lower().find(b"gi") >= 0 and _MAY_BE_SECRET(data))
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
        if line and self._is_first_line:
            if message := strangers.by_first_line(line):
                self._turn_away(message)
                return
            self._is_first_line = False
        if self._ends.are_cr or self._telnet.is_spoken:
            line = erased(line)
        if not line:
            return
        text = clean(line)
        if REPLACEMENT in text and not self._is_hinted and not is_utf8(line):
            self._is_hinted = True
            self.factory.chat.refuse(
                self._member,
                f"that was no UTF-8, and others see {REPLACEMENT} in it: set your terminal or "
                "program to UTF-8",
            )
        self._await(self.factory.desk.hand_in(self._member, text))

    def long_line(self, start: bytes) -> None:
        is_first, self._is_first_line = self._is_first_line, False
        # However it was split, so much of it is here.
        if is_first and (message := strangers.by_part(start[: self.MAX_LENGTH + 1])):
            self._turn_away(message)
            return
        self._may_be_request = is_first and strangers.starts_request(start)
        if not self._may_be_request:
            self._refuse_long_line()

    def long_line_ended(self, tail: bytes) -> None:
        if self._may_be_request:
            self._may_be_request = False
            if message := strangers.by_end(tail):
                self._turn_away(message)
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
        if wait and not self._member.leaving:
            self.holding.for_tokens(max(wait, SHORTEST_PAUSE))

    def resume_input(self) -> None:
        super().resume_input()
        self._watch_cr()

    def _await(self, answer: Deferred[None] | None) -> None:
        """Take no line until `answer` fires; if it is None, go on at once."""
        if answer is not None:
            self.holding.until(answer)

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
        self.holding.peer_is_lost()
        super().connectionLost(reason)

    def keep_nothing_back(self) -> None:
        if self._start:
            start, self._start = self._start, None
            self._read(start)
        self._take(self._ends.end())

    def leave(self) -> None:
        self.factory.chat.leave(self._member)
        self.holding.give_up()
        self._watch_cr()  # It leaves: that only ends the wait.
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
