"""What the web door serves over HTTP, and to whom."""

from __future__ import annotations

from typing import cast

from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.channel import HEADERS, WebChannel
from twisted_chat.doors.web.handshake import accept
from twisted_chat.doors.web.heads import Unwelcome, Visitor
from twisted_chat.doors.web.pages import Folder, Nothing, Pages
from twisted_chat.refusal import Kind
from twisted_chat.sockets import user_of

_WEB_SOCKET = b"/-/ws"
_NO_ROOMS = (b"favicon.ico", b"robots.txt", b"sw.js")
_ICON = b"apple-touch-icon"


class WebRequest(Request):
    """A request over HTTP. `visitor`: who sent it."""

    channel: WebChannel
    visitor: Visitor
    most_content = 0
    """Bytes that its body may have."""
    _is_refused = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(0)  # Or Twisted would write a long one into a file.
        if length is not None and length > self.most_content:
            self.requestHeaders.removeHeader("Expect")  # Nobody is to go on.
            self._refuse_content()

    def handleContentChunk(self, data: bytes) -> None:
        assert self.content is not None
        if self.content.tell() + len(data) > self.most_content:
            self._refuse_content()
        else:
            super().handleContentChunk(data)

    def _refuse_content(self) -> None:
        if not self._is_refused:
            self._is_refused = True
            self.channel.end(413, f"at most {self.most_content} bytes are taken here")

    def process(self) -> None:
        for name, value in HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])
        channel = self.channel
        transport = channel.transport
        peer, user = transport.getPeer(), user_of(transport)
        try:
            self.visitor = channel.door.heads.visitor(
                peer, user, bool(self.isSecure()), self.requestHeaders
            )
        except Unwelcome as unwelcome:
            answer(self, unwelcome.code, str(unwelcome))
            return
        channel.come_from(self.visitor.host)
        why = channel.why
        if why is not None and self.path != _WEB_SOCKET:  # There it is told in a frame.
            answer(self, 403 if why.kind is Kind.BANNED else 503, str(why))
            return
        super().process()

    def render(self, resrc: IResource) -> None:
        self.responseHeaders.removeHeader("Server")
        super().render(resrc)


def answer(request: Request, code: int, text: str, **headers: str) -> None:
    """Answer `request` with `code` and one line of text. `headers`: more of them, with `_` for `-`
    in their names.
    """
    request.setResponseCode(code)
    for name, value in headers.items():
        request.setHeader(name.replace("_", "-"), value)
    body = f"{text}\n".encode()
    request.setHeader("Content-Type", "text/plain; charset=utf-8")
    request.setHeader("Content-Length", str(len(body)))
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


class WebSite(Site):
    """The site of `door`. It keeps no list of who asked for what."""

    requestFactory = WebRequest

    def __init__(self, door: WebBase) -> None:
        super().__init__(Root(Pages()), timeout=None, reactor=door.reactor)
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
        own = pages.files
        own.putChild(b"ws", WebSocketResource())
        own.putChild(b"health", Health())
        self.putChild(b"-", own)
        for name, resource in pages.top.items():
            self.putChild(name.encode(), resource)

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path in _NO_ROOMS or path.startswith(_ICON):
            return Nothing()
        return RoomResource(self._index)


class RoomResource(Folder):
    """A room: the page for browsers."""

    def __init__(self, index: IResource) -> None:
        super().__init__()
        self._index = index

    def render_GET(self, request: Request) -> bytes:
        if "text/html" in (request.getHeader("Accept") or ""):
            return cast(bytes, self._index.render(request))
        request.setHeader("Vary", "Accept")
        answer(request, 406, "open this address in a browser")
        return cast(bytes, NOT_DONE_YET)


class Health(Resource):
    """Tells that the daemon is there."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        return b"ok\n"


class WebSocketResource(Resource):
    """Where a connection becomes a WebSocket."""

    isLeaf = True

    def render(self, request: WebRequest) -> int:
        try:
            head = accept(request)
        except Unwelcome as unwelcome:
            answer(
                request,
                unwelcome.code,
                str(unwelcome),
                Upgrade="websocket",
                Sec_WebSocket_Version="13",
            )
        else:
            request.channel.upgrade(request.visitor, head)
        return NOT_DONE_YET
