"""Daemons in the background, and what tests ask about any daemon."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import socket
import subprocess
from contextlib import suppress
from signal import SIGKILL

import pytest

from tests.support.processes import (
    PATIENCE,
    TWIST,
    TWISTD,
    with_limits,
)

LAUNCH_TWISTD = TWISTD[:3]
LAUNCHERS = {"twistd -n": TWISTD, "twist": TWIST}
GREETING = "> Connected to the chat server ({})"
WORDS_KEPT_BACK = (
    "what is said is not recorded, as others may read this log: --transcript FILE records it in a "
    "file, --transcript log here"
)
"""The line that stands once in a log in which nothing said is recorded."""
STOPPING = "- the daemon stops\n"


def enter(daemon, *addresses):
    """Return members that have read their greetings and each other's entries."""
    members = []
    for address in addresses or (None,):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        member = daemon.join(address, family)
        assert member.line().startswith("> Connected to the chat server (")
        for other in members:
            other.line()
        members.append(member)
    return members if addresses else members[0]


def refuses(port, address="127.0.0.1", family=socket.AF_INET):
    """Return whether nobody listens on `port` at `address`, or this machine lacks the address."""
    try:
        with socket.socket(family) as peer:
            error = peer.connect_ex((address, port))
    except OSError as failure:
        error = failure.errno
    return error in (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def said_in_the_log(process):
    """Return the transcript's lines in the log that `process` wrote to its standard output."""
    return re.findall(r"^(?:.*\[chat#info\] |\t)([>\[<].*)", process.out.text, re.MULTILINE)


def hurried(program):
    """Return `program` with less time for goodbyes. Tests would only wait longer."""
    return with_limits(program, GOODBYE=1.0)


def complaint(process):
    """Return the one line with which a process refuses to start."""
    assert process.wait() not in (0, None)
    assert process.out.text == ""
    [line] = process.err.seen
    assert "Traceback" not in line
    return line


class Daemonised:
    """A twistd in the background: the command that starts it, its pid file and its log file."""

    def __init__(self, directory):
        self.pid_file = directory / "chat.pid"
        self.log_file = directory / "chat.log"
        self.program = [
            *LAUNCH_TWISTD,
            f"--pidfile={self.pid_file}",
            f"--logfile={self.log_file}",
            "chat",
        ]
        self._process = None

    def find(self):
        """Return its process id. Call this when the command has ended."""
        pid = int(self.pid_file.read_text())
        self._process = os.pidfd_open(pid)
        return pid

    def wait(self):
        """Wait for its end."""
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)

    def close(self):
        """Leave nothing of it behind."""
        if self._process is None and self.pid_file.exists():
            self.find()
        if self._process is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, SIGKILL)
            self.wait()
            os.close(self._process)


def in_own_network(script, *program):
    """Return a command that runs `script`, then `program`, in a network with only a loopback."""
    return [
        "unshare",
        "--map-root-user",
        "--net",
        "sh",
        "-ec",
        f'ip link set lo up; {script}; exec "$@"',
        "sh",
        *program,
    ]


def have_namespaces():
    with suppress(FileNotFoundError):
        return not subprocess.run(in_own_network("true", "true"), capture_output=True).returncode
    return False


own_network = pytest.mark.skipif(
    "CI" not in os.environ and not have_namespaces(),
    reason="needs util-linux, iproute2, and the right to make a network namespace (unshare -rn)",
)
