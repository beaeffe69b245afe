"""The web door: a browser, and programs that speak JSON over a WebSocket."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IAddress

from twisted_chat.doors.door import Entrance
from twisted_chat.doors.listening import Place
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.channel import WebChannel
from twisted_chat.doors.web.heads import Heads, Site
from twisted_chat.doors.web.pages import Pages
from twisted_chat.doors.web.site import WebSite
from twisted_chat.limits import REFUSED_AT_ONCE


class WebDoor(WebBase):
    """The door of people in a browser: HTTP, with a WebSocket for each member. `frames`: the sites
    that may show its page in a frame.
    """

    def __init__(
        self,
        entrance: Entrance,
        places: Sequence[Place],
        heads: Heads,
        frames: Sequence[Site] = (),
    ) -> None:
        super().__init__(entrance, places, heads)
        self._site = WebSite(self, Pages(frames))

    def buildProtocol(self, addr: IAddress | None) -> WebChannel | None:
        assert addr is not None
        if self.being_refused >= REFUSED_AT_ONCE and self.entrance.refusal(addr):
            self.refused += 1
            return None
        return self._site.channel()
