"""A door for programs, made of nothing but what all doors share: JSON lines in and out.

The first line is `{"rooms": ["lobby", "dev"], "name": "ann"}`, with or without the name. Then come
`{"say": "hello", "room": "dev"}`, `{"command": "nick", "argument": "anna", "room": "dev"}`,
`{"join": "dev", "since": "ID"}` and `{"part": "dev", "argument": "bye"}`. Without a `room` it is
the one that the member joined first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress

from twisted_chat.authorisation import Door
from twisted_chat.dialects import JsonDialect
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.listening import Listener, listen, places_for
from twisted_chat.doors.member_lines import MemberLines
from twisted_chat.doors.streams import RefusingProtocol, StreamDoor
from twisted_chat.names import key, named
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Part
from twisted_chat.text import clean_text


class DummyProtocol(MemberLines):
    kind = Door.PROGRAM
    has_come = False

    @property
    def max_line(self) -> int:
        return 6 * self.door.limits.max_line + 1024  # JSON may write each byte of a text as six.

    def dataReceived(self, data: bytes) -> None:
        self.door.heard += 1
        self.door.received += len(data)
        super().dataReceived(data)

    def line_received(self, line: bytes) -> None:
        if not self._member.leaving:
            try:
                self._await(self._obey(_read(line)))
            except Refusal as refusal:
                self._refuse(str(refusal), refusal.kind)

    def long_line(self, start: bytes) -> None:
        most = self.door.limits.max_line
        self._refuse(f"a text longer than {most} bytes was not taken", Kind.TOO_LONG)

    def _obey(self, asked: dict[str, Any]) -> Deferred[None] | None:
        """Do what is asked. Raises Refusal where that cannot even be read."""
        member, door, room = self._member, self.door, asked.get("room", "")
        argument = asked.get("argument", "")
        if len((asked.get("say") or argument).encode()) > door.limits.max_line:
            return self.long_line(b"")
        match asked:
            case {"rooms": [*rooms]} if not self.has_come:
                self.has_come = True
                return door.entrance.enter(member, rooms, asked.get("name", ""))
            case {"say": str(text)} if text and self.has_come:
                return door.chat.say(member, text, room)
            case {"command": str(word)} if self.has_come:
                return door.desk.command(member, word, argument.strip(), room)
            case {"join": str(name)} if self.has_come:
                if "since" in asked:
                    member.since = {key(name): asked["since"]}
                return door.desk.command(member, "join", name)
            case {"part": str(name)} if self.has_come:
                return door.desk.ask(member, Part(named(name), argument))
        raise Refusal("that is no request, or none for now")


def _read(line: bytes) -> dict[str, Any]:
    """Return the object in `line`, with all texts in it clean; {} if it holds anything else."""
    with suppress(ValueError, RecursionError, AttributeError):
        return {
            key: [*map(clean_text, value)] if key == "rooms" else clean_text(value)
            for key, value in json.loads(line).items()
        }
    return {}


class DummyDoor(StreamDoor):
    name = "dummy"
    dialect = JsonDialect()

    def __init__(self, entrance: Entrance, host: str) -> None:
        super().__init__(entrance)
        self._host = host

    def listen_on(self) -> Sequence[Listener]:
        return [listen(self.reactor, self, place) for place in places_for(self._host, 0, "dummy")]

    def buildProtocol(self, addr: IAddress) -> DummyProtocol | RefusingProtocol:
        why = self.entrance.refusal(addr)
        return RefusingProtocol(self, why) if why else DummyProtocol(self)
