"""The SQLite database of a state folder: read once at the start, then written batch by batch."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from twisted.logger import Logger

from twisted_chat.journal.batch import Batch
from twisted_chat.journal.database_files import CorruptError, check, free_name, sync
from twisted_chat.journal.folder import StateError, complain, make_file
from twisted_chat.journal.rows import document_of, line_of, write
from twisted_chat.journal.schema import COLUMNS, VERSION, NewerError, take_over, version_of
from twisted_chat.journal.store import Contents, T
from twisted_chat.limits import STORE_CHECKPOINT, STORE_RETRY

HINTS = {
    "database is locked": "end the program that has it open",
    "database or disk is full": "make room, or choose another folder",
}
"""What to do about what SQLite says."""

_log = Logger(namespace="chat")


class Database:
    """The file: read once at the start, then written, both by one thread each."""

    def __init__(self, path: str, connect: Callable[..., sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._written = 0
        """The highest number of a line that is in it for sure."""

    def load(self, read: Callable[[Contents], T], now: float) -> T:
        """Return what `read` makes of all that is in it. It is made if it is missing; one of an
        older version is taken over, and a copy of it as it was is kept beside it, whose name tells
        `now` (Unix time).

        Raises CorruptError if it can never be used again, StateError, OSError and sqlite3.Error;
        then nothing in it has changed.
        """
        make_file(self._path)
        check(self._path)
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

    def _copy(self, version: int, now: float) -> None:
        """Keep a copy of what is committed, of `version`. Raises StateError, having kept none."""
        path = free_name(self._path, f"v{version}", now)
        try:
            make_file(path)
            try:
                # SQLite makes it: of the files alone, no copy would have what is in the log.
                with closing(self._open()) as whole, closing(self._connect(path)) as copy:
                    whole.backup(copy)
                for name in (path, os.path.dirname(path)):
                    sync(name)
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
        """Write all of `batch` but its audit, in one transaction.

        Raises sqlite3.Error. Then nothing of it is kept, or all: it can be written again.
        """
        connection = self._connection
        try:
            if connection is None:
                connection = self._connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            # A commit may have failed only after it had been written. Then its lines go, and those
            # of them that still wait are written once more.
            connection.execute("DELETE FROM line WHERE number > ?", (self._written,))
            write(connection, batch)
            [written] = connection.execute("SELECT coalesce(max(number), 0) FROM line").fetchone()
            connection.execute("COMMIT")
        except BaseException:
            self.close()  # Rolls back; and whatever has become of it, the next attempt begins anew.
            # Lines that never got here need not go. There may be many, until a write succeeds.
            batch.drops = [number for number in batch.drops if number <= self._written]
            raise
        self._written = written

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
            # Of a line that was taken out nothing is to stay in the file.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA wal_autocheckpoint = {STORE_CHECKPOINT}")
            connection.execute(f"PRAGMA journal_size_limit = {STORE_CHECKPOINT * 4096}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _read(self, connection: sqlite3.Connection, read: Callable[[Contents], T], now: float) -> T:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        [result] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise CorruptError(" ".join(result.split()))
        version = version_of(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        # Also where nothing changes: what cannot be written is to be known at the start.
        connection.execute("BEGIN IMMEDIATE")
        take_over(connection, version)
        contents = Contents()
        self._written = 0
        for kind, key, body in connection.execute("SELECT kind, key, body FROM document"):
            contents.documents.setdefault(kind, {})[key] = document_of((kind, key, body))
        columns = ", ".join(COLUMNS["line"])
        for row in connection.execute(f"SELECT {columns} FROM line ORDER BY number"):
            line = line_of(row)
            contents.lines.append(line)
            self._written = line.event.number
        kept = read(contents)
        if 0 < version < VERSION:
            self._copy(version, now)
        connection.execute("COMMIT")
        return kept


def reason_of(error: Exception) -> str:
    """Return why something could not be written, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
