"""What signals do to the daemon. No signal that people send loses anything that was said."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from twisted_chat.limits import TERMINAL_LOOK

_log = Logger(namespace="chat")

_ENDING = (
    signal.SIGQUIT,  # ^\ on the terminal.
    signal.SIGALRM,  # An alarm that was set before the daemon took the process over.
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGXCPU,  # The limit of processor time is near.
    *([signal.SIGPWR] if hasattr(signal, "SIGPWR") else []),  # How containers are ended by LXC.
)
"""Signals that would end the process at once. Here they end it as SIGTERM does."""

_IDLE = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals that would end the process at once, and that mean something else to other daemons. Here
they do nothing.
"""

_WHILE_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *_ENDING, *_IDLE)


class ISignalsReactor(IReactorCore, IReactorFromThreads, IReactorTime):
    """What signals need of the reactor."""


class Signals:
    """Handles the signals of this process. Make it as early as possible: from then on SIGHUP does
    not simply end the process.

    SIGHUP calls `reopen`. If the process had a terminal when this was made and has lost it, SIGHUP
    also ends it as SIGTERM does: a connection dropped, or a window was closed. A signal that is
    ignored when the process starts stays ignored (nohup), and one with a handler keeps it (SIGUSR1
    of twistd).
    """

    def __init__(self, reactor: ISignalsReactor) -> None:
        self._reactor = reactor
        self._reopen: Callable[[], None] | None = None
        self._had_terminal = not _terminal_error()
        # A process that was daemonised since then has no terminal, but has not lost one.
        self._session = os.getsid(0)
        self._handle((signal.SIGHUP,), self._hang_up)
        # Only now: twistd handles SIGUSR1 only if nobody has handled it before.
        reactor.callWhenRunning(self._handle, _IDLE, self._do_nothing)
        reactor.callWhenRunning(self._handle, _ENDING, self._end)
        reactor.addSystemEventTrigger("before", "shutdown", self._stop)

    def serve(self, reopen: Callable[[], None]) -> None:
        """Call `reopen` at each SIGHUP from here on, in a turn of the reactor."""
        self._reopen = reopen
        # Needed until the reactor runs and handles SIGTERM itself.
        self._handle((signal.SIGTERM,), self._end)

    def _handle(
        self, numbers: tuple[signal.Signals, ...], handle: Callable[[signal.Signals], None]
    ) -> None:
        """Let `handle(number)` be called for each of `numbers`, in a turn of the reactor."""

        def later(number: int, frame: FrameType | None) -> None:
            self._reactor.callFromThread(handle, signal.Signals(number))

        for number in numbers:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, later)

    def _hang_up(self, number: signal.Signals) -> None:
        if self._reopen is not None:
            self._reopen()
        if self._had_terminal and os.getsid(0) == self._session:
            self._look_for_terminal()
            # When a shell ends, Linux sends SIGHUP a moment before it takes the terminal away.
            self._reactor.callLater(TERMINAL_LOOK, self._look_for_terminal)

    def _look_for_terminal(self) -> None:
        if self._had_terminal and _terminal_error() == errno.ENXIO:
            self._had_terminal = False
            _log.info("the terminal is gone: the daemon stops")
            signal.raise_signal(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        _log.info("{name}: the daemon stops", name=number.name)
        signal.raise_signal(signal.SIGTERM)

    def _do_nothing(self, number: signal.Signals) -> None:
        _log.info(
            "{name} does nothing: SIGHUP opens files again, SIGTERM ends the daemon",
            name=number.name,
        )

    def _stop(self) -> None:
        # The end comes within a bounded time: a second signal could only cut it short.
        for number in _WHILE_STOPPING:
            signal.signal(number, signal.SIG_IGN)


def _terminal_error() -> int:
    """Return the error number of opening the controlling terminal: 0 if the process has one, ENXIO
    if not, another number if that cannot be known.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno or errno.EIO
    return 0
