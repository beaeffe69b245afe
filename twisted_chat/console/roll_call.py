"""Who is online, asked of the server by the client itself, unseen by the person."""

from __future__ import annotations

import re

from twisted.internet.defer import Deferred

from twisted_chat.events import Event, Notice, Refused

_HEADER = re.compile(r"(\d+) users? online.*:")
# A name, and perhaps a remark such as (away).
_ENTRY = r"([^\s,()]+)(?: \([^()]*\))?"
_NAMES = re.compile(rf"{_ENTRY}(?:, {_ENTRY})*,?")
_MORE = re.compile(r"and \d+ more, who do not fit here")
_NAME = re.compile(rf"{_ENTRY}(?:,|$)")


class RollCall:
    """Takes the answer to `/who` out of what the server sends."""

    def __init__(self) -> None:
        self.answered: Deferred[list[str]] = Deferred()
        """Fires with the names; who stops waiting calls `give_up`."""
        self._missing: int | None = None
        self._names: list[str] = []

    def takes(self, event: Event) -> bool:
        """Whether `event` belongs to the answer, and is not to be shown."""
        if isinstance(event, Refused):
            self.give_up()
        if self.answered.called or not isinstance(event, Notice):
            return False
        if self._missing is None:
            if header := _HEADER.fullmatch(event.text):
                self._missing = int(header[1])
            return header is not None
        if _MORE.fullmatch(event.text):
            self.give_up()
            return True
        if not _NAMES.fullmatch(event.text):
            return False
        names = [match[1] for match in _NAME.finditer(event.text)]
        self._names += names
        self._missing -= len(names)
        if self._missing <= 0:
            self.give_up()
        return True

    def give_up(self) -> None:
        """No more names come."""
        if not self.answered.called:
            self.answered.callback(self._names)
