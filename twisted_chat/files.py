"""What a thread writes whole lines to: files for their owner alone, and standard output."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable

from twisted_chat.descriptors import write_some


def exposure(mode: int) -> str:
    """Return what users other than its owner can do with a file of `mode`; "" if they can do
    nothing.

    The group may read it: programs that make backups or read logs get that right on purpose.
    """
    can = {stat.S_IROTH: "others can read it", stat.S_IWOTH: "others can write to it"}
    can[stat.S_IWGRP] = "its group can write to it"
    return next((what for bit, what in can.items() if mode & bit), "")


def tighten(file: int, path: str, warn: Callable[[str], None]) -> None:
    """Take from users other than its owner the rights to the open `file` that `exposure` finds.

    Then `warn` of them in one line that calls the file `path`, or says that they could not be taken
    away.
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
    """Lines could not be written: where, and why. `rest`: the part that was not written."""

    def __init__(self, text: str, rest: bytes) -> None:
        super().__init__(text)
        self.rest = rest


class StandardOutput:
    """The real standard output, which twistd has replaced by its log."""

    def __init__(self) -> None:
        assert sys.__stdout__ is not None
        self._fd = sys.__stdout__.fileno()

    def write(self, lines: bytes) -> None:
        """Write all, however long it takes. Raises OutputError with what was not written."""
        data = memoryview(lines)
        try:
            self._make_ready()
            while data:
                data = data[write_some(self._fd, data) :]
        except OSError as error:
            raise OutputError(f"{self}: {error.strerror}", bytes(data)) from error

    def reopen(self) -> None:
        """Open it again, if it is a file. Raises OSError, and then leaves it as it was."""

    def __str__(self) -> str:
        return "standard output"

    def _make_ready(self) -> None:
        """Do what is needed before a write. Raises OSError."""


class File(StandardOutput):
    """A file to append to, for its owner alone. It is opened again after it was moved away.

    If others have rights to the file, they are taken away and `warn` is called with a line about
    it, in the thread that writes. A device or a FIFO is taken as it is.
    """

    def __init__(self, path: str, warn: Callable[[str], None]) -> None:
        """Open `path`. Raises OSError."""
        self._path = path
        self._warn = warn
        self._fd = self._open()
        self._tighten()

    def close(self) -> None:
        """Close it. Call this once; nothing can be written afterwards."""
        os.close(self._fd)

    def reopen(self) -> None:
        fd = self._open()
        os.close(self._fd)
        self._fd = fd
        # Last, because `warn` may write to this very file.
        self._tighten()

    def __str__(self) -> str:
        return self._path

    def _make_ready(self) -> None:
        if self._moved():
            self.reopen()

    def _open(self) -> int:
        # Non-blocking: with it a FIFO without a reader is an error, without it an endless wait.
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
