"""`chat-server`: the daemon in the foreground, with its bare transcript on standard output."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.daemon.signals import ISignalsReactor, Signals
from twisted_chat.files import File, OutputError

if TYPE_CHECKING:
    from twisted_chat.daemon.house import IChatReactor
    from twisted_chat.daemon.options import ServerOptions

_log = Logger(namespace="chat")


def main() -> None:
    """Run `chat-server [HOST [PORT]]`. ^C prints `exit` and ends it with status 0."""
    from twisted.internet import reactor as installed

    # Before the slow imports, so that a SIGHUP meanwhile does not end it.
    signals = Signals(cast(ISignalsReactor, installed))

    from twisted_chat.daemon.options import ServerOptions

    reactor = cast("IChatReactor", installed)
    run_on_monotonic_time(reactor)
    options = ServerOptions()
    options.parseOptions(sys.argv[1:])
    log = begin_log(options)
    service = options.make_service(reactor)

    def reopen() -> None:
        if log is not None:
            log.reopen()
        service.reopen()

    signals.serve(reopen)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    if options["transcript"] == "-":
        service.farewell = b"exit\n"
    reactor.run()
    if not service.farewell:
        with suppress(OSError):
            os.write(1, b"exit\n")


def begin_log(options: ServerOptions) -> LogFile | None:
    """Start the log as `options` say. Return its file, or None if it has no file. Raises
    SystemExit.

    Standard error gets the whole log. It gets only warnings if the log has a file, or if standard
    error is a terminal, on which people read the transcript.
    """
    path = options["log"]
    observers: list[ILogObserver] = []
    file = None
    if path is not None:
        try:
            file = LogFile(path)
        except OSError as error:
            raise SystemExit(f"{options.program}: --log {path}: {error.strerror}") from error
        observers.append(textFileLogObserver(cast(TextIO, file)))
    is_quiet = path is not None or (os.isatty(2) and options["transcript"] != "log")
    least = LogLevel.warn if is_quiet and not options["verbose"] else LogLevel.info
    observers.append(
        FilteringLogObserver(textFileLogObserver(sys.stderr), [LogLevelFilterPredicate(least)])
    )
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    return file


class LogFile:
    """A file that a log observer can write to."""

    def __init__(self, path: str) -> None:
        """Open `path`. Raises OSError if it cannot be opened, or if a write to it could keep the
        chat waiting.
        """
        with suppress(FileNotFoundError):
            mode = os.stat(path).st_mode
            if stat.S_ISFIFO(mode):
                raise OSError(0, "a pipe can be full: name a file")
        self._file = File(path, lambda text: _log.warn("{text}", text=text))
        self._has_failed = False

    def write(self, text: str) -> None:
        """Append `text`. The first failure is logged."""
        try:
            self._file.write(text.encode("utf-8", "replace"))
        except OutputError as error:
            if not self._has_failed:
                self._has_failed = True
                _log.error("log lines are lost: {reason}; this is told once", reason=str(error))

    def flush(self) -> None:
        """Do nothing: each write is complete."""

    def reopen(self) -> None:
        """Open the file again, after it was moved away."""
        try:
            self._file.reopen()
        except OSError as error:
            _log.error("the log is not opened again: {reason}", reason=str(error))
