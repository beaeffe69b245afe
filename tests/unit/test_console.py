"""What chat-client makes of events: names that are called, answers, and who it was."""

from __future__ import annotations

import json
from time import time
from unittest import TestCase

import pytest
from twisted.internet.task import Clock

from twisted_chat.commands import TABLE
from twisted_chat.console.colours import coloured
from twisted_chat.console.completion import Names
from twisted_chat.console.face import as_json, calls
from twisted_chat.console.identity import Identity
from twisted_chat.console.line_answers import LineAnswers
from twisted_chat.console.roll_call import WHO, RollCalls
from twisted_chat.console.secret_lines import (
    is_secret,
    lacks_passphrase,
    masked,
    may_be_secret,
)
from twisted_chat.dialects import JsonDialect, LineDialect, parse
from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Greeting,
    Left,
    Notice,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Said,
    Told,
)
from twisted_chat.limits import NAME_AGAIN, NAME_AGAIN_FOR
from twisted_chat.spans import moment


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "hi ann!",
        "ANN: hello",
        "(ann)",
        "so...ann",
        "ann.",
        "ann-",
        "@ann",
        "ann's",
        "ann, bob",
    ],
)
def test_a_name_is_called_as_a_word_in_any_case(text):
    assert calls(Said("bob", text), "Ann")
    assert calls(Emoted("bob", text), "ann")


@pytest.mark.parametrize(
    "text", ["", "anna", "joann", "ann_", "_ann", "ann.marie", "x-ann", "ann2"]
)
def test_a_name_inside_another_word_is_not_called(text):
    assert not calls(Said("bob", text), "ann")


def test_names_are_compared_as_unicode_compares_them():
    assert calls(Said("bob", "STRASSE"), "straße")
    assert calls(Said("bob", "Rene\N{COMBINING ACUTE ACCENT}!"), "rené")


def test_a_name_is_no_pattern():
    assert calls(Said("bob", "10.0.0.1:3333 hello"), "10.0.0.1:3333")
    assert not calls(Said("bob", "10x0.0.1:3333 hello"), "10.0.0.1:3333")
    assert calls(Said("bob", "[2001:db8::1]:1 hello"), "[2001:db8::1]:1")


@pytest.mark.parametrize(
    "event",
    [
        Said("ann", "ann"),
        Said(YOU, "ann"),
        Emoted("ann", "is ann"),
        Told(YOU, "bob", "ann"),
        Notice("ann"),
        Entered("ann", 1),
    ],
)
def test_who_speaks_oneself_is_not_called(event):
    assert not calls(event, "ann")


def test_nobody_is_called_by_no_name():
    assert not calls(Said("bob", "hello"), "")
    assert calls(Told("bob", YOU, "hello"), "")


def test_json_is_what_the_dialect_says():
    for event in (Said("bob", "hi"), Said("bob", "hi", "dev", 5.5, "e", 7)):
        assert as_json(event, timed=False) == JsonDialect().render(event, "dev")


def test_json_with_times_has_that_of_the_event_or_else_that_of_reading_it():
    assert json.loads(as_json(Said("bob", "hi", "dev", 5.5, "e", 7), timed=True)) == {
        "event": "said",
        "room": "dev",
        "name": "bob",
        "text": "hi",
        "time": "1970-01-01T00:00:05Z",
        "id": "e-7",
    }
    before = moment(time())
    assert before <= json.loads(as_json(Greeting(1), timed=True))["time"] <= moment(time())


@pytest.mark.parametrize(
    "event",
    [
        Greeting(1),
        Said("e", "hello"),
        Emoted("bob", "waves bob"),
        Entered("user", 2),
        Left("The", {"lobby": 2}, words="bye"),
        Parted("The", 2, "lobby"),
        PutOut("kicked"),
        Renamed("bob", "rob"),
        Renamed(YOU, "now"),
        Told("bob", YOU, "hi"),
        Notice("words"),
        Refused("words"),
    ],
)
def test_colours_leave_the_text_as_it_is(event):
    line = LineDialect().render(event, "lobby").decode().removesuffix("\n")
    fragments = coloured(line, event, "ann")
    assert "".join(text for _, text in fragments) == line
    assert "[ZeroWidthEscape]" not in "".join(style for style, _ in fragments)


def test_own_name_is_bold_and_names_have_their_colours():
    assert ("bold", "You") in coloured("[You] hi", Said(YOU, "hi"), "ann")
    assert ("bold", "ann") in coloured("* ann waves", Emoted("ann", "waves"), "ann")
    [style] = {
        style for style, text in coloured("[bob] bob", Said("bob", "bob"), "") if text == "bob"
    }
    assert style.startswith("ansi")


def test_names_are_learned_and_forgotten():
    names = Names()
    for event in (
        Entered("zoe", 2), Said("Bob", "hi"), Told("kim", YOU, "hi"), Emoted("10.0.0.1:3", "x"),
        Left("zoe", {"lobby": 1}), Renamed("kim", "Kit"), Renamed(YOU, "ann"), Refused("no"),
    ):  # fmt: skip
        names.heard(event)
    assert names.among(["local:1", "cat"]) == ["ann", "Bob", "cat", "Kit", "10.0.0.1:3", "local:1"]
    names.heard(Greeting(1))
    assert names.among([]) == []


