"""The journal of a chat that several nodes share, and the ledger that gives them one order."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, implementer

from twisted_chat.interfaces import IFollower, IJournal
from twisted_chat.journal import dumping
from twisted_chat.journal.decider import Decider
from twisted_chat.journal.entries import Entry, read_entry, write_entry
from twisted_chat.journal.memory import Later
from twisted_chat.journal.state import Happened, State
from twisted_chat.journal.view import View
from twisted_chat.limits import IN_FLIGHT, NODES_GONE, TICK_AGAIN
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Begin, Dismiss, Request, Say, Tick


class ILedgerReader(Interface):
    """Reads a ledger. No call comes while another one runs."""

    def begin(snapshot: bytes) -> None:
        """Go on from `snapshot`, which the `dump` of some reader returned; empty: from nothing.

        Called before the first entry, and again where the ledger cannot go on from what was read
        last: it has lost entries that were read, or has dropped some that were not.
        """

    def read(entries: Sequence[bytes]) -> None:
        """Take what comes next in the ledger. Where this raises, the ledger hands out no more."""

    def dump(lost: bool = False) -> bytes:
        """Return what came of all that was read so far, for `begin`. `lost`: the ledger has lost
        entries that some node has read, and goes on from here: no id that was given then is given
        again.
        """


class ILedger(Interface):
    """Puts entries in one order, the same for all nodes, as one of them has it at hand.

    A node reads its own entries too. Where it is in doubt whether the entries of a node are in, it
    puts all of them in again, from the first doubtful one on: so it may hold entries several times,
    and later ones of a node before earlier ones, but behind that all follow in the order in which
    they were appended.

    How entries are gathered for a write, when a snapshot is taken, when older entries are dropped
    and how a lost connection is made again are its own affairs.
    """

    lasting = Attribute("bool: whether what it holds outlasts all nodes")

    def follow(reader: ILedgerReader) -> None:
        """Hand `reader` the last snapshot, if there is one, and then all entries behind it. Called
        once.
        """

    def append(entry: bytes) -> None:
        """Put `entry` behind what the ledger holds by then. Never blocks, and fails never: as long
        as it cannot be done, it waits. Whoever appended it knows that it is in when it reads it.
        """

    def stop() -> Deferred[None]:
        """Hand out no more, and let go of what waits. Never fails."""


class _Sent:
    """A request of this node that was not applied yet. `size`: bytes. `settled`: what fires when it
    is applied and answered.
    """

    __slots__ = ("answer", "entry", "settled", "size")

    def __init__(self, entry: Entry, size: int, answer: Deferred[Any] | None) -> None:
        self.entry = entry
        self.size = size
        self.answer = answer
        self.settled: list[Deferred[None]] = []


class _Flight:
    """The requests of one author that are under way. `last`: the last of them. `size`: their bytes.
    `eased`: what fires when that is at most IN_FLIGHT.
    """

    __slots__ = ("eased", "last", "size")

    def __init__(self, last: _Sent) -> None:
        self.last = last
        self.size = 0
        self.eased: list[Deferred[None]] = []


@implementer(IJournal, ILedgerReader)
class LedgerJournal:
    """Puts what is asked into `ledger`, and applies what the ledger brings back, in its order.

    `state` is what it starts from if the ledger has no snapshot, and its bounds hold if it is the
    first one there. `now` is the wall clock, in Unix
    time. `later` runs what is due; without it other nodes have to see to that. `node` names this
    process, and no other one ever; None: one is drawn.

    Exactly once: the entries of a node are numbered within a session. All nodes apply each in the
    order of the numbers and drop all others: repeats, and what follows a gap, which comes again.
    A node begins a new session where the ledger or the other nodes have lost track of it. The first
    entry of a session says nothing else. When the node reads it, nothing of the former session will
    be applied any more, so what is still under way can be put in again.
    """

    _log = Logger()

    def __init__(
        self,
        ledger: ILedger,
        state: State,
        now: Callable[[], float],
        later: Later | None = None,
        node: str | None = None,
    ) -> None:
        self.node = secrets.token_hex(4) if node is None else node
        self.lasting = ledger.lasting
        self._ledger = ledger
        self._wall = now
        self._later = later
        self._look_at(state)
        self._follower: IFollower
        self._applied: dict[str, tuple[int, int]] = {}
        """By node: the session and the number of its last entry that was applied. A number below
        nought: nothing of that session is applied any more.
        """
        self._session = self._number = 0
        self._is_open = False
        """Whether the first entry of the session was read."""
        self._sent: deque[_Sent] = deque()
        """What is under way, and what waits for the session to be open, as it was asked."""
        self._flights: dict[str, _Flight] = {}
        """By author: those that something is in `_sent` of."""
        self._due = float("inf")
        self._tick: IDelayedCall | None = None

    def _look_at(self, state: State) -> None:
        self.state = state
        self._decider = Decider(state)
        self.view = View(state, lambda: state.time_at(self._wall(), self.node))

    def follow(self, follower: IFollower) -> None:
        self._follower = follower
        self._ledger.follow(self)

    # What is asked.

    def ask(self, author: str, request: Request) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self._put(author, request, answer)
        return answer

    def say(self, author: str, room: str, text: str) -> Deferred[None] | None:
        flight = self._put(author, Say(room, text), None)
        return _wait(flight.eased) if flight.size > IN_FLIGHT else None

    def settled(self, author: str) -> Deferred[None] | None:
        flight = self._flights.get(author)
        return None if flight is None else _wait(flight.last.settled)

    def dismiss(self, node: str) -> Deferred[Any]:
        """Let all members of `node`, which is gone, be gone. What it had asked for and was not
        applied by then is not applied any more, unless it turns up again and begins a new session.
        """
        return self.ask(self.node, Dismiss(node))

    def stop(self) -> None:
        self._set_tick(float("inf"))
        self._later = None

    def _put(self, author: str, request: Request, answer: Deferred[Any] | None) -> _Flight:
        """Put a request behind all that this node has asked for. Return what of its author is under
        way.
        """
        entry = Entry(self.node, *self._next_number(), author, float(self._wall()), request)
        data = write_entry(entry)
        sent = _Sent(entry, len(data), answer)
        self._sent.append(sent)
        flight = self._flights.get(author)
        if flight is None:
            flight = self._flights[author] = _Flight(sent)
        flight.last = sent
        flight.size += sent.size
        if self._is_open:
            self._ledger.append(data)
        return flight

    def _next_number(self) -> tuple[int, int]:
        """Return the session and number of the next entry; noughts while no session is open."""
        if not self._is_open:
            return 0, 0
        self._number += 1
        return self._session, self._number

    def _begin_session(self, request: Request) -> None:
        """Begin a session by `request`, of which no member hears."""
        self._is_open = False
        self._session += 1
        wall = float(self._wall())
        self._ledger.append(
            write_entry(Entry(self.node, self._session, 1, self.node, wall, request))
        )

    def _open_session(self) -> None:
        """Put in what is to be applied in the session, which has begun for all nodes."""
        self._is_open = True
        self._number = 1
        for sent in self._sent:
            session, number = self._next_number()
            sent.entry = replace(sent.entry, session=session, number=number)
            self._ledger.append(write_entry(sent.entry))

    # What the ledger brings.

    def begin(self, snapshot: bytes) -> None:
        if snapshot:
            document = json.loads(snapshot)
            self._applied = {node: (each[0], each[1]) for node, each in document["applied"].items()}
            self._look_at(dumping.load(document["decided"], self.state.store))
        while self._sent and self._is_applied(self._sent[0].entry):
            # By another node, before it took the snapshot. Its answer is lost.
            self._answer(self._sent.popleft(), Failure(_UNKNOWN))
        self._begin_session(Tick() if self.state.era else Begin(_new_era(), self.state.bounds))

    def read(self, entries: Sequence[bytes]) -> None:
        for data in entries:
            entry = read_entry(data)
            if self._is_next(entry):
                self._applied[entry.node] = entry.session, entry.number
                self._apply(entry)
        self._set_tick(self.state.due)

    def dump(self, lost: bool = False) -> bytes:
        decided = dumping.dump(self.state)
        if lost:
            decided["era"] = _new_era()
        document = {"applied": self._applied, "decided": decided}
        return json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")

    def _is_next(self, entry: Entry) -> bool:
        session, number = self._applied.get(entry.node, (0, 0))
        if entry.session == session:
            return entry.number == number + 1
        return entry.session > session and entry.number == 1

    def _is_applied(self, entry: Entry) -> bool:
        session, number = self._applied.get(entry.node, (0, 0))
        return entry.session == session and 0 < entry.number <= number

    def _apply(self, entry: Entry) -> None:
        """Decide on a request that was not applied yet, and let all know what came of it."""
        result: object
        try:
            result = self._decider.decide(entry.author, entry.request, entry.wall, entry.node)
        except Refusal:
            result = Failure()
        except Exception:
            result = Failure()
            self._log.failure("{kind} failed", kind=type(entry.request).__name__)
        self._tell()
        if isinstance(entry.request, Dismiss):
            self._close_session(entry.request.node, by=entry.node)
        if entry.node == self.node:
            self._applied_own(entry, result)

    def _tell(self) -> None:
        for each in self._decider.take():
            try:
                if isinstance(each, Happened):
                    self._follower.happened(*each)
                else:
                    self._follower.told(*each)
            except Exception:
                # It is as true for all others, and for what follows.
                self._log.failure("{event} was not told", event=type(each.event).__name__)

    def _close_session(self, node: str, by: str) -> None:
        """Let nothing of the present session of `node` be applied any more: `by` asked for it."""
        session, _ = self._applied.pop(node, (0, 0))
        self._applied[node] = session, _CLOSED
        gone = [each for each, (_, number) in self._applied.items() if number == _CLOSED]
        for each in gone[:-NODES_GONE]:
            del self._applied[each]
        if node == self.node:
            if by != node:
                self._log.error("{by} took this node for gone: its members are put out", by=by)
            self._begin_session(Tick())

    def _applied_own(self, entry: Entry, result: object) -> None:
        """Let whoever asked for it know that `entry`, of this node, is applied."""
        first = self._sent[0].entry if self._sent else None
        if first is not None and (first.session, first.number) == (entry.session, entry.number):
            self._answer(self._sent.popleft(), result)
        elif entry.session == self._session and entry.number == 1:
            self._open_session()

    def _answer(self, sent: _Sent, result: object) -> None:
        author = sent.entry.author
        flight = self._flights[author]
        flight.size -= sent.size
        if flight.last is sent:
            del self._flights[author]
        if sent.answer is not None:
            sent.answer.callback(result)
        _fire(sent.settled)
        if flight.size <= IN_FLIGHT:
            _fire(flight.eased)

    # What runs out by time.

    def _set_tick(self, due: float) -> None:
        """Have a Tick ordered at the journal's time `due`; infinite: never."""
        if due == self._due or self._later is None:
            return
        self._due = due
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if due < float("inf"):
            # By then it may not be that time for the journal: then another one follows.
            wait = max(due - self.view.now(), TICK_AGAIN)
            self._tick = self._later(wait, self._order_tick)

    def _order_tick(self) -> None:
        self._tick = None
        self._due = float("inf")
        self.ask(self.node, Tick())


def _new_era() -> str:
    return secrets.token_hex(8)


def _wait(waiting: list[Deferred[None]]) -> Deferred[None]:
    """Return what fires with `waiting`. To cancel it is to wait no longer: it fires."""
    deferred: Deferred[None] = Deferred(lambda cancelled: cancelled.callback(None))
    waiting.append(deferred)
    return deferred


def _fire(waiting: list[Deferred[None]]) -> None:
    while waiting:
        deferred = waiting.pop(0)
        if not deferred.called:
            deferred.callback(None)


_CLOSED = -1

_UNKNOWN = Refusal(
    "the connection to the other nodes was lost: nobody knows whether that was done, look first",
    Kind.UNAVAILABLE,
)
