"""Clients that a person already has, for real."""

from __future__ import annotations

import os
import re
import shutil

import pexpect
import pytest

from tests.support.processes import PATIENCE, Process


def installed(program: str) -> str:
    """The path of `program`; without it the test is skipped, but never in CI."""
    path = shutil.which(program)
    if path is None:
        assert "CI" not in os.environ, f"{program} is not installed"
        pytest.skip(f"{program} is not installed")
    return path


CLIENTS = {
    "nc.openbsd": "nc.openbsd 127.0.0.1 {port}",
    "nc.traditional": "nc.traditional 127.0.0.1 {port}",
    "ncat": "ncat 127.0.0.1 {port}",
    "socat": "socat - TCP:127.0.0.1:{port}",
    "bash": "exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & cat >&3; wait",
}
ENDING = {
    "nc.openbsd": "nc.openbsd -N 127.0.0.1 {port}",
    "nc.traditional": "nc.traditional -q 60 127.0.0.1 {port}",
    "ncat": "ncat 127.0.0.1 {port}",
    "socat": "socat -t 60 - TCP:127.0.0.1:{port}",
}


def shell(start, program: str, command: str, port: int) -> Process:
    installed(program)
    return start(["bash", "-c", command.format(port=port)], start_new_session=True)


@pytest.mark.parametrize("program", CLIENTS)
def test_a_client_that_is_there_talks_and_hears(daemon, start, program):
    bob = daemon.join()
    bob.line()
    client = shell(start, program, CLIENTS[program], daemon.port)
    client.out.find(r"^> Connected to the chat server \(2 users online\)$")
    name = bob.line().split()[3]
    client.write("Grüße\n".encode())
    assert bob.line() == f"[{name}] Grüße"
    bob.send("日本\n".encode())
    client.out.find(rf"^\[{bob.name}\] 日本$")
    bob.send(b"/who\n")
    assert bob.lines(2)[0] == "- 2 users online:"
    os.killpg(client.child.pid, 9)
    assert bob.line() == f"< The user {name} left (1 user online)"


@pytest.mark.parametrize("program", ENDING)
def test_what_is_piped_into_it_is_heard_and_it_ends_by_itself(daemon, start, program):
    bob = daemon.join()
    bob.line()
    client = shell(start, program, f"printf hi | {ENDING[program]}", daemon.port)
    assert client.wait() == 0
    assert client.out.text == "> Connected to the chat server (2 users online)\n"
    name = bob.line().split()[3]
    assert bob.lines(2) == [f"[{name}] hi", f"< The user {name} left (1 user online)"]


def test_interrupting_in_telnet_does_not_silence_it(daemon):
    bob = daemon.join()
    bob.line()
    telnet = pexpect.spawn(
        installed("telnet"), ["127.0.0.1", str(daemon.port)], encoding="utf-8", timeout=PATIENCE
    )
    try:
        telnet.expect_exact("> Connected to the chat server (2 users online)")
        name = bob.line().split()[3]
        telnet.sendline("before")
        assert bob.line() == f"[{name}] before"
        telnet.sendintr()
        # What arrives before the answer to its ^C telnet throws away, as it should.
        shown = [f"[{bob.name}] still here", pexpect.TIMEOUT]
        for _ in range(60):
            bob.send(b"still here\n")
            if telnet.expect_exact(shown, timeout=0.5) == 0:
                break
        else:
            pytest.fail("telnet shows nothing after ^C")
        telnet.sendline("after")
        assert bob.line() == f"[{name}] after"
    finally:
        telnet.close(force=True)
    assert bob.line() == f"< The user {name} left (1 user online)"


def test_a_person_in_a_terminal_that_sends_cr_talks_and_erases(daemon):
    """nc on a terminal in raw mode sends what ConnectBot and PuTTY send."""
    bob = daemon.join()
    bob.line()
    command = f"stty raw -echo; exec {installed('nc.openbsd')} 127.0.0.1 {daemon.port}"
    person = pexpect.spawn("sh", ["-c", command], encoding="utf-8", timeout=PATIENCE)
    try:
        person.expect_exact("> Connected to the chat server (2 users online)")
        name = re.search(r"user (\S+) entered", bob.line())[1]
        person.send("helo\x7flo\r")
        assert bob.line() == f"[{name}] hello"
        person.send("again\r")
        assert bob.line() == f"[{name}] again"
    finally:
        person.close(force=True)
    assert bob.line() == f"< The user {name} left (1 user online)"


def test_telnet_that_sends_each_key_talks_and_erases(daemon):
    bob = daemon.join()
    bob.line()
    person = pexpect.spawn(
        installed("telnet"), ["127.0.0.1", str(daemon.port)], encoding="utf-8", timeout=PATIENCE
    )
    try:
        person.expect_exact("> Connected to the chat server (2 users online)")
        name = re.search(r"user (\S+) entered", bob.line())[1]
        person.send("\x1d")  # Its escape key.
        person.expect_exact("telnet>")
        person.sendline("mode character")
        person.expect_exact("\r\n")
        person.send("helo\x7flo\r")
        assert bob.line() == f"[{name}] hello"
    finally:
        person.close(force=True)
    assert bob.line() == f"< The user {name} left (1 user online)"


def test_a_file_with_a_byte_order_mark_is_obeyed_and_said(daemon):
    """As a StreamWriter of .NET writes it."""
    bob = daemon.join()
    bob.line()
    ann = daemon.join()
    ann.send(b"\xef\xbb\xbf/nick ann\r\n\xef\xbb\xbfhi\r\n")
    bob.line()
    assert bob.lines(2) == [f"- {ann.name} is now ann", "[ann] \ufeffhi"]
