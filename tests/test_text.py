"""Texts are made safe to show, and lose nothing else."""

from __future__ import annotations

import unicodedata

from twisted.trial.unittest import SynchronousTestCase

from tests.properties import given, st
from twisted_chat.text import clean

# Texts rich in what is dangerous.
HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("\x00\t\n\r\x1b\x7f\x85\x9b\u0301\u0338\u200f\u202e\u2028\u2066\ufffd"),
    )
)


class CleanTests(SynchronousTestCase):
    def test_people_s_texts_pass_unchanged(self) -> None:
        for text in (
            "hello",
            "a\tb",
            "Grüße",
            "日本語",
            "👩‍👩‍👧 🇩🇪",
            "עברית",
            "e\u0301",
            "\uff46",
            "{0} %s",
        ):
            self.assertEqual(clean(text.encode()), text)

    def test_controls_become_visible(self) -> None:
        self.assertEqual(clean(b"\x1b[2J\x07\x00\r\x7f\x0b"), "␛[2J␇␀␍␡␋")

    def test_c1_bidi_and_separators_become_replacement_characters(self) -> None:
        for code in (*range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)):
            self.assertEqual(clean(f"a{chr(code)}b".encode()), "a\ufffdb", hex(code))

    def test_invalid_utf8_becomes_replacement_characters(self) -> None:
        for data in (b"\xff", b"\xc3", b"\xc0", b"\xe2\x82"):
            self.assertEqual(clean(b"a" + data + b"b"), "a\ufffdb", data)
        # An encoded surrogate, and an overlong slash.
        self.assertEqual(clean(b"\xed\xa0\x80"), "\ufffd" * 3)
        self.assertEqual(clean(b"\xc0\xaf"), "\ufffd" * 2)

    def test_eight_marks_on_a_character_stay_and_more_are_cut(self) -> None:
        for marks in (0, 8, 9, 300):
            text = "Z" + "\u0301" * marks + "o\u0300"
            self.assertEqual(clean(text.encode()), "Z" + "\u0301" * min(marks, 8) + "o\u0300")

    def test_marks_are_counted_anew_after_each_character_that_is_none(self) -> None:
        text = ("…" + "\u0338" * 8) * 3
        self.assertEqual(clean(text.encode()), text)

    @given(HOSTILE | st.binary().map(lambda data: data.decode("latin-1")))
    def test_nothing_unsafe_is_left_and_cleaning_again_changes_nothing(self, text: str) -> None:
        cleaned = clean(text.encode())
        marks = 0
        for character in cleaned:
            code = ord(character)
            self.assertFalse(code < 0x20 and character != "\t")
            self.assertFalse(0x7F <= code < 0xA0)
            self.assertFalse(0x2028 <= code <= 0x202E or 0x2066 <= code <= 0x2069)
            marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
            self.assertLessEqual(marks, 8)
        self.assertEqual(clean(cleaned.encode()), cleaned)

    @given(st.binary())
    def test_any_bytes_can_be_cleaned(self, data: bytes) -> None:
        self.assertNotIn("\n", clean(data))
