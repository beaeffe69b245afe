"""A room over HTTP: the page for browsers, and its lines for programs such as curl."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.web.http import NO_CONTENT, UNAUTHORIZED
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_chat.doors.web.heads import Unwelcome
from twisted_chat.doors.web.pages import Folder
from twisted_chat.doors.web.posting import CODES, post
from twisted_chat.doors.web.reading import RoomReader, head
from twisted_chat.doors.web.request import WebRequest, answer
from twisted_chat.refusal import Refusal

_log = Logger(namespace="chat")

_HOW = (
    "a chat: open this address in a browser. curl -N with /lobby behind it shows what is said in "
    "the lobby; with -H 'Authorization: Bearer TOKEN' -d 'hello' it says hello there"
)


def is_browser(request: WebRequest) -> bool:
    """Return whether `request` asks for a page."""
    return "text/html" in (request.getHeader("Accept") or "")


class Front(Folder):
    """What is at `/`."""

    def __init__(self, index: IResource) -> None:
        super().__init__()
        self._index = index

    def render_GET(self, request: Request) -> bytes:
        assert isinstance(request, WebRequest)
        if is_browser(request):
            return cast(bytes, self._index.render(request))
        request.setHeader("Vary", "Accept")
        answer(request, 200, _HOW)
        return cast(bytes, NOT_DONE_YET)


class RoomResource(Folder):
    """The room called `name`: the page for browsers, and for others its lines as they come. Whoever
    has a token can say something there.
    """

    def __init__(self, index: IResource, name: str) -> None:
        super().__init__()
        self._index = index
        self._name = name

    def render_GET(self, request: Request) -> bytes:
        assert isinstance(request, WebRequest)
        if is_browser(request):
            return cast(bytes, self._index.render(request))
        channel, visitor = request.channel, request.visitor
        try:
            room = channel.door.chat.check_watch(self._name)
        except Refusal as refusal:
            answer(request, CODES.get(refusal.kind, 403), str(refusal), Vary="Accept")
            return cast(bytes, NOT_DONE_YET)

        def take(is_lost: bool) -> RoomReader:
            reads = request.method != b"HEAD"
            return RoomReader(channel.door, channel.transport, visitor, room if reads else "")

        channel.hand_over(head(request.sharing), take)
        return cast(bytes, NOT_DONE_YET)

    def render_POST(self, request: Request) -> int:
        assert isinstance(request, WebRequest)
        saying = Deferred.fromCoroutine(self._say(request))
        # Whoever asks may be gone before it is answered.
        request.notifyFinish().addErrback(lambda _: saying.cancel())
        return NOT_DONE_YET

    async def _say(self, request: WebRequest) -> None:
        try:
            await post(request.channel.door, request, self._name)
        except Unwelcome as why:
            headers = {"WWW_Authenticate": "Bearer"} if why.code == UNAUTHORIZED else {}
            answer(request, why.code, str(why), **headers)
        except CancelledError:
            pass
        except Exception:
            _log.failure("a line cannot be said")
            answer(request, 500, "that cannot be said just now: try again later")
        else:
            request.setResponseCode(NO_CONTENT)
            request.finish()
