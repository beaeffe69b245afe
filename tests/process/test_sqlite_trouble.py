"""What a store that cannot be written tells, what it loses then, and what of the audit file."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

from twisted.logger import capturedLogs

from tests.process.test_state import MOUNTING, can_mount
from tests.support.processes import PATIENCE
from tests.support.stores import FULL, Disk, kept, line, log_text, numbers, running
from tests.unit.test_state import mode
from twisted_chat.journal import batch, sqlite

LONG = "x" * 10_000


# What cannot be written.

TROUBLE = f"the state folder cannot be written ({FULL}): what is said now is lost at a restart"


def test_a_full_disk_is_told_once_and_what_waited_is_written_when_there_is_room(tmp_path):
    disk = Disk()
    with running(tmp_path, disk=disk) as run, capturedLogs() as logs:
        disk.full = True
        run.store.audit("entry")
        run.store.add(line(1, LONG))
        assert run.news() == TROUBLE
        disk.reached.clear()
        run.store.add(line(2, LONG))
        run.store.put("topic", "lobby", {"text": "hello"})
        assert disk.reached.wait(PATIENCE)  # It is tried again.
        disk.full = False
        run.store.add(line(3))
        assert run.news() == "the state folder is written again"
        run.store.add(line(4))
    assert run.quiet()
    assert [log_text(log) for log in logs] == [
        f"{tmp_path}: {TROUBLE}",
        f"{tmp_path}: the state folder is written again",
    ]
    stored = kept(tmp_path)
    assert numbers(stored) == [1, 2, 3, 4]
    assert stored.documents == {"topic": {"lobby": {"text": "hello"}}}
    assert (tmp_path / "audit.log").read_bytes() == b"entry\n"


def test_what_can_be_written_at_the_end_is_written_and_what_cannot_is_told(tmp_path):
    for full in (True, False):
        disk = Disk()
        with capturedLogs() as logs, running(tmp_path, disk=disk) as run:
            disk.full = True
            run.store.add(line(1, LONG))
            assert run.news() == TROUBLE
            run.store.add(line(2, "two\nlines"))
            disk.full = full
        assert bool(numbers(kept(tmp_path))) is not full
        lost = f"what was said last is lost (3 lines): {tmp_path} cannot be written ({FULL})"
        assert (lost in [log_text(log) for log in logs]) is full


def test_lines_that_were_given_up_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "STORE_WAITING", 3 * len(LONG))
    monkeypatch.setattr(sqlite, "STORE_RETRY", 0.01)
    disk = Disk()
    with running(tmp_path, disk=disk) as run:
        disk.full = True
        for number in range(1, 6):
            run.store.add(line(number, LONG))
        assert run.news() == TROUBLE
        run.store.add(line(6, LONG))
        run.wait_until_tried()
        disk.full = False
        told = "the state folder is written again: 4 lines that were said meanwhile are not kept"
        assert run.news() == told
    assert numbers(kept(tmp_path)) == [5, 6]


def test_lines_that_were_given_up_because_the_disk_is_slow_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "STORE_WAITING", 3 * len(LONG))
    with running(tmp_path) as run:
        run.disk.open.clear()
        run.store.add(line(1, LONG))
        assert run.disk.reached.wait(PATIENCE)
        for number in range(2, 6):
            run.store.add(line(number, LONG))
        run.disk.open.set()
        told = "the state folder is too slow: 2 lines that were said meanwhile are not kept"
        assert run.news() == told
    assert numbers(kept(tmp_path)) == [1, 4, 5]


def test_a_program_that_holds_the_database_delays_it_only(tmp_path):
    with running(tmp_path) as run:
        with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            run.store.add(line(1))
            assert "(database is locked)" in run.news()
        assert run.news() == "the state folder is written again"
    assert numbers(kept(tmp_path)) == [1]


FILL = """
import os
from twisted.internet import reactor, task
from twisted_chat.events import Said
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import Line
from twisted_chat.journal.folder import StateFolder
def say():
    global number
    number += 1
    store.add(Line(Said("ann", "x" * 10_000, "lobby", 1.0, "era", number)))
    store.audit(f"{number} {'x' * 15_000}")
def hear(text):
    print(text, flush=True)
    if text.endswith("again"):
        store.stop().addCallback(lambda _: reactor.stop())
    else:
        speaker.stop()
        for _ in range(200):  # More than the audit file has room for.
            say()
        until_full.start(0.01)
def make_room():
    if not os.statvfs("/mnt").f_bavail:
        until_full.stop()
        os.unlink("/mnt/ballast")
folder = StateFolder.open("/mnt/state")
with open("/mnt/ballast", "wb") as ballast:
    ballast.write(bytes(18_000_000))
