"""The rules for names of members and rooms, and what makes two names one.

The rules are Unicode's: UTS 39 is https://www.unicode.org/reports/tr39/.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

import regex

from twisted_chat.events import LOBBY
from twisted_chat.limits import KEPT_LENGTH, KEYS, NAME_LENGTH

_RESERVED = ("you", "chat", "server", "system", "admin", "operator", "everyone", "chatctl", LOBBY)

_NUMBERS = ("inf", "infinity", "nan")

_ANOTHER = "choose another name"

# A letter is of a script, so that mathematical letters are none; its marks belong to it.
_LETTER = r"[\p{L}--\p{scx=Zyyy}][\p{Mn}\p{Mc}]*+"
_NAME = rf"(?V1){_LETTER}(?:{_LETTER}|[\p{{Nd}}_.\-])*+"

# UTS 39, 5.4: what no orthography needs.
_STACKED = r"\p{Mn}{5}|(\p{Mn})\1"

# UTS 39, 5.2 "Highly Restrictive": the scripts that a name may hold together.
_TOGETHER = (("Latn", "Hani", "Bopo"), ("Latn", "Hani", "Hira", "Kana"), ("Latn", "Hani", "Hang"))

# A fifth pass changes no character any more; a test looks at each.
_PASSES = 4


class BadName(ValueError):
    """A name that is refused; its text says to the person why, and what to do."""


def check_name(text: str) -> str:
    """`text` as the name of a member, in NFC.

    Raises BadName for what is no name by the rules in DESIGN.md, and for the reserved words.
    """
    name = _measured(text)
    if key(name) in _keys(_RESERVED):
        raise BadName(f"the name {_shown(name)} is kept for the chat itself: {_ANOTHER}")
    return _checked(name)


def check_room(text: str) -> str:
    """`text`, which may begin with #, as the name of a room: without it, in NFC.

    All that folds to the lobby is the lobby; the other reserved words are open to rooms.
    """
    name = _measured(text.removeprefix("#"))
    return LOBBY if key(name) == key(LOBBY) else _checked(name)


def key(name: str) -> str:
    """What is unique: the same for names that differ in case or that look alike.

    It is the skeleton of UTS 39, 4, under case folding. Both together cannot hold for every pair:
    a Greek capital nu looks like N and its small letter like v, and N is not to be v. There the
    small letters count, and `check_name` refuses a name whose capitals make it look Latin; Greek
    and Cyrillic ones that only in capitals look like each other stay apart. As I is the capital of
    i and looks like l, those three are one.

    An address, which holds a colon, is itself and equal to no other. What no `check_name` let pass
    has a key as well, so that a name can be looked for as somebody typed it.
    """
    return name if ":" in name or len(name) > KEPT_LENGTH else _key(name)


@lru_cache(maxsize=KEYS)
def _key(name: str) -> str:
    for _ in range(_PASSES):
        name = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
        name = regex.sub(r"\p{DI}+", "", name).translate(_folds())
    # No look-alike of the colon makes an address.
    return unicodedata.normalize("NFD", name).replace(":", ";")


def _measured(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not name:
        raise BadName(f"a name is missing: give one of 1 to {NAME_LENGTH} characters")
    if len(name) > NAME_LENGTH:
        raise BadName(f"the name {_shown(name)} is too long: take at most {NAME_LENGTH} characters")
    return name


def _checked(name: str) -> str:
    shown = _shown(name)
    if _is_number(name) or key(name) in _keys(_NUMBERS):
        raise BadName(f"the name {shown} reads as a number or an address: {_ANOTHER}")
    match = regex.match(_NAME, _visible(name))
    if match is None:
        raise BadName(f"the name {shown} does not begin with a letter: put one first")
    if match.end() < len(name):
        wrong = _shown(name[match.end()])
        raise BadName(f"the name {shown} holds {wrong}: take only letters, digits, _ . and -")
    if name.isascii():
        return name
    if regex.search(_STACKED, unicodedata.normalize("NFD", name)):
        raise BadName(f"the name {shown} stacks too many marks on a letter: take some away")
    if len({ord(c) - unicodedata.decimal(c) for c in name if c.isdecimal()}) > 1:
        raise BadName(f"the name {shown} mixes kinds of digits: take those of one")
    if not _is_highly_restricted(name):
        raise BadName(f"the name {shown} mixes scripts: take letters and digits of one")
    if _poses_as_latin(name):
        raise BadName(f"the name {shown} looks Latin: write it in small letters, or {_ANOTHER}")
    return name


def _is_number(name: str) -> bool:
    # As it looks: the letter l for 1, O for 0.
    digits = key(name).translate({ord("l"): "1", ord("o"): "0"})
    readings: tuple[tuple[Callable[[str], object], str], ...] = (
        (ipaddress.ip_network, name),
        (ipaddress.ip_address, digits),
        (float, name),
        (lambda text: int(text, 0), name),
    )
    for read, text in readings:
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False


def _is_highly_restricted(name: str) -> bool:
    from confusable_homoglyphs.categories import unique_aliases

    for scripts in (*_TOGETHER, *((alias,) for alias in unique_aliases(name))):
        allowed = "".join(rf"\p{{scx={script}}}" for script in (*scripts, "Zyyy", "Zinh"))
        if regex.fullmatch(f"[{allowed}]+", name):
            return True
    return False


def _poses_as_latin(name: str) -> bool:
    """Whether it looks like another name, of Latin letters with or without accents, and has not its
    key.
    """
    seen = unicodedata.normalize("NFD", name).translate(_prototypes())
    plain = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", seen))
    composed = len(unicodedata.normalize("NFC", seen)) == len(plain)
    looks_latin = composed and regex.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-]*", plain) is not None
    return looks_latin and key(seen) != key(name)


def _shown(text: str) -> str:
    return f"'{_visible(text[:NAME_LENGTH])}'"


def _visible(text: str) -> str:
    """`text` with U+FFFD for each character that cannot be seen or that this Python does not know,
    so that it could not normalise it.
    """
    seen = regex.sub(r"\p{DI}", "\ufffd", text)
    return "".join(character if character.isprintable() else "\ufffd" for character in seen)


@cache
def _keys(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(key, words))


@cache
def _prototypes() -> dict[int, str]:
    """What each look-alike is shown as: Unicode's confusables.txt.

    The library groups it around the prototypes: a look-alike has one entry, its prototype; a
    prototype all of its look-alikes, and where that is one, comes after it. Right-to-left
    characters stand between marks.
    """
    from confusable_homoglyphs.confusables import confusables_data

    prototypes: dict[str, str] = {}
    for character, others in confusables_data.items():
        character = character.replace("\u200e", "")
        prototype = others[0]["c"].replace("\u200e", "")
        if len(others) == 1 and len(character) == 1 and prototype not in prototypes:
            prototypes[character] = prototype
    return str.maketrans(prototypes)


@cache
def _folds() -> dict[int, str]:
    """One step towards a key, for text in NFD and case-folded.

    Besides the prototypes: where a capital looks like a Latin letter or a digit, and its small
    letter, often a small capital, like none, both are what the capital looks like.
    """
    folds = dict(_prototypes())
    for code, face in _prototypes().items():
        small = chr(code).lower()
        small_face = folds.get(ord(small[0]), small)
        looks_plain = face[0].isascii() and face[0].isalnum()
        if small != chr(code) and looks_plain and not small_face.isascii():
            folds[ord(small)] = face
            if len(small_face) == 1:
                folds[ord(small_face)] = face
    folds[ord("i")] = "l"
    return folds
