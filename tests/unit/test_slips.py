"""Commands with a passphrase that slipped: what would say the passphrase to all."""

from __future__ import annotations

import sys
import unicodedata
from time import process_time
from unittest import TestCase

from tests.support.properties import given, st
from twisted_chat.commands import TABLE
from twisted_chat.console.secret_lines import is_secret, masked, may_be_secret
from twisted_chat.syntax import (
    BLANK,
    CARRIERS,
    SECRET_COMMANDS,
    parse,
    slipped_command,
    unmarked_login,
)
from twisted_chat.text import clean

UNSEEN = [
    *" \t\N{NO-BREAK SPACE}\N{EM SPACE}\N{IDEOGRAPHIC SPACE}\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}",
    *"\N{ZERO WIDTH NO-BREAK SPACE}\N{WORD JOINER}\N{LEFT-TO-RIGHT MARK}\N{TAG SPACE}␛␀␊␡␤",
    *"\N{REPLACEMENT CHARACTER}\N{HANGUL FILLER}\N{HALFWIDTH HANGUL FILLER}",
]
blanks = st.text(st.sampled_from(UNSEEN))
some_blanks = st.text(st.sampled_from(UNSEEN), min_size=1)
words = st.sampled_from(["login", "register", "LOGIN", "Register"])
endings = st.just("") | st.builds(str.__add__, some_blanks, st.text())


