"""Wiring: what makes a chat daemon of the parts, and what ends it well."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorUNIX
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from twisted_chat.admission import Admission
from twisted_chat.flood import Flood
from twisted_chat.interfaces import ITranscript
from twisted_chat.journal import MemoryJournal
from twisted_chat.limits import HEAR_OUT, Limits
from twisted_chat.listening import Listener, ListenError, listen
from twisted_chat.outbox import IOutboxReactor, Patience
from twisted_chat.protocol import ChatFactory
from twisted_chat.room import Room
from twisted_chat.transcript import (
    BareTranscript,
    File,
    IThreadedReactor,
    LogTranscript,
    NoTranscript,
    StandardOutput,
)

_log = Logger(namespace="chat")


class IChatReactor(IReactorCore, IOutboxReactor, IThreadedReactor, IReactorUNIX):
    """What the daemon needs of the reactor."""


class ChatService(Service):
    """A running daemon: stopping it lets nothing that was said before get lost."""

    def __init__(
        self,
        reactor: IChatReactor,
        factory: ChatFactory,
        listeners: Sequence[Listener],
        transcript: ITranscript,
    ) -> None:
        self.farewell = b""
        """The very last line of the transcript, if it has one of its own."""
        self.factory = factory
        self.listeners = listeners
        self._reactor = reactor
        self._transcript = transcript

    def startService(self) -> None:
        super().startService()
        self._transcript.start()
        for listener in self.listeners:
            line = f"Chat Server started on {listener}."
            self._transcript.write(f"{line}\n".encode())
            if not isinstance(self._transcript, LogTranscript):
                _log.info("{line}", line=line)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._turn()  # Who has connected before now is still let in.
        for listener in self.listeners:
            await listener.stop()
        await self._hear_out()
        self.factory.room.stop()
        await self.factory.all_gone()
        if self.farewell:
            self._transcript.write(self.farewell)
        await self._transcript.stop()

    async def _hear_out(self) -> None:
        """Read what peers had sent before now: as long as something comes, HEAR_OUT at most."""
        end = self._reactor.seconds() + HEAR_OUT
        heard = -1
        while heard != self.factory.packets and self._reactor.seconds() < end:
            heard = self.factory.packets
            await self._turn()

    def _turn(self) -> Deferred[None]:
        """Fires when every connection has had a chance to be read once."""
        return deferLater(self._reactor, 0, lambda: None)


def make_service(
    reactor: IChatReactor,
    endpoints: Sequence[str],
    *,
    transcript: str = "log",
    motd: Sequence[str] = (),
    limits: Limits | None = None,
) -> ChatService:
    """Build the daemon and listen on all `endpoints`; it talks once the service is started.

    Whatever can fail at the start fails here, before any fork: raises SystemExit with one line.
    """
    limits = limits or Limits()
    try:
        record = _make_transcript(transcript, reactor)
    except OSError as error:
        raise SystemExit(
            f"chat: cannot write the transcript to {transcript}: {error.strerror}"
        ) from error
    room = Room(
        MemoryJournal(),
        lambda flush: reactor.callLater(0, flush),
        record,
        ChatFactory.dialect,
        motd,
    )
    factory = ChatFactory(
        room,
        reactor,
        Admission(limits.max_users, limits.max_per_address),
        Flood(reactor, limits.rate, limits.burst),
        Patience(reactor, limits.backlog, limits.stall),
        limits.max_line,
    )
    try:
        listeners = [listen(reactor, factory, endpoint) for endpoint in endpoints]
    except ListenError as error:
        raise SystemExit(f"chat: {error}") from error
    return ChatService(reactor, factory, listeners, record)


def _make_transcript(where: str, reactor: IThreadedReactor) -> ITranscript:
    if where == "none":
        return NoTranscript()
    if where == "log":
        return LogTranscript(reactor)
    return BareTranscript(StandardOutput() if where == "-" else File(where), reactor)


def main() -> None:
    """`chat-server [HOST [PORT]]`: the daemon in the foreground, its bare transcript on standard
    output, its log on standard error. ^C prints `exit` and ends it with status 0.
    """
    from twisted.internet import reactor as installed

    from twisted_chat.tap import ServerOptions

    reactor = cast(IChatReactor, installed)

    options = ServerOptions()
    options.parseOptions(sys.argv[1:])
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    service = options.make_service(reactor)

    def stop() -> Deferred[None]:
        # A second ^C would only be a traceback: the end is near and bounded.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return service.stopService()

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    service.startService()
    if options["transcript"] == "-":
        service.farewell = b"exit\n"
    reactor.run()
    if not service.farewell:
        with suppress(OSError):
            os.write(1, b"exit\n")
