"""The rules for names of members and rooms, and what makes two names one.

The rules are Unicode's: UTS 39 is https://www.unicode.org/reports/tr39/.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import regex

from twisted_chat.events import LOBBY
from twisted_chat.identifiers import compatible, is_allowed
from twisted_chat.limits import KEPT_LENGTH, KEYS, NAME_LENGTH
from twisted_chat.refusal import Kind, Refusal

_RESERVED = (
    *("you", "chat", "chatctl", "server", "system", "daemon", "root", "admin", "administrator"),
    *("moderator", "operator", "owner", "everyone", LOBBY),
    *("nickserv", "chanserv", "histserv", "services"),
)

_NUMBERS = ("inf", "infinity", "nan")

_ANOTHER = "choose another name"

# A letter belongs to a script, which excludes mathematical letters; its marks belong to it.
_LETTER = r"[\p{L}--\p{scx=Zyyy}][\p{Mn}\p{Mc}]*+"
_NAME = regex.compile(rf"(?V1){_LETTER}(?:{_LETTER}|[\p{{Nd}}_.\-])*+")
_NO_LETTER = regex.compile(r"[\p{Mn}\p{Nd}_.\-]")
_UNSEEN = regex.compile(r"\p{DI}")

# UTS 39, 5.4: marks that no orthography needs.
_STACKED = regex.compile(r"\p{Mn}{5}|(\p{Mn})\1")

# UTS 39, 5.2 "Highly Restrictive": the scripts that a name may hold together.
_TOGETHER = (("Latn", "Hani", "Bopo"), ("Latn", "Hani", "Hira", "Kana"), ("Latn", "Hani", "Hang"))

# Letters of two scripts may look alike and have different keys. Then a name in the script that
# stands later here, or not at all, is refused if it could be read in the other script: Νίνα, whose
# first letter is Greek, has a key that begins with v. A test looks at each letter.
_SCRIPTS = {"Latn": "Latin", "Cyrl": "Cyrillic", "Ethi": "Ethiopic"}

# The exception to that order: more Greek names hold a beta than Latin names a sharp s.
_SHARP_S = "\N{LATIN SMALL LETTER SHARP S}"

# The capitals of these letters look alike; their small letters look like nothing else.
_CAPITALS_ALIKE = {
    "\N{GREEK SMALL LETTER LAMDA}": "\N{LATIN SMALL LETTER TURNED V}",
    "\N{CYRILLIC SMALL LETTER EL}": "\N{LATIN SMALL LETTER TURNED V}",
    "\N{ARMENIAN SMALL LETTER PIWR}": "\N{LATIN SMALL LETTER PHI}",
}

# A tone mark is drawn above the vowel sign, whichever of the two was typed first.
_AM_BEFORE_TONE = regex.compile("([\u0e4d\u0ecd])([\u0e48-\u0e4b\u0ec8-\u0ecb]+)")

# A fifth pass would change no character; a test looks at each.
_PASSES = 4


class BadName(Refusal):
    """A name is refused. The text tells the person why, and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Kind.BAD_NAME)


def check_name(text: str) -> str:
    """Return `text` as the name of a member, in NFC.

    Raises BadName if it breaks a rule for names or is a reserved word.
    """
    name = _measured(text)
    if key(name) in _keys(_RESERVED):
        raise BadName(f"the name {_quoted(name)} is kept for the chat itself: {_ANOTHER}")
    return _checked(name)


def check_room(text: str) -> str:
    """Return `text` as the name of a room, in NFC and without the # that it may begin with.

    Raises BadName if it breaks a rule for names. Every text with the lobby's key is the lobby; a
    room may have any other reserved word as its name.
    """
    name = _measured(text.removeprefix("#"))
    return LOBBY if key(name) == key(LOBBY) else _checked(name)


