"""What a server answers that knows no JSON: its words stand here and nowhere else in the client."""

from __future__ import annotations

import re
from dataclasses import replace

from twisted_chat.dialects import parse
from twisted_chat.events import Emoted, Event, Joined, Notice, Refused, Retold, Said

_ROOM = re.compile(r"You are now in #(\S+)")
_RETOLD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (.*)")
_OLDER_LEFT_OUT = re.compile(r"(\d+) older lines? left out")

_HEADER = re.compile(r"(\d+) users? online.*:")
# A name, and perhaps a remark such as (away).
_ENTRY = r"([^\s,()]+)(?: \([^()]*\))?"
_NAMES = re.compile(rf"{_ENTRY}(?:, {_ENTRY})*,?")
_NAME = re.compile(rf"{_ENTRY}(?:,|$)")
_MORE = re.compile(r"and (\d+) more, who do not fit here")

_AWAY = re.compile(r"You are away(?:: (.*))?")
_BACK = "You are back"
_IGNORES = re.compile(r"You ignore (\S+): /unignore \S+ ends it")
_HEARS = re.compile(r"You hear (\S+) again")
_NOT_IGNORED = re.compile(r"nobody here is called |you ignore |that is you\b")
_OWNED = re.compile(r"You are logged in as (\S+)|(\S+) is yours\b.*")
_GIVEN_UP = re.compile(r"\S+ belongs to nobody now\b.*")


class LineAnswers:
    """Reads what a server tells in lines as if it had told it in JSON, as far as its words tell."""

    def __init__(self) -> None:
        self._missing = 0
        """How many names of an answer to `/who` are still to come."""

    def read(self, event: Event) -> Event:
        """Return what the client makes of `event`, of which a line has told."""
        match event:
            case Refused(text, command="") if _NOT_IGNORED.match(text):
                return replace(event, command="ignore")
            case Notice(text):
                return _not_an_answer(text) or Notice(text, self._record(text))
        return event

    def _record(self, text: str) -> dict[str, object] | None:
        if match := _HEADER.fullmatch(text):
            self._missing = int(match[1])
            return {"count": self._missing, "members": []}
        if self._missing > 0 and (match := _MORE.fullmatch(text)):
            self._missing = 0
            return {"members": [], "left_out": int(match[1])}
        if self._missing > 0 and _NAMES.fullmatch(text):
            members = [{"name": match[1]} for match in _NAME.finditer(text)]
            self._missing -= len(members)
            return {"members": members}
        if match := _OLDER_LEFT_OUT.fullmatch(text):
            return {"left_out": int(match[1])}
        if match := _AWAY.fullmatch(text):
            return {"away": match[1] or ""}
        if text == _BACK:
            return {"away": None}
        if match := _IGNORES.fullmatch(text):
            return {"name": match[1], "ignored": [match[1]]}
        if match := _HEARS.fullmatch(text):
            return {"name": match[1], "ignored": []}
        if match := _OWNED.fullmatch(text):
            return {"owned": match[1] or match[2]}
        return {"owned": None} if _GIVEN_UP.fullmatch(text) else None


def _not_an_answer(text: str) -> Event | None:
    """Return the event that the notice `text` tells of; None: it is an answer, or anything else."""
    if match := _ROOM.fullmatch(text):
        return Joined(0, match[1])
    match = _RETOLD.fullmatch(text)
    said = parse(match[1]) if match else None
    if isinstance(said, Said | Emoted):
        return Retold(said.name, said.text, isinstance(said, Emoted), "", 0.0)
    return None
