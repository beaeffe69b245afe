"""The terminal's modes: chat-client gives them back at every end, and while it is stopped."""

from __future__ import annotations

import os
import sys
import termios
from signal import SIGALRM, SIGHUP, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGUSR1, SIGUSR2

import pytest

from tests.support.clients import GREETING
from tests.support.processes import PATIENT_CLIENT
from tests.support.terminals import Terminal

_SHELL = """
import os, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
before = termios.tcgetattr(0)
print("ready", flush=True)
input()
child = os.fork()
if not child:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    for number in (signal.SIGTTOU, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    status = os.waitpid(child, os.WUNTRACED)[1]
    os.tcsetpgrp(0, os.getpgrp())
    how = "as before" if termios.tcgetattr(0) == before else "changed"
    if not os.WIFSTOPPED(status):
        print(f"ended with {os.waitstatus_to_exitcode(status)}, {how}", flush=True)
        break
    print(f"stopped by {os.WSTOPSIG(status)}, {how}", flush=True)
    go = input()
    if go == "fg":
        os.tcsetpgrp(0, child)
    if go == "kill":
        os.kill(child, signal.SIGTERM)
    os.kill(child, signal.SIGCONT)
"""
"""A shell with job control that changes no mode itself. It runs its arguments in the foreground and
tells what becomes of them; `fg`, `bg` and `kill` continue what is stopped.
"""


@pytest.fixture
def run(terminal, server):
    """Start chat-client from that shell, with these options; the server that greets is the test."""

    def run(**options: object) -> Terminal:
        client = [*PATIENT_CLIENT, "127.0.0.1", str(server.port)]
        person = terminal([sys.executable, "-c", _SHELL, *client], echo=True, **options)
        person.find("ready")
        person.type("\n")
        person.guest = server.greet()
        person.find(GREETING.strip())
        return person

    return run


@pytest.fixture
def ann(run):
    """A person whose terminal edits lines."""
    return run()


@pytest.fixture
def dumb(run):
    """A person whose terminal does not."""
    return run(env={"TERM": "dumb"})


def signal_client(ann: Terminal, number: int) -> None:
    """Send `number` to the client that is in the foreground of the terminal."""
    os.kill(os.tcgetpgrp(ann.child.fileno()), number)


def is_raw(ann: Terminal) -> bool:
    return not termios.tcgetattr(ann.child.fileno())[3] & termios.ICANON


def test_a_stopped_client_gives_the_terminal_back_and_takes_it_again(ann):
    ann.type("half")
    ann.until(lambda screen: screen.endswith("\nhalf"))
    ann.type("\x1a")
    ann.find(f"stopped by {int(SIGTSTP)}, as before")
    assert "half" not in ann.screen.splitlines()
    assert ann.raw.rindex("\x1b[?2004l") > ann.raw.rindex("\x1b[?2004h")
    ann.type("fg\n")
    ann.until(lambda screen: screen.endswith("\nhalf"))
    assert is_raw(ann)
    ann.type("way\n")
    assert ann.guest.line() == "halfway"
    ann.type("\x03")
    ann.guest.close()
    ann.find("ended with 0, as before")


def test_a_client_that_somebody_else_stops_gives_the_terminal_back_too(ann):
    for _ in range(2):
        signal_client(ann, SIGTSTP)
        ann.find(f"stopped by {int(SIGTSTP)}, as before")
        ann.guest.send(b"[bob] hello\n")
        ann.type("fg\n")
        ann.find("[bob] hello")
        ann.until(lambda _: is_raw(ann))
    ann.type("hi\n")
    assert ann.guest.line() == "hi"


def test_a_client_that_is_continued_in_the_background_waits_for_the_foreground(ann):
    ann.type("\x1a")
    ann.find(f"stopped by {int(SIGTSTP)}")
    ann.type("bg\n")
    ann.find(f"stopped by {int(SIGTTOU)}, as before")
    ann.type("fg\n")
    ann.until(lambda _: is_raw(ann))
    ann.type("hi\n")
    assert ann.guest.line() == "hi"


