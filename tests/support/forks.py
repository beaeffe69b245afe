"""Programs of the chat as forks of a process that has imported what they need. What takes the most
time of a start, the imports, is then done once for all tests of a worker.

Such a program is a child of the worker, as if it had been started by exec. It differs in this: its
command line in /proc is another, and all programs of a server hash with the same seed.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from coverage import Coverage, process_startup

_PDEATHSIG, _CHILD_SUBREAPER = 1, 36  # Of prctl(2).
_CHECKOUT = Path(__file__).parent.parent.parent
_LARGEST = 1 << 18
"""Bytes of a request: an environment and a command line."""


class Forked:
    """A fork of a server that has run the code `setup`. It runs as `python -c` with `words` behind
    it. Tests use it as they use a `subprocess.Popen` with three pipes.
    """

    def __init__(
        self,
        setup: str,
        words: Sequence[str | bytes],
        cwd: str | os.PathLike[str],
        env: Mapping[str, str],
        **options: Any,
    ) -> None:
        """`options`: those of `fork`."""
        (stdin, to_it), (from_it, stdout), (errors, stderr) = (os.pipe() for _ in range(3))
        self.stdin = os.fdopen(to_it, "wb")
        self.stdout, self.stderr = os.fdopen(from_it, "rb"), os.fdopen(errors, "rb")
        self.pid = fork(setup, words, [stdin, stdout, stderr], cwd, env, **options)
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        self._end = os.pidfd_open(self.pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                os.close(self._end)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        if self.poll() is None:
            end = select.poll()
            end.register(self._end, select.POLLIN)
            if not end.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def fork(
    setup: str,
    words: Sequence[str | bytes],
    descriptors: Sequence[int],
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    umask: int = -1,
    start_new_session: bool = False,
) -> int:
    """Start what `Forked` is, with `descriptors` as its 0, 1 and 2. Return its process id. If it
    leads a session and 0 is a terminal, that controls it.
    """
    request = {
        "words": [os.fsdecode(word) for word in words],
        "cwd": os.fspath(cwd),
        "env": dict(env),
        "umask": _umask() if umask == -1 else umask,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "session": start_new_session,
    }
    server = _server(setup)
    with _adopting():
        socket.send_fds(server, [json.dumps(request).encode()], descriptors)
        answer = server.recv(100)
    assert answer, "the fork server has ended"
    return int(answer)


@cache
def _server(setup: str) -> socket.socket:
    """Return the way to a new server that has run `setup`. It ends when this process ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", "from tests.support.forks import serve; exec(serve())", setup],
            # Those of its forks are put in their place.
            stdin=theirs,
            stdout=theirs,
            cwd=_CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(_CHECKOUT)},
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait()

    return ours


@contextmanager
def _adopting():
    """Meanwhile a process whose parent ends becomes a child of this one."""
    _prctl(_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(_CHILD_SUBREAPER, 0)


def _prctl(option: int, value: int) -> None:
    """Change an attribute of this process, with prctl(2)."""
    assert not ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _umask() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1], 8) for line in status if line.startswith("Umask:"))


def serve() -> str:
    """Run the argument of this process, then fork for each request that comes on standard input.
    Return, in the fork, the code that it is to run.
    """
    worker = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exec(sys.argv[1], {})
    assert "twisted.internet.reactor" not in sys.modules, "its descriptors would be shared"
    if measuring := Coverage.current():
        measuring.stop()
        measuring.save()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 3)
        if not request:
            # The worker has ended.
            os.kill(os.getpid(), signal.SIGKILL)
        # A child of a child, because the worker adopts that when the child ends. Both that end here
        # have nothing to clean up.
        adopted, adopt = os.pipe()
        if child := os.fork():
            os.waitpid(child, 0)
            for descriptor in (adopted, adopt, *descriptors):
                os.close(descriptor)
            continue
        if os.fork():
            os.kill(os.getpid(), signal.SIGKILL)
        os.close(adopt)
        os.read(adopted, 1)  # Until the server closes it.
        os.close(adopted)
        _prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return _become(json.loads(request), descriptors)
        finally:
            control.send(str(os.getpid()).encode())
            control.close()


def _become(request: dict, descriptors: Sequence[int]) -> str:
    """Let this process be as the request has it. Return the code that it is to run."""
    if request["session"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if request["session"]:
        with suppress(OSError):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    # A job in the background of a shell ignores SIGINT, and so would its child.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(request["umask"])
    resource.setrlimit(resource.RLIMIT_NOFILE, request["files"])
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    code, *sys.argv[1:] = request["words"]
    process_startup(force=True)
    return code
