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

    It exists only while a member is in it: what outlasts that is the journal's. `seats`: how many
    members have not left it. They include those that get nothing more to read there.
    """

    __slots__ = ("alone", "dialects", "members", "name", "overlaps", "seats")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[Member, None] = {}
        self.dialects: dict[IDialect, int] = {}
        """How many of its members are written to in each dialect."""
        self.seats = 0
        self.alone: Mapping[Room, None] = {self: None}
        """The `rooms` of each member that is in this room alone: all share one mapping."""
        self.overlaps = False
        """Whether some members may be in another room too."""

    def gain(self, dialect: IDialect) -> None:
        """Note that one more of its members reads `dialect`."""
        self.dialects[dialect] = self.dialects.get(dialect, 0) + 1

    def lose(self, dialect: IDialect) -> None:
        """Note that one member less of it reads `dialect`."""
        self.dialects[dialect] -= 1
        if not self.dialects[dialect]:
            del self.dialects[dialect]

    @property
    def lead(self) -> str:
        """The lead of its lines in the transcript. Lines of the lobby have none."""
        return "" if self.name == LOBBY else f"#{self.name} "


_NOWHERE: Mapping[Room, None] = {}

FROM_NOW_ON: Mapping[str, str] = {}
"""The `since` of a member that goes on nowhere."""


class _Read:
    """Slots that a delivery reads, next to each other in memory."""

    __slots__ = ("dialect", "id", "leaving", "meter", "name", "outbox", "room", "rooms")


@implementer(IReader)
class Member(_Read):
    """One connection in the chat: its name, its way out, the dialect in which it reads, and the
    meter that charges it. What the whole chat knows of it is the journal's.

    `id`: its id as an author; empty until it has asked to arrive. `name`: the default name until
    the member is in the chat, then the name that the journal granted. `rooms`: the rooms that it is
    in. `room`: the name of the first that it joined; empty if it is in no room. `door`: the way by
    which it came in. `host`: its address. `origin`: all members of one origin have one share.
    `refs`: the numbers of its requests that are not answered yet, in their order, 0 for one without
    a number; None if it gives them no numbers, and does not read what it says itself. `token`: by
    which it goes on over another connection; empty if it cannot.
    `is_greeted`: it has been in a room. `leaving`: its Left has been asked for, and no further line
    of it is taken. `dialect` is only changed by `switch`.

    `began`: the number of the event by which it entered its room, if it was told as a newcomer what
    was said there before; otherwise 0.

    `since`: where it goes on reading in the rooms that it is about to enter: by their keys (see
    names.key) the id of the last line that it has of each, or "" if it has none and is to be told
    what newcomers are. A door sets it just before the member arrives or runs `join`, which uses it
    up.
    """

    __slots__ = ("began", "door", "host", "is_greeted", "origin", "since")

    refs: list[int] | None = None
    token: str = ""
    """A class of members that have them has slots for these two."""

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
        """Add `room` to its rooms."""
        room.gain(self.dialect)
        if not self.rooms:
            self.room = room.name
            self.rooms = room.alone
        else:
            self.rooms = {**self.rooms, room: None}

    def part(self, room: Room) -> None:
        """Take `room` out of its rooms."""
        room.lose(self.dialect)
        rooms = {each: None for each in self.rooms if each is not room}
        self.rooms = rooms or _NOWHERE
        self.room = next(iter(rooms)).name if rooms else ""

    def part_all(self) -> None:
        """Take all rooms out of its rooms."""
        for room in self.rooms:
            room.lose(self.dialect)
        self.rooms = _NOWHERE
        self.room = ""

    def switch(self, dialect: IDialect) -> None:
        """Be written to in `dialect`. What waits in a pending turn comes in either: flush it
        first.
        """
        for room in self.rooms:
            room.lose(self.dialect)
            room.gain(dialect)
        self.dialect = dialect

    @property
    def idle(self) -> float:
        """Seconds since the member last sent something."""
        return self.meter.idle
