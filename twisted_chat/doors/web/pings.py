"""Pings of WebSockets: those whose peer is dead end, and no proxy takes one for idle."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.doors.web.websocket import WebSocket
from twisted_chat.limits import PING, PING_LOOK


class Pings:
    """Pings each WebSocket every PING seconds."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # One timer for all of them: they stand in the order in which they are due.
        self._due: dict[WebSocket, float] = {}
        self._look: IDelayedCall | None = None

    def add(self, socket: WebSocket) -> None:
        """Ping `socket` from now on."""
        self._due[socket] = self._clock.seconds() + PING
        if self._look is None:
            self._look = self._clock.callLater(PING, self._ping)

    def discard(self, socket: WebSocket) -> None:
        """Ping `socket` no longer."""
        self._due.pop(socket, None)
        if not self._due and self._look is not None:
            self._look.cancel()
            self._look = None

    def _ping(self) -> None:
        self._look = None
        now = self._clock.seconds()
        for socket in [each for each, due in self._due.items() if due <= now]:
            del self._due[socket]
            self._due[socket] = now + PING
            socket.ping()
        if self._due:
            first = next(iter(self._due.values()))
            self._look = self._clock.callLater(max(first - now, PING_LOOK), self._ping)
