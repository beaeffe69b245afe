"""What happened: immutable values that know nothing of doors or formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

LOBBY = "lobby"
"""The room that everybody enters first."""

YOU = "you"
"""Stands for the reader in an event of its own. Nobody can bear that name."""


class Reason(Enum):
    """Why the daemon put a member out. The value is the text of its Left line."""

    NOT_A_CHAT_CLIENT = "not a chat client"
    TOO_SLOW = "too slow to read"
    DOOR_FAILED = "its connection failed"
    KICKED = "kicked"
    BANNED = "banned"


@dataclass(frozen=True, slots=True)
class Greeting:
    """A newcomer's own first event in a room. `count`: members in it, the newcomer included."""

    count: int


@dataclass(frozen=True, slots=True)
class Entered:
    """`name` is in the room now. `count`: members just after it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Said:
    """`name` said `text`: a line, or several that were said at once, joined by LF."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Emoted:
    """`name` does `text`, one line: told in the third person to all, the author too."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Left:
    """`name` is gone from the room. `count`: members just after it.

    `words`: its own farewell, if any. `reason`: why the daemon or an operator put it out.
    """

    name: str
    count: int
    words: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Renamed:
    """`old` is called `new` from here on. To the renamed itself `old` is YOU."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Told:
    """`sender` said `text` to `receiver` alone. To each of the two, it is YOU itself."""

    sender: str
    receiver: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The daemon's own words: an answer, the message of the day.

    Somebody's words stand only at the end, after a lead that names whose they are. `record`: the
    same for programs, where it is more than words.
    """

    text: str
    record: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What was wrong with what a member asked, and what to do. Only that member gets it."""

    text: str


Event = Greeting | Entered | Said | Emoted | Left | Renamed | Told | Notice | Refused
"""What members get to read."""


class Role(IntEnum):
    """What a name gives its bearer the right to; a higher one has all rights of the lower ones."""

    GUEST = 0
    REGISTERED = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member may do from here on. `muted_until`: Unix time; 0: it may speak."""

    role: Role = Role.GUEST
    muted_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in a room from here on.

    `slow`: seconds between two lines of one member. `locked`: nobody new may come in.
    `topic`: what `topic_by` wrote over it.
    """

    slow: int = 0
    locked: bool = False
    topic: str = ""
    topic_by: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """`name` went from the room `origin`, where `left` members are now, to another, where `count`
    are now: a Left there and an Entered here.
    """

    name: str
    origin: str
    left: int
    count: int


@dataclass(frozen=True, slots=True)
class Acted:
    """An operator did something, which the other operators and the audit file are told.

    `time`: Unix time. `who` did `what` (a command's name) to `whom` (a name, a network, a room).
    `seconds`: for how long; 0: until it is undone, or at once. `text` tells all of it. `room`: all
    who are in it are told, besides the operators; empty: none. `address`: where the bearer of the
    name `whom` came from; empty: nobody bore it, or `whom` is no name.
    """

    time: float
    who: str
    what: str
    whom: str
    seconds: int
    why: str
    text: str
    room: str = ""
    address: str = ""


Decision = Event | Standing | Rules | Moved | Acted
"""What a journal hands to those who follow it: events, and what only the chat itself reads."""
