"""A request to the web door over HTTP: who sent it, and how much it may hold."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import NO_CONTENT
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_chat.doors.web.channel import HEADERS, WebChannel
from twisted_chat.doors.web.heads import Unwelcome, Visitor
from twisted_chat.flood import Meter
from twisted_chat.refusal import Kind
from twisted_chat.sockets import user_of

_WEB_SOCKET = b"/-/ws"
_METHODS = "GET, HEAD, POST"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": _METHODS,
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


class WebRequest(Request):
    """A request over HTTP. `visitor`: who sent it; `meter`: what charges that one; `content_type`:
    that of its body.
    """

    channel: WebChannel
    visitor: Visitor
    meter: Meter
    content_type: str | None
    _is_refused = False
    _waiting: IDelayedCall | None = None

    @property
    def sharing(self) -> Mapping[str, str]:
        """What its answer says of pages of other sites."""
        return self.channel.door.heads.sharing(self.requestHeaders)

    @property
    def most_content(self) -> int:
        """Bytes that its body may have."""
        return self.channel.door.limits.most_in_json

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
            text = f"at most {self.most_content} bytes are taken here"
            self.channel.end(413, text, self.sharing)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        # Or Twisted would read the body as a form, for as long as whoever sends it chooses.
        self.content_type = self.getHeader("Content-Type")
        self.requestHeaders.removeHeader("Content-Type")
        super().requestReceived(command, path, version)

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
            channel.end(unwelcome.code, str(unwelcome))
            return
        self.meter = channel.come_from(self.visitor)
        # A handshake is the last request of its connection.
        if self.path != _WEB_SOCKET and (wait := self.meter.charge(channel.cost)):
            self._waiting = channel.door.reactor.callLater(wait, self._serve)
        else:
            self._serve()

    def connectionLost(self, reason: Failure) -> None:
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        super().connectionLost(reason)

    def _serve(self) -> None:
        why = self.channel.why
        if why is not None and self.path != _WEB_SOCKET:  # There it is told in a frame.
            answer(self, 403 if why.kind is Kind.BANNED else 503, str(why))
        elif self.method == b"OPTIONS":
            self._tell_options()
        else:
            super().process()

    def _tell_options(self) -> None:
        """Tell a browser whether a page of another site may ask what it is about to ask."""
        is_preflight = self.requestHeaders.hasHeader("Access-Control-Request-Method")
        if is_preflight and "Access-Control-Allow-Origin" in self.sharing:
            self.setResponseCode(NO_CONTENT)
            for name, value in _PREFLIGHT.items():
                self.setHeader(name, value)
            self.finish()
        else:
            answer(self, 405, "GET, HEAD and POST are understood here", Allow=_METHODS)

    def write(self, data: bytes) -> None:
        if not self.startedWriting:
            for name, value in self.sharing.items():
                self.responseHeaders.addRawHeader(name, value)
        super().write(data)

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
