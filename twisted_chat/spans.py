"""Spans of time as people write them: `30s`, `10m`, `1h30m`, `7d`, `2w`."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60, "w": 7 * 24 * 60 * 60}
_SPAN = re.compile(r"(?:[0-9]{1,6}[smhdw])+", re.IGNORECASE)
_PART = re.compile(r"([0-9]+)([smhdw])")
_SHOWN = (("d", "day", "days"), ("h", "h", "h"), ("m", "min", "min"), ("s", "s", "s"))

LONGEST = 100 * 365 * _UNITS["d"]
"""Seconds: a longer span is taken as this one, which is as good as for ever."""


def parse_span(text: str) -> int | None:
    """Return the seconds of `text`, at most LONGEST; None if it is not a span, or is zero."""
    if not _SPAN.fullmatch(text):
        return None
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text.lower()))
    return min(seconds, LONGEST) or None


def span(seconds: float) -> str:
    """Return `seconds` in words, in the two greatest units that it has: `1 h 30 min`."""
    rest = max(round(seconds), 0)
    parts = []
    for unit, one, many in _SHOWN:
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return " ".join(parts[:2]) or "0 s"


def moment(time: float) -> str:
    """Return `time` (Unix time) in the form of RFC 3339, in UTC, to the second."""
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
