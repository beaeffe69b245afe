"""The daemon's own transcript: in the log, in a file, on standard output or nowhere."""

from __future__ import annotations

import os
import select
import sys
from threading import Condition, Thread

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.interfaces import ITranscript
from twisted_chat.limits import GOODBYE, TRANSCRIPT_LUMP, TRANSCRIPT_PAUSE, TRANSCRIPT_WAITING

_log = Logger(namespace="chat")


class IThreadedReactor(IReactorFromThreads, IReactorTime):
    """What a transcript needs of the reactor."""


@implementer(ITranscript)
class NoTranscript:
    """For who wants nothing said to be kept."""

    def start(self) -> None:
        pass

    def write(self, lines: bytes) -> None:
        pass

    def stop(self) -> Deferred[None]:
        return succeed(None)


@implementer(ITranscript)
class LogTranscript:
    """At most ten events of the log a second, each with the lines that came meanwhile: an event for
    each line would cost as much as twenty deliveries. More only past TRANSCRIPT_LUMP.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._lines: list[bytes] = []
        self._size = 0
        self._pause: IDelayedCall | None = None

    def start(self) -> None:
        pass

    def write(self, lines: bytes) -> None:
        self._lines.append(lines)
        self._size += len(lines)
        if self._pause is None:
            self._record()
        elif self._size > TRANSCRIPT_LUMP:
            self._log_lines()

    def stop(self) -> Deferred[None]:
        if self._pause is not None:
            self._pause.cancel()
        self._log_lines()
        return succeed(None)

    def _record(self) -> None:
        self._pause = None
        if self._lines:
            self._pause = self._reactor.callLater(TRANSCRIPT_PAUSE, self._record)
            self._log_lines()

    def _log_lines(self) -> None:
        if self._lines:
            lines = b"".join(self._lines).decode().removesuffix("\n")
            self._lines.clear()
            self._size = 0
            _log.info("{lines}", lines=lines)


class StandardOutput:
    """The real standard output, which twistd has replaced by its log."""

    def __init__(self) -> None:
        assert sys.__stdout__ is not None
        self._fd = sys.__stdout__.fileno()

    def write(self, lines: bytes) -> None:
        """Write all, however long it takes. Raises OSError, having written a part or nothing."""
        data = memoryview(lines)
        try:
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:
                    select.select([], [self._fd], [])
        except OSError as error:
            raise OSError(f"{self}: {error.strerror}") from error

    def __str__(self) -> str:
        return "standard output"


class File(StandardOutput):
    """A file, appended to, readable by its owner alone; opened again after it was moved away."""

    def __init__(self, path: str) -> None:
        """Raises OSError if `path` cannot be opened."""
        self._path = path
        self._fd = self._open()

    def write(self, lines: bytes) -> None:
        if self._moved():
            fd = self._open()
            os.close(self._fd)
            self._fd = fd
        super().write(lines)

    def __str__(self) -> str:
        return self._path

    def _open(self) -> int:
        # Not blocking: a FIFO without a reader is an error then, not a wait without end.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(self._path, flags, 0o600)

    def _moved(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True


@implementer(ITranscript)
class BareTranscript:
    """Bare lines to a file or to standard output, from a thread of its own: the chat never waits
    for a disk or a pipe. After each write it gathers for `pause` seconds.

    At most TRANSCRIPT_WAITING bytes wait. Lines that find no room, or that cannot be written, are
    lost; in their place it says how many they were. The first failure is logged.
    """

    def __init__(
        self, output: StandardOutput, reactor: IThreadedReactor, pause: float = TRANSCRIPT_PAUSE
    ) -> None:
        self._output = output
        self._pause = pause
        self._reactor = reactor
        self._thread = Thread(target=self._work, name="transcript", daemon=True)
        self._done: Deferred[None] = Deferred()
        # Shared with the thread, under this lock.
        self._changed = Condition()
        self._waiting: list[bytes] = []
        self._size = 0
        self._overflown = 0
        self._idle = False
        self._stopping = False

    def start(self) -> None:
        self._thread.start()

    def write(self, lines: bytes) -> None:
        with self._changed:
            if self._overflown or self._size + len(lines) > TRANSCRIPT_WAITING:
                self._overflown += lines.count(b"\n")
            else:
                self._waiting.append(lines)
                self._size += len(lines)
            if self._idle:  # To wake a thread costs the chat more than to keep its lines.
                self._changed.notify()

    def stop(self) -> Deferred[None]:
        if not self._thread.is_alive():
            return succeed(None)
        with self._changed:
            self._stopping = True
            self._changed.notify()

        def give_up(failure: Failure) -> None:
            failure.trap(TimeoutError)
            _log.error(
                "the transcript's last lines are lost: {output} takes none",
                output=str(self._output),
            )

        return self._done.addTimeout(GOODBYE, self._reactor).addErrback(give_up)

    def _work(self) -> None:
        """In the thread."""
        failed = 0
        logged = False
        while True:
            with self._changed:
                self._idle = True
                self._changed.wait_for(lambda: self._waiting or self._overflown or self._stopping)
                self._idle = False
                lines = b"".join(self._waiting)
                overflown, self._overflown = self._overflown, 0
                self._waiting.clear()
            if not lines and not overflown:
                break
            try:
                self._output.write(_lost(failed) + lines + _lost(overflown))
                failed = 0
            except OSError as error:
                failed += lines.count(b"\n") + overflown
                if not logged:
                    logged = True
                    self._reactor.callFromThread(
                        _log.error,
                        "transcript lines are lost: {reason}; this is logged once",
                        reason=str(error),
                    )
            with self._changed:
                self._size -= len(lines)
                self._changed.wait_for(lambda: self._stopping, self._pause)
        self._reactor.callFromThread(self._done.callback, None)


def _lost(count: int) -> bytes:
    return b"- lines lost here: %d\n" % count if count else b""
