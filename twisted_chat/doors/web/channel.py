"""One connection of the web door: requests over HTTP, one after the other, until one of them hands
the connection over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, ISSLTransport
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.server import Site

from twisted_chat.doors.admission import Place
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.framing import Framing
from twisted_chat.doors.web.handshake import WhenSent
from twisted_chat.doors.web.heads import Unwelcome, Visitor
from twisted_chat.flood import Meter
from twisted_chat.limits import GOODBYE, REQUEST_WAIT, TOKEN
from twisted_chat.networks import Host, host_of
from twisted_chat.refusal import Refusal

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Stand in every answer, unless a resource sets them otherwise."""


class ITaker(Protocol):
    """What has taken a connection over, which has no requests any more."""

    def data_received(self, data: bytes) -> None:
        """Take `data` from the peer."""

    def stop(self) -> None:
        """The daemon stops: end the connection."""

    def connection_lost(self) -> None:
        """The connection is gone."""


class Taken:
    """One connection of `door` that is `taker`'s, in place of the protocol that spoke HTTP: that
    takes more memory than all the rest. `place`: its place in the chat, if it still has one.
    """

    __slots__ = ("_door", "_is_being_refused", "_place", "_taker")

    def __init__(
        self, door: WebBase, taker: ITaker, place: Place | None, is_being_refused: bool
    ) -> None:
        self._door = door
        self._taker = taker
        self._place = place
        self._is_being_refused = is_being_refused

    def dataReceived(self, data: bytes) -> None:
        self._door.heard += 1
        self._door.received += len(data)
        self._taker.data_received(data)

    def stop(self) -> None:
        """The daemon stops."""
        self._taker.stop()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._taker.connection_lost()
        if self._is_being_refused:
            self._door.being_refused -= 1
        else:
            self._door.connections.lose(self)
        if self._place is not None:
            self._place.give_back()


