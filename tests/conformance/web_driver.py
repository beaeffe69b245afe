"""The web door: a WebSocket for each guest, in the clear and over TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from tests.conformance.driver import Driver, Gone, Read
from tests.conformance.dummy_driver import DummyGuest
from tests.support.certificates import Authority
from tests.support.web import Closed, WebPeer, close
from twisted_chat.doors.door import Entrance, IDoor
from twisted_chat.doors.listening import Place
from twisted_chat.doors.proxied import Proxies
from twisted_chat.doors.web.door import WebDoor
from twisted_chat.doors.web.heads import Heads
from twisted_chat.events import LOBBY

ECHOES = 1 << 20
"""Bytes that the system keeps for a guest, so that it need not read what it says itself."""


class WebGuest(DummyGuest):
    """Gives each request a number, so that it knows what it has said itself: that is not `read`."""

    def __init__(self, peer: WebPeer, word: str) -> None:
        super().__init__(peer)
        self._word = word
        self._refs = count(1)

    def ask(self, *requests: dict[str, object]) -> None:
        self.peer.ask(*({"ref": next(self._refs), **each} for each in requests))

    def say(self, *texts: str, room: str = "") -> None:
        self.ask(*[{self._word: text, "room": room} for text in texts])

    def part(self, room: str, words: str = "") -> None:
        self.ask({"part": room, "words": words})

    def read(self) -> Read:
        while True:
            try:
                line = self.peer.line()
            except (Closed, ConnectionError):
                raise Gone from None
            event = json.loads(line)
            is_own = event["event"] == "said" and "ref" in event
            if not is_own and event["event"] != "done" and (read := self.as_read(line)):
                return read

    def end(self) -> None:
        self.peer.send(close())


class WebDriver(Driver):
    """People type in the clear, and programs say things over TLS."""

    door = "web"
    hears_after_end = False
    may_hold_line_ends = True
    has_several_rooms = True
    knows_names = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_safe = self.loses_unread = name == "web-tls"
        self.is_for_people = name == "web"

    def others(self, folder: Path, host: str) -> Sequence[Callable[[Entrance], IDoor]]:
        where = f"tcp:0:interface={host}"
        if self.is_safe:
            file = Authority(folder).certify(host)
            where = f"ssl:0:interface={host}:privateKey={file}:certKey={file}"
        return [lambda entrance: WebDoor(entrance, [Place(where, where)], Heads(Proxies()))]

    def connect(
        self,
        folder: Path,
        host: str,
        port: int,
        small: bool,
        name: str = "",
        rooms: Sequence[str] = (LOBBY,),
    ) -> WebGuest:
        peer = WebPeer((host, port), receive_buffer=4096 if small else ECHOES, tls=self.is_safe)
        peer.hello(name, dict.fromkeys(rooms))
        return WebGuest(peer, "line" if self.is_for_people else "say")
