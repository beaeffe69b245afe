"""Tells commands from lines to say, and finds commands with a passphrase that were mistyped."""

from __future__ import annotations

import re
from functools import cache

# A slash and an ASCII letter begin a command. If there are more slashes, the first is dropped and
# the rest is said, so that every text can be said, even `//x`.
_COMMAND = re.compile(r"/([A-Za-z][^ \t]*)[ \t]*(.*)", re.DOTALL)
_SLASHED = re.compile(r"/+[A-Za-z]")

SECRET_COMMANDS = ("login", "register")
"""The commands with a passphrase."""

_FORMATS = (
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's category Cf: invisible characters that steer the text around them."""

_FILLERS = "\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Invisible letters and marks."""

BLANK = rf"[\s\x00-\x1f\x7f-\x9f{_FORMATS}{_FILLERS}\u2400-\u2421\u2424\ufffd\ud800-\udfff]"
"""Matches one character that a person does not see as part of a word: white space, an invisible
character, and a control or broken byte, as it is typed and as `text.clean` shows it."""

NO_BLANK = rf"(?:(?!{BLANK}).)"


def _word(word: str) -> str:
    """Return a pattern for `word` in upper or lower case, and in the wide letters of East Asian
    input methods.
    """
    wide = 0xFEE0  # From an ASCII letter to its wide one.
    return "".join(
        f"[{each}{each.upper()}{chr(ord(each) + wide)}{chr(ord(each.upper()) + wide)}]"
        for each in word
    )


_LOGIN, _REGISTER = map(_word, SECRET_COMMANDS)

_SLASHES = (
    "/\uff0f\u2044\u2215\u2571\u27cb\u29f8\u2f03"  # What UTS 39 lists as look-alikes,
    "\\\\\uff3c\ufe68\u2216\u27cd\u29f5\u29f9"  # and the other way round.
)

BEHIND = rf"(?:{BLANK}|[:=,])"
"""Matches a character that ends the word of a command with a passphrase."""

CARRIERS = {
    **dict.fromkeys(("me", "reply", "topic", "away", "quit", "exit", "say"), (0,)),
    **dict.fromkeys(("msg", "kick"), (1,)),
    "ban": (1, 2),
}
"""The commands that show words to others, each with how many arguments may stand before them."""

# Blanks, quote marks, brackets, bullets or numbers may stand before a command. In a program that
# does not edit the line, such as nc, also the bytes of a key or a marked paste: ESC [ A,
# ESC [ 2 0 0 ~.
_LEAD = rf"(?:[\W\d_{_FILLERS}]|[\x1b\u241b][\[O][\d;]*[A-Za-z])*"

# The slash may be a look-alike. A 7 may stand before it: on many keyboards that is the slash's key
# without Shift. Behind any other digit a slash belongs to a path or a fraction.
_SLASH = rf"{_LEAD}(?<!(?!7)\d)[{_SLASHES}]{BLANK}*"

# People write two slashes on purpose.
_NOT_ON_PURPOSE = rf"(?!{BLANK}*//+[A-Za-z])"

# At most two commands around it: `/ban /ban /ban …` can be read in more ways than can be tried.
_CARRIED = "(?:{}){{0,2}}".format(
    "|".join(
        rf"{_NOT_ON_PURPOSE}{_SLASH}(?ai:{command}){BLANK}" + rf"{BLANK}*{NO_BLANK}+{BLANK}" * count
        for command, counts in CARRIERS.items()
        for count in counts
    )
)

# In place of the slash may also stand the character that its key gives with or without Shift.
SECRET = (
    rf"{_CARRIED}{_NOT_ON_PURPOSE}(?:{_SLASH}|{BLANK}*[7?!:])"
    rf"(?:(?P<login>{_LOGIN})|{_REGISTER})(?={BEHIND}|\Z)"
)
"""Matches the start of a line that is, or was meant to be, a command with a passphrase, up to the
end of the command's word. After a BEHIND the name or the passphrase follows."""

# "register" and one word that mixes letters and digits make no sentence: that is a passphrase.
_UNMARKED_REGISTER = (
    rf"{_CARRIED}{_NOT_ON_PURPOSE}{_LEAD}{_REGISTER}{BEHIND}{BLANK}*"
    rf"(?={NO_BLANK}*[A-Za-z])(?={NO_BLANK}*\d){NO_BLANK}{{8,}}{BLANK}*"
)
_UNMARKED_LOGIN = (
    rf"{_CARRIED}{_NOT_ON_PURPOSE}{_LEAD}{_LOGIN}{BEHIND}{BLANK}*"
    rf"({NO_BLANK}+){BLANK}+{NO_BLANK}"
)

# To compile one of these patterns takes as long as to import ten modules: not at the start.
compiled = cache(re.compile)

_AROUND_NAME = "\"'`<>()[]{}.,:;=«»“”„\u2018\u2019"


def parse(line: str) -> tuple[str, str] | None:
    """Return the name (in lower case) and the argument of the command in `line`; None if `line` is
    a line to say.
    """
    match = _COMMAND.fullmatch(line)
    return (match[1].lower(), match[2].strip()) if match else None


def unescape(line: str) -> str:
    """Return the text that a `line` without a command says: `//x` says `/x`."""
    return line[1:] if _SLASHED.match(line) else line


def escape(text: str) -> str:
    """Return the line that says `text` and is never a command: the inverse of `unescape`."""
    return f"/{text}" if _SLASHED.match(text) else text


def slipped_command(line: str) -> str:
    """Return "login" or "register" if `line` was meant to be that command but would be said, with
    the passphrase in it; "" for every other line.
    """
    if not _may_be_slip(line):
        return ""
    if match := compiled(SECRET).match(line):
        return "login" if match["login"] else "register"
    return "register" if compiled(_UNMARKED_REGISTER).fullmatch(line) else ""


def unmarked_login(line: str) -> str:
    """Return the name in a `line` like `login ann sesame`; "" for every other line.

    If somebody has registered that name, the line is a slip; otherwise it is a sentence.
    """
    match = compiled(_UNMARKED_LOGIN).match(line) if _may_be_slip(line) else None
    return match[1].strip(_AROUND_NAME) if match else ""


def _may_be_slip(line: str) -> bool:
    if not may_name_secret_command(line):
        return False
    command = parse(line)
    return command is None or command[0] not in SECRET_COMMANDS


def may_name_secret_command(line: str) -> bool:
    """Return whether `line` has the letters that both SECRET_COMMANDS have in common: a quick look,
    before a pattern is tried.
    """
    small = line.lower()
    return "gi" in small or "\uff47\uff49" in small
