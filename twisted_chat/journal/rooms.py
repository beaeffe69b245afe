"""The rooms of the whole chat: those that somebody is in, and for a day those that are empty."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from twisted.logger import Logger

from twisted_chat.events import LOBBY, Rules
from twisted_chat.journal.history import History
from twisted_chat.journal.namesakes import Namesakes
from twisted_chat.journal.ranking import Ranking
from twisted_chat.journal.store import IStore, Line
from twisted_chat.limits import EMPTY_ROOM, MAX_ROOMS, ROOMS_SHARE
from twisted_chat.networks import place
from twisted_chat.refusal import Refusal

_log = Logger(namespace="chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoom(Rules):
    """A room as the store keeps it, beside what holds in it.

    `emptied`: Unix time; 0: somebody was in it. `maker`: the origin of whoever made it; empty:
    nobody knows. `topic_is_owned`: whether the owner of a registered name set the topic.
    """

    name: str
    emptied: float
    maker: str = ""
    topic_is_owned: bool = False

    @property
    def rules(self) -> Rules:
        """What holds in it, alone."""
        return Rules(**{each.name: getattr(self, each.name) for each in fields(Rules)})


class KeptRoom:
    """A room as the journal keeps it. `present`: who is in it."""

    __slots__ = ("emptied", "maker", "name", "present", "rules", "topic_is_owned")

    def __init__(self, name: str, maker: str = "", emptied: float = 0.0) -> None:
        self.name = name
        self.maker = maker
        self.rules = Rules()
        self.topic_is_owned = False
        self.present: dict[Any, None] = {}
        self.emptied = emptied
        """When the last one left it, if nobody is in it."""

    @property
    def worth(self) -> int | None:
        """Return how long it stays among empty rooms when there are too many: those of worth 0 go
        first. None: it never goes, because no guest is to undo what an operator has set.
        """
        if self.rules.locked or self.rules.slow:
            return None
        return int(self.topic_is_owned)


class _Maker:
    """An origin that has made rooms. `rooms`: how many of them there are."""

    __slots__ = ("rooms", "spare")

    def __init__(self) -> None:
        self.rooms = 0
        # By worth: its empty rooms by name, the longest empty first.
        self.spare: tuple[OrderedDict[str, KeptRoom], ...] = (OrderedDict(), OrderedDict())

    def first(self, worth: int) -> KeptRoom | None:
        """Return its longest empty room of this worth."""
        return next(iter(self.spare[worth].values()), None)

    def rank(self, worth: int) -> tuple[int, float] | None:
        """Return its rank among those that could give a room of this worth: who made most is first,
        and of several the one with the longest empty room.
        """
        room = self.first(worth)
        return None if room is None else (-self.rooms, room.emptied)


class Rooms:
    """At most `most` rooms, the lobby among them. `store` keeps what was set in them, `history`
    what was said there, as long as there is the room.

    One origin makes an eighth of them at most (ROOMS_SHARE). When it wants more, its own longest
    empty room goes; when there are too many of all, that of the origin that made most. Rooms whose
    topic the owner of a registered name set stay longest, and those that operators have locked or
    slowed stay.
    """

    def __init__(self, store: IStore, history: History, most: int = MAX_ROOMS) -> None:
        self._store = store
        self._history = history
        self._most = most
        self._share = max(1, most // ROOMS_SHARE)
        self.lobby = KeptRoom(LOBBY)
        self._rooms: Namesakes[KeptRoom] = Namesakes()
        self._rooms.put(LOBBY, self.lobby)
        # Those that nobody is in, by name, the longest empty first.
        self._empty: dict[str, KeptRoom] = {}
        self._makers: dict[str, _Maker] = {}
        self._givers = [Ranking(partial(_Maker.rank, worth=worth)) for worth in _WORTHS]
        """By worth: the makers that could give a room of it."""

    def load(self, kept: Iterable[StoredRoom], lines: dict[str, list[Line]], now: float) -> None:
        """Take over what was kept before. Nobody is in any room.

        Rooms that are one by a rule that came later stay, each for those who write its name so; the
        log tells which they are.
        """
        rooms: dict[str, KeptRoom] = {}
        for each in kept:
            # Where the process was killed, the last one has just left it.
            room = KeptRoom(each.name, each.maker, each.emptied or now)
            room.rules = each.rules
            room.topic_is_owned = each.topic_is_owned
            rooms[room.name] = room
        for name in lines:
            rooms.setdefault(name, KeptRoom(name, emptied=now))
        if lobby := rooms.pop(LOBBY, None):
            self.lobby.rules = lobby.rules
        for name in sorted(rooms):
            if other := self._rooms.first(name):
                _log.warn("#{name} looks like #{other}: both stay", name=name, other=other.name)
            self._rooms.put(name, rooms[name])
        by_age = sorted(rooms.values(), key=lambda room: room.emptied)
        for room in by_age:
            self._empty[room.name] = room
            self._maker_of(room).rooms += 1
        for room in by_age:
            self._offer(room)
        self._history.load(lines)
        self.sweep(now)
        # There may be fewer than before.
        while len(self._rooms) > self._most and self._make_place():
            pass

    def __iter__(self) -> Iterator[KeptRoom]:
        return iter(self._rooms)

    def find(self, name: str) -> KeptRoom | None:
        """Return the room that is called `name` as it is written, or else one that looks so."""
        return self._rooms.get(name)

    def get(self, name: str) -> KeptRoom:
        """The room that is called `name`. Raises Refusal if there is none."""
        room = self.find(name)
        if room is None:
            raise Refusal(f"there is no room #{name}: /rooms lists them")
        return room

    def make(self, name: str, origin: str) -> KeptRoom:
        """Return a new room that somebody from `origin` makes, in place of an empty one where there
        are too many. Raises Refusal if all are needed.
        """
        is_full = len(self._rooms) >= self._most
        maker = self._makers.get(origin)
        if maker is not None and maker.rooms >= self._share:
            has_place = self._take_from(maker)
        else:
            has_place = not is_full or self._make_place()
        if not has_place:
            raise Refusal(
                f"there are {len(self._rooms)} rooms, as many as may be: join one of /rooms"
                if is_full
                else f"{self._share} rooms were made from {place(origin)}, as many as may be from "
                "one address: join one of /rooms"
            )
        room = KeptRoom(name, origin)
        self._rooms.put(name, room)
        maker = self._maker_of(room)
        maker.rooms += 1
        self._rank(maker)
        self._keep(room)  # Also for after a kill.
        return room

    def rule(self, room: KeptRoom, rules: Rules, topic_is_owned: bool) -> None:
        """Let `rules` hold in `room`. `topic_is_owned`: whether an owner set the topic."""
        worth = room.worth
        room.rules = rules
        room.topic_is_owned = topic_is_owned
        if room.worth != worth and room.name in self._empty:
            self._withdraw(room)
            self._offer(room)
        self._keep(room)

    def enter(self, room: KeptRoom, presence: object) -> None:
        """Let `presence` be in `room`."""
        room.present[presence] = None
        if len(room.present) == 1 and room.name in self._empty:
            del self._empty[room.name]
            self._withdraw(room)
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
        self._empty[room.name] = room
        if room.rules == Rules() and not self._history.last(room.name, 1):
            self._forget(room)
        else:
            self._offer(room)
            self._keep(room)

    def sweep(self, now: float) -> None:
        """Forget what has been empty for a day."""
        while (room := next(iter(self._empty.values()), None)) and room.emptied <= now - EMPTY_ROOM:
            self._forget(room)

    def _make_place(self) -> bool:
        """Forget the room that can be done without best; False: all are needed."""
        givers = (ranking.first() for ranking in self._givers)
        giver = next((giver for giver in givers if giver is not None), None)
        return giver is not None and self._take_from(giver)

    def _take_from(self, maker: _Maker) -> bool:
        """Forget the room of `maker` that can be done without best; False: all are needed."""
        for worth in _WORTHS:
            if room := maker.first(worth):
                self._forget(room)
                return True
        return False

    def _maker_of(self, room: KeptRoom) -> _Maker:
        maker = self._makers.get(room.maker)
        if maker is None:
            maker = self._makers[room.maker] = _Maker()
        return maker

    def _offer(self, room: KeptRoom) -> None:
        """Let `room`, which is empty, make place for others if it may."""
        if room.worth is not None:
            maker = self._maker_of(room)
            maker.spare[room.worth][room.name] = room
            self._rank(maker)

    def _withdraw(self, room: KeptRoom) -> None:
        """Let `room` make place for no other."""
        if maker := self._makers.get(room.maker):
            for spare in maker.spare:
                spare.pop(room.name, None)

    def _rank(self, maker: _Maker) -> None:
        for worth, ranking in zip(_WORTHS, self._givers, strict=True):
            if rank := maker.rank(worth):
                ranking.put(maker, rank)

    def _forget(self, room: KeptRoom) -> None:
        self._rooms.remove(room.name)
        del self._empty[room.name]
        self._withdraw(room)
        maker = self._makers[room.maker]
        maker.rooms -= 1
        if not maker.rooms:
            del self._makers[room.maker]
        self._history.forget(room.name)
        self._store.put("room", room.name, None)

    def _keep(self, room: KeptRoom) -> None:
        document = {
            "name": room.name,
            "emptied": room.emptied,
            "maker": room.maker,
            "topic_is_owned": room.topic_is_owned,
            **asdict(room.rules),
        }
        self._store.put("room", room.name, document)


_WORTHS = (0, 1)
"""Of rooms that may go, the first to go first."""