number = 0
speaker, until_full = task.LoopingCall(say), task.LoopingCall(make_room)
store = SqliteStore(folder, reactor)
store.load(SavedState)
store.watch(hear)
reactor.callWhenRunning(store.start)
speaker.start(0.005)
reactor.run()
store = SqliteStore(StateFolder.open("/mnt/state"), reactor)
kept = [line.event.number for line in store.load(SavedState).lines]
assert kept == list(range(1, number + 1)), (number, kept)
with open("/mnt/state/audit.log") as file:
    audited = [line.split() for line in file]
assert audited == [[str(each), "x" * 15_000] for each in kept]
print("all is there")
"""


@can_mount
def test_on_a_disk_that_was_full_for_a_while_nothing_is_lost_and_nothing_twice(start):
    mount = 'mount -t tmpfs -o size=20m none /mnt && exec "$@"'
    child = start([*MOUNTING, "sh", "-c", mount, "sh", sys.executable, "-c", FILL])
    assert child.wait() == 0, child.err.text
    trouble, again, end = child.out.seen
    assert trouble.startswith("the state folder cannot be written (")
    assert again == "the state folder is written again"
    assert end == "all is there"


# The audit file.


def test_the_audit_file_is_appended_to_and_may_be_rotated(tmp_path):
    path, rotated = tmp_path / "audit.log", tmp_path / "audit.log.1"
    for entry in ("first", "sécond"):
        with running(tmp_path) as run:
            run.store.audit(entry)
    with running(tmp_path, pause=3600, start=False) as run:
        run.store.audit("third")
        run.store.add(line(1))
        run.store.start()
        assert run.disk.reached.wait(PATIENCE)
        path.rename(rotated)
        run.store.audit("fourth")
    assert rotated.read_text() == "first\nsécond\nthird\n"
    assert path.read_bytes() == b"fourth\n"
    assert mode(path) == 0o600


def test_an_audit_file_that_cannot_be_written_holds_up_nothing_else(tmp_path):
    path, rotated = tmp_path / "audit.log", tmp_path / "audit.log.1"
    with running(tmp_path) as run:
        run.store.audit("first")
        run.store.add(line(1))
        assert run.disk.reached.wait(PATIENCE)
        path.rename(rotated)
        path.mkdir()
        run.store.audit("second")
        assert run.news() == (
            f"the audit file cannot be written ({path}: Is a directory): "
            "what operators do now is lost from it at a restart"
        )
        run.disk.reached.clear()
        run.store.add(line(2))
        assert run.disk.reached.wait(PATIENCE)
        path.rmdir()
        run.store.audit("third")
        assert run.news() == "the audit file is written again"
        assert run.quiet()
    assert run.disk.done["COMMIT"] == 2
    assert numbers(kept(tmp_path)) == [1, 2]
    assert rotated.read_bytes() == b"first\n"
    assert path.read_bytes() == b"second\nthird\n"


def test_an_audit_file_that_cannot_be_written_slows_what_is_said_by_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "STORE_RETRY", 3600)
    path, rotated = tmp_path / "audit.log", tmp_path / "audit.log.1"
    with running(tmp_path, pause=0.01) as run:
        path.rename(rotated)
        path.mkdir()
        run.store.audit("entry")
        assert run.news().startswith("the audit file cannot be written (")
        for number in range(1, 4):
            run.disk.reached.clear()
            run.store.add(line(number))
            assert run.disk.reached.wait(PATIENCE)
        path.rmdir()
        assert run.news() == "the audit file is written again"
    assert path.read_bytes() == b"entry\n"
    assert numbers(kept(tmp_path)) == [1, 2, 3]


def test_lines_that_were_given_up_are_told_once_while_only_the_audit_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "STORE_WAITING", 3 * len(LONG))
    path, disk = tmp_path / "audit.log", Disk()
    with running(tmp_path, disk=disk, start=False) as run:
        path.rename(tmp_path / "audit.log.1")
        path.mkdir()
        disk.full = True
        run.store.audit("entry")
        for number in range(1, 6):
            run.store.add(line(number, LONG))
        run.store.start()
        assert run.news().startswith("the state folder cannot be written (")
        run.store.add(line(6, LONG))
        disk.full = False
        assert "lines that were said meanwhile are not kept" in run.news()
        assert run.news().startswith("the audit file cannot be written (")
        run.disk.reached.clear()
        run.store.add(line(7))
        assert run.disk.reached.wait(PATIENCE)
        path.rmdir()
        assert run.news() == "the audit file is written again"
        assert run.quiet()


def test_what_operators_did_and_no_file_has_is_logged_at_the_end(tmp_path):
    path = tmp_path / "audit.log"
    with capturedLogs() as logs:
        with running(tmp_path) as run:
            path.rename(tmp_path / "audit.log.1")
            path.mkdir()
            run.store.audit("entry")
            assert run.news().startswith("the audit file cannot be written (")
        path.rmdir()
    assert [log_text(log) for log in logs][1:] == [
        f"what operators did last is in no file: {path}: Is a directory"
    ]
