"""Which lines are commands, and how a text is said that looks like one."""

from __future__ import annotations

import re

# A slash and an ASCII letter begin a command. With more slashes one is dropped and the rest is
# said, so that every text, `//x` as well, can be said.
_COMMAND = re.compile(r"/([A-Za-z][^ \t]*)[ \t]*(.*)", re.DOTALL)
_SLASHED = re.compile(r"/+[A-Za-z]")

SECRET_COMMANDS = ("login", "register")
"""The commands with a passphrase."""

_FORMATS = (
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's category Cf: characters that steer the text around them and are seen nowhere."""

_FILLERS = "\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Letters and marks that are seen nowhere."""

BLANK = rf"[\s\x00-\x1f\x7f-\x9f{_FORMATS}{_FILLERS}\u2400-\u2421\u2424\ufffd\ud800-\udfff]"
"""The pattern of one character that a person takes for no part of a word: white space, what is seen
nowhere, and controls and broken bytes, as they are typed and as `text.clean` shows them."""

# Not without any blank: that is the command itself, or another one.
_SLIPPED = re.compile(
    rf"(?:{BLANK}+/{BLANK}*|/{BLANK}+)((?ai:{'|'.join(SECRET_COMMANDS)}))(?:{BLANK}|\Z)"
)


def parse(line: str) -> tuple[str, str] | None:
    """The name (in lower case) and the argument of the command that `line` is; None: it is said."""
    match = _COMMAND.fullmatch(line)
    return (match[1].lower(), match[2].strip()) if match else None


def unescape(line: str) -> str:
    """What a `line` that is no command says: `//x` says `/x`."""
    return line[1:] if _SLASHED.match(line) else line


def escape(text: str) -> str:
    """The line that says `text` and is never a command: the inverse of `unescape`."""
    return f"/{text}" if _SLASHED.match(text) else text


def slipped_command(line: str) -> str:
    """The name (in lower case) of the command with a passphrase that `line`, which is none, was
    meant to be, with blanks before its slash or behind it; "" for every other line. To say such a
    line would show the passphrase to all; `//login x` is written on purpose, and said.
    """
    match = _SLIPPED.match(line)
    return match[1].lower() if match else ""
