"""What was kept is there after a restart, what is written when, and what cannot be is told."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from dataclasses import replace
from signal import SIGKILL

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

from tests.support.processes import PATIENCE
from tests.support.properties import given, settings, st
from tests.support.stores import Disk, Running, kept, line, log_text, numbers, running, whole
from tests.unit.test_state import any_umask, mode
from twisted_chat.events import Emoted, Said
from twisted_chat.journal import rows
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
