"""What is known of members, rooms and names: values, as answers to questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from twisted_chat.networks import Host


class Role(IntEnum):
    """The rights that a name gives its bearer. A higher role has all rights of the lower ones."""

    GUEST = 0
    REGISTERED = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a room.

    `slow`: seconds between two lines of one member. `locked`: nobody new may come in. `topic`: what
    `topic_by` wrote over the room.
    """

    slow: int = 0
    locked: bool = False
    topic: str = ""
    topic_by: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a member.

    `author`: its id. `rooms`: the rooms in which it is, in the order in which it joined them.
    `active`: Unix time of its last request. `away`: why it does not listen; None: it listens.
    `role`: the rights that its name gives it.
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
    """What is known of a room. `count`: its members."""

    name: str
    count: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class Registration:
    """`name` belongs to whoever knows the passphrase of `digest`.

    Times are Unix time. `since`: when it was registered. `expires`: until when the passphrase is
    good; 0: for ever. `last_login`: 0 if that is not known. `wrong`: how many wrong passphrases
    were tried since then, the last one at `wrong_at`. `wrong_from`: the last few origins of these,
    the newest last. `tokens`: the labels and digests of its tokens, by turns.
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
    def digests_by_label(self) -> dict[str, str]:
        """The digests of its tokens by their labels."""
        return dict(zip(self.tokens[::2], self.tokens[1::2], strict=True))

    @property
    def role(self) -> Role:
        """The role that it gives its owner."""
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
        """When it ends, in Unix time; infinite if it has no end."""
        return self.until or float("inf")
