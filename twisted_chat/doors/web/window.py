"""Frames that were sent and may not have been read: what a session goes on from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush

from twisted_chat.dialects.frames import EVENT, behind
from twisted_chat.limits import UNREAD, Limits


class Kept:
    """All that the windows of a door keep together: `limits.resume_bytes` at most.

    What many members share counts for each of them, so that less memory is used than is counted.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.size = 0
        self.pieces = 0
        """How many were ever kept: each has its number in that order."""
        self._windows: dict[Window, None] = {}

    def put(self, window: Window, size: int) -> None:
        """`window` keeps `size` bytes more."""
        self._windows[window] = None
        self.size += size
        if self.size > self.limits.resume_bytes:
            self._shorten()

    def take(self, window: Window, size: int) -> None:
        """`window` keeps `size` bytes less."""
        self.size -= size
        if not window.size:
            self._windows.pop(window, None)

    def _shorten(self) -> None:
        """Let the oldest go, and somewhat more than has to: this looks at all windows."""
        most = self.limits.resume_bytes - self.limits.resume_bytes // 8
        oldest = [(window.oldest, id(window), window) for window in self._windows]
        heapify(oldest)
        while self.size > most and oldest:
            _, _, window = heappop(oldest)
            window.drop()
            if window.size:
                heappush(oldest, (window.oldest, id(window), window))


class Window:
    """The frames of one session that its peer has not acknowledged. They are numbered from 0, which
    is its greeting; what was written before that has no number and is not kept.

    `lost` is called where one is dropped that the peer may not have.
    """

    __slots__ = (
        "_kept",
        "_lost",
        "_pieces",
        "acknowledged",
        "has_begun",
        "read",
        "sent",
        "size",
    )

    def __init__(self, kept: Kept, lost: Callable[[], None]) -> None:
        self._kept = kept
        self._lost = lost
        # None: nothing is kept. A deque for each idle member would be most of its memory.
        self._pieces: deque[tuple[int, int, bytes]] | None = None
        """The number of the last frame of each, its place in the order of all, and its frames."""
        self.size = 0
        self.restart()

    def restart(self) -> None:
        """Forget all: another greeting follows."""
        while self._pieces:
            self._take_first()
        self.has_begun = False
        self.acknowledged = -1
        """The number of the last frame that the peer says it has read; -1: it has said nothing."""
        self.sent = 0
        """The number of the last frame that was sent."""
        self.read = 0
        """That of the last one that is not kept: it is read, or dropped."""

    @property
    def is_whole(self) -> bool:
        """Whether the peer can go on from what it has acknowledged."""
        return self.read == self.acknowledged

    @property
    def oldest(self) -> int:
        """The place of its first piece among all that are kept."""
        assert self._pieces
        return self._pieces[0][1]

    def put(self, frames: bytes) -> None:
        """Keep `frames`, which are sent."""
        if not self.has_begun:
            start = frames.find(EVENT + b'"greeting"')
            if start < 0:
                return
            self.has_begun = True
            frames = behind(frames, frames.count(EVENT, 0, start) + 1)
            if not frames:
                return
        kept = self._kept
        self.sent += frames.count(EVENT)
        kept.pieces += 1
        if self._pieces is None:
            self._pieces = deque()
        self._pieces.append((self.sent, kept.pieces, frames))
        self.size += len(frames)
        kept.put(self, len(frames))
        most = kept.limits.backlog
        most = most if self.acknowledged >= 0 else min(most, UNREAD)
        while self.size > most:
            self.drop()

    def acknowledge(self, number: int) -> bool:
        """Forget all frames up to `number`. Return whether there is such a frame."""
        if not self.has_begun or not 0 <= number <= self.sent:
            return False
        self.acknowledged = max(self.acknowledged, number)
        while self._pieces and self._pieces[0][0] <= number:
            self._take_first()
        if not self._pieces:
            self._pieces = None
        self.read = max(self.read, number)
        return True

    def has_all_after(self, number: int) -> bool:
        """Return whether all frames after `number` are kept, and that one was sent."""
        return self.has_begun and self.read <= number <= self.sent

    def after(self, number: int) -> Iterator[bytes]:
        """Yield all frames after `number`, in pieces."""
        for last, _, frames in self._pieces or ():
            first = last + 1 - frames.count(EVENT)
            if number < last:
                yield behind(frames, number + 1 - first) if first <= number else frames

    def drop(self) -> None:
        """Keep the oldest piece no longer."""
        assert self._pieces
        self.read = self._pieces[0][0]
        self._take_first()
        self._lost()

    def _take_first(self) -> None:
        assert self._pieces
        size = len(self._pieces.popleft()[2])
        self.size -= size
        self._kept.take(self, size)
