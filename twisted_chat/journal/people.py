"""Who is in the chat, and in which rooms."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from twisted_chat.authorisation import Door
from twisted_chat.names import Name
from twisted_chat.networks import Host
from twisted_chat.records import Role, Rules, Seen

# Most people are in one room, have said nothing in a slow one, and ignore nobody. Mappings that all
# of them share save a third of their memory; none is ever changed.
_NOWHERE: Mapping[str, RoomState] = {}
_NEVER: Mapping[str, float] = {}
_NOBODY: Mapping[str, str] = {}


class Person:
    """A member, as the whole chat knows it, wherever its connection is.

    `id`: what stands for it as an author. `default`: the name that it came with. `rooms`: where it
    is, by the names of the rooms, in the order in which it joined them. Times are the journal's:
    `active`: when it last asked for something; `spoke`: when it last said something in a slow room,
    by room; `muted_until`: 0: it is heard; `detached_until`: when it leaves for want of a
    connection, 0: it has one. `ignored`: the names that it does not want to hear, by
    key. `correspondent`: the key of the name that last told it something alone.
    """

    __slots__ = (
        "active",
        "away",
        "correspondent",
        "default",
        "detached_until",
        "door",
        "host",
        "id",
        "ignored",
        "muted_until",
        "name",
        "origin",
        "role",
        "rooms",
        "spoke",
    )

    def __init__(
        self, id: str, name: Name, default: Name, host: Host, origin: str, door: Door, active: float
    ) -> None:
        self.id = id
        self.name = name
        self.default = default
        self.host = host
        self.origin = origin
        self.door = door
        self.active = active
        self.rooms: Mapping[str, RoomState] = _NOWHERE
        self.role = Role.OPERATOR if door is Door.CONTROL else Role.GUEST
        self.muted_until = 0.0
        self.detached_until = 0.0
        self.away: str | None = None
        self.spoke: Mapping[str, float] = _NEVER
        self.ignored: Mapping[str, str] = _NOBODY
        self.correspondent: str | None = None

    def join(self, room: RoomState) -> None:
        """Be in `room` too."""
        self.rooms = {**self.rooms, room.name: room} if self.rooms else room.alone

    def part(self, room: RoomState) -> None:
        """Be in `room` no longer."""
        self.rooms = {name: each for name, each in self.rooms.items() if each is not room}

    @property
    def seen(self) -> Seen:
        """What others may know of it."""
        return Seen(
            self.id,
            self.name.text,
            tuple(self.rooms),
            self.active,
            self.away,
            self.role,
            self.host,
        )


class RoomState:
    """A room as the journal knows it. `present`: the people in it, in the order in which they
    entered.
    """

    __slots__ = ("alone", "emptied", "maker", "name", "present", "rules", "topic_is_owned")

    def __init__(self, name: str, maker: str = "", emptied: float = 0.0) -> None:
        self.name = name
        self.maker = maker
        self.rules = Rules()
        self.topic_is_owned = False
        self.present: dict[Person, None] = {}
        self.emptied = emptied
        """When the last one left it, if nobody is in it."""
        self.alone: Mapping[str, RoomState] = {name: self}
        """The rooms of each person that is in this one alone."""

    @property
    def worth(self) -> int | None:
        """Return how long it stays among empty rooms when there are too many: those of worth 0 go
        first. None: it never goes, because no guest is to undo what an operator has set.
        """
        if self.rules.locked or self.rules.slow:
            return None
        return int(self.topic_is_owned)


class Attention(dict[str, dict[Person, None]]):
    """People by the key of a name that concerns them.

    A dict, so that it takes no call to see that there are none.
    """

    def add(self, key: str, person: Person) -> None:
        """Let the name with `key` concern `person`."""
        self.setdefault(key, {})[person] = None

    def discard(self, key: str, person: Person) -> None:
        """Let the name with `key` not concern `person`."""
        if people := self.get(key):
            people.pop(person, None)
            if not people:
                del self[key]

    def forget(self, key: str) -> Collection[Person]:
        """Let the name with `key` concern nobody. Return those that it concerned."""
        return list(self.pop(key, ()))

    def rename(self, old: str, new: str) -> Collection[Person]:
        """Let the name with the key `new` concern those that `old` did. Return them."""
        people = self.pop(old, {})
        if people:
            self.setdefault(new, {}).update(people)
        return list(people)
