"""The SQLite database of a state folder: read once at the start, then written batch by batch."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, count
from pathlib import Path
from time import gmtime, strftime
from typing import Any

from twisted.logger import Logger

from twisted_chat.events import Emoted, Said
from twisted_chat.journal.batch import Batch
from twisted_chat.journal.schema import COLUMNS, VERSION, NewerError, take_over, version_of
from twisted_chat.journal.store import Document, Line, Stored, T, is_count, is_time, named
from twisted_chat.limits import STORE_CHECKPOINT, STORE_LUMP, STORE_RETRY
from twisted_chat.state import StateError, complain, make_file

_ENDS = ("-journal", "-wal", "-shm", "")
"""Of the names of a database's files. The database last: SQLite deletes a log that stands alone."""

HINTS = {
    "database is locked": "end the program that has it open",
    "database or disk is full": "make room, or choose another folder",
}
"""What to do about what SQLite says."""

_LOG_HEADER = 32
"""Bytes."""

_LOG_MAGIC = {b"\x37\x7f\x06\x82": "<", b"\x37\x7f\x06\x83": ">"}
"""What a write-ahead log begins with, and the order of bytes in its checksums."""

_log = Logger(namespace="chat")


class CorruptError(StateError):
    """How it shows that a database is corrupt."""


