"""A member's way out: ordered, bounded in bytes and in time, never blocking."""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IPushProducer,
    IReactorFDSet,
    IReactorTime,
    ISystemHandle,
    ITCPTransport,
    IWriteDescriptor,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import (
    GATHER,
    GOODBYE,
    NO_DESCRIPTOR,
    SCATTERED,
    STALL_LOOK,
    Limits,
)

_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)
"""Errors of a send on a connection that works: it is full, or the kernel lacks memory."""


class IStreamTransport(ITCPTransport, IConsumer, IPushProducer):
    """A transport that can be paused and aborted, and that tells its producer when to pause."""


class IOutboxReactor(IReactorTime, IReactorFDSet):
    """The reactor, as outboxes need it."""


class Patience:
    """Bounds what waits for each member, in bytes and in time, and finds the members that stall.

    `limits.backlog`: bytes that may wait for one member. `limits.stall`: seconds that the oldest of
    them may wait. `sent`: how many bytes have gone out to all members together.
    """

    def __init__(self, reactor: IOutboxReactor, limits: Limits) -> None:
        self.reactor = reactor
        self.limits = limits
        self.sent = 0
        self._waiting: dict[Outbox, None] = {}
        self._look: IDelayedCall | None = None
        self._due = 0.0
        """When the next look is due, in the reactor's seconds."""
        self._retired: list[int] = []

    def watch(self, outbox: Outbox) -> None:
        """Look after `outbox`, in which something waits."""
        self._waiting[outbox] = None
        if self._look is None:
            self._look_later()

    def forget(self, outbox: Outbox) -> None:
        """Look after `outbox` no more: nothing waits there, or its end is near."""
        self._waiting.pop(outbox, None)
        if not self._waiting and self._look is not None:
            self._look.cancel()
            self._look = None

    def retire(self, fd: int) -> None:
        """Close `fd` in the next turn of the reactor. In this turn the reactor may still hold an
        event for it, and a new connection with the same number would get that event.
        """
        if not self._retired:
            self.reactor.callLater(0, self._close_retired)
        self._retired.append(fd)

    def _close_retired(self) -> None:
        for fd in self._retired:
            os.close(fd)
        self._retired.clear()

    def _look_later(self) -> None:
        # One timer for all outboxes: in a busy room something waits in many, all the time.
        pause = min(STALL_LOOK, self.limits.stall)
        self._due = self.reactor.seconds() + pause
        self._look = self.reactor.callLater(pause, self._find_stalled)

    def _find_stalled(self) -> None:
        self._look = None
        late = self.reactor.seconds() - self._due
        if late >= STALL_LOOK:
            # The daemon stood still, not the readers: it was stopped, or had no processor.
            for outbox in self._waiting:
                outbox.excuse(late)
        latest = self.reactor.seconds() - self.limits.stall
        for outbox in [each for each in self._waiting if each.waiting_since <= latest]:
            outbox.give_up()
        # If an outbox began to wait meanwhile, `watch` has set the timer.
        if self._waiting and self._look is None:
            self._look_later()


def _do_nothing(waiting: int) -> None:
    """Put nobody out: the connection is gone."""


