"""How a store starts: on what was damaged, what is not its own, and what it has no right to."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.logger import LogLevel, capturedLogs

from tests.process.test_state import MOUNTING, WITHOUT_RIGHTS, can_mount
from tests.support.hall import SECRET, Hall, RecordingStore
from tests.support.processes import PATIENCE
from tests.support.properties import given, settings, st
from tests.support.stores import (
    FULL,
    STAMP,
    Disk,
    Running,
    kept,
    line,
    log_text,
    numbers,
    running,
    whole,
)
from tests.unit.test_state import mode
from twisted_chat.journal.database_files import begins_log
from twisted_chat.journal.folder import StateError
from twisted_chat.journal.registrations import Recent
from twisted_chat.journal.rooms import RoomRecord
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.store import Contents
from twisted_chat.records import Registration, Rules, Sanction

pytestmark = pytest.mark.usefixtures("private_files")


@pytest.fixture
def full_of_lines(tmp_path):
    """A folder with a database of many pages."""
    with running(tmp_path) as run:
        for number in range(1, 2000):
            run.store.add(line(number, "x" * 300))
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
        assert run.stored == Contents()
        run.store.add(line(1))
    aside = full_of_lines / f"chat.db.corrupt-{STAMP}"
    assert aside.read_bytes() == damaged
    [log] = logs
    assert log["log_level"] is LogLevel.error
    assert f"{path} is corrupt (" in log_text(log)
    assert f"it is kept as {aside}, and the chat begins anew" in log_text(log)
    assert numbers(kept(full_of_lines)) == [1]
    assert mode(path) == 0o600


REGISTRATION = {"name": "ann", "digest": "secret", "since": 1.0, "operator": True}
SANCTION = {"whom": "bob", "by": "ann", "why": "spam", "since": 1.0, "until": 0}
ROOM = {"name": "tea", "emptied": 2.0, "slow": 5, "locked": True, "topic": "ä", "topic_by": "ann"}
DOCUMENTS = {
    "registration": REGISTRATION,
    "recent": {"times": [1, 2.5]},
    "ban": SANCTION,
    "mute": SANCTION,
    "room": ROOM,
}


@pytest.fixture
def full_of_all(tmp_path):
    """A folder with a database that has one of each kind."""
    with running(tmp_path) as run:
        run.store.add(line(1, room="tea"))
        for kind, document in DOCUMENTS.items():
            run.store.put(kind, "key", document)
    return tmp_path


def test_what_a_journal_has_put_there_is_taken_over(full_of_all):
    with capturedLogs() as logs:
        found = kept(full_of_all, SavedState)
    assert logs == []
    assert found.registrations == {"key": Registration(**REGISTRATION)}
    assert found.recent == {"key": Recent([1, 2.5])}
    assert found.bans == found.mutes == {"key": Sanction(**SANCTION)}
    assert found.rooms == {"key": RoomRecord(**ROOM)}
    assert found.rooms["key"].rules == Rules(5, True, "ä", "ann")
    assert whole(found.lines) == whole([line(1, room="tea")])


def damaged_database(folder, statement, *values):
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute(statement, values)
        database.commit()


def find_set_aside(folder, reason):
    """Start on `folder`: its database is set aside, and why stands in one line of the log."""
    with capturedLogs() as logs:
        found = kept(folder, SavedState)
    assert vars(found) == vars(SavedState(Contents()))
    [log] = logs
    assert f"{folder / 'chat.db'} is corrupt ({reason}" in log_text(log)
    assert "): it is kept as " in log_text(log)
    assert len(log_text(log).splitlines()) == 1
    assert "secret" not in log_text(log)
    return folder / f"chat.db.corrupt-{STAMP}"


WRONG = {
    "registration": [
        '{"name": "ann", "x": 1}',
        '{"name": "ann", "since": 1.0, "operator": false}',
        json.dumps({**REGISTRATION, "name": 5}),
        json.dumps({**REGISTRATION, "name": "\ud800"}),
        json.dumps({**REGISTRATION, "digest": None}),
        json.dumps({**REGISTRATION, "since": "secret"}),
        json.dumps({**REGISTRATION, "operator": 1}),
    ],
    "recent": [
        "[]",
        "5",
        "null",
        '"times"',
        "{",
        "[" * 100_000,
        "1" * 10_000,
        "",
        "{}",
        '{"times": 5}',
        '{"times": ["secret"]}',
        '{"times": [NaN]}',
    ],
    "ban": [json.dumps({**SANCTION, "whom": 5}), json.dumps({**SANCTION, "until": "5"})],
    "mute": [
        json.dumps({**SANCTION, "until": float("inf")}),
        json.dumps({**SANCTION, "since": 1e300}),
        json.dumps({**SANCTION, "since": False}),
        json.dumps({**SANCTION, "why": ["secret"]}),
    ],
    "room": [
        json.dumps({each: ROOM[each] for each in ROOM if each != "emptied"}),
        json.dumps({**ROOM, "emptied": -1}),
        json.dumps({**ROOM, "slow": 2.5}),
        json.dumps({**ROOM, "slow": True}),
        json.dumps({**ROOM, "slow": 10**400}),
        json.dumps({**ROOM, "topic": {"secret": 1}}),
    ],
}


@pytest.mark.parametrize(
    ("kind", "body"),
    [pytest.param(kind, body, id=f"{kind}-{body[:70]}") for kind in WRONG for body in WRONG[kind]],
)
def test_a_document_that_no_journal_puts_there_is_corruption(full_of_all, kind, body):
    damaged_database(full_of_all, "UPDATE document SET body = ? WHERE kind = ?", body, kind)
    with closing(sqlite3.connect(full_of_all / "chat.db")) as database:
        before = list(database.iterdump())
    aside = find_set_aside(full_of_all, f"document '{kind}' 'key' ")
    with closing(sqlite3.connect(aside)) as database:
        assert list(database.iterdump()) == before


@pytest.mark.parametrize("column", ["kind", "key", "body"])
def test_a_document_with_bytes_where_text_should_be_is_corruption(full_of_all, column):
    change = f"UPDATE document SET {column} = x'7b7d' WHERE kind = 'ban'"
    damaged_database(full_of_all, change)
    find_set_aside(full_of_all, "document ")


@pytest.mark.parametrize(
    "change",
    [
        "time = 'abc'",
        "time = 1e300",
        "time = 9e999",
        "time = -1",
        "number = 9223372036854775807",
        "number = -1",
        "emoted = 'no'",
        "room = x'74'",
        "name = x'74'",
        "text = x'74'",
        "era = x'74'",
    ],
)
def test_a_line_that_cannot_be_shown_is_corruption(full_of_all, change):
    damaged_database(full_of_all, f"UPDATE line SET {change}")
    find_set_aside(full_of_all, "line ")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(st.text(), value, max_size=3),
    max_leaves=3,
)


@given(st.data())
@settings(max_examples=300)
def test_whatever_stands_in_a_document_it_is_refused_or_all_can_be_done_with_it(data):
    kind = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    name = data.draw(st.sampled_from(sorted(DOCUMENTS[kind])))
    document = {**DOCUMENTS[kind], name: data.draw(VALUES)}
    store = RecordingStore()
    store.put(kind, "key", document)
    refused = None
    try:
        store.load(SavedState)
    except ValueError as error:
        refused = str(error)
    if refused is not None:
        assert refused == f"document {kind!r} 'key' has a wrong {name}"
        return
    with ExitStack() as stack:
        hall = Hall(SimpleNamespace(addCleanup=stack.callback), store, now=3.0)
        told = hall.control("bans") + hall.control("whois", "ann") + hall.control("say", "hello")
        bob = hall.come("10.0.0.1", "bob")
        for line in ("/join tea", "/rooms", "/topic", "hello", "/nick ann", "/topic ale"):
            told += hall.ask(bob, line)
        told += hall.try_out(bob, f"/register {SECRET}")
        hall.leave(bob)
    assert not [line for line in told if "cannot be done just now" in line]


def test_nothing_is_overwritten_by_what_is_set_aside(tmp_path):
    aside = tmp_path / f"chat.db.corrupt-{STAMP}"
    for number in range(3):
        (tmp_path / "chat.db").write_bytes(b"%d" % number * 1000)
        (tmp_path / "chat.db-wal").write_bytes(b"wal %d" % number)
        with capturedLogs():
            assert kept(tmp_path) == Contents()
    for number, end in enumerate(["", "-1", "-2"]):
        assert Path(f"{aside}{end}").read_bytes() == b"%d" % number * 1000


def test_a_log_beside_an_empty_database_is_set_aside_too(tmp_path):
    (tmp_path / "chat.db").touch()
    (tmp_path / "chat.db-wal").write_bytes(b"what was said")
    with capturedLogs() as logs:
        assert kept(tmp_path) == Contents()
    assert len(logs) == 1
    aside = tmp_path / f"chat.db.corrupt-{STAMP}-wal"
    assert aside.read_bytes() == b"what was said"


@pytest.fixture
def killed(tmp_path):
    """A folder that a kill has left: all that is kept stands in the write-ahead log."""
    with running(tmp_path / "before") as run:
        run.store.add(line(1))
        assert run.disk.reached.wait(PATIENCE)
        with closing(sqlite3.connect(tmp_path / "before" / "chat.db")) as other:
            while not other.execute("SELECT count(*) FROM line").fetchone()[0]:
                pass
            (tmp_path / "state").mkdir(0o700)
            for name in ("chat.db", "chat.db-wal"):
                data = (tmp_path / "before" / name).read_bytes()
                (tmp_path / "state" / name).write_bytes(data)
    return tmp_path / "state"


def test_what_stands_in_the_log_alone_is_kept(killed):
    assert numbers(kept(killed)) == [1]


def wrong_checksum(log):
    return log[:31] + bytes([log[31] ^ 1]) + log[32:]


def wrong_salt(log):
    return log[:16] + bytes([log[16] ^ 1]) + log[17:]


def wrong_order(log):
    return log[:3] + bytes([log[3] ^ 1]) + log[4:]


def few_bytes(log):
    return b"7\x7fx"


def zeros(log):
    return bytes(len(log))


@pytest.mark.parametrize(
    "damage", [garbage, few_bytes, zeros, wrong_checksum, wrong_salt, wrong_order]
)
def test_a_damaged_log_is_set_aside_with_its_database(killed, damage):
    database = (killed / "chat.db").read_bytes()
    log = damage((killed / "chat.db-wal").read_bytes())
    (killed / "chat.db-wal").write_bytes(log)
    aside = find_set_aside(killed, "its write-ahead log is none")
    assert aside.read_bytes() == database
    assert Path(f"{aside}-wal").read_bytes() == log


@pytest.mark.parametrize("length", [0, 1, 4, 20, 31, 32, 100, -1])
def test_a_log_that_a_crash_has_cut_short_is_none_the_worse(killed, length):
    log = (killed / "chat.db-wal").read_bytes()
    (killed / "chat.db-wal").write_bytes(log[:length])
    with capturedLogs() as logs, running(killed) as run:
        run.store.add(line(2))
    assert logs == []
    assert numbers(kept(killed)) == [2]


@pytest.mark.parametrize(("magic", "order"), [(0x377F0682, "<"), (0x377F0683, ">")])
def test_a_log_of_either_order_of_bytes_is_one_and_none_with_any_byte_changed(magic, order):
    header = struct.pack(">I", magic) + bytes(range(100, 255, 8))
    # As SQLite's file format has it, in 4.2.
    words = struct.unpack(f"{order}6I", header)
    s0 = s1 = 0
    for i in range(0, 6, 2):
        s0 = (s0 + words[i] + s1) % 2**32
        s1 = (s1 + words[i + 1] + s0) % 2**32
    header += struct.pack(">2I", s0, s1)
    assert begins_log(header)
    for place, byte in enumerate(header):
        assert not begins_log(header[:place] + bytes([byte ^ 1]) + header[place + 1 :])


def test_a_database_that_turns_out_corrupt_is_told_and_set_aside_at_the_next_start(tmp_path):
    with running(tmp_path, start=False) as run:
        (tmp_path / "chat.db").write_bytes(b"x" * 10_000)
        run.store.start()
        run.store.add(line(1))
        assert "(file is not a database)" in run.news()
    with capturedLogs() as logs:
        assert kept(tmp_path) == Contents()
    assert len(logs) == 1
    assert (tmp_path / f"chat.db.corrupt-{STAMP}").read_bytes() == b"x" * 10_000


def test_a_text_that_was_damaged_is_shown_as_such(tmp_path):
    with running(tmp_path) as run:
        run.store.add(line(1, "hello"))
    path = tmp_path / "chat.db"
    path.write_bytes(path.read_bytes().replace(b"hello", b"h\xffllo"))
    assert whole(kept(tmp_path).lines) == whole([line(1, "h\ufffdllo")])


def test_a_database_that_another_program_holds_is_refused(full_of_lines):
    path = full_of_lines / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match=f"^{path}: database is locked: end the program"):
            Running(full_of_lines)


def test_an_audit_file_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "audit.log").mkdir()
    with pytest.raises(
        StateError, match=f"^{tmp_path}/audit.log: Is a directory: move that folder"
    ):
        Running(tmp_path)


@pytest.mark.parametrize("name", ["chat.db", "chat.db-wal", "chat.db-shm", "chat.db-journal"])
def test_a_folder_in_place_of_a_file_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    text = f"^{tmp_path}/{name}: Is a directory: move that folder away, a file is to be there$"
    with pytest.raises(StateError, match=text):
        Running(tmp_path)


def test_a_pipe_in_place_of_a_file_is_refused(full_of_lines):
    os.mkfifo(full_of_lines / "chat.db-wal")
    with pytest.raises(StateError, match=f"^{full_of_lines}/chat.db-wal: .*: mend that, or choose"):
        Running(full_of_lines)


def test_a_failure_that_nothing_is_known_of_is_refused_with_advice(tmp_path):
    disk = Disk()
    disk.error = sqlite3.OperationalError("disk I/O error")
    text = f"^{tmp_path}/chat.db: disk I/O error: mend that, or choose another folder$"
    with pytest.raises(StateError, match=text):
        Running(tmp_path, disk=disk)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE line",
        "DROP TABLE document",
        "ALTER TABLE line DROP COLUMN emoted",
    ],
)
def test_a_database_without_its_tables_is_corrupt(full_of_all, change):
    damaged_database(full_of_all, change)
    find_set_aside(full_of_all, "its tables are missing, or are others")


def test_a_database_of_another_program_is_set_aside(tmp_path):
    damaged_database(tmp_path, "CREATE TABLE recipe (name, text)")
    aside = find_set_aside(tmp_path, "its tables are missing, or are others")
    with closing(sqlite3.connect(aside)) as database:
        assert list(database.execute("SELECT * FROM recipe")) == []


def test_what_was_dumped_and_read_in_again_is_taken_over(full_of_all):
    path = full_of_all / "chat.db"
    with closing(sqlite3.connect(path)) as database:
        script = "\n".join(database.iterdump())
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)
    with capturedLogs() as logs:
        assert set(kept(full_of_all).documents) == set(DOCUMENTS)
    assert logs == []


LOAD = """
import sys
from twisted.internet import reactor
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.folder import StateError, StateFolder
try:
    SqliteStore(StateFolder.open(sys.argv[1]), reactor).load(SavedState)
