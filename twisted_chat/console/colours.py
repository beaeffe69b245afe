"""Gives a line of the chat its colours on a terminal."""

from __future__ import annotations

import zlib

from twisted_chat.console.face import calls
from twisted_chat.console.mentions import mentions
from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Event,
    Left,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Said,
    Told,
)

Fragments = list[tuple[str, str]]
"""Pieces of text, each behind its style in prompt_toolkit's notation."""

# Legible on black and on white. Red and magenta are left out: they have a meaning of their own.
_NAMES = ("ansigreen", "ansiblue", "ansicyan", "ansiyellow", "ansibrightblue", "ansibrightgreen")


# It is not a colour, so NO_COLOR does not concern it.
_CALLED = "bold reverse"


def highlighted(fragments: Fragments, event: Event, own: str) -> Fragments:
    """Return `fragments`, the line of `event`. If somebody else says the name `own` in it, the name
    is highlighted.
    """
    if not isinstance(event, Said | Emoted | Told) or not calls(event, own):
        return fragments
    *parts, (style, rest) = fragments
    text = len(rest) - len(event.text)
    position = 0
    for start, end in mentions(event.text, own):
        parts.append((style, rest[position : text + start]))
        position = text + end
        parts.append((f"{style} {_CALLED}", rest[text + start : position]))
    return [*parts, (style, rest[position:])]


def coloured(line: str, event: Event, own: str) -> Fragments:
    """Return `line`, which tells of `event`, in colours for a person called `own`."""
    match event:
        case Said(name):
            return _with_name("[", "You" if name == YOU else name, line, name in (YOU, own), "")
        case Emoted(name):
            return _with_name("* ", name, line, name == own, "")
        case Entered(name):
            return _with_name("> New user ", name, line, name == own, "dim")
        case Left(name) | Parted(name):
            return _with_name("< The user ", name, line, name == own, "dim")
        case Renamed(old, name) if old == YOU:
            return _with_name("- You are now ", name, line, True, "dim")
        case Told():
            return [("ansimagenta", line)]
        case Refused() | PutOut():
            return [("ansired", line)]
    return [("dim", line)]


def _with_name(lead: str, name: str, line: str, own: bool, style: str) -> Fragments:
    after = line[len(lead) + len(name) :]
    return [(style, lead), ("bold" if own else _of_name(name), name), (style, after)]


def _of_name(name: str) -> str:
    """Return the colour of `name`. It is always the same."""
    return _NAMES[zlib.crc32(name.encode()) % len(_NAMES)]
