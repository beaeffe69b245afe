"""The rooms of the whole chat: those that somebody is in, and for a day those that are empty."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from twisted.logger import Logger

from twisted_chat.events import LOBBY
from twisted_chat.journal.history import History
from twisted_chat.journal.namesakes import Namesakes
from twisted_chat.journal.people import Person, RoomState
from twisted_chat.journal.ranking import Ranking
from twisted_chat.journal.store import IStore
from twisted_chat.limits import EMPTY_ROOM, MAX_ROOMS, ROOMS_SHARE
from twisted_chat.names import Name, named
from twisted_chat.networks import place
from twisted_chat.records import Rules
from twisted_chat.refusal import Kind, Refusal

_log = Logger(namespace="chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRecord(Rules):
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


class _Maker:
    """An origin that has made rooms. `rooms`: how many of them there are."""

    __slots__ = ("origin", "rooms", "spare")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rooms = 0
        # By worth: its empty rooms by name, the longest empty first.
        self.spare: tuple[OrderedDict[str, RoomState], ...] = (OrderedDict(), OrderedDict())

    def first(self, worth: int) -> RoomState | None:
        """Return its longest empty room of this worth."""
        return next(iter(self.spare[worth].values()), None)

    def rank(self, worth: int) -> tuple[int, float, str] | None:
        """Return its rank among those that could give a room of this worth: the one that made most
        is first, and of several the one with the longest empty room.
        """
        room = self.first(worth)
        return None if room is None else (-self.rooms, room.emptied, self.origin)


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
        self._bound(most)
        self.lobby = RoomState(LOBBY)
        self._rooms: Namesakes[RoomState] = Namesakes()
        self._rooms.put(named(LOBBY), self.lobby)
        # Those that nobody is in, by name, the longest empty first.
        self._empty: dict[str, RoomState] = {}
        self._makers: dict[str, _Maker] = {}
        self._givers = [Ranking(partial(_Maker.rank, worth=worth)) for worth in _WORTHS]
        """By worth: the makers that could give a room of it."""

    def _bound(self, most: int) -> None:
        self._most = most
        self._share = max(1, most // ROOMS_SHARE)

    def bind(self, most: int) -> None:
        """Let there be at most `most` rooms. Of those that are too many, the empty ones go that can
        be done without.
        """
        self._bound(most)
        while len(self._rooms) > most and self._make_place():
            pass

    def load(self, kept: Iterable[RoomRecord], talked_in: Iterable[str], now: float) -> None:
        """Take over what was kept before. Nobody is in any room. `talked_in`: the rooms of which
        the history has lines.

        Rooms that are one by a rule that came later stay, each for those who write its name so; the
        log tells which they are.
        """
        rooms: dict[str, RoomState] = {}
        for each in kept:
            # Where the process was killed, the last one has just left it.
            room = rooms[each.name] = _room_of(each, each.emptied or now)
            if not each.emptied and room.name != LOBBY:
                self._keep(room)
        for name in talked_in:
            rooms.setdefault(name, RoomState(name, emptied=now))
        if lobby := rooms.pop(LOBBY, None):
            self.lobby.rules = lobby.rules
        for text in sorted(rooms):
            called = named(text)
            if other := self._rooms.first(called.key):
                _log.warn("#{name} looks like #{other}: both stay", name=text, other=other.name)
            self._rooms.put(called, rooms[text])
        by_age = sorted(rooms.values(), key=lambda room: room.emptied)
        for room in by_age:
            self._empty[room.name] = room
            self._maker_of(room).rooms += 1
        for room in by_age:
            self._offer(room)
        self.run_out(now)
        # There may be fewer than before.
        while len(self._rooms) > self._most and self._make_place():
            pass

    def __iter__(self) -> Iterator[RoomState]:
        return iter(self._rooms)

    def find(self, name: Name) -> RoomState | None:
        """Return the room that is called `name` as it is written, or else one that looks so."""
        return self._rooms.get(name)

    def exactly(self, name: str) -> RoomState:
        """Return the room that is called just so. Raises Refusal if there is none."""
        room = self._rooms.exactly(name)
        if room is None:
            raise no_room(name)
        return room

    def get(self, name: Name) -> RoomState:
        """Return the room that is called `name`. Raises Refusal if there is none."""
        room = self.find(name)
        if room is None:
            raise no_room(name.text)
        return room

    def make(self, name: Name, origin: str) -> RoomState:
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
                "one address: join one of /rooms",
                Kind.TOO_MANY,
            )
        room = RoomState(name.text, origin)
        self._rooms.put(name, room)
        maker = self._maker_of(room)
        maker.rooms += 1
        self._rank(maker)
        self._keep(room)  # Also for after a kill.
        return room

    def rule(self, room: RoomState, rules: Rules, topic_is_owned: bool) -> None:
        """Let `rules` hold in `room`. `topic_is_owned`: whether an owner set the topic."""
        worth = room.worth
        room.rules = rules
        room.topic_is_owned = topic_is_owned
        if room.worth != worth and room.name in self._empty:
            self._withdraw(room)
            self._offer(room)
        self._keep(room)

    def enter(self, room: RoomState, person: Person) -> None:
        """Let `person` be in `room`."""
        room.present[person] = None
        if len(room.present) == 1 and room.name in self._empty:
            del self._empty[room.name]
            self._withdraw(room)
            room.emptied = 0.0
            self._keep(room)

    def leave(self, room: RoomState, person: Person, now: float) -> None:
        """Let `person` be in `room` no longer. If it was the last one, what was said and set
        there is kept for a day.
        """
        del room.present[person]
        if room.present or room is self.lobby:
            return
        room.emptied = now
        self._empty[room.name] = room
        if room.rules == Rules() and not self._history.holds(room.name):
            self._forget(room)
        else:
            self._offer(room)
            self._keep(room)

    @property
    def due(self) -> float:
        """When the next room has been empty for a day, in Unix time; infinite: none is empty."""
        first = next(iter(self._empty.values()), None)
        return float("inf") if first is None else first.emptied + EMPTY_ROOM

    def run_out(self, now: float) -> None:
        """Forget what has been empty for a day."""
        while self.due <= now:
            self._forget(next(iter(self._empty.values())))

    def dump(self) -> dict[str, Any]:
        """Return all of it as JSON has it, but for who is in the rooms."""
        return {
            "rooms": [
                [asdict(name), _document(room)]
                for name, room in zip(self._rooms.names(), self._rooms, strict=True)
            ],
            # In their order, which tells which of them goes first.
            "empty": list(self._empty),
            "spare": {
                origin: [list(spare) for spare in maker.spare]
                for origin, maker in sorted(self._makers.items())
            },
        }

    def restore(self, dump: dict[str, Any]) -> None:
        """Take over what `dump` returned. Nobody is in any room."""
        rooms = {LOBBY: self.lobby}
        for name, document in dump["rooms"]:
            record = RoomRecord(**document)
            if record.name == LOBBY:
                self.lobby.rules = record.rules
                self.lobby.topic_is_owned = record.topic_is_owned
            else:
                room = rooms[record.name] = _room_of(record, record.emptied)
                self._rooms.put(Name(**name), room)
                self._maker_of(room).rooms += 1
        self._empty = {name: rooms[name] for name in dump["empty"]}
        for origin, spares in dump["spare"].items():
            maker = self._makers[origin]
            for spare, names in zip(maker.spare, spares, strict=True):
                spare.update((name, rooms[name]) for name in names)
            self._rank(maker)

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

    def _maker_of(self, room: RoomState) -> _Maker:
        maker = self._makers.get(room.maker)
        if maker is None:
            maker = self._makers[room.maker] = _Maker(room.maker)
        return maker

    def _offer(self, room: RoomState) -> None:
        """Let `room`, which is empty, make place for others if it may."""
        if room.worth is not None:
            maker = self._maker_of(room)
            maker.spare[room.worth][room.name] = room
            self._rank(maker)

    def _withdraw(self, room: RoomState) -> None:
        """Let `room` make place for no other."""
        if maker := self._makers.get(room.maker):
            for spare in maker.spare:
                spare.pop(room.name, None)

    def _rank(self, maker: _Maker) -> None:
        for worth, ranking in zip(_WORTHS, self._givers, strict=True):
            if rank := maker.rank(worth):
                ranking.put(maker, rank)

    def _forget(self, room: RoomState) -> None:
        self._rooms.remove(room.name)
        del self._empty[room.name]
        self._withdraw(room)
        maker = self._makers[room.maker]
        maker.rooms -= 1
        if not maker.rooms:
            del self._makers[room.maker]
        self._history.forget(room.name)
        self._store.put("room", room.name, None)

    def _keep(self, room: RoomState) -> None:
        self._store.put("room", room.name, _document(room))


def no_room(name: str) -> Refusal:
    """Return what refuses a room that is not there."""
    return Refusal(f"there is no room #{name}: /rooms lists them", Kind.NO_ROOM)


def _room_of(record: RoomRecord, emptied: float) -> RoomState:
    room = RoomState(record.name, record.maker, emptied)
    room.rules = record.rules
    room.topic_is_owned = record.topic_is_owned
    return room


def _document(room: RoomState) -> dict[str, object]:
    return {
        "name": room.name,
        "emptied": room.emptied,
        "maker": room.maker,
        "topic_is_owned": room.topic_is_owned,
        **asdict(room.rules),
    }


_WORTHS = (0, 1)
"""Of rooms that may go, the first to go first."""
