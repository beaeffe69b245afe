"""One on nc, one on chat-client and one on telnet: together they can do all that there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

import pexpect
import pytest

from tests.process.test_any_client import installed
from tests.support.processes import (
    CHAT_CLIENT,
    CHECKOUT,
    PATIENCE,
    Daemon,
    Process,
    chatctl,
)
from tests.support.terminals import Terminal

PASSPHRASE = "correct horse"


class Telnet:
    """A person with telnet."""

    def __init__(self, port: int) -> None:
        self.child = pexpect.spawn(
            installed("telnet"), ["127.0.0.1", str(port)], encoding="utf-8", timeout=PATIENCE
        )
        self.child.setecho(False)

    def type(self, line: str) -> None:
        self.child.sendline(line)

    def find(self, text: str) -> None:
        self.child.expect_exact(text)

    def close(self) -> None:
        self.child.close(force=True)


class Netcat:
    """A person with nc."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def type(self, line: str) -> None:
        self.process.write(f"{line}\n".encode())

    def find(self, text: str) -> None:
        self.process.out.find(re.escape(text))


class Client:
    """A person with chat-client on a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def type(self, line: str) -> None:
        self.terminal.type(f"{line}\r")

    def find(self, text: str) -> None:
        self.terminal.find(text)


class People(tuple[Netcat, Client, Telnet]):
    """Ann, bob and cat, and the `port` where they meet."""

    port: int

    def __new__(cls, all_of_them: tuple[Netcat, Client, Telnet], port: int) -> People:
        people = super().__new__(cls, all_of_them)
        people.port = port
        return people


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def people(
    start_daemon: Callable[..., Daemon],
    start: Callable[..., Process],
    terminal: Callable[..., Terminal],
    state: Path,
) -> Iterator[People]:
    """Ann on nc, bob on chat-client and cat on telnet; each knows of the others."""
    daemon = start_daemon("--state", str(state))
    ann = Netcat(start([installed("nc.openbsd"), "127.0.0.1", str(daemon.port)]))
    ann.find("> Connected to the chat server (1 user online)")
    bob = Client(terminal([*CHAT_CLIENT, "--nick", "bob", "127.0.0.1", str(daemon.port)]))
    bob.find("- You are now bob")
    cat = Telnet(daemon.port)
    cat.find("> Connected to the chat server (3 users online)")
    ann.type("/nick ann")
    ann.find("- You are now ann")
    bob.find("is now ann")
    cat.type("/nick cat")
    cat.find("- You are now cat")
    for other in (ann, bob):
        other.find("is now cat")
    yield People((ann, bob, cat), daemon.port)
    cat.close()


def test_they_talk_to_all_and_to_one(people):
    ann, bob, cat = people
    ann.type("hello")
    bob.find("[ann] hello")
    cat.find("[ann] hello")
    bob.type("hi")
    bob.find("[You] hi")
    ann.find("[bob] hi")
    cat.type("/me waves")
    for each in people:
        each.find("* cat waves")
    ann.type("/msg bob a secret")
    ann.find("[you -> bob] a secret")
    bob.find("[ann -> you] a secret")
    bob.type("/reply of ours")
    ann.find("[bob -> you] of ours")
    bob.find("[you -> ann] of ours")
    cat.type("/who")
    cat.find("- 3 users online:")
    cat.find("- ann, bob, cat")
    cat.type("/away lunch")
    cat.find("- You are away: lunch")
    ann.type("/msg cat when you are back")
    ann.find("- cat is away: lunch")
    ann.type("/whois cat")
    ann.find("- cat in #lobby, idle")
    cat.type("/back")
    cat.find("- You are back")
    ann.type("/ignore bob")
    ann.find("- You ignore bob")
    bob.type("is anybody there")
    cat.find("[bob] is anybody there")
    bob.type("/msg ann you?")
    bob.find("! ann did not get that: ann ignores you")
    ann.type("/unignore bob")
    ann.find("- You hear bob again")
    bob.type("again")
    ann.find("[bob] again")
    cat.type("/quit good night")
    ann.find("< The user cat left (2 users online): good night")
    bob.find("< The user cat left (2 users online): good night")


def test_they_meet_in_a_room_and_find_what_was_said_there(people):
    ann, bob, cat = people
    bob.type("/join dev")
    bob.find("- You are now in #dev (1 user online)")
    ann.find("< The user bob left (2 users online)")
    bob.type("ship it")
    bob.find("[You] ship it")
    bob.type("/topic release")
    bob.find("- bob set the topic: release")
    cat.type("/rooms")
    cat.find("- #lobby: 2 users online")
    cat.find("- #dev: 1 user online, bob set the topic: release")
    cat.type("/join #DEV")
    cat.find("> Connected to the chat server (2 users online)")
    cat.find("- You are now in #dev")
    cat.find("- bob set the topic: release")
    bob.find("> New user cat entered (2 users online)")
    cat.type("/history 5")
    cat.find("Z [bob] ship it")
    ann.type("nobody there hears this")
    ann.type("/history 1")
    ann.find("Z [ann] nobody there hears this")
    cat.type("only bob hears this")
    bob.find("[cat] only bob hears this")
    cat.type("/join lobby")
    bob.find("< The user cat left (1 user online)")
    ann.find("> New user cat entered (2 users online)")
    assert "[cat] only" not in ann.process.out.text
    assert "nobody there" not in bob.terminal.screen


def test_a_name_stays_with_its_owner_and_operators_keep_order(people, state):
    ann, bob, cat = people
    bob.type("/register")
    bob.find("Passphrase:")
    bob.type(PASSPHRASE)
    bob.find("Passphrase again:")
    bob.type(PASSPHRASE)
    bob.find("- bob is yours: /login bob PASSPHRASE takes it next time")
    assert PASSPHRASE not in bob.terminal.screen
    cat.type("/kick ann")
    cat.find("! /kick is for operators")
    assert chatctl(state, "op", "bob").returncode == 0
    bob.find("- You are an operator")
    bob.type("/mute cat 10m")
    cat.find("- You are muted for 10 min")
    cat.type("hello?")
    cat.find("! that was not said: you are muted")
    bob.type("/unmute cat")
    cat.find("- You are not muted any more")
    bob.type("/lock")
    bob.find("bob locked #lobby")
    bob.type("/unlock")
    bob.find("bob unlocked #lobby")
    bob.type("/slow 60")
    ann.find("one line in 1 min")
    ann.type("first")
    cat.find("[ann] first")
    ann.type("second")
    ann.find("! that was not said")
    bob.type("/kick ann so long")
    ann.find("! you were put out: kicked by bob: so long")
    cat.find("< The user ann left (2 users online), put out: kicked by bob: so long")
    bob.type("/ban cat 1h")
    cat.find("! you were put out: banned by bob")
    bob.type("/bans")
    bob.find("- cat until")
    bob.type("/unban cat")
    bob.find("- bob undid the ban of cat")
    bob.type("/ban 127.0.0.1")
    bob.find("! 127.0.0.1 is where you are yourself")
    who = chatctl(state, "who")
    assert who.stdout.startswith("1 user online:\nbob from 127.0.0.1 in #lobby, operator")


def test_who_comes_to_a_locked_lobby_reads_why_and_comes_in_when_it_is_open(people, state, start):
    ann, _, cat = people
    port = str(people.port)
    assert chatctl(state, "lock").returncode == 0
    ann.find("- chatctl locked #lobby")
    late = Netcat(start([installed("nc.openbsd"), "127.0.0.1", port]))
    late.find("! the chat is locked: nobody new may come in just now, try again later")
    assert late.process.wait() == 0
    assert chatctl(state, "unlock").returncode == 0
    cat.find("- chatctl unlocked #lobby")
    late = Netcat(start([installed("nc.openbsd"), "127.0.0.1", port]))
    late.find("> Connected to the chat server (4 users online)")


def test_they_find_help_and_what_was_said_and_say_what_looks_like_a_command(people):
    ann, bob, cat = people
    ann.type("/help")
    ann.find("- /help [command]: list the commands")
    ann.find("- //word: say /word")
    for name, each, other in (("ann", ann, bob), ("bob", bob, cat), ("cat", cat, ann)):
        each.type("/help topic")
        each.find("- /topic [text]: show the room's topic, or set it")
        each.type("//help is a command")
        other.find(f"[{name}] /help is a command")
    ann.type("/nosuch")
    ann.find("! no command /nosuch: /help lists them, and //nosuch says it")
    ann.type("/history 2")
    ann.find("Z [bob] /help is a command")
    ann.find("Z [cat] /help is a command")


def test_a_name_is_taken_with_its_passphrase_after_a_reconnect_and_given_up(people, start):
    ann, bob, _ = people
    port = str(people.port)
    ann.type(f"/register {PASSPHRASE}")
    ann.find("- ann is yours: /login ann PASSPHRASE takes it next time")
    bob.type("/nick ann")
    bob.find("! ann is registered: /login ann PASSPHRASE, or another name")
    ann.process.stop()
    bob.find("< The user ann left (2 users online)")
    ann = Netcat(start([installed("nc.openbsd"), "127.0.0.1", port]))
    ann.type("/nick ann")
    ann.find("! ann is registered: /login ann PASSPHRASE")
    ann.type(f"/login ann {PASSPHRASE}")
    ann.find("- You are logged in as ann")
    bob.find("is now ann")
    ann.type("/unregister")
    ann.find("- ann belongs to nobody now: whoever takes it has it")
    ann.type("/nick kit")
    bob.find("is now kit")
    bob.type("/nick ann")
    bob.find("- You are now ann")


def test_a_client_whose_daemon_comes_back_is_logged_in_and_in_its_room_again(
    start_daemon, terminal, state, port
):
    daemon = start_daemon("--state", str(state), f"--port={port}")
    bob = Client(terminal([*CHAT_CLIENT, "--nick", "bob", "127.0.0.1", str(port)]))
    bob.find("- You are now bob")
    bob.type("/register")
    bob.find("Passphrase:")
    bob.type(PASSPHRASE)
    bob.find("Passphrase again:")
    bob.type(PASSPHRASE)
    bob.find("- bob is yours")
    bob.type("/join dev")
    bob.find("- You are now in #dev")
    daemon.stop()
    bob.find("! the server went away; trying until it is back")
    start_daemon("--state", str(state), f"--port={port}")
    bob.find("- You are logged in as bob")
    bob.find("- You are now in #dev")
    assert PASSPHRASE not in bob.terminal.screen


def without_chance(line: str) -> str:
    """`line` without the address, the time and the id, which are others each time."""
    return re.sub(r"10\.0\.2\.15:\d+|127\.0\.0\.1:\d+|\d+\.\d+|[0-9a-f]+-\d+", "…", line)


def test_a_script_says_what_the_page_shows_and_reads_what_it_shows(daemon, start):
    """`echo done | chat-client --json --nick robot`, in a shell."""
    others = [daemon.join(), daemon.join()]
    others[0].find(f"> New user {others[1].name} entered (2 users online)")
    client = " ".join(map(quote, CHAT_CLIENT))
    script = f"echo done | {client} --json --nick robot 127.0.0.1 {daemon.port}"
    process = start(["sh", "-c", script])
    assert process.wait() == 0
    assert process.err.text == ""
    page = (CHECKOUT / "docs" / "client.md").read_text()
    sample = page.partition("$ echo done | chat-client --json --nick robot")[2]
    shown = [line.strip() for line in sample.splitlines()[1:4]]
    assert list(map(without_chance, process.out.seen)) == list(map(without_chance, shown))
    entered, renamed, said, left = others[0].lines(4)
    assert entered.endswith("entered (3 users online)")
    assert renamed.endswith(" is now robot")
    assert said == "[robot] done"
    assert left == "< The user robot left (2 users online)"
