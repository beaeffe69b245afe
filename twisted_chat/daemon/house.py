"""Building: what makes a daemon of its parts."""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import time

from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger

from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.daemon.service import ChatService
from twisted_chat.daemon.transcript import BareTranscript, LogTranscript, NoTranscript
from twisted_chat.doors.certificates import Reminder, ServerCertificate
from twisted_chat.doors.control import ControlDoor
from twisted_chat.doors.door import Entrance, IDoor, IDoorReactor
from twisted_chat.doors.line import LineDoor
from twisted_chat.doors.listening import ListenError, Place
from twisted_chat.doors.proxied import Proxies
from twisted_chat.files import File, StandardOutput, exposure
from twisted_chat.gathering import IThreadedReactor
from twisted_chat.interfaces import ITranscript
from twisted_chat.journal.folder import StateError, StateFolder
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.sqlite import SqliteStore
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import Limits
from twisted_chat.passphrases import Passphrases
from twisted_chat.spans import moment
from twisted_chat.traces import Traces

_log = Logger(namespace="chat")


class IChatReactor(IReactorCore, IDoorReactor, IThreadedReactor):
    """What the daemon needs of the reactor."""


def make_service(
    reactor: IChatReactor,
    places: Sequence[Place],
    *,
    transcript: str = "log",
    timed: bool = False,
    motd: Sequence[str] = (),
    limits: Limits | None = None,
    state: str | None = None,
    certificate: ServerCertificate | None = None,
    proxies: Proxies | None = None,
    program: str = "chat",
    others: Sequence[Callable[[Entrance], IDoor]] = (),
) -> ChatService:
    """Build the daemon and listen on all `places`; it talks once the service is started.

    `timed`: lead each line of a bare transcript by its time.
    `state`: the folder of what is to outlast the daemon; None: nothing is.
    `certificate`: that of the places with TLS, whose end is told in time.
    `proxies`: which proxies are believed; None: those on this machine.
    `others`: what makes doors besides those for lines and for chatctl.
    Whatever can fail at the start fails here, before any fork: raises SystemExit with one line,
    which begins with `program`.
    """
    limits = replace(limits or Limits())  # Of its own: they may change.
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
            limits.bounds,
            later=reactor.callLater,
        )
    except StateError as error:
        raise SystemExit(f"{program}: --state {error}") from error
    chat = Chat(
        journal,
        lambda flush: reactor.callLater(0, flush),
        reactor,
        record,
        LineDoor.dialect,
        limits,
        motd,
    )
    passphrases = Passphrases(reactor)
    traces = Traces(reactor)
    desk = Desk(chat, passphrases, traces, certificate=certificate)
    entrance = Entrance(chat, desk, reactor, lambda host: journal.view.closed_to(host), proxies)
    doors: list[IDoor] = [LineDoor(entrance, places), *[make(entrance) for make in others]]
    if folder is not None:
        doors.append(ControlDoor(entrance, folder.control))
    try:
        for door in doors:
            door.open()
            chat.counting.add(door.name, door.counts)
    except ListenError as error:
        raise SystemExit(f"{program}: {error}") from error
    reminder = None if certificate is None else Reminder(certificate, reactor)
    return ChatService(reactor, chat, doors, record, store, passphrases, traces, reminder)


def freeze_program() -> None:
    """Let the garbage collector never look again at what is there now. Call it before anybody is
    in the chat, once in a process.
    """
    # These are 60,000 objects, nearly all of them of what was imported. The longest collection
    # while 9,000 members enter takes a third less without them: 64, 62, 63, 44, 40 and 72 ms where
    # it took 106, 96, 96, 63, 42 and 104 (CPU time, pairs of runs in both orders). This call takes
    # 20 ms. What members leave behind is collected as ever.
    gc.collect()
    gc.freeze()


def _make_transcript(where: str, timed: bool, reactor: IThreadedReactor) -> ITranscript:
    """Return the transcript that the options ask for. Raises OSError if its file cannot be opened,
    or is there and others can read it.
    """
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
