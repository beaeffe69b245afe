"""The whole state as JSON, members included, and back: what a node begins with that comes later."""

from __future__ import annotations

from dataclasses import asdict
from ipaddress import ip_address
from typing import Any

from twisted_chat.authorisation import Door
from twisted_chat.journal.people import Attention, Person
from twisted_chat.journal.state import State
from twisted_chat.journal.store import IStore
from twisted_chat.limits import Bounds
from twisted_chat.names import Name
from twisted_chat.records import Role

_PARTS = ("history", "rooms", "registrations", "bans", "mutes")


def dump(state: State) -> dict[str, Any]:
    """Return all that `state` knows. Between two requests: nothing waits to be told."""
    return {
        "bounds": asdict(state.bounds),
        "time": state.time,
        "walls": {node: list(pair) for node, pair in state.walls.items()},
        "era": state.era,
        "number": state.number,
        "said": state.said,
        "people": [_document(person) for person in state.people.values()],
        # Orders of their own, in which members read what happens.
        "present": {room.name: [each.id for each in room.present] for room in state.rooms},
        "ignorers": _ids(state.ignorers),
        "correspondents": _ids(state.correspondents),
        "detached": [person.id for person in state.detached],
        "posted": [[*place, time] for place, time in state.posted.items()],
        **{part: getattr(state, part).dump() for part in _PARTS},
    }


def load(dump: dict[str, Any], store: IStore) -> State:
    """Return the state that `dump` was made of. Whatever is to outlast the process from here on
    goes to `store`.
    """
    state = State(store, Bounds(**dump["bounds"]))
    state.time = dump["time"]
    state.walls = {node: (time, wall) for node, (time, wall) in dump["walls"].items()}
    state.era = dump["era"]
    state.number = dump["number"]
    state.said = dump["said"]
    state.history.load(dump["history"])
    state.rooms.restore(dump["rooms"])
    state.registrations.restore(dump["registrations"], state.time)
    state.bans.restore(dump["bans"])
    state.mutes.restore(dump["mutes"])
    for document in dump["people"]:
        person = _person(document)
        state.people[person.id] = person
        if person.door is not Door.CONTROL:
            state.by_key[person.name.key] = person
        for name in document["rooms"]:
            room = state.rooms.exactly(name)
            person.join(room)
    for name, ids in dump["present"].items():
        state.rooms.exactly(name).present.update(dict.fromkeys(state.people[id] for id in ids))
    for attention, part in ((state.ignorers, "ignorers"), (state.correspondents, "correspondents")):
        for key, ids in dump[part].items():
            attention[key] = dict.fromkeys(state.people[id] for id in ids)
    state.detached = dict.fromkeys(state.people[id] for id in dump["detached"])
    state.posted = {(key, room): time for key, room, time in dump["posted"]}
    state.find_due()
    return state


def _ids(attention: Attention) -> dict[str, list[str]]:
    return {key: [person.id for person in people] for key, people in sorted(attention.items())}


def _document(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": _parts(person.name),
        "default": _parts(person.default),
        "host": "" if person.host is None else str(person.host),
        "origin": person.origin,
        "door": person.door.value,
        "active": person.active,
        "rooms": list(person.rooms),
        "role": person.role,
        "muted_until": person.muted_until,
        "detached_until": person.detached_until,
        "away": person.away,
        "spoke": dict(person.spoke),
        "ignored": dict(person.ignored),
        "correspondent": person.correspondent,
    }


def _person(document: dict[str, Any]) -> Person:
    person = Person(
        document["id"],
        Name(*document["name"]),
        Name(*document["default"]),
        ip_address(document["host"]) if document["host"] else None,
        document["origin"],
        Door(document["door"]),
        document["active"],
    )
    person.role = Role(document["role"])
    person.muted_until = document["muted_until"]
    person.detached_until = document["detached_until"]
    person.away = document["away"]
    person.spoke = document["spoke"]
    person.ignored = document["ignored"]
    person.correspondent = document["correspondent"]
    return person


def _parts(name: Name) -> list[str]:
    return [name.text, name.folded, name.key]
