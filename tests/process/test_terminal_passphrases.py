"""Passphrases that are typed into chat-client: seen by nobody, kept nowhere."""

from __future__ import annotations

import pytest

from tests.support.clients import GREETING
from tests.support.processes import PATIENT_CLIENT

UP = "\x1b[A"
SECRET = "correct horse ☃"


def test_register_asks_twice_without_echo(ann):
    ann.type("/register\n")
    ann.find("Passphrase:")
    ann.type(f"{SECRET}\n")
    ann.find("Passphrase again:")
    ann.type(f"{SECRET}\n")
    assert ann.guest.line() == f"/register {SECRET}"
    ann.guest.send(b"- done\n")
    ann.shows(f"{GREETING}/register\nPassphrase:\nPassphrase again:\n- done\n")
    assert "horse" not in ann.raw
    assert "*" not in ann.raw


def test_register_refuses_passphrases_that_differ(ann):
    ann.type("/register\none\ntwo\n")
    ann.find("! the passphrases differ, and nothing was sent")
    ann.type("hello\n")
    assert ann.guest.line() == "hello"


@pytest.mark.parametrize("typed", ["/login ann", "/LOGIN  ann ", "/login"])
def test_login_asks_for_what_is_missing(ann, typed):
    ann.type(f"{typed}\n")
    if typed == "/login":
        ann.find("Name:")
        ann.type("ann\n")
    ann.find("Passphrase:")
    ann.type(f"{SECRET}\n")
    assert ann.guest.line() == f"/login ann {SECRET}"
    ann.type("hello\n")
    ann.find("[You] hello")
    assert "horse" not in ann.raw


def test_interrupt_calls_off_the_question_and_not_the_client(ann):
    for keys in ("\x03", "\x04", "\n"):
        ann.type("/login ann\n")
        ann.find("Passphrase:")
        ann.type(keys)
        ann.type("hello\n")
        assert ann.guest.line() == "hello"
        ann.find("[You] hello")


def test_half_a_passphrase_is_forgotten_at_interrupt(ann):
    ann.type("/login ann\nsecr\x03")
    ann.type("\x19hello\n")
    assert ann.guest.line() == "hello"


def test_lines_that_arrive_are_shown_above_the_question(ann):
    ann.type("/login ann\n")
    ann.find("Passphrase:")
    ann.type("sec")
    ann.guest.send(b"[bob] one\n")
    ann.shows(f"{GREETING}/login ann\n[bob] one\nPassphrase:")
    ann.type("ret\n")
    assert ann.guest.line() == "/login ann secret"


@pytest.mark.parametrize("command", ["/register ", "/login ann ", "/Login  ann  "])
def test_passphrase_that_is_typed_into_the_line_is_masked(ann, command):
    for character in f"{command}horse":
        ann.type(character)
    ann.until(lambda screen: screen.endswith(f"\n{command}*****"))
    ann.type("\n")
    assert ann.guest.line() == f"{command}horse"
    ann.type("hello\n")
    ann.shows(f"{GREETING}{command}*****\nhello\n[You] hello\n")
    assert "horse" not in ann.raw


def test_no_line_with_a_passphrase_is_in_the_history(ann):
    ann.type("first\n/register horse\n/LOGIN ann horse\n/login ann\nhorse\n")
    assert ann.guest.lines(4)[0] == "first"
    ann.guest.send(b"- ready\n")
    ann.find("- ready")
    ann.type(UP)
    ann.until(lambda screen: screen.endswith("\nfirst"))
    ann.type(UP + UP + "\n")
    assert ann.guest.line() == "first"
    assert "horse" not in ann.raw
    assert "[You] /" not in ann.screen


def test_passphrase_that_is_typed_ahead_is_never_said(person, server):
    ann = person("127.0.0.1", server.port, program=PATIENT_CLIENT)
    guest = server.accept()
    ann.type("/login ann\nhorse\nhello\n")
    ann.find("hello")
    guest.greet()
    assert guest.lines(2) == ["/login ann horse", "hello"]
    ann.find("[You] hello")
    assert "horse" not in ann.raw


def test_deleted_part_of_a_passphrase_cannot_be_put_into_the_line(ann):
    ann.type("/login ann\nhorse\x15pass\n\x19hello\n")
    assert ann.guest.lines(2) == ["/login ann pass", "hello"]
    assert "horse" not in ann.raw


