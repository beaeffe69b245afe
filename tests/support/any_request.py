"""Requests of every kind, as hypothesis makes them: of few names, rooms and addresses, so that they
meet.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from twisted_chat import requests
from twisted_chat.authorisation import Door
from twisted_chat.events import LOBBY, Reason
from twisted_chat.names import Name, named
from twisted_chat.requests import (
    Arrive,
    Begin,
    Ignore,
    Join,
    Register,
    Request,
    Say,
    SetOperator,
    Slow,
    Tell,
)

NODES = ("n1", "n2")
AUTHORS = tuple(f"{node}.{number}" for node in NODES for number in (1, 2, 3))
ROOMS = (LOBBY, LOBBY, "dev", "Dev", "μ")
NAMES = ("ann", "ann", "bob", "Bob", "Зоя", "10.0.0.1:33082", "10.0.0.1:33082~2")
NETWORKS = ("10.0.0.1", "10.0.0.0/24", "2001:db8::/64")
TEXTS = ("", "hello", "two\nlines", "čau \N{GRINNING FACE}")

# By the names of the fields.
_VALUES = {
    "name": NAMES,
    "chosen": NAMES,
    "receiver": NAMES,
    "whom": NAMES + NETWORKS,
    "room": ROOMS,
    "rooms": ROOMS,
    "host": ("", "10.0.0.1", "2001:db8::1"),
    "origin": ("local", "10.0.0.1", "2001:db8::/64"),
    "door": tuple(door.value for door in Door),
    "node": NODES,
    "era": ("e1", "e2"),
    "id": tuple(f"e1-{number}" for number in range(1, 30)),
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


def _values(name: str, hint: object) -> st.SearchStrategy:
    """Return what makes values of a field."""
    if get_origin(hint) is tuple:
        return st.lists(_values(name, get_args(hint)[0]), max_size=2).map(tuple)
    if hint is bool:
        return st.booleans()
    pool = st.sampled_from(_VALUES.get(name, TEXTS))
    if hint == Name | None:
        return st.none() | pool.map(named)
    return pool.map(named) if hint is Name else pool


@cache
def of_kind(kind: type[Request]) -> st.SearchStrategy[Request]:
    """Return what makes requests of one class."""
    hints = get_type_hints(kind)
    return st.builds(
        kind, **{each.name: _values(each.name, hints[each.name]) for each in fields(kind)}
    )


def of_any_kind() -> st.SearchStrategy[Request]:
    """Return what makes requests, some of them more often: others depend on them."""
    return st.sampled_from((*KINDS, Say, Say, Say, Say, Slow, Tell, Ignore)).flatmap(of_kind)


Step = tuple[str, Request, float]
"""Who asks, for what, and the wall time."""

WALL = 1_700_000_000.0
"""Unix time when a test begins."""


def steps() -> st.SearchStrategy[Step]:
    """Return what makes steps; the wall clock jumps back and forth."""
    walls = st.sampled_from((0.0, 0.25, 1.0, 61.0, 90_000.0, 200_000.0)).map(WALL.__add__)
    return st.tuples(st.sampled_from((*AUTHORS, "n1.1", "n2.2")), of_any_kind(), walls)


def _arrives(author: str, name: str, host: str, door: Door, *rooms: str) -> Step:
    rooms_named = tuple(map(named, rooms))
    return author, Arrive(named(name), host, host or "local", door.value, rooms_named), WALL


SOMEBODY = [
    ("n1.", Begin("e1"), WALL),
    _arrives("n1.1", "ann", "10.0.0.1", Door.SAFE_LINE, LOBBY),
    _arrives("n1.2", "bob", "2001:db8::1", Door.LINE, LOBBY),
    _arrives("n2.1", "10.0.0.1:33082", "10.0.0.1", Door.LINE, LOBBY),
    _arrives("n2.2", "op", "", Door.CONTROL),
    ("n1.1", Register(named("ann"), "fake a"), WALL),
    ("n2.2", SetOperator(named("ann")), WALL),
    ("n1.2", Join(named("dev")), WALL),
]
"""Steps by which somebody is here: otherwise most of what is asked would be refused."""


def asked(most: int) -> st.SearchStrategy[list[Step]]:
    """Return what makes lists of `most` steps at most, by which much happens."""
    return st.lists(steps(), max_size=most).map(SOMEBODY.__add__)
