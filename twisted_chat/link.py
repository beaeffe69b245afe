"""Watches whether what a client sends still reaches the server's machine."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.limits import LINK_LOOK, LINK_WAIT, VANISHED
from twisted_chat.sockets import Progress


class Link:
    """Watches a connection as long as bytes that were sent on it are not acknowledged.

    `progress` returns what has become of them (sockets.py). `stuck` is called when the server's
    machine has acknowledged nothing for LINK_WAIT seconds, `moves` when it acknowledges again, and
    `vanished` after VANISHED seconds without: the kernel itself tries for a quarter of an hour.

    `clock` schedules the looks; `seconds` measures, because a bot's reactor may go by the wall
    clock.

    TCP_USER_TIMEOUT is no replacement: on Linux it also counts the time in which a peer takes
    nothing, so it would end the connection to a daemon that reads a long paste slowly.
    """

    def __init__(
        self,
        clock: IReactorTime,
        progress: Callable[[], Progress | None],
        stuck: Callable[[], None],
        moves: Callable[[], None],
        vanished: Callable[[], None],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._progress = progress
        self._stuck = stuck
        self._moves = moves
        self._vanished = vanished
        self._next: IDelayedCall | None = None
        self._acknowledged: int | None = None
        self._since = 0.0
        self._is_stuck = False

    def sent(self) -> None:
        """Watch, because something was sent."""
        if self._next is None:
            self._acknowledged = None
            self._since = self._seconds()
            self._next = self._clock.callLater(LINK_LOOK, self._look)

    def close(self) -> None:
        """Stop watching."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = None
        progress = self._progress()
        now = self._seconds()
        if self._has_moved(progress):
            self._since = now
            if self._is_stuck:
                self._is_stuck = False
                self._moves()
        elif now - self._since >= VANISHED:
            self._vanished()
            return
        elif now - self._since >= LINK_WAIT and not self._is_stuck:
            self._is_stuck = True
            self._stuck()
        if progress is not None and (progress.are_on_their_way or progress.are_waiting):
            self._next = self._clock.callLater(LINK_LOOK, self._look)

    def _has_moved(self, progress: Progress | None) -> bool:
        """Return whether bytes were acknowledged since the last look, or none are on their way."""
        if progress is None or not progress.are_on_their_way:
            return True
        before, self._acknowledged = self._acknowledged, progress.acknowledged
        return before is not None and before < progress.acknowledged
