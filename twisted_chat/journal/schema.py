"""The tables of a state folder's database, in each version, and how an older one is taken over.

VERSION rises with each change of what is written: a table, a column, a kind of document, a field of
one. So an older daemon refuses what a newer one has written, and sets nothing of it aside. A field
of a document that came later has a default in its dataclass; a column that came later has one in
its migration.
"""

from __future__ import annotations

import sqlite3

VERSION = 2

COLUMNS = {
    "document": ("kind", "key", "body"),
    "line": ("number", "room", "time", "emoted", "name", "text", "origin"),
}
"""The columns of each table."""

_KEYS = {"document": {"kind", "key"}, "line": {"number"}}
"""The columns of each table by which a row is replaced."""

_TABLES = (
    "CREATE TABLE document (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (kind, key))",
    "CREATE TABLE line (number INTEGER PRIMARY KEY, room TEXT NOT NULL, time REAL NOT NULL,"
    " emoted INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
    " origin TEXT NOT NULL DEFAULT '')",
)

# Version 1 dropped lines by their room. It would only cost time.
_NO_INDEX = "DROP INDEX IF EXISTS line_of_room"

# What makes of a version the next one, and the columns that came with it.
_MIGRATIONS = {1: ("ALTER TABLE line ADD COLUMN origin TEXT NOT NULL DEFAULT ''",)}
_LATER = {1: {"origin"}}


class NewerError(Exception):
    """What stands there is nothing that this version knows: str() names it."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the database, 0 for an empty one.

    Raises NewerError if it is of a newer version, ValueError if it is no state folder's. The tables
    are told by their columns: a database that was dumped and read in again has lost its version and
    perhaps the spelling of its tables.
    """
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise NewerError(f"its version is {version}")
    found = {table: _columns(connection, table) for table in COLUMNS}
    if not version:
        [count] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not count:
            return 0
        version = 1 if found["line"].keys().isdisjoint(_LATER[1]) else VERSION
    later = set().union(*(_LATER[older] for older in range(version, VERSION)))
    for table, columns in found.items():
        needed = set(COLUMNS[table]) - later
        keys = {name for name, is_key in columns.items() if is_key}
        if not needed <= columns.keys() or keys != _KEYS[table]:
            raise ValueError("its tables are missing, or are others")
        if unknown := columns.keys() - needed:
            raise NewerError(f"its table {table} has a column {min(unknown)!r}"[:100])
    return int(version)


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, bool]:
    """Return the columns of `table`, and whether each belongs to its primary key."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return {name: bool(key) for _, name, _, _, _, key in rows}


def take_over(connection: sqlite3.Connection, version: int) -> None:
    """Make the present version of what is of `version`. To be called in a transaction."""
    statements: tuple[str, ...] = _TABLES if version == 0 else ()
    for older in range(version or VERSION, VERSION):
        statements += _MIGRATIONS[older]
    for statement in (*statements, _NO_INDEX, f"PRAGMA user_version = {VERSION}"):
        connection.execute(statement)