@pytest.mark.parametrize("before", [[], ["bg"]], ids=["stopped", "waiting in the background"])
def test_a_stopped_client_can_be_ended(ann, before):
    ann.type("\x1a")
    ann.find("stopped by")
    for command in before:
        ann.type(f"{command}\n")
        ann.find("stopped by")
    ann.type("kill\n")
    ann.find(f"ended with {-SIGTERM}, as before")
    assert ann.guest.rest() == ""


def test_modes_that_were_changed_meanwhile_are_those_that_are_given_back(ann):
    ann.type("\x1a")
    ann.find("stopped by")
    attributes = termios.tcgetattr(ann.child.fileno())
    attributes[3] &= ~termios.ECHOE
    termios.tcsetattr(ann.child.fileno(), termios.TCSANOW, attributes)
    ann.type("fg\n")
    ann.until(lambda _: is_raw(ann))
    ann.type("\x03")
    ann.guest.close()
    ann.find("ended with 0")
    assert termios.tcgetattr(ann.child.fileno()) == attributes


@pytest.mark.parametrize("number", [SIGTERM, SIGHUP])
def test_a_signal_to_end_ends_it_in_good_order(ann, number):
    signal_client(ann, number)
    assert ann.guest.rest() == ""
    ann.guest.close()
    ann.find("ended with 0, as before")
    assert ann.raw.rindex("\x1b[?2004l") > ann.raw.rindex("\x1b[?2004h")


@pytest.mark.parametrize("number", [SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM])
def test_a_signal_that_ends_it_at_once_leaves_the_terminal_as_it_was(ann, number):
    signal_client(ann, number)
    ann.find(f"ended with {-number}, as before")
    assert ann.raw.rindex("\x1b[?2004l") > ann.raw.rindex("\x1b[?2004h")


def test_a_terminal_of_another_session_is_left_as_it_was(terminal, server):
    client = [*PATIENT_CLIENT, "127.0.0.1", str(server.port)]
    ann = terminal(["bash", "-c", 'echo ready; read; setsid -w "$@"', "bash", *client], echo=True)
    ann.find("ready")
    before = termios.tcgetattr(ann.child.fileno())
    ann.type("\n")
    guest = server.greet()
    ann.find(GREETING.strip())
    assert is_raw(ann)
    ann.type("\x03")
    guest.close()
    assert ann.wait() == 0
    assert termios.tcgetattr(ann.child.fileno()) == before


def test_a_hangup_is_ignored_where_it_was(terminal, server):
    client = [*PATIENT_CLIENT, "127.0.0.1", str(server.port)]
    ann = terminal(["bash", "-c", 'trap "" HUP; exec "$@"', "bash", *client])
    guest = server.greet()
    ann.shows(GREETING)
    ann.child.kill(SIGHUP)
    ann.type("still here\n")
    assert guest.line() == "still here"


def test_a_dumb_terminal_echoes_while_the_client_is_stopped_and_not_before_the_answer(dumb):
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.type("\x1a")
    dumb.find(f"stopped by {int(SIGTSTP)}, as before")
    dumb.type("fg\n")
    dumb.until(lambda _: not dumb.child.getecho())
    dumb.type("horse\n")
    assert dumb.guest.line() == "/login ann horse"
    dumb.until(lambda _: dumb.child.getecho())
    assert "horse" not in dumb.raw


@pytest.mark.parametrize("number", [SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
def test_a_dumb_terminal_echoes_again_after_a_signal(dumb, number):
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.until(lambda _: not dumb.child.getecho())
    signal_client(dumb, number)
    dumb.guest.close()
    dumb.find("as before")


def test_the_quit_key_of_a_dumb_terminal_leaves_it_echoing(dumb):
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.until(lambda _: not dumb.child.getecho())
    dumb.type("\x1c")
    dumb.find(f"ended with {-SIGQUIT}, as before")
