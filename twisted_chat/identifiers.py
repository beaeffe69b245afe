"""Which characters Unicode recommends for identifiers: those of alphabets in everyday use.

That is Identifier_Status (UTS 39, https://www.unicode.org/reports/tr39/). The version of Unicode
stands in identifier_status.txt, which tools/identifier_status.py makes.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache
from importlib import resources

_COMPOSED = "\N{THAI CHARACTER SARA AM}\N{LAO VOWEL SIGN AM}"
"""Vowels that Unicode restricts because NFKC takes them apart. All write Thai and Lao with them."""

_IOTA_BELOW = "\N{COMBINING GREEK YPOGEGRAMMENI}"
"""It looks like an ogonek but is a letter in capitals. Unicode 17 restricts it by itself."""


def is_allowed(character: str) -> bool:
    """Return whether Unicode allows `character` in identifiers. Two Thai and Lao vowels are too."""
    if character in _COMPOSED:
        return True
    return character != _IOTA_BELOW and bisect_right(_bounds(), ord(character)) % 2 == 1


def compatible(text: str) -> str:
    """Return `text` in NFKC, but for those vowels, which stay."""
    for vowel in _COMPOSED:
        if vowel in text:
            return vowel.join(map(compatible, text.split(vowel)))
    return unicodedata.normalize("NFKC", text)


@cache
def _bounds() -> list[int]:
    """Where a range of allowed code points begins, where it has ended, and so on."""
    text = resources.files("twisted_chat").joinpath("identifier_status.txt").read_text("utf-8")
    ranges = [line for line in text.splitlines() if not line.startswith("#")]
    bounds = []
    for each in " ".join(ranges).split():
        first, _, last = each.partition("-")
        bounds += [int(first, 16), int(last or first, 16) + 1]
    return bounds
