"""Which characters Unicode recommends for identifiers: those of alphabets in everyday use.

Unicode calls this property Identifier_Status (UTS 39, https://www.unicode.org/reports/tr39/). The
version of Unicode stands in identifier_status.txt, which tools/identifier_status.py makes.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache
from importlib import resources

_COMPOSED = "\N{THAI CHARACTER SARA AM}\N{LAO VOWEL SIGN AM}"
"""Vowels that Unicode restricts because NFKC takes them apart. Thai and Lao are written with them.
"""

_IOTA_BELOW = "\N{COMBINING GREEK YPOGEGRAMMENI}"
"""It looks like an ogonek, but in capitals it is a letter. Unicode 17 restricts it by itself."""


def is_allowed(character: str) -> bool:
    """Return whether Unicode allows `character` in identifiers, or it is one of two vowels of Thai
    and Lao.
    """
    if character in _COMPOSED:
        return True
    return character != _IOTA_BELOW and bisect_right(_bounds(), ord(character)) % 2 == 1


def compatible(text: str) -> str:
    """Return `text` in NFKC, except that those two vowels stay as they are."""
    for vowel in _COMPOSED:
        if vowel in text:
            return vowel.join(map(compatible, text.split(vowel)))
    return unicodedata.normalize("NFKC", text)


@cache
def _bounds() -> list[int]:
    """Return the first code point of each range of allowed ones and the first one behind it, in
    order.
    """
    text = resources.files("twisted_chat").joinpath("identifier_status.txt").read_text("utf-8")
    ranges = [line for line in text.splitlines() if not line.startswith("#")]
    bounds = []
    for each in " ".join(ranges).split():
        first, _, last = each.partition("-")
        bounds += [int(first, 16), int(last or first, 16) + 1]
    return bounds
