"""What there is to know of members, rooms and names: values that answer those who ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from twisted_chat.networks import Host


class Role(IntEnum):
    """What a name gives its bearer the right to; a higher one has all rights of the lower ones."""

    GUEST = 0
    REGISTERED = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in a room.

    `slow`: seconds between two lines of one member. `locked`: nobody new may come in.
    `topic`: what `topic_by` wrote over it.
    """

    slow: int = 0
    locked: bool = False
    topic: str = ""
    topic_by: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to know of a member. `author`: its id. `rooms`: where it is, the first one it
    joined first. `active`: Unix time of what it last asked of the journal. `away`: why it does not
    listen; None: it does. `role`: what its name gives it the right to.
    """

    author: str
    name: str
    rooms: tuple[str, ...]
    active: float
    away: str | None
    role: Role
    host: Host


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """What there is to know of a room. `count`: members in it."""

    name: str
    count: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class Registration:
    """`name` belongs to whoever knows the passphrase that `digest` was made from.

    Times are Unix time. `since`: when it was registered. `expires`: until when the passphrase is
    good; 0: for ever. `last_login`: 0 if nobody knows. `wrong`: how many wrong passphrases were
    tried since then, the last at `wrong_at`, from `wrong_from`: the last few origins, the newest
    last. `tokens`: what may post in its name: by turns a label and a digest.
    """

    name: str
    digest: str = field(repr=False)
    since: float
    operator: bool = False
    expires: float = 0.0
    last_login: float = 0.0
    wrong: int = 0
    wrong_at: float = 0.0
    wrong_from: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list, repr=False)

    @property
    def role(self) -> Role:
        """What it gives its owner the right to."""
        return Role.OPERATOR if self.operator else Role.REGISTERED


@dataclass(frozen=True, slots=True)
class Sanction:
    """A ban or a mute. `whom`: a name, or a network as `networks.show` has it. `since` and `until`:
    Unix time; `until` 0: until it is undone.
    """

    whom: str
    by: str
    why: str
    since: float
    until: float

    @property
    def end(self) -> float:
        """When it ends, to be compared with others: Unix time, or infinite."""
        return self.until or float("inf")
