"""Events as JSON, one object a line, for programs; and those lines as events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, get_type_hints

from zope.interface import implementer

from twisted_chat.dialects.line import line_of
from twisted_chat.events import (
    Acted,
    Announced,
    Emoted,
    Entered,
    Event,
    Forgotten,
    Gap,
    Greeting,
    Joined,
    Left,
    Locked,
    Loss,
    Motd,
    MuteChanged,
    NameLost,
    Notice,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Retold,
    RoleChanged,
    Said,
    Slowed,
    Stopping,
    Told,
    Topic,
)
from twisted_chat.interfaces import IDialect
from twisted_chat.records import Role
from twisted_chat.refusal import Kind
from twisted_chat.text import clean_text, whole_number

EVENTS: Mapping[str, type[Event]] = {
    "entered": Entered,
    "said": Said,
    "emoted": Emoted,
    "left": Left,
    "parted": Parted,
    "renamed": Renamed,
    "topic": Topic,
    "slowed": Slowed,
    "locked": Locked,
    "announced": Announced,
    "forgotten": Forgotten,
    "told": Told,
    "role": RoleChanged,
    "mute": MuteChanged,
    "name_lost": NameLost,
    "put_out": PutOut,
    "acted": Acted,
    "greeting": Greeting,
    "joined": Joined,
    "motd": Motd,
    "retold": Retold,
    "gap": Gap,
    "stopping": Stopping,
    "notice": Notice,
    "refused": Refused,
}
"""The classes of events by what `event` calls them."""

_END_OF_TIME = 253_402_300_800
"""Unix time of the year 10000, which is past the last date that Python knows."""

_MOST = 2**53
"""All numbers in JSON are less than this: some programs read larger ones inexactly."""


@implementer(IDialect)
class JsonDialect:
    """Writes a line with one JSON object for each event. A Said of several lines becomes as many.

    `event` is the name of the event; the other keys are its fields in events.py. `id` stands for
    `era` and `number`. The fields in _LEFT_OUT are left out if they are empty.
    """

    def render(self, event: Event, room: str) -> bytes:
        """Return `event` as all members in `room` read it: it is the same in every room."""
        return b"".join(map(_line, self._records(event)))

    def render_to(self, event: Event, reader: object) -> bytes:
        """Return `event`, which is for `reader` alone, as that member reads it."""
        return self.render(event, "")

    def _records(self, event: Event) -> list[dict[str, object]]:
        return records(event)


class ControlDialect(JsonDialect):
    """Writes the same for chatctl, which has no words of its own: `line` holds the words for
    people, where `text` is not the same.
    """

    def _records(self, event: Event) -> list[dict[str, object]]:
        records = super()._records(event)
        for each in records:
            line = line_of(event)
            words = line[2:] if line.startswith(("- ", "! ")) else line
            if each.get("text") != words:
                each["line"] = words
        return records


def records(event: Event) -> list[dict[str, object]]:
    """`event` as JSON has it: of what was said in several lines, each line."""
    if isinstance(event, Said) and "\n" in event.text:
        return [record(line) for line in _lines(event)]
    return [record(event)]


def record(event: Event) -> dict[str, object]:
    """Return `event` as JSON has it. A Said has to be of one line."""
    return _SHAPES[type(event)].record(event)


def from_json(line: str) -> Event:
    """Return the event that `line`, without its end, tells of. All texts in it are clean.

    Never fails: anything else becomes a Notice with the whole line as its text; if it is an object,
    as an event of an unknown kind is, that is the record. Unknown fields are passed over. A field
    whose value makes no sense counts as missing.
    """
    try:
        values = _cleaned(json.loads(line))
    except (ValueError, RecursionError):
        return Notice(clean_text(line))
    if isinstance(values, dict):
        name = values.get("event")
        shape = _BY_NAME.get(name) if isinstance(name, str) else None
        event = None if shape is None else shape.event(values)
        return event or Notice(clean_text(line), values)
    return Notice(clean_text(line))


# Writing.

_encode = json.JSONEncoder(ensure_ascii=False).encode


def _line(values: Mapping[str, object]) -> bytes:
    return _encode(values).encode("utf-8", "replace") + b"\n"


def _lines(event: Said) -> list[Said]:
    """Return each line of `event` as an event."""
    return [
        Said(event.name, text, event.room, event.time, event.era, event.number + index)
        for index, text in enumerate(event.text.split("\n"))
    ]


# Reading.


def _cleaned(value: Any) -> Any:
    """Return `value` with all texts in it clean; they keep their LFs. Raises RecursionError."""
    if isinstance(value, str):
        return "\n".join(map(clean_text, value.split("\n")))
    if isinstance(value, dict):
        return {clean_text(key): _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


class _Wrong(Exception):
    """A value is of the wrong type, or out of range."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong
    return value.replace("\n", "\N{SYMBOL FOR LINE FEED}")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise _Wrong
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong
    return value


