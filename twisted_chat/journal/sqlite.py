"""What a journal keeps over restarts, in an SQLite database that a thread of its own writes."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, count
from pathlib import Path
from sys import getsizeof
from time import gmtime, strftime, time
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from twisted_chat.events import Emoted, Said
from twisted_chat.files import File, OutputError
from twisted_chat.gathering import Gatherer, IThreadedReactor
from twisted_chat.journal.schema import COLUMNS, VERSION, NewerError, take_over, version_of
from twisted_chat.journal.store import Document, IStore, Line, Stored, T, is_count, is_time, named
from twisted_chat.limits import (
    HISTORY_OVERHEAD,
    STORE_CHECKPOINT,
    STORE_LUMP,
    STORE_PAUSE,
    STORE_RETRY,
    STORE_WAITING,
)
from twisted_chat.state import StateError, StateFolder, complain, explain, make_file

_ENDS = ("-journal", "-wal", "-shm", "")
"""Of the names of a database's files. The database last: SQLite deletes a log that stands alone."""

_HINTS = {
    "database is locked": "end the program that has it open",
    "database or disk is full": "make room, or choose another folder",
}

_LOG_HEADER = 32
"""Bytes."""

_LOG_MAGIC = {b"\x37\x7f\x06\x82": "<", b"\x37\x7f\x06\x83": ">"}
"""What a write-ahead log begins with, and the order of bytes in its checksums."""

_log = Logger(namespace="chat")


