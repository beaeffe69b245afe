"""Where the parts meet. No logic here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from twisted_chat.events import Decision, Emoted, Event, Left, Role, Rules, Said
from twisted_chat.journal.registrations import Registration
from twisted_chat.journal.sanctions import Sanction
from twisted_chat.networks import Host


class IDialect(Interface):
    """How a door writes events."""

    def render(event: Event) -> bytes:
        """`event` as this door's peers read it, whole: a line with its end, a frame."""


class IOutbox(Interface):
    """A member's way out: ordered, bounded, never blocking."""

    def write(data: bytes) -> None:
        """Send `data` after all that was written before. On a closed outbox: nothing."""

    def write_pieces(pieces: Sequence[bytes | memoryview]) -> None:
        """The same for all `pieces` together: at least one, and as few writes as can be."""

    def close() -> None:
        """Send what waits, for GOODBYE seconds at most, then end the connection. Idempotent."""


class ITranscript(Interface):
    """The daemon's own record of what happened, in the line format."""

    def write(lines: bytes) -> None:
        """Record whole lines. Never blocks and never raises."""

    def reopen() -> None:
        """Open the file again, if it is one: it has been moved away. Never blocks nor raises."""

    def start() -> None:
        """Called once, when the process has got its final shape (after any fork)."""

    def stop() -> Deferred[None]:
        """Flush. Fires when all that can be written is written; never fails."""


