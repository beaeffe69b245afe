"""Pastes on a terminal: their lines are said, and no command in them is run."""

from __future__ import annotations

from twisted_chat.console.secret_lines import is_secret
from twisted_chat.syntax import parse, unescape

SECRET = (
    "! that paste was not taken, because it holds a /login or /register: type that command, and "
    "paste the passphrase when you are asked for it"
)
BEHIND_COMMAND = "! that paste was not taken: behind a command only one line can be pasted"
ONE_ANSWER = "! only the first line of that was taken, as the answer: the rest was not sent"


def lines_of(paste: str) -> list[str]:
    """Return the lines of `paste`, which LF, CR (as terminals paste) or both end. The last line is
    what stands behind the last line end: it may be empty.
    """
    return paste.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def split_paste(typed: str, paste: str) -> tuple[list[str], str]:
    """Return the texts that a `paste` behind the text `typed` says, and the text that then stands
    before the cursor.

    Each line with a line end is said as it stands; the last line waits for Enter like a typed one.
    The typed line, with the paste's first one behind it, means what it would mean at Enter, except
    that the person must enter a command. Raises ValueError, with a line to show, for a paste that
    is not taken.
    """
    first, *others = lines_of(paste)
    if any(map(is_secret, [first, *others])):
        raise ValueError(SECRET)
    if not others:
        return [], typed + first
    # The typed text has several lines if a line end was quoted (^Q).
    begun = (typed + first).split("\n") if typed else []
    if any(parse(line) or is_secret(line) for line in begun):
        if others == [""]:
            return [], typed + first
        raise ValueError(BEHIND_COMMAND)
    whole = [*(map(unescape, begun) if begun else [first]), *others]
    return whole[:-1], whole[-1]