@implementer(IOutbox)
class Outbox:
    """The base of both ways out: the queue, its bounds and the end.

    `too_slow(waiting)` is called with the number of bytes that wait, if the oldest has waited for
    too long, or if more than the backlog wait after the connection has had one more chance to take
    some. It is to close the outbox.
    """

    __slots__ = (
        "_abort",
        "_ended",
        "_late",
        "_open",
        "_patience",
        "_queue",
        "_size",
        "_too_slow",
        "_transport",
    )

    def __init__(
        self, transport: IStreamTransport, patience: Patience, too_slow: Callable[[int], None]
    ) -> None:
        self._transport = transport
        self._patience = patience
        self._too_slow = too_slow
        # None: nothing waits. A deque for each idle member would be most of its memory.
        self._queue: deque[tuple[float, bytes]] | None = None
        self._size = 0
        self._open = True
        self._ended = False
        self._late: IDelayedCall | None = None
        self._abort: IDelayedCall | None = None

    @property
    def waiting_since(self) -> float:
        """When the oldest byte that waits was written, in the reactor's seconds."""
        assert self._queue
        return self._queue[0][0]

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        self.write(b"".join(pieces))

    def excuse(self, seconds: float) -> None:
        """Count `seconds` less for all that waits."""
        assert self._queue
        self._queue = deque((since + seconds, data) for since, data in self._queue)

    def give_up(self) -> None:
        """Call `too_slow` if something still waits."""
        if self._queue:
            self._too_slow(self._size)

    def close(self) -> None:
        if self._ended:
            return
        self._open = False
        self._ended = True
        self._patience.forget(self)
        # Without this a peer that does not read would keep the connection open for ever.
        self._abort = self._patience.reactor.callLater(GOODBYE, self._transport.abortConnection)
        self._finish()

    def connection_lost(self) -> None:
        """Drop what waits and all timers: the transport is gone."""
        self._open = False
        self._ended = True
        self._too_slow = _do_nothing  # Break the circle of references to the owner.
        self._drop()
        if self._abort is not None and self._abort.active():
            self._abort.cancel()

    def _finish(self) -> None:
        """End the connection once nothing waits. Nothing more will be written."""
        raise NotImplementedError

    def _keep(self, data: bytes) -> None:
        """Put `data` behind all that waits."""
        patience = self._patience
        if self._queue is None:
            self._queue = deque()
            patience.watch(self)
        self._queue.append((patience.reactor.seconds(), data))
        self._size += len(data)
        if self._size > patience.limits.backlog and self._late is None:
            self._late = patience.reactor.callLater(0, self._one_more_chance)

    def _one_more_chance(self) -> None:
        self._late = None
        self._drain()
        if self._size > self._patience.limits.backlog and self._open:
            self.give_up()

    def _drain(self) -> None:
        """Offer what waits to the connection."""

    def _drop(self) -> None:
        """Drop all that waits."""
        self._queue = None
        self._size = 0
        self._patience.forget(self)
        if self._late is not None:
            self._late.cancel()
            self._late = None


