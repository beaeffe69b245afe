"""Texts are made safe to show, and lose nothing else."""

from __future__ import annotations

import unicodedata

import regex
from twisted.trial.unittest import SynchronousTestCase

from tests.support.properties import given, st
from twisted_chat.text import clean

# Texts rich in what is dangerous.
HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            "\x00\t\n\r\x1b\x7f\x85\x9b\u0301\u0338\u200f\u202e\u2028\u2066\ufffd🏴\U000e0067\u3164"
        ),
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

    def test_scripts_and_emoji_keep_what_they_need_although_it_is_invisible(self) -> None:
        for text in (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner.
            "\u0d28\u0d4d\u200d \u0915\u094d\u200d\u0937",  # Malayalam and Hindi, with joiners.
            "ក\u200bខ",  # Khmer, with a place to break the line.
            "ᠮᠣᠩᠭᠣᠯ\u180e\u180b",
            "Schiff\xadfahrt",
            "a\u034fb \u05d0\u200f\u200e\u061c \u2060",
            "❤\ufe0f ✌🏽 1\ufe0f\u20e3 👩\u200d❤\ufe0f\u200d👨 葛\U000e0100",
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland.
            "\u1112\u1161\u11ab 한글",
        ):
            self.assertEqual(clean(text.encode()), text)

    def test_invisible_letters_become_visible(self) -> None:
        codes = (
            *(0x115F, 0x1160, 0x3164, 0xFFA0, 0x17B4, 0x17B5),
            *(*range(0x2061, 0x2066), *range(0x206A, 0x2070), *range(0xFFF0, 0xFFFC)),
            *(0x1D173, 0x1D17A, 0xE0000, 0xE0001, 0xE0041, 0xE007F, 0xE0080, 0xE01F0, 0xE0FFF),
        )
        for code in codes:
            self.assertEqual(
                clean(f"a{chr(code)}{chr(code)}b".encode()), "a\ufffd\ufffdb", hex(code)
            )

    def test_what_stays_of_the_ignorable_characters_are_formats_and_marks(self) -> None:
        ignorable = regex.compile(r"\p{Default_Ignorable_Code_Point}")
        kept = [
            character
            for character in map(chr, range(0x110000))
            if ignorable.match(character)
            and clean(character.encode("utf-8", "replace")) == character
        ]
        categories = {unicodedata.category(character) for character in kept}
        self.assertLessEqual(categories, {"Cf", "Mn"})
        self.assertLess(len(kept), 300)

    def test_no_word_hides_in_tags(self) -> None:
        scotland = "\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
        hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")
        gone = "\ufffd" * len(hidden)
        for text, cleaned in (
            (f"hi{hidden}", f"hi{gone}"),
            (f"🏴{hidden}", f"🏴{gone}"),
            (f"🏴{scotland}{hidden}", f"🏴{scotland}{gone}"),
            (f"x{scotland}", "x" + "\ufffd" * len(scotland)),
            (scotland, "\ufffd" * len(scotland)),
        ):
            self.assertEqual(clean(text.encode()), cleaned)

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
