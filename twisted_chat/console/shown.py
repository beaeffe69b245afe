"""Keeps what a terminal shows above the typed line, to show it again in another width."""

from __future__ import annotations

from collections import deque

from twisted_chat.console.colours import Fragments
from twisted_chat.console.wrapping import in_rows, is_wider, row_widths
from twisted_chat.limits import CLIENT_SHOWN


class Shown:
    """The newest lines that were shown, each with the width for which it was broken into rows."""

    def __init__(self) -> None:
        self._lines: deque[tuple[Fragments, int]] = deque(maxlen=CLIENT_SHOWN)

    def add(self, line: Fragments, columns: int) -> Fragments:
        """Remember `line`. Return it with its line end, in rows of at most `columns`."""
        self._lines.append((line, columns))
        return [*_fitted(line, columns), ("", "\n")]

    def again(self, columns: int, rows: int) -> tuple[int, Fragments]:
        """Fit the newest lines to a window whose size has become `columns` and `rows`. Return how
        many rows they take above the cursor before that, and the lines broken anew.

        Many terminals break a row that has become too long: its rest goes on in the first column.
        Other terminals cut the row. The rows are counted for the first kind. The lines are as many
        as the second kind may show, so that no line is lost.
        """
        lines: list[Fragments] = []
        rows_before = rows_now = 0
        while self._lines and rows_before < rows:
            line, width = self._lines.pop()
            lines.append(line)
            for used in row_widths(_fitted(line, width)):
                rows_before += 1
                rows_now += rows_of(used, columns)
        return rows_now, [
            fragment for line in reversed(lines) for fragment in self.add(line, columns)
        ]


def rows_of(used: int, columns: int) -> int:
    """Return how many rows a terminal with `columns` makes of a row with `used` written columns."""
    return max(1, -(-used // columns))


def _fitted(line: Fragments, columns: int) -> Fragments:
    text = "".join(text for _, text in line)
    return in_rows(line, columns) if is_wider(text, columns) else line
