"""What comes over the WebSocket: frames to values. docs/web.md describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted_chat.events import LOBBY
from twisted_chat.limits import MAX_HISTORY, SHOWN_HISTORY
from twisted_chat.text import clean_text

_MOST = 2**53
"""What a number in JSON is below, if any program is to read it as it is."""


class BadFrame(Exception):
    """A frame is not what it has to be: str() is what it should be, in at most 100 characters."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame. `rooms`: where its sender wants to be, each with the id of the last line
    that it has of it, or "". `resume`: the token of the session that it goes on with; `seen`: how
    many frames of that it has read, -1 if it does not say.
    """

    name: str
    passphrase: str = field(repr=False)
    rooms: Mapping[str, str]
    resume: str = field(default="", repr=False)
    seen: int = -1


@dataclass(frozen=True, slots=True)
class Ack:
    """So many frames are read."""

    count: int


@dataclass(frozen=True, slots=True)
class Say:
    """Say `text` as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """Do what a person typed: a command, or something to say."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command."""

    command: str
    argument: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Be in `room` too, and be told what was said after the line `since`, if that is not ""."""

    room: str
    since: str


@dataclass(frozen=True, slots=True)
class Part:
    """Be in `room` no longer."""

    room: str
    words: str


@dataclass(frozen=True, slots=True)
class Look:
    """Be told at most `count` lines of `room` that were said before the line `before`; "": the last
    ones.
    """

    room: str
    before: str
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `ref`: what its sender calls it, 0 if it calls it nothing. `room`: what it is
    about, "" if it says nothing of that.
    """

    ref: int
    what: Say | Line | Run | Join | Part | Look
    room: str = ""


def read_hello(text: str) -> Hello:
    """Return what the first frame says. Raises BadFrame."""
    values = _object(text)
    if values.get("hello") != 1:
        raise BadFrame('the first frame is {"hello":1}')
    rooms = values.get("rooms", {})
    if not isinstance(rooms, dict):
        raise BadFrame('"rooms" is an object: {"lobby":null}')
    rooms = rooms or {LOBBY: None}
    return Hello(
        _text(values, "name"),
        _text(values, "passphrase"),
        {clean_text(room): _text(rooms, room) for room in rooms},
        _text(values, "resume"),
        _number(values, "seen", -1),
    )


def read(text: str) -> Ack | Asked:
    """Return what a later frame says. Raises BadFrame."""
    values = _object(text)
    if "ack" in values:
        return Ack(_number(values, "ack", -1))
    ref = _number(values, "ref", 0)
    room = _text(values, "room").removeprefix("#")
    if "say" in values:
        return Asked(ref, Say(_text(values, "say")), room)
    if "line" in values:
        return Asked(ref, Line(_text(values, "line")), room)
    if "command" in values:
        command = _text(values, "command").removeprefix("/").lower()
        return Asked(ref, Run(command, _text(values, "argument").strip()), room)
    if "join" in values:
        return Asked(ref, Join(_text(values, "join").removeprefix("#"), _text(values, "since")))
    if "part" in values:
        return Asked(ref, Part(_text(values, "part").removeprefix("#"), _text(values, "words")))
    if "history" in values:
        count = max(1, min(_number(values, "count", SHOWN_HISTORY), MAX_HISTORY))
        before = _text(values, "before")
        return Asked(ref, Look(_text(values, "history").removeprefix("#"), before, count))
    raise BadFrame("a request is one of say, line, command, join, part, history, ack")


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise BadFrame("a frame holds one object of JSON")
    return values


def _text(values: Mapping[str, Any], key: str) -> str:
    """Return the text called `key`, clean; "" if it is null or not there."""
    value = values.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadFrame(f'"{clean_text(key)[:20]}" is a text')
    return clean_text(value)


def _number(values: Mapping[str, Any], key: str, default: int) -> int:
    value = values.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise BadFrame(f'"{key}" is a whole number')
    return value
