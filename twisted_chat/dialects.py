"""Events as lines for people, as JSON for programs; lines back to events for clients."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from zope.interface import implementer

from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Event,
    Greeting,
    Left,
    Notice,
    Refused,
    Renamed,
    Said,
    Told,
)
from twisted_chat.interfaces import IDialect


@implementer(IDialect)
class LineDialect:
    """UTF-8 lines, each ended by LF. Every line starts with the mark of its kind."""

    def render(self, event: Event) -> bytes:
        """`event` as one line with its LF; a Said has as many as were said."""
        # Half a character in one event must not cost all the others.
        return _LINES[type(event)](event).encode("utf-8", "replace")


def line_of(event: Event) -> str:
    """`event`, of one line, as a line without its end."""
    return _LINES[type(event)](event).removesuffix("\n")


@implementer(IDialect)
class JsonDialect:
    """One JSON object on a line for each event: its kind, and its fields as events.py has them."""

    def render(self, event: Event) -> bytes:
        """`event` as one line with its LF."""
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        if values.get("record", 0) is None:
            del values["record"]
        kind = {"event": type(event).__name__.lower()}
        return json.dumps(kind | values, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _said(event: Said) -> str:
    lead = f"[{event.name}] "
    return f"{lead}{event.text}\n".replace("\n", f"\n{lead}", event.text.count("\n"))


def _left(event: Left) -> str:
    line = f"< The user {event.name} left ({_online(event.count)})"
    if event.reason:
        return f"{line}, put out: {event.reason}\n"
    return f"{line}: {event.words}\n" if event.words else f"{line}\n"


# A table and no singledispatch, which takes longer than all the rest of a delivery.
_LINES: dict[type[Event], Callable[[Any], str]] = {
    Greeting: lambda event: f"> Connected to the chat server ({_online(event.count)})\n",
    Entered: lambda event: f"> New user {event.name} entered ({_online(event.count)})\n",
    Said: _said,
    Emoted: lambda event: f"* {event.name} {event.text}\n",
    Left: _left,
    Renamed: lambda event: (
        f"- You are now {event.new}\n"
        if event.old == YOU
        else f"- {event.old} is now {event.new}\n"
    ),
    Told: lambda event: f"[{event.sender} -> {event.receiver}] {event.text}\n",
    Notice: lambda event: f"- {event.text}\n",
    Refused: lambda event: f"! {event.text}\n",
}


def users(count: int) -> str:
    """`1 user`, `2 users`, and `0 user` as the protocol has always said it."""
    return f"{count} user" if count in (0, 1) else f"{count} users"


def _online(count: int) -> str:
    return f"{users(count)} online"


_COUNT = r"\((\d+) users? online\)"
_GREETING = re.compile(rf"> Connected to the chat server {_COUNT}")
_ENTERED = re.compile(rf"> New user (\S+) entered {_COUNT}")
_LEFT = re.compile(rf"< The user (\S+) left {_COUNT}(?:, put out: (.*)|: (.*))?")
_SAID = re.compile(r"\[(\S+)\] (.*)")
_TOLD = re.compile(r"\[(\S+) -> (\S+)\] (.*)")
_EMOTED = re.compile(r"\* (\S+) (.*)")
_RENAMED = re.compile(r"- (\S+) is now (\S+)")
_YOU_RENAMED = re.compile(r"- You are now (\S+)")


def parse(line: str) -> Event:
    """The event that `line` (cleaned, without its end) tells of.

    Never fails: a line of no known kind becomes a Notice that holds it whole.
    """
    if match := _SAID.fullmatch(line):
        return Said(match[1], match[2])
    if match := _ENTERED.fullmatch(line):
        return Entered(match[1], int(match[2]))
    if match := _LEFT.fullmatch(line):
        return Left(match[1], int(match[2]), words=match[4] or "", reason=match[3] or "")
    if match := _GREETING.fullmatch(line):
        return Greeting(int(match[1]))
    if match := _TOLD.fullmatch(line):
        return Told(match[1], match[2], match[3])
    if match := _EMOTED.fullmatch(line):
        return Emoted(match[1], match[2])
    if match := _RENAMED.fullmatch(line):
        return Renamed(match[1], match[2])
    if match := _YOU_RENAMED.fullmatch(line):
        return Renamed(YOU, match[1])
    if line.startswith("! "):
        return Refused(line[2:])
    return Notice(line.removeprefix("- "))
