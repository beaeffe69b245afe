"""What is pasted into chat-client on a terminal is said, and never obeyed."""

from __future__ import annotations

import re

import pytest

from tests.support.clients import AWAY, GREETING
from tests.support.processes import PATIENT_CLIENT
from twisted_chat.console.pasting import BEHIND_COMMAND, ONE_ANSWER, SECRET
from twisted_chat.limits import MAX_MAX_LINE

LEFT, UP = "\x1b[D", "\x1b[A"
QUOTE = "\x11"
LOG = ["see this log:", "/quit", "/usr/bin/env python", "//x", "end"]
SENT = ["see this log:", "//quit", "//usr/bin/env python", "///x", "end"]
"""LOG as the line format says it."""


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"], ids=["CR", "LF", "CRLF"])
def test_pasted_commands_are_said_and_not_run(ann, end):
    ann.paste(end.join([*LOG, ""]))
    assert ann.guest.lines(len(SENT)) == SENT
    ann.shows(GREETING + "".join(f"[You] {line}\n" for line in LOG))
    ann.type("still here\n")
    assert ann.guest.line() == "still here"


def test_nobody_is_banned_by_a_paste(person, shared_daemon, bob):
    ann = person("127.0.0.1", shared_daemon.port)
    ann.find("online)")
    name = re.fullmatch(r"> New user (\S+) entered .*", bob.line())[1]
    ann.paste(f"/nick ann\r/ban {bob.name}\r/quit\r")
    assert bob.lines(3) == [
        f"[{name}] {line}" for line in ("/nick ann", f"/ban {bob.name}", "/quit")
    ]


def test_paste_of_many_lines_says_each_in_order_and_keeps_the_last_for_editing(ann):
    lines = [f"line {number}" for number in range(5000)]
    ann.type("begin ")
    ann.paste("\r".join([*lines, "/who", "the rest"]))
    assert ann.guest.lines(5001) == [f"begin {lines[0]}", *lines[1:], "//who"]
    ann.until(lambda screen: screen.endswith("[You] line 4999\n[You] /who\nthe rest"))
    ann.type("\n")
    assert ann.guest.line() == "the rest"


def test_a_paste_without_a_line_end_is_edited_and_entered_like_typing(ann):
    ann.paste("/who")
    ann.find("/who")
    ann.type(" are they\n")
    assert ann.guest.line() == "/who are they"
    assert "[You]" not in ann.screen


def test_a_paste_into_a_line_leaves_what_stands_behind_the_cursor_behind_it(ann):
    ann.type(f"before after{LEFT * 5}")
    ann.paste("one\rtwo")
    assert ann.guest.line() == "before one"
    ann.until(lambda screen: screen.endswith("[You] before one\ntwoafter"))
    ann.until(lambda _: ann.cursor == 3)
    ann.type("! \n")
    assert ann.guest.line() == "two! after"


def test_a_line_behind_a_typed_command_waits_for_enter_and_more_are_refused(ann):
    ann.type("/msg bob ")
    ann.paste("one\rtwo\r")
    ann.shows(f"{GREETING}{BEHIND_COMMAND}\n/msg bob")
    ann.paste("one\r")
    ann.until(lambda screen: screen.endswith("\n/msg bob one"))
    ann.type("\n")
    assert ann.guest.line() == "/msg bob one"
    assert "[You]" not in ann.screen


@pytest.mark.parametrize(
    "secret",
    ["/login ann horse", "/register horse", "  /Login ann horse", "\ufeff/login ann horse"],
)
def test_a_paste_that_holds_a_passphrase_is_refused_whole(ann, secret):
    for paste in (f"one\r{secret}\rtwo\r", f"{secret}\r", f"one\r{secret}", secret):
        ann.paste(paste)
        ann.find(SECRET[:60])
    ann.type("hello\n")
    assert ann.guest.line() == "hello"
    ann.find("[You] hello")
    assert "horse" not in ann.raw
    assert ann.screen.count("[You]") == 1


@pytest.mark.parametrize(
    "paste", ["horse\r/quit\rhello\r", "horse\nhello", "horse\r\n/login x\r\n"]
)
def test_while_a_passphrase_is_asked_for_a_paste_only_answers(ann, paste):
    ann.type("/login ann\n")
    ann.find("Passphrase:")
    ann.paste(paste)
    assert ann.guest.line() == "/login ann horse"
    ann.shows(f"{GREETING}/login ann\nPassphrase:\n{ONE_ANSWER}\n")
    ann.type("typed\n")
    assert ann.guest.line() == "typed"
    assert "horse" not in ann.raw


def test_a_pasted_answer_without_a_line_end_waits_for_enter(ann):
    ann.type("/login ann\n")
    ann.find("Passphrase:")
    ann.type("ho")
    ann.paste("rs")
    ann.type("e\n")
    assert ann.guest.line() == "/login ann horse"
    assert "!" not in ann.screen


