"""What happened: immutable values that know nothing of doors or formats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why the daemon put a member out. The value is the text of its Left line."""

    NOT_A_CHAT_CLIENT = "not a chat client"
    TOO_SLOW = "too slow to read"
    DOOR_FAILED = "its connection failed"


@dataclass(frozen=True, slots=True)
class Greeting:
    """A newcomer's own first event. `count`: members online, the newcomer included."""

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
class Left:
    """`name` is gone. `count`: members just after it.

    `words`: its own farewell, if any. `reason`: why the daemon put it out, if it did.
    """

    name: str
    count: int
    words: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """The daemon's own words: an answer, the message of the day."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What was wrong with what a member asked, and what to do. Only that member gets it."""

    text: str


Event = Greeting | Entered | Said | Left | Notice | Refused
