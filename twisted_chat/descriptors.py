"""Reads and writes descriptors that other programs share, without a change of their flags.

O_NONBLOCK belongs to the open file, not to the process: with it, another program on the same
terminal or pipe would see its own writes fail.
"""

from __future__ import annotations

import os
import select
import stat

_TERMINAL_MAKER = os.makedev(5, 2)
"""/dev/ptmx, the other end of a terminal. Opening it makes another terminal."""


def open_anew(fd: int, mode: int) -> int | None:
    """Return another descriptor of the terminal or pipe `fd`, non-blocking, with flags of its own.

    `mode` is os.O_RDONLY or os.O_WRONLY. Return None if it cannot be opened, because another user
    owns it (sudo, su) or the system has no /proc. Return None for anything else too: a socket
    cannot be opened, and a file would be read and written from its start.
    """
    is_terminal = os.isatty(fd) and os.fstat(fd).st_rdev != _TERMINAL_MAKER
    if not (is_terminal or is_pipe(fd)):
        return None
    # Not /dev/fd, which shares the flags on some systems.
    paths = [f"/proc/self/fd/{fd}"]
    try:
        if is_terminal:
            paths.append(os.ttyname(fd))
    except OSError:
        pass  # A terminal of another container has no name here.
    for path in paths:
        try:
            return os.open(path, mode | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def is_pipe(fd: int) -> bool:
    """Return whether `fd` is a pipe, with or without a name."""
    return stat.S_ISFIFO(os.fstat(fd).st_mode)


def write_some(fd: int, data: memoryview | bytes) -> int:
    """Write some of `data`, however long it takes; return how many bytes. Raises OSError."""
    while True:
        try:
            return os.write(fd, data)
        except BlockingIOError:
            wait_for(fd, select.POLLOUT)


def read_some(fd: int, size: int) -> bytes:
    """Return the next bytes, `size` at most, or b"" at the end; wait for them. Raises OSError."""
    while True:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            wait_for(fd, select.POLLIN)


def wait_for(fd: int, what: int) -> None:
    """Wait until `fd` is ready for `what`, select.POLLIN or POLLOUT. A read or write may block all
    the same, or fail if another program has made `fd` non-blocking.
    """
    # Not `select`, which takes no descriptor past 1023.
    poll = select.poll()
    poll.register(fd, what)
    poll.poll()
