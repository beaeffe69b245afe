"""Each address and each user of the machine has a share of its own, for real."""

from __future__ import annotations

import os
import socket
import tempfile

import pytest

from tests.support.daemons import enter
from tests.support.hall import SECRET
from tests.support.processes import chatctl
from twisted_chat.limits import BURST, HISTORY, REGISTRATIONS_A_DAY


def test_a_stranger_s_burst_leaves_what_others_said_also_over_a_restart(start_daemon, tmp_path):
    state, path = tmp_path / "state", tmp_path / "socket"
    arguments = ("--state", str(state), f"--listen=unix:{path}", "--port=0", "--rate=0")
    daemon = start_daemon(*arguments)
    port = int(daemon.out.find(r"Chat Server started on port (\d+)\.")[1])
    ann, stranger = enter(daemon, ("127.0.0.1", port), str(path))
    ann.send(b"".join(b"line %d\n" % number for number in range(50)))
    stranger.find(f"[{ann.name}] line 49")
    for _ in range(4):
        stranger.send(b"x\n" * BURST)
    stranger.send(b"over\n")
    ann.find("[local:1] over")

    def said():
        lines = chatctl(state, "history", "10000").stdout.splitlines()
        assert len(lines) == HISTORY
        return [line.partition("] ")[2] for line in lines[:50]]

    assert said() == [f"line {number}" for number in range(50)]
    daemon.stop()
    daemon = start_daemon(*arguments)
    assert said() == [f"line {number}" for number in range(50)]


@pytest.fixture
def open_folder():
    """A folder that every user of the machine gets to."""
    with tempfile.TemporaryDirectory(prefix="chat-") as path:
        os.chmod(path, 0o711)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_each_user_of_the_machine_has_a_share_of_its_own_over_a_unix_socket(
    start_daemon, open_folder
):
    path = f"{open_folder}/socket"
    daemon = start_daemon(f"--listen=unix:{path}:mode=666")

    def register(name, user):
        os.seteuid(user)
        try:
            peer = daemon.join(path, socket.AF_UNIX)
        finally:
            os.seteuid(0)
        peer.send(f"/nick {name}\n/register {SECRET}\n".encode())
        peer.find(f"- You are now {name}")
        return peer.line()

    for number in range(REGISTRATIONS_A_DAY):
        assert "is yours" in register(f"ann{'x' * number}", 0)
    assert "! 5 names a day can be registered from user 0 of this machine" in register("no", 0)
    assert "- bob is yours" in register("bob", 65534)
    daemon.out.find("register: name=bob from=uid:65534")