class WebChannel(HTTPChannel):
    """One connection of `door`. It has a place in the chat as long as it is there; `why`: why there
    is none for it. A request has REQUEST_WAIT seconds to come, all of it, and the next one comes
    when it is answered: where more came before, the connection ends with that answer.
    """

    transport: IStreamTransport
    site: Site
    timeOut = None
    """Twisted's own, which starts anew with every byte."""

    def __init__(self, door: WebBase) -> None:
        super().__init__()
        self.door = door
        self.why: Refusal | None = None
        self._is_being_refused = False
        self._place: Place | None = None
        self._host: Host = None
        self._meter: Meter | None = None
        self._cost = 0.0
        self._framing: Framing | None = Framing()
        """Takes what comes in; None: the head of a request is whole, and this is its body."""
        self._late: IDelayedCall | None = None
        self._take: Callable[[bool], ITaker]
        self._early: list[bytes] | None = None
        """What came behind the request that hands the connection over, while its answer is under
        way.
        """
        self._has_ended = False

    def connectionMade(self) -> None:
        door = self.door
        admission = door.entrance.admission
        self._host = host_of(self.transport.getPeer())
        self.why = admission.refusal(self._host)
        if self.why is None:
            door.connections.begin(self)
            self._place = Place(admission, self._host)
        else:
            self._is_being_refused = True
            door.refused += 1
            door.being_refused += 1
        super().connectionMade()
        self._wait()

    def come_from(self, visitor: Visitor) -> Meter:
        """Return what charges `visitor`, who has sent the request, if only through a proxy."""
        entrance, host = self.door.entrance, visitor.host
        if self._meter is None or host != self._host:
            self._meter = entrance.meter(host, visitor.origin)
        if not self._is_being_refused and (host != self._host or self._place is None):
            if self._place is not None:
                self._place.give_back()
            self.why = entrance.admission.refusal(host)
            self._place = Place(entrance.admission, host) if self.why is None else None
        self._host = host
        return self._meter

    @property
    def cost(self) -> float:
        """Tokens that the request costs, for its head."""
        return self._cost

    # The time of a request.

    def _wait(self) -> None:
        seconds = REQUEST_WAIT if self.why is None else GOODBYE
        self._late = self.door.reactor.callLater(seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
        self._late = None

    def _too_late(self) -> None:
        self.transport.abortConnection()

    def allContentReceived(self) -> None:
        if not self._has_ended:
            self._stop_waiting()
            super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        super().requestDone(request)
        if not self.requests:
            self._stop_waiting()
            self._wait()

    # What comes in.

    def dataReceived(self, data: bytes) -> None:
        self.door.heard += 1
        self.door.received += len(data)
        if self._has_ended:
            pass  # What was on its way.
        elif self._framing is None:
            super().dataReceived(data)
        else:
            self._take_head(self._framing, data)

    def _take_head(self, framing: Framing, data: bytes) -> None:
        try:
            whole = framing.take(data)
        except Unwelcome as unwelcome:
            self.end(unwelcome.code, str(unwelcome))
            return
        if whole:
            self._cost = 1 + whole.find(b"\r\n\r\n") // TOKEN
            self._framing = None
            super().dataReceived(whole)

    def setLineMode(self, extra: bytes = b"") -> None:
        """A request is answered, and `extra` came behind it."""
        if extra or self.clearLineBuffer():
            # To serve one behind the other would take a turn of thousands.
            self._has_ended = True
            self.loseConnection()
        else:
            super().setLineMode()
            self._framing = Framing()

    def rawDataReceived(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
        elif not self._has_ended:
            super().rawDataReceived(data)

    # No HTTP any more.

    def hand_over(self, head: bytes, take: Callable[[bool], ITaker]) -> None:
        """Let what `take(is_lost)` returns have the connection from here on. `head`: what the peer
        is answered. `is_lost`: the connection is gone already.

        The head goes out through the transport, behind all that was answered before; what follows
        goes out past it. So that begins when the transport has sent all.
        """
        transport = self.transport
        self._early = []
        self._take = take
        self.requests.clear()
        transport.unregisterProducer()
        transport.write(head)
        transport.pauseProducing()
        WhenSent(transport, self._begin)

    def _begin(self) -> None:
        early, self._early = self._early or [], None
        taker = self._take(False)
        taken = Taken(self.door, taker, self.hand_over_place(), self._is_being_refused)
        connections, transport = self.door.connections, self.transport
        if self in connections:
            connections.add(taken)
            connections.discard(self)
        # A transport on top of another one, such as TLS, calls its protocol otherwise.
        for name in ("protocol", "wrappedProtocol"):
            if getattr(transport, name, None) is self:
                setattr(transport, name, taken)
                break
        else:
            self.dataReceived = taken.dataReceived  # type: ignore[method-assign]
            self.connectionLost = taken.connectionLost  # type: ignore[method-assign]
        transport.resumeProducing()
        for data in early:
            taker.data_received(data)

    def hand_over_place(self) -> Place | None:
        """Return its place in the chat, if it has one, for another to have."""
        place, self._place = self._place, None
        return place

    # The end.

    def end(
        self,
        code: int,
        text: str,
        headers: Mapping[str, str] | None = None,
        is_sending: bool = True,
    ) -> None:
        """Answer with `code` and end: nothing more is taken. `headers`: more of them. A peer that
        `is_sending` is heard out for a while: bytes that nobody has read when a connection ends
        take back what was sent.
        """
        self._has_ended = True
        self._stop_waiting()
        self.requests.clear()
        body = f"{text}\n".encode()
        lines = [
            f"HTTP/1.1 {code} {HTTPStatus(code).phrase}",
            "Connection: close",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            *[f"{name}: {value}" for name, value in {**HEADERS, **(headers or {})}.items()],
            "",
        ]
        transport = self.transport
        transport.unregisterProducer()
        transport.resumeProducing()
        transport.write("".join(f"{line}\r\n" for line in lines).encode() + body)
        self._late = self.door.reactor.callLater(GOODBYE, transport.abortConnection)
        if is_sending and not ISSLTransport.providedBy(transport):
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def stop(self) -> None:
        """The daemon stops."""
        if self.requests or self._early is not None:
            # In the middle of an answer there is no place for words.
            self._stop_waiting()
            self._late = self.door.reactor.callLater(GOODBYE, self._too_late)
            self.loseConnection()
        elif not self._has_ended:
            self.end(503, "the daemon stops", is_sending=False)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._stop_waiting()
        if self._early is not None:
            # What it had sent is heard.
            taker = self._take(True)
            for data in self._early:
                taker.data_received(data)
            taker.connection_lost()
        else:
            super().connectionLost(reason)
        if self._is_being_refused:
            self.door.being_refused -= 1
        else:
            self.door.connections.lose(self)
        if self._place is not None:
            self._place.give_back()