class Database:
    """The file: read once at the start, then written, both by one thread each."""

    def __init__(self, path: str, connect: Callable[..., sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._written = 0
        """The highest number of a line that is in it for sure."""

    def load(self, read: Callable[[Stored], T], now: float) -> T:
        """Return what `read` makes of all that is in it. It is made if it is missing; one of an
        older version is taken over, and a copy of it as it was is kept beside it, whose name tells
        `now` (Unix time).

        Raises CorruptError if it can never be used again, StateError, OSError and sqlite3.Error;
        then nothing in it has changed.
        """
        make_file(self._path)
        heads = self._heads()
        log = heads.get("-wal")
        # Either of them SQLite would overwrite without a word.
        if log is not None and not heads.get(""):
            raise CorruptError("it is empty, beside a write-ahead log")
        if log and not _begins_log(log):
            raise CorruptError("its write-ahead log is none")
        try:
            with closing(self._open()) as connection:
                return self._read(connection, read, now)
        except NewerError as error:
            raise StateError(
                f"{self._path} is of a newer twisted-chat ({error}): use that one"
            ) from error
        except ValueError as error:
            raise CorruptError(str(error)) from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # What can be mended has types of its own.
                raise
            raise CorruptError(str(error)) from error

    def _heads(self) -> dict[str, bytes]:
        """What each of its files begins with. Raises OSError, which names the one that cannot be
        read or written: SQLite would not say which.

        To be called before SQLite has any of them open: to close a file lets go of all its locks.
        """
        heads = {}
        for end in _ENDS:
            path = self._path + end
            with suppress(FileNotFoundError):
                # Not blocking: from a pipe nothing comes, which is an error then.
                file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    heads[end] = os.read(file, _LOG_HEADER)
                except OSError as error:
                    error.filename = path
                    raise
                finally:
                    os.close(file)
        return heads

    def set_aside(self, now: float) -> str:
        """Rename it, and what belongs to it, to a name that nothing has yet. Raises OSError."""
        name = self._free_name("corrupt", now)
        for end in _ENDS:
            with suppress(FileNotFoundError):
                os.rename(self._path + end, name + end)
        return name

    def _free_name(self, what: str, now: float) -> str:
        """Return a name beside it that nothing has yet, and that tells `what` it is and `now`."""
        stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
        names = (f"{self._path}.{what}-{stamp}{number or ''}" for number in count(0, -1))
        return next(n for n in names if not any(os.path.lexists(n + end) for end in _ENDS))

    def _copy(self, version: int, now: float) -> None:
        """Keep a copy of what is committed, of `version`. Raises StateError, having kept none."""
        path = self._free_name(f"v{version}", now)
        try:
            make_file(path)
            try:
                # SQLite makes it: of the files alone, no copy would have what is in the log.
                with closing(self._open()) as whole, closing(self._connect(path)) as copy:
                    whole.backup(copy)
                for name in (path, os.path.dirname(path)):
                    _sync(name)
            except BaseException:
                os.unlink(path)
                raise
        except (OSError, sqlite3.Error) as error:
            reason = reason_of(error)
            raise complain(path, f"cannot be made ({reason})", HINTS.get(reason)) from error
        _log.info(
            "{path} is of an older version and is taken over; as it was it is kept as {copy}",
            path=self._path,
            copy=path,
        )

    def write(self, batch: Batch) -> None:
        """All of `batch` but its audit, in one transaction.

        Raises sqlite3.Error, having kept nothing or all: it can be written again.
        """
        connection = self._connection
        try:
            if connection is None:
                connection = self._connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            # A commit may have failed only after it had been written. Then its lines go, and those
            # of them that still wait are written once more.
            connection.execute("DELETE FROM line WHERE number > ?", (self._written,))
            _write(connection, batch)
            connection.execute("COMMIT")
        except BaseException:
            self.close()  # Rolls back; and whatever has become of it, the next attempt begins anew.
            # Lines that never got here need not go. There may be many, until a write succeeds.
            batch.drops = [number for number in batch.drops if number <= self._written]
            raise
        self._written = max([self._written, *batch.lines])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        # Never made here: that would be with the rights that SQLite likes.
        connection = self._connect(
            f"{Path(self._path).as_uri()}?mode=rw",
            uri=True,
            timeout=STORE_RETRY,
            isolation_level=None,
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {STORE_CHECKPOINT}")
            connection.execute(f"PRAGMA journal_size_limit = {STORE_CHECKPOINT * 4096}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _read(self, connection: sqlite3.Connection, read: Callable[[Stored], T], now: float) -> T:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        [result] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise CorruptError(" ".join(result.split()))
        version = version_of(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        # Also where nothing changes: what cannot be written is to be known at the start.
        connection.execute("BEGIN IMMEDIATE")
        take_over(connection, version)
        stored = Stored()
        self._written = 0
        for kind, key, body in connection.execute("SELECT kind, key, body FROM document"):
            stored.documents.setdefault(kind, {})[key] = _document(kind, key, body)
        columns = ", ".join(COLUMNS["line"])
        for row in connection.execute(f"SELECT {columns} FROM line ORDER BY number"):
            room, line = _line(*row)
            stored.lines.setdefault(room, []).append(line)
            self._written = line.number
        kept = read(stored)
        if 0 < version < VERSION:
            self._copy(version, now)
        connection.execute("COMMIT")
        return kept


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _begins_log(data: bytes) -> bool:
    """Whether a write-ahead log can begin with `data` (SQLite's file format, 4.1). A crash may have
    cut it short anywhere.
    """
    orders = {magic: order for magic, order in _LOG_MAGIC.items() if magic.startswith(data[:4])}
    if len(data) < _LOG_HEADER or not orders:
        return bool(orders)
    first = second = 0
    for one, other in struct.iter_unpack(f"{orders[data[:4]]}2I", data[:-8]):
        first = first + one + second & 0xFFFFFFFF
        second = second + other + first & 0xFFFFFFFF
    return struct.pack(">2I", first, second) == data[-8:]


def _document(*row: Any) -> Document:
    """The document of `row`, which has whatever stood there. Raises ValueError if it is none."""
    kind, key, body = row
    document = None
    if _types(row) == (str, str, str):
        with suppress(ValueError, RecursionError):
            document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{named(kind, key)} is no JSON object")
    return document


def _line(*row: Any) -> tuple[str, Line]:
    """Return the room and the line of `row`. Raises ValueError as above."""
    number, room, seconds, emoted, name, text, origin = row
    if (
        _types(row) != (int, str, float, int, str, str, str)
        or not is_count(number)
        or not is_time(seconds)
    ):
        raise ValueError(f"line {number!r} has a wrong value"[:100])
    event = Emoted(name, text) if emoted else Said(name, text)
    return room, Line(number, seconds, event, origin)


def _types(row: tuple[object, ...]) -> tuple[type, ...]:
    return tuple(map(type, row))


def _write(connection: sqlite3.Connection, batch: Batch) -> None:
    gone = [key for key, body in batch.documents.items() if body is None]
    connection.executemany("DELETE FROM document WHERE kind = ? AND key = ?", gone)
    kept = [(*key, body) for key, body in batch.documents.items() if body is not None]
    _insert(connection, "document", kept)
    for lump in _lumps(batch.drops, 1):
        places = ", ".join("?" * len(lump))
        connection.execute(f"DELETE FROM line WHERE number IN ({places})", lump)
    _insert(connection, "line", [_row(*line) for line in batch.lines.values()])


def _row(room: str, line: Line) -> tuple[object, ...]:
    event = line.event
    is_emoted = isinstance(event, Emoted)
    return line.number, room, line.time, is_emoted, event.name, event.text, line.origin


_VARIABLES = 32766 if sqlite3.sqlite_version_info >= (3, 32) else 999
"""How many values a statement may have (SQLite's limits, section 9)."""


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert `rows`, or replace what has their keys."""
    columns = COLUMNS[table]
    row = f"({', '.join('?' * len(columns))})"
    for lump in _lumps(rows, len(columns)):
        values = ", ".join([row] * len(lump))
        statement = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES {values}"
        connection.execute(statement, list(chain.from_iterable(lump)))


def _lumps(rows: Sequence[T], width: int) -> Iterator[Sequence[T]]:
    """Yield `rows`, each of so many values, in lumps of a few sizes: the statements for them are
    compiled only once.
    """
    start = 0
    while start < len(rows):
        most = min(len(rows) - start, STORE_LUMP, _VARIABLES // width)
        size = 1 << most.bit_length() - 1
        yield rows[start : start + size]
        start += size


def reason_of(error: Exception) -> str:
    """Return why something could not be written, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
