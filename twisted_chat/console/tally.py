"""How many lines chat-client has sent, and how many of them the server may not have heard."""

from __future__ import annotations


class Tally:
    """Counts the lines of one run."""

    def __init__(self) -> None:
        self.handed_over = 0
        """Lines that were sent."""
        self.unheard = 0
        """Lines that were sent after the last thing that came from the server."""

    def sent(self) -> None:
        """A line was sent."""
        self.handed_over += 1
        self.unheard += 1

    def heard(self) -> None:
        """Something came from the server."""
        self.unheard = 0

    def broken(self) -> list[str]:
        """The connection is gone: return a sentence on the lines that were sent after the last
        thing that came from the server, if there are any.

        That its machine has acknowledged them proves nothing: the server may not have read them.
        """
        count, self.unheard = self.unheard, 0
        if count == 0:
            return []
        lines, them = ("the last line", "it") if count == 1 else (f"the last {count} lines", "them")
        return [f"{lines} may not have been heard: nothing came from the server after {them}"]
