"""A state folder of an earlier version is taken over, and one of a later version is left alone.

states/version-N.db was written by a daemon of that version.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from twisted.logger import capturedLogs

from tests.support.processes import CHECKOUT, chatctl
from tests.support.stores import (
    FULL,
    STAMP,
    Disk,
    Running,
    as_stored,
    kept,
    line,
    log_text,
    running,
    whole,
)
from tests.unit.test_state import mode
from twisted_chat.events import Emoted, Said
from twisted_chat.journal.folder import StateError
from twisted_chat.journal.history import History
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.schema import COLUMNS, VERSION
from twisted_chat.journal.store import Line, NoStore

STATES = CHECKOUT / "tests" / "states"
OLDER = range(1, VERSION)


@pytest.fixture(params=OLDER, ids=lambda version: f"version {version}")
def old(request, tmp_path):
    """A folder whose database is of an older version."""
    shutil.copyfile(STATES / f"version-{request.param}.db", tmp_path / "chat.db")
    os.chmod(tmp_path / "chat.db", 0o600)
    return tmp_path


def dump(path, *tables):
    """All that is in the database at `path`, or in some of its tables."""
    with closing(sqlite3.connect(path)) as database:
        [version] = database.execute("PRAGMA user_version").fetchone()
        rows = [list(database.execute(f"SELECT * FROM {table}")) for table in tables or COLUMNS]
    return version, rows


def wide(text):
    """`text` in full-width letters."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def copies(folder):
    return sorted(folder.glob("chat.db.v*"))


def name_of_copy(folder):
    """The name that a copy of the database in `folder` gets."""
    return f"chat.db.v{dump(folder / 'chat.db')[0]}-{STAMP}"


def test_all_that_an_older_version_has_kept_is_taken_over(old):
    before = dump(old / "chat.db")
    with capturedLogs() as logs:
        found = kept(old, SavedState)
    [copy] = copies(old)
    assert copy.name == f"chat.db.v{before[0]}-{STAMP}"
    assert dump(copy) == before
    assert mode(copy) == 0o600
    [log] = logs
    assert log_text(log) == (
        f"{old / 'chat.db'} is of an older version and is taken over; "
        f"as it was it is kept as {copy}"
    )
    version, [documents, lines] = dump(old / "chat.db")
    assert version == VERSION
    assert documents == before[1][0]
    # But for its number, which counts each line by now.
    assert [row[1:7] for row in lines] == [(*row[1:], "")[:6] for row in before[1][1]]
    assert {row[-1] for row in lines} == {found.lines[0].event.era}
    assert set(found.registrations) == {"ann", "Zoë", "fred", wide("fred")}
    assert found.registrations["ann"].operator
    assert set(found.rooms) == {"lobby", "dev", wide("dev"), "attic"}
    assert found.rooms["attic"].locked
    assert found.rooms["dev"].topic == "Grüner Tee"
    assert set(found.bans) == {"10.9.0.0/16", "mallory", wide("mallory")}
    assert set(found.mutes) == {"2001:db8:9::/64", "bob"}
    assert [event for event, _ in found.lines][:4] == [
        Said("ann", "Hello", "lobby"),
        Said("bob", "one\ntwo\nthree", "lobby"),
        Emoted("Zoë", "winkt 👋", "lobby"),
        Said("bob", "milk?", "dev"),
    ]
    assert [event.number for event, _ in found.lines][:4] == [1, 2, 5, 6]


def test_each_line_of_an_older_version_has_an_id_of_its_own(old):
    again = old / "again"
    again.mkdir(0o700)
    shutil.copyfile(old / "chat.db", again / "chat.db")
    ids = []
    for folder in (old, again):
        history = History(NoStore())
        saved = kept(folder, SavedState)
        highest = history.take_over(saved.lines)
        lines = [line for room in saved.rooms for line in history.last(room, 100)]
        assert highest == len(lines) > 6
        ids += [line.id for line in lines]
    assert len(set(ids)) == len(ids)
    assert all(id.isascii() and 0 < len(id) <= 40 for id in ids)


def test_it_is_taken_over_once(old):
    kept(old)
    with capturedLogs() as logs:
        kept(old)
    assert logs == []
    assert len(copies(old)) == 1


def test_no_copy_is_overwritten(old):
    name = name_of_copy(old)
    (old / name).write_bytes(b"precious")
    kept(old)
    assert [path.name for path in copies(old)] == [name, f"{name}-1"]
    assert (old / name).read_bytes() == b"precious"


def test_the_copy_has_what_stands_in_the_log(old):
    """As after a kill."""
    path = old / "chat.db"
    with closing(sqlite3.connect(path)) as other:
        columns = "number, room, time, emoted, name, text"
        values = "99, 'lobby', 1.0, 0, 'ann', 'the last words'"
        other.execute(f"INSERT INTO line ({columns}) VALUES ({values})")
        other.commit()
        for end in ("", "-wal", "-shm"):
            (old / f"killed{end}").write_bytes((old / f"chat.db{end}").read_bytes())
    for end in ("", "-wal", "-shm"):
        os.replace(old / f"killed{end}", old / f"chat.db{end}")
    assert (old / "chat.db-wal").stat().st_size > 0
    assert kept(old).lines[-1].event == Said("ann", "the last words", "lobby")
    [copy] = copies(old)
    assert dump(copy, "line")[1][0][-1][5] == "the last words"


class DiskWithoutRoomForCopies(Disk):
    def connect(self, where, *arguments, **keywords):
        connection = super().connect(where, *arguments, **keywords)
        if ".v" in where:
            connection.execute("PRAGMA max_page_count = 1")
        return connection


