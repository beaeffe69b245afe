"""Hands work that may take long, such as writing to a disk or a pipe, to a thread of its own: the
chat never waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Condition, Thread
from time import monotonic
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.limits import GOODBYE

_log = Logger(namespace="chat")

T = TypeVar("T")


class IThreadedReactor(IReactorFromThreads, IReactorTime):
    """What a gatherer needs of the reactor."""


class Gatherer(Generic[T]):
    """Gathers a batch and hands it to a thread:

        with gatherer as waiting:
            waiting.append(line)

    `empty()` makes an empty batch; a batch is true as soon as there is work in it. The thread runs
    `work(batches)`. The iterator `batches` yields the first batch as soon as there is one, then at
    most one in `pause` seconds. Its last batch is the one that waits when the gatherer is stopped.
    """

    def __init__(
        self,
        name: str,
        reactor: IThreadedReactor,
        empty: Callable[[], T],
        work: Callable[[Iterator[T]], None],
        pause: float,
    ) -> None:
        self._name = name
        self._reactor = reactor
        self._empty = empty
        self._work = work
        # Made by `start`: after a fork, a Thread that was there before counts as ended.
        self._thread: Thread | None = None
        self._done: Deferred[None] = Deferred()
        self.pause = pause
        """Seconds from one batch to the next, at least. `work` may change it."""
        # Shared with the thread, under this lock.
        self._changed = Condition()
        self.waiting = empty()
        """The batch that gathers. Touch it only inside of `with`."""
        self._idle = False
        self._stopping = False

    def __enter__(self) -> T:
        self._changed.acquire()
        return self.waiting

    def __exit__(self, *exception: object) -> None:
        if self._idle:  # To wake a thread costs the chat more than to add to a batch.
            self._changed.notify()
        self._changed.release()

    def start(self) -> None:
        """Start the thread. Call this once, after any fork."""
        self._thread = Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, late: Callable[[], None]) -> Deferred[None]:
        """Hand over what waits, then end the thread.

        The result fires when that is done. If it takes longer than GOODBYE seconds, `late` is
        called and the result fires all the same. It never fails. Before `start` it fires at once.
        """
        if self.join(0):
            return succeed(None)
        with self._changed:
            self._stopping = True
            self._changed.notify()

        def give_up(failure: Failure) -> None:
            failure.trap(TimeoutError)
            late()

        return self._done.addTimeout(GOODBYE, self._reactor).addErrback(give_up)

    def join(self, seconds: float) -> bool:
        """Wait at most `seconds` for the end of the thread; return whether no thread runs."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # The methods below run in the thread.

    def _run(self) -> None:
        try:
            self._work(self._batches())
        except Exception:
            failure = Failure()
            log = partial(_log.failure, "the thread {name} has failed", failure, name=self._name)
            self._reactor.callFromThread(log)
        self._reactor.callFromThread(self._done.callback, None)

    def _batches(self) -> Iterator[T]:
        stopping = False
        while not stopping:
            with self._changed:
                self._idle = True
                self._changed.wait_for(lambda: self.waiting or self._stopping)
                self._idle = False
                stopping = self._stopping
                batch, self.waiting = self.waiting, self._empty()
            began = monotonic()
            if batch:
                yield batch
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, began + self.pause - monotonic())
