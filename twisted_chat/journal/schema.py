"""The tables of a state folder's database, in each version, and how an older one is taken over.

VERSION rises with each change of what is written: a table, a column, a kind of document, a field of
one. So an older daemon refuses what a newer one has written, and sets nothing of it aside. A field
of a document that came later has a default in its dataclass; a column that came later has one in
its migration.
"""

from __future__ import annotations

import sqlite3
from secrets import token_hex

VERSION = 3

COLUMNS = {
    "document": ("kind", "key", "body"),
    "line": ("number", "room", "time", "emoted", "name", "text", "origin", "era"),
}
"""The columns of each table."""

_KEYS = {"document": {"kind", "key"}, "line": {"number"}}
"""The columns of each table by which a row is replaced."""

_TABLES = (
    "CREATE TABLE document (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (kind, key))",
    "CREATE TABLE line (number INTEGER PRIMARY KEY, room TEXT NOT NULL, time REAL NOT NULL,"
    " emoted INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
    " origin TEXT NOT NULL DEFAULT '', era TEXT NOT NULL DEFAULT '')",
)

# Version 1 dropped lines by their room. It would only cost time.
_NO_INDEX = "DROP INDEX IF EXISTS line_of_room"

_LATER = {1: {"origin"}, 2: {"era"}}
"""The columns that came after each version."""


class NewerError(Exception):
    """Something stands there that this version does not know. str() names it."""


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
        version = 1
        while version < VERSION and found["line"].keys() >= _LATER[version]:
            version += 1
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
    if version == 0:
        for table in _TABLES:
            connection.execute(table)
    for older in range(version or VERSION, VERSION):
        _MIGRATIONS[older](connection)
    connection.execute(_NO_INDEX)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _add_origins(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE line ADD COLUMN origin TEXT NOT NULL DEFAULT ''")


def _add_eras(connection: sqlite3.Connection) -> None:
    """Let each line have an id: all that is here belongs to one era, and a row takes as many
    numbers as it holds lines. It had one number.
    """
    connection.execute("ALTER TABLE line ADD COLUMN era TEXT NOT NULL DEFAULT ''")
    connection.execute("UPDATE line SET era = ?", (token_hex(8),))
    more = 0
    numbers = []
    for number, text in connection.execute("SELECT number, text FROM line ORDER BY number"):
        numbers.append((number + more, number))
        more += text.count("\n") if isinstance(text, str) else 0
    try:
        # The highest first: no number is taken then.
        connection.executemany("UPDATE line SET number = ? WHERE number = ?", reversed(numbers))
    except OverflowError as error:
        raise ValueError("the number of a line is too high") from error


_MIGRATIONS = {1: _add_origins, 2: _add_eras}
"""What makes the next version of each."""
