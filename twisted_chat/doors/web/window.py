"""Frames that were sent and may not have been read: what a session goes on from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache

from twisted_chat.dialects.frames import EVENT, behind
from twisted_chat.limits import UNREAD, Limits

_LARGE = 1024
"""Bytes of a piece from which on it is quicker to look up how many frames it has."""


@lru_cache(maxsize=32)
def _count(piece: bytes) -> int:
    """Return the number of frames in `piece`, which many members have."""
    return piece.count(EVENT)


class Kept:
    """All that the windows of a door keep together: `limits.resume_bytes` at most.

    What many members share counts for each of them, so that less memory is used than is counted.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.size = 0
        self._windows: dict[Window, None] = {}
        """Those that keep something. The first has had nothing acknowledged for longest."""

    def begin(self, window: Window) -> None:
        """All that `window` keeps is newer than what others keep."""
        self._windows.pop(window, None)
        self._windows[window] = None

    def end(self, window: Window) -> None:
        """`window` keeps nothing any more."""
        self._windows.pop(window, None)

    def shorten(self) -> None:
        """Let the oldest go until all that is kept is no more than may be."""
        while self.size > self.limits.resume_bytes:
            next(iter(self._windows)).drop()


class Window:
    """The frames of one session that its peer has not acknowledged. They are numbered from 0, which
    is its greeting; what was written before that has no number and is not kept.

    Frames are kept as they were written, several in a piece that members share, and counted when
    somebody asks: to keep one costs next to nothing.

    `lost` is called where one is dropped that the peer may not have.
    """

    __slots__ = ("_base", "_kept", "_lost", "_pieces", "acknowledged", "has_begun", "size")

    def __init__(self, kept: Kept, lost: Callable[[], None]) -> None:
        self._kept = kept
        self._lost = lost
        # None: nothing is kept. A deque for each idle member would be most of its memory.
        self._pieces: deque[bytes] | None = None
        self.size = 0
        self._base = 0
        """The number of the last frame before those that are kept."""
        self.restart()

    def restart(self) -> None:
        """Forget all: another greeting follows."""
        self._forget(len(self._pieces or ()), 0)
        self.has_begun = False
        self.acknowledged = -1
        """The number of the last frame that the peer says it has read; -1: it has said nothing."""

    @property
    def read(self) -> int:
        """The number of the last frame that the peer has read, or that is not kept."""
        return max(self._base, self.acknowledged)

    @property
    def sent(self) -> int:
        """The number of the last frame that was sent."""
        return self._base + sum(piece.count(EVENT) for piece in self._pieces or ())

    @property
    def is_whole(self) -> bool:
        """Whether the peer can go on from what it has acknowledged."""
        return self.read == self.acknowledged

    def put(self, frames: bytes) -> None:
        """Keep `frames`, which are sent."""
        if not self.has_begun and not (frames := self._begin(frames)):
            return
        kept = self._kept
        if self._pieces is None:
            self._pieces = deque()
            kept.begin(self)
        self._pieces.append(frames)
        size = len(frames)
        self.size += size
        kept.size += size
        limits = kept.limits
        if kept.size > limits.resume_bytes:
            kept.shorten()
        while self.size > limits.backlog or (self.acknowledged < 0 and self.size > UNREAD):
            self.drop()

    def _begin(self, frames: bytes) -> bytes:
        """Return what of `frames` comes behind the greeting, if that is in it."""
        start = frames.find(EVENT + b'"greeting"')
        if start < 0:
            return b""
        self.has_begun = True
        return behind(frames, frames.count(EVENT, 0, start) + 1)

    def acknowledge(self, number: int) -> bool:
        """Forget all frames up to `number`. Return whether there is such a frame."""
        if not self.has_begun or number < 0:
            return False
        last, base, count = self._base, self._base, 0
        for piece in self._pieces or ():
            if last >= number:
                break
            last += piece.count(EVENT) if len(piece) < _LARGE else _count(piece)
            if last <= number:
                base, count = last, count + 1
        if last < number:
            return False
        self._forget(count, base)
        self.acknowledged = max(self.acknowledged, number)
        if self._pieces is not None:
            self._kept.begin(self)
        return True

    def has_all_after(self, number: int) -> bool:
        """Return whether all frames after `number` are kept, and that one was sent."""
        return self.has_begun and self.read <= number <= self.sent

    def after(self, number: int) -> Iterator[bytes]:
        """Yield all frames after `number`, in pieces."""
        last = self._base
        for frames in self._pieces or ():
            first, last = last + 1, last + frames.count(EVENT)
            if number < last:
                yield behind(frames, number + 1 - first) if first <= number else frames

    def drop(self) -> None:
        """Keep the oldest piece no longer."""
        assert self._pieces
        self._forget(1, self._base + self._pieces[0].count(EVENT))
        self._lost()

    def _forget(self, count: int, base: int) -> None:
        """Forget the first `count` pieces. `base`: the number of the last frame in them."""
        self._base = base
        pieces = self._pieces
        size = 0
        for _ in range(count):
            assert pieces is not None
            size += len(pieces.popleft())
        self.size -= size
        self._kept.size -= size
        if pieces is not None and not pieces:
            self._pieces = None
            self._kept.end(self)
