"""A ledger in memory that does what ledgers may do: it is late, gathers, repeats, and forgets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.events import LOBBY, OwnEvent, RoomEvent
from twisted_chat.interfaces import IFollower
from twisted_chat.journal.ledger import ILedger, ILedgerReader, LedgerJournal
from twisted_chat.journal.state import State
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import Bounds
from twisted_chat.names import named
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Arrive

_BOUNDS = Bounds()

DELAYS = (0.0, 0.0, 0.01, 0.3)
"""Seconds that an entry may take to the order or from it."""


class Order:
    """What a ledger holds for all its nodes: a snapshot, and the entries behind it."""

    def __init__(self) -> None:
        self.snapshot = b""
        self.start = 0
        """The position of the first entry that is held."""
        self.entries: list[bytes] = []
        self.ledgers: list[LoopbackLedger] = []

    @property
    def end(self) -> int:
        """The position behind the last entry."""
        return self.start + len(self.entries)

    def put(self, entries: Sequence[bytes]) -> None:
        """Add `entries`."""
        self.entries += entries
        self._wake()

    def shorten(self, by: LoopbackLedger) -> None:
        """Hold a snapshot in place of the entries that `by` has read."""
        del self.entries[: by.position - self.start]
        self._hold(by.reader.dump(), by.position)

    def lose(self, best: LoopbackLedger) -> None:
        """Lose what is held, and go on from what `best` has read."""
        self.entries.clear()
        self._hold(best.reader.dump(lost=True), best.position)
        for ledger in self.ledgers:
            ledger.position = -1
        self._wake()

    def _hold(self, snapshot: bytes, start: int) -> None:
        self.snapshot = snapshot
        self.start = start

    def _wake(self) -> None:
        for ledger in [*self.ledgers]:
            ledger.wake()


@implementer(ILedger)
class LoopbackLedger:
    """The ledger of one node, whose entries stand in `order`.

    Without a clock, an entry is read before `append` returns; one that the reader appends is read
    when the reader returns. With a clock, an entry is read in a later turn of the reactor. With
    `chance`, each way takes one of DELAYS, and entries may be put in again.
    """

    lasting = False

    def __init__(
        self,
        clock: Clock | None = None,
        order: Order | None = None,
        chance: Random | None = None,
    ) -> None:
        self.order = order or Order()
        self.position = -1
        """Of the next entry to read. If that is not held any more, the reader begins anew."""
        self.reader: ILedgerReader
        self._clock = clock
        self._chance = chance
        self._appended: list[bytes] = []
        self._written: list[bytes] = []
        self._due: list[Callable[[], None]] = []
        self._is_running = False

    def follow(self, reader: ILedgerReader) -> None:
        self.reader = reader
        self.order.ledgers.append(self)
        self.wake()

    def append(self, entry: bytes) -> None:
        self._appended.append(entry)
        self._later(self._write)

    def stop(self) -> Deferred[None]:
        self.order.ledgers.remove(self)
        self._due.clear()
        return succeed(None)

    @property
    def rests(self) -> bool:
        """Whether there is nothing to write and nothing to read."""
        return not self._due

    def wake(self) -> None:
        """Read what there is to read."""
        self._later(self._read)

    def _later(self, function: Callable[[], None]) -> None:
        if function in self._due:
            return
        self._due.append(function)
        if self._clock is not None:
            delay = self._chance.choice(DELAYS) if self._chance else 0.0
            self._clock.callLater(delay, self._run, function)
        elif not self._is_running:
            self._is_running = True
            while self._due:
                self._run(self._due[0])
            self._is_running = False

    def _run(self, function: Callable[[], None]) -> None:
        if function in self._due:  # It was not stopped meanwhile.
            self._due.remove(function)
            function()

    def _write(self) -> None:
        entries, self._appended = self._appended, []
        if self._chance and self._chance.random() < 0.3:
            # As if the connection was lost: some are in, and nobody knows which.
            self.order.put([entry for entry in entries if self._chance.random() < 0.5])
            entries = self._written[-self._chance.randint(1, 5) :] + entries
        self.order.put(entries)
        self._written = (self._written + entries)[-10:]

    def _read(self) -> None:
        if self.position < self.order.start:
            self.position = self.order.start
            self.reader.begin(self.order.snapshot)
        elif entries := self.order.entries[self.position - self.order.start :]:
            count = self._chance.randint(1, len(entries)) if self._chance else len(entries)
            self.position += count
            self.reader.read(entries[:count])
        if self.position < self.order.end:
            self.wake()


@implementer(IFollower)
class Listener:
    """Keeps all that a journal tells. `in_rooms`: events in rooms. `authors`: the members that they
    are about. `to_one`: events for one member, each with the member's id.
    """

    def __init__(self) -> None:
        self.in_rooms: list[RoomEvent] = []
        self.authors: list[str | None] = []
        self.to_one: list[tuple[str, OwnEvent]] = []

    def happened(self, event: RoomEvent, author: str | None, deaf: Collection[str]) -> None:
        self.in_rooms.append(event)
        self.authors.append(author)

    def told(self, reader: str, event: OwnEvent) -> None:
        self.to_one.append((reader, event))


def lay_journal(
    node: str, ledger: ILedger, clock: Clock, bounds: Bounds = _BOUNDS
) -> LedgerJournal:
    """Return a journal on `ledger` for the process called `node`, begun with `bounds`."""
    state = State(NoStore(), bounds)
    wall = 1_000_000_000.0
    return LedgerJournal(ledger, state, lambda: clock.seconds() + wall, clock.callLater, node)


class Node:
    """A journal on `order`, and its listener. The arguments are those of LoopbackLedger."""

    def __init__(
        self,
        node: str,
        order: Order,
        clock: Clock | None = None,
        chance: Random | None = None,
        listener: Listener | None = None,
        bounds: Bounds = _BOUNDS,
    ) -> None:
        self.listener = listener or Listener()
        self.ledger = LoopbackLedger(clock, order, chance)
        self.journal = lay_journal(node, self.ledger, clock or Clock(), bounds)
        self.journal.follow(self.listener)

    def arrive(self, number: int = 1, name: str = "ann", room: str = LOBBY) -> str:
        """Ask for a member to come in. Return its id."""
        author = f"{self.journal.node}.{number}"
        request = Arrive(named(name), "10.0.0.1", "10.0.0.1", Door.LINE.value, (named(room),))
        self.journal.ask(author, request).addErrback(lambda failure: failure.trap(Refusal))
        return author


def settle(clock: Clock, *ledgers: LoopbackLedger) -> None:
    """Let all that is under way be read."""
    while not all(ledger.rests for ledger in ledgers):
        clock.advance(0.01)
