"""Text from people, made safe to show: applied once, before a text reaches the room."""

from __future__ import annotations

import re
import unicodedata

from twisted_chat.limits import COMBINING_MARKS

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# A run that could hold too many marks: all of them stand at U+0300 or later and none is a letter or
# a digit, so text of any living script is passed over without looking at each character.
_MARKED = re.compile(rf"[^\w\x00-\u02ff]{{{COMBINING_MARKS + 1},}}")


def clean(data: bytes) -> str:
    """Decode `data` and take from it all that can pose as something else on a screen.

    Invalid UTF-8 becomes U+FFFD (one for each maximal part, as Unicode's chapter 3.9 recommends);
    C0 controls but TAB, and DEL, their control pictures; C1 controls, bidirectional embeddings,
    overrides and isolates (Unicode's UAX 9) and the line and paragraph separators U+FFFD; of a run
    of combining marks the first 8 stay.
    """
    text = data.decode("utf-8", "replace")
    text = _UNSAFE.sub(_replace, text)
    return text if text.isascii() else _MARKED.sub(_cut_marks, text)


# Bytes that need no cleaning: printable ASCII, TAB, and LF between the lines.
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


def whole_number(text: str, least: int, most: int) -> int | None:
    """The number from `least` to `most` that `text` writes in ASCII digits; None: it is none."""
    # Bounded: Python refuses to look at thousands of digits.
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return number if least <= (number := int(text)) <= most else None


def is_plain(lines: bytes) -> bool:
    """Whether `clean` would leave all of `lines`, which end with LF, as they are: a quick look that
    may say no to what is clean, and is to be followed by a closer one then.
    """
    return not lines.translate(None, _PLAIN)


def _replace(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT


def _cut_marks(match: re.Match[str]) -> str:
    kept = []
    marks = 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks <= COMBINING_MARKS:
            kept.append(character)
    return "".join(kept)
