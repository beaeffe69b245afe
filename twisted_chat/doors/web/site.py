"""What the web door serves over HTTP, and to whom."""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.channel import WebChannel
from twisted_chat.doors.web.connection import WebConnection
from twisted_chat.doors.web.handshake import accept
from twisted_chat.doors.web.heads import Unwelcome
from twisted_chat.doors.web.pages import Folder, Nothing, Pages
from twisted_chat.doors.web.request import WebRequest, answer
from twisted_chat.doors.web.rooms import Front, RoomResource
from twisted_chat.text import clean_text

_NO_ROOMS = (b"favicon.ico", b"robots.txt", b"sw.js")
_ICON = b"apple-touch-icon"


class WebSite(Site):
    """The site of `door`, with its `pages`. It keeps no list of who asked for what."""

    requestFactory = WebRequest

    def __init__(self, door: WebBase, pages: Pages) -> None:
        super().__init__(Root(pages), timeout=None, reactor=door.reactor)
        self._door = door

    def channel(self) -> WebChannel:
        """Return what takes requests over one connection."""
        channel = WebChannel(self._door)
        channel.factory = self
        channel.site = self
        channel.requestFactory = self.requestFactory
        return channel


class Root(Folder):
    """Everything. `/-/` holds what belongs to the door itself. Any other path is that of a room,
    but for those that browsers ask for by themselves.
    """

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._index = pages.index
        self.putChild(b"", Front(pages.index))
        own = pages.files
        own.putChild(b"ws", WebSocketResource())
        own.putChild(b"health", Health())
        self.putChild(b"-", own)
        for name, resource in pages.top.items():
            self.putChild(name.encode(), resource)

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path in _NO_ROOMS or path.startswith(_ICON):
            return Nothing()
        try:
            name = clean_text(path.decode()).removeprefix("#")
        except UnicodeDecodeError:
            return Nothing()
        return RoomResource(self._index, name)


class Health(Folder):
    """Tells that the daemon is there."""

    def render_GET(self, request: Request) -> int:
        answer(request, 200, "ok")
        return NOT_DONE_YET


class WebSocketResource(Resource):
    """Where a connection becomes a WebSocket."""

    isLeaf = True

    def render(self, request: WebRequest) -> int:
        channel, visitor = request.channel, request.visitor
        try:
            head = accept(request)
        except Unwelcome as unwelcome:
            offer = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            channel.end(unwelcome.code, str(unwelcome), offer)
            return NOT_DONE_YET

        def take(is_lost: bool) -> WebConnection:
            place = channel.hand_over_place()
            return WebConnection(
                channel.door, channel.transport, visitor, place, channel.why, is_lost
            )

        channel.hand_over(head, take)
        return NOT_DONE_YET
