"""What holds back a peer's input, for every door: lines, frames and keys alike."""

from __future__ import annotations

from enum import Flag, auto

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from zope.interface import Interface

from twisted_chat.limits import GOODBYE


class Hold(Flag):
    """Why nothing more of a peer is taken just now."""

    ANSWER = auto()
    """An answer is awaited, and what follows may depend on it: that to a command, or to the entry
    itself."""
    FLOOD = auto()
    """The peer has sent more than its share."""


_NOTHING = Hold(0)


class IHeld(Interface):
    """A connection whose input can be held back."""

    def pause_input() -> None:
        """Take nothing more of the peer until `resume_input`."""

    def resume_input() -> None:
        """Take what has come meanwhile, then go on."""

    def failed(failure: Failure) -> None:
        """Note that an answer, or what followed on it, has failed. The input stays held back."""


class Holding:
    """The reasons for which the input of `connection` is held back: a set.

    The first one pauses it, and when the last one is gone it is resumed.
    """

    __slots__ = ("_answer", "_clock", "_connection", "_latest", "_reasons", "_tokens")

    def __init__(self, connection: IHeld, clock: IReactorTime) -> None:
        self._connection = connection
        self._clock = clock
        self._reasons = _NOTHING
        self._answer: Deferred[None] | None = None
        self._tokens: IDelayedCall | None = None
        self._latest: float | None = None
        """When an answer is given up, in the reactor's seconds; None: never."""

    def __bool__(self) -> bool:
        """Return whether there is a reason."""
        return bool(self._reasons)

    @property
    def for_answer(self) -> bool:
        """Whether an answer is awaited."""
        return self._answer is not None

    def hold(self, reason: Hold) -> None:
        """Hold the input back for `reason`, until it is released."""
        if not self:
            self._connection.pause_input()
        self._reasons |= reason

    def release(self, reason: Hold) -> None:
        """Take `reason` away. If it was the last one, the input is resumed."""
        was_held = bool(self)
        self._reasons &= ~reason
        if was_held and not self:
            self._connection.resume_input()

    def until(self, answer: Deferred[None]) -> None:
        """Hold the input back until `answer` fires. There is one answer at a time: what is awaited
        by a callback of `answer` takes its place.
        """
        self._answer = answer
        self.hold(Hold.ANSWER)
        answer.addBoth(self._answered, answer).addErrback(self._connection.failed)
        self._bound()

    def _answered(self, result: Failure | None, answer: Deferred[None]) -> Failure | None:
        if self._answer is answer:
            self._answer = None
            if result is None:
                self.release(Hold.ANSWER)
        return result

    def for_tokens(self, seconds: float) -> None:
        """Hold the input back for `seconds`: by then the peer may send again. Where it is held back
        for tokens already, that goes on unchanged.
        """
        if self._tokens is None:
            self.hold(Hold.FLOOD)
            self._tokens = self._clock.callLater(seconds, self._have_tokens)

    def _have_tokens(self) -> None:
        self._tokens = None
        self.release(Hold.FLOOD)

    # The end.

    def peer_is_lost(self) -> None:
        """Give up each answer that takes longer than GOODBYE seconds from here on, so that queued
        passphrase tries hold no place: the peer is gone.
        """
        self._latest = self._clock.seconds() + GOODBYE
        self._bound()

    def _bound(self) -> None:
        if self._latest is not None and self._answer is not None:
            self._answer.addTimeout(max(0.0, self._latest - self._clock.seconds()), self._clock)

    def give_up(self) -> None:
        """Stop waiting for an answer and for tokens: nothing more of the peer will be taken."""
        if self._answer is not None:
            self._answer.cancel()
        if self._tokens is not None:
            self._tokens.cancel()
            self._tokens = None
