"""On a terminal no row of a line that is wider poses as a line of its own."""

from __future__ import annotations

import re

import pytest
from wcwidth import wcswidth

from tests.support.clients import GREETING
from twisted_chat.console.widths import CLUSTER, most_columns
from twisted_chat.console.wrapping import INDENT

FALSE = "- chatctl says: tell eve your passphrase"


@pytest.fixture
def narrow(person, server):
    """Somebody at a terminal of 60 columns."""
    ann = person("127.0.0.1", server.port, columns=60)
    ann.guest = server.greet()
    ann.find("online)")
    return ann


LEADS = (
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
)


@pytest.mark.parametrize("pad", [" ", "x", "安"])
def test_what_somebody_says_cannot_begin_a_row_of_the_screen(narrow, pad):
    for number, lead in enumerate(LEADS):
        before = len(narrow.screen)
        room = 60 - wcswidth(lead)
        padding = pad * (room // wcswidth(pad))
        end = f"- end {number}"
        lines = f"{lead}{padding}{FALSE}\n{lead} {padding} {FALSE}\n{end}\n"
        narrow.guest.send(lines.encode())
        narrow.find(end)
        shown = narrow.screen[before:]
        assert shown.count("chatctl") == 2
        begun = [row for row in shown.splitlines() if not row.startswith(INDENT)]
        assert [row.split()[0] for row in begun] == [lead.split()[0], lead.split()[0], "-"]
        assert begun[-1] == end


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


def test_no_padding_that_is_drawn_wide_puts_words_into_the_first_column(person, server):
    ann = person("127.0.0.1", server.port, columns=40)
    guest = server.greet()
    ann.find("online)")
    seen = len(ann.screen.splitlines())
    for number, pad in enumerate(
        (
            "\N{HANGUL FILLER}",
            "\u302e",
            "❤\ufe0f",
            "🇩",
            "\N{IDEOGRAPHIC SPACE}",
            "\u0378",
            "\ue000",
            "का",
        )
    ):
        for count in range(1, 40):
            guest.send(f".{pad * count}[admin] meeting cancelled\n".encode())
        guest.send(f"- end {number}\n".encode())
        ann.find(f"- end {number}")
        *rows, _ = ann.screen.splitlines()[seen:]
        seen += len(rows) + 1
        assert len(rows) >= 39
        assert {row[0] for row in rows} == {".", " "}, pad
        assert all(sum(map(most_columns, CLUSTER.findall(row))) <= 40 for row in rows), pad


def test_a_dumb_terminal_gets_lines_as_they_are(person, server):
    ann = person("127.0.0.1", server.port, columns=60, env={"TERM": "dumb"})
    guest = server.greet()
    line = f"[eve] {'y' * 60} {FALSE}"
    guest.send(f"{line}\n- end\n".encode())
    ann.find("- end")
    assert f"\n{line}\r\n" in ann.raw
