"""The state folder is its owner's alone."""

from __future__ import annotations

import os
import stat

import pytest
from twisted.logger import LogLevel, capturedLogs

from twisted_chat.journal.folder import StateError, StateFolder, make_file

ROOT = os.geteuid() == 0


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def any_umask():
    """Nothing is masked, as under a careless launcher."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_it_is_made_for_its_owner_alone(tmp_path, monkeypatch, any_umask):
    monkeypatch.chdir(tmp_path)
    folder = StateFolder.open("state")
    assert folder.path == str(tmp_path / "state")
    assert folder.database == f"{folder.path}/chat.db"
    assert folder.audit == f"{folder.path}/audit.log"
    assert folder.control == f"{folder.path}/control.sock"
    assert mode(folder.path) == 0o700
    assert mode(f"{folder.path}/lock") == 0o600
    folder.close()


def opened(path):
    """What the log says when the folder `path` is taken."""
    with capturedLogs() as logs:
        StateFolder.open(str(path)).close()
    assert {log["log_level"] for log in logs} <= {LogLevel.warn}
    return [log["text"] for log in logs]


def tightened(path, what="read it"):
    return f"{path}: others could {what}: it is for its owner alone from here on"


OURS = ("audit.log", "audit.log.1", "chat.db", "chat.db-shm", "chat.db-wal", "lock")


def test_what_is_in_it_is_taken_from_others_and_that_is_logged(tmp_path):
    for name in OURS:
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)
    assert opened(tmp_path) == [
        tightened(path) for path in (tmp_path, *map(tmp_path.joinpath, OURS))
    ]
    assert mode(tmp_path) == 0o700
    assert {mode(tmp_path / name) for name in OURS} == {0o600}
    assert opened(tmp_path) == []


def test_a_group_may_read_what_it_was_given(tmp_path):
    for name, bits in (("chat.db", 0o640), ("audit.log", 0o660), ("lock", 0o602)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(bits)
    tmp_path.chmod(0o750)
    audit = tmp_path / "audit.log"
    assert opened(tmp_path) == [
        f"{audit}: its group could write to it: it is for its owner alone from here on",
        tightened(tmp_path / "lock", "write to it"),
    ]
    assert [mode(tmp_path / name) for name in (".", "chat.db")] == [0o750, 0o640]
    assert [mode(tmp_path / name) for name in ("audit.log", "lock")] == [0o600, 0o600]


def test_one_that_holds_other_things_keeps_its_mode_and_so_do_they(tmp_path):
    for name in ("chat.db", "index.html"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)
    assert opened(tmp_path) == [tightened(tmp_path / "chat.db")]
    assert [mode(tmp_path / name) for name in (".", "index.html")] == [0o755, 0o644]


def test_a_link_is_followed_to_a_file_of_the_same_owner(tmp_path):
    folder, elsewhere = tmp_path / "state", tmp_path / "elsewhere.log"
    folder.mkdir(0o700)
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (folder / "audit.log").symlink_to(elsewhere)
    (folder / "chat.db").symlink_to(tmp_path / "missing")
    os.mkfifo(folder / "chat.db-wal", 0o666)
    assert opened(folder) == [tightened(folder / "audit.log")]
    assert mode(elsewhere) == 0o600


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_root_changes_no_file_of_others_that_a_folder_s_owner_links_to(tmp_path):
    folder, elsewhere = tmp_path / "state", tmp_path / "passwd"
    folder.mkdir(0o700)
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (folder / "chat.db").symlink_to(elsewhere)
    os.chown(folder, 1234, 2345)
    path = folder / "chat.db"
    assert opened(folder) == [
        f"{path}: others can read it, and it is not the folder owner's: it stays as it is"
    ]
    assert mode(elsewhere) == 0o644


@pytest.mark.parametrize("bits", [0o770, 0o707])
def test_one_that_others_may_write_to_is_refused(tmp_path, bits):
    tmp_path.chmod(bits)
    with pytest.raises(StateError, match=f"^{tmp_path}: others may write.*chmod go-w {tmp_path}$"):
        StateFolder.open(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place_and_a_folder_nowhere_are_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StateError, match=f"^{file}: Not a directory: name a folder$"):
        StateFolder.open(str(file))
    missing = tmp_path / "missing" / "state"
    with pytest.raises(StateError, match=f"^{missing}: No such file or directory: make its parent"):
        StateFolder.open(str(missing))


def test_one_that_cannot_be_locked_is_refused(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    text = f"^{tmp_path}/lock: No locks available: mend that, or choose another folder$"
    with pytest.raises(StateError, match=text):
        StateFolder.open(str(tmp_path))


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_what_root_makes_in_it_is_its_owner_s(tmp_path):
    os.chown(tmp_path, 1234, 2345)
    folder = StateFolder.open(str(tmp_path))
    make_file(folder.audit)
    folder.close()
    for path in (tmp_path / "lock", folder.audit):
        assert (os.stat(path).st_uid, os.stat(path).st_gid) == (1234, 2345)


def test_a_file_that_is_there_stays_as_it_is(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o640)
    make_file(str(path))
    assert (path.read_bytes(), mode(path)) == (b"x", 0o640)
