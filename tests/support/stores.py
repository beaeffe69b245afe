"""A store in a state folder, on a disk that can fail."""

from __future__ import annotations

import sqlite3
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import astuple
from threading import Event

from tests.support.hall import ThreadsClock
from tests.support.processes import PATIENCE
from twisted_chat.events import Said
from twisted_chat.journal.folder import StateFolder
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import Line

NOW = 1795590720.5
STAMP = "20261125T071200Z"

FULL = "database or disk is full"


def line(number, text="hello", room="lobby"):
    return Line(Said("ann", text, room, float(number), "era", number))


def whole(lines):
    """Return all that is in each line: events do not compare their times and ids."""
    return [(type(event), astuple(event), origin) for event, origin in lines]


class Disk:
    """Connects to the database. Counts the statements, and can be full, broken or stuck."""

    def __init__(self):
        self.done = Counter()
        self.full = False
        self.error = None
        self.open = Event()
        self.open.set()
        self.reached = Event()
        """Set when a transaction begins."""

    def connect(self, *arguments, **keywords):
        if self.error is not None:
            raise self.error
        connection = sqlite3.connect(*arguments, **keywords)
        if self.full:
            connection.execute("PRAGMA max_page_count = 1")
        connection.set_trace_callback(self._trace)
        return connection

    def _trace(self, statement):
        self.done[statement.split()[0]] += 1
        if statement.startswith("BEGIN"):
            self.reached.set()
            assert self.open.wait(PATIENCE)


def as_stored(stored):
    """Return `stored`: read all that was kept as it is."""
    return stored


class Running:
    """A store in the folder `path`, which is loaded by `read` and started."""

    def __init__(self, path, pause=0.0, disk=None, start=True, read=as_stored):
        self.disk = disk or Disk()
        self.clock = ThreadsClock()
        self.told = deque()
        self.folder = StateFolder.open(str(path))
        try:
            self.store = SqliteStore(
                self.folder, self.clock, pause, now=lambda: NOW, connect=self.disk.connect
            )
            self.store.watch(self.told.append)
            self.stored = self.store.load(read)
        except BaseException:
            self.folder.close()
            raise
        self.disk.done.clear()
        self.disk.reached.clear()
        if start:
            self.store.start()

    def news(self):
        """Return what the operators are told next."""
        while not self.told:
            self.clock.hear()
        return self.told.popleft()

    def wait_until_tried(self):
        """Wait until all that waits now has been tried to be written."""
        # The first transaction may have begun with less.
        for _ in range(2):
            self.disk.reached.clear()
            assert self.disk.reached.wait(PATIENCE)

    def quiet(self):
        """Return whether the operators were told nothing more."""
        self.clock.hear_all()
        return not self.told

    def stop(self):
        """Stop it and wait for the end of its thread."""
        done = self.store.stop()
        ended = self.store._thread.join(PATIENCE)
        self.clock.hear_all()
        if self.store._is_late:
            self.folder.close()
        assert ended
        assert done.called


@contextmanager
def running(path, **options):
    store = Running(path, **options)
    try:
        yield store
    finally:
        store.disk.open.set()
        store.stop()


def kept(path, read=as_stored):
    """Return what a daemon that starts at this moment finds."""
    with running(path, start=False, read=read) as store:
        return store.stored


def numbers(stored, room="lobby"):
    return [line.event.number for line in stored.lines if line.event.room == room]


def log_text(log):
    return log["log_format"].format(**log)
