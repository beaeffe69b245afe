"""The state folder belongs to one daemon at a time, and to its owner alone."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys

import pytest
from twisted.logger import LogLevel, capturedLogs

from tests.support.processes import PATIENCE
from twisted_chat.state import StateError, StateFolder, make_file

ROOT = os.geteuid() == 0
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT else []
"""Takes root's rights from a program."""
MOUNTING = ["unshare", "--mount"]
MAY_MOUNT = not subprocess.run(
    [*MOUNTING, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
).returncode
assert MAY_MOUNT or "CI" not in os.environ, "nothing can be mounted here"
can_mount = pytest.mark.skipif(not MAY_MOUNT, reason="may not mount")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def any_umask():
    """Nothing is masked, as under a careless launcher."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def open_elsewhere(start):
    """Open a folder in another process; what it says: the folder's path, or why not.

    `open_elsewhere(path, prefix=WITHOUT_RIGHTS)`.
    """
    code = (
        "import sys; from twisted_chat.state import *\n"
        "try: print(StateFolder.open(sys.argv[1]).path)\n"
        "except StateError as error: print(error)"
    )

    def run(path, prefix=()):
        process = start([*prefix, sys.executable, "-c", code, str(path)])
        process.wait()
        assert process.err.text == ""
        [line] = process.out.seen
        return line

    return run


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


def test_a_second_daemon_is_refused_until_the_first_has_ended(tmp_path, open_elsewhere):
    folder = StateFolder.open(str(tmp_path))
    refusal = f"{tmp_path} is in use by another daemon: stop it, or choose another folder"
    assert open_elsewhere(tmp_path) == refusal
    with pytest.raises(StateError, match=f"^{refusal}$"):
        StateFolder.open(str(tmp_path))
    folder.close()
    assert open_elsewhere(tmp_path) == str(tmp_path)


HOLD = """
import os, sys
from twisted_chat.state import StateFolder
StateFolder.open(sys.argv[1])
if sys.argv[2:] == ["daemonise"]:
    for _ in range(2):
        if os.fork():
            os._exit(0)
        os.setsid()
print("open", os.getpid(), flush=True)
sys.stdin.read()
print("over", flush=True)
"""


def test_a_daemon_that_forks_keeps_it(tmp_path, start):
    first = start([sys.executable, "-c", HOLD, str(tmp_path), "daemonise"])
    process = os.pidfd_open(int(first.out.find(r"^open (\d+)$")[1]))
    assert first.child.wait(PATIENCE) == 0  # The process that has opened it is gone.
    with pytest.raises(StateError, match="in use by another daemon"):
        StateFolder.open(str(tmp_path))
    first.end_input()
    first.out.find("^over$")
    # Its output ends before it does.
    assert select.select([process], [], [], PATIENCE)[0]
    os.close(process)
    StateFolder.open(str(tmp_path)).close()


def test_a_daemon_that_is_killed_leaves_it(tmp_path, start):
    first = start([sys.executable, "-c", HOLD, str(tmp_path)])
    first.out.find("^open ")
    first.child.kill()
    first.wait()
    StateFolder.open(str(tmp_path)).close()


def test_a_file_in_its_place_and_a_folder_nowhere_are_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StateError, match=f"^{file}: Not a directory: name a folder$"):
        StateFolder.open(str(file))
    missing = tmp_path / "missing" / "state"
    with pytest.raises(StateError, match=f"^{missing}: No such file or directory: make the folder"):
        StateFolder.open(str(missing))


def test_one_without_the_right_to_it_is_refused(tmp_path, open_elsewhere):
    tmp_path.chmod(0o500)
    line = open_elsewhere(tmp_path, prefix=WITHOUT_RIGHTS)
    assert line.startswith(f"{tmp_path}: Permission denied: give this user the right to it")
    tmp_path.chmod(0o700)
    (tmp_path / "lock").touch(0o600)
    tmp_path.chmod(0o500)
    assert open_elsewhere(tmp_path, prefix=WITHOUT_RIGHTS) == line


def test_one_whose_lock_cannot_be_opened_is_refused_for_that(tmp_path, open_elsewhere):
    (tmp_path / "lock").touch(0o400)
    line = open_elsewhere(tmp_path, prefix=WITHOUT_RIGHTS)
    assert line.startswith(f"{tmp_path}/lock: Permission denied: give this user the right to it")
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").mkdir()
    assert open_elsewhere(tmp_path).startswith(f"{tmp_path}/lock: Is a directory: move that folder")


@can_mount
def test_one_that_is_read_only_is_refused(tmp_path, open_elsewhere):
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    line = open_elsewhere(tmp_path, prefix=[*MOUNTING, "sh", "-c", mount, str(tmp_path)])
    assert line == f"{tmp_path}: Read-only file system: choose another folder"
    (tmp_path / "lock").touch()
    again = open_elsewhere(tmp_path, prefix=[*MOUNTING, "sh", "-c", mount, str(tmp_path)])
    assert again == line


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
