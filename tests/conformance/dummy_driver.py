"""The dummy door: for programs, with several rooms a member, and a name that is known at entry."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.conformance.driver import YOU, Driver, Gone, Guest, Read
from tests.conformance.dummy_door import DummyDoor
from tests.support.processes import Peer
from twisted_chat import events
from twisted_chat.dialects import from_json, line_of
from twisted_chat.doors.door import Entrance, IDoor


class DummyGuest(Guest):
    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def ask(self, *requests: dict[str, object]) -> None:
        self.peer.send("".join(f"{json.dumps(each)}\n" for each in requests).encode())

    def say(self, *texts: str, room: str = "") -> None:
        self.ask(*[{"say": text, "room": room} for text in texts])

    def command(self, word: str, argument: str = "", room: str = "") -> None:
        self.ask({"command": word, "argument": argument, "room": room})

    def join(self, room: str, since: str = "") -> None:
        self.ask({"join": room, **({"since": since} if since else {})})

    def part(self, room: str, words: str = "") -> None:
        self.ask({"part": room, "argument": words})

    def read(self) -> Read:
        while True:
            try:
                line = self.peer.line()
            except (AssertionError, ConnectionError):
                raise Gone from None
            if read := self.as_read(line):
                return read

    def as_read(self, line: str) -> Read | None:
        """Return what `line` tells; None: nothing that people read."""
        match event := from_json(line):
            case events.Greeting():
                return Read("greeting", count=event.count, room=event.room)
            case events.Joined():
                return Read("joined", count=event.count, room=event.room)
            case events.Entered():
                return Read("entered", event.name, count=event.count, room=event.room)
            case events.Left():
                count = next(iter(event.counts.values()), 0)
                return Read("left", event.name, _words(event), count, counts=event.counts)
            case events.Parted():
                return Read("parted", event.name, _words(event), event.count, event.room)
            case events.Said() | events.Emoted():
                kind = type(event).__name__.lower()
                return Read(kind, event.name, event.text, room=event.room, id=event.id)
            case events.Told():
                if event.receiver == YOU:
                    return Read("told", event.sender, event.text)
                return Read("telling", event.receiver, event.text)
            case events.Renamed():
                return Read("renamed", event.old, event.new)
            case events.Refused() | events.PutOut():
                return Read("refused", text=line_of(event).removeprefix("! "))
        # People do not read of all that programs are told.
        text = line_of(event).removeprefix("- ")
        return Read("notice", text=text) if text else None

    def end(self) -> None:
        self.peer.end()

    def reset(self) -> None:
        self.peer.reset()

    def close(self) -> None:
        self.peer.close()


def _words(event: events.Left | events.Parted) -> str:
    return line_of(event).partition(" online), ")[2] if event.reason else event.words


class DummyDriver(Driver):
    name = door = "dummy"
    is_for_people = False
    may_hold_line_ends = True
    has_several_rooms = True
    knows_names = True

    def others(self, folder: Path, host: str) -> Sequence[Callable[[Entrance], IDoor]]:
        return [lambda entrance: DummyDoor(entrance, host)]

    def connect(
        self,
        folder: Path,
        host: str,
        port: int,
        small: bool,
        name: str = "",
        rooms: Sequence[str] = (events.LOBBY,),
    ) -> DummyGuest:
        peer = Peer((host, port), receive_buffer=4096 if small else None)
        # A reset takes with it what the system has not sent yet.
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guest = DummyGuest(peer)
        guest.ask({"rooms": list(rooms), **({"name": name} if name else {})})
        return guest
