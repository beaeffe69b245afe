"""The store of a state folder: a thread of its own writes the database and the audit file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from time import time

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from twisted_chat.files import File
from twisted_chat.gathering import Gatherer, IThreadedReactor
from twisted_chat.journal.batch import Batch, lines_in
from twisted_chat.journal.database import HINTS, Database
from twisted_chat.journal.database_files import CorruptError, set_aside
from twisted_chat.journal.folder import StateFolder, complain, explain, make_file
from twisted_chat.journal.store import Contents, Document, IStore, Line, T
from twisted_chat.journal.writing import Trouble, Writer, news
from twisted_chat.limits import STORE_PAUSE, STORE_RETRY

_log = Logger(namespace="chat")


@implementer(IStore)
class SqliteStore:
    """Keeps all in a state folder. What was said before the last 100 ms outlives any end of the
    process, as long as the disk takes what it is given within half of that.

    What cannot be written waits, and is tried again each STORE_RETRY seconds; it is lost if the
    process ends first. When it has stopped it lets the folder go, unless it is still writing.
    `now`: the Unix time, for the name of a file that is set aside.
    """

    lasting = True

    def __init__(
        self,
        folder: StateFolder,
        reactor: IThreadedReactor,
        pause: float = STORE_PAUSE,
        now: Callable[[], float] = time,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self._folder = folder
        self._reactor = reactor
        self._pause = pause
        self._now = now
        self._database = Database(folder.database, connect)
        self._writer = Writer(self._database, folder.audit, self._warn)
        self._watchers: list[Callable[[str], None]] = []
        self._is_late = False
        self._thread = Gatherer("store", reactor, Batch, self._work, pause)

    def load(self, read: Callable[[Contents], T]) -> T:
        """Return what `read` makes of all that was kept before. Call it once, first, before any
        fork.

        A corrupt database is set aside, and so is one for which `read` raises ValueError; the log
        says where. Raises StateError.
        """
        path = self._folder.audit
        try:
            make_file(path)
            File(path, self._warn).close()
            path = self._folder.database
            try:
                return self._database.load(read, self._now())
            except CorruptError as error:
                _log.error(
                    "{path} is corrupt ({reason}): it is kept as {name}, and the chat begins anew",
                    path=path,
                    reason=str(error),
                    name=set_aside(path, self._now()),
                )
                return self._database.load(read, self._now())
        except sqlite3.Error as error:
            raise complain(path, str(error), HINTS.get(str(error))) from error
        except OSError as error:
            raise explain(error.filename or path, error) from error

    def start(self) -> None:
        self._thread.start()

    def watch(self, trouble: Callable[[str], None]) -> None:
        self._watchers.append(trouble)

    def put(self, kind: str, key: str, document: Document | None) -> None:
        body = None if document is None else json.dumps(dict(document))
        with self._thread as waiting:
            waiting.put(kind, key, body)

    def add(self, line: Line) -> None:
        with self._thread as waiting:
            waiting.add(line)

    def drop(self, numbers: Sequence[int], rest: Sequence[Line] = ()) -> None:
        with self._thread as waiting:
            waiting.drop(numbers, rest)

    def audit(self, entry: str) -> None:
        with self._thread as waiting:
            waiting.append(f"{entry}\n".encode())

    def reopen(self) -> None:
        with self._thread as waiting:
            waiting.reopen = True

    def stop(self) -> Deferred[None]:
        return self._thread.stop(self._late).addCallback(self._stopped)

    def _late(self) -> None:
        self._is_late = True
        self._log_end("it takes too long", 0)

    def _stopped(self, result: None) -> None:
        # A thread that is stuck may write yet: then the folder is ours to the end of the process.
        if not self._is_late:
            self._folder.close()

    def _log_unaudited(self, reason: str) -> None:
        _log.error("what operators did last is in no file: {reason}", reason=reason)

    def _log_end(self, reason: str, lines: int) -> None:
        _log.error(
            "what was said last is lost{count}: {path} cannot be written ({reason})",
            count=f" ({lines} lines)" if lines else "",
            path=self._folder.path,
            reason=reason,
        )

    def _warn(self, text: str) -> None:
        """For any thread."""
        self._reactor.callFromThread(_log.warn, "{text}", text=text)

    def _tell(self, text: str) -> None:
        _log.warn("{path}: {text}", path=self._folder.path, text=text)
        for trouble in self._watchers:
            trouble(text)

    # What follows runs in the thread.

    def _work(self, batches: Iterator[Batch]) -> None:
        now = Trouble()
        for batch in batches:
            before, now = now, self._writer.write(batch)
            # What is said is to be kept in 100 ms, whatever becomes of the audit.
            self._thread.pause = STORE_RETRY if now.database else self._pause
            told = list(news(before, now, batch.given_up))
            if not now.database:
                batch.given_up = 0
            if now.database or now.audit:
                with self._thread as newer:
                    batch.absorb(newer)
                    self._thread.waiting = batch
            for text in told:
                self._reactor.callFromThread(self._tell, text)
        self._writer.close()
        if now.audit:
            self._reactor.callFromThread(self._log_unaudited, now.audit)
        if now.database:
            with self._thread as left:
                lines = left.given_up + sum(map(lines_in, left.lines.values()))
            self._reactor.callFromThread(self._log_end, now.database, lines)
