"""What a daemon with --state keeps: through an end, a kill, a full disk and a damaged file."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.crowds import until
from tests.support.processes import PATIENCE, TWISTD, Peer, chatctl
from twisted_chat.spans import moment

PASSPHRASE = "correct horse"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def ask(peer: Peer, command: str, last: str) -> list[str]:
    """Send `command`; the lines up to the first in which `last` is found."""
    peer.send(f"{command}\n".encode())
    lines = [peer.line()]
    while not re.search(last, lines[-1]):
        lines.append(peer.line())
    return lines


def owner(daemon, name: str) -> Peer:
    """Somebody who has registered `name`."""
    peer = daemon.join()
    ask(peer, f"/nick {name}", rf"^- You are now {name}$")
    ask(peer, f"/register {PASSPHRASE}", rf"^- {name} is yours: ")
    return peer


def logged_in(daemon, name: str) -> Peer:
    peer = daemon.join()
    ask(peer, f"/login {name} {PASSPHRASE}", rf"^- You are logged in as {name}$")
    return peer


def fill(disk: Path) -> Path:
    """Leave no room on `disk`; the file to remove to make some again."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(b"x" * free.f_bavail * free.f_frsize)
    return filler


def test_a_restart_keeps_history_names_topics_and_what_operators_did(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    ann = owner(daemon, "ann")
    assert chatctl(state, "op", "ann").returncode == 0
    ask(ann, "/help", "^- //word")
    ann.send(b"hello\n/me waves\n")
    ask(ann, "/topic bread", "set the topic: bread")
    ask(ann, "/ban 10.9.0.0/16 1h spam", "10.9.0.0/16 is banned")
    ask(ann, "/slow 30", "one line in 30 s")
    assert daemon.stop() == -signal.SIGTERM

    daemon = start_daemon("--state", str(state))
    ann = daemon.join()
    assert ann.lines(2)[1] == "- ann set the topic: bread"
    history = ask(ann, "/history", r"\* ann waves$")
    assert [re.sub(r"^- \S+Z ", "", line) for line in history] == ["[ann] hello", "* ann waves"]
    assert ask(ann, "/nick ANN", "^!")[-1].startswith("! ANN is registered")
    ask(ann, f"/login ann {PASSPHRASE}", "^- You are logged in as ann$")
    [ban] = ask(ann, "/bans", "10.9")
    assert re.fullmatch(r"- 10\.9\.0\.0/16 until \S+Z, by ann: spam", ban)
    acts = [json.loads(line) for line in (state / "audit.log").read_text().splitlines()]
    assert [(act["who"], act["what"], act["whom"]) for act in acts] == [
        ("chatctl", "op", "ann"),
        ("ann", "ban", "10.9.0.0/16"),
        ("ann", "slow", "#lobby"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", act["time"]) for act in acts)


def test_a_kill_loses_at_most_what_was_said_last(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    ann, bob = daemon.join(), daemon.join()
    for number in range(200):
        ann.send(f"line {number}\n".encode())
    bob.find(f"[{ann.name}] line 199")
    database = sqlite3.connect(f"file:{state / 'chat.db'}?mode=ro", uri=True)

    def kept() -> int:
        # A row has all that came in one packet.
        texts = [text for (text,) in database.execute("SELECT text FROM line")]
        return sum(text.count("\n") + 1 for text in texts)

    until(lambda: kept() >= 200)
    database.close()
    ann.send(b"the very last\n")
    daemon.child.send_signal(signal.SIGKILL)
    daemon.wait()

    daemon = start_daemon("--state", str(state))
    cat = daemon.join()
    cat.line()
    lines = ask(cat, "/history 200", r"(line 199|the very last)$")
    assert f"[{ann.name}] line 199" in "\n".join(lines) or len(lines) == 200
    assert len(lines) >= 199


def test_a_second_daemon_on_the_same_folder_is_refused_in_one_line(start_daemon, state):
    start_daemon("--state", str(state))
    second = subprocess.run(
        [*TWISTD, "--port=0", "--state", str(state)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert second.returncode == 1
    [line] = second.stderr.splitlines()
    assert line == (
        f"chat: --state {state} is in use by another daemon: stop it, or choose another folder"
    )


def test_a_damaged_file_is_set_aside_and_the_daemon_begins_anew(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    daemon.stop()
    (state / "chat.db").write_bytes(b"no database " * 1000)
    daemon = start_daemon("--state", str(state))
    [aside] = state.glob("chat.db.corrupt-*")
    assert aside.read_bytes().startswith(b"no database")
    assert aside.name in daemon.out.text
    peer = daemon.join()
    peer.line()
    assert ask(peer, "/history", "^-") == ["- nothing is kept of what was said in #lobby"]


def test_what_no_daemon_has_written_is_set_aside_and_the_daemon_begins_anew(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    owner(daemon, "ann")
    daemon.stop()
    with closing(sqlite3.connect(state / "chat.db")) as database:
        database.execute("""UPDATE document SET body = '{"name": "ann", "x": 1}'""")
        database.commit()
    daemon = start_daemon("--state", str(state))
    [aside] = state.glob("chat.db.corrupt-*")
    [line] = [line for line in daemon.out.text.splitlines() if "is corrupt (" in line]
    assert line.endswith(f"): it is kept as {aside}, and the chat begins anew")
    assert "Traceback" not in daemon.out.text
    assert daemon.stop() == -signal.SIGTERM


def test_a_damaged_log_after_a_kill_is_set_aside_and_not_overwritten(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    owner(daemon, "ann")
    log = state / "chat.db-wal"
    database = sqlite3.connect(f"file:{state / 'chat.db'}?mode=ro", uri=True)
    while not database.execute("SELECT count(*) FROM document").fetchone()[0]:
        pass
    daemon.child.send_signal(signal.SIGKILL)
    daemon.wait()
    database.close()
    garbage = b"no log " * 1000
    log.write_bytes(garbage)
    daemon = start_daemon("--state", str(state))
    [aside] = state.glob("chat.db.corrupt-*-wal")
    assert aside.read_bytes() == garbage
    assert aside.name.removesuffix("-wal") in daemon.out.text


def test_a_full_disk_is_told_to_operators_and_the_chat_goes_on(start_daemon, small_disk):
    state = small_disk / "state"
    daemon = start_daemon("--state", str(state))
    ann = owner(daemon, "ann")
    assert chatctl(state, "op", "ann").returncode == 0
    bob = daemon.join()
    bob.line()
    filler = fill(small_disk)
    lines = 0
    told = ""
    while not told:
        bob.send(b"x" * 4000 + b"\n")
        lines += 1
        while not (line := ann.line()).startswith("[") and not told:
            if "cannot be written" in line:
                told = line
        assert lines < 2000
    daemon.out.find("cannot be written")
    bob.send(b"the chat goes on\n")
    ann.find(f"[{bob.name}] the chat goes on")
    filler.unlink()
    while "written again" not in ann.line():
        pass


def test_what_is_kept_is_for_its_owner_alone(start_daemon, state):
    daemon = start_daemon("--state", str(state))
    owner(daemon, "ann")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in state.iterdir()}
    assert oct(state.stat().st_mode & 0o777) == "0o700"
    assert set(modes.values()) == {"0o600"}, modes
    daemon.stop()
    assert PASSPHRASE not in daemon.out.text
    assert PASSPHRASE.encode() not in b"".join(
        path.read_bytes() for path in state.iterdir() if path.is_file()
    )


def test_without_state_registering_says_for_how_long(daemon):
    ann = daemon.join()
    ask(ann, "/nick ann", "^- You are now ann$")
    [answer] = ask(ann, f"/register {PASSPHRASE}", "^-")
    assert answer == (
        "- ann is yours, as long as this daemon runs: /login ann PASSPHRASE takes it next time"
    )


def test_replay_shows_newcomers_the_last_lines_after_the_greeting(start_daemon):
    daemon = start_daemon("--replay", "2")
    ann = daemon.join()
    ann.line()
    ann.send(b"one\ntwo\nthree\n")
    ask(ann, "/history", r"three$")
    bob = daemon.join()
    greeting, *lines = bob.lines(3)
    assert greeting == "> Connected to the chat server (2 users online)"
    assert [re.sub(r"^- \S+Z ", "- ", line) for line in lines] == [
        f"- [{ann.name}] two",
        f"- [{ann.name}] three",
    ]


def test_what_is_sent_while_a_login_waits_is_said_in_order_and_chatctl_is_answered(
    start_daemon, state
):
    daemon = start_daemon("--state", str(state))
    owner(daemon, "ann").close()
    bob = daemon.join()
    while "(1 user online)" not in bob.line():
        pass
    cat = daemon.join()
    cat.send(f"before\n/login ann wrong\n/login ann {PASSPHRASE}\nfirst\n".encode())
    cat.send(b"second\n/me waves\nthi")
    # The second try waits a second for the first one.
    assert chatctl(state, "say", "hello").returncode == 0
    cat.send(b"rd\n")
    cat.end()
    lines = bob.find("< The user ann left (1 user online)")
    said = [line for line in lines if line.startswith(("[", "*"))]
    assert said[0] == f"[{cat.name}] before"
    assert said[1:] == ["[ann] first", "[ann] second", "* ann waves", "[ann] third"]
    assert "- chatctl says: hello" in lines
    assert "! that is not the passphrase of ann" in cat.rest()


def test_times_are_those_of_rfc_3339() -> None:
    assert moment(1_763_881_920) == "2025-11-23T07:12:00Z"