def can_be_called(text: str) -> bool:
    """Return whether a member can have the name `text`, or another name with the same key. A name
    kept from an earlier version need not follow all rules of `check_name`.
    """
    try:
        _shaped(_measured(compatible(text)))
    except BadName:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Name:
    """A name as somebody wrote it. `folded` is the same for all ways to write its letters, and
    `key` for all names that are one. Both change with Unicode, so that one who asks for something
    by a name says what they are.
    """

    text: str
    folded: str
    key: str


def named(text: str) -> Name:
    """Return `text` as a Name."""
    folded = unicodedata.normalize("NFC", text).casefold()
    # Most are the same; one text takes a third of the memory.
    folded = text if folded == text else folded
    name_key = key(text)
    return Name(text, folded, folded if name_key == folded else name_key)


def key(name: str) -> str:
    """Return the key of `name`: the same for names that differ in case or that look alike.

    Names are unique by their keys. A key is the skeleton of UTS 39, 4, under NFKC and case folding.
    All of that cannot hold for every pair: a Greek capital nu looks like N and its small letter
    like v, and N must not be v. There the small letters count, and `check_name` refuses a name if
    all its letters look like letters of another script and the name would have another key in that
    script. So two accepted names that fold together have the same key. As I is the capital of i and
    looks like l, those three are one.

    An address, which holds a colon, is its own key and no name has it. A text that `check_name`
    refuses has a key too, so that a name can be looked up as somebody typed it.
    """
    return name if ":" in name or len(name) > KEPT_LENGTH else _key(name)


@lru_cache(maxsize=KEYS)
def _key(name: str) -> str:
    for _ in range(_PASSES):
        name = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
        name = _UNSEEN.sub("", name).translate(_folds())
    name = _AM_BEFORE_TONE.sub(r"\2\1", name)
    # A look-alike of the colon must not make an address.
    return unicodedata.normalize("NFD", name).replace(":", ";")