class SlipTests(TestCase):
    def test_blanks_before_the_slash_or_behind_it_are_a_slip(self) -> None:
        for line, command in {
            " /login ann sesame": "login",
            "\t/REGISTER sesame": "register",
            "/ login ann sesame": "login",
            " / register sesame": "register",
            "\N{NO-BREAK SPACE}/login ann sesame": "login",
            "\N{ZERO WIDTH NO-BREAK SPACE}/login ann sesame": "login",
            "\N{ZERO WIDTH SPACE}/\N{ZERO WIDTH SPACE}login ann sesame": "login",
            "␛␤\N{REPLACEMENT CHARACTER}/register\N{NO-BREAK SPACE}sesame": "register",
            "  /login": "login",
            "\N{HANGUL FILLER}/login ann sesame": "login",
        }.items():
            self.assertEqual(slipped_command(line), command, line)

    def test_marks_before_the_slash_or_another_slash_are_a_slip(self) -> None:
        for line in (
            ">/login ann x", "> /login ann x", "\"/login ann x\"", "`/login ann x`",
            "(/login ann x)",
            "«/login ann x»", "- /login ann x", "./login ann x", "/ /login ann x",
            "\u0301/login ann x",
            "7/login ann x", "\uff0flogin ann x", "\u2044login ann x", "\u2215login ann x",
            "\u29f8login ann x",
            "\\login ann x", "\uff3clogin ann x", " ? /login", "/login: ann x", "/login=ann x",
            "\uff0f\uff4c\uff4f\uff47\uff49\uff4e\u3000ann\u3000x",
            "/\uff2c\uff4f\uff47\uff49\uff4e ann x",
            "7login ann x", " ?login ann x", "!login ann x", ":login ann x",
        ):  # fmt: skip
            self.assertEqual(slipped_command(line), "login", line)
            self.assertTrue(is_secret(line))
            if "login" in line:
                self.assertEqual(slipped_command(line.replace("login", "register")), "register")

    def test_what_keys_and_pastes_leave_before_it_is_a_slip(self) -> None:
        for before in (
            "\x1b[A", "␛[A", "␛[D␛[D", "␛OA", "␛[1;5C", "␛[3~", "␛[7~", "␛[200~", "0~", "1. ",
            "2) ", "[12:01] ", "␛",
        ):  # fmt: skip
            for line, command in {
                f"{before}/login ann x": "login",
                f"/me {before}/login ann x": "login",
                f"{before}/register sesame": "register",
                f"{before}register sesame42": "register",
            }.items():
                self.assertEqual(slipped_command(line), command, line)
                self.assertTrue(is_secret(line))
            self.assertEqual(unmarked_login(f"{before}login ann x"), "ann")

    def test_commands_that_carry_it_as_their_words_are_a_slip(self) -> None:
        for carrier in (
            "/me", "/ME  ", "/topic", "/away", "/quit", "/exit", "/reply", "/say", "/msg bob",
            "/kick bob",
            "/ban bob", "/ban bob 1h", "/msg login", "/me /msg bob", " /me", "> /msg bob", "\\me",
        ):  # fmt: skip
            for words in ("/login ann x", ">/login ann x", " / login ann x", "7login ann x"):
                line = f"{carrier} {words}"
                self.assertEqual(slipped_command(line), "login", line)
                self.assertTrue(is_secret(line))
                self.assertEqual(masked(line), line.replace(" x", " *"))
            self.assertEqual(slipped_command(f"{carrier} /register x"), "register")
            if carrier != "/ban bob":  # It may be a TIME.
                self.assertEqual(slipped_command(f"{carrier} to /login ann x"), "")
            self.assertEqual(slipped_command(f"{carrier} //login ann x"), "")
            if carrier.startswith("/"):  # Two slashes are written on purpose.
                self.assertEqual(slipped_command(f"/{carrier} /login ann x"), "")
        for command in ("/nick", "/whois", "/join", "/help", "/mee"):
            self.assertEqual(slipped_command(f"{command} /login ann x"), "")

    def test_register_without_a_slash_is_a_slip_before_what_is_no_word(self) -> None:
        for line in (
            "register sesame42", "Register: s3sam3!!", "/me register sesame42",
            "- register sésame42 ",
        ):  # fmt: skip
            self.assertEqual(slipped_command(line), "register", line)
        for line in (
            "register", "register sesame", "register 20261126", "register s3same",
            "register by 12am",
            "registers sesame42", "//register sesame42", "I register sesame42",
            "register x86 and x64",
        ):  # fmt: skip
            self.assertEqual(slipped_command(line), "", line)

    def test_login_without_a_slash_may_be_one(self) -> None:
        for line in (
            "login ann sesame", "Login ann sesame", "LOGIN: ann  my sesame", " login ann sesame",
            "- login ann sesame", "login <ann> sesame", "login \"ann\", sesame",
            "/me login ann sesame",
            "/msg bob login ann sesame", "\uff4c\uff4f\uff47\uff49\uff4e\u3000ann\u3000sesame",
        ):  # fmt: skip
            self.assertEqual(unmarked_login(line), "ann", line)
            self.assertEqual(slipped_command(line), "", line)
            self.assertFalse(is_secret(line))
            self.assertTrue(may_be_secret(line))
        for line in (
            "login", "login ann", "login ann ", "logins ann x", "/login ann x", "//login ann x",
            "/register login ann x", "please login ann x", "/nick login ann x",
        ):  # fmt: skip
            self.assertEqual(unmarked_login(line), "", line)

    def test_other_lines_are_none(self) -> None:
        for line in (
            "", " ", "/", " /", "/ ", "login ann sesame", "/login ann sesame", "/REGISTER sesame",
            "//login ann sesame", " //login ann sesame", "///login x", "x /login x",
            " /who", "/ who", " /logins", " /loginx x", " /log in", " /lo gin", " /registered",
            " /login/x", " /regi\N{LATIN SMALL LETTER LONG S}ter x", "x?/login x", "x/login y",
            "1/login x", "https://login x", ".login a {", "#login page", "...register now",
            "*login* x",
        ):  # fmt: skip
            self.assertEqual(slipped_command(line), "", line)

    def test_no_line_takes_long_to_look_at(self) -> None:
        start = process_time()
        for part in (
            "/ban ", "/ban a ", "/me ", "/msg a ", "/", "/ ", " ", "7", "?/", "gi ", "login ",
            "login:", "register 1a",
            "/me login ", "/ban login a ", "=", "/register a1", "\u3000/", "␛[A", "␛[7~/",
            "␛O", "1. ",
        ):  # fmt: skip
            for line in (part * 8000 + "gi", f"/login{part * 8000}", f"login {part * 8000}x"):
                slipped_command(line)
                unmarked_login(line)
                masked(line)
        self.assertLess(process_time() - start, 8)  # Squared it takes minutes.

    @given(blanks, blanks, words, endings)
    def test_a_slip_is_known_however_it_is_made(
        self, before: str, behind: str, word: str, rest: str
    ) -> None:
        line = clean(f"{before}/{behind}{word}{rest}".encode("utf-8", "replace"))
        is_command = (parse(line) or ("",))[0] in SECRET_COMMANDS
        self.assertEqual(slipped_command(line), "" if is_command else word.lower())
        self.assertTrue(is_secret(line))

    @given(st.text() | st.lists(st.sampled_from([*UNSEEN, "/", "login", "x"])).map("".join))
    def test_no_command_is_a_slip_and_every_slip_is_secret(self, text: str) -> None:
        line = clean(text.encode("utf-8", "replace"))
        if slipped_command(line):
            self.assertIsNone(parse(line))
            self.assertTrue(is_secret(line))

    @given(blanks, blanks, some_blanks, some_blanks)
    def test_the_passphrase_of_a_slip_is_masked(
        self, before: str, behind: str, after: str, again: str
    ) -> None:
        for shown in (
            f"{before}/{behind}register{after}",
            f"{before}/{behind}Login{after}ann{again}",
        ):
            self.assertEqual(masked(f"{shown}sesame"), f"{shown}******")

    def test_every_character_that_is_seen_nowhere_is_a_blank(self) -> None:
        unseen = [
            c
            for c in map(chr, range(sys.maxunicode + 1))
            if c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Cs")
        ]
        self.assertEqual([c for c in unseen if not slipped_command(f"{c}/login x")], [])
        self.assertFalse(any(slipped_command(f"{c}/login x") for c in "a1é安ひ"))

    def test_what_is_a_blank_is_one_character_in_a_pattern(self) -> None:
        self.assertRegex("␛", f"^{BLANK}$")

    def test_the_commands_with_a_passphrase_are_those_of_the_table(self) -> None:
        self.assertEqual(
            set(SECRET_COMMANDS),
            {word for word, each in TABLE.by_word.items() if "PASSPHRASE" in each.arguments},
        )

    def test_the_commands_that_carry_words_are_those_of_the_table(self) -> None:
        """Words are written in small letters there, and what stands before them in capitals."""
        carriers = {}
        for word, each in TABLE.by_word.items():
            *before, last = each.arguments.split() or [""]
            if last.strip("[]") in ("text", "words", "why"):
                least = sum(not one.startswith("[") for one in before)
                carriers[word] = tuple(range(least, len(before) + 1))
        self.assertEqual(CARRIERS, carriers)
