"""Which lines are commands, and how a text is said that looks like one."""

from __future__ import annotations

import re

# A slash and an ASCII letter begin a command. With more slashes one is dropped and the rest is
# said, so that every text, `//x` as well, can be said.
_COMMAND = re.compile(r"/([A-Za-z][^ \t]*)[ \t]*(.*)", re.DOTALL)
_SLASHED = re.compile(r"/+[A-Za-z]")


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
