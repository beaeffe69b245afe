"""Lines that are wider than the terminal.

It would go on in its first column, where the rest of what somebody said could pose as a line of
another kind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from prompt_toolkit.utils import get_cwidth

from twisted_chat.console.colours import Fragments

INDENT = "  "
"""What stands before each row of a line but the first."""

_BLANKS = " \t"
_WORD = re.compile(rf"[^{_BLANKS}]+|[{_BLANKS}]+")
_TAB = 8
_EMOJI = "\N{VARIATION SELECTOR-16}"


def is_wider(line: str, columns: int) -> bool:
    """Whether `line` does not fit into one row. Quick where it has fewer characters than that."""
    if 2 * len(line) <= columns and "\t" not in line:
        return False
    return _column_after(line, 0) > columns


def in_rows(fragments: Fragments, columns: int) -> Fragments:
    """`fragments`, which make a line, with line ends between rows that fit.

    It is parted at blanks, which are dropped there, and inside a word only if that is too long for
    a row.
    """
    line = "".join(text for _, text in fragments).rstrip(_BLANKS)
    parted: Fragments = []
    cuts = _cuts(line, columns)
    end, start = next(cuts, (len(line), len(line)))
    position = after = 0
    for style, text in fragments:
        after = min(after + len(text), len(line))
        while end < after:
            if position < end:
                parted.append((style, line[position:end]))
            parted.append(("", f"\n{INDENT}"))
            position = start
            end, start = next(cuts, (len(line), len(line)))
        if position < after:
            parted.append((style, line[position:after]))
            position = after
    return parted


def _cuts(line: str, columns: int) -> Iterator[tuple[int, int]]:
    """Where each row of `line` ends but the last, and where the next one begins."""
    indent = len(INDENT)
    column = end = 0
    for match in _WORD.finditer(line):
        word, here = match[0], match.start()
        if word[0] in _BLANKS:
            column = _column_after(word, column)
            continue
        width = _column_after(word, 0)
        if column + width <= columns:
            column += width
        elif end and indent + width <= columns:
            yield end, here
            column = indent + width
        else:
            if column >= columns:
                yield end, here
                column = indent
            for start, width in _characters(word):
                if column + width > columns:
                    yield here + start, here + start
                    column = indent
                column += width
        end = match.end()


def _column_after(text: str, column: int) -> int:
    """The column behind `text` that begins in `column`, of a terminal without an edge."""
    if text.isascii() and "\t" not in text:
        return column + len(text)
    for character in text:
        column += _TAB - column % _TAB if character == "\t" else _width(character)
    return column


def _characters(word: str) -> Iterator[tuple[int, int]]:
    """Where in `word` each character begins, with the marks on it, and its width."""
    start = width = 0
    for position, character in enumerate(word):
        if get_cwidth(character) and position:
            yield start, width
            start, width = position, 0
        width += _width(character)
    yield start, width


@lru_cache(4096)
def _width(character: str) -> int:
    """The columns that `character` takes: where terminals do not agree, the most."""
    is_mark = unicodedata.category(character) in ("Mn", "Me") and character != _EMOJI
    return get_cwidth(character) or (0 if is_mark else 1)
