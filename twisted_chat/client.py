"""A chat session as a library: what bots, scripts and the client are made of."""

from __future__ import annotations

import socket
from collections import deque
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IReactorCore,
    IReactorTime,
    ISSLTransport,
    ISystemHandle,
    ITCPTransport,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.endpoints import client_endpoint
from twisted_chat.events import Event
from twisted_chat.limits import CLIENT_EVENTS, CLIENT_JSON, CLIENT_LINE, GOODBYE
from twisted_chat.lines import BoundedLineReceiver
from twisted_chat.link import Link
from twisted_chat.server_lines import FORMAT, ServerLines
from twisted_chat.sockets import keep_alive, progress, tcp_socket
from twisted_chat.syntax import escape, parse
from twisted_chat.text import clean
from twisted_chat.tls import explained

NO_FORMAT = f"/{FORMAT} was not sent: this client reads JSON wherever the server writes it"
"""Why nobody may change what the server writes behind the back of whoever reads it."""


class ISessionReactor(IReactorCore, IReactorTime):
    """What a session needs of the reactor."""


async def connect(host: str, port: int | None = None, *, reactor: object = None) -> Session:
    """Join the chat at `host` and TCP `port`, or at the client endpoint string `host`.

    The session's first event is its Greeting. Raises ValueError for an endpoint string that cannot
    be used, and what the endpoint raises (`twisted.internet.error`) if there is no connection. When
    the reactor stops, as by ^C, the session leaves the chat and is read no further.
    """
    if reactor is None:
        from twisted.internet import reactor
    clock = cast(ISessionReactor, reactor)
    endpoint = client_endpoint(reactor, host, port)
    session = cast(Session, await endpoint.connect(Factory.forProtocol(lambda: Session(clock))))
    session.end_with(clock)
    return session


@implementer(IHalfCloseableProtocol)
class LineClient(BoundedLineReceiver):
    """The client's end of the line door, without an opinion on what comes in. What the server sends
    is read as ServerLines does it.

    A line longer than CLIENT_LINE bytes is cut, and so is each text in JSON. A server's machine
    that answers nothing for VANISHED seconds is given up: the connection is lost. `clock` measures
    that time for what was sent; without one it takes as long as the kernel tries, a quarter of an
    hour.
    """

    transport: ITCPTransport
    max_line = CLIENT_LINE

    def __init__(self, clock: IReactorTime | None = None) -> None:
        super().__init__()
        self._link = None
        if clock is not None:
            self._link = Link(
                clock,
                lambda: progress(self.transport),
                self.network_stuck,
                self.network_moves,
                self._vanished,
            )
        self._lines = ServerLines(self._ask_for_json, self.heard, clock)
        self._has_vanished = False
        self.ended = False
        """Nothing can be sent any more."""

    def heard(self, event: Event, line: str | None) -> None:
        """Take `event`, and the `line` that told of it; None: the server sent it as JSON. All texts
        are clean, whatever the server did.
        """
        raise NotImplementedError

    def lost(self, reason: Failure) -> None:
        """Note that the connection is gone. `reason` is a ConnectionDone if the server closed it
        well.
        """
        raise NotImplementedError

    def network_stuck(self) -> None:
        """Note that for LINK_WAIT seconds the server's machine has acknowledged nothing that was
        sent.
        """

    def network_moves(self) -> None:
        """Note that it acknowledges again what was sent."""

    def say(self, text: str) -> None:
        """Say `text`; never runs a command. An empty text says nothing.

        Raises ValueError if `text` holds CR, LF or what UTF-8 cannot (half a surrogate pair),
        ConnectionError if the session has ended. What the server will not take (a long line) comes
        back as a Refused event.
        """
        self._send_one(escape(text))

    def command(self, line: str) -> None:
        """Run the command `line`, such as `/who`; the answers come as Notice events.

        Raises ValueError if `line` is no command, is `/format` (see NO_FORMAT) or holds CR, LF or
        what UTF-8 cannot, ConnectionError if the session has ended.
        """
        command = parse(line)
        if command is None:
            raise ValueError(f"{line!r} is no command: a command starts with / and a letter")
        if command[0] == FORMAT:
            raise ValueError(NO_FORMAT)
        self._send_one(line)

    def finish(self) -> None:
        """Say no more. The server takes what was said, answers, and closes the connection."""
        self.ended = True
        handle = getattr(self.transport, "getHandle", None)
        if handle is not None and isinstance(handle(), socket.socket):
            self.transport.loseWriteConnection()
        else:
            # TLS has no half-close, and its own goodbye would cut off the answers that still wait.
            self.send("/quit")

    def send(self, line: str) -> None:
        """Send `line`, which holds no LF.

        It is cleaned here as the server would do it, which takes a peer that begins with a control
        for another kind of program.
        """
        self.transport.write(f"{clean(line.encode())}\n".encode())
        if self._link is not None:
            self._link.sent()

    def _ask_for_json(self, command: str) -> None:
        self.max_line = CLIENT_JSON
        if not self.ended:
            self.send(command)

    def _send_one(self, line: str) -> None:
        if "\n" in line or "\r" in line:
            raise ValueError("one line at a time: the text holds a line end")
        if self.ended:
            raise ConnectionError("the session has ended")
        self.send(line)

    def _vanished(self) -> None:
        self._has_vanished = True
        self.transport.abortConnection()

    # What Twisted calls.

    def connectionMade(self) -> None:
        if tcp := tcp_socket(self.transport):
            with tcp:
                keep_alive(tcp)

    def line_received(self, line: bytes) -> None:
        if len(line) > CLIENT_LINE and not line.startswith(b"{"):
            self.long_line(line)
        else:
            self._lines.line(clean(line))

    def long_line(self, start: bytes) -> None:
        self._lines.line(clean(start[:CLIENT_LINE]) + "…")

    def readConnectionLost(self) -> None:
        """Send no more: the server closed its side."""
        self.ended = True
        self.input_ended()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our side is closed, as `finish` asked."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        assert reason is not None
        self.ended = True
        if self._link is not None:
            self._link.close()
        self._lines.close()
        if self._has_vanished:
            reason = Failure(ConnectionLost("the network is gone"))
        elif ISSLTransport.providedBy(self.transport):
            reason = explained(reason, cast(ISystemHandle, self.transport))
        self.lost(reason)


