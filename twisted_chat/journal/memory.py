"""The memory journal: the order of requests of a chat that one process holds."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.events import Acted
from twisted_chat.interfaces import IFollower, IJournal
from twisted_chat.journal.decider import Decider
from twisted_chat.journal.deciding.talking import deaf_to
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.state import Happened, State
from twisted_chat.journal.store import IStore, NoStore
from twisted_chat.journal.view import View
from twisted_chat.limits import Bounds
from twisted_chat.records import Role
from twisted_chat.requests import Begin, Request, Say, Tick

_Waiting = tuple[str, Request, "Deferred[Any]"]

_BOUNDS = Bounds()

Later = Callable[[float, Callable[[], None]], IDelayedCall]
"""Runs a function after so many seconds."""


@implementer(IJournal)
class MemoryJournal:
    """Decides requests as they come: each is applied before its call returns.

    `now` is the wall clock, in Unix time. `later` runs what is due; without it something that runs
    out does so with the next request. What has to outlast the process goes to `store`, and what
    that had kept is taken over.
    """

    def __init__(
        self,
        now: Callable[[], float],
        store: IStore | None = None,
        bounds: Bounds = _BOUNDS,
        later: Later | None = None,
    ) -> None:
        self._wall = now
        self._later = later
        store = store or NoStore()
        self.node = ""
        self.lasting = store.lasting
        self.state = State(store, bounds)
        self._decider = Decider(self.state)
        self.view = View(self.state, lambda: self.state.time_at(now()))
        self._follower: IFollower
        self._waiting: deque[_Waiting] = deque()
        """Requests that were asked while others were told what came of an earlier one."""
        self._is_telling = False
        self._tick: IDelayedCall | None = None
        self._due = float("inf")
        saved = store.load(SavedState)
        store.watch(self._trouble)
        self.state.load(saved, now())
        self._decider.decide("", Begin(secrets.token_hex(8), bounds), now())

    def follow(self, follower: IFollower) -> None:
        self._follower = follower
        self._wait_for_due()

    def ask(self, author: str, request: Request) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self._waiting.append((author, request, answer))
        self._go_on()
        return answer

    def say(self, author: str, room: str, text: str) -> None:
        if self._is_telling:
            self._waiting.append((author, Say(room, text), Deferred()))
            return
        said = self._decider.say(author, room, text, self._wall())
        state = self.state
        self._is_telling = True
        try:
            if said is not None:
                deaf: tuple[str, ...] = ()
                if state.ignorers:
                    deaf = deaf_to(state, state.people[author].name.key)
                self._follower.happened(said, author, deaf)
            if state.decided:
                self._tell()
        finally:
            self._is_telling = False
        if self._waiting:
            self._go_on()

    def settled(self, author: str) -> None:
        return None

    def stop(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        self._later = None

    def _go_on(self) -> None:
        """Decide what waits, in its order, and let each be told before the next is decided."""
        if self._is_telling:
            return
        while self._waiting:
            author, request, answer = self._waiting.popleft()
            self._is_telling = True
            try:
                try:
                    result = self._decider.decide(author, request, self._wall())
                except Exception:
                    result = Failure()
                self._tell()
            finally:
                self._is_telling = False
            if not answer.called:
                answer.callback(result)
        self._wait_for_due()

    def _tell(self) -> None:
        for each in self._decider.take():
            if type(each) is Happened:
                self._follower.happened(*each)
            else:
                self._follower.told(*each)

    # What runs out.

    def _wait_for_due(self) -> None:
        """Order a tick when something is due."""
        due = self.state.due
        if self._later is None or due == self._due:
            return
        self._due = due
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if due != float("inf"):
            self._tick = self._later(max(due - self.view.now(), 0.0), self._order_tick)

    def _order_tick(self) -> None:
        self._tick = None
        self._due = float("nan")
        self.ask("", Tick())

    def _trouble(self, text: str) -> None:
        acted = Acted("the daemon", "tell", "", 0, text, "")
        for person in [*self.state.people.values()]:
            if person.role == Role.OPERATOR:
                self._follower.told(person.id, acted)