def _measured(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not name:
        raise BadName(f"a name is missing: give one of 1 to {NAME_LENGTH} characters")
    if len(name) > NAME_LENGTH:
        raise BadName(
            f"the name {_quoted(name)} is too long: take at most {NAME_LENGTH} characters"
        )
    return name


def _checked(name: str) -> str:
    """Return `name` if it follows all rules. Raises BadName otherwise."""
    shown = _quoted(name)
    plain = compatible(name)
    if plain != name:
        # If the plain form is refused too, the person is told that first.
        plain = _checked(_measured(plain))
        raise BadName(f"the name {shown} has its letters in special forms: write {_quoted(plain)}")
    _shaped(name)
    if name.isascii():
        return name
    for character in name:
        if not is_allowed(character):
            wrong = _quoted(character)
            raise BadName(
                f"the name {shown} holds {wrong}, which Unicode advises against: take other letters"
            )
    if _STACKED.search(unicodedata.normalize("NFD", name)):
        raise BadName(f"the name {shown} stacks too many marks on a letter: take some away")
    if len({ord(c) - unicodedata.decimal(c) for c in name if c.isdecimal()}) > 1:
        raise BadName(f"the name {shown} mixes kinds of digits: take those of one")
    if not _is_highly_restricted(name):
        raise BadName(f"the name {shown} mixes scripts: take letters and digits of one")
    if script := _posed_as(name):
        way = _ANOTHER if name.islower() else f"write it in small letters, or {_ANOTHER}"
        raise BadName(f"the name {shown} looks {script}: {way}")
    return name


def _shaped(name: str) -> None:
    """Raise BadName unless `name` begins with a letter, holds only letters, digits and the signs
    that names may hold, and does not read as a number or an address.
    """
    shown = _quoted(name)
    if _is_number(name) or key(name) in _keys(_NUMBERS):
        raise BadName(f"the name {shown} reads as a number or an address: {_ANOTHER}")
    match = _NAME.match(_visible(name))
    if match is None:
        raise BadName(f"the name {shown} does not begin with a letter: put one first")
    if match.end() < len(name):
        wrong = _quoted(name[match.end()])
        raise BadName(f"the name {shown} holds {wrong}: take only letters, digits, _ . and -")


def _is_number(name: str) -> bool:
    # The digits that it looks like: the letter l for 1, O for 0.
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

    return any(
        _written_in(scripts).fullmatch(name)
        for scripts in (*_TOGETHER, *((alias,) for alias in unique_aliases(name)))
    )


@cache
def _written_in(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    """Return a pattern that matches text in `scripts` together."""
    together = "".join(rf"\p{{scx={script}}}" for script in (*scripts, "Zyyy", "Zinh"))
    return regex.compile(f"[{together}]+")


def _posed_as(name: str) -> str:
    """Return the other script that `name` could be read in, if it would have another key there and
    names in that script take precedence; otherwise "".
    """
    seen = skeleton(name)
    if _SHARP_S in name:
        return "Greek" if _reads_otherwise(name, seen, "Grek") else ""
    for script, shown in _SCRIPTS.items():
        if regex.match(rf"\p{{scx={script}}}", name):
            break
        if _reads_otherwise(name, seen, script):
            return shown
    return ""


def _reads_otherwise(name: str, seen: str, script: str) -> bool:
    """Return whether `name`, whose skeleton is `seen`, has another key when read in `script`."""
    letters = [_letter_seen_as(each, script) for each in seen]
    return "" not in letters and key("".join(letters)) != key(name)


def _letter_seen_as(face: str, script: str) -> str:
    """Return the letter of `script` that looks like `face`, `face` itself if it is a mark, a digit
    or a sign, or "" if nothing in a name in `script` looks like it.
    """
    if is_allowed(face) and _NO_LETTER.match(face):
        return face
    for letter in [face, *_look_alikes().get(face, [])]:
        if (
            regex.match(rf"(?V1)[\p{{scx={script}}}--\p{{scx=Zyyy}}]", letter)
            and is_allowed(letter)
            and letter != _SHARP_S
            and skeleton(letter) == face
        ):
            return letter
    return ""


@cache
def _look_alikes() -> dict[str, list[str]]:
    """Return the characters that look like each prototype, by prototype."""
    look_alikes: dict[str, list[str]] = {}
    for code, prototype in prototypes().items():
        look_alikes.setdefault(prototype, []).append(chr(code))
    return look_alikes


def skeleton(name: str) -> str:
    """Return the skeleton of UTS 39, 4: what a name looks like."""
    decomposed = _UNSEEN.sub("", unicodedata.normalize("NFD", name))
    return unicodedata.normalize("NFD", decomposed.translate(prototypes()))


def _quoted(text: str) -> str:
    return f"'{_visible(text[:NAME_LENGTH])}'"


def _visible(text: str) -> str:
    """Return `text` with U+FFFD for each character that is invisible, or that this Python does not
    know and therefore cannot normalise.
    """
    seen = _UNSEEN.sub("\ufffd", text)
    return "".join(character if character.isprintable() else "\ufffd" for character in seen)


@cache
def _keys(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(key, words))


@cache
def prototypes() -> dict[int, str]:
    """Return the prototype of each look-alike, by code point: Unicode's confusables.txt.

    The library groups them around the prototypes. A look-alike has one entry, its prototype. A
    prototype has all its look-alikes; if it has only one, it comes after that look-alike.
    Right-to-left characters stand between marks.
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
    """Return what one step towards a key replaces in a text that is in NFD and case-folded.

    That is each look-alike by its prototype. And where a capital looks like a Latin letter or a
    digit but its small letter (often a small capital) does not, both by what the capital looks
    like.
    """
    folds = dict(prototypes())
    for code, face in prototypes().items():
        small = chr(code).lower()
        small_face = folds.get(ord(small[0]), small)
        looks_plain = face[0].isascii() and face[0].isalnum()
        if small != chr(code) and looks_plain and not small_face.isascii():
            folds[ord(small)] = face
            if len(small_face) == 1:
                folds[ord(small_face)] = face
    folds[ord("i")] = "l"
    return folds | str.maketrans(_CAPITALS_ALIKE)
