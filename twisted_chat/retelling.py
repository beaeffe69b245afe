"""What was said before, told again as notices."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_chat.dialects import line_of
from twisted_chat.events import Emoted, Notice, Said
from twisted_chat.spans import moment

_MARKS = 32
"""Bytes of a retold line besides the name and the text: marks, time and LF."""


def retold(lines: Sequence[tuple[float, Said | Emoted]], share: int) -> list[Notice]:
    """The last of `lines` (Unix times and events of one line each), with their times and in at most
    `share` bytes, led by how many older ones were left out.
    """
    share -= _MARKS  # Of the line that tells how many were left out.
    shown: list[tuple[float, Said | Emoted]] = []
    # There may be far more, which are not even looked at.
    for time, event in reversed(lines):
        share -= _MARKS + len(event.name.encode()) + len(event.text.encode())
        if share < 0:
            break
        shown.append((time, event))
    notices = []
    if left_out := len(lines) - len(shown):
        notices.append(Notice(f"{left_out} older {'line' if left_out == 1 else 'lines'} left out"))
    for time, event in reversed(shown):
        record = {"time": time, "name": event.name, "text": event.text}
        record["emoted"] = isinstance(event, Emoted)
        notices.append(Notice(f"{moment(time)} {line_of(event)}", record))
    return notices
