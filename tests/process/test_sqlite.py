"""What was kept is there after a restart, what is written when, and what cannot be is told."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from signal import SIGKILL

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

from tests.process.test_state import MOUNTING, can_mount
from tests.support.processes import PATIENCE
from tests.support.properties import given, settings, st
from tests.support.stores import FULL, Disk, Running, kept, line, log_text, numbers, running, whole
from tests.unit.test_state import any_umask, mode
from twisted_chat.events import Emoted, Said
from twisted_chat.journal import batch, rows, sqlite
from twisted_chat.journal.folder import StateError, StateFolder
from twisted_chat.journal.store import Contents, IStore, Line
from twisted_chat.limits import GOODBYE, STORE_LUMP

__all__ = ["any_umask"]  # A fixture.

LONG = "x" * 10_000


# What was kept is there again.


def test_it_is_a_store_that_lasts(tmp_path):
    with running(tmp_path, start=False) as run:
        assert verifyObject(IStore, run.store)
        assert run.store.lasting
        assert run.stored == Contents()


TEXTS = st.text(max_size=20)
WORDS = st.sampled_from(["a", "b", "ä"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda value: st.lists(value, max_size=3) | st.dictionaries(TEXTS, value, max_size=3),
    max_leaves=5,
)
TIMES = st.floats(0, 100_000_000_000)
EVENTS = st.builds(Said, TEXTS, TEXTS, WORDS, TIMES, WORDS) | st.builds(
    Emoted, TEXTS, TEXTS, WORDS, TIMES, WORDS
)
CHANGES = st.lists(
    st.tuples(st.just("put"), WORDS, WORDS, st.none() | st.dictionaries(TEXTS, VALUES, max_size=3))
    | st.tuples(st.just("add"), EVENTS, st.sampled_from(["", "local", "2001:db8::/64"]))
    | st.tuples(st.just("drop"), st.integers(0, 5), st.lists(st.integers(0, 9), max_size=2))
    | st.just(("restart",)),
    max_size=30,
)


@given(CHANGES)
@settings(max_examples=50)
def test_after_any_changes_and_restarts_all_that_was_kept_is_there(changes):
    documents: dict = {}
    lines: dict = {}
    number = 0
    with tempfile.TemporaryDirectory() as path:
        run = Running(path)
        try:
            for what, *values in changes:
                if what == "restart":
                    run.stop()
                    run = Running(path)
                elif what == "put":
                    kind, key, document = values
                    documents[kind, key] = document
                    run.store.put(kind, key, document)
                elif what == "add":
                    event, origin = values
                    number += 10
                    lines[number] = Line(replace(event, number=number), origin)
                    run.store.add(lines[number])
                else:
                    back, places = values
                    # From anywhere, and each once; of some a part stays.
                    gone = sorted(lines)[back : back + 2]
                    for each in gone:
                        event, origin = lines.pop(each)
                        rest = [Line(replace(event, number=each + at), origin) for at in {*places}]
                        lines.update({line.event.number: line for line in rest})
                        run.store.drop([each], rest)
        finally:
            run.stop()
        found = kept(path)
        assert whole(found.lines) == whole(lines[each] for each in sorted(lines))
        there: dict = {}
        for (kind, key), document in documents.items():
            if document is not None:
                there.setdefault(kind, {})[key] = document
        assert found.documents == there


def test_many_lines_at_once_are_kept_in_their_order(tmp_path):
    lines = [line(number) for number in range(2 * STORE_LUMP + STORE_LUMP // 2 + 3)]
    with running(tmp_path, start=False) as run:
        for each in lines:
            run.store.add(each)
        run.store.start()
    assert whole(kept(tmp_path).lines) == whole(lines)


def test_an_sqlite_that_takes_few_values_at_once_takes_many_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "_VARIABLES", 999)
    disk = Disk()
    connect = disk.connect

    def limited(*arguments, **keywords):
        connection = connect(*arguments, **keywords)
        if hasattr(connection, "setlimit"):  # From Python 3.11 on.
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        return connection

    disk.connect = limited
    with running(tmp_path, disk=disk) as run:
        for number in range(1, 500):
            run.store.add(line(number))
    assert numbers(kept(tmp_path)) == list(range(1, 500))


def test_a_store_that_was_never_started_writes_nothing(tmp_path):
    with running(tmp_path, start=False) as run:
        run.store.add(line(1))
    assert kept(tmp_path) == Contents()


def test_what_gathers_is_written_in_one_transaction(tmp_path):
    with running(tmp_path, pause=3600) as run:
        run.store.add(line(1))
        assert run.disk.reached.wait(PATIENCE)
        for number in range(2, 3000):
            run.store.add(line(number))
            run.store.add(line(number + 3000, room="attic"))
            run.store.put("topic", "lobby", {"text": f"topic {number}"})
        run.store.drop([1])
        run.store.put("topic", "attic", None)
    assert run.disk.done["BEGIN"] == run.disk.done["COMMIT"] == 2
    # Of 12,000 changes: lines in a few lumps, one document, and what is no more.
    assert sum(run.disk.done.values()) < 40
    stored = kept(tmp_path)
    assert numbers(stored) == list(range(2, 3000))
    assert numbers(stored, "attic") == list(range(3002, 6000))
    assert stored.documents == {"topic": {"lobby": {"text": "topic 2999"}}}


def test_audit_entries_alone_make_no_transaction(tmp_path):
    with running(tmp_path) as run:
        run.store.audit("entry")
    assert not run.disk.done


def test_its_files_are_their_owner_s_alone_whatever_the_umask(tmp_path, any_umask):
    path = tmp_path / "state"
    with running(path) as run:
        run.store.add(line(1))
        run.store.audit("entry")
        assert run.disk.reached.wait(PATIENCE)
        modes = {file.name: mode(file) for file in path.iterdir()}
    assert modes == dict.fromkeys(
        ["lock", "audit.log", "chat.db", "chat.db-wal", "chat.db-shm"], 0o600
    )


class ForgetfulDisk(Disk):
    """An SQLite that was built to leave in the file what is deleted."""

    def connect(self, *arguments, **keywords):
        connection = super().connect(*arguments, **keywords)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection


def test_of_what_is_dropped_nothing_stays_in_the_files(tmp_path):
    with running(tmp_path, disk=ForgetfulDisk()) as run:
        run.store.add(line(1, "precious\nsecret" + LONG))
        run.store.add(line(3, "secret too"))
        assert run.disk.reached.wait(PATIENCE)
    assert b"secret" in (tmp_path / "chat.db").read_bytes()
    with running(tmp_path, disk=ForgetfulDisk()) as run:
        run.store.drop([1, 3], [line(1, "precious")])
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert any(b"precious" in data for data in files)
    assert not any(b"secret" in data for data in files)


# The end of the process.

SAY = """
import functools, sqlite3, sys, time
from twisted.internet import reactor, task
from twisted_chat.events import Said
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import Line
from twisted_chat.journal.folder import StateFolder
class Quick(sqlite3.Connection):
    # How long a disk takes is not the store's affair, and only the process is killed.
    def execute(self, statement, *values):
        return super().execute(statement.replace("= FULL", "= OFF"), *values)
