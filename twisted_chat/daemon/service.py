"""Wiring: what makes a chat daemon of the parts, and what ends it well."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from time import time

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorCore, IReactorUNIX
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.daemon.transcript import BareTranscript, LogTranscript, NoTranscript
from twisted_chat.doors.admission import Admission
from twisted_chat.doors.control import ControlDoor, ControlFactory
from twisted_chat.doors.line import ChatFactory
from twisted_chat.doors.listening import Listener, ListenError, Place, listen
from twisted_chat.doors.outbox import IOutboxReactor, Patience
from twisted_chat.files import File, StandardOutput, exposure
from twisted_chat.flood import Flood
from twisted_chat.gathering import IThreadedReactor
from twisted_chat.interfaces import ITranscript
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import IStore, NoStore
from twisted_chat.limits import ANSWER_SHARE, HEAR_OUT, Limits
from twisted_chat.passphrases import Passphrases
from twisted_chat.spans import moment
from twisted_chat.state import StateError, StateFolder
from twisted_chat.traces import Traces

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
        control: ControlDoor | None,
        transcript: ITranscript,
        store: IStore,
        passphrases: Passphrases,
        traces: Traces,
    ) -> None:
        self.farewell = b""
        """The very last line of the transcript, if it has one of its own."""
        self.factory = factory
        self.listeners = listeners
        self._control = control
        self._reactor = reactor
        self._transcript = transcript
        self._store = store
        self._passphrases = passphrases
        self._traces = traces

    def startService(self) -> None:
        super().startService()
        self._store.start()
        self._transcript.start()
        for listener in self.listeners:
            line = f"Chat Server started on {listener}."
            self._transcript.write(f"{line}\n".encode())
            if not isinstance(self._transcript, LogTranscript):
                _log.info("{line}", line=line)

    def reopen(self) -> None:
        """Open the transcript and the audit file again: they have been moved away."""
        self._transcript.reopen()
        self._store.reopen()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await self._say_goodbye()
        finally:  # Whatever has failed: what was said is not to be lost.
            self._passphrases.stop()
            self._traces.stop()
            await self._store.stop()
            await self._transcript.stop()

    async def _say_goodbye(self) -> None:
        await self._turn()  # Peers that have connected are still let in.
        for listener in self.listeners:
            await listener.stop()
        # It has its own end, which nobody in the chat is to wait for.
        control_stopped = succeed(None) if self._control is None else self._control.stop()
        await self._hear_out()
        self.factory.chat.stop()
        await self.factory.connections.all_gone()
        await control_stopped
        if self.farewell:
            self._transcript.write(self.farewell)

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
    places: Sequence[Place],
    *,
    transcript: str = "log",
    timed: bool = False,
    motd: Sequence[str] = (),
    limits: Limits | None = None,
    state: str | None = None,
    program: str = "chat",
) -> ChatService:
    """Build the daemon and listen on all `places`; it talks once the service is started.

    `timed`: lead each line of a bare transcript by its time.
    `state`: the folder of what is to outlast the daemon; None: nothing is.
    Whatever can fail at the start fails here, before any fork: raises SystemExit with one line,
    which begins with `program`.
    """
    limits = limits or Limits()
    try:
        record = _make_transcript(transcript, timed, reactor)
    except OSError as error:
        why = error.strerror or error
        raise SystemExit(f"{program}: --transcript {transcript}: {why}") from error
    try:
        folder = None if state is None else StateFolder.open(state)
        store = NoStore() if folder is None else SqliteStore(folder, reactor)
        journal = MemoryJournal(
            time,
            store,
            limits.max_rooms,
            limits.history,
            limits.history_bytes,
        )
    except StateError as error:
        raise SystemExit(f"{program}: --state {error}") from error
    chat = Chat(
        journal,
        lambda flush: reactor.callLater(0, flush),
        reactor.seconds,
        time,
        record,
        ChatFactory.dialect,
        motd,
        limits.replay,
        limits.backlog // ANSWER_SHARE,
    )
    passphrases = Passphrases(reactor)
    traces = Traces(reactor)
    desk = Desk(chat, passphrases, traces)
    patience = Patience(reactor, limits.backlog, limits.stall)
    factory = ChatFactory(
        chat,
        desk,
        reactor,
        Admission(limits.max_users, limits.max_per_address, journal.closed_to),
        Flood(reactor, limits.rate, limits.burst),
        patience,
        limits.max_line,
    )
    try:
        listeners = [listen(reactor, factory, place) for place in places]
        control = None
        if folder is not None:
            control = ControlDoor(
                reactor, ControlFactory(chat, desk, reactor, limits.max_line), folder.control
            )
    except ListenError as error:
        raise SystemExit(f"{program}: {error}") from error
    return ChatService(reactor, factory, listeners, control, record, store, passphrases, traces)


def _make_transcript(where: str, timed: bool, reactor: IThreadedReactor) -> ITranscript:
    """Raises OSError, also for a file that is there and that others can read."""
    if where == "none":
        return NoTranscript()
    if where == "log":
        return LogTranscript(reactor)

    def warn(text: str) -> None:
        reactor.callFromThread(_log.warn, "{text}", text=text)

    def time_of_day() -> str:
        return f"{moment(time())} "

    if where == "-":
        output = StandardOutput()
    else:
        _check_exposure(where)
        output = File(where, warn)
    return BareTranscript(output, reactor, time_of_day if timed else str)


def _check_exposure(path: str) -> None:
    with suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode) and (what := exposure(mode)):
            raise PermissionError(f"{what}: chmod 600 {path}, or choose another file")