def taken(roll_calls, *lines):
    """Which of `lines` are part of an answer to the client's own `/who`."""
    answers = LineAnswers()
    return [line for line in lines if roll_calls.takes(answers.read(parse(line)))]


def names_of(roll_call):
    """The names that it gave, or None if it still waits."""
    names = []
    roll_call.answered.addCallback(lambda result: names.append(result) or result)
    return names[0] if names else None


def test_an_answer_is_taken_to_its_end_and_no_further():
    roll_calls = RollCalls()
    roll_call = roll_calls.call()
    answer = ["- 5 users online:", "- ann, bob (idle 5 min; away),", "- [2001:db8::1]:1~2, x, y"]
    assert taken(roll_calls, "- x, y", *answer, "- x, y", "- 1 user online:") == answer
    assert names_of(roll_call) == ["ann", "bob", "[2001:db8::1]:1~2", "x", "y"]


def test_an_answer_that_is_cut_ends_there():
    roll_calls = RollCalls()
    roll_call = roll_calls.call()
    answer = ["- 5 users online:", "- ann", "- and 4 more, who do not fit here"]
    assert taken(roll_calls, *answer, "- bob") == answer
    assert names_of(roll_call) == ["ann"]


def test_a_refusal_ends_only_what_it_refuses():
    roll_calls = RollCalls()
    first, second = roll_calls.call(), roll_calls.call()
    lines = ["! no", "! /whois is not for you", "! /who cannot be done just now: try again later"]
    assert taken(roll_calls, *lines) == lines[2:]
    assert names_of(first) == []
    assert names_of(second) is None
    answer = ["- 1 user online:", "- ann"]
    assert taken(roll_calls, *answer) == answer
    assert names_of(second) == ["ann"]


def test_an_answer_that_comes_too_late_is_not_shown_either():
    roll_calls = RollCalls()
    roll_call = roll_calls.call()
    roll_call.give_up()
    assert names_of(roll_call) == []
    answer = ["- 1 user online:", "- ann"]
    assert taken(roll_calls, *answer, *answer) == answer


def test_answers_to_the_persons_own_are_shown_in_whatever_order_they_were_asked():
    answers = [line for name in "abcde" for line in ("- 1 user online:", f"- {name}")]
    roll_calls = RollCalls()
    roll_calls.sent("/who")
    roll_calls.call()
    roll_calls.sent("/NAMES")
    roll_calls.sent("/whois")
    roll_calls.sent("/list all")
    roll_calls.call()
    assert taken(roll_calls, *answers) == ["- 1 user online:", "- b", "- 1 user online:", "- e"]


def test_an_answer_that_breaks_off_ends_with_the_next_one():
    roll_calls = RollCalls()
    roll_call = roll_calls.call()
    roll_calls.sent("/who")
    assert taken(roll_calls, "- 2 users online:", "- ann", "- 1 user online:", "- bob") == [
        "- 2 users online:",
        "- ann",
    ]
    assert names_of(roll_call) == ["ann"]


def test_no_answer_comes_on_another_connection():
    roll_calls = RollCalls()
    begun, waiting = roll_calls.call(), roll_calls.call()
    taken(roll_calls, "- 2 users online:", "- ann")
    roll_calls.sent("/who")
    roll_calls.lost()
    assert (names_of(begun), names_of(waiting)) == (["ann"], [])
    assert taken(roll_calls, "- bob", "- 1 user online:", "- bob") == []


def test_all_ways_to_write_who_are_known():
    assert set(WHO) == {word for word, each in TABLE.by_word.items() if each.name == "who"}


def test_secrets_are_known_and_masked():
    assert masked("/register correct horse ☃") == "/register " + "*" * 15
    assert masked("/LOGIN ann x y") == "/LOGIN ann ***"
    assert masked("/login ann\t\u2003x y") == "/login ann\t\u2003***"
    for line in ("/login ann", "/login ann ", "/registered x", "//register x", "register x", "hi"):
        assert masked(line) == line
    assert all(map(is_secret, ("/register", "/Register x", "/login", "/LOGIN ann x")))
    assert not any(map(is_secret, ("//login x", "/log in", "login", "see /login x")))
    assert masked("/msg bob >/login ann x y") == "/msg bob >/login ann ***"
    assert masked("\uff0fregister\u3000x y") == "\uff0fregister\u3000***"
    assert masked("/msg login /register x") == "/msg login /register *"
    assert all(map(is_secret, ("/msg ann /login x", "7login", "register sesame42")))
    assert may_be_secret("login ann sesame")
    assert not any(map(may_be_secret, ("login ann", "//login ann sesame", "see login ann sesame")))
    # The daemon would refuse it, and show it to nobody.
    assert masked("/login\N{NO-BREAK SPACE}ann x") == "/login\N{NO-BREAK SPACE}ann *"
    assert is_secret("/login\N{NO-BREAK SPACE}ann x")
    assert all(map(lacks_passphrase, ("/register", "/register ", "/login", "/login ann ")))
    assert not any(map(lacks_passphrase, ("/register x", "/login ann x", "/logins", "hi")))


