"""How many columns a terminal takes for a character. Terminals differ in this.

Unicode's UAX 11 defines wide characters, UAX 29 grapheme clusters. The deviations of terminals were
taken from the tables of glibc and of the package wcwidth; the tests compare this module with both.
"""

from __future__ import annotations

import os
import unicodedata
from functools import cache, lru_cache

import regex
from prompt_toolkit.utils import get_cwidth

CLUSTER = regex.compile(r"\X")
"""Matches a grapheme cluster: what a person sees as one character."""

# Some terminals draw these two columns wide: characters that are wide in any version of Unicode or
# may become so, flags, gestures, and the signs of private fonts.
_WIDE = regex.compile(
    r"[\p{EA=W}\p{EA=F}\p{Cn}\p{Co}\p{RI}\p{Emoji_Modifier_Base}"
    "\u17a4\u3164\u3248-\u324f\U0001f93b\U0001f946]"
)
_WIDER = "\N{KHMER SIGN BEYYAL}"
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
_AMBIGUOUS = regex.compile(r"\p{EA=A}")

# These take no column in any table. Scripts need them.
_UNSEEN = regex.compile(r"[\u061c\u200b-\u200f\u2060]")

# Terminals draw emoji that are joined, coloured or make a flag as one or apart. Some draw other
# format characters and the marks of half-wide katakana, some do not. Trigrams and the like are wide
# since Unicode 16.
_UNSURE = regex.compile(
    r"\p{ExtPict}\p{M}*\u200d|[\p{RI}\p{Emoji_Modifier}\uff9e\uff9f]"
    rf"|(?!{_UNSEEN.pattern})\p{{Cf}}"
    "|[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d376]"
)

WIDEST = 3
"""The most columns that one code point takes, except TAB."""


@lru_cache(4096)
def most_columns(cluster: str) -> int:
    """Return the columns of `cluster` on the terminal that draws it widest."""
    # NFC makes one character, which is what is drawn, of the letters of a Korean syllable.
    composed = unicodedata.normalize("NFC", cluster)
    columns = sum(map(_columns, composed))
    if ambiguous_is_wide():
        columns += sum(_columns(each) == 1 for each in _AMBIGUOUS.findall(composed))
    return columns


@lru_cache(4096)
def is_disputed(cluster: str) -> bool:
    """Return whether terminals draw `cluster` in different widths, or all of them in another width
    than prompt_toolkit counts.

    East Asian Ambiguous characters do not count as disputed: they are ordinary letters of many
    languages, and most terminals draw them one column wide.
    """
    if cluster.isascii():
        return False
    seen = _UNSEEN.sub("", cluster)
    columns = sum(map(_columns, unicodedata.normalize("NFC", seen)))
    is_known = all(unicodedata.category(character) != "Cn" for character in cluster)
    return columns != get_cwidth(seen) or _UNSURE.search(cluster) is not None or not is_known


def _columns(character: str) -> int:
    # A mark that this Python does not know is a box on terminals of the same age.
    if unicodedata.category(character) in ("Mn", "Me") and character != _EMOJI_STYLE:
        return 0
    if _WIDE.match(character):
        return 2
    return WIDEST if character == _WIDER else 1


@cache
def ambiguous_is_wide() -> bool:
    """Return whether terminals in the person's language are often set to draw East Asian Ambiguous
    characters two columns wide. In other languages they are ordinary letters, such as all Cyrillic
    ones: if each counted as two, rows would be half empty.
    """
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "").startswith(("zh", "ja", "ko"))
