"""Breaks lines that are wider than the terminal.

The terminal itself would go on in the first column, where the rest of somebody's words could pose
as a line of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from twisted_chat.console.colours import Fragments
from twisted_chat.console.widths import CLUSTER, WIDEST, most_columns

INDENT = "  "
"""Stands before each row of a line except the first."""

# Where a row may end: TAB and Unicode's category Zs without its no-break blanks.
_BLANKS = " \t\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u205f\u3000"
_WORD = re.compile(rf"[^{_BLANKS}]+|[{_BLANKS}]+")
_TAB = 8


def is_wider(line: str, columns: int) -> bool:
    """Return whether `line` may not fit into one row. For a short line that takes little time."""
    if WIDEST * len(line) <= columns and "\t" not in line:
        return False
    return _column_after(line, 0) > columns


def in_rows(fragments: Fragments, columns: int) -> Fragments:
    """Return the line `fragments` with line ends between rows that fit into `columns`.

    It is broken at blanks, which are dropped there, and inside a word only if the word is too long
    for a row.
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


def row_widths(fragments: Fragments) -> list[int]:
    """Return the width of each row of `fragments`, which `in_rows` has returned."""
    rows = "".join(text for _, text in fragments).split("\n")
    return [_column_after(row, 0) for row in rows]


def _cuts(line: str, columns: int) -> Iterator[tuple[int, int]]:
    """Yield where each row of `line` except the last ends, and where the next one begins."""
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
            for start, width in _pieces(word, columns - indent):
                if column + width > columns:
                    yield here + start, here + start
                    column = indent
                column += width
        end = match.end()


def _column_after(text: str, column: int) -> int:
    """Return the column behind `text` that begins in `column`, on an endlessly wide terminal."""
    if text.isascii() and "\t" not in text:
        return column + len(text)
    for cluster in CLUSTER.findall(text):
        column += _TAB - column % _TAB if cluster == "\t" else most_columns(cluster)
    return column


def _pieces(word: str, columns: int) -> Iterator[tuple[int, int]]:
    """Yield where in `word` each grapheme cluster begins, and its width. A cluster that is wider
    than `columns` is taken apart into its code points.
    """
    for match in CLUSTER.finditer(word):
        width = most_columns(match[0])
        if width <= columns:
            yield match.start(), width
        else:
            for start, character in enumerate(match[0], match.start()):
                yield start, most_columns(character)