class Session(LineClient):
    """A place in the chat: `say` and `command` to write, `async for` to read.

    Iterating gives each event in its order and ends when the server closes the connection; it
    raises the error if the connection broke (`twisted.internet.error.ConnectionLost`) or could not
    be made safe (`twisted_chat.tls.TLSFailure`). One reader at a time; while more than
    CLIENT_EVENTS events wait for it, nothing is read from the server.
    """

    def __init__(self, clock: IReactorTime | None = None) -> None:
        super().__init__(clock)
        self._events: deque[Event] = deque()
        self._closing = False
        self._shutting_down = False
        self._reader: Deferred[None] | None = None
        self._closed: Deferred[None] = Deferred()
        self._reason: Failure | None = None

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._shutting_down:
                raise StopAsyncIteration
            if self._reason is not None:
                if self._reason.check(ConnectionDone):
                    raise StopAsyncIteration
                self._reason.raiseException()
            self._reader = Deferred()
            await self._reader
        event = self._events.popleft()
        if self.paused and not self._events:
            self.resumeProducing()
        return event

    async def close(self) -> None:
        """Leave the chat; returns when the connection is gone. Waiting events can still be read."""
        self._closing = True
        if self.paused:
            # A connection that is not read does not learn that the server has closed.
            self.resumeProducing()
        if not self.ended:
            self.finish()
        if self._reason is None:
            await self._closed

    def end_with(self, reactor: ISessionReactor) -> None:
        """Leave the chat before `reactor` stops, which lets the reader come to its end."""
        trigger = reactor.addSystemEventTrigger("before", "shutdown", self._shut_down, reactor)

        def forget(result: None) -> None:
            if not self._shutting_down:
                reactor.removeSystemEventTrigger(trigger)

        self._closed.addCallback(forget)

    def _shut_down(self, reactor: IReactorTime) -> Deferred[None]:
        self._shutting_down = True
        self._events.clear()
        self._wake()
        reactor.callLater(GOODBYE, self.transport.abortConnection)
        return Deferred.fromCoroutine(self.close())

    def heard(self, event: Event, line: str | None) -> None:
        if self._shutting_down:
            return
        self._events.append(event)
        if len(self._events) >= CLIENT_EVENTS and not self._closing:
            self.pauseProducing()
        self._wake()

    def lost(self, reason: Failure) -> None:
        self._reason = reason
        self._wake()
        self._closed.callback(None)

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.callback(None)