class Batch:
    """What waits to be written, and no more of it than has to be: the last document of each key,
    and lines that were not dropped meanwhile. True if there is anything.

    Past STORE_WAITING bytes the oldest lines are given up; nothing else ever is.
    """

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], str | None] = {}
        self.drops: list[int] = []
        """Numbers of lines that are written already, or are being written."""
        self.lines: OrderedDict[int, tuple[str, Line]] = OrderedDict()
        """By number, each with its room. Not a dict, which forgets its oldest slowly."""
        self.audit = bytearray()
        self.reopen = False
        """Whether the audit file is to be opened again."""
        self.given_up = 0
        """Lines, each of those that were said at once."""
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self.audit or self.reopen or self.has_changes())

    def has_changes(self) -> bool:
        """Whether there is anything for the database."""
        return bool(self.documents or self.drops or self.lines)

    def put(self, kind: str, key: str, body: str | None) -> None:
        self._grow(len(body or "") - len(self.documents.get((kind, key)) or ""))
        self.documents[kind, key] = body

    def add(self, room: str, line: Line) -> None:
        self.lines[line.number] = room, line
        self._grow(_size(line))

    def drop(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            waiting = self.lines.pop(number, None)
            if waiting is None:
                self.drops.append(number)
            else:
                self._size -= _size(waiting[1])

    def append(self, entry: bytes | bytearray) -> None:
        self.audit += entry
        self._grow(len(entry))

    def absorb(self, newer: Batch) -> None:
        """Put all of `newer` behind what is here."""
        for (kind, key), body in newer.documents.items():
            self.put(kind, key, body)
        self.drop(newer.drops)
        for room, line in newer.lines.values():
            self.add(room, line)
        self.append(newer.audit)
        self.reopen |= newer.reopen
        self.given_up += newer.given_up

    def forget_audit(self, rest: bytes = b"") -> None:
        """All of `audit` is written but `rest`."""
        self._size += len(rest) - len(self.audit)
        self.audit = bytearray(rest)

    def forget_changes(self) -> None:
        """All but `audit` is written."""
        self.documents.clear()
        self.drops.clear()
        self.lines.clear()
        self._size = len(self.audit)

    def _grow(self, size: int) -> None:
        self._size += size
        while self._size > STORE_WAITING and self.lines:
            _, (_, line) = self.lines.popitem(last=False)
            self._size -= _size(line)
            self.given_up += lines_in(line)


def _size(line: Line) -> int:
    return getsizeof(line.event.text) + HISTORY_OVERHEAD


def lines_in(line: Line) -> int:
    """How many lines were said at once."""
    return line.event.text.count("\n") + 1


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
            why = _why(error)
            raise complain(path, f"cannot be made ({why})", _HINTS.get(why)) from error
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


class Trouble(NamedTuple):
    """Why a write failed; empty: it did not."""

    audit: str = ""
    database: str = ""


@implementer(IStore)
class SqliteStore:
    """Keeps all in a state folder. What was said before the last 100 ms outlives any end of the
    process, as long as the disk takes what it is given within half of that.

    What cannot be written waits, and is tried again each STORE_RETRY seconds; it is lost if the
    process ends first. When it has stopped it lets the folder go, unless it is still writing.
    `now`: the Unix time, for the name of a file that is set aside.
    """

    lasting = True

    def __init__(
        self,
        folder: StateFolder,
        reactor: IThreadedReactor,
        pause: float = STORE_PAUSE,
        now: Callable[[], float] = time,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self._folder = folder
        self._reactor = reactor
        self._pause = pause
        self._now = now
        self._database = Database(folder.database, connect)
        self._audit: File | None = None
        self._watchers: list[Callable[[str], None]] = []
        self._is_late = False
        self._thread = Gatherer("store", reactor, Batch, self._work, pause)

    def load(self, read: Callable[[Stored], T]) -> T:
        """What `read` makes of all that was kept before. To be called once, first, before any fork.

        A corrupt database, also one that `read` has a ValueError for, is set aside, and the log
        says where. Raises StateError.
        """
        path = self._folder.audit
        try:
            make_file(path)
            File(path, self._warn).close()
            path = self._folder.database
            try:
                return self._database.load(read, self._now())
            except CorruptError as error:
                _log.error(
                    "{path} is corrupt ({reason}): it is kept as {name}, and the chat begins anew",
                    path=path,
                    reason=str(error),
                    name=self._database.set_aside(self._now()),
                )
                return self._database.load(read, self._now())
        except sqlite3.Error as error:
            raise complain(path, str(error), _HINTS.get(str(error))) from error
        except OSError as error:
            raise explain(error.filename or path, error) from error

    def start(self) -> None:
        self._thread.start()

    def watch(self, trouble: Callable[[str], None]) -> None:
        self._watchers.append(trouble)

    def put(self, kind: str, key: str, document: Document | None) -> None:
        body = None if document is None else json.dumps(dict(document))
        with self._thread as waiting:
            waiting.put(kind, key, body)

    def add(self, room: str, line: Line) -> None:
        with self._thread as waiting:
            waiting.add(room, line)

    def drop(self, numbers: Sequence[int]) -> None:
        if numbers:
            with self._thread as waiting:
                waiting.drop(numbers)

    def audit(self, entry: str) -> None:
        with self._thread as waiting:
            waiting.append(f"{entry}\n".encode())

    def reopen(self) -> None:
        with self._thread as waiting:
            waiting.reopen = True

    def stop(self) -> Deferred[None]:
        return self._thread.stop(self._late).addCallback(self._stopped)

    def _late(self) -> None:
        self._is_late = True
        self._log_end("it takes too long", 0)

    def _stopped(self, result: None) -> None:
        # A thread that is stuck may write yet: then the folder is ours to the end of the process.
        if not self._is_late:
            self._folder.close()

    def _log_unaudited(self, reason: str) -> None:
        _log.error("what operators did last is in no file: {reason}", reason=reason)

    def _log_end(self, reason: str, lines: int) -> None:
        _log.error(
            "what was said last is lost{count}: {path} cannot be written ({reason})",
            count=f" ({lines} lines)" if lines else "",
            path=self._folder.path,
            reason=reason,
        )

    def _warn(self, text: str) -> None:
        """For any thread."""
        self._reactor.callFromThread(_log.warn, "{text}", text=text)

    def _tell(self, text: str) -> None:
        _log.warn("{path}: {text}", path=self._folder.path, text=text)
        for trouble in self._watchers:
            trouble(text)

    # What follows runs in the thread.

    def _work(self, batches: Iterator[Batch]) -> None:
        now = Trouble()
        for batch in batches:
            before, now = now, self._write(batch)
            # What is said is to be kept in 100 ms, whatever becomes of the audit.
            self._thread.pause = STORE_RETRY if now.database else self._pause
            news = list(_news(before, now, batch.given_up))
            if not now.database:
                batch.given_up = 0
            if now.database or now.audit:
                with self._thread as newer:
                    batch.absorb(newer)
                    self._thread.waiting = batch
            for text in news:
                self._reactor.callFromThread(self._tell, text)
        self._database.close()
        if self._audit is not None:
            self._audit.close()
        if now.audit:
            self._reactor.callFromThread(self._log_unaudited, now.audit)
        if now.database:
            with self._thread as left:
                lines = left.given_up + sum(lines_in(line) for _, line in left.lines.values())
            self._reactor.callFromThread(self._log_end, now.database, lines)

    def _write(self, batch: Batch) -> Trouble:
        """Write `batch`: what is written is no more in it. Why the rest could not be, if any is."""
        # Each for itself, and the audit first: an act that is kept has been audited if it can be.
        reasons = []
        for write in (self._append_audit, self._write_database):
            reason = ""
            try:
                write(batch)
            except Exception as error:  # Whatever it is, this thread has to go on.
                reason = _why(error)
            reasons.append(reason)
        return Trouble(*reasons)

    def _append_audit(self, batch: Batch) -> None:
        if batch.reopen and self._audit is not None:
            self._audit.close()
            self._audit = None
        if not batch.audit and not batch.reopen:
            return
        if self._audit is None:
            self._audit = File(self._folder.audit, self._warn)
        batch.reopen = False
        try:
            self._audit.write(bytes(batch.audit))
        except OutputError as error:
            batch.forget_audit(error.rest)
            raise
        batch.forget_audit()

    def _write_database(self, batch: Batch) -> None:
        if batch.has_changes():
            self._database.write(batch)
            batch.forget_changes()


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _news(before: Trouble, now: Trouble, given_up: int) -> Iterator[str]:
    """What to tell after a write: why it failed, and the one before it."""
    if now.database:
        if not before.database:
            why = f"the state folder cannot be written ({now.database})"
            yield f"{why}: what is said now is lost at a restart"
        return  # That the audit file is on the same disk is no news.
    loss = f": {given_up} lines that were said meanwhile are not kept" if given_up else ""
    if before.database:
        yield f"the state folder is written again{loss}"
    elif loss:
        yield f"the state folder is too slow{loss}"
    if now.audit and (before.database or not before.audit):
        why = f"the audit file cannot be written ({now.audit})"
        yield f"{why}: what operators do now is lost from it at a restart"
    elif before.audit and not before.database and not now.audit:
        yield "the audit file is written again"
