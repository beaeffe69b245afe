"""What happened: values that know nothing of doors or of words on a screen.

An event is not changed after it was made. (It is not frozen: that takes four times as long to make,
and one is made for each line that is said.)

Events that the journal decided tell in which `room` they happened, and when: `time` is Unix time,
the same for all readers. `era` and `number` make the `id`. Events that answer one reader without a
decision (Greeting, Motd, Notice, Refused, …) have no time and no id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from twisted_chat.records import Role
from twisted_chat.refusal import Kind

LOBBY = "lobby"
"""The room that everybody enters first."""

YOU = "you"
"""Stands for the reader in an event of its own. Nobody can bear that name."""


class Reason(Enum):
    """Why the daemon or an operator put a member out, as it stands in `reason` of the events."""

    NOT_A_CHAT_CLIENT = "not a chat client"
    TOO_SLOW = "too slow to read"
    DOOR_FAILED = "its connection failed"
    KICKED = "kicked"
    BANNED = "banned"


class _Decided:
    """An event that the journal decided. Each class has the fields `time`, `era` and `number`
    itself: inherited ones would come first, and take longer to make.
    """

    __slots__ = ()
    era: str
    number: int

    @property
    def id(self) -> str:
        """The id of this event, and of no other one ever: opaque ASCII of at most 40 characters.
        Ids are looked up and never compared. Empty if the journal gave none.
        """
        return f"{self.era}-{self.number}" if self.era else ""


# What happens in a room: all its members read it.


@dataclass(slots=True)
class Entered(_Decided):
    """`name` is in the room. `count`: its members just after that."""

    name: str
    count: int
    room: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Said(_Decided):
    """`name` said `text`: a line, or several that were said at once, joined by LF. `number` is that
    of the first line; the others follow.
    """

    name: str
    text: str
    room: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Emoted(_Decided):
    """`name` does `text`, one line. It is told in the third person to all, the author too."""

    name: str
    text: str
    room: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Left(_Decided):
    """`name` is gone from the chat, and from all its rooms. `counts`: the members of each room just
    after that. It happened in all these rooms. A member that is in several of them reads it once.

    `words`: its own farewell, if any. `reason`: if it was put out, the value of a Reason. `by`: the
    operator that put it out, if one did, and `why`, in the operator's words.
    """

    name: str
    counts: Mapping[str, int]
    words: str = ""
    reason: str = ""
    by: str = ""
    why: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Parted(_Decided):
    """`name` is gone from one room and stays in the chat. `count`: the members of the room just
    after that.

    `words`, `reason`, `by` and `why`: as of Left.
    """

    name: str
    count: int
    room: str = ""
    words: str = ""
    reason: str = ""
    by: str = ""
    why: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Renamed(_Decided):
    """`old` is called `new` from here on. For the renamed member itself `old` is YOU. `rooms`: the
    rooms in which it is. A member that is in several of them reads it once.
    """

    old: str
    new: str
    rooms: tuple[str, ...] = ()
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Topic(_Decided):
    """`by` wrote `topic` over the room; an empty one takes the topic away. A newcomer is told the
    topic that is set, without a time.
    """

    room: str
    topic: str
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Slowed(_Decided):
    """`by` lets each member say one line in `seconds` in the room; 0: as many as it likes."""

    room: str
    seconds: int
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Locked(_Decided):
    """`by` lets nobody new into the room, or if it is not `locked`, everybody again."""

    room: str
    locked: bool
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Announced(_Decided):
    """`by`, the daemon's owner, tells `text` to all in the room."""

    room: str
    by: str
    text: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Forgotten(_Decided):
    """`by` took the lines with these `ids` out of the history of the room."""

    room: str
    ids: tuple[str, ...]
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


# What the journal decided for one member.


@dataclass(slots=True)
class Told(_Decided):
    """`sender` said `text` to `receiver` alone. The reader, one of the two, is YOU."""

    sender: str
    receiver: str
    text: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class RoleChanged(_Decided):
    """The reader has `role` from here on, and had `before`."""

    role: Role
    before: Role
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class MuteChanged(_Decided):
    """Nobody hears the reader until the Unix time `until`. 0: it is heard. Infinite: nobody hears
    it until that is undone.
    """

    until: float
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


