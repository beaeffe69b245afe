"""The files of a database, looked at and moved without SQLite."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from itertools import count
from time import gmtime, strftime

from twisted_chat.journal.folder import StateError

_ENDS = ("-journal", "-wal", "-shm", "")
"""Of the names of a database's files. The database last: SQLite deletes a log that stands alone."""

_LOG_HEADER = 32
"""Bytes."""

_LOG_MAGIC = {b"\x37\x7f\x06\x82": "<", b"\x37\x7f\x06\x83": ">"}
"""What a write-ahead log begins with, and the order of bytes in its checksums."""


class CorruptError(StateError):
    """A database is corrupt. The text says how that shows."""


def check(path: str) -> None:
    """Make sure that SQLite can begin with the database at `path` and what belongs to it.

    Raises CorruptError if it would overwrite one of the files without a word, and OSError, which
    names the file, if one cannot be read or written: SQLite would not say which.

    To be called before SQLite has any of them open: to close a file lets go of all its locks.
    """
    heads = _heads(path)
    log = heads.get("-wal")
    if log is not None and not heads.get(""):
        raise CorruptError("it is empty, beside a write-ahead log")
    if log and not begins_log(log):
        raise CorruptError("its write-ahead log is none")


def set_aside(path: str, now: float) -> str:
    """Rename the database at `path`, and what belongs to it, to a name that nothing has yet. Return
    that. Raises OSError.
    """
    name = free_name(path, "corrupt", now)
    for end in _ENDS:
        with suppress(FileNotFoundError):
            os.rename(path + end, name + end)
    return name


def free_name(path: str, what: str, now: float) -> str:
    """Return a name beside `path` that nothing has yet, and that tells `what` it is and `now` (Unix
    time).
    """
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    names = (f"{path}.{what}-{stamp}{number or ''}" for number in count(0, -1))
    return next(n for n in names if not any(os.path.lexists(n + end) for end in _ENDS))


def sync(path: str) -> None:
    """Let what was written to the file or folder `path` be on the disk. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _heads(path: str) -> dict[str, bytes]:
    """Return what each of the files begins with."""
    heads = {}
    for end in _ENDS:
        name = path + end
        with suppress(FileNotFoundError):
            # Not blocking: from a pipe nothing comes, which is an error then.
            file = os.open(name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                heads[end] = os.read(file, _LOG_HEADER)
            except OSError as error:
                error.filename = name
                raise
            finally:
                os.close(file)
    return heads


def begins_log(data: bytes) -> bool:
    """Return whether a write-ahead log can begin with `data` (SQLite's file format, 4.1). A crash
    may have cut it short anywhere.
    """
    orders = {magic: order for magic, order in _LOG_MAGIC.items() if magic.startswith(data[:4])}
    if len(data) < _LOG_HEADER or not orders:
        return bool(orders)
    first = second = 0
    for one, other in struct.iter_unpack(f"{orders[data[:4]]}2I", data[:-8]):
        first = first + one + second & 0xFFFFFFFF
        second = second + other + first & 0xFFFFFFFF
    return struct.pack(">2I", first, second) == data[-8:]
