"""Connections that are not ready yet: nobody is told of them, and they are not in the chat."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.doors.admission import Admission
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.limits import UNREADY
from twisted_chat.networks import Host


class Anteroom:
    """Where connections wait until they are ready: UNREADY at most, each for a bounded time. They
    count in `admission` like those that are in.
    """

    def __init__(self, admission: Admission, reactor: IReactorTime) -> None:
        self._admission = admission
        self._reactor = reactor
        self._waiting: dict[IStreamTransport, tuple[Host, IDelayedCall]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, transport: IStreamTransport, host: Host, seconds: float) -> None:
        """Let the connection of `transport` from `host` wait. It is closed after `seconds`, or when
        too many have come after it.
        """
        self._admission.enter(host)
        timer = self._reactor.callLater(seconds, self._close, transport)
        self._waiting[transport] = host, timer
        if len(self._waiting) > UNREADY:
            self._close(next(iter(self._waiting)))

    def leave(self, transport: IStreamTransport) -> None:
        """Let `transport` wait no more, if it does: it is ready, or gone."""
        if transport not in self._waiting:
            return
        host, timer = self._waiting.pop(transport)
        self._admission.leave(host)
        if timer.active():
            timer.cancel()

    def close_all(self) -> None:
        """Close all that wait."""
        for transport in [*self._waiting]:
            self._close(transport)

    def _close(self, transport: IStreamTransport) -> None:
        self.leave(transport)
        transport.abortConnection()
