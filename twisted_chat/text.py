"""Makes text from people safe to show: once, before it reaches the room."""

from __future__ import annotations

import re
import unicodedata

from twisted_chat.limits import COMBINING_MARKS

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Controls that steer a terminal, and invisible letters and format characters that no living script
# needs: Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode, and annotations.
# Words can be hidden in them, and some terminals draw the fillers two columns wide.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers.
    "\u17b4\u17b5"  # Khmer vowels that are not written.
    "\u2061-\u2065\u206a-\u206f"  # Operators of formulas; deprecated formats.
    "\ufff0-\ufffb]"  # Unassigned; annotations between lines.
)

# The same beyond U+FFFF: beams and slurs of music, and the plane of the tags without its variation
# selectors. They have a pattern of their own because they make a pattern slower: ASCII lines skip
# it.
_TAGS = re.compile("[\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]+")
_FLAG = "\N{WAVING BLACK FLAG}"
# Tags that turn it into another flag (UTS 51, emoji tag sequences): Scotland's are gbsct.
_REGION = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

# Finds a run that could hold too many marks. Every mark is at U+0300 or later and is no letter or
# digit, so ordinary text of any living script is skipped without a look at each character.
_MARKED = re.compile(rf"[^\w\x00-\u02ff]{{{COMBINING_MARKS + 1},}}")


def clean(data: bytes) -> str:
    """Decode `data` and replace everything in it that can pose as something else on a screen.

    - Invalid UTF-8 becomes U+FFFD, one for each maximal part (Unicode, chapter 3.9).
    - C0 controls except TAB, and DEL, become their control pictures.
    - C1 controls, bidirectional embeddings, overrides and isolates (UAX 9), the line and paragraph
      separators, and invisible characters that no living script needs (Hangul fillers, tags outside
      of flags) become U+FFFD.
    - Of a run of combining marks the first COMBINING_MARKS stay.
    - Joiners, variation selectors and marks of direction stay: scripts and emoji need them.
    """
    text = data.decode("utf-8", "replace")
    text = _UNSAFE.sub(_replace, text)
    return text if text.isascii() else _MARKED.sub(_cut_marks, _TAGS.sub(_replace_tags, text))


def clean_text(text: str) -> str:
    """Do the same with `text` that JSON held, which may hold halves of characters."""
    return clean(text.encode("utf-8", "surrogatepass"))


def is_utf8(data: bytes) -> bool:
    """Return whether all of `data` is valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def whole_number(text: str, least: int, most: int) -> int | None:
    """Return `text` as a number if it is one from `least` to `most` in ASCII digits; otherwise
    None.
    """
    # The length is bounded because Python raises ValueError for thousands of digits.
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        return None
    return number if least <= (number := int(text)) <= most else None


# Bytes that need no cleaning: printable ASCII, TAB, and LF between the lines.
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


def is_plain(lines: bytes) -> bool:
    """Return True only if `clean` would change nothing in `lines`, which end with LF.

    It is quick and may return False for clean lines: then look closer.
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