class Loss(Enum):
    """Why a name is not the reader's any more."""

    LOGIN = "login"
    """Its owner bears it now."""
    RESET = "reset"
    """An operator reset its passphrase."""
    RELEASE = "release"
    """An operator let it belong to nobody; the reader still bears it."""


@dataclass(slots=True)
class NameLost(_Decided):
    """The reader does not bear `name` any more, or does not own it any more. `by`: the operator
    that did it, if one did.
    """

    name: str
    cause: Loss
    by: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class PutOut(_Decided):
    """The reader is put out of the chat, or of `room` alone. `reason`, `by` and `why`: as of
    Left.
    """

    reason: str
    room: str = ""
    by: str = ""
    why: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Acted(_Decided):
    """`who`, an operator, did `what` (a command's name) to `whom` (a name, a network, a room). The
    other operators and the audit file are told; a `who` that did it by chatctl is told too.

    `seconds`: for how long; 0: until it is undone, or at once. `why`: the operator's words.
    `address`: where the bearer of the name `whom` came from; empty: nobody bore it, or `whom` is no
    name.
    """

    who: str
    what: str
    whom: str
    seconds: int = 0
    why: str = ""
    address: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


# What one member is told without a decision.


@dataclass(slots=True)
class Greeting:
    """A newcomer's own first event in the chat. `count`: the members of `room`, with the newcomer.
    `slow` and `locked`: as of Rules.
    """

    count: int
    room: str = ""
    name: str = ""
    slow: int = 0
    locked: bool = False


@dataclass(slots=True)
class Joined:
    """The same for a further room, in which the reader is from here on."""

    count: int
    room: str
    name: str = ""
    slow: int = 0
    locked: bool = False


@dataclass(slots=True)
class Motd:
    """The message of the day: one line, or several joined by LF."""

    text: str


@dataclass(slots=True)
class Retold:
    """A line of the history, told again: `id` is that of the line, and `time` when it was said."""

    name: str
    text: str
    emoted: bool
    room: str
    time: float
    id: str = ""


@dataclass(slots=True)
class Gap:
    """Lines of `room` may be missing here: the last one the reader had is not kept any more."""

    room: str


@dataclass(slots=True)
class Stopping:
    """The daemon stops."""


@dataclass(slots=True)
class Notice:
    """An answer to a command.

    Somebody's words stand only at its end, behind a lead that tells whose they are. `record`: the
    same for programs, if it is more than words. A text for chatctl alone may be of several lines,
    joined by LF.
    """

    text: str
    record: Mapping[str, object] | None = None


@dataclass(slots=True)
class Refused:
    """Tells a member what was wrong with what it asked, and what to do. `command`: the name of the
    command that was refused; empty: it was something else, such as a line.
    """

    text: str
    kind: Kind = field(default=Kind.BAD_REQUEST, compare=False)
    command: str = field(default="", compare=False)


RoomEvent = (
    Entered
    | Said
    | Emoted
    | Left
    | Parted
    | Renamed
    | Topic
    | Slowed
    | Locked
    | Announced
    | Forgotten
)
"""The events that all members of a room read."""

OwnEvent = (
    Told
    | RoleChanged
    | MuteChanged
    | NameLost
    | PutOut
    | Acted
    | Greeting
    | Joined
    | Motd
    | Retold
    | Gap
    | Stopping
    | Notice
    | Refused
)
"""The events that one member is told."""


@dataclass(slots=True)
class Answer:
    """`event` answers the request of its reader with the number `ref`."""

    event: RoomEvent | OwnEvent
    ref: int


@dataclass(slots=True)
class Done:
    """The request of its reader with the number `ref` is done, and all its answers have come.
    `more`: for one that asked for history, whether older lines are kept.
    """

    ref: int
    more: bool | None = None


Event = RoomEvent | OwnEvent | Answer | Done
"""All events. The last two are for members that number their requests."""

RECORDED = (Entered, Said, Emoted, Left, Parted, Renamed, Topic)
"""The events that the transcript records."""
