"""Stand-ins: they record what is asked of them, or fail as a test says."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, ISystemHandle, ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from tests.support.journals import lay_journal, settle
from twisted_chat import authorisation
from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.dialects import LineDialect
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.line import ChatProtocol, LineDoor
from twisted_chat.events import LOBBY
from twisted_chat.flood import Flood
from twisted_chat.interfaces import IDialect, IJournal, IOutbox, ITranscript
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.view import View
from twisted_chat.limits import BURST, MAX_PER_ADDRESS, MAX_USERS, Limits
from twisted_chat.members import Member
from twisted_chat.names import Name, named
from twisted_chat.networks import LOCAL
from twisted_chat.passphrases import Passphrases
from twisted_chat.records import Registration, Role, Seen
from twisted_chat.requests import Arrive, Move, SetTopic
from twisted_chat.traces import Traces

LINES = LineDialect()


@implementer(IDialect)
class BrokenDialect:
    """Raises for each event."""

    def render(self, event, room) -> bytes:
        raise ZeroDivisionError

    def render_to(self, event, reader) -> bytes:
        raise ZeroDivisionError


@implementer(IOutbox)
class RecordingOutbox:
    """Keeps what is written. If it is `broken`, it raises instead."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = 0
        self.broken = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written to after its end"
        if self.broken:
            raise RuntimeError("broken on purpose")
        self.written.append(data)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        self.closed += 1

    @property
    def lines(self) -> list[str]:
        """All lines written so far, without their ends."""
        return b"".join(self.written).decode().split("\n")[:-1]


@implementer(ITranscript)
class RecordingTranscript(RecordingOutbox):
    """Keeps the transcript."""

    def start(self) -> None:
        pass

    def reopen(self) -> None:
        pass

    def stop(self) -> Deferred[None]:
        return succeed(None)


class FailingView(View):
    """Raises if it is asked who is there, or who owns a name."""

    def who(self, room: Name | None) -> list[Seen]:
        raise ConnectionError("no journal on purpose")

    def registration(self, name: Name) -> Registration | None:
        raise ConnectionError("no journal on purpose")


class FailingJournal(MemoryJournal):
    """A journal whose view raises if it is asked about names."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__(now)
        self.view = FailingView(self.state, now)


class SlowJournal(MemoryJournal):
    """While it `is_slow`, it is settled only when the test calls `settle`. `cancelled`: how many
    have stopped waiting for that.
    """

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__(now)
        self.is_slow = False
        self.waiting: deque[Deferred[None]] = deque()
        self.cancelled = 0

    def settled(self, author: str) -> Deferred[None] | None:
        def go_on(given_up: Deferred[None]) -> None:
            self.cancelled += 1
            self.waiting.remove(given_up)
            given_up.callback(None)

        if not self.is_slow:
            return None
        self.waiting.append(Deferred(go_on))
        return self.waiting[-1]

    def settle(self) -> None:
        """Let all that wait go on, also those that come meanwhile."""
        while self.waiting:
            self.waiting.popleft().callback(None)


class Turns:
    """Functions that wait for the next turn of the reactor."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def later(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        """Let all that was asked be applied, and run turns until nothing waits."""
        settle()
        while self.waiting:
            self.turn()

    def turn(self) -> None:
        """Run one turn. What comes up meanwhile waits for the next turn."""
        settle()
        waiting, self.waiting = self.waiting, []
        for function in waiting:
            function()
        settle()


class WallClock:
    """A wall clock `ahead` seconds in front of `clock`. A test sets it by that."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = 1_000_000_000.0

    def __call__(self) -> float:
        return self._clock.seconds() + self.ahead