def test_without_room_for_the_copy_nothing_changes_and_it_says_so(old):
    before = dump(old / "chat.db")
    copy = old / name_of_copy(old)
    text = f"^{copy}: cannot be made \\({FULL}\\): make room, or choose another folder$"
    with pytest.raises(StateError, match=text):
        Running(old, disk=DiskWithoutRoomForCopies())
    assert dump(old / "chat.db") == before
    assert copies(old) == []


def test_what_is_corrupt_in_an_older_version_is_set_aside_as_it_is(old):
    with closing(sqlite3.connect(old / "chat.db")) as database:
        database.execute("UPDATE document SET body = 'x' WHERE kind = 'ban'")
        database.commit()
    before = dump(old / "chat.db")
    with capturedLogs():
        assert not kept(old, SavedState).registrations
    assert dump(old / f"chat.db.corrupt-{STAMP}") == before
    assert copies(old) == []


def test_a_line_of_an_older_version_with_too_high_a_number_is_corrupt(old):
    """The lines before it are several, so that it would get a higher one."""
    with closing(sqlite3.connect(old / "chat.db")) as database:
        database.execute("UPDATE line SET number = 9223372036854775807 WHERE room = 'attic'")
        database.commit()
    before = dump(old / "chat.db")
    with capturedLogs() as logs:
        assert not kept(old, SavedState).lines
    assert "is corrupt (the number of a line is too high)" in log_text(logs[0])
    assert dump(old / f"chat.db.corrupt-{STAMP}") == before


def test_lines_keep_their_origin_and_their_ids(tmp_path):
    said = Line(Said("ann", "hello", "lobby", 1.0, "era", 1), "2001:db8::/64")
    with running(tmp_path) as run:
        run.store.add(said)
    assert whole(kept(tmp_path).lines) == whole([said])


@pytest.fixture
def folder(tmp_path):
    """A folder of the present version."""
    with running(tmp_path) as run:
        run.store.add(line(1))
        run.store.put("recent", "10.0.0.1", {"times": [1.0]})
    return tmp_path


def change(folder, statement):
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute(statement)
        database.commit()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (f"PRAGMA user_version = {VERSION + 1}", f"its version is {VERSION + 1}"),
        ("ALTER TABLE line ADD COLUMN more TEXT", "its table line has a column 'more'"),
        (
            """UPDATE document SET body = '{"times": [], "more": 1}'""",
            "document 'recent' '10.0.0.1' has a field more",
        ),
    ],
)
def test_what_a_newer_version_has_written_is_refused_and_stays(folder, statement, what):
    change(folder, statement)
    before = dump(folder / "chat.db")
    path = folder / "chat.db"
    with pytest.raises(StateError) as error:
        Running(folder, read=SavedState)
    assert str(error.value) == f"{path} is of a newer twisted-chat ({what}): use that one"
    assert dump(path) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE notes (text)",
        "CREATE INDEX line_of_name ON line (name)",
        "ANALYZE",
        "PRAGMA user_version = 0",
    ],
)
def test_what_an_administrator_did_to_it_harms_nothing(folder, statement):
    change(folder, statement)
    with capturedLogs() as logs, running(folder) as run:
        assert whole(run.stored.lines) == whole([line(1)])
        run.store.add(line(2))
    assert logs == []
    assert whole(kept(folder, as_stored).lines) == whole([line(1), line(2)])


@pytest.mark.parametrize("path", sorted(STATES.glob("version-*.db")), ids=lambda path: path.stem)
def test_a_dump_of_any_version_is_taken_over_without_its_number(tmp_path, path):
    with closing(sqlite3.connect(path)) as database:
        script = "\n".join(database.iterdump())
    with closing(sqlite3.connect(tmp_path / "chat.db")) as database:
        database.executescript(script)
    assert set(kept(tmp_path, SavedState).registrations) == {"ann", "Zoë", "fred", wide("fred")}


def fill_rooms(path):
    """Let somebody be in all rooms, which are forgotten a day after the last one left."""
    with closing(sqlite3.connect(path)) as database:
        rooms = database.execute("SELECT key, body FROM document WHERE kind = 'room'").fetchall()
        for name, body in rooms:
            document = json.dumps({**json.loads(body), "emptied": 0.0})
            database.execute("UPDATE document SET body = ? WHERE key = ?", (document, name))
        database.commit()


def test_a_daemon_takes_over_what_rules_would_refuse_by_now(start_daemon, tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    shutil.copyfile(STATES / "version-1.db", state / "chat.db")
    fill_rooms(state / "chat.db")
    daemon = start_daemon("--state", str(state))
    log = "\n".join(daemon.out.seen)
    assert f"#{wide('dev')} looks like #dev: both stay\n" in log
    assert (
        f"{wide('fred')} cannot log in: it looks like fred, which was registered before: "
        "chatctl release fred lets it in\n"
    ) in log
    assert f"the ban of mallory goes: that of {wide('mallory')} holds for it too" in log
    assert "cannot log in, because it looks like fred\n" in chatctl(state, "names").stdout
    peer = daemon.join()
    for room, said in (("dev", "[bob] milk?"), (wide("dev"), f"[{wide('fred')}] wide tea")):
        peer.send(f"/join {room}\n/history\n".encode())
        lines = [peer.line()]
        while said not in lines[-1]:
            lines.append(peer.line())
        assert f"- You are now in #{room}" in lines
        assert any(" set the topic: " in line for line in lines)