class IAuthor(Interface):
    """A member that asks a journal for something, as the journal sees it."""

    idle = Attribute("float: seconds since it last sent a line")
    origin = Attribute("str: what counts as one address with it wherever each has a share")


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to know of a member. `idle`: seconds since it last sent a line. `away`: why it
    does not listen; None: it does. `role`: what its name gives it the right to.
    """

    name: str
    room: str
    idle: float
    away: str | None
    role: Role
    host: Host


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """What there is to know of a room. `count`: members in it."""

    name: str
    count: int
    rules: Rules


class IJournal(Interface):
    """Puts what is asked in one order, and decides what must hold for the whole chat: names,
    counts, rooms, registrations, bans, topics.

    What comes of a request is handed to the follower, in the order that all members see: at once in
    a journal that one process holds, later in a shared one. Requests that can be refused return a
    Deferred, which fires when that is decided and the follower has got it, and fails with a Refusal
    if it is not done, also because the author is gone by then.
    `author` is the member that asks; the journal hands it back untouched. `by` is the name of the
    operator who asks. Rooms and people are called by any name that looks like theirs.
    """

    lasting = Attribute("bool: whether what it decides outlasts the process")

    def follow(follower: Callable[[str, object, Decision], None]) -> None:
        """Call `follower(room, author, decision)` for each decision from now on."""

    # What members do.

    def enter(author: object, name: str, host: Host) -> None:
        """Ask for an Entered in the lobby. It bears `name`, or one like it where that is taken."""

    def leave(author: object, event: Left) -> None:
        """Ask for this Left; the journal puts the true name and count in."""

    def say(author: IAuthor, room: str, event: Said | Emoted) -> None:
        """Ask for this to be said in `room`, and kept in its history."""

    def rename(author: object, name: str) -> Deferred[None]:
        """Ask for a Renamed to `name`, a good one."""

    def move(author: object, room: str) -> Deferred[None]:
        """Ask for a Moved to `room`, as somebody wrote it, with or without #. It comes to be if it
        is not there, and fails with BadName then if no new room may be called so.
        """

    def tell(author: object, receiver: str, text: str) -> Deferred[Seen]:
        """Tell `text` to the member called `receiver`. Fires with that member as it was before."""

    def set_away(author: object, why: str | None) -> Deferred[None]:
        """`author` does not listen, or does again: nobody is told until they ask."""

    def set_topic(author: object, topic: str) -> Deferred[None]:
        """Write `topic` (MAX_TOPIC characters at most), or nothing, over the room of `author`."""

    # What members see.

    def who(room: str | None) -> Deferred[list[Seen]]:
        """All members in `room` (None: in all), in the order in which they entered; refused if
        there is no such room.
        """

    def find(name: str) -> Deferred[Seen]:
        """Whoever bears `name`; refused if nobody does."""

    def rooms() -> Deferred[list[RoomSeen]]:
        """The rooms that somebody is in, and the lobby; the fullest first."""

    def room(name: str) -> Deferred[RoomSeen]:
        """Return the room called `name`, empty or not; refused if there is no such room."""

    def history(room: str, count: int) -> Deferred[Sequence[tuple[float, Said | Emoted]]]:
        """The last `count` lines of `room`, the oldest first, each with its Unix time; refused if
        there is no such room. Lazy: iterate in reverse and stop early; the rest is never made.
        """

    # Names that belong to somebody.

    def registration(name: str) -> Deferred[Registration | None]:
        """Whether `name` belongs to somebody, and what proves it."""

    def may_register(author: object) -> Deferred[None]:
        """Whether `register` would be done now; it costs nothing, and a digest does."""

    def register(author: object, digest: str) -> Deferred[None]:
        """Let the present name of `author` belong to whoever knows the passphrase of `digest`."""

    def unregister(author: object) -> Deferred[None]:
        """Let the name of `author`, who owns it, belong to nobody."""

    def log_in(author: object, registration: Registration) -> Deferred[Registration]:
        """Give `author`, who has proved to own it, the registered name; another bearer loses
        it.

        Fires with the registration as it was before: what its owner is to know. Refused if its
        passphrase has expired.
        """

    def note_wrong(author: IAuthor, registration: Registration) -> Deferred[None]:
        """`author` has tried a wrong passphrase for the registered name: its owner is told of it at
        the next login.
        """

    # What operators do.

    def closed_to(host: Host) -> str | None:
        """Why nobody may come in from `host` just now, and until when; None: come in. At once, from
        what this process knows.
        """

    def announce(by: str, room: str | None, text: str) -> Deferred[None]:
        """Say `text` to all in `room` (None: in all rooms) as the daemon's own words."""

    def kick(by: str, name: str, why: str) -> Deferred[None]:
        """Put out whoever bears `name`."""

    def ban(by: str, whom: str, seconds: int, why: str, spare: Host) -> Deferred[int]:
        """Put out and keep out `whom`, a name or a network, for `seconds` (0: until it is undone);
        how many were put out. Refused where it would hit `spare`, the host of who asks.
        """

    def unban(by: str, whom: str) -> Deferred[None]:
        """Undo the ban of just `whom`."""

    def bans() -> Deferred[list[Sanction]]:
        """All bans in force, the newest first."""

    def mute(by: str, whom: str, seconds: int) -> Deferred[None]:
        """Let nobody hear `whom`, a name or a network, for `seconds` (0: until it is undone)."""

    def mutes() -> Deferred[list[Sanction]]:
        """All mutes in force, the newest first."""

    def unmute(by: str, whom: str) -> Deferred[None]:
        """Undo the mute of just `whom`."""

    def slow(by: str, room: str, seconds: int) -> Deferred[None]:
        """Let each member say one line in `seconds` in `room`; 0: as many as it likes."""

    def lock(by: str, room: str, locked: bool) -> Deferred[None]:
        """Let nobody new into `room`, or everybody again."""

    def set_topic_of(by: str, room: str, topic: str) -> Deferred[None]:
        """As set_topic, over `room`, and told in the audit file."""

    def set_operator(by: str, name: str, operator: bool) -> Deferred[None]:
        """Make the owner of `name` an operator, or no longer."""

    def registrations() -> Deferred[list[tuple[Registration, Registration | None]]]:
        """Return the registrations of all names, by name, each with the older one because of which
        its owner cannot log in, or None.
        """

    def release(by: str, name: str) -> Deferred[None]:
        """Let `name` belong to nobody, and not count among those that were registered today.
        Whoever bears it is told, keeps it and is a guest.
        """

    def reset(by: str, name: str, digest: str) -> Deferred[Registration]:
        """Let the owner of `name` prove it by what `digest` was made from alone, for RESET_LASTS
        seconds. Whoever bears the name loses it. Fires with its registration.
        """