class ChatOnTheTable:
    """A chat whose members record what they read."""

    def __init__(
        self,
        journal: MemoryJournal | None = None,
        motd: tuple[str, ...] = (),
        replay: int = 0,
        clock: Clock | None = None,
        passphrases: Passphrases | None = None,
        now: WallClock | None = None,
    ) -> None:
        self.turns = Turns()
        self._others = count(1)
        self.transcript = RecordingTranscript()
        if clock is None:
            clock = Clock()
            clock.advance(1_000_000)
        self.clock = clock
        self.now = now or WallClock(clock)
        self.limits = Limits(rate=0, replay=replay)
        self.flood = Flood(self.clock, self.limits)
        self.journal = journal or lay_journal(self.now, later=clock.callLater)
        self.chat = Chat(
            self.journal,
            self.turns.later,
            self.clock,
            self.transcript,
            LINES,
            self.limits,
            motd,
        )
        self.traces = Traces(self.clock)
        self.desk = Desk(self.chat, passphrases or Passphrases(self.clock), self.traces)

    def entrance(self, clock: Clock | None = None) -> Entrance:
        """Return what doors are made with. Their connections run on `clock`, if one is given."""
        closed_to = self.chat.journal.view.closed_to
        return Entrance(self.chat, self.desk, clock or self.clock, closed_to)

    def enter(
        self, name: str, origin: str = LOCAL, door: authorisation.Door = authorisation.Door.LINE
    ) -> Member:
        """Return a new member that has entered."""
        meter = self.flood.meter(LOCAL)
        member = Member(name, RecordingOutbox(), LINES, meter, door, origin=origin)
        self.chat.arrive(member)
        self.settle()
        return member

    def settle(self) -> None:
        """Let all that was asked be applied, without a turn."""
        settle()

    def appoint(self, member: Member) -> None:
        """Make `member` an operator, whoever owns its name."""
        self.chat.journal.state.people[member.id].role = Role.OPERATOR

    def bring(self, name: str, room: str = "", topic: str = "") -> None:
        """Let a member of another node enter, go to `room` if one is given, and set `topic`."""
        author = f"elsewhere.{next(self._others)}"
        journal = self.chat.journal
        journal.ask(author, Arrive(named(name), "", LOCAL, "line", (named(LOBBY),)))
        if room:
            journal.ask(author, Move(named(room)))
        if topic:
            journal.ask(author, SetTopic(room, topic))
        self.settle()

    def ask(self, member: Member, *lines: str) -> list[str]:
        """Return the lines that `member` reads after it has sent `lines`, one after the other."""
        for line in lines:
            self.desk.hand_in(member, line)
            self.settle()
        return self.read(member)

    def read(self, member: Member) -> list[str]:
        """Run all turns. Return the lines that `member` has read since the last call."""
        self.turns.run()
        lines = member.outbox.lines
        member.outbox.written.clear()
        return lines


@implementer(ITCPTransport)
class TCPTransport(StringTransport):
    """A StringTransport with TCP_NODELAY and half-closing."""

    no_delay = False
    half_closed = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def getTcpNoDelay(self) -> bool:
        return self.no_delay

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Do nothing: no test looks at it."""

    def getTcpKeepAlive(self) -> bool:
        return False

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def lines(self) -> list[str]:
        """Return the lines that were written since the last call."""
        written = self.value().decode()
        self.clear()
        return written.split("\n")[:-1]


@implementer(ISystemHandle)
class SocketTransport(TCPTransport):
    """A transport with a handle. Nobody may write to the transport itself."""

    def __init__(self, handle: object, peer: IAddress | None = None) -> None:
        super().__init__(peerAddress=peer)
        self.handle = handle

    def getHandle(self) -> object:
        return self.handle

    def write(self, data: bytes) -> None:
        raise AssertionError("written to beside the socket")


class Kernel(socket.socket):
    """A socket whose kernel takes as many bytes as the test says, or raises what it says."""

    def __init__(self) -> None:
        super().__init__(socket.AF_UNIX)
        self.room: int | OSError = 0
        self.taken = b""
        self.calls = 0

    def send(self, data: bytes) -> int:
        return self.sendmsg([data])

    def sendmsg(self, pieces: list[bytes]) -> int:
        self.calls += 1
        if isinstance(self.room, OSError):
            raise self.room
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        data = b"".join(pieces)[: self.room]
        self.room -= len(data)
        self.taken += data
        return len(data)


ANN = IPv4Address("TCP", "10.0.0.1", 1)
BOB = IPv4Address("TCP", "10.0.0.2", 2)


class Door:
    """A chat with a line door, on a clock that the test moves."""

    def __init__(
        self,
        max_line: int = 100,
        rate: int = 0,
        burst: int = BURST,
        max_users: int = MAX_USERS,
        max_per_address: int = MAX_PER_ADDRESS,
        clock: Clock | None = None,
        passphrases: Passphrases | None = None,
        journal: Callable[[Callable[[], float]], IJournal] = lay_journal,
    ) -> None:
        self.clock = clock or Clock()
        self.transcript = RecordingTranscript()
        self.now = WallClock(self.clock)
        self.journal = journal(self.now)
        limits = Limits(
            max_line=max_line,
            rate=rate,
            burst=burst,
            max_users=max_users,
            max_per_address=max_per_address,
        )
        chat = Chat(
            self.journal,
            lambda flush: self.clock.callLater(0, flush),
            self.clock,
            self.transcript,
            LINES,
            limits,
        )
        desk = Desk(chat, passphrases or Passphrases(self.clock), Traces(self.clock))
        self.entrance = Entrance(chat, desk, self.clock, self.journal.view.closed_to)
        self.factory = LineDoor(self.entrance, [])

    def connect(self, peer: IAddress = ANN, transport: TCPTransport | None = None) -> ChatProtocol:
        protocol = self.factory.buildProtocol(peer)
        protocol.makeConnection(transport or TCPTransport(peerAddress=peer))
        self.turn()
        return protocol

    def turn(self) -> None:
        """Run turns of the reactor until all is delivered."""
        for _ in range(4):
            settle()
            self.clock.advance(0)

    def said(self) -> list[str]:
        """Return the lines of the transcript since the last call."""
        self.turn()
        lines = self.transcript.lines
        self.transcript.written.clear()
        return lines
