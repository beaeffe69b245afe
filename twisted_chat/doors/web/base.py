"""What all connections of the web door share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted_chat.dialects.frames import FramesDialect
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.listening import Listener, Place, listen
from twisted_chat.doors.streams import StreamDoor
from twisted_chat.doors.web.asking import Asking
from twisted_chat.doors.web.heads import Heads
from twisted_chat.doors.web.pings import Pings
from twisted_chat.doors.web.window import Kept


class WebBase(StreamDoor):
    """The web door without what makes its connections. It listens at `places`, and `heads` judges
    who may come.
    """

    name = "web"
    dialect = FramesDialect()

    def __init__(self, entrance: Entrance, places: Sequence[Place], heads: Heads) -> None:
        super().__init__(entrance)
        self.heads = heads
        self.kept = Kept(entrance.limits)
        self.asking = Asking(entrance.chat, entrance.desk, entrance.limits)
        self.pings = Pings(entrance.reactor)
        self.sessions: dict[str, Any] = {}
        """Each Session that has not ended, by what it is resumed by."""
        self._places = places

    def listen_on(self) -> Sequence[Listener]:
        return [listen(self.reactor, self.factory_for(place), place) for place in self._places]

    def places(self) -> Sequence[str]:
        return [f"{place} for browsers" for place in super().places()]

    def counts(self) -> dict[str, int]:
        return {**super().counts(), "sessions": len(self.sessions)}
