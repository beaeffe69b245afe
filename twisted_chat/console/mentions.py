"""Finds where in a text somebody is called by name."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

import regex

from twisted_chat.console.widths import CLUSTER

# Scripts that are written without blanks between words: a word may begin or end beside any letter
# of theirs.
_UNPARTED = "".join(
    rf"\p{{scx={script}}}"
    for script in ("Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr")
)
# In Korean a particle or a title follows a word without a blank.
_HANGUL = r"\p{scx=Hang}"

_STARTS_ANYWHERE = regex.compile(rf"[{_UNPARTED}]")
_ENDS_ANYWHERE = regex.compile(rf"[{_UNPARTED}{_HANGUL}]")
_NEEDS_START = rf"[\w--[{_UNPARTED}]]"
_NEEDS_END = rf"[\w--[{_UNPARTED}{_HANGUL}]]"


def mentions(text: str, name: str) -> list[tuple[int, int]]:
    """Return the start and end of each place where `name` stands in `text` as a word, in upper or
    lower case. An empty `name` stands nowhere.

    Both are compared in NFC, under case folding. Where a word begins and ends depends on the
    scripts of the name's first and last letters and of the letters beside them.
    """
    if not name or _folded(name) not in _folded(text):
        return []
    clusters = CLUSTER.findall(text)
    folds = [_folded(cluster) for cluster in clusters]
    # The offset in `text` of each offset in the folded text at which a cluster begins or ends.
    ends = accumulate(map(len, folds), initial=0)
    places = dict(zip(ends, accumulate(map(len, clusters), initial=0), strict=True))
    return [
        (places[match.start()], places[match.end()])
        for match in regex.finditer(_pattern(_folded(name)), "".join(folds))
        # A match that ends inside a cluster ends with another letter: its marks belong to it.
        if match.start() in places and match.end() in places
    ]


def _pattern(name: str) -> str:
    starts_anywhere = ends_anywhere = False
    before = after = r"\w"
    # A name of one letter must stand alone: it is part of too many words.
    if len(CLUSTER.findall(name)) > 1:
        before, after = _NEEDS_START, _NEEDS_END
        starts_anywhere = _STARTS_ANYWHERE.match(name) is not None
        ends_anywhere = _ENDS_ANYWHERE.match(name[-1]) is not None
    # A name may hold . and -, which also stand around words, but with no letter on the other side.
    start = "" if starts_anywhere else rf"(?<!{before})(?<!{before}[.-])"
    end = "" if ends_anywhere else rf"(?!{after}|[.-]{after})"
    return rf"(?V1){start}{regex.escape(name)}{end}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
