"""Passphrases that are guessed first are refused, and others are not."""

from __future__ import annotations

import secrets
import timeit
from unittest import TestCase

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, Hall
from tests.support.properties import given, st
from twisted_chat.limits import MAX_LINE, MIN_PASSPHRASE
from twisted_chat.passphrases import make_passphrase
from twisted_chat.weakness import _COMMON, weakness

COMMON = "it is on the lists of common ones"
REPEATS = "it repeats itself"
ROW = "its characters are in their usual order"
NAMED = "it is made of your name or the chat's"


class WeaknessTests(TestCase):
    def test_what_is_guessed_first_is_weak_and_it_says_why(self) -> None:
        for passphrase, why in (
            ("password", COMMON),
            ("PassWord", COMMON),
            ("password1", COMMON),
            ("Password2026!", COMMON),
            ("12345678", COMMON),
            ("qwertyuiop", COMMON),
            ("iloveyou", COMMON),
            ("i love you", COMMON),
            ("football!!", COMMON),
            ("\uff50assword", COMMON),
            ("!qaz2wsx", COMMON),
            ("zzzzzzzzz", REPEATS),
            ("xyxyxyxyx", REPEATS),
            ("dogcatdogcat", REPEATS),
            ("철수철수철수철수", REPEATS),
            ("23456789", ROW),
            ("zyxwvutsr", ROW),
            ("абвгдежз", ROW),
            ("annika-annika-1", NAMED),
            ("Annika2026", NAMED),
            ("akinna-1977", NAMED),
            ("1234-Annika", NAMED),
            ("twisted-chat", NAMED),
            ("TwistedChat1!", NAMED),
            ("chat-annika", NAMED),
            ("chat20261125", NAMED),
        ):
            with self.subTest(passphrase=passphrase):
                self.assertEqual(weakness(passphrase, "Annika"), why)

    def test_what_is_not_guessed_first_is_not_weak(self) -> None:
        for passphrase in (
            SECRET,
            "sesame42",
            "horse battery",
            "annual report of bees",
            "ann met bob in 1999",
            "twisted horse battery",
            "chatterbox of doom",
            "ann 83625194732",
            "8362519473",
            "Ünterzeug-7",
            "철수야 밥 먹자 오늘",
            "# mit license, or so",
        ):
            with self.subTest(passphrase=passphrase):
                self.assertIsNone(weakness(passphrase, "ann"))

    def test_a_name_of_a_letter_or_two_is_in_too_many_words_to_count(self) -> None:
        self.assertIsNone(weakness("li-83625194", "li"))

    def test_each_common_one_is_long_enough_to_be_asked_for_and_in_lower_case(self) -> None:
        words = [line for line in _COMMON.splitlines() if line != "#" and line[:2] != "# "]
        self.assertGreater(len(words), 10_000)
        for word in words:
            self.assertGreaterEqual(len(word), MIN_PASSPHRASE)
            self.assertEqual(word, word.casefold())
            self.assertEqual(weakness(word, "x"), COMMON)

    def test_what_the_daemon_makes_itself_is_never_weak(self) -> None:
        for _ in range(200):
            self.assertIsNone(weakness(make_passphrase(), "ann"))

    @given(st.text(min_size=1), st.text(min_size=1))
    def test_any_passphrase_and_name_get_an_answer(self, passphrase: str, name: str) -> None:
        weakness(passphrase, name)

    def test_it_takes_no_time_that_others_would_notice(self) -> None:
        for passphrase in (
            "x" * (MAX_LINE - 1) + "y",
            "ab" * (MAX_LINE // 2),
            secrets.token_hex(8),
        ):
            took = min(timeit.repeat(lambda p=passphrase: weakness(p, "ann"), number=1, repeat=9))
            self.assertLess(took, 0.02)


class RegisteringTests(SynchronousTestCase):
    def test_a_weak_passphrase_is_refused_and_nothing_is_hashed(self) -> None:
        hall = Hall(self)
        ann = hall.come(name="annika")
        lead = "! that passphrase is among the first to be guessed: "
        advice = ". Take some words that have nothing to do with each other"
        for passphrase, why in (("Password1", COMMON), ("x annika 77", NAMED)):
            self.assertEqual(hall.ask(ann, f"/register {passphrase}"), [f"{lead}{why}{advice}"])
        self.assertEqual(hall.hasher.hashed, 0)
        self.assertIn("annika is yours", hall.try_out(ann, f"/register {SECRET}")[0])
        self.assertEqual(hall.ask(ann, "/register qwertyuiop"), [f"{lead}{COMMON}{advice}"])
