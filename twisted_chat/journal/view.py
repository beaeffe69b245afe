"""What there is to see of all that was decided. To look changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.events import LOBBY, Retold
from twisted_chat.interfaces import IView
from twisted_chat.journal.deciding.accounts import check_register
from twisted_chat.journal.deciding.presence import closed_to
from twisted_chat.journal.state import State
from twisted_chat.limits import NUMBERS
from twisted_chat.names import Name
from twisted_chat.networks import Host
from twisted_chat.records import Registration, Role, RoomSeen, Rules, Sanction, Seen
from twisted_chat.refusal import Kind, Refusal


@implementer(IView)
class View:
    """The state as it is. `now` tells the journal's time."""

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self.now = now

    def role(self, author: str) -> Role:
        person = self._state.people.get(author)
        return Role.GUEST if person is None else person.role

    def muted(self, author: str) -> bool:
        person = self._state.people.get(author)
        return person is not None and self.now() < person.muted_until

    def ignored(self, author: str) -> list[str]:
        person = self._state.people.get(author)
        return [] if person is None else sorted(person.ignored.values())

    def who(self, room: Name | None) -> list[Seen]:
        if room is not None:
            return [person.seen for person in self._state.rooms.get(room).present]
        people = self._state.people.values()
        return [person.seen for person in people if person.door is not Door.CONTROL]

    def find(self, name: Name) -> Seen:
        return self._state.bearer(name).seen

    def rooms(self) -> list[RoomSeen]:
        rooms = [
            RoomSeen(room.name, len(room.present), room.rules)
            for room in self._state.rooms
            if room.present or room.name == LOBBY or room.rules.locked or room.rules.slow
        ]
        return sorted(rooms, key=lambda room: -room.count)

    def room(self, name: Name) -> RoomSeen:
        room = self._state.rooms.get(name)
        return RoomSeen(room.name, len(room.present), room.rules)

    def rules(self, room: str) -> Rules:
        return self._state.rooms.exactly(room).rules

    def history(self, room: Name, count: int, end: int = NUMBERS) -> Sequence[Retold]:
        return self._state.history.last(self._state.rooms.get(room).name, count, end)

    def history_after(self, room: Name, id: str, count: int) -> tuple[bool, Sequence[Retold]]:
        return self._state.history.after(self._state.rooms.get(room).name, id, count)

    def history_before(self, room: Name, id: str, count: int) -> tuple[bool, Sequence[Retold]]:
        return self._state.history.before(self._state.rooms.get(room).name, id, count)

    def registration(self, name: Name) -> Registration | None:
        return self._state.registrations.get(name)

    def token_owner(self, digest: str) -> Registration | None:
        return self._state.registrations.token_owner(digest)

    def registrations(self) -> list[tuple[Registration, Registration | None]]:
        registrations = self._state.registrations
        by_name = sorted(registrations, key=lambda each: each.name)
        return [(each, registrations.obstacle(each)) for each in by_name]

    def check_register(self, author: str) -> None:
        person = self._state.people.get(author)
        if person is None:
            raise Refusal("you are not here any more", Kind.GONE)
        check_register(self._state, person)

    def bans(self) -> list[Sanction]:
        now = self.now()
        return [ban for ban in self._state.bans.in_order() if now < ban.end]

    def mutes(self) -> list[Sanction]:
        now = self.now()
        return [mute for mute in self._state.mutes.in_order() if now < mute.end]

    def said(self) -> int:
        return self._state.said

    def closed_to(self, host: Host) -> Refusal | None:
        return closed_to(self._state, host, self.now())
