"""Counts the lines that chat-client has sent, and those that the server may not have heard."""

from __future__ import annotations


class Tally:
    """Counts the lines of one run."""

    def __init__(self) -> None:
        self.handed_over = 0
        """Lines that were sent."""
        self.unheard = 0
        """Lines that were sent after the server last sent something."""

    def sent(self) -> None:
        """Count a line that was sent."""
        self.handed_over += 1
        self.unheard += 1

    def heard(self) -> None:
        """Note that something came from the server."""
        self.unheard = 0

    def broken(self) -> list[str]:
        """Return, once the connection is gone, a sentence about the unheard lines; an empty list if
        all were heard.

        An acknowledgement by the server's machine proves nothing: the server may not have read
        them.
        """
        count, self.unheard = self.unheard, 0
        if count == 0:
            return []
        lines, them = ("the last line", "it") if count == 1 else (f"the last {count} lines", "them")
        return [f"{lines} may not have been heard: nothing came from the server after {them}"]
