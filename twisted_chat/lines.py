"""Lines from a stream, in bounded memory."""

from __future__ import annotations

from codecs import BOM_UTF8

from twisted.protocols.basic import LineReceiver

_PIECE = 4096
"""Bytes handed to LineReceiver at once: for each line it copies all that stands behind it."""

_TAIL = 16
"""Bytes kept of the end of a line that is skipped."""


class BoundedLineReceiver(LineReceiver):
    """Lines ended by LF or CRLF; one longer than `max_line` bytes is skipped up to its LF. A byte
    order mark at the start of the stream is dropped.

    Subclasses say what to do with `line_received`, `long_line` and `long_line_ended`.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self._is_first = True
        self.at_line_start = True
        """Nothing waits: what comes next is the begin of a line."""
        self._excess = b""
        self._tail = b""

    @property
    def max_line(self) -> int:
        """Bytes of the longest line that is taken, without its end. It may change at any time."""
        raise NotImplementedError

    def line_received(self, line: bytes) -> None:
        """Take a whole line without its end. It may be empty."""
        raise NotImplementedError

    def long_line(self, start: bytes) -> None:
        """Take `start`, more than the first `max_line` bytes of a line that is too long."""
        raise NotImplementedError

    def long_line_ended(self, tail: bytes) -> None:
        """That line is over now. `tail`: its last bytes, without its end."""

    def bytes_read(self, size: int) -> None:
        """Note that a line of `size` bytes, or a piece of a skipped one, was dealt with. This is
        the time to pause.
        """

    def input_ended(self) -> None:
        """Take the last line, also without its end: nothing more comes."""
        if self.line_mode:
            if last := self.clearLineBuffer():
                self.lineReceived(last)
        else:
            self.long_line_ended(self._tail)

    def dataReceived(self, data: bytes) -> None:
        # LineReceiver counts the mark and the CR, we do not.
        self.MAX_LENGTH = len(BOM_UTF8) + self.max_line + 1
        for start in range(0, len(data) or 1, _PIECE):
            super().dataReceived(data[start : start + _PIECE])
            # lineLengthExceeded has to hand its data back here: what it passes to dataReceived
            # would lie in the buffer until the next packet comes.
            while self._excess:
                excess, self._excess = self._excess, b""
                super().dataReceived(excess)
        self.at_line_start = data.endswith(b"\n") and bool(self.line_mode) and not self.paused

    def lineReceived(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(BOM_UTF8)
        if len(line) <= self.max_line:
            self.line_received(line)
        else:
            self.long_line(line)
            self.long_line_ended(line[-_TAIL:])
        self.bytes_read(len(line))

    def lineLengthExceeded(self, line: bytes) -> None:
        self.setRawMode()
        self._is_first = False
        self._tail = b""
        self._excess = line
        self.long_line(line.partition(b"\n")[0])

    def rawDataReceived(self, data: bytes) -> None:
        skipped, end, rest = data.partition(b"\n")
        self._tail = (self._tail + skipped)[-_TAIL:]
        if end:
            self.long_line_ended(self._tail.removesuffix(b"\r"))
            self.setLineMode()
            # Not as an argument: that would pass it through a subclass's dataReceived once more.
            super().dataReceived(rest)
        self.bytes_read(len(skipped))
