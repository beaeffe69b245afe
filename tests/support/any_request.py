"""Requests of every kind: of few names, rooms and addresses, so that they meet.

Each is made from a number by chance. Of what hypothesis would choose piece by piece, most examples
would be much alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from random import Random
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from twisted_chat import requests
from twisted_chat.authorisation import EVERYWHERE, RIGHTS, Door, Right, refusal
from twisted_chat.events import LOBBY, Reason
from twisted_chat.journal.decider import Decider
from twisted_chat.journal.state import State
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import Bounds
from twisted_chat.names import Name, named
from twisted_chat.refusal import Refusal
from twisted_chat.requests import (
    AddToken,
    Arrive,
    Ban,
    Begin,
    DropToken,
    Ignore,
    Join,
    Lock,
    Mute,
    Post,
    Register,
    Reply,
    Request,
    Say,
    SetOperator,
    Tell,
    Unban,
    Unignore,
    Unlock,
    Unmute,
)

NODES = ("n1", "n2")
AUTHORS = tuple(f"{node}.{number}" for node in NODES for number in (1, 2, 3))
CHATCTL = "n2.2"
"""The author that SOMEBODY has at the control door."""

ROOMS = (LOBBY, LOBBY, "dev", "Dev", "μ")
NAMES = ("ann", "ann", "ann", "bob", "Bob", "Зоя", "10.0.0.1:33082", "10.0.0.1:33082~2")
NETWORKS = ("10.0.0.1", "10.0.0.0/24", "2001:db8::/64")
TEXTS = ("", "hello", "two\nlines", "čau \N{GRINNING FACE}")

FEW = Bounds(max_rooms=4, max_joined=2, history=3, history_bytes=8000)
"""So few that all of them are met."""

BOUNDS = (
    FEW,
    Bounds(max_rooms=1, max_joined=1, history=0, history_bytes=0),
    Bounds(max_rooms=2, max_joined=3, history=16, history_bytes=5000),
)

# By the names of the fields.
_VALUES = {
    "name": NAMES,
    "chosen": NAMES,
    "receiver": NAMES,
    "whom": ("bob", "bob", "bob", "bob", *NAMES, *NETWORKS),
    "room": ROOMS,
    "rooms": ROOMS,
    "host": ("", "10.0.0.1", "2001:db8::1"),
    "origin": ("local", "10.0.0.1", "2001:db8::/64"),
    "door": tuple(door.value for door in Door),
    "node": NODES,
    "era": ("e1", "e2"),
    # The first is that of the line in SOMEBODY.
    "id": (*["e1-8"] * 8, *(f"e1-{number}" for number in range(9, 20))),
    "bounds": BOUNDS,
    "digest": ("fake a", "fake b"),
    "reason": ("", *(reason.value for reason in Reason)),
    "objection": ("", "", "that is no name"),
    "seconds": (0, 1, 60, 100_000),
}

KINDS: tuple[type[Request], ...] = tuple(
    made
    for made in vars(requests).values()
    if isinstance(made, type) and issubclass(made, Request) and made is not Request
)
"""All classes of requests."""


_type_hints = cache(get_type_hints)


def _value(name: str, hint: object, chance: Random) -> Any:
    """Return a value of a field."""
    if get_origin(hint) is tuple:
        return tuple(_value(name, get_args(hint)[0], chance) for _ in range(chance.randint(0, 2)))
    if hint is bool:
        return chance.random() < 0.5
    if hint == Name | None and chance.random() < 0.5:
        return None
    value = chance.choice(_VALUES.get(name, TEXTS))
    return named(value) if hint in (Name, Name | None) else value


def _request(kind: type[Request], chance: Random, before: Sequence[Step] = ()) -> Request:
    """Return a request of one class. Some of its values stand in requests `before`: so one undoes
    what another has done.
    """
    hints = _type_hints(kind)
    values = {each.name: _value(each.name, hints[each.name], chance) for each in fields(kind)}
    for name, value in values.items():
        known = [getattr(request, name, None) for _, request, _ in before]
        known = [each for each in known if type(each) is type(value)]
        if known and chance.random() < 0.4:
            values[name] = chance.choice(known)
    return kind(**values)


_SEEDS = st.integers(0, 2**20)


def of_kind(kind: type[Request]) -> st.SearchStrategy[Request]:
    """Return what makes requests of one class."""
    return _SEEDS.map(lambda seed: _request(kind, Random(seed)))


_OFTEN = (
    *(Say, Say, Say, Tell, Tell, Tell, Reply, Ban, Unban, Mute, Unmute, Lock, Unlock, Post),
    *(Ignore, Ignore, Unignore, Unignore, AddToken, AddToken, DropToken, DropToken),
)
"""Classes of requests that are made more often: others depend on them, or they on others."""

Step = tuple[str, Request, float]
"""The author, what it asks for, and the wall time."""

WALL = 1_700_000_000.0
"""Unix time when a test begins."""


def _arrives(author: str, name: str, host: str, door: Door, *rooms: str) -> Step:
    rooms_named = tuple(map(named, rooms))
    return author, Arrive(named(name), host, host or "local", door.value, rooms_named), WALL


SOMEBODY = [
    ("n1.", Begin("e1", FEW), WALL),
    _arrives("n1.1", "ann", "10.0.0.1", Door.SAFE_LINE, LOBBY),
    _arrives("n1.2", "bob", "2001:db8::1", Door.LINE, LOBBY),
    _arrives("n2.1", "10.0.0.1:33082", "10.0.0.1", Door.LINE, LOBBY),
    _arrives(CHATCTL, "op", "", Door.CONTROL),
    ("n1.1", Register(named("ann"), "fake a"), WALL),
    (CHATCTL, SetOperator(named("ann")), WALL),
    ("n1.2", Join(named("dev")), WALL),
    ("n1.1", Say(LOBBY, "hello"), WALL),
]
"""Steps by which somebody is here: otherwise most of what is asked would be refused."""


def asked(most: int) -> st.SearchStrategy[list[Step]]:
    """Return what makes lists of steps by which much happens: SOMEBODY, and `most` more at most."""
    return st.builds(_steps, st.sampled_from(range(most + 1)), _SEEDS)


def _steps(count: int, seed: int) -> list[Step]:
    """Return SOMEBODY and `count` steps more. A lower count gives the first of the same steps."""
    chance = Random(seed)
    state = State(NoStore())
    decider = Decider(state)
    steps: list[Step] = []
    for number in range(len(SOMEBODY) + count):
        step = SOMEBODY[number] if number < len(SOMEBODY) else _step(state, chance, steps)
        steps.append(step)
        with suppress(Refusal):
            decider.decide(*step)
    return steps


def _step(state: State, chance: Random, before: Sequence[Step]) -> Step:
    """Return a step, mostly one that its author may ask for. The wall clock jumps back and
    forth.
    """
    is_empty = len(state.people) < 3
    kind = Arrive if is_empty and chance.random() < 0.5 else chance.choice((*KINDS, *_OFTEN))
    request = _request(kind, chance, before)
    authors = list(AUTHORS)
    if chance.random() < 0.8:
        authors = _fit(state, request) or authors
    wall = WALL + chance.choice((0.0, 0.25, 1.0, 61.0, 90_000.0, 200_000.0))
    return chance.choice(authors), request, wall


def _fit(state: State, request: Request) -> list[str]:
    """Return the authors that may ask for `request`."""
    if isinstance(request, Arrive):
        return [author for author in AUTHORS if author not in state.people]
    right = RIGHTS.get(request.command, Right(EVERYWHERE))
    return [
        author
        for author, person in state.people.items()
        if refusal(right, person.door, person.role, person.muted_until > 0) is None
    ]
