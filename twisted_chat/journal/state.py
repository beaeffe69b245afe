"""All that was decided: what the next decision is made from, and where it is written down."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from twisted_chat.authorisation import Door
from twisted_chat.events import (
    Acted,
    Left,
    MuteChanged,
    OwnEvent,
    PutOut,
    Reason,
    RoleChanged,
    RoomEvent,
)
from twisted_chat.journal.audit import entry
from twisted_chat.journal.history import History
from twisted_chat.journal.people import Attention, Person, RoomState
from twisted_chat.journal.registrations import Registrations
from twisted_chat.journal.rooms import Rooms
from twisted_chat.journal.sanctions import Sanctions
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.store import IStore
from twisted_chat.limits import SHOWN_NAME, Bounds
from twisted_chat.names import Name
from twisted_chat.networks import LOCAL, is_default_name, network_in
from twisted_chat.records import Registration, Role
from twisted_chat.refusal import Kind, Refusal

_BOUNDS = Bounds()


class Happened(NamedTuple):
    """`event` happened in its room or rooms. `author`: the id of the member that it is about.
    `deaf`: the ids of members that do not want to hear it.
    """

    event: RoomEvent
    author: str | None = None
    deaf: Collection[str] = ()


class ToOne(NamedTuple):
    """The member with the id `reader` is told `event`."""

    reader: str
    event: OwnEvent


class State:
    """What the whole chat knows, within `bounds`. Only decider.py and what it calls change it.

    `time`: that of the last request, in Unix time. It never goes back. `due`: when something runs
    out next. `decided`: what came of requests and was not told yet, in its order.
    """

    def __init__(self, store: IStore, bounds: Bounds = _BOUNDS) -> None:
        self.store = store
        self.bounds = bounds
        self.time = 0.0
        self.walls: dict[str, tuple[float, float]] = {}
        """When nodes whose wall clocks are behind `time` last asked: that time, and their own."""
        self.era = ""
        self.number = 0
        self.said = 0
        """How many lines were said since nothing was known."""
        self.due = float("inf")
        self.decided: list[Happened | ToOne] = []
        self.people: dict[str, Person] = {}
        self.by_key: dict[str, Person] = {}
        self.posted: dict[tuple[str, str], float] = {}
        """When the owner of a name last posted in a slow room: by the name's key and the room."""
        self.detached: dict[Person, None] = {}
        self.ignorers = Attention()
        self.correspondents = Attention()
        self.history = History(store, bounds.history, bounds.history_bytes)
        self.rooms = Rooms(store, self.history, bounds.max_rooms)
        self.registrations = Registrations(store)
        self.bans = Sanctions("ban", store)
        self.mutes = Sanctions("mute", store)

    def load(self, saved: SavedState, now: float) -> None:
        """Take over what the store has kept. Nobody is here."""
        self.number = self.history.take_over(saved.lines)
        talked_in = dict.fromkeys(line.event.room for line in saved.lines)
        self.rooms.load(saved.rooms.values(), filter(self.history.holds, talked_in), now)
        self.registrations.load(saved.registrations.values(), saved.recent, now)
        self.bans.load(saved.bans.values(), now)
        self.mutes.load(saved.mutes.values(), now)
        self.find_due()

    def bind(self, bounds: Bounds) -> None:
        """Let `bounds` hold, for what is here too."""
        self.bounds = bounds
        self.history.bind(bounds.history, bounds.history_bytes)
        self.rooms.bind(bounds.max_rooms)

    # Time, and what runs out by it.

    def time_at(self, wall: float, node: str = "") -> float:
        """Return the time that a request from `node` would have at its wall time `wall`.

        Where wall clocks are behind, because they were set back or because another node's is ahead,
        time runs at half the speed of the one that is furthest, until the two meet. It never goes
        back, and what waits for it waits twice as long and not as long as the step.
        """
        if wall >= self.time:
            return wall
        time, since = self.walls.get(node, (self.time, wall))
        return max(self.time, time + max(0.0, wall - since) / 2)

    def advance(self, wall: float, node: str = "") -> None:
        """Let it be the wall time `wall` at `node`, and let run out what is due."""
        if wall >= self.time:
            self.time = wall
            if self.walls:
                self.walls.clear()
        else:
            self.time = self.time_at(wall, node)
            self.walls[node] = self.time, wall
        if self.time >= self.due:
            for person in [*self.detached]:
                if person.detached_until <= self.time:
                    self.go(person)
            self.rooms.run_out(self.time)
            self.registrations.run_out(self.time)
            self.bans.run_out(self.time)
            for mute, key in self.mutes.run_out(self.time):
                for person in self.hit(Name(mute.whom, "", key)):
                    self.stand(person, person.role)
            self.find_due()

    def find_due(self) -> None:
        """Find out when something runs out next."""
        detached = min((each.detached_until for each in self.detached), default=float("inf"))
        self.due = min(
            self.rooms.due, self.registrations.due, self.bans.due, self.mutes.due, detached
        )

    # What came of a request.

    def stamp(self) -> tuple[float, str, int]:
        """Return the time, the era and the number of an event."""
        self.number += 1
        return self.time, self.era, self.number

    def happen(
        self, event: RoomEvent, author: Person | None = None, deaf: Collection[str] = ()
    ) -> None:
        """Let all who are in the event's room hear of it."""
        self.decided.append(Happened(event, None if author is None else author.id, deaf))

    def tell(self, person: Person, event: OwnEvent) -> None:
        """Let `person` alone hear of `event`."""
        self.decided.append(ToOne(person.id, event))

    def act(
        self,
        by: Person,
        what: str,
        whom: str,
        seconds: int = 0,
        why: str = "",
        address: str = "",
        told_in: RoomState | None = None,
    ) -> None:
        """Tell the operators and the audit file what `by` did. `told_in`: the room whose members
        are told otherwise.
        """
        acted = Acted(by.name.text, what, whom, seconds, why, address, *self.stamp())
        self.store.audit(entry(acted))
        for person in self.people.values():
            is_told = told_in is not None and person in told_in.present
            # Of those that came by chatctl each reads what it did itself.
            hears = person.door is not Door.CONTROL or person is by
            if person.role == Role.OPERATOR and hears and not is_told:
                self.tell(person, acted)

    def audit(self, by: Person, what: str, whom: str, why: str) -> None:
        """Tell the audit file alone: operators read it as all do."""
        self.store.audit(entry(Acted(by.name.text, what, whom, 0, why, "", *self.stamp())))

    # Who is here.

    def bearer(self, name: Name) -> Person:
        """Return the person that is called `name`. Raises Refusal if nobody is."""
        person = self.by_key.get(name.key)
        if person is None:
            shown = name.text[:SHOWN_NAME]
            raise Refusal(f"nobody here is called {shown}: /who lists who is", Kind.NO_MEMBER)
        return person

    def holder(self, registration: Registration) -> Person | None:
        """Return the person that bears the registered name. One that an older one stands in the way
        of is borne by nobody: whoever is called so bears the older one.
        """
        if self.registrations.obstacle(registration):
            return None
        return self.by_key.get(self.registrations.key_of(registration))

    def owned_by(self, person: Person) -> Registration | None:
        """Return the registration that `person` has proved to own."""
        if person.role < Role.REGISTERED:
            return None
        return self.registrations.standing(person.name.key)

    def hit(self, whom: Name) -> list[Person]:
        """Return the people that `whom`, a name or a network, concerns."""
        network = network_in(whom.text)
        if network is None:
            person = self.by_key.get(whom.key)
            return [] if person is None else [person]
        return [
            person
            for person in self.people.values()
            if person.host is not None and person.host in network
        ]

    def stand(self, person: Person, role: Role) -> None:
        """Let `person` have `role`, and be mute as long as its name and its host are."""
        mutes = (self.mutes.on_name(person.name.key), self.mutes.on_host(person.host))
        until = max((mute.end for mute in mutes if mute is not None), default=0.0)
        if role != person.role:
            before, person.role = person.role, role
            self.tell(person, RoleChanged(role, before, *self.stamp()))
        if until != person.muted_until:
            ends = until, person.muted_until
            person.muted_until = until
            # One that has ended by itself is no news.
            if max(ends) > self.time:
                self.tell(person, MuteChanged(until, *self.stamp()))

    def put_out(self, person: Person, reason: Reason, by: str, why: str) -> None:
        """Let `person` be gone, because the operator `by` wants it."""
        self.tell(person, PutOut(reason.value, "", by, why, *self.stamp()))
        self.go(person, "", reason.value, by, why)

    def go(
        self, person: Person, words: str = "", reason: str = "", by: str = "", why: str = ""
    ) -> None:
        """Let `person` be gone. `words`, `reason`, `by` and `why`: as of Left."""
        del self.people[person.id]
        self.detached.pop(person, None)
        for key in person.ignored:
            self.ignorers.discard(key, person)
        if person.correspondent is not None:
            self.correspondents.discard(person.correspondent, person)
        if self.by_key.get(person.name.key) is person:
            del self.by_key[person.name.key]
            for other in self.correspondents.forget(person.name.key):
                other.correspondent = None
            if is_default_name(person.name.text) and network_in(person.name.text) is None:
                # The next one who is called so is somebody else.
                self.mutes.lift(person.name)
        counts = {}
        for name, room in person.rooms.items():
            self.rooms.leave(room, person, self.time)
            counts[name] = len(room.present)
        left = Left(person.name.text, counts, words, reason, by, why, *self.stamp())
        self.decided.append(Happened(left, person.id))


def address_of(bearer: Person | None) -> str:
    """Return where the bearer of a name comes from; empty: nobody bears it."""
    if bearer is None:
        return ""
    return LOCAL if bearer.host is None else str(bearer.host)
