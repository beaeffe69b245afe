"""The rooms of the whole chat: those that somebody is in, and for a day those that are empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from twisted_chat.events import LOBBY, Rules
from twisted_chat.journal.history import History
from twisted_chat.journal.store import IStore, Line
from twisted_chat.limits import EMPTY_ROOM, MAX_ROOMS
from twisted_chat.names import key
from twisted_chat.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoom(Rules):
    """A room as the store keeps it, beside what holds in it.

    `emptied`: Unix time; 0: somebody was in it.
    """

    name: str
    emptied: float

    @property
    def rules(self) -> Rules:
        """What holds in it, alone."""
        return Rules(**{each.name: getattr(self, each.name) for each in fields(Rules)})


class KeptRoom:
    """A room as the journal keeps it. `present`: who is in it."""

    __slots__ = ("emptied", "is_stored", "name", "present", "rules")

    def __init__(self, name: str, emptied: float = 0.0) -> None:
        self.name = name
        self.rules = Rules()
        self.present: dict[Any, None] = {}
        self.emptied = emptied
        """When the last one left it, if nobody is in it."""
        self.is_stored = False
        """Whether the store knows of it."""


class Rooms:
    """At most `most` rooms, the lobby among them. `store` keeps what was set in them, `history`
    what was said there, as long as there is the room.
    """

    def __init__(self, store: IStore, history: History, most: int = MAX_ROOMS) -> None:
        self._store = store
        self._history = history
        self._most = most
        self.lobby = KeptRoom(LOBBY)
        self._rooms = {key(LOBBY): self.lobby}
        # Those that nobody is in, the longest empty first.
        self._empty: dict[str, None] = {}

    def load(self, kept: Iterable[StoredRoom], lines: dict[str, list[Line]], now: float) -> None:
        """Take over what was kept before. Nobody is in any room."""
        rooms: dict[str, KeptRoom] = {}
        for each in kept:
            # Where the process was killed, the last one has just left it.
            room = KeptRoom(each.name, each.emptied or now)
            room.rules = each.rules
            room.is_stored = True
            rooms[key(room.name)] = room
        for name in lines:
            rooms.setdefault(key(name), KeptRoom(name, now))
        if lobby := rooms.pop(key(LOBBY), None):
            self.lobby.rules = lobby.rules
        self._rooms.update(rooms)
        self._empty = dict.fromkeys(sorted(rooms, key=lambda name: rooms[name].emptied))
        self._history.load(lines)
        self.sweep(now)
        # There may be fewer than before.
        while len(self._rooms) > self._most and (spare := self._spare()) is not None:
            self._forget(spare)

    def __iter__(self) -> Iterator[KeptRoom]:
        return iter(self._rooms.values())

    def find(self, name: str) -> KeptRoom | None:
        """The room that is called `name`, if there is one."""
        return self._rooms.get(key(name))

    def get(self, name: str) -> KeptRoom:
        """The room that is called `name`. Raises Refusal if there is none."""
        room = self.find(name)
        if room is None:
            raise Refusal(f"there is no room #{name}: /rooms lists them")
        return room

    def make(self, name: str) -> KeptRoom:
        """A new room, in place of an empty one where there are too many. Raises Refusal if all are
        needed.
        """
        if len(self._rooms) >= self._most:
            spare = self._spare()
            if spare is None:
                raise Refusal(
                    f"there are {len(self._rooms)} rooms, as many as may be: join one of /rooms"
                )
            self._forget(spare)
        room = self._rooms[key(name)] = KeptRoom(name)
        return room

    def rule(self, room: KeptRoom, rules: Rules) -> None:
        """Let `rules` hold in `room`."""
        room.rules = rules
        self._keep(room)

    def enter(self, room: KeptRoom, presence: object) -> None:
        """Let `presence` be in `room`."""
        room.present[presence] = None
        if len(room.present) == 1 and key(room.name) in self._empty:
            del self._empty[key(room.name)]
            room.emptied = 0.0
            self._keep(room)

    def leave(self, room: KeptRoom, presence: object, now: float) -> None:
        """Let `presence` be in `room` no longer. If it was the last one, what was said and set
        there is kept for a day.
        """
        del room.present[presence]
        if room.present or room is self.lobby:
            return
        room.emptied = now
        self._empty[key(room.name)] = None
        if room.rules == Rules() and not self._history.last(room.name, 1):
            self._forget(key(room.name))
        else:
            self._keep(room)

    def sweep(self, now: float) -> None:
        """Forget what has been empty for a day."""
        while self._empty and self._rooms[next(iter(self._empty))].emptied <= now - EMPTY_ROOM:
            self._forget(next(iter(self._empty)))

    def _spare(self) -> str | None:
        """The key of the room that can be done without best: the one that nobody has been in for
        longest, and in which no operator has set anything, which no guest is to undo.
        """
        for room_key in self._empty:
            rules = self._rooms[room_key].rules
            if not (rules.locked or rules.slow):
                return room_key
        return None

    def _forget(self, room_key: str) -> None:
        room = self._rooms.pop(room_key)
        del self._empty[room_key]
        self._history.forget(room.name)
        if room.is_stored:
            self._store.put("room", room.name, None)

    def _keep(self, room: KeptRoom) -> None:
        document = {"name": room.name, "emptied": room.emptied, **asdict(room.rules)}
        self._store.put("room", room.name, document)
        room.is_stored = True
