"""Standard input, output and error on a reactor. They never block it, and keep their flags, because
other programs share them.

A descriptor that can be opened anew is opened anew. For any other, a thread carries the bytes
through a pipe of our own, because a write may block although there is room for a part of it.
"""

from __future__ import annotations

import fcntl
import os
import select
import termios
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic, sleep

from twisted.internet import fdesc
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorFromThreads, IReactorTime
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

from twisted_chat.descriptors import is_pipe, open_anew, read_some, wait_for, write_some
from twisted_chat.limits import GOODBYE

_PIECE = 64 * 1024
"""Bytes that a thread carries at once: as many as a pipe holds."""


class IConsoleReactor(IReactorFDSet, IReactorFromThreads, IReactorTime):
    """What a console needs of the reactor."""


class InheritedOutput(FileDescriptor):
    """Writes to the descriptor `inherited`. While that is full, the registered producer is paused.
    `lost` is called when nothing more can be written, also after `finish`.
    """

    connected = 1

    def __init__(
        self, reactor: IConsoleReactor, inherited: int, lost: Callable[[], object]
    ) -> None:
        super().__init__(reactor)
        self._reactor = reactor
        self._lost = lost
        self._finished: Deferred[None] = Deferred()
        self._carrier: _Carrier | None = None
        own = open_anew(inherited, os.O_WRONLY)
        if own is None:
            source, own = os.pipe()
            os.set_blocking(own, False)
            self._carrier = _Carrier(source, inherited, source)
            self._carrier.start(lambda: reactor.callFromThread(self._finished.callback, None))
        self._own = own
        if is_pipe(own):
            self.startReading()  # To learn at once that nobody reads it.

    def fileno(self) -> int:
        return self._own

    def doRead(self) -> Exception:
        """Return that the pipe's other end was closed: nothing else can be read here."""
        return CONNECTION_LOST

    def writeSomeData(self, data: bytes) -> int | Exception:
        written: int | Exception = fdesc.writeToFD(self._own, data)
        return written

    def drain(self, seconds: float) -> None:
        """Write what waits, and block the reactor until that is done, or for `seconds`."""
        until = monotonic() + seconds
        room = select.poll()
        room.register(self._own, select.POLLOUT)
        while self.connected and (self.dataBuffer or self._tempDataBuffer):
            if not room.poll(max(0.0, until - monotonic()) * 1000) or self.doWrite() is not None:
                return
        if self._carrier is not None:
            self._carrier.drain(until - monotonic())

    def finish(self) -> Deferred[None]:
        """Write what waits, and nothing more. The result fires when that is done, or after GOODBYE
        seconds: a person that has stopped the terminal (^S) does not see the rest.
        """
        self.unregisterProducer()
        self.loseConnection()
        return self._finished.addTimeout(GOODBYE, self._reactor).addErrback(lambda _: None)

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        os.close(self._own)
        self._lost()
        if self._carrier is None:
            self._finished.callback(None)


class InheritedInput(FileDescriptor):
    """Reads the descriptor `inherited`. Calls `received` with the bytes that come, and `ended` at
    the end. It reads nothing before the first `resumeProducing`: another program may want the rest.
    """

    connected = 1

    def __init__(
        self,
        reactor: IReactorFDSet,
        inherited: int,
        received: Callable[[bytes], object],
        ended: Callable[[], object],
    ) -> None:
        super().__init__(reactor)
        self._received = received
        self._ended = ended
        self._inherited = inherited
        self._own: int | None = None
        self._watched = inherited

    def resumeProducing(self) -> None:
        if self.connected and self._own is None:
            self._open()
        super().resumeProducing()

    def _open(self) -> None:
        # Read from the descriptor that was opened anew, but wait for input on the inherited one: a
        # named pipe does not tell its end to a reader that came after its last writer had gone.
        self._own = open_anew(self._inherited, os.O_RDONLY)
        if self._own is None:
            self._own, sink = os.pipe()
            os.set_blocking(self._own, False)
            self._watched = self._own
            _Carrier(self._inherited, sink, sink).start()

    def fileno(self) -> int:
        return self._watched

    def doRead(self) -> Exception | None:
        end: Exception | None = fdesc.readFromFD(self._own, self._received)
        return end

    def connectionLost(self, reason: Failure) -> None:
        self.close()
        self._ended()

    def close(self) -> None:
        """Stop reading. `received` and `ended` are not called after this."""
        if self.connected and self._own is not None:
            super().connectionLost(Failure(CONNECTION_LOST))
            os.close(self._own)
        self.connected = 0


class _Carrier:
    """A thread that carries bytes from the descriptor `source` to `sink`, until one of them ends.

    Then it closes `own`, which is one of the two. The process can end while the thread runs.
    """

    def __init__(self, source: int, sink: int, own: int) -> None:
        self._source = source
        self._sink = sink
        self._own = own
        self._carrying = Lock()

    def start(self, ended: Callable[[], object] = lambda: None) -> None:
        """Start the thread, which calls `ended` at its end."""
        Thread(target=self._run, args=(ended,), name="standard streams", daemon=True).start()

    def drain(self, seconds: float) -> None:
        """Wait until all that `source` holds is carried, or for `seconds`."""
        until = monotonic() + seconds
        with suppress(OSError):
            while fcntl.ioctl(self._source, termios.FIONREAD, bytes(4)) != bytes(4):
                if monotonic() > until:
                    return
                sleep(0.01)
        if self._carrying.acquire(timeout=max(0.0, until - monotonic())):
            self._carrying.release()

    def _run(self, ended: Callable[[], object]) -> None:
        try:
            while self._carry():
                pass
        except OSError:
            pass  # Closing our end of the pipe tells the other end.
        finally:
            os.close(self._own)
            ended()

    def _carry(self) -> bool:
        """Carry the next bytes. Return False at the end."""
        wait_for(self._source, select.POLLIN)
        with self._carrying:
            data = memoryview(read_some(self._source, _PIECE))
            at_end = not data
            while data:
                data = data[write_some(self._sink, data) :]
        return not at_end
