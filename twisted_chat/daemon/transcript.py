"""The daemon's own transcript: in the log, in a file, on standard output, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_chat.files import StandardOutput
from twisted_chat.gathering import Gatherer, IThreadedReactor
from twisted_chat.interfaces import ITranscript
from twisted_chat.limits import TRANSCRIPT_LUMP, TRANSCRIPT_PAUSE, TRANSCRIPT_WAITING

_log = Logger(namespace="chat")


@implementer(ITranscript)
class NoTranscript:
    """A transcript that keeps nothing."""

    def start(self) -> None:
        pass

    def write(self, lines: bytes) -> None:
        pass

    def reopen(self) -> None:
        pass

    def stop(self) -> Deferred[None]:
        return succeed(None)


@implementer(ITranscript)
class LogTranscript:
    """A transcript in the log: at most ten log events a second, each with all lines that came in
    between. An event for each line would cost as much as twenty deliveries. There are more only
    when more than TRANSCRIPT_LUMP bytes gather.
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

    def reopen(self) -> None:
        """Do nothing: the log does not belong to us."""

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


@dataclass
class _Waiting:
    """A batch for the thread. `overflown`: how many further lines found no room. `reopen`: open the
    file again before writing.
    """

    lines: list[bytes] = field(default_factory=list)
    overflown: int = 0
    reopen: bool = False

    def __bool__(self) -> bool:
        return bool(self.lines or self.overflown or self.reopen)


@implementer(ITranscript)
class BareTranscript:
    """A transcript of bare lines in a file or on standard output. A thread of its own writes them,
    at most once in `pause` seconds: the chat never waits for a disk or a pipe.

    At most TRANSCRIPT_WAITING bytes wait. Lines that find no room or cannot be written are lost; in
    their place a line says how many were lost. The first failure is logged. `lead` returns the text
    that each line begins with.
    """

    def __init__(
        self,
        output: StandardOutput,
        reactor: IThreadedReactor,
        lead: Callable[[], str] = str,
        pause: float = TRANSCRIPT_PAUSE,
    ) -> None:
        self._output = output
        self._reactor = reactor
        self._lead = lead
        self._thread = Gatherer("transcript", reactor, _Waiting, self._work, pause)
        # Bytes that wait or are being written: shared with the thread, under its lock.
        self._size = 0

    def start(self) -> None:
        self._thread.start()

    def write(self, lines: bytes) -> None:
        lines = self._led(lines)
        with self._thread as waiting:
            if waiting.overflown or self._size + len(lines) > TRANSCRIPT_WAITING:
                waiting.overflown += lines.count(b"\n")
            else:
                waiting.lines.append(lines)
                self._size += len(lines)

    def reopen(self) -> None:
        with self._thread as waiting:
            waiting.reopen = True

    def stop(self) -> Deferred[None]:
        return self._thread.stop(
            lambda: _log.error(
                "the transcript's last lines are lost: {output} takes none",
                output=str(self._output),
            )
        )

    def _work(self, batches: Iterator[_Waiting]) -> None:
        """Write the batches: runs in the thread."""
        failed = 0
        logged = False
        for batch in batches:
            lines = b"".join(batch.lines)
            batch.lines.clear()
            try:
                if batch.reopen:
                    self._reopen()
                self._output.write(self._lost(failed) + lines + self._lost(batch.overflown))
                failed = 0
            except OSError as error:
                failed += lines.count(b"\n") + batch.overflown
                if not logged:
                    logged = True
                    self._reactor.callFromThread(
                        _log.error,
                        "transcript lines are lost: {reason}; this is logged once",
                        reason=str(error),
                    )
            with self._thread:
                self._size -= len(lines)

    def _reopen(self) -> None:
        try:
            self._output.reopen()
        except OSError as error:
            # The file that is open takes lines all the same, unless it was moved away.
            self._reactor.callFromThread(
                _log.error, "the transcript is not opened again: {reason}", reason=error.strerror
            )

    def _lost(self, count: int) -> bytes:
        return self._led(b"- lines lost here: %d\n" % count) if count else b""

    def _led(self, lines: bytes) -> bytes:
        lead = self._lead().encode()
        return lead + lines[:-1].replace(b"\n", b"\n" + lead) + b"\n" if lead else lines
