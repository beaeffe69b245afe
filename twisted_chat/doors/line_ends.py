"""What comes from a terminal that edits no line itself: its line ends and its erasing keys."""

from __future__ import annotations

import re
from enum import Enum, auto

import regex

from twisted_chat.limits import Limits

_FIRST_END = re.compile(rb"\r\0|\n")
_END = re.compile(rb"\r[\n\0]?")
_ERASING = re.compile("([\b\x7f])")


class _Kind(Enum):
    UNKNOWN = auto()
    LF = auto()
    CR = auto()


class LineEnds:
    """Learns from a stream's first line end which kind it has, and makes each end an LF.

    An LF (with or without a CR before it) says that CR is text; the stream passes unchanged then.
    CR NUL (RFC 1123, 3.3.1), or a CR with nothing behind it for a while, says that CR, CR NUL and
    CRLF end a line; so do the CRs before it, which a paste may have brought.

    Until then the stream is held back. When more than `limits.max_line` bytes are, they pass
    unchanged, and only the CR that tells the kind is made an LF: what stands before it is one line,
    too long.
    """

    __slots__ = ("_after_cr", "_held", "_is_long", "_kind", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kind = _Kind.UNKNOWN
        self._held = bytearray()
        self._is_long = False
        self._after_cr = False

    @property
    def are_known(self) -> bool:
        """Whether the stream has had a line end."""
        return self._kind is not _Kind.UNKNOWN

    @property
    def are_cr(self) -> bool:
        """Whether CR ends a line."""
        return self._kind is _Kind.CR

    @property
    def wait_for_pause(self) -> bool:
        """Whether the CR that came last is a line end if nothing follows it soon: see `pause`."""
        return not self.are_known and self._held.endswith(b"\r")

    def feed(self, data: bytes) -> bytes:
        """Take `data` from the stream; returns what of the stream is ready."""
        if self._kind is _Kind.LF:
            return data
        if self._kind is _Kind.CR:
            return self._with_lf(data)
        searched = max(len(self._held) - 1, 0)
        self._held += data
        if end := _FIRST_END.search(self._held, searched):
            return self._learn(_Kind.LF if end[0] == b"\n" else _Kind.CR, end.start())
        if len(self._held) <= self._limits.max_line and not self._is_long:
            return b""
        self._is_long = True
        return self._release(len(self._held) - self._held.endswith(b"\r"))

    def pause(self) -> bytes:
        """Return what a pause after the last CR makes ready."""
        return self._learn(_Kind.CR, len(self._held) - 1)

    def end(self) -> bytes:
        """Return what was held back: the stream is over, and nothing follows a CR at its end."""
        return self.pause() if self.wait_for_pause else self._release(len(self._held))

    def _learn(self, kind: _Kind, position: int) -> bytes:
        """Take `kind` for granted from here on: the line end at `position` of what is held back
        tells it.
        """
        self._kind = kind
        if kind is _Kind.LF:
            return self._release(len(self._held))
        first = self._release(position)
        # No person sends a NUL. The first line is judged by it, and stays in one piece for that.
        if not self._is_long and len(first) < self._limits.max_line and b"\0" not in first:
            first = first.replace(b"\r", b"\n")
        return first + self._with_lf(self._release(len(self._held)))

    def _release(self, size: int) -> bytes:
        released = bytes(self._held[:size])
        del self._held[:size]
        return released

    def _with_lf(self, data: bytes) -> bytes:
        if self._after_cr and data[:1] in (b"\n", b"\0"):
            data, self._after_cr = data[1:], False
        if data:
            self._after_cr = data.endswith(b"\r")
        return _END.sub(b"\n", data)


def erased(line: bytes) -> bytes:
    """Return `line` without its BS and DEL, each of which takes the character before it away.

    A character is what a reader takes for one (UAX 29's grapheme cluster).
    """
    kept: list[str] = []
    for piece in _ERASING.split(line.decode("utf-8", "surrogateescape")):
        if piece not in ("\b", "\x7f"):
            kept += regex.findall(r"\X", piece)
        elif kept:
            kept.pop()
    return "".join(kept).encode("utf-8", "surrogateescape")
