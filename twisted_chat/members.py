"""Who of this process is in the chat: its members, and the rooms that they are in."""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.events import LOBBY
from twisted_chat.flood import Meter
from twisted_chat.interfaces import IDialect, IOutbox, IReader
from twisted_chat.networks import LOCAL, Host


class Room:
    """The members of this process that are in a room, in the order in which they entered.

    There is one only while a member is in it: what outlasts that is the journal's. `seats`: how
    many have not left it, with those that hear of nothing there any more.
    """

    __slots__ = ("alone", "members", "name", "overlaps", "seats")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[Member, None] = {}
        self.seats = 0
        self.alone: Mapping[Room, None] = {self: None}
        """The rooms of each member that is in this one alone: one mapping for all of them."""
        self.overlaps = False
        """Whether some of them may be in another room too."""

    @property
    def lead(self) -> str:
        """What leads its lines in the transcript; those of the lobby stand bare."""
        return "" if self.name == LOBBY else f"#{self.name} "


_NOWHERE: Mapping[Room, None] = {}

FROM_NOW_ON: Mapping[str, str] = {}
"""The `since` of a member that goes on nowhere."""


class _Read:
    """Slots that a delivery reads, next to each other in memory."""

    __slots__ = ("dialect", "id", "leaving", "meter", "name", "outbox", "room", "rooms")


@implementer(IReader)
class Member(_Read):
    """One connection in the chat: its name, its way out, the dialect it is written to in, and what
    counts its share of the daemon's time. What the whole chat knows of it is the journal's.

    `id`: what stands for it as an author; empty until it has asked to arrive. `name`: as asked for
    until the member is in the chat, then as the journal granted it. `rooms`: where it is; `room`:
    the name of the one of them that it joined first, empty if it is in none. `door`: where it came
    in; `host`: from where; `origin`: what counts as one address with it wherever each has a share.
    `is_greeted`: it has been in a room. `leaving`: its Left has been asked for, and no further line
    of it is taken.

    `began`: the number of the event by which it entered its room, if it was told as a newcomer what
    was said there before; otherwise 0.

    `since`: where it goes on reading in the rooms that it is about to enter: by their keys (see
    names.key) the id of the last line that it has of each, or "" if it has none and is to be told
    what newcomers are. A door sets it just before the member arrives or runs `join`, which uses it
    up.
    """

    __slots__ = ("began", "door", "host", "is_greeted", "origin", "since")

    def __init__(
        self,
        name: str,
        outbox: IOutbox,
        dialect: IDialect,
        meter: Meter,
        door: Door = Door.LINE,
        host: Host = None,
        origin: str = LOCAL,
    ) -> None:
        self.id = ""
        self.name = name
        self.outbox = outbox
        self.dialect = dialect
        self.meter = meter
        self.door = door
        self.host = host
        self.origin = origin
        self.rooms: Mapping[Room, None] = _NOWHERE
        self.room = ""
        self.is_greeted = False
        self.began = 0
        self.since = FROM_NOW_ON
        self.leaving = False

    def join(self, room: Room) -> None:
        """Be in `room` too."""
        if not self.rooms:
            self.room = room.name
            self.rooms = room.alone
        else:
            self.rooms = {**self.rooms, room: None}

    def part(self, room: Room) -> None:
        """Be in `room` no longer."""
        rooms = {each: None for each in self.rooms if each is not room}
        self.rooms = rooms or _NOWHERE
        self.room = next(iter(rooms)).name if rooms else ""

    def part_all(self) -> None:
        """Be in no room any more."""
        self.rooms = _NOWHERE
        self.room = ""

    @property
    def idle(self) -> float:
        """Seconds since it last sent something."""
        return self.meter.idle
