"""Requests as JSON, for a ledger: how they are written and read again.

The reading is strict: a node that passed over what it does not know would decide otherwise than the
nodes that know it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, astuple, dataclass, fields
from math import isfinite
from typing import Any, get_args, get_origin, get_type_hints

from twisted_chat import requests
from twisted_chat.limits import Bounds
from twisted_chat.names import Name
from twisted_chat.requests import Request


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as it stands in a ledger.

    `author` asked for it at the Unix time `wall`. `node` put it there: as request `number` (1, 2,
    3, …) of its session `session` (1, 2, 3, …), because a ledger may hold an entry several times.
    """

    node: str
    session: int
    number: int
    author: str
    wall: float
    request: Request


def write_entry(entry: Entry) -> bytes:
    """Return `entry` as JSON on one line, without its end."""
    kind = type(entry.request).__name__
    document = _SHAPES[kind].write(entry.request)
    head = [entry.node, entry.session, entry.number, entry.author, entry.wall]
    text = _to_json([*head, kind, document])
    # A half of a character, which UTF-8 has no bytes for, stays what it is.
    return text.encode(errors="surrogatepass")


def read_entry(data: bytes) -> Entry:
    """Return the entry that `write_entry` made `data` of. For anything else, raises ValueError with
    what is wrong.
    """
    parts = json.loads(data.decode(errors="surrogatepass"), parse_constant=_refuse)
    if not isinstance(parts, list) or len(parts) != len(_HEAD) + 2:
        raise ValueError("an entry is not a list of its parts")
    *head, kind, document = parts
    for (name, check), value in zip(_HEAD.items(), head, strict=True):
        if not check(value):
            raise ValueError(f"an entry has a wrong {name}")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise ValueError(f"there is no request {kind!r}"[:100])
    node, session, number, author, wall = head
    return Entry(node, session, number, author, wall, shape.read(document))


class _Shape:
    """How the requests of one class are written: as the fields that differ from their defaults."""

    def __init__(self, made: type[Request]) -> None:
        hints = get_type_hints(made)
        self._made = made
        self._ways = {each.name: _way(hints[each.name]) for each in fields(made)}
        self._defaults = {each.name: each.default for each in fields(made)}

    def write(self, request: Request) -> dict[str, object]:
        document = {}
        for name, default in self._defaults.items():
            value = getattr(request, name)
            if value != default:
                document[name] = self._ways[name].write(value)
        return document

    def read(self, document: object) -> Request:
        kind = self._made.__name__
        if not isinstance(document, dict):
            raise ValueError(f"a {kind} is not an object")
        values = {}
        for name, value in document.items():
            way = self._ways.get(name)
            if way is None:
                raise ValueError(f"a {kind} has no {name!r}"[:100])
            try:
                values[name] = way.read(value)
            except (TypeError, ValueError):
                # Without the value, which may be secret.
                raise ValueError(f"a {kind} has a wrong {name}") from None
        for name, default in self._defaults.items():
            if name not in values and default is MISSING:
                raise ValueError(f"a {kind} lacks its {name}")
        return self._made(**values)


@dataclass(frozen=True, slots=True)
class _Way:
    """How the values of one type are written. `read` raises TypeError or ValueError for what is
    not one of them.
    """

    write: Callable[[Any], object]
    read: Callable[[Any], Any]


def _way(hint: object) -> _Way:
    if hint in (Name, Name | None):  # None is a default, and those are not written.
        return _Way(astuple, _read_name)
    if hint is Bounds:
        return _Way(astuple, _read_bounds)
    if get_origin(hint) is tuple:  # tuple[T, ...]
        each = _way(get_args(hint)[0])
        return _Way(
            lambda values: [each.write(value) for value in values],
            lambda values: tuple(each.read(value) for value in _checked(_is_list, values)),
        )
    check = _CHECKS[hint]
    return _Way(lambda value: value, lambda value: _checked(check, value))


def _read_name(parts: object) -> Name:
    return Name(*(_checked(_is_text, part) for part in _checked(_is_list, parts)))


def _read_bounds(parts: object) -> Bounds:
    numbers = [_checked(_is_count, part) for part in _checked(_is_list, parts)]
    # All of them: what is missing would be as by default.
    names = [each.name for each in fields(Bounds)]
    return Bounds(**dict(zip(names, numbers, strict=True)))


def _checked(check: Callable[[object], bool], value: Any) -> Any:
    if not check(value):
        raise TypeError
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ordinal(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_time(value: object) -> bool:
    return isinstance(value, float) and isfinite(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


_CHECKS: dict[object, Callable[[object], bool]] = {
    str: _is_text,
    bool: _is_truth,
    int: _is_count,
    float: _is_time,
}

_HEAD = {
    "node": _is_text,
    "session": _is_ordinal,
    "number": _is_ordinal,
    "author": _is_text,
    "wall": _is_time,
}

_SHAPES = {
    name: _Shape(made)
    for name, made in vars(requests).items()
    if isinstance(made, type) and issubclass(made, Request) and made is not Request
}
"""By the names of the classes: all that a member or a node can ask."""

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
