"""Where the parts meet. No logic here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from twisted_chat.events import Event, OwnEvent, Retold, RoomEvent
from twisted_chat.names import Name
from twisted_chat.networks import Host
from twisted_chat.records import Registration, Role, RoomSeen, Rules, Sanction, Seen
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Request


class IReader(Interface):
    """A member, as a dialect sees it that writes an event for it alone."""

    name = Attribute("str: what it is called")
    token = Attribute("str: what it goes on by on another connection; empty: it cannot")


class IDialect(Interface):
    """Writes events for a door: whole, each a line with its end or a frame. It writes nothing if
    the peers of the door do not read of an event.
    """

    def render(event: Event, room: str) -> bytes:
        """Return `event` as all who are in `room` read it."""

    def render_to(event: Event, reader: IReader) -> bytes:
        """Return `event` as `reader` alone is told it."""


class IOutbox(Interface):
    """A member's way out: ordered, bounded, never blocking."""

    def write(data: bytes) -> None:
        """Send `data` after all that was written before. On a closed outbox: nothing."""

    def write_pieces(pieces: Sequence[bytes | memoryview]) -> None:
        """Do the same for all `pieces` together, of which there is at least one, in few writes."""

    def close() -> None:
        """Send what waits, for GOODBYE seconds at most, then end the connection. Idempotent."""


class ICertificate(Interface):
    """The certificate by which the daemon is known over TLS."""

    ends = Attribute("float: when it expires, in Unix time")

    def warning(now: float) -> str:
        """Return what to tell the administrator at `now` (Unix time), in one line; "": nothing."""


class IPrivate(Interface):
    """A transport on whose way nobody can read along, although it does not speak TLS itself."""


class ITranscript(Interface):
    """The daemon's own record of what happened, in the line format."""

    def write(lines: bytes) -> None:
        """Record whole lines. Never blocks and never raises."""

    def reopen() -> None:
        """Open the file again, if it is one: it has been moved away. Never blocks nor raises."""

    def start() -> None:
        """Begin. Called once, when the process has got its final shape (after any fork)."""

    def stop() -> Deferred[None]:
        """Flush. Fires when all that can be written is written; never fails."""


class IView(Interface):
    """What can be seen of the chat, as this process knows it, at once. A look changes nothing, and
    fails only where that is said.

    Rooms and people can be called by any name that looks like theirs. `author` is the id of a
    member.
    """

    now = Attribute("Callable[[], float]: the journal's time, in Unix time")

    def role(author: str) -> Role:
        """Return the role of a member. One that is not here is a GUEST."""

    def muted(author: str) -> bool:
        """Return whether nobody hears a member."""

    def ignored(author: str) -> list[str]:
        """Return the names that a member does not want to hear, sorted."""

    def who(room: Name | None) -> list[Seen]:
        """Return all members in `room` (None: in all), in the order in which they entered. Raises
        Refusal if there is no such room.
        """

    def find(name: Name) -> Seen:
        """Return the member that bears `name`. Raises Refusal if there is none."""

    def rooms() -> list[RoomSeen]:
        """Return the rooms that somebody is in, those where something is set, and the lobby; the
        fullest first.
        """

    def room(name: Name) -> RoomSeen:
        """Return the room called `name`, empty or not. Raises Refusal if there is none."""

    def rules(room: str) -> Rules:
        """Return what holds in the room with exactly this name. Raises Refusal if there is none."""

    def history(room: Name, count: int, end: int = ...) -> Sequence[Retold]:
        """Return the last `count` lines of `room`, the oldest first: of those that were said before
        the event with the number `end`, if that is given. Raises Refusal if there is no such room.
        Lazy: iterate in reverse and stop early; the rest is never made.
        """

    def history_after(room: Name, id: str, count: int) -> tuple[bool, Sequence[Retold]]:
        """Return whether the line with this id is still known, and the last `count` lines of `room`
        that came after it; all there are if it is not known. Raises Refusal if there is no such
        room.
        """

    def history_before(room: Name, id: str, count: int) -> tuple[bool, Sequence[Retold]]:
        """Return whether it is known where in `room` the line with this id stood, and the last
        `count` lines before it; none if it is not known. Raises Refusal if there is no such room.
        """

    def registration(name: Name) -> Registration | None:
        """Return the registration of `name`, or None if it belongs to nobody."""

    def token_owner(digest: str) -> Registration | None:
        """Return whose the token of `digest` is; None: nobody's."""

    def registrations() -> list[tuple[Registration, Registration | None]]:
        """Return the registrations of all names, by name, each with the older one because of which
        its owner cannot log in, or None.
        """

    def check_register(author: str) -> None:
        """Raise the Refusal that a Register by this member would meet at this moment. Ask before
        you make a digest, which costs much.
        """

    def bans() -> list[Sanction]:
        """Return all bans in force, the newest first."""

    def mutes() -> list[Sanction]:
        """Return all mutes in force, the newest first."""

    def said() -> int:
        """Return how many lines were said in all rooms together since the journal began."""

    def closed_to(host: Host) -> Refusal | None:
        """Return why nobody may come in from `host` just now, and until when; None: come in."""


class IFollower(Interface):
    """Hears all that a journal decides, in order."""

    def happened(event: RoomEvent, author: str | None, deaf: Collection[str]) -> None:
        """Take `event`, which happened in its room or rooms, for all nodes. `author`: the member
        that it is about, if any. Members in `deaf` do not want to hear it.
        """

    def told(reader: str, event: OwnEvent) -> None:
        """Take `event`, which the member `reader` is told, on whichever node it is."""


class IJournal(Interface):
    """Puts requests in one order, and decides all that must hold for the whole chat.

    What comes of a request is handed to the follower, in the order in which all members see it. A
    journal of one process hands it over at once, a shared one later. `author` is the id of the
    member that asks. What is asked while the follower hears of something is decided after that.
    """

    node = Attribute("str: what leads the ids of this process's members; nobody else has it")
    lasting = Attribute("bool: whether what it decides outlasts the process")
    view = Attribute("IView: what can be seen of what was decided")

    def follow(follower: IFollower) -> None:
        """Tell `follower` of each decision from here on."""

    def ask(author: str, request: Request) -> Deferred[Any]:
        """Ask for `request`. Return what fires with the answer when it is decided and the follower
        was told. It fails with a Refusal if the request is not done.
        """

    def say(author: str, room: str, text: str) -> Deferred[None] | None:
        """Ask for a Say. If it is refused, the member is told. Return None if more may be said at
        once, or what fires when less is under way.
        """

    def settled(author: str) -> Deferred[None] | None:
        """Return what fires when all that `author` has asked is applied; None: it is. Whoever
        cancels it goes on at once: it never fails.
        """

    def stop() -> None:
        """Order nothing more of its own accord."""
