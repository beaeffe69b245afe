"""Finds passphrases that are guessed first: those that NIST SP 800-63B, 5.1.1.2 wants refused."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path

_COMMON = (Path(__file__).parent / "common_passphrases.txt").read_text()
"""One passphrase on each line, made by tools/common_passphrases.py. It is read at the start:
after `twistd --chroot` the file cannot be reached. A search through it takes some microseconds.
"""

_EDGES = re.compile(r"[\W\d_]+\Z|\A[\W\d_]+")
"""Digits and marks around a word, which guessers vary first."""

_CHAT = ("twisted", "chat")
_SHORT_NAME = 3
"""Letters: a shorter name is part of too many words."""

_SHORT_REST = 4
"""Letters: with fewer beside a known name, too little is left to guess."""

_SHORT_NUMBER = 8
"""Digits: a date or a phone number has as many."""


def weakness(passphrase: str, name: str) -> str | None:
    """Return why `passphrase`, of the owner of `name`, is among the first that are guessed; None if
    it is not.
    """
    text = unicodedata.normalize("NFKC", passphrase).casefold()
    if _is_common(text) or _is_common(_EDGES.sub("", text)) or _is_common(_letters(text)):
        return "it is on the lists of common ones"
    if any(text.startswith(text[period:]) for period in range(1, len(text) // 2 + 1)):
        return "it repeats itself"
    if len({ord(after) - ord(before) for before, after in pairwise(text)}) == 1:
        return "its characters are in their usual order"
    if _is_named_after(text, name):
        return "it is made of your name or the chat's"
    return None


def _is_common(text: str) -> bool:
    return f"\n{text}\n" in _COMMON


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _is_named_after(text: str, name: str) -> bool:
    words = [word for word in (name.casefold(), *_CHAT) if len(word) >= _SHORT_NAME]
    rest = text
    for word in words:
        rest = rest.replace(word, "").replace(word[::-1], "")
    if rest == text:
        return False
    letters = sum(map(str.isalpha, rest))
    return letters < _SHORT_REST and sum(map(str.isdecimal, rest)) <= _SHORT_NUMBER
