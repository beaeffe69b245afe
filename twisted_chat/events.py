"""What happened: values that know nothing of doors or of words on a screen.

An event is not changed after it was made. (It is not frozen: that takes four times as long to make,
and one is made for each line that is said.)

Those that the journal decided tell in which `room` they happened and when: `time` is Unix time, the
same for all readers. `era` and `number` make their `id`. Those that answer one reader without a
decision (Greeting, Motd, Notice, Refused, …) have neither.
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
    """An event that the journal decided. Each class names the fields `time`, `era` and `number`
    itself: from here they would come first, and take more to make.
    """

    __slots__ = ()
    era: str
    number: int

    @property
    def id(self) -> str:
        """What names this event, and no other one ever: opaque ASCII of at most 40 characters. It
        is looked up and never compared. Empty where the journal gave none.
        """
        return f"{self.era}-{self.number}" if self.era else ""


# What happens in a room: all who are in it hear of it.


@dataclass(slots=True)
class Entered(_Decided):
    """`name` is in the room now. `count`: members just after it."""

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
    """`name` does `text`, one line: told in the third person to all, the author too."""

    name: str
    text: str
    room: str = ""
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Left(_Decided):
    """`name` is gone from the chat, and from all its rooms. `counts`: members just after it, by
    room. It happened in each of them, and who shares several with it hears it once.

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
    """`name` is gone from one room and stays in the chat. `count`: members just after it.

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
    """`old` is called `new` from here on. To the renamed itself `old` is YOU. `rooms`: where it is.
    It happened in each of them, and who shares several with it hears it once.
    """

    old: str
    new: str
    rooms: tuple[str, ...] = ()
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Topic(_Decided):
    """`by` wrote `topic` over the room; empty: it took the topic away. A newcomer is told the topic
    that is set, without a time.
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
    """`by` lets nobody new into the room; if it is not `locked`: everybody again."""

    room: str
    locked: bool
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Announced(_Decided):
    """`by`, who owns the daemon, tells all in the room `text`."""

    room: str
    by: str
    text: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


@dataclass(slots=True)
class Forgotten(_Decided):
    """`by` took lines out of the history of the room. `ids`: theirs."""

    room: str
    ids: tuple[str, ...]
    by: str
    time: float = field(default=0.0, compare=False)
    era: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)


# What the journal decided for one member.


@dataclass(slots=True)
class Told(_Decided):
    """`sender` said `text` to `receiver` alone. To each of the two, it is YOU itself."""

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
    """Nobody hears the reader until the Unix time `until`: 0: it is heard; infinite: until that is
    undone.
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
    """The reader has `name` no longer, or owns it no longer. `by`: the operator, if it was one."""

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
    """An operator did something, which the other operators, whoever asked for it from chatctl and
    the audit file are told.

    `who` did `what` (a command's name) to `whom` (a name, a network, a room). `seconds`: for how
    long; 0: until it is undone, or at once. `why`: in its own words. `address`: where the bearer of
    the name `whom` came from; empty: nobody bore it, or `whom` is no name.
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
    """A newcomer's own first event in the chat. `count`: members in `room`, the newcomer included.
    `slow` and `locked`: as of Rules.
    """

    count: int
    room: str = ""
    name: str = ""
    slow: int = 0
    locked: bool = False


@dataclass(slots=True)
class Joined:
    """The same for a further room, which the reader is in from here on."""

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
    """A line of the history, told again. `id`: that of the line; `time`: when it was said."""

    name: str
    text: str
    emoted: bool
    room: str
    time: float
    id: str = ""


@dataclass(slots=True)
class Gap:
    """Lines of `room` may be missing here: what the reader had last is not kept any more."""

    room: str


@dataclass(slots=True)
class Stopping:
    """The daemon stops."""


@dataclass(slots=True)
class Notice:
    """An answer to a command.

    Somebody's words stand only at the end, after a lead that names whose they are. `record`: the
    same for programs, where it is more than words.
    """

    text: str
    record: Mapping[str, object] | None = None


@dataclass(slots=True)
class Refused:
    """What was wrong with what a member asked, and what to do. Only that member gets it."""

    text: str
    kind: Kind = field(default=Kind.BAD_REQUEST, compare=False)


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
"""What all who are in a room hear of."""

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
"""What one member is told."""

Event = RoomEvent | OwnEvent
"""What members get to read."""

RECORDED = (Entered, Said, Emoted, Left, Parted, Renamed, Topic)
"""What the transcript records."""
