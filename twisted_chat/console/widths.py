"""How many columns a terminal takes for a character. Terminals do not agree.

Wide characters are defined by Unicode's UAX 11, grapheme clusters by UAX 29. How terminals deviate
from them was taken from the tables of glibc and of the package wcwidth; tests/test_widths.py holds
this module against both.
"""

from __future__ import annotations

import os
import unicodedata
from functools import cache, lru_cache

import regex

CLUSTER = regex.compile(r"\X")
"""What a person sees as one character."""

# Some terminals draw these two wide: what is wide in any version of Unicode or may become so,
# flags, gestures, and the signs of private fonts.
_WIDE = regex.compile(
    r"[\p{EA=W}\p{EA=F}\p{Cn}\p{Co}\p{RI}\p{Emoji_Modifier_Base}"
    "\u17a4\u3164\u3248-\u324f\U0001f93b\U0001f946]"
)
_WIDER = "\N{KHMER SIGN BEYYAL}"
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
_AMBIGUOUS = regex.compile(r"\p{EA=A}")

WIDEST = 3
"""The most columns that one code point other than TAB takes."""


@lru_cache(4096)
def most_columns(cluster: str) -> int:
    """The columns of `cluster` on the terminal that draws it widest."""
    # In NFC the letters of a Korean syllable are the one that is drawn.
    return sum(map(_most_of_one, unicodedata.normalize("NFC", cluster)))


def _most_of_one(character: str) -> int:
    # A mark that this Python does not know is a box on terminals of its age.
    if unicodedata.category(character) in ("Mn", "Me") and character != _EMOJI_STYLE:
        return 0
    if _WIDE.match(character):
        return 2
    if character == _WIDER:
        return 3
    return 2 if ambiguous_is_wide() and _AMBIGUOUS.match(character) else 1


@cache
def ambiguous_is_wide() -> bool:
    """Whether the person's language is one in which terminals are set to draw East Asian Ambiguous
    characters two wide. Elsewhere those are letters, Cyrillic ones as well: to count two for each
    would halve the rows of whole languages.
    """
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "").startswith(("zh", "ja", "ko"))
