"""How many columns a terminal takes for a character. Terminals do not agree.

Wide characters are defined by Unicode's UAX 11, grapheme clusters by UAX 29. How terminals deviate
from them was taken from the tables of glibc and of the package wcwidth; the tests hold
this module against both.
"""

from __future__ import annotations

import os
import unicodedata
from functools import cache, lru_cache

import regex
from prompt_toolkit.utils import get_cwidth

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

# These take no column in any table, and scripts need them.
_UNSEEN = regex.compile(r"[\u061c\u200b-\u200f\u2060]")

# Terminals draw emoji that are joined, coloured or make a flag together or apart; other format
# characters and the marks of half-wide katakana they draw or not; trigrams and their like are wide
# since Unicode 16.
_UNSURE = regex.compile(
    r"\p{ExtPict}\p{M}*\u200d|[\p{RI}\p{Emoji_Modifier}\uff9e\uff9f]"
    rf"|(?!{_UNSEEN.pattern})\p{{Cf}}"
    "|[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d376]"
)

WIDEST = 3
"""The most columns that one code point other than TAB takes."""


@lru_cache(4096)
def most_columns(cluster: str) -> int:
    """Return the columns of `cluster` on the terminal that draws it widest."""
    # In NFC the letters of a Korean syllable are the one that is drawn.
    composed = unicodedata.normalize("NFC", cluster)
    columns = sum(map(_columns, composed))
    if ambiguous_is_wide():
        columns += sum(_columns(each) == 1 for each in _AMBIGUOUS.findall(composed))
    return columns


@lru_cache(4096)
def is_disputed(cluster: str) -> bool:
    """Return whether terminals draw `cluster` in different widths, or all in another one than
    prompt_toolkit counts.

    East Asian Ambiguous characters are not disputed: they are ordinary letters of many languages,
    and most terminals draw them one wide.
    """
    if cluster.isascii():
        return False
    seen = _UNSEEN.sub("", cluster)
    columns = sum(map(_columns, unicodedata.normalize("NFC", seen)))
    is_known = all(unicodedata.category(character) != "Cn" for character in cluster)
    return columns != get_cwidth(seen) or _UNSURE.search(cluster) is not None or not is_known


def _columns(character: str) -> int:
    # A mark that this Python does not know is a box on terminals of its age.
    if unicodedata.category(character) in ("Mn", "Me") and character != _EMOJI_STYLE:
        return 0
    if _WIDE.match(character):
        return 2
    return WIDEST if character == _WIDER else 1


@cache
def ambiguous_is_wide() -> bool:
    """Return whether terminals in the person's language are often set to draw East Asian Ambiguous
    characters two wide. In other languages they are ordinary letters, such as all Cyrillic ones:
    to count two for each would halve the rows.
    """
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "").startswith(("zh", "ja", "ko"))
