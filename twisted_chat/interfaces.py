"""Where the parts meet. No logic here."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Interface

from twisted_chat.events import Event, Left, Said


class IDialect(Interface):
    """How a door writes events."""

    def render(event: Event) -> bytes:
        """`event` as this door's peers read it, whole: a line with its end, a frame."""


class IOutbox(Interface):
    """A member's way out: ordered, bounded, never blocking."""

    def write(data: bytes) -> None:
        """Send `data` after all that was written before. On a closed outbox: nothing."""

    def close() -> None:
        """Send what waits, for GOODBYE seconds at most, then end the connection. Idempotent."""


class ITranscript(Interface):
    """The daemon's own record of what happened, in the line format."""

    def write(lines: bytes) -> None:
        """Record whole lines. Never blocks and never raises."""

    def start() -> None:
        """Called once, when the process has got its final shape (after any fork)."""

    def stop() -> Deferred[None]:
        """Flush. Fires when all that can be written is written; never fails."""


class IJournal(Interface):
    """Puts what is asked of the room in one order, and decides what must hold for the whole chat.

    Each request ends in a call of the follower with the author and the event that came of it, in
    the order that all members see: at once in a journal that one process holds, later in a shared
    one. `author` is the member that asked; the journal hands it back untouched.
    """

    def follow(follower: Callable[[object, Event], None]) -> None:
        """Call `follower(author, event)` for each event from now on."""

    def enter(author: object, name: str) -> None:
        """Ask for an Entered. It bears `name`, or one like it where that is taken."""

    def say(author: object, event: Said) -> None:
        """Ask for this Said."""

    def leave(author: object, event: Left) -> None:
        """Ask for this Left; the journal puts the true count in."""

    def names() -> Deferred[list[str]]:
        """The names of all members, in the order in which they entered."""
