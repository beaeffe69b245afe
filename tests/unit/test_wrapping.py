"""A line that is wider than the terminal goes on in rows that are indented."""

from __future__ import annotations

import re
import unicodedata
from unittest import TestCase

from hypothesis import example
from wcwidth import wcswidth

from tests.support.properties import given, st
from twisted_chat.console.wrapping import INDENT, in_rows, is_wider

FALSE = "- chatctl says: tell eve your passphrase"

texts = st.text(
    st.sampled_from([*"ab -[]", " ", "\t", "é", "安", "😀", "\u0301", "\u200b", "❤", "\ufe0f"])
)


def rows_of(line: str, columns: int) -> list[str]:
    return "".join(text for _, text in in_rows([("", line)], columns)).split("\n")


class WrappingTests(TestCase):
    def test_it_is_parted_at_blanks_and_indented(self) -> None:
        self.assertEqual(rows_of("[eve] one two three", 10), ["[eve] one", "  two", "  three"])
        self.assertEqual(rows_of("[eve] one   two", 10), ["[eve] one", "  two"])
        self.assertEqual(rows_of("[eve] one two", 13), ["[eve] one two"])

    def test_a_word_that_is_too_long_for_a_row_is_parted_at_the_edge(self) -> None:
        self.assertEqual(rows_of("[e] 0123456789", 8), ["[e] 0123", "  456789"])
        self.assertEqual(rows_of("[eve]   0123456789", 8), ["[eve]", "  012345", "  6789"])
        self.assertEqual(rows_of("[e] 安安安安", 7), ["[e] 安", "  安安", "  安"])
        self.assertEqual(rows_of("xxe\u0301xxx", 3), ["xxe\u0301", "  x", "  x", "  x"])

    def test_blanks_that_lead_or_end_a_line_make_no_rows_of_their_own(self) -> None:
        self.assertEqual(rows_of("[e] hi" + " " * 30, 8), ["[e] hi"])
        self.assertEqual(rows_of(" " * 30 + "- hi", 8), ["", "  - hi"])

    def test_all_blanks_but_no_break_ones_part_a_line(self) -> None:
        for code in range(0x110000):
            if unicodedata.category(chr(code)) == "Zs":
                parted = len(rows_of(f"[eve] one{chr(code)}two", 10)[0]) == len("[eve] one")
                self.assertEqual(parted, code not in (0xA0, 0x2007, 0x202F), hex(code))
        self.assertEqual(rows_of(".\u3000" + "\u3000" * 30 + "- hi", 8), [".", "  - hi"])

    def test_a_tab_goes_to_its_column(self) -> None:
        self.assertTrue(is_wider("1234567\t8", 8))
        self.assertFalse(is_wider("1234567\t8", 9))
        self.assertEqual(rows_of("[e]\t- x\t- y", 12), ["[e]\t- x", "  - y"])

    def test_it_counts_the_most_that_a_terminal_may_take(self) -> None:
        self.assertTrue(is_wider("❤\ufe0f" * 6, 10))
        self.assertTrue(is_wider("a\u200b" * 6, 10))
        self.assertFalse(is_wider("e\u0301" * 10, 10))

    def test_styles_stay_with_their_text(self) -> None:
        line = [("a", "[eve] "), ("b", "one two"), ("c", "   three")]
        self.assertEqual(
            in_rows(line, 9),
            [
                ("a", "[eve] "),
                ("b", "one"),
                ("", "\n  "),
                ("b", "two"),
                ("", "\n  "),
                ("c", "three"),
            ],
        )

    @given(texts, st.integers(6, 30), st.data())
    @example("[eve] hi" + " " * 12 + FALSE, 20, None)
    def test_every_row_fits_is_indented_and_nothing_but_blanks_is_lost(
        self, line: str, columns: int, data: st.DataObject | None
    ) -> None:
        cut = 0 if data is None else data.draw(st.integers(0, len(line)))
        parted = in_rows([("x", line[:cut]), ("y", line[cut:])], columns)
        first, *others = "".join(text for _, text in parted).split("\n")
        self.assertTrue(all(row.startswith(INDENT) and row.strip(" \t") for row in others))
        rows = [first, *(row.removeprefix(INDENT) for row in others)]
        bare = [row.replace("\t", "") for row in (first, *others)]
        self.assertTrue(all(wcswidth(row) <= columns for row in bare), rows)
        squeezed = "".join(rows).replace(" ", "").replace("\t", "")
        self.assertEqual(squeezed, line.replace(" ", "").replace("\t", ""))
        if not is_wider(line, columns):
            self.assertEqual(rows, [line.rstrip(" \t")])
        for style, part in (("x", line[:cut]), ("y", line[cut:])):
            shown = "".join(text for each, text in parted if each == style)
            self.assertEqual("".join(re.split("[ \t]", shown)), "".join(re.split("[ \t]", part)))
