"""One WebSocket of somebody at the web door: it says hello, and is a session from then on."""

from __future__ import annotations

import secrets

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.doors.admission import Place
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.heads import Visitor
from twisted_chat.doors.web.session import (
    BAD_FRAME,
    FAILED,
    LATE,
    REFUSED,
    REPLACED,
    STOPS,
    Session,
)
from twisted_chat.doors.web.websocket import WebSocket
from twisted_chat.doors.web.wire import BadFrame, Hello, read_hello
from twisted_chat.events import Refused, Stopping
from twisted_chat.limits import GOODBYE, REQUEST_WAIT, UNASKED_FRAMES
from twisted_chat.refusal import Kind, Refusal

_FOR_GOOD = (1000, 1005)
"""How a peer closes that does not come again: in order, or without saying why."""

_NEW = (Kind.TOO_MANY, Kind.LOCKED)
"""Why somebody new may not come in, but somebody who is in already may."""


class WebConnection:
    """What comes over one WebSocket, from its handshake to its end.

    `place`: the place in the chat that it has. None: there is none for it, for the reason `why`; it
    may still go on with a session, which has one.
    """

    __slots__ = (
        "_door",
        "_early",
        "_is_gone",
        "_late",
        "_place",
        "_session",
        "_unasked",
        "_visitor",
        "_why",
        "socket",
    )
    _log = Logger()

    def __init__(
        self,
        door: WebBase,
        transport: IStreamTransport,
        visitor: Visitor,
        place: Place | None,
        why: Refusal | None,
        is_lost: bool,
    ) -> None:
        self._door = door
        self._visitor = visitor
        self._place = place
        self._why = why
        self._session: Session | None = None
        self._is_gone = False
        """The transport is gone."""
        self._unasked = 0
        """Frames that came before there was a session."""
        self._early: list[str] | None = None
        """What came while it is not known yet whether it goes on with a session."""
        self.socket = WebSocket(transport, door.patience, self, is_lost)
        door.pings.add(self.socket)
        wait = REQUEST_WAIT if why is None else GOODBYE
        self._late: IDelayedCall | None = door.reactor.callLater(wait, self._too_late)

    @property
    def max_message(self) -> int:
        return self._door.limits.most_in_json

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """Take `data` from the peer."""
        self.socket.data_received(data)

    def message(self, text: str) -> None:
        if self._session is not None:
            self._session.take(text)
        elif self._early is not None:
            self._early.append(text)
        else:
            self._hello(text)

    def frame(self) -> None:
        if self._session is not None:
            self._session.charge(1)
            return
        self._unasked += 1
        if self._unasked >= UNASKED_FRAMES:
            self._stop_waiting()
            self.socket.close(LATE, "the first message is a hello")

    def _hello(self, text: str) -> None:
        self._stop_waiting()
        try:
            hello = read_hello(text)
        except BadFrame as fault:
            self.socket.close(BAD_FRAME, str(fault))
            return
        session = self._door.sessions.get(hello.resume) if hello.resume else None
        if session is None or not self._may_take(session):
            self._begin(hello)
            return
        self._early = []
        going_on = Deferred.fromCoroutine(self._go_on(session, hello))
        going_on.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("nobody can go on", failure)
        self.socket.close(FAILED)

    def _may_take(self, session: Session) -> bool:
        """Return whether it may go on with `session`: not where others could read along that could
        not before.
        """
        is_in = self._why is None or self._why.kind in _NEW
        return is_in and self._visitor.is_safe >= session.is_safe

    async def _go_on(self, session: Session, hello: Hello) -> None:
        if await session.go_on_over(self, hello):
            self._session = session
        elif self.socket.is_open:
            self._begin(hello)
        early, self._early = self._early or [], None
        for text in early:
            if self.socket.is_open:
                self.message(text)
        if self._session is not None and (self._is_gone or not self.socket.is_open):
            self._session.lost(self, for_good=False)

    def _begin(self, hello: Hello) -> None:
        """Begin a session, if there is a place for it."""
        place = self.hand_over_place()
        if place is None:
            self._refuse()
            return
        transport = self.socket.transport
        name = self._door.entrance.default_name(transport.getPeer(), self._visitor.host)
        token = secrets.token_urlsafe(16)
        self._session = Session(self._door, self, self._visitor, name, token, place)
        self._door.sessions[token] = self._session
        self._session.begin(hello)

    def hand_over_place(self) -> Place | None:
        """Return its place, if it has one, for its session to have."""
        place, self._place = self._place, None
        return place

    def _refuse(self) -> None:
        why = self._why or Refusal("you are not here any more", Kind.GONE)
        self._say_last(Refused(str(why), why.kind), REFUSED)

    # The end.

    def flush(self) -> None:
        self._door.chat.flush()

    def closed(self, code: int) -> None:
        if self._session is not None:
            self._session.lost(self, for_good=code in _FOR_GOOD)

    def too_slow(self, waiting: int) -> None:
        if self._session is None or self._session.may_stay:
            self.socket.transport.abortConnection()
        else:
            self._session.too_slow(self, waiting)

    def replaced(self) -> None:
        """The session goes on over another connection."""
        self._session = None
        self.socket.close(REPLACED, "you are here on another connection")

    def end(self, code: int, place: Place) -> None:
        """The session has ended: its `place` is free when the connection is gone."""
        self._place = place
        self.socket.close(code)

    def stop(self) -> None:
        """The daemon stops."""
        self._say_last(Stopping(), STOPS)

    def _say_last(self, event: Refused | Stopping, code: int) -> None:
        self._stop_waiting()
        if self.socket.is_open:
            self.socket.outbox.write(self._door.dialect.render(event, ""))
            self.socket.close(code)

    def _too_late(self) -> None:
        self._late = None
        if self._why is not None:
            self._refuse()
        else:
            self.socket.close(LATE, f"no hello came for {REQUEST_WAIT:.0f} s")

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def connection_lost(self) -> None:
        """The transport is gone."""
        self._is_gone = True
        self._stop_waiting()
        self._door.pings.discard(self.socket)
        self.socket.connection_lost()
        if self._session is not None:
            self._session.lost(self, for_good=False)
        if (place := self.hand_over_place()) is not None:
            place.give_back()
