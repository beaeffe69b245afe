"""A member's way out over a Twisted transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from zope.interface import implementer

from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import BACKLOG, GOODBYE


class IStreamTransport(ITCPTransport, IConsumer):
    """A transport that can be aborted and that tells its producer when it holds enough."""


@implementer(IOutbox, IPushProducer)
class Outbox:
    """Ordered, bounded, never blocking.

    It is the transport's producer: when the transport holds enough, what comes waits here and is
    counted. `too_slow` is called once, when more than BACKLOG bytes wait and still do after the
    kernel has had one more chance to take some.
    """

    def __init__(
        self, transport: IStreamTransport, clock: IReactorTime, too_slow: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._too_slow = too_slow
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._closed = False
        self._late: IDelayedCall | None = None
        self._abort: IDelayedCall | None = None
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        if self._closed:
            return
        if not self._paused:
            self._transport.write(data)
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._size > BACKLOG and self._late is None:
            self._late = self._clock.callLater(0, self._check)

    def _check(self) -> None:
        self._late = None
        if self._size > BACKLOG and not self._closed:
            self._too_slow()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # A registered producer would keep loseConnection waiting for it.
        self._transport.unregisterProducer()
        self._transport.writeSequence(self._waiting)
        self._forget()
        self._transport.loseConnection()
        # It waits for ever for a peer that does not read.
        self._abort = self._clock.callLater(GOODBYE, self._transport.abortConnection)

    def connection_lost(self) -> None:
        """The transport is gone: drop what waits and all timers."""
        self._closed = True
        self._forget()
        if self._abort is not None and self._abort.active():
            self._abort.cancel()

    def _forget(self) -> None:
        self._waiting.clear()
        self._size = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    # IPushProducer, called by the transport.

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        while self._waiting and not self._paused:
            data = self._waiting.popleft()
            self._size -= len(data)
            self._transport.write(data)

    def stopProducing(self) -> None:
        """The transport is about to be lost; `connection_lost` follows."""
        self._closed = True