def _time(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Wrong
    if not 0 <= value < _END_OF_TIME:
        raise _Wrong
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Wrong
    return tuple(map(_text, value))


def _counts(value: object) -> Mapping[str, int]:
    if not isinstance(value, dict):
        raise _Wrong
    return {_text(room): _count(count) for room, count in value.items()}


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _Wrong
    return value


def _enum(kind: type[Enum]) -> Callable[[object], Enum]:
    members = {_written(member): member for member in kind}

    def read(value: object) -> Enum:
        if not isinstance(value, str) or value not in members:
            raise _Wrong
        return members[value]

    return read


def _written(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name.lower()


def _until(value: object) -> float:
    """Return the end of a mute; null means that it has no end."""
    return float("inf") if value is None else _time(value)


def _lines_of_text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong
    return value


_READ: Mapping[object, Callable[[object], object]] = {
    str: _text,
    int: _count,
    bool: _truth,
    float: _time,
    tuple[str, ...]: _texts,
    Mapping[str, int]: _counts,
    Mapping[str, object] | None: _mapping,
    Role: _enum(Role),
    Loss: _enum(Loss),
    Kind: _enum(Kind),
}
"""What reads a field, by its type. Raises _Wrong."""

_WRITE: Mapping[object, Callable[[Any], object]] = {
    tuple[str, ...]: list,
    Mapping[str, int]: dict,
    Mapping[str, object] | None: dict,
    Role: _written,
    Loss: _written,
    Kind: _written,
}
"""What writes a field, by its type, if JSON does not have the type."""

_PLACES = {"room": 0, "time": 2, "id": 3}
"""Fields that stand first or last in every event. The others stand between them, at 1."""

_LEFT_OUT = {"room", "rooms", "name", "slow", "locked", "time", "id", "record", "command"}
"""Fields that are not written if they are empty and the event has a default for them."""


class _Shape:
    """Writes and reads the events of one class."""

    def __init__(self, name: str, kind: type[Event]) -> None:
        self._name = name
        self._kind = kind
        hints = get_type_hints(kind)
        names = [each.name for each in fields(kind)]
        self._is_decided = "era" in names
        if self._is_decided:
            names = [each for each in names if each not in ("era", "number")] + ["id"]
            hints["id"] = str
        self._needs = {each.name for each in fields(kind) if each.default is MISSING}
        names.sort(key=lambda each: _PLACES.get(each, 1))
        self._write = {each: _WRITE.get(hints[each]) for each in names}
        self._read = {each: _READ[hints[each]] for each in names}
        if kind is MuteChanged:
            self._write["until"] = lambda until: None if until == float("inf") else until
            self._read["until"] = _until
        elif kind is Motd:
            self._read["text"] = _lines_of_text

    def record(self, event: Event) -> dict[str, object]:
        """Return `event` as JSON has it."""
        values: dict[str, object] = {"event": self._name}
        for name, write in self._write.items():
            value = getattr(event, name)
            if value or name in self._needs or name not in _LEFT_OUT:
                values[name] = value if write is None else write(value)
        return values

    def event(self, values: Mapping[str, object]) -> Event | None:
        """Return the event that `values` tell of; None: a field is missing that it must have."""
        given: dict[str, Any] = {}
        for name, read in self._read.items():
            if name in values:
                try:
                    given[name] = read(values[name])
                except _Wrong:
                    continue
        if self._is_decided:
            era, _, number = str(given.pop("id", "")).rpartition("-")
            whole = whole_number(number, 0, _MOST)
            if era and str(whole) == number:  # Otherwise the event would have another id.
                given |= {"era": era, "number": whole}
        try:
            return self._kind(**given)
        except TypeError:
            return None


_SHAPES = {kind: _Shape(name, kind) for name, kind in EVENTS.items()}
_BY_NAME = {name: _SHAPES[kind] for name, kind in EVENTS.items()}
