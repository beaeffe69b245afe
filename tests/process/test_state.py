"""The state folder belongs to one daemon at a time."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from tests.support.processes import PATIENCE
from twisted_chat.journal.folder import StateError, StateFolder

ROOT = os.geteuid() == 0
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT else []
"""Takes root's rights from a program."""
MOUNTING = ["unshare", "--mount"]
MAY_MOUNT = not subprocess.run(
    [*MOUNTING, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
).returncode
assert MAY_MOUNT or "CI" not in os.environ, "nothing can be mounted here"
can_mount = pytest.mark.skipif(not MAY_MOUNT, reason="may not mount")


@pytest.fixture
def open_elsewhere(start):
    """Open a folder in another process; what it says: the folder's path, or why not.

    `open_elsewhere(path, prefix=WITHOUT_RIGHTS)`.
    """
    code = (
        "import sys; from twisted_chat.journal.folder import *\n"
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
from twisted_chat.journal.folder import StateFolder
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
