"""Changes the modes of the terminal on standard input (termios), and gives them back at the end."""

from __future__ import annotations

import atexit
import os
import signal
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Attributes = list[Any]
"""What termios.tcgetattr returns."""

_GOOD_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals at which the client ends in good order."""

_BAD_ENDS = (signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
"""Other signals that people send. They end the client at once."""


class TerminalModes:
    """Changes the terminal's modes by `adjust` and gives them back as they were, also while the
    process is stopped (^Z), and when it ends by a signal or an error.

    A signal handler calls the two other callables: `asked_to_stop` when somebody else sends SIGTSTP
    (it must call `stop` soon); `dying` before a signal ends the process at once.
    """

    def __init__(
        self,
        adjust: Callable[[Attributes], object],
        asked_to_stop: Callable[[], object] | None = None,
        dying: Callable[[], object] = lambda: None,
    ) -> None:
        self._adjust = adjust
        self._asked_to_stop = asked_to_stop or self.stop
        self._dying = dying
        self._before: Attributes | None = None
        self._handled: list[int] = []

    def take(self) -> None:
        """Change the modes, until `give_back`. Raises termios.error."""
        adjusted = termios.tcgetattr(0)
        before = termios.tcgetattr(0)
        self._adjust(adjusted)
        termios.tcsetattr(0, termios.TCSANOW, adjusted)
        self._before = before
        atexit.register(self.give_back)
        for number in _BAD_ENDS:
            self._handle(number, self._end)
        self._handle(signal.SIGTSTP, lambda *_: self._asked_to_stop())

    def _handle(self, number: int, handler: Callable[[int, object], object]) -> None:
        # A signal that was ignored from the start stays ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, handler)
            self._handled.append(number)

    def give_back(self) -> bool:
        """Undo `take`. Return whether there was anything to undo."""
        before, self._before = self._before, None
        if before is None:
            return False
        while self._handled:
            signal.signal(self._handled.pop(), signal.SIG_DFL)
        atexit.unregister(self.give_back)
        # In the background the terminal belongs to the shell, which has modes of its own.
        if not _in_background():
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, before)
        return True

    def stop(self, whom: int | None = None) -> None:
        """Stop this process until it is continued; if `whom` is 0, its whole process group."""
        was_taken = self.give_back()
        # The client cannot end in good order while it is stopped, nor while it is continued in the
        # background, where `take` waits for the foreground. So these signals end it at once.
        handlers = {number: signal.getsignal(number) for number in _GOOD_ENDS}
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid() if whom is None else whom, signal.SIGTSTP)
        try:
            if was_taken:
                self.take()
        finally:  # `take` fails if the terminal is gone by then.
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: object) -> None:
        self._dying()
        self.give_back()
        os.kill(os.getpid(), number)


def _in_background() -> bool:
    """Return whether another process group has the terminal; False if the terminal does not belong
    to this session.
    """
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False
