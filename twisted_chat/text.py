"""Text from people, made safe to show: applied once, before a text reaches the room."""

from __future__ import annotations

import re
import unicodedata

from twisted_chat.limits import COMBINING_MARKS

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What steers a terminal, and letters and format characters that nobody sees and no living script
# needs: Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode, and annotations. A
# word may hide in them, and some terminals draw the fillers two wide.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers.
    "\u17b4\u17b5"  # Khmer vowels that are not written.
    "\u2061-\u2065\u206a-\u206f"  # Operators of formulas; deprecated formats.
    "\ufff0-\ufffb]"  # Unassigned; annotations between lines.
)

# The same beyond U+FFFF: beams and slurs of music, and the plane of the tags without its variation
# selectors. They stand apart because they make a pattern slower, and ASCII lines need not pay.
_TAGS = re.compile("[\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]+")
_FLAG = "\N{WAVING BLACK FLAG}"
# What makes another flag of it (UTS 51, emoji tag sequences): Scotland's is gbsct.
_REGION = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

# A run that could hold too many marks: all of them stand at U+0300 or later and none is a letter or
# a digit, so text of any living script is passed over without looking at each character.
_MARKED = re.compile(rf"[^\w\x00-\u02ff]{{{COMBINING_MARKS + 1},}}")


def clean(data: bytes) -> str:
    """Decode `data` and take from it all that can pose as something else on a screen.

    Invalid UTF-8 becomes U+FFFD (one for each maximal part, as Unicode's chapter 3.9 recommends);
    C0 controls but TAB, and DEL, their control pictures; C1 controls, bidirectional embeddings,
    overrides and isolates (Unicode's UAX 9), the line and paragraph separators, and invisible
    characters that no living script needs (Hangul fillers, tags outside of flags) U+FFFD. Of a run
    of combining marks the first 8 stay. Joiners, variation selectors and marks of direction stay:
    scripts and emoji need them.
    """
    text = data.decode("utf-8", "replace")
    text = _UNSAFE.sub(_replace, text)
    return text if text.isascii() else _MARKED.sub(_cut_marks, _TAGS.sub(_replace_tags, text))


def is_utf8(data: bytes) -> bool:
    """Whether all of `data` is valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def whole_number(text: str, least: int, most: int) -> int | None:
    """Return the number from `least` to `most` that `text` is in ASCII digits; otherwise None."""
    # Bounded: Python refuses to look at thousands of digits.
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return number if least <= (number := int(text)) <= most else None


# Bytes that need no cleaning: printable ASCII, TAB, and LF between the lines.
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


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


def _replace_tags(match: re.Match[str]) -> str:
    tags = match[0]
    start = match.start()
    region = _REGION.match(tags) if match.string[start - 1 : start] == _FLAG else None
    kept = region[0] if region else ""
    return kept + REPLACEMENT * (len(tags) - len(kept))


def _cut_marks(match: re.Match[str]) -> str:
    kept = []
    marks = 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks <= COMBINING_MARKS:
            kept.append(character)
    return "".join(kept)
