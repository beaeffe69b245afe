"""No common terminal draws a character wider than it is taken to be."""

from __future__ import annotations

import ctypes
import locale
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

import pytest
from prompt_toolkit.utils import get_cwidth
from wcwidth import wcwidth
from wcwidth.table_overrides import NARROW_OVERRIDES

from twisted_chat.console import widths
from twisted_chat.console.widths import CLUSTER, WIDEST, is_disputed, most_columns

# All of Unicode but for controls, which text.clean lets no line hold, and surrogates.
CODES = [code for code in range(0x20, 0x110000) if not 0x7F <= code < 0xA0 and code >> 11 != 0x1B]


@pytest.fixture(scope="module")
def glibc() -> dict[int, int]:
    """The wcwidth of each code that the C library knows: xterm, tmux and others draw by it."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    measure = ctypes.CDLL(None).wcwidth
    measure.argtypes = [ctypes.c_wchar]
    found = {code: width for code in CODES if (width := measure(chr(code))) >= 0}
    locale.setlocale(locale.LC_CTYPE, before)
    return found


@cache
def counted() -> dict[int, int]:
    """The columns that each of CODES is counted as."""
    return {code: most_columns(chr(code)) for code in CODES}


def drawn_wider(width: Callable[[int], int], codes: Iterable[int] = CODES) -> list[str]:
    """Those that are drawn wider than they are counted."""
    return [hex(code) for code in codes if width(code) > counted()[code]]


def test_glibc_draws_nothing_wider(glibc):
    assert drawn_wider(glibc.__getitem__, glibc) == []


def test_wcwidth_draws_nothing_wider():
    assert drawn_wider(lambda code: wcwidth(chr(code))) == []


def test_no_terminal_that_was_measured_draws_anything_wider():
    # The package wcwidth keeps what the project ucs-detect saw on some twenty terminals.
    wider = [
        code
        for measured in NARROW_OVERRIDES.values()
        for first, last in measured.get("wider", ())
        for code in range(first, last + 1)
    ]
    assert len(wider) > 50
    assert [hex(code) for code in wider if most_columns(chr(code)) < 2] == []


def test_what_no_terminal_may_draw_wider_than_one_column_is_not_counted_as_more():
    for text in (
        "hello, world!",
        "żółw ÄÖÜ ß",
        "Привет",
        "Ελληνικά",
        "עברית",
        "سلام",
        "→ ✓ ─ █ © ™",
    ):
        assert sum(map(most_columns, CLUSTER.findall(text))) == len(text)
    assert max(counted().values()) == WIDEST


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("\N{HANGUL FILLER}", 2),
        ("\N{HANGUL CHOSEONG FILLER}", 2),
        ("\N{HANGUL JUNGSEONG FILLER}", 1),
        ("\N{HALFWIDTH HANGUL FILLER}", 1),
        ("❤\ufe0f", 2),
        ("1\ufe0f\u20e3", 2),
        ("🇩🇪", 4),
        ("👍🏽", 4),
        ("e\u0301\u0323", 1),
        ("हि", 2),
        ("\N{IDEOGRAPHIC SPACE}", 2),
        ("\N{EM SPACE}", 1),
        ("\N{ZERO WIDTH SPACE}", 1),
        ("\u0378", 2),
        ("\ue000", 2),
        ("\N{KHMER SIGN BEYYAL}", 3),
    ],
)
def test_the_most_columns_of(text, columns):
    assert most_columns(text) == columns


def test_korean_is_as_wide_decomposed_as_composed():
    for text in ("철수야 밥 먹자", "각하", "까"):
        apart = CLUSTER.findall(unicodedata.normalize("NFD", text))
        together = CLUSTER.findall(text)
        assert [*map(most_columns, apart)] == [*map(most_columns, together)]
    # A final consonant that follows a whole syllable belongs to it.
    assert most_columns("가\u11a8") == 2
    # Old letters are more than what is drawn at most, and letters that stand alone are drawn.
    assert most_columns("\u1100\u119e") == 3
    assert most_columns("\u1161") == 1


# In the line that is edited.


def test_what_is_not_disputed_is_as_wide_for_the_editor_as_for_glibc(glibc):
    sure = [code for code in glibc if not is_disputed(chr(code))]
    assert len(sure) > 130_000
    assert [hex(code) for code in sure if glibc[code] != get_cwidth(chr(code))] == []


@pytest.mark.parametrize(
    "cluster",
    [
        *("\N{HANGUL FILLER}", "\N{SOFT HYPHEN}", "\ue000", "\u0378", "\udcff", "☰", "☝"),
        *("❤\ufe0f", "1\ufe0f\u20e3", "🇩🇪", "👍🏽", "👩\u200d👧", "❤\ufe0f\u200d🔥"),
        *("हि", "\u1161", "\u1100\u119e", "ｶﾞ"),
    ],
)
def test_is_disputed(cluster):
    assert is_disputed(cluster)


def test_texts_of_most_scripts_are_not_disputed():
    for text in (
        *(
            "hello, world!",
            "żółw e\u0301",
            "Привет… “да”",
            "日本語、がぎ",
            "안녕하세요",
            "张三",
            "©™→✓█",
        ),
        *(
            "สวัสดีครับน้ำ",
            "עִבְרִית",
            "\u0645\u06cc\u200c\u062e\u0648\u0645",
            "नमस्ते",
            "😀🎉",
            "tab\t\x1b",
        ),
        unicodedata.normalize("NFD", "안녕하세요"),
    ):
        assert not any(map(is_disputed, CLUSTER.findall(text)))


# In the person's language.


@pytest.mark.parametrize(
    ("variables", "columns"),
    [
        ({"LANG": "ja_JP.UTF-8"}, 2),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN"}, 2),
        ({"LANG": "ko_KR.UTF-8", "LC_CTYPE": "de_DE.UTF-8"}, 1),
        ({"LANG": "ru_RU.UTF-8"}, 1),
        ({}, 1),
    ],
)
def test_ambiguous_characters_are_wide_in_the_languages_whose_terminals_draw_them_so(
    monkeypatch, variables, columns
):
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for cached in (widths.ambiguous_is_wide, most_columns):
        cached.cache_clear()
    assert [most_columns(character) for character in "Я…é①"] == [columns] * 4
    assert most_columns("a") == most_columns("x\u0301") == 1
    for cached in (widths.ambiguous_is_wide, most_columns):
        cached.cache_clear()
