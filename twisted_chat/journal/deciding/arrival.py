"""Who comes into the chat."""

from __future__ import annotations

from ipaddress import ip_address

from twisted_chat.authorisation import Door
from twisted_chat.events import Loss, Refused, RoleChanged
from twisted_chat.journal.deciding.accounts import as_owned, take_away
from twisted_chat.journal.deciding.presence import (
    check_free,
    check_may_join,
    check_may_log_in,
    check_not_banned,
    closed_to,
    free,
    is_registered,
    join_room,
)
from twisted_chat.journal.people import Person
from twisted_chat.journal.state import State
from twisted_chat.names import Name
from twisted_chat.records import Role
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Arrive


def arrive(state: State, author: str, request: Arrive) -> str:
    """Let `author`, which is not here yet, be in the chat. Return its name. Raises Refusal."""
    if author in state.people:
        raise Refusal("you are here already")
    host = ip_address(request.host) if request.host else None
    door = Door(request.door)
    name, role = request.name, Role.GUEST
    if door is not Door.CONTROL:
        if refusal := closed_to(state, host, state.time):
            raise refusal
        if request.chosen is None:
            name = free(state, name)
        else:
            name, role = _chosen(state, request.chosen, request.digest)
    default = name if request.chosen is None else request.name
    person = Person(author, name, default, host, request.origin, door, state.time)
    state.people[author] = person
    if door is not Door.CONTROL:
        state.by_key[name.key] = person
    # What it may enter depends on its role, and it is told of that behind its greeting.
    person.role = max(role, person.role)
    refused = _join(state, person, request.rooms)
    if role > Role.GUEST:
        state.tell(person, RoleChanged(role, Role.GUEST, *state.stamp()))
    state.stand(person, person.role)
    for refusal in refused:
        state.tell(person, Refused(str(refusal), refusal.kind))
    return name.text


def _chosen(state: State, name: Name, digest: str) -> tuple[Name, Role]:
    """Return the name that somebody comes under who wants to be called `name`, and its role. Raises
    Refusal.
    """
    check_not_banned(state, name)
    owned = state.registrations.get(name)
    if owned is None:
        check_free(state, name, None)
        return name, Role.GUEST
    if owned.digest != digest:
        raise is_registered(name.text, owned.name)
    check_may_log_in(state, owned, name)
    state.registrations.log_in(owned, state.time)
    if holder := state.by_key.get(name.key):
        take_away(state, holder, Loss.LOGIN, holder.name.text)
    return as_owned(state, owned, name), owned.role


def _join(state: State, person: Person, names: tuple[Name, ...]) -> list[Refusal]:
    """Let `person` be in the rooms with these names. Return why it is not in the others."""
    refused = []
    for name in names:
        room = state.rooms.find(name)
        if room is not None and room.name in person.rooms:
            continue  # It was named twice.
        try:
            check_may_join(state, person)
        except Refusal as refusal:
            refused.append(refusal)
            break  # To refuse each of a thousand would take a turn.
        try:
            join_room(state, person, name)
        except Refusal as refusal:
            refused.append(refusal)
    return refused
