"""What a paste says, and what stays to be edited."""

from __future__ import annotations

import pytest

from twisted_chat.console.pasting import BEHIND_COMMAND, SECRET, split_paste


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_that_a_paste_ended_are_said_and_its_rest_stays(end):
    paste = end.join(["see this log:", "/quit", "/usr/bin/env python", "//x", "", "end"])
    said = ["see this log:", "/quit", "/usr/bin/env python", "//x", ""]
    assert split_paste("", paste) == (said, "end")
    assert split_paste("", paste + end) == ([*said, "end"], "")


@pytest.mark.parametrize("paste", ["hello", "/quit", "//x", ""])
def test_a_paste_without_a_line_end_is_as_if_typed(paste):
    assert split_paste("", paste) == ([], paste)
    assert split_paste("typed /", paste) == ([], f"typed /{paste}")


def test_what_was_typed_before_it_begins_its_first_line():
    assert split_paste("look: ", "one\r/two\r/three") == (["look: one", "/two"], "/three")
    assert split_paste(" ", "/quit\r") == ([" /quit"], "")
    assert split_paste("hello", "\r") == (["hello"], "")


def test_a_line_that_was_begun_by_typing_says_what_enter_would_say():
    assert split_paste("//", "quit\r//quit\r") == (["/quit", "//quit"], "")
    assert split_paste("/", "/etc/hosts\r") == (["/etc/hosts"], "")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("/msg bob ", "psst"),
        ("/", "quit"),
        ("/ban ", "bob"),
        ("/quit", ""),
        ("/login ann ", "horse"),
        ("/log", "in ann horse"),
        (" /register ", "horse"),
        ("one\n/msg bob ", "psst"),
    ],
)
def test_a_command_that_was_begun_by_typing_takes_one_line_and_waits_for_enter(typed, first):
    assert split_paste(typed, f"{first}\r") == ([], typed + first)
    for others in ("more", "more\r", "\r", "\r\rmore"):
        with pytest.raises(ValueError, match="behind a command") as refused:
            split_paste(typed, f"{first}\r{others}")
        assert str(refused.value) == BEHIND_COMMAND
        assert "horse" not in BEHIND_COMMAND


def test_lines_that_were_typed_before_are_said_like_those_of_enter():
    """A typed line end is quoted with ^Q."""
    assert split_paste("//one\ntwo ", "three\r/four\r") == (["/one", "two three", "/four"], "")


@pytest.mark.parametrize(
    "secret",
    [
        "/login",
        "/login ann horse",
        "/REGISTER horse",
        "  /login ann horse",
        "\ufeff/login ann horse",
        "/ register horse",
        "\uff0flogin ann horse",
        ">/login ann horse",
        "/me /login ann horse",
    ],
)
@pytest.mark.parametrize("paste", ["{}", "{}\r", "one\r{}", "one\r\n{}\r\ntwo\r\n", "\n\n{}"])
def test_a_paste_that_holds_a_command_with_a_passphrase_is_refused_whole(secret, paste):
    for typed in ("", "hello ", "/msg bob "):
        with pytest.raises(ValueError, match="not taken") as refused:
            split_paste(typed, paste.format(secret))
        assert str(refused.value) == SECRET


def test_a_paste_that_only_speaks_of_such_a_command_is_said():
    lines = ["//login ann horse", "see /login ann horse", "/logins", "login page broken"]
    assert split_paste("", "\r".join(lines) + "\r") == (lines, "")