except StateError as error:
    print(error)
"""


@pytest.mark.parametrize("bits", [0o000, 0o400], ids=["to read", "to write"])
@pytest.mark.parametrize("name", ["chat.db", "chat.db-wal", "chat.db-shm", "audit.log"])
def test_a_file_without_the_right_to_it_is_refused(full_of_lines, start, name, bits):
    path = full_of_lines / name
    path.touch()
    before = path.read_bytes()
    path.chmod(bits)
    child = start([*WITHOUT_RIGHTS, sys.executable, "-c", LOAD, str(full_of_lines)])
    assert child.wait() == 0
    [text] = child.out.seen
    hint = "give this user the right to it, or choose another folder"
    assert text == f"{path}: Permission denied: {hint}"
    assert mode(path) == bits
    path.chmod(0o600)
    assert path.read_bytes() == before


@can_mount
def test_a_disk_that_is_full_at_the_start_is_refused(start):
    mount = 'mount -t tmpfs -o size=64k none /mnt && head -c 64k /dev/zero >/mnt/all && exec "$@"'
    command = [sys.executable, "-c", LOAD, "/mnt/state"]
    child = start([*MOUNTING, "sh", "-c", mount, "sh", *command])
    assert child.wait() == 0
    hint = "make room, or choose another folder"
    assert child.out.seen == [f"/mnt/state/chat.db: {FULL}: {hint}"]
