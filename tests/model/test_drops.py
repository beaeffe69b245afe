"""Single lines that are dropped go from the database too, whatever has failed meanwhile."""

from __future__ import annotations

import sqlite3
from functools import partial

import pytest

from tests.support.properties import given, settings, st
from tests.support.stores import NOW, as_stored, line, numbers
from twisted_chat.journal.batch import Batch
from twisted_chat.journal.database import Database
from twisted_chat.limits import STORE_LUMP

FAILURES = ("BEGIN IMMEDIATE", "COMMIT", "after COMMIT")


class Unreliable(sqlite3.Connection):
    """Fails at a statement, or after it."""

    fails = ""

    def execute(self, statement, *values):
        if Unreliable.fails == statement:
            raise sqlite3.OperationalError("disk I/O error")
        result = super().execute(statement, *values)
        if Unreliable.fails == f"after {statement}":
            raise sqlite3.OperationalError("disk I/O error")
        return result


class Disk:
    """A database, and what waits for it."""

    def __init__(self, folder):
        self.database = Database(
            str(folder / "chat.db"), partial(sqlite3.connect, factory=Unreliable)
        )
        self.database.load(as_stored, NOW)
        self.batch = Batch()

    def write(self, fails=""):
        """Write what waits; what could not be written waits on."""
        Unreliable.fails = fails
        try:
            self.database.write(self.batch)
            self.batch.forget_changes()
        except sqlite3.OperationalError:
            assert fails
        finally:
            Unreliable.fails = ""

    def kept(self):
        return numbers(self.database.load(as_stored, NOW))


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    yield disk
    disk.database.close()


def test_any_lines_can_go(disk):
    for number in range(1, 10):
        disk.batch.add(line(number))
    disk.write()
    disk.batch.drop([2, 5, 9])
    disk.write()
    assert disk.kept() == [1, 3, 4, 6, 7, 8]


def test_many_lines_go_in_a_few_statements(disk):
    count = 2 * STORE_LUMP + 100
    for number in range(1, count):
        disk.batch.add(line(number))
    disk.write()
    statements = []
    disk.database._connection.set_trace_callback(statements.append)
    disk.batch.drop(range(2, count))
    disk.write()
    assert len(statements) < 12
    assert disk.kept() == [1]


@pytest.mark.parametrize("fails", FAILURES)
def test_what_goes_while_it_waits_is_not_there_afterwards(disk, fails):
    """Also where the commit that failed had been written."""
    disk.batch.add(line(1))
    disk.batch.add(line(2))
    disk.write(fails)
    disk.batch.drop([1])
    disk.batch.add(line(3))
    disk.write()
    assert disk.kept() == [2, 3]


def test_a_disk_that_is_full_for_long_lets_nothing_pile_up(disk):
    for number in range(1, 11):
        disk.batch.add(line(number))
    disk.write()
    for first in range(11, 1011, 100):
        disk.write("COMMIT")
        # While that was tried, what waited before was dropped.
        newer = Batch()
        for number in range(first, first + 100):
            newer.add(line(number))
        newer.drop(range(first - 10, first + 90))
        disk.batch.absorb(newer)
    disk.write("COMMIT")
    assert disk.batch.drops == list(range(1, 11))
    assert list(disk.batch.lines) == list(range(1001, 1011))
    disk.write()
    assert disk.kept() == list(range(1001, 1011))


@pytest.mark.parametrize("fails", FAILURES)
def test_what_is_left_of_a_line_goes_with_it_later(disk, fails):
    """Also where the commit that failed had been written."""
    for number in (1, 6):
        disk.batch.add(line(number, "one\ntwo\nthree"))
    disk.write()
    disk.batch.drop([1], [line(1, "one"), line(3, "three")])
    disk.write(fails)
    disk.batch.drop([3])
    disk.write()
    assert disk.kept() == [1, 6]
    disk.batch.drop([1], [line(1, "on")])
    disk.batch.drop([1])
    disk.write()
    assert disk.kept() == [6]


STEPS = st.lists(
    st.just(("add",))
    | st.tuples(st.just("cut"), st.integers(0, 9), st.integers(0, 7))
    | st.tuples(st.just("drop"), st.integers(0, 9))
    | st.tuples(st.just("write"), st.sampled_from(["", *FAILURES])),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=100)
def test_whatever_fails_the_database_has_what_is_to_be_kept(tmp_path_factory, steps):
    disk = Disk(tmp_path_factory.mktemp("state"))
    wanted = []
    number = 0
    for what, *values in steps:
        if what == "add":
            number += 10
            wanted.append(number)
            disk.batch.add(line(number))
        elif what == "write":
            disk.write(*values)
        elif what == "cut" and wanted:
            place, pieces = values
            cut = wanted.pop(place % len(wanted))
            rest = [cut + piece for piece in range(3) if pieces & 1 << piece]
            rest = [piece for piece in rest if piece not in wanted]
            disk.batch.drop([cut], map(line, rest))
            wanted = sorted([*wanted, *rest])
        elif wanted:
            gone = wanted.pop(values[0] % len(wanted))
            disk.batch.drop([gone])
    disk.write()
    assert disk.kept() == wanted
    disk.database.close()
