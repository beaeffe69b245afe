"""Programs that tests start by a fork are as if they had been started by an exec."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forks import Forked, fork
from tests.support.processes import CHECKOUT, PATIENCE

LOOK = """
import json, os, resource, signal, sys
print(json.dumps({
    "arguments": sys.argv,
    "name": __name__,
    "path": sys.path,
    "folder": os.getcwd(),
    "variables": dict(os.environ),
    "parent": os.getppid(),
    "leads": os.getsid(0) == os.getpid(),
    "group": os.getpgrp() == os.getpid() or os.getpgrp(),
    "mask": os.umask(0),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "open": [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")],
    "input": sys.stdin.read(),
    "buffered": [sys.stdout.line_buffering, sys.stderr.line_buffering],
}))
sys.exit(3)
"""
WORDS = [LOOK, "a b", b"\xff\xc3\xa9", ""]


@pytest.mark.parametrize("options", [{}, {"umask": 0o31}, {"start_new_session": True}])
def test_a_fork_finds_what_a_program_finds(
    many_files: None, private_files: None, tmp_path: Path, options: dict[str, int]
) -> None:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "x\udcff"}
    pipe = subprocess.PIPE
    program = subprocess.Popen(
        [sys.executable, "-c", *WORDS], -1, None, pipe, pipe, pipe, cwd=tmp_path, env=env, **options
    )
    seen = []
    for process in program, Forked("pass", WORDS, tmp_path, env, **options):
        process.stdin.write(b"in")
        process.stdin.close()
        seen.append((json.load(process.stdout), process.stderr.read(), process.wait(PATIENCE)))
        process.stdout.close()
        process.stderr.close()
    assert seen[0] == seen[1]


CONTROLS = """
import os, sys
print(os.tcgetpgrp(0) == os.getpgrp() == os.getsid(0), open("/dev/tty").isatty())
print(sys.stdout.line_buffering)
"""


def test_a_terminal_controls_a_fork_that_leads_a_session() -> None:
    ours, theirs = os.openpty()
    pid = fork("pass", [CONTROLS], [theirs] * 3, CHECKOUT, os.environ, start_new_session=True)
    os.close(theirs)
    assert os.waitpid(pid, 0)[1] == 0
    assert os.read(ours, 100) == b"True True\r\nTrue\r\n"
    os.close(ours)


WORKER = """
import os, signal
from tests.support.forks import Forked
fork = Forked("pass", ["import time; print(flush=True); time.sleep(1000)"], ".", os.environ)
fork.stdout.readline()
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    print("children:", children.read(), flush=True)
signal.pause()
"""


def test_a_worker_that_is_killed_leaves_no_process_behind(start: Callable) -> None:
    worker = start([sys.executable, "-c", WORKER])
    server_and_fork = worker.out.find(r"children: (\d+) (\d+)").groups()
    ends = [os.pidfd_open(int(pid)) for pid in server_and_fork]
    worker.child.kill()
    for end in ends:
        poll = select.poll()
        poll.register(end, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)
        os.close(end)
