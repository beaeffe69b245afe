"""Where a thread writes whole lines: files that are for their owner alone, and standard output."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable

from twisted_chat.descriptors import write_some


def exposure(mode: int) -> str:
    """Tell what people other than its owner can do with a file of `mode`; "" if that is nothing.

    Its group may read it: whoever makes backups or reads logs gets that right on purpose.
    """
    can = {stat.S_IROTH: "others can read it", stat.S_IWOTH: "others can write to it"}
    can[stat.S_IWGRP] = "its group can write to it"
    return next((what for bit, what in can.items() if mode & bit), "")


def tighten(file: int, path: str, warn: Callable[[str], None]) -> None:
    """Take from people other than its owner what `exposure` finds in the open `file`, and `warn`
    that they had it, in one line that calls it `path`. Where that is not allowed, the line says so.
    """
    what = exposure(os.fstat(file).st_mode)
    if not what:
        return
    try:
        os.fchmod(file, os.fstat(file).st_mode & stat.S_IRWXU)
    except OSError as error:
        warn(f"{path}: {what}, and it cannot be changed ({error.strerror}): chmod go= {path}")
    else:
        warn(f"{path}: {what.replace(' can ', ' could ')}: it is for its owner alone from here on")


class OutputError(OSError):
    """Where lines could not be written, and why. `rest`: what was not written of them."""

    def __init__(self, text: str, rest: bytes) -> None:
        super().__init__(text)
        self.rest = rest


class StandardOutput:
    """The real standard output, which twistd has replaced by its log."""

    def __init__(self) -> None:
        assert sys.__stdout__ is not None
        self._fd = sys.__stdout__.fileno()

    def write(self, lines: bytes) -> None:
        """Write all, however long it takes. Raises OutputError, which has what was not written."""
        data = memoryview(lines)
        try:
            self._make_ready()
            while data:
                data = data[write_some(self._fd, data) :]
        except OSError as error:
            raise OutputError(f"{self}: {error.strerror}", bytes(data)) from error

    def reopen(self) -> None:
        """Open it again if it has a name. Raises OSError, and is left as it was then."""

    def __str__(self) -> str:
        return "standard output"

    def _make_ready(self) -> None:
        """Called before each write. Raises OSError."""


class File(StandardOutput):
    """A file, appended to, for its owner alone; opened again after it was moved away.

    One that is found too open is tightened, and `warn` is called with a line about it, in the
    thread that writes. A device or a FIFO is taken as it is.
    """

    def __init__(self, path: str, warn: Callable[[str], None]) -> None:
        """Raises OSError if `path` cannot be opened."""
        self._path = path
        self._warn = warn
        self._fd = self._open()
        self._tighten()

    def close(self) -> None:
        """To be called once; nothing can be written any more."""
        os.close(self._fd)

    def reopen(self) -> None:
        fd = self._open()
        os.close(self._fd)
        self._fd = fd
        # Not before: `warn` may write to this very file.
        self._tighten()

    def __str__(self) -> str:
        return self._path

    def _make_ready(self) -> None:
        if self._moved():
            self.reopen()

    def _open(self) -> int:
        # Not blocking: a FIFO without a reader is an error then, not a wait without end.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(self._path, flags, 0o600)

    def _tighten(self) -> None:
        if stat.S_ISREG(os.fstat(self._fd).st_mode):
            tighten(self._fd, self._path, self._warn)

    def _moved(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True