connect = functools.partial(sqlite3.connect, factory=Quick)
store = SqliteStore(StateFolder.open(sys.argv[1]), reactor, connect=connect)
store.load(SavedState)
number = 0
def say():
    global number
    for _ in range(20):
        number += 1
        now = time.time()
        store.add(Line(Said("ann", "x" * 100, "lobby", now, "era", number)))
        print(number, repr(now), "said")
    store.audit(f"{number} {now!r}")
    sys.stdout.flush()
reactor.callWhenRunning(store.start)
task.LoopingCall(say).start(0.01)
reactor.run()
"""
SAID_IN_100_MS = 10 * 20
"""Lines, where nothing keeps the process from running; otherwise time passes, and it has none."""


def test_a_kill_loses_at_most_what_was_said_in_the_last_100_ms(tmp_path, start):
    for _ in range(3):
        child = start([sys.executable, "-c", SAY, str(tmp_path / "state")])
        child.out.find(r"^2000 ")
        child.child.send_signal(SIGKILL)
        child.wait()
        # The last line may be cut.
        said = [text.split()[:2] for text in child.out.seen if text.endswith("said")]
        killed = float(said[-1][1])
        stored = kept(tmp_path / "state")
        there = numbers(stored)
        assert there == list(range(1, len(there) + 1))
        long_said = sum(float(seconds) <= killed - 0.1 for _, seconds in said)
        assert len(there) >= min(long_said, len(said) - SAID_IN_100_MS)
        audited = (tmp_path / "state" / "audit.log").read_text().splitlines()
        assert audited == [" ".join(words) for words in said[19::20]][: len(audited)]
        assert len(audited) >= len(there) // 20
        for file in (tmp_path / "state").iterdir():
            file.unlink()


FORK = """
import os, sys
from twisted_chat.events import Said
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import Line
from twisted_chat.journal.folder import StateFolder
folder = StateFolder.open(sys.argv[1])
from twisted.internet import reactor
store = SqliteStore(folder, reactor)
store.load(SavedState)
if os.fork():
    os._exit(0)
reactor.callWhenRunning(store.start)
for number in range(1, 10_001):
    reactor.callWhenRunning(store.add, Line(Said("ann", "hello", "lobby", 1.0, "era", number)))
reactor.callWhenRunning(lambda: store.stop().addCallback(lambda _: reactor.stop()))
reactor.run()
"""


def test_a_daemon_that_forks_writes_all_before_it_ends(tmp_path, start):
    child = start([sys.executable, "-c", FORK, str(tmp_path)])
    assert child.wait() == 0
    assert child.err.text == ""
    assert numbers(kept(tmp_path)) == list(range(1, 10_001))


def test_a_disk_that_is_stuck_does_not_keep_the_daemon_from_stopping(tmp_path):
    with running(tmp_path) as run:
        run.disk.open.clear()
        run.store.add(line(1))
        assert run.disk.reached.wait(PATIENCE)
        done: Deferred[None] = run.store.stop()
        assert not done.called
        with capturedLogs() as logs:
            run.clock.advance(GOODBYE)
        assert done.called
        [log] = logs
        assert log["log_level"] is LogLevel.error
        assert f"lost: {tmp_path} cannot be written (it takes too long)" in log_text(log)
        with pytest.raises(StateError, match="is in use by another daemon"):
            StateFolder.open(str(tmp_path))  # It may write yet.


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
