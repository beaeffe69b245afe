"""Documents and lines as rows of the database, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from sys import intern
from typing import Any

from twisted_chat.events import Emoted, Said
from twisted_chat.journal.batch import Batch
from twisted_chat.journal.schema import COLUMNS
from twisted_chat.journal.store import Document, Line, T, is_count, is_time, named
from twisted_chat.limits import STORE_LUMP

Row = tuple[Any, ...]
"""The values of a table's columns, in the order of COLUMNS: whatever stood there."""


def document_of(row: Row) -> Document:
    """Return the document of `row`. Raises ValueError if it is not what a store writes."""
    kind, key, body = row
    document = None
    if _types(row) == (str, str, str):
        with suppress(ValueError, RecursionError):
            document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{named(kind, key)} is no JSON object")
    return document


def line_of(row: Row) -> Line:
    """Return the line of `row`. Raises ValueError if it is not what a store writes."""
    number, room, seconds, emoted, name, text, origin, era = row
    if (
        _types(row) != (int, str, float, int, str, str, str, str)
        or not is_count(number)
        or not is_time(seconds)
    ):
        raise ValueError(f"line {number!r} has a wrong value"[:100])
    # Each of few values: one object for all lines.
    name, room, era = intern(name), intern(room), intern(era)
    return Line((Emoted if emoted else Said)(name, text, room, seconds, era, number), origin)


def _types(row: Row) -> tuple[type, ...]:
    return tuple(map(type, row))


def write(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write all of `batch` but its audit, in the transaction that has begun."""
    gone = [key for key, body in batch.documents.items() if body is None]
    connection.executemany("DELETE FROM document WHERE kind = ? AND key = ?", gone)
    kept = [(*key, body) for key, body in batch.documents.items() if body is not None]
    _insert(connection, "document", kept)
    for lump in _lumps(batch.drops, 1):
        places = ", ".join("?" * len(lump))
        connection.execute(f"DELETE FROM line WHERE number IN ({places})", lump)
    _insert(connection, "line", [_row(*line) for line in batch.lines.values()])


def _row(event: Said | Emoted, origin: str) -> tuple[object, ...]:
    is_emoted = isinstance(event, Emoted)
    return (
        event.number,
        event.room,
        event.time,
        is_emoted,
        event.name,
        event.text,
        origin,
        event.era,
    )


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
