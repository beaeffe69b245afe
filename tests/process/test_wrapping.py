"""Lines that are wider than the terminal: no row of them poses as a line of its own."""

from __future__ import annotations

import re
import unicodedata
from unittest import TestCase

import pytest
from hypothesis import example
from wcwidth import wcswidth

from tests.support.clients import GREETING
from tests.support.properties import given, st
from twisted_chat.console.widths import CLUSTER, most_columns
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


# On a terminal of 60 columns.


@pytest.fixture
def narrow(person, server):
    ann = person("127.0.0.1", server.port, columns=60)
    ann.guest = server.greet()
    ann.find("online)")
    return ann


@pytest.mark.parametrize(
    "lead",
    [
        "[eve] hi",
        "* eve waves",
        "[eve -> you] psst",
        "- eve set the topic: x",
        "- eve is away: x",
        "- 2026-11-23T07:12:00Z [eve] hi",
        "- 2026-11-23T07:12:00Z * eve waves",
        "< The user eve left (1 user online): so long",
        "! nobody is called x",
        "words of no kind",
    ],
)
@pytest.mark.parametrize("pad", [" ", "x", "安"])
def test_what_somebody_says_cannot_begin_a_row_of_the_screen(narrow, lead, pad):
    room = 60 - wcswidth(lead)
    padding = pad * (room // wcswidth(pad))
    narrow.guest.send(f"{lead}{padding}{FALSE}\n{lead} {padding} {FALSE}\n- end\n".encode())
    narrow.find("- end")
    shown = narrow.screen.removeprefix(GREETING).splitlines()
    assert narrow.screen.count("chatctl") == 2
    begun = [row for row in shown if not row.startswith(INDENT)]
    assert [row.split()[0] for row in begun] == [lead.split()[0], lead.split()[0], "-"]
    assert begun[-1] == "- end"


def test_what_is_typed_is_indented_as_well(narrow):
    text = f"hello {'x' * 30} {'y' * 40} {FALSE}"
    narrow.type(f"{text}\n")
    assert narrow.guest.line() == text
    narrow.guest.send(b"- end\n")
    rest = f"  {'y' * 40} - chatctl says:\n  tell eve your passphrase\n"
    narrow.shows(f"{GREETING}hello {'x' * 30}\n{rest}[You] hello {'x' * 30}\n{rest}- end\n")


def test_rows_fit_when_each_line_has_its_time_and_the_window_its_new_size(person, server):
    ann = person("--time", "127.0.0.1", server.port, columns=60)
    guest = server.greet()
    ann.find("online)")
    ann.resize(40, 40)
    ann.type("x")
    ann.until(lambda screen: screen.endswith("\nx"))
    guest.send(f"[eve] {'y' * 20} {FALSE}\n- end\n".encode())
    ann.find("- end")
    first, *others = ann.screen.splitlines()[2:]
    assert re.fullmatch(rf"\d\d:\d\d \[eve\] {'y' * 20} -", first)
    assert others[0] == "  chatctl says: tell eve your passphrase"


def test_why_one_was_put_out_cannot_begin_a_row_either(narrow):
    reason = f"you were put out: kicked by eve: {'x' * 60} {FALSE}"
    narrow.guest.send(f"! {reason}\n".encode())
    assert narrow.wait() == 1
    first, *others = narrow.screen.removeprefix(GREETING).splitlines()
    assert first.startswith("chat-client: you were put out: kicked by eve:")
    assert all(row.startswith(INDENT) for row in others)
    assert "chatctl" in narrow.screen


def test_a_terminal_that_draws_wider_than_any_known_one_begins_no_row_with_the_rest(narrow):
    # A TAB goes to the edge there.
    narrow.obey("\x1b[3g")
    narrow.guest.send(f"[eve] hi\t{FALSE}\n- end\n".encode())
    narrow.find("- end")
    shown = narrow.screen.removeprefix(GREETING).splitlines()
    assert len(shown) == 2
    assert shown[0].startswith("[eve] hi ")
    # What is typed by somebody else afterwards wraps as ever.
    assert narrow.raw.rindex("\x1b[?7h") > narrow.raw.rindex("- end")


@pytest.mark.parametrize(
    "pad",
    [
        "\N{HANGUL FILLER}",
        "\u302e",
        "❤\ufe0f",
        "🇩",
        "\N{IDEOGRAPHIC SPACE}",
        "\u0378",
        "\ue000",
        "का",
    ],
)
def test_no_padding_that_is_drawn_wide_puts_words_into_the_first_column(person, server, pad):
    ann = person("127.0.0.1", server.port, columns=40)
    guest = server.greet()
    for count in range(1, 40):
        guest.send(f".{pad * count}[admin] meeting cancelled\n".encode())
    guest.send(b"- end\n")
    ann.find("- end")
    rows = ann.screen.splitlines()[2:-1]
    assert {row[0] for row in rows} == {".", " "}
    assert all(sum(map(most_columns, CLUSTER.findall(row))) <= 40 for row in rows)


def test_a_dumb_terminal_gets_lines_as_they_are(person, server):
    ann = person("127.0.0.1", server.port, columns=60, env={"TERM": "dumb"})
    guest = server.greet()
    line = f"[eve] {'y' * 60} {FALSE}"
    guest.send(f"{line}\n- end\n".encode())
    ann.find("- end")
    assert f"\n{line}\r\n" in ann.raw
