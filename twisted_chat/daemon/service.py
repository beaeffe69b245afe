"""A running daemon: its start and its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.chat import Chat
from twisted_chat.daemon.transcript import LogTranscript
from twisted_chat.doors.certificates import Reminder
from twisted_chat.doors.door import IDoor
from twisted_chat.interfaces import ITranscript
from twisted_chat.journal.store import IStore
from twisted_chat.limits import HEAR_OUT, Limits
from twisted_chat.passphrases import Passphrases
from twisted_chat.traces import Traces

_log = Logger(namespace="chat")


class ChatService(Service):
    """A running daemon. Stopping it lets nothing that was said before get lost.

    Its `doors` are open already.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        chat: Chat,
        doors: Sequence[IDoor],
        transcript: ITranscript,
        store: IStore,
        passphrases: Passphrases,
        traces: Traces,
        reminder: Reminder | None = None,
    ) -> None:
        self.farewell = b""
        """The very last line of the transcript, if it has one of its own."""
        self._reactor = reactor
        self._chat = chat
        self.doors = doors
        self._transcript = transcript
        self._store = store
        self._passphrases = passphrases
        self._traces = traces
        self._reminder = reminder

    def startService(self) -> None:
        super().startService()
        self._store.start()
        self._transcript.start()
        if self._reminder is not None:
            self._reminder.start()
        for place in [place for door in self.doors for place in door.places()]:
            line = f"Chat Server started on {place}."
            self._transcript.write(f"{line}\n".encode())
            if not isinstance(self._transcript, LogTranscript):
                _log.info("{line}", line=line)

    def reopen(self) -> None:
        """Open the transcript and the audit file again: they have been moved away."""
        self._transcript.reopen()
        self._store.reopen()

    def configure(self, limits: Limits, motd: Sequence[str]) -> Deferred[None]:
        """Let `limits` and `motd`, its lines, hold from here on. Fires when all go by them."""
        return self._chat.configure(limits, motd)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what each part has counted, by its name and the name of the number."""
        return self._chat.counting.counts()

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await self._say_goodbye()
        finally:  # Whatever has failed: what was said is not to be lost.
            self._passphrases.stop()
            self._traces.stop()
            if self._reminder is not None:
                self._reminder.stop()
            await self._store.stop()
            await self._transcript.stop()

    async def _say_goodbye(self) -> None:
        await self._turn()  # Peers that have connected are still let in.
        await self._each_door(lambda door: door.close())
        await self._hear_out()
        await self._chat.stop()
        await self._each_door(lambda door: door.drain())
        if self.farewell:
            self._transcript.write(self.farewell)

    def _each_door(self, do: Callable[[IDoor], Deferred[None]]) -> Deferred[list[None]]:
        """Let all doors `do` it. Return what fires when they have. A door that fails is logged, and
        the others go on.
        """

        def log(failure: Failure, door: IDoor) -> None:
            _log.failure("the door {name} does not stop as it should", failure, name=door.name)

        return gatherResults([maybeDeferred(do, door).addErrback(log, door) for door in self.doors])

    async def _hear_out(self) -> None:
        """Read what peers had sent before now: as long as something comes, HEAR_OUT at most."""
        end = self._reactor.seconds() + HEAR_OUT
        heard = -1
        while heard != self._heard() and self._reactor.seconds() < end:
            heard = self._heard()
            await self._turn()

    def _heard(self) -> int:
        return sum(door.heard for door in self.doors)

    def _turn(self) -> Deferred[None]:
        """Return what fires when every connection has had a chance to be read once."""
        return deferLater(self._reactor, 0, lambda: None)
