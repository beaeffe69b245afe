"""Draw the picture of the front page from the recordings beside it: `python docs/session/draw.py`.

Each recording is played back on a terminal of pyte, and rich draws what that shows at the end, once
for light and once for dark pages.
"""

from __future__ import annotations

import json
from io import StringIO
from itertools import groupby
from pathlib import Path

import pyte
from rich.box import ROUNDED
from rich.console import Console, Group
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent

_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

# The sixteen colours of a terminal, dark enough to be read on white and light enough on black.
_LIGHT = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        (36, 41, 47),
        (176, 29, 38),
        (17, 99, 41),
        (122, 82, 0),
        (9, 88, 186),
        (120, 56, 188),
        (18, 100, 110),
        (87, 96, 106),
    ],
)
_DARK = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)


def played(name: str) -> tuple[str, pyte.Screen]:
    """Return the title of the recording `name`, and its last screen."""
    header, *events = map(json.loads, (HERE / f"{name}.cast").read_text().splitlines())
    screen = pyte.Screen(header["width"], header["height"])
    stream = pyte.Stream(screen)
    for _, _, data in events:
        stream.feed(data)
    return header["title"], screen


def shown(screen: pyte.Screen) -> list[str]:
    """Return the rows of `screen`, without blanks at their ends and empty rows at its end."""
    return "\n".join(row.rstrip() for row in screen.display).rstrip().split("\n")


def window(name: str, note: str) -> Panel:
    """Return the terminal of the recording `name`, drawn in a frame with `note` below."""
    title, screen = played(name)
    text = Text(no_wrap=True)
    for row in range(len(shown(screen))):
        if row:
            text.append("\n")
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        for style, alike in groupby(cells, _style):
            text.append("".join(cell.data for cell in alike), style)
    return Panel(
        Group(Text(f"$ {title}", "bold"), text),
        box=ROUNDED,
        border_style="white",
        subtitle=Text(note, "white"),
        subtitle_align="right",
        width=screen.columns + 4,
        height=screen.lines + 2,
    )


def _style(cell: pyte.screens.Char) -> Style:
    colour = {"brown": "yellow"}.get(cell.fg, cell.fg).removeprefix("bright")
    return Style(color=colour if colour in _COLOURS else None, bold=cell.bold, reverse=cell.reverse)


def draw() -> None:
    """Write session-light.svg and session-dark.svg."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(window("ann", "the client that comes with it"), window("bob", "what was there"))
    server = window("server", "the daemon")
    for name, theme in (("light", _LIGHT), ("dark", _DARK)):
        width = 2 * played("ann")[1].columns + 9
        console = Console(record=True, width=width, file=StringIO(), force_terminal=True)
        server.width = width
        console.print(grid, server)
        svg = console.export_svg(title="One room, three terminals", theme=theme, unique_id=name)
        # Nothing is to be fetched where the picture is shown.
        head, _, rest = svg.partition("@font-face")
        rest = rest[rest.rindex("@font-face") :].partition("}")[2] if rest else ""
        (HERE / f"session-{name}.svg").write_text(head + rest)


if __name__ == "__main__":
    draw()
