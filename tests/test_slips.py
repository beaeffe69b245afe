"""Commands with a passphrase that slipped: what would say the passphrase to all."""

from __future__ import annotations

import sys
import unicodedata
from unittest import TestCase

from tests.properties import given, st
from twisted_chat.commands import BY_WORD
from twisted_chat.console.secret_lines import is_secret, masked
from twisted_chat.syntax import BLANK, SECRET_COMMANDS, parse, slipped_command
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

    def test_other_lines_are_none(self) -> None:
        for line in (
            "", " ", "/", " /", "/ ", "login ann sesame", "/login ann sesame", "/REGISTER sesame",
            "//login ann sesame", " //login ann sesame", "///login x", "/ /login x", "x /login x",
            " /who", "/ who", " /logins", " /loginx x", " /log in", " /lo gin", " /registered",
            " /login/x", " /regi\N{LATIN SMALL LETTER LONG S}ter x", "?/login x",
        ):  # fmt: skip
            self.assertEqual(slipped_command(line), "", line)

    @given(blanks, blanks, words, endings)
    def test_a_slip_is_known_however_it_is_made(
        self, before: str, behind: str, word: str, rest: str
    ) -> None:
        line = clean(f"{before}/{behind}{word}{rest}".encode("utf-8", "replace"))
        expected = word.lower() if before or behind else ""
        self.assertEqual(slipped_command(line), expected)
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
        self.assertFalse(any(slipped_command(f"{c}/login x") for c in "a1_é.-安☃😀\u0301"))

    def test_what_is_a_blank_is_one_character_in_a_pattern(self) -> None:
        self.assertRegex("␛", f"^{BLANK}$")

    def test_the_commands_with_a_passphrase_are_those_of_the_table(self) -> None:
        self.assertEqual(
            set(SECRET_COMMANDS), {word for word, each in BY_WORD.items() if each.right.secret}
        )
