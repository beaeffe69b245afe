"""What becomes of a paste on a terminal: its lines are said, and no command in it is run."""

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
    """The lines of `paste`, ended by LF, CR (as terminals paste) or both. The last one has no end:
    it is empty if `paste` ends with a line end.
    """
    return paste.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def split_paste(typed: str, paste: str) -> tuple[list[str], str]:
    """The texts to say, and the text that then stands before the cursor, for a `paste` behind what
    is `typed` before the cursor.

    What the paste ends is said as it stands; its last line waits for Enter like a typed one. The
    line that was begun by typing means what it means at Enter, except that a command is left to be
    entered by the person. Raises ValueError, to be shown, for a paste that is not to be taken.
    """
    first, *others = lines_of(paste)
    if any(map(is_secret, [first, *others])):
        raise ValueError(SECRET)
    if not others:
        return [], typed + first
    # Several lines are begun where a line end was quoted (^Q).
    begun = (typed + first).split("\n") if typed else []
    if any(parse(line) or is_secret(line) for line in begun):
        if others == [""]:
            return [], typed + first
        raise ValueError(BEHIND_COMMAND)
    whole = [*(map(unescape, begun) if begun else [first]), *others]
    return whole[:-1], whole[-1]