@implementer(IWriteDescriptor)
class SocketOutbox(Outbox):
    """Sends on the socket itself, which takes half the time of a transport's write.

    What the kernel does not take waits here. The reactor tells of room by a duplicate of the
    descriptor and not by the transport: a transport ends with its first failing send, and drops all
    that the peer has sent and that is not read yet. Here a failure ends the outbox alone.
    """

    __slots__ = ("_fd", "_ready", "_retry", "_send", "_sent", "_socket")

    def __init__(
        self,
        transport: IStreamTransport,
        patience: Patience,
        too_slow: Callable[[int], None],
        handle: socket.socket,
    ) -> None:
        super().__init__(transport, patience, too_slow)
        self._socket = handle
        self._send = handle.send
        self._ready = True  # Open, and nothing waits.
        self._sent = 0  # Bytes of the first waiting piece that the kernel has taken.
        self._fd = -1
        self._retry: IDelayedCall | None = None

    def write(self, data: bytes) -> None:
        if self._ready:
            try:
                sent = self._send(data)
            except OSError as error:
                if error.errno not in _FULL:
                    self._fail()
                    return
                sent = 0
            self._patience.sent += sent
            if sent < len(data):
                self._keep_rest(data, sent)
        elif self._open:
            self._keep(data)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        size = sum(map(len, pieces))
        if not self._ready or size < SCATTERED or len(pieces) > GATHER:
            self.write(b"".join(pieces))
            return
        # The kernel joins the pieces, so they are copied once less.
        try:
            sent = self._socket.sendmsg(pieces)
        except OSError as error:
            if error.errno not in _FULL:
                self._fail()
                return
            sent = 0
        self._patience.sent += sent
        if sent < size:
            self._keep_rest(b"".join(pieces), sent)

    def _keep_rest(self, data: bytes, sent: int) -> None:
        """Let the rest of `data` wait. The kernel has taken its first `sent` bytes."""
        self._ready = False
        self._keep(data)
        self._size -= sent
        self._sent = sent
        self._await_room()

    def _await_room(self) -> None:
        try:
            self._fd = os.dup(self._socket.fileno())
        except OSError:  # No descriptor is free.
            self._retry = self._patience.reactor.callLater(NO_DESCRIPTOR, self._try_again)
        else:
            self._patience.reactor.addWriter(self)

    def _try_again(self) -> None:
        self._retry = None
        self._drain()
        if self._queue is not None:
            self._await_room()

    def _drain(self) -> None:
        queue = self._queue
        if queue is None:
            return
        pieces: list[bytes | memoryview] = [data for _, data in islice(queue, GATHER)]
        pieces[0] = memoryview(pieces[0])[self._sent :]
        try:
            sent = self._socket.sendmsg(pieces)
        except OSError as error:
            if error.errno not in _FULL:
                self._fail()
            return
        self._patience.sent += sent
        self._size -= sent
        self._sent += sent
        while queue and self._sent >= len(queue[0][1]):
            self._sent -= len(queue.popleft()[1])
        if not queue:
            self._drop()
            self._ready = self._open
            if self._ended:
                self._finish()

    def _finish(self) -> None:
        self._ready = False
        if self._queue is None:
            self._transport.loseConnection()

    def _fail(self) -> None:
        """Write no more: the peer does not read. What it has sent is still read to its end."""
        self._open = self._ready = False
        self._drop()
        if self._ended:
            self._transport.abortConnection()

    def connection_lost(self) -> None:
        super().connection_lost()
        self._ready = False

    def _drop(self) -> None:
        super()._drop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._fd != -1:
            self._patience.reactor.removeWriter(self)
            self._patience.retire(self._fd)
            self._fd = -1

    # IWriteDescriptor, called by the reactor.

    def fileno(self) -> int:
        return self._fd

    def doWrite(self) -> None:
        self._drain()

    def connectionLost(self, reason: Failure) -> None:
        self._fail()

    def logPrefix(self) -> str:
        return "outbox"


@implementer(IPushProducer)
class TransportOutbox(Outbox):
    """Writes through a transport that is more than a socket: TLS, or one that wraps another.

    It is the transport's producer: while the transport is full, what is written waits here.
    """

    __slots__ = ("_paused",)

    def __init__(
        self, transport: IStreamTransport, patience: Patience, too_slow: Callable[[int], None]
    ) -> None:
        super().__init__(transport, patience, too_slow)
        self._paused = False
        transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        if not self._open:
            return
        if self._paused:
            self._keep(data)
        else:
            self._patience.sent += len(data)
            self._transport.write(data)

    def _finish(self) -> None:
        # loseConnection waits until no producer is registered.
        self._transport.unregisterProducer()
        if self._queue is not None:
            self._patience.sent += self._size
            self._transport.writeSequence([data for _, data in self._queue])
            self._drop()
        self._transport.loseConnection()

    # IPushProducer, called by the transport.

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        while self._queue and not self._paused:
            data = self._queue.popleft()[1]
            self._size -= len(data)
            self._patience.sent += len(data)
            self._transport.write(data)
        if not self._queue:
            self._drop()

    def stopProducing(self) -> None:
        """Take nothing more: the transport is about to be lost, and `connection_lost` follows."""
        self._open = False


def outbox_for(
    transport: IStreamTransport, patience: Patience, too_slow: Callable[[int], None]
) -> SocketOutbox | TransportOutbox:
    """Return the fastest outbox that can write to `transport`."""
    # The handle of a TLS transport is no socket: all has to go through the transport.
    handle = transport.getHandle() if ISystemHandle.providedBy(transport) else None
    if isinstance(handle, socket.socket):
        return SocketOutbox(transport, patience, too_slow, handle)
    return TransportOutbox(transport, patience, too_slow)
