"""What a journal keeps over restarts, and where: the seam between deciding and writing down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, succeed
from zope.interface import Attribute, Interface, implementer

from twisted_chat.events import Emoted, Said

Document = Mapping[str, object]
"""What JSON can hold, by name."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was said in a room. `number`: higher than that of all lines before it, in every room.
    `time`: Unix time. A Said may hold several lines.
    """

    number: int
    time: float
    event: Said | Emoted


@dataclass
class Stored:
    """All that was kept: documents by kind and key, lines by room, in their order."""

    documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)


class IStore(Interface):
    """Keeps what a journal decided. Nothing here but `load` blocks, and nothing raises: what cannot
    be written is retried, and whoever `watch`es is told.
    """

    lasting = Attribute("bool: whether what is kept outlasts the process")

    def load() -> Stored:
        """All that was kept before. To be called once, first, before any fork."""

    def start() -> None:
        """Called once, when the process has got its final shape (after any fork)."""

    def watch(trouble: Callable[[str], None]) -> None:
        """Call `trouble(text)` when writing begins to fail, and when it works again."""

    def put(kind: str, key: str, document: Document | None) -> None:
        """Keep `document` in place of what was kept for `kind` and `key`; None: nothing."""

    def add(room: str, line: Line) -> None:
        """Keep `line` of `room`."""

    def drop(room: str, number: int) -> None:
        """Keep no line of `room` any more that is numbered `number` or lower."""

    def audit(entry: str) -> None:
        """Append `entry`, one line without its end, to what can only be appended to."""

    def stop() -> Deferred[None]:
        """Write what waits. Fires when all that can be written is written; never fails."""


@implementer(IStore)
class NoStore:
    """Keeps nothing: without `--state` the chat is as old as its process."""

    lasting = False

    def load(self) -> Stored:
        return Stored()

    def start(self) -> None:
        pass

    def watch(self, trouble: Callable[[str], None]) -> None:
        pass

    def put(self, kind: str, key: str, document: Document | None) -> None:
        pass

    def add(self, room: str, line: Line) -> None:
        pass

    def drop(self, room: str, number: int) -> None:
        pass

    def audit(self, entry: str) -> None:
        pass

    def stop(self) -> Deferred[None]:
        return succeed(None)
