"""chat-client on a terminal: what is typed, what is shown, and how it ends.

With line editing, which leaves what was typed on the screen, and plainly (TERM=dumb), where that is
the terminal's own business, which echoes nothing here.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from signal import SIGINT, SIGKILL

import pytest

from tests.support.clients import AWAY, GREETING, GREETING_BESIDE_BOB, NOT_SENT, name_of_newcomer
from tests.support.processes import Daemon, Peer, Process
from tests.support.terminals import Terminal

FACES = {"editing": "xterm-256color", "dumb": "dumb"}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """How the terminal is used."""
    return request.param


@pytest.fixture
def typed(face: str) -> Callable[[str], str]:
    """What stays on the screen of a line that was typed."""
    return lambda line: f"{line}\n" if face == "editing" else ""


@pytest.fixture
def person(person: Callable[..., Terminal], face: str) -> Callable[..., Terminal]:
    """Start a chat-client on a terminal with this `face`."""
    return lambda *arguments: person(*arguments, env={"TERM": FACES[face]})


@pytest.fixture
def ann(person: Callable[..., Terminal], shared_daemon: Daemon, bob: Peer) -> Terminal:
    """A person on a terminal, in the room with bob; both have read all that came so far."""
    ann = person("127.0.0.1", shared_daemon.port)
    ann.shows(GREETING_BESIDE_BOB)
    ann.name = name_of_newcomer(bob)
    return ann


def write_until_it_takes_no_more(process: Process) -> None:
    """Give `process` lines until it reads its standard input no more."""
    stdin = process.child.stdin.fileno()
    # Too short a time can only let a bad client pass.
    while select.select([], [stdin], [], 0.5)[1]:
        os.write(stdin, b"x" * 99 + b"\n")


# On a terminal.


def test_terminal_shows_the_greeting_what_is_typed_and_what_others_say(ann, bob, typed):
    ann.type("Hello\n")
    ann.find("[You] Hello")
    assert bob.line() == f"[{ann.name}] Hello"
    bob.send(b"World\n")
    ann.find("World")
    bob.close()
    shown = (
        f"{GREETING_BESIDE_BOB}{typed('Hello')}[You] Hello\n[{bob.name}] World\n"
        f"< The user {bob.name} left (1 user online)\n"
    )
    ann.shows(shown)
    ann.type("\x03")
    assert ann.wait() == 0
    assert ann.screen == f"{shown}exit\n"


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["^C", "^D"])
def test_terminal_prints_exit_and_ends_well_at(ann, bob, key):
    ann.type(key)
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING_BESIDE_BOB}exit\n"
    assert bob.line() == f"< The user {ann.name} left (1 user online)"


def test_terminal_forgets_a_half_typed_line_at_interrupt(ann, bob):
    ann.type("on second thou\x03")
    assert ann.wait() == 0
    assert bob.line() == f"< The user {ann.name} left (1 user online)"


def test_terminal_says_a_last_line_that_ends_with_the_input(ann, bob, typed):
    ann.type("so long\x04\x04")
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING_BESIDE_BOB}{typed('so long')}[You] so long\nexit\n"
    assert bob.lines(2) == [
        f"[{ann.name}] so long",
        f"< The user {ann.name} left (1 user online)",
    ]


def test_terminal_runs_commands_and_shows_only_their_answers(ann, bob):
    ann.type("/who\n")
    ann.find(f"{bob.name}, {ann.name}")
    ann.type("/help\n")
    ann.find("say /word")
    ann.type("/nosuch\n")
    ann.find("! no command /nosuch")
    ann.type("\x03")
    ann.wait()
    assert "[You]" not in ann.screen
    assert bob.line() == f"< The user {ann.name} left (1 user online)"


def test_terminal_says_a_line_with_a_doubled_slash(ann, bob):
    ann.type("//who\n")
    ann.find("[You] /who")
    assert bob.line() == f"[{ann.name}] /who"


def test_terminal_ends_at_quit_and_others_read_the_words(ann, bob):
    ann.type("/quit see you\n")
    assert ann.wait() == 0
    assert bob.line() == f"< The user {ann.name} left (1 user online): see you"
    assert "[You]" not in ann.screen


def test_terminal_says_nothing_for_an_empty_line(ann, bob, typed):
    ann.type("\n\nHello\n")
    ann.find("[You] Hello")
    assert bob.line() == f"[{ann.name}] Hello"
    ann.shows(f"{GREETING_BESIDE_BOB}{typed('Hello')}[You] Hello\n")


def test_terminal_shows_typed_control_characters_as_pictures(ann, bob, face):
    # With line editing keys are keys; what is pasted is text.
    (ann.paste if face == "editing" else ann.type)("\x1b[31mred\x07\n")
    ann.find("[You] ␛[31mred␇")
    assert bob.line() == f"[{ann.name}] ␛[31mred␇"


def test_terminal_refuses_lines_while_the_server_is_away_and_greets_when_it_is_back(
    person, start_daemon, port, typed
):
    first = start_daemon(f"--port={port}")
    ann = person("127.0.0.1", port)
    ann.shows(GREETING)
    first.stop(SIGKILL)
    ann.find(AWAY.strip())
    ann.type("lost\n")
    ann.find(NOT_SENT.strip())
    ann.type("/who\n")
    ann.find(NOT_SENT.strip())
    second = start_daemon(f"--port={port}")
    ann.find("online)")
    ann.type("found\n")
    ann.find("[You] found")
    second.out.find(r"\[\S+\] found$")
    assert "lost" not in second.out.text
    shown = (
        f"{GREETING}{AWAY}{typed('lost')}{NOT_SENT}{typed('/who')}{NOT_SENT}"
        f"{GREETING}{typed('found')}[You] found\n"
    )
    ann.shows(shown)
    ann.type("\x03")
    assert ann.wait() == 0
    assert ann.screen == f"{shown}exit\n"


@pytest.mark.parametrize("way", ["\x03", "\x04", "/quit\n"], ids=["^C", "^D", "quit"])
def test_terminal_can_be_left_while_the_server_is_away_by(person, server, way, typed):
    ann = person("127.0.0.1", server.port)
    guest = server.greet()
    ann.shows(GREETING)
    server.stop()
    guest.close()
    ann.shows(f"{GREETING}{AWAY}")
    ann.type(way)
    assert ann.wait() == 0
    left = typed("/quit") if way == "/quit\n" else ""
    assert ann.screen == f"{GREETING}{AWAY}{left}exit\n"


def test_terminal_ends_with_status_1_when_told_not_to_reconnect(person, server):
    ann = person("--no-reconnect", "127.0.0.1", server.port)
    guest = server.greet()
    ann.shows(GREETING)
    guest.close()
    assert ann.wait() == 1
    assert ann.screen == f"{GREETING}chat-client: the server went away\n"


def test_second_interrupt_changes_nothing(person, server):
    ann = person("127.0.0.1", server.port)
    guest = server.greet()
    ann.shows(GREETING)
    ann.type("\x03")
    ann.shows(f"{GREETING}exit\n")
    ann.type("\x03")
    guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}exit\n"


def test_interrupt_ends_it_within_its_bound_when_the_server_is_stuck(person, client, server):
    greeted = person("127.0.0.1", server.port)
    server.greet()
    greeted.shows(GREETING)
    ungreeted = person("127.0.0.1", server.port)
    server.accept()
    ungreeted.shows("! no greeting yet: is this a chat? perhaps TLS: try --tls\n")
    choked = [client("127.0.0.1", server.port), client("--stay", "127.0.0.1", server.port)]
    for process in choked:
        server.greet()
        write_until_it_takes_no_more(process)
    greeted.type("\x03")
    ungreeted.type("\x03")
    for process in choked:
        process.child.send_signal(SIGINT)
    assert (greeted.wait(), ungreeted.wait()) == (0, 0)
    assert greeted.screen == f"{GREETING}exit\n"
    assert ungreeted.screen.endswith("try --tls\nexit\n")
    for process in choked:
        assert process.wait() in (0, 1)
