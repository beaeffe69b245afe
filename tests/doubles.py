"""Stand-ins that record what is asked of them."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from twisted_chat.admission import LOCAL
from twisted_chat.dialects import LineDialect
from twisted_chat.flood import Flood
from twisted_chat.interfaces import IOutbox, ITranscript
from twisted_chat.journal import MemoryJournal
from twisted_chat.member import Member
from twisted_chat.room import Room

LINES = LineDialect()


@implementer(IOutbox)
class RecordingOutbox:
    """Keeps what is written; `broken`: raises instead."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = 0
        self.broken = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written to after its end"
        if self.broken:
            raise RuntimeError("broken on purpose")
        self.written.append(data)

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

    def stop(self) -> Deferred[None]:
        return succeed(None)


class FailingJournal(MemoryJournal):
    """Cannot be reached when asked for names."""

    def names(self) -> Deferred[list[str]]:
        return fail(ConnectionError("no journal on purpose"))


class Turns:
    """What waits for the next turn of the reactor."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def later(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        """Turn until nothing waits."""
        while self.waiting:
            self.turn()

    def turn(self) -> None:
        """One turn: what comes up meanwhile waits for the next."""
        waiting, self.waiting = self.waiting, []
        for function in waiting:
            function()


class RoomOnTheTable:
    """A room with members that record, to be played with by hand."""

    def __init__(self, journal: MemoryJournal | None = None, motd: tuple[str, ...] = ()) -> None:
        self.turns = Turns()
        self.flood = Flood(Clock(), rate=0)
        self.transcript = RecordingTranscript()
        journal = journal or MemoryJournal()
        self.room = Room(journal, self.turns.later, self.transcript, LINES, motd)

    def enter(self, name: str) -> Member:
        """A new member."""
        member = Member(name, RecordingOutbox(), LINES, self.flood.meter(LOCAL))
        self.room.enter(member)
        return member

    def read(self, member: Member) -> list[str]:
        """The lines that `member` got since it was last asked, after all turns have passed."""
        self.turns.run()
        lines = member.outbox.lines
        member.outbox.written.clear()
        return lines


@implementer(ITCPTransport)
class TCPTransport(StringTransport):
    """A StringTransport that knows of TCP_NODELAY, half-closing and being closed."""

    no_delay = False
    half_closed = False

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.no_delay = enabled

    def getTcpNoDelay(self) -> bool:
        return self.no_delay

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Not looked at."""

    def getTcpKeepAlive(self) -> bool:
        return False

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def lines(self) -> list[str]:
        """The lines written since it was last asked."""
        written = self.value().decode()
        self.clear()
        return written.split("\n")[:-1]
