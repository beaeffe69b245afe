"""How a store starts: on what was damaged, what is not its own, and what it has no right to."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from twisted.logger import LogLevel, capturedLogs

from tests.stores import FULL, STAMP, Running, kept, line, log_text, numbers, running
from tests.test_state import MOUNTING, WITHOUT_RIGHTS, can_mount, mode
from twisted_chat.journal.store import Stored
from twisted_chat.state import StateError


@pytest.fixture
def full_of_lines(tmp_path):
    """A folder with a database of many pages."""
    with running(tmp_path) as run:
        for number in range(1, 2000):
            run.store.add("lobby", line(number, "x" * 300))
        run.store.put("topic", "lobby", {"text": "hello"})
    return tmp_path


def garbage(database):
    return os.urandom(len(database))


def half(database):
    return database[: len(database) // 2]


def stump(database):
    return database[:1000]


def flipped_page(database):
    middle = len(database) // 2 // 4096 * 4096
    flipped = bytes(byte ^ 0xFF for byte in database[middle : middle + 4096])
    return database[:middle] + flipped + database[middle + 4096 :]


def no_json(database):
    return database.replace(b'{"text": "hello"}', b'{"text": "hello"]')


@pytest.mark.parametrize("damage", [garbage, half, stump, flipped_page, no_json])
def test_a_corrupt_database_is_set_aside_and_named_in_the_log(full_of_lines, damage):
    path = full_of_lines / "chat.db"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with capturedLogs() as logs, running(full_of_lines) as run:
        assert run.stored == Stored()
        run.store.add("lobby", line(1))
    aside = full_of_lines / f"chat.db.corrupt-{STAMP}"
    assert aside.read_bytes() == damaged
    [log] = logs
    assert log["log_level"] is LogLevel.error
    assert f"{path} is corrupt (" in log_text(log)
    assert f"it is kept as {aside}, and the chat begins anew" in log_text(log)
    assert numbers(kept(full_of_lines)) == [1]
    assert mode(path) == 0o600


def test_nothing_is_overwritten_by_what_is_set_aside(tmp_path):
    aside = tmp_path / f"chat.db.corrupt-{STAMP}"
    for number in range(3):
        (tmp_path / "chat.db").write_bytes(b"%d" % number * 1000)
        (tmp_path / "chat.db-wal").write_bytes(b"wal %d" % number)
        with capturedLogs():
            assert kept(tmp_path) == Stored()
    for number, end in enumerate(["", "-1", "-2"]):
        assert Path(f"{aside}{end}").read_bytes() == b"%d" % number * 1000


def test_a_log_beside_an_empty_database_is_set_aside_too(tmp_path):
    (tmp_path / "chat.db").touch()
    (tmp_path / "chat.db-wal").write_bytes(b"what was said")
    with capturedLogs() as logs:
        assert kept(tmp_path) == Stored()
    assert len(logs) == 1
    aside = tmp_path / f"chat.db.corrupt-{STAMP}-wal"
    assert aside.read_bytes() == b"what was said"


def test_a_database_that_turns_out_corrupt_is_told_and_set_aside_at_the_next_start(tmp_path):
    with running(tmp_path, start=False) as run:
        (tmp_path / "chat.db").write_bytes(b"x" * 10_000)
        run.store.start()
        run.store.add("lobby", line(1))
        assert "(file is not a database)" in run.news()
    with capturedLogs() as logs:
        assert kept(tmp_path) == Stored()
    assert len(logs) == 1
    assert (tmp_path / f"chat.db.corrupt-{STAMP}").read_bytes() == b"x" * 10_000


def test_a_text_that_was_damaged_is_shown_as_such(tmp_path):
    with running(tmp_path) as run:
        run.store.add("lobby", line(1, "hello"))
    path = tmp_path / "chat.db"
    path.write_bytes(path.read_bytes().replace(b"hello", b"h\xffllo"))
    assert kept(tmp_path).lines == {"lobby": [line(1, "h\ufffdllo")]}


def test_a_database_of_a_newer_version_is_refused_and_stays(full_of_lines):
    path = full_of_lines / "chat.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(StateError, match=f"^{path} is of a newer twisted-chat: use that one$"):
        Running(full_of_lines)
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_a_database_that_another_program_holds_is_refused(full_of_lines):
    path = full_of_lines / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=f"^{path}: database is locked$"):
            Running(full_of_lines)


def test_an_audit_file_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "audit.log").mkdir()
    with pytest.raises(StateError, match=f"^{tmp_path}/audit.log: Is a directory$"):
        Running(tmp_path)


LOAD = """
import sys
from twisted.internet import reactor
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.state import StateError, StateFolder
try:
    SqliteStore(StateFolder.open(sys.argv[1]), reactor).load()
except StateError as error:
    print(error)
"""


@pytest.mark.parametrize("bits", [0o000, 0o400], ids=["to read", "to write"])
def test_a_database_without_the_right_to_it_is_refused(full_of_lines, start, bits):
    path = full_of_lines / "chat.db"
    path.chmod(bits)
    before = path.read_bytes()
    child = start([*WITHOUT_RIGHTS, sys.executable, "-c", LOAD, str(full_of_lines)])
    assert child.wait() == 0
    [text] = child.out.seen
    assert text.startswith(f"{path}: ")
    assert (mode(path), path.read_bytes()) == (bits, before)


@can_mount
def test_a_disk_that_is_full_at_the_start_is_refused(start):
    mount = 'mount -t tmpfs -o size=64k none /mnt && head -c 64k /dev/zero >/mnt/all && exec "$@"'
    command = [sys.executable, "-c", LOAD, "/mnt/state"]
    child = start([*MOUNTING, "sh", "-c", mount, "sh", *command])
    assert child.wait() == 0
    assert child.out.seen == [f"/mnt/state/chat.db: {FULL}"]