def test_a_paste_answers_one_question_and_not_the_next(ann):
    ann.type("/login\n")
    ann.find("Name:")
    ann.paste("ann\rhorse\r")
    ann.find("Passphrase:")
    ann.until(lambda screen: ONE_ANSWER in screen)
    ann.type("pony\n")
    assert ann.guest.line() == "/login ann pony"
    assert "horse" not in ann.raw
    ann.type("/register\n")
    ann.find("Passphrase:")
    ann.paste("horse\rhorse\r")
    ann.find("Passphrase again:")
    ann.type("horse\n")
    assert ann.guest.line() == "/register horse"


def test_an_answer_with_a_quoted_line_end_says_nothing_of_it(ann):
    ann.type(f"/login ann\nhorse{QUOTE}\npony\n")
    assert ann.guest.line() == "/login ann horse"
    ann.find(ONE_ANSWER)
    ann.type("hello\n")
    assert ann.guest.line() == "hello"
    assert "pony" not in ann.raw


@pytest.mark.parametrize("end", ["\r", "\n"])
def test_a_paste_after_the_quote_key_is_obeyed_no_more_than_others(ann, end):
    ann.type(QUOTE)
    ann.paste(f"one{end}/quit{end}")
    assert ann.guest.lines(2) == ["one", "//quit"]
    ann.type("/who\n")
    assert ann.guest.line() == "/who"


def test_pasted_lines_do_not_come_back_with_the_up_key(ann):
    ann.type("typed\n")
    ann.paste("one\r/quit\r")
    assert ann.guest.lines(3) == ["typed", "one", "//quit"]
    ann.find("[You] /quit")
    # Until a key is shown the editor may still be busy with the lines before.
    ann.type("x")
    ann.until(lambda screen: screen.endswith("\nx"))
    ann.type(f"\x7f{UP}")
    ann.until(lambda screen: screen.endswith("\ntyped"))


def test_a_paste_before_the_greeting_is_said_after_it(person, server):
    ann = person("127.0.0.1", server.port, program=PATIENT_CLIENT)
    guest = server.accept()
    ann.paste("one\r/quit\r")
    ann.type("typed\n")
    ann.find("typed")
    guest.greet()
    assert guest.lines(3) == ["one", "//quit", "typed"]
    ann.shows(f"typed\n{GREETING}[You] one\n[You] /quit\n[You] typed\n")


def test_a_paste_while_the_server_is_away_is_refused_in_one_line(person, server):
    ann = person("127.0.0.1", server.port)
    guest = server.greet()
    ann.shows(GREETING)
    server.stop()
    guest.close()
    ann.shows(f"{GREETING}{AWAY}")
    ann.paste("one\r/quit\r\rtwo\r")
    ann.find("! not connected: 3 pasted lines were not sent")
    ann.paste("one\rrest")
    ann.find("! not connected: a pasted line was not sent")
    ann.until(lambda screen: screen.endswith("\nrest"))


def test_what_is_pasted_after_leaving_is_not_said(ann):
    ann.type("\x04")
    ann.paste("late\r")
    assert ann.guest.rest() == ""
    ann.guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}exit\n"


def test_line_that_is_far_too_long_is_refused_at_once(ann):
    ann.paste("x" * (MAX_MAX_LINE + 1) + "\rshort\r")
    ann.find(f"! a line longer than {MAX_MAX_LINE} bytes was not sent")
    assert ann.guest.line() == "short"


def test_no_line_is_lost_unseen_when_the_server_takes_none(ann):
    lines = [f"{number} {'x' * 990}" for number in range(6000)]
    for start in range(0, len(lines), 100):
        ann.paste("".join(f"{line}\r" for line in lines[start : start + 100]))
    refusal = "! the server takes no lines just now: 100 pasted lines were not sent"
    ann.until_raw(refusal)
    # Whether the last ones were refused as well stands before what comes from now on.
    ann.type("the end\n")
    ann.until_raw("the end")
    ann.guest.send(b"[bob] here I am\n")
    ann.until_raw("here I am")
    refused = 100 * ann.raw.count(refusal)
    refused += ann.raw.count("! the server takes no lines just now: this one was not sent")
    lines.append("the end")
    assert 0 < refused < len(lines)
    # In between the kernel may have taken some, so that it is not the last ones that are missing.
    sent = ann.guest.lines(len(lines) - refused)
    ann.type("more\n")
    assert ann.guest.line() == "more"
    assert sent == [line for line in lines if line in set(sent)]


def test_odd_characters_in_a_paste_are_shown_as_pictures(ann):
    ann.child.ptyproc.write(b"\x1b[200~\x1b[31mred\x07\xff\x00\r\x1b[201~")
    ann.find("[You] ␛[31mred␇\N{REPLACEMENT CHARACTER}␀")
    assert ann.guest.line() == "␛[31mred␇\N{REPLACEMENT CHARACTER}␀"