class IdentityTests(TestCase):
    """After a reconnect."""

    def setUp(self):
        self.clock = Clock()
        self.sent = []
        self.identity = Identity(self.clock, None)
        self.identity.greeted(Greeting(1), "10.0.0.1:1", self.sent.append)
        self.hear("- You are now ann")

    def hear(self, line):
        return self.identity.heard(LineAnswers().read(parse(line)))

    def come_back(self):
        self.identity.lost()
        self.identity.greeted(Greeting(1), "10.0.0.1:2", self.sent.append)

    def test_the_name_is_asked_for_in_silence_for_two_minutes(self):
        self.come_back()
        self.assertTrue(self.hear("! ann is taken"))
        for _ in range(int(NAME_AGAIN_FOR / NAME_AGAIN)):
            self.clock.advance(NAME_AGAIN)
            self.hear("[bob] hello")
            self.assertFalse(self.hear("! ann is taken"))
        asked = len(self.sent)
        self.assertEqual(self.sent, ["/nick ann"] * asked)
        self.assertEqual(asked, NAME_AGAIN_FOR / NAME_AGAIN + 1)
        self.clock.advance(NAME_AGAIN_FOR)
        self.assertEqual(len(self.sent), asked)

    def test_it_is_asked_for_no_more_when_the_person_takes_another_name(self):
        self.come_back()
        self.hear("! ann is taken")
        self.assertTrue(self.hear("- You are now kit"))
        self.clock.advance(NAME_AGAIN_FOR)
        self.assertEqual(self.sent, ["/nick ann"])
        self.assertEqual(self.identity.name, "kit")

    def test_it_is_asked_for_no_more_when_the_connection_goes(self):
        self.come_back()
        self.hear("! ann is taken")
        self.identity.lost()
        self.clock.advance(NAME_AGAIN_FOR)
        self.assertEqual(self.sent, ["/nick ann"])

    def test_other_refusals_are_shown(self):
        self.come_back()
        self.hear("! ann is taken")
        self.assertTrue(self.hear("! no command /nosuch"))
        self.clock.advance(NAME_AGAIN)
        self.assertTrue(self.hear("! no command /nosuch"))
        self.assertFalse(self.hear("! ann is taken"))

    def test_a_refusal_is_shown_again_after_the_next_reconnect(self):
        self.come_back()
        self.hear("! ann is taken")
        self.come_back()
        self.assertTrue(self.hear("! ann is taken"))

    def test_another_name_is_another_login(self):
        self.identity.sent("/login ann secret")
        self.hear("- You are logged in as ann")
        self.hear("- You are now kit")
        self.come_back()
        self.assertEqual(self.sent, ["/nick kit"])

    def test_a_wrong_passphrase_that_is_tried_later_spoils_no_login(self):
        self.identity.sent("/login ann secret")
        self.hear("- You are logged in as ann")
        self.identity.sent("/login ann wrong")
        self.hear("! that is not the passphrase of ann")
        self.come_back()
        self.hear("- You are now ann")
        self.hear("- You are logged in as ann")
        self.come_back()
        self.assertEqual(self.sent, ["/login ann secret"] * 2)

    def test_a_login_is_done_again_however_name_and_passphrase_were_parted(self):
        for typed in ("ann\tcorrect horse", "ann \t correct horse", "ann\u2003correct horse"):
            with self.subTest(typed=typed):
                self.sent.clear()
                self.identity.sent(f"/login {typed}")
                self.hear("- You are logged in as ann")
                self.come_back()
                self.assertEqual(self.sent, ["/login ann correct horse"])

    def test_a_name_that_is_registered_no_more_is_taken_like_any_other(self):
        self.identity.sent("/register secret")
        self.hear("- ann is yours: /login ann PASSPHRASE takes it next time")
        self.come_back()
        self.assertTrue(self.hear("! nobody has registered bob: /nick NAME takes a free name"))
        self.assertEqual(self.sent, ["/login ann secret"])
        self.clock.advance(NAME_AGAIN)
        forgotten = "! nobody has registered ann: /nick NAME takes a free name"
        self.assertTrue(self.hear(forgotten))
        self.assertEqual(self.sent, ["/login ann secret"] * 2 + ["/nick ann"])
        self.assertTrue(self.hear("! ann is taken"))
        self.clock.advance(NAME_AGAIN)
        self.assertEqual(self.sent[3:], ["/nick ann"])
        self.hear("- You are now ann")
        self.come_back()
        self.assertEqual(self.sent[4:], ["/nick ann"])

    def test_who_has_no_name_is_called_by_the_address(self):
        self.hear("- You are now 10.0.0.1:1")
        self.assertEqual(self.identity.name, "10.0.0.1:1")
        self.come_back()
        self.assertEqual(self.identity.name, "10.0.0.1:2")
        self.assertEqual(self.sent, [])
