"""What a terminal shows above the line that is typed, and how it is shown in another width."""

from __future__ import annotations

from collections import deque

from twisted_chat.console.colours import Fragments
from twisted_chat.console.wrapping import in_rows, is_wider, row_widths
from twisted_chat.limits import CLIENT_SHOWN


class Shown:
    """The newest lines that were shown, each with the width for which it was parted into rows."""

    def __init__(self) -> None:
        self._lines: deque[tuple[Fragments, int]] = deque(maxlen=CLIENT_SHOWN)

    def add(self, line: Fragments, columns: int) -> Fragments:
        """Remember `line`. Return it with its line end, in rows of at most `columns`."""
        self._lines.append((line, columns))
        return [*_fitted(line, columns), ("", "\n")]

    def again(self, columns: int, rows: int) -> tuple[int, Fragments]:
        """Fit the newest lines to a window that has got `columns` and `rows`. Return how many rows
        they take above the cursor before that, and the lines anew.

        Many terminals part each row that has become too long, and its rest begins in the first
        column; others cut it. The rows are counted as the first kind makes them. The lines are all
        that the second kind may show, so that none is lost.
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
    """The rows that a terminal with `columns` makes of a row of which `used` ones are written."""
    return max(1, -(-used // columns))


def _fitted(line: Fragments, columns: int) -> Fragments:
    text = "".join(text for _, text in line)
    return in_rows(line, columns) if is_wider(text, columns) else line