@pytest.mark.parametrize("keys", ["/login\n\x03", "/login\n \n", "/register\nhorse\n\x03"])
def test_each_question_can_be_called_off(ann, keys):
    ann.type(keys)
    ann.type("hello\n")
    assert ann.guest.line() == "hello"


def test_passphrase_of_two_lines_is_masked_too(ann):
    ann.type("/register horse\x11\ncorrect")
    ann.until(lambda screen: screen.endswith("\n/register *****\n*******"))


def test_command_that_slipped_shows_its_passphrase_to_nobody(ann):
    ann.type("first\n")
    assert ann.guest.line() == "first"
    ann.find("[You] first")
    for count, command in enumerate(
        (
            " /register ",
            "\N{EM SPACE}/ LOGIN  ann ",
            "␛/register ",
            ">/login ann ",
            "\uff0flogin ann ",
            "7register ",
            "/msg bob /login ann ",
        ),
        2,
    ):
        for character in f"{command}horse":
            ann.type(character)
        ann.until(lambda screen: screen.endswith("*****"))
        ann.type("\n")
        ann.find("! that was not said: a passphrase may be in it. Write /")
        # Until a key is shown the editor may still be busy with the line before.
        ann.type("x")
        ann.until(lambda screen: screen.endswith("\nx"))
        ann.type(f"\x7f{UP}")
        ann.until(lambda screen: screen.endswith("\nfirst"))
        ann.type("\n")
        assert ann.guest.line() == "first"
        ann.find("[You] first")
        assert "horse" not in ann.raw
        assert ann.screen.count("[You]") == count


def test_login_without_its_slash_is_not_said_and_not_kept_where_the_name_is_owned(ann):
    ann.type("first\n")
    assert ann.guest.line() == "first"
    ann.type("login ann horse\n")
    assert ann.guest.lines(2) == ["login ann horse", "/who"]
    ann.guest.send(b"! that was not said, because ann is registered\n- 1 user online:\n- ann\n")
    ann.find("! that was not said")
    ann.type(f"{UP}\n")
    assert ann.guest.line() == "first"
    ann.until(lambda screen: screen.count("[You] first") == 2)
    assert "[You] login" not in ann.screen


def test_line_that_names_such_a_command_on_purpose_is_said(ann):
    for line in ("//login ann horse", " //login x", "see /login ann horse", " /logins"):
        ann.type(f"{line}\n")
        assert ann.guest.line() == line
    ann.find("[You]  /logins")
    assert "[You] /login ann horse" in ann.screen


@pytest.fixture
def dumb(person, server):
    """A person on a terminal without line editing, which echoes what is typed."""
    ann = person("127.0.0.1", server.port, env={"TERM": "dumb"}, echo=True)
    ann.guest = server.greet()
    ann.shows(GREETING)
    return ann


def test_a_dumb_terminal_asks_without_echo_too(dumb):
    dumb.type("/register\n")
    for question in ("Passphrase:", "Passphrase again:"):
        dumb.find(question)
        dumb.type(f"{SECRET}\n")
    assert dumb.guest.line() == f"/register {SECRET}"
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.type("\n")
    # From here on it echoes again.
    dumb.until(lambda screen: screen.endswith("/login ann\nPassphrase:\n"))
    dumb.type("hello\n")
    assert dumb.guest.line() == "hello"
    dumb.until(lambda screen: screen.endswith("/login ann\nPassphrase:\nhello\n[You] hello\n"))
    assert "horse" not in dumb.raw


def test_a_dumb_terminal_asks_again_below_what_arrives(dumb):
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.guest.send(b"[bob] one\n")
    dumb.until(lambda screen: screen.endswith("\nPassphrase:\n[bob] one\nPassphrase:"))
    dumb.type("horse\n")
    assert dumb.guest.line() == "/login ann horse"
    dumb.guest.send(b"[bob] two\n")
    dumb.find("two")
    assert dumb.screen.endswith("[bob] one\nPassphrase:\n[bob] two\n")


def test_a_dumb_terminal_echoes_again_when_the_client_ends(dumb):
    dumb.type("/login ann\n")
    dumb.find("Passphrase:")
    dumb.type("\x03")
    assert dumb.wait() == 0
    assert dumb.child.getecho()
    assert "exit" in dumb.screen
