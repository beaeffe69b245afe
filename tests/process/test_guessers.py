"""Whoever runs a daemon can watch its log for guessers of passphrases."""

from __future__ import annotations

import json
import re

from tests.support.hall import SECRET
from tests.support.processes import chatctl

FAILED = r"^\S+ \[chat#info\] wrong passphrase: name=\S+ from=(\S+)$"
"""As a filter of fail2ban has it."""


def test_the_log_of_a_daemon_can_be_watched_for_guessers(start_daemon, tmp_path):
    daemon = start_daemon("--state", str(tmp_path / "state"))
    ann = daemon.join()
    ann.line()
    ann.send(f"/nick ann\n/register {SECRET}\n/login ann wrong\n".encode())
    ann.find("! that is not the passphrase of ann")
    daemon.out.find("wrong passphrase")
    assert re.findall(FAILED, daemon.out.text, re.M) == ["127.0.0.1"]
    answer = chatctl(tmp_path / "state", "--json", "reset", "ann")
    assert answer.returncode == 0, answer
    passphrase = json.loads(answer.stdout.splitlines()[-1])["passphrase"]
    bob = daemon.join()
    bob.line()
    bob.send(f"/login ann {passphrase}\n".encode())
    bob.find("- You are logged in as ann")
    assert bob.line().startswith("- 1 wrong passphrase was tried for ann since your last login")
    daemon.stop()
    assert passphrase not in daemon.out.text
    for path in (tmp_path / "state").iterdir():
        if path.is_file():
            assert passphrase.encode() not in path.read_bytes()
