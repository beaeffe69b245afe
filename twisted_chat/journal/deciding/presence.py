"""Who comes and goes, and is in which room."""

from __future__ import annotations

from twisted_chat.events import Entered, Parted, Refused
from twisted_chat.journal.people import Person, RoomState
from twisted_chat.journal.sanctions import terms
from twisted_chat.journal.state import State
from twisted_chat.limits import MAX_DETACHED
from twisted_chat.names import Name
from twisted_chat.networks import Host
from twisted_chat.records import Registration, Role
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Detach, Dismiss, Join, Leave, Move, Part, Resume


def closed_to(state: State, host: Host, now: float) -> Refusal | None:
    """Return why nobody may come in from `host`, and until when; None: come in."""
    ban = state.bans.on_host(host)
    if ban is not None and now < ban.end:
        return Refusal(f"you are banned{terms(ban, now)}", Kind.BANNED)
    if state.rooms.lobby.rules.locked:
        return Refusal(
            "the chat is locked: nobody new may come in just now, try again later", Kind.LOCKED
        )
    return None


def check_not_banned(state: State, name: Name) -> None:
    """Raise Refusal if nobody may be called `name`."""
    if ban := state.bans.on_name(name.key):
        raise Refusal(
            f"{name.text} is banned{terms(ban, state.time)}. Choose another name", Kind.BANNED
        )


def check_may_log_in(state: State, owned: Registration, name: Name) -> None:
    """Raise Refusal if the owner of a name, who has proved it, may not be called `name` all the
    same.
    """
    if older := state.registrations.obstacle(owned):
        raise Refusal(
            f"{owned.name} cannot log in: it looks like {older.name}, which was registered before. "
            "Take another name, or ask the administrator to release one of them",
            Kind.NAME_TAKEN,
        )
    if 0 < owned.expires <= state.time:
        raise Refusal(
            f"that passphrase of {owned.name} has expired: ask the administrator for another",
            Kind.WRONG_PASSPHRASE,
        )
    check_not_banned(state, name)


def is_registered(name: str, owned: str) -> Refusal:
    """Return what refuses `name` to a member that does not own it; its owner wrote it `owned`."""
    return Refusal(
        f"{name} is registered: /login {owned} PASSPHRASE, or another name", Kind.REGISTERED
    )


def check_free(state: State, name: Name, but: Person | None) -> None:
    """Raise Refusal if another person than `but` bears `name`."""
    holder = state.by_key.get(name.key)
    if holder is not None and holder is not but:
        looks = "" if holder.name.text == name.text else f", as {holder.name.text}"
        raise Refusal(f"{name.text} is taken{looks}: choose another name", Kind.NAME_TAKEN)


def free(state: State, name: Name) -> Name:
    """Return `name`, or one like it where that is taken: one peer address can be there twice,
    through two ports of ours, or again before its former connection was found dead.
    """
    granted = name
    number = 1
    while granted.key in state.by_key:
        number += 1
        granted = Name(*(f"{part}~{number}" for part in (name.text, name.folded, name.key)))
    return granted


def enter(state: State, person: Person, room: RoomState) -> None:
    """Let `person` be in `room`, and tell all who are there."""
    state.rooms.enter(room, person)
    person.join(room)
    entered = Entered(person.name.text, len(room.present), room.name, *state.stamp())
    state.happen(entered, person)


def join(state: State, person: Person, request: Join) -> str:
    """Return the name of the room."""
    return join_room(state, person, request.room, request.objection).name


def join_room(state: State, person: Person, name: Name, objection: str = "") -> RoomState:
    """Let `person` be in one room more, and return it. Raises Refusal."""
    room = _to_enter(state, person, name, objection)
    check_may_join(state, person)
    room = room or state.rooms.make(name, person.origin)
    enter(state, person, room)
    return room


def check_may_join(state: State, person: Person) -> None:
    """Raise Refusal if `person` is in as many rooms as it may be."""
    if len(person.rooms) >= state.bounds.max_joined:
        raise Refusal(
            f"you are in {len(person.rooms)} rooms, as many as may be: leave one first",
            Kind.TOO_MANY,
        )


def move(state: State, person: Person, request: Move) -> str:
    """Return the name of the room."""
    room = _to_enter(state, person, request.room, request.objection)
    room = room or state.rooms.make(request.room, person.origin)
    for origin in [*person.rooms.values()]:
        part_from(state, person, origin)
    enter(state, person, room)
    return room.name


def _to_enter(state: State, person: Person, name: Name, objection: str) -> RoomState | None:
    """Return the room called `name`; None: it is to be made. Raises Refusal."""
    # A room that is kept may have a name that would be refused for a new one.
    room = state.rooms.find(name)
    if room is None:
        if objection:
            raise Refusal(objection, Kind.BAD_NAME)
    elif room.name in person.rooms:
        raise Refusal(f"you are in #{room.name} already")
    elif room.rules.locked and person.role < Role.OPERATOR:
        raise Refusal(f"#{room.name} is locked: nobody new may come in just now", Kind.LOCKED)
    return room


def part(state: State, person: Person, request: Part) -> None:
    """Let `person` be in one room less."""
    room = state.rooms.get(request.room)
    if room.name not in person.rooms:
        raise Refusal(f"you are not in #{room.name}", Kind.NO_ROOM)
    part_from(state, person, room, _words(state, person, request.words))


def part_from(
    state: State,
    person: Person,
    room: RoomState,
    words: str = "",
    reason: str = "",
    by: str = "",
    why: str = "",
) -> None:
    """Let `person` be in `room` no longer, and tell all who are there. `words`, `reason`, `by` and
    `why`: as of Parted.
    """
    person.part(room)
    state.rooms.leave(room, person, state.time)
    name, count = person.name.text, len(room.present)
    parted = Parted(name, count, room.name, words, reason, by, why, *state.stamp())
    state.happen(parted, person)


def detach(state: State, person: Person, request: Detach) -> None:
    """Let `person` stay for a while without a connection."""
    person.detached_until = state.time + max(0, min(request.seconds, MAX_DETACHED))
    state.detached[person] = None


def resume(state: State, person: Person, request: Resume) -> None:
    """Let `person` stay."""
    person.detached_until = 0.0
    state.detached.pop(person, None)


def leave(state: State, person: Person, request: Leave) -> None:
    """Let `person` be gone, with its words unless it is muted."""
    state.go(person, _words(state, person, request.words), request.reason)


def _words(state: State, person: Person, words: str) -> str:
    if words and person.muted_until:
        state.tell(person, Refused("you are muted: you leave without words", Kind.MUTED))
        return ""
    return words


def dismiss(state: State, request: Dismiss) -> None:
    """Let all members of a node be gone."""
    lead = f"{request.node}."
    for person in [*state.people.values()]:
        if person.id.startswith(lead):
            state.go(person)
