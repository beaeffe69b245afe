"""Guests that say when they connect what they want to be called."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.conformance.driver import Driver, Read
from tests.conformance.house import House
from twisted_chat.limits import GOODBYE

SECRET = "correct horse battery"


@pytest.fixture
def begin(open_house: Callable[..., House], driver: Driver) -> Callable[[], House]:
    """Start a daemon, where the door knows names."""
    if not driver.knows_names:
        pytest.skip("nobody says its name before it is in")
    return partial(open_house, lasting=True)


def test_it_comes_under_its_name_at_once(begin: Callable[[], House]):
    house = begin()
    [ann] = house.enter("ann")
    bob = house.connect(name="bob")
    assert bob.read() == Read("greeting", count=2)
    bob.say("hello")
    assert [ann.read(), ann.read()] == [
        Read("entered", "bob", "", 2),
        Read("said", "bob", "hello"),
    ]
    assert house.stop()[-5:-2] == [
        "> New user ann entered (1 user online)",
        "> New user bob entered (2 users online)",
        "[bob] hello",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ANN", "ANN is taken, as ann: choose another name"),
        ("eve", "eve is banned, by chatctl. Choose another name"),
        ("no name", "the name 'no name' holds ' ': "),
        ("admin", "the name 'admin' is kept for the chat itself"),
        ("10.0.0.1:33", "the name '10.0.0.1:33' does not begin with a letter"),
    ],
)
def test_a_name_that_it_cannot_have_is_refused_at_the_door(
    begin: Callable[[], House], name: str, why: str
):
    house = begin()
    [ann] = house.enter("ann")
    house.operate("ban", "eve")
    [refused] = house.connect(name=name).rest()
    assert refused.kind == "refused"
    assert refused.text.startswith(why), refused.text
    bob = house.connect(name="bob")
    assert bob.read() == Read("greeting", count=2)
    assert ann.read() == Read("entered", "bob", "", 2)


def test_a_registered_name_is_refused_at_the_door(begin: Callable[[], House]):
    house = begin()
    [ann] = house.enter("ann")
    ann.command("register", SECRET)
    ann.next("notice")
    ann.close()
    while (event := house.connect(name="ann").rest()[-1]).text.startswith("ann is taken"):
        pass  # It has not left yet.
    assert event.text.startswith("ann is registered: ")


def test_who_loses_such_a_name_has_its_default_name_again(begin: Callable[[], House]):
    house = begin()
    [ann, bob] = house.enter("ann", "bob")
    ann.command("register", SECRET)
    ann.next("notice")
    bob.command("login", f"ann {SECRET}")
    events = [event for event in bob.until("notice") if event.kind == "renamed"]
    assert [event.name for event in events] == ["ann", "you"]
    assert ":" in events[0].text


def test_who_is_refused_at_the_door_frees_its_place(begin: Callable[[], House]):
    house = begin()
    house.enter("ann")
    for _ in range(20):
        assert [event.kind for event in house.connect(name="ann").rest()] == ["refused"]
    bob = house.connect(name="bob")
    assert bob.read() == Read("greeting", count=2)
    bob.command("nick", "bobby")
    bob.next("renamed")
    counts = house.counts()
    assert counts["accepted"] == 22


def test_one_that_has_not_said_its_name_yet_has_a_place_and_holds_up_nothing(
    begin: Callable[..., House], driver: Driver
):
    if driver.is_safe:
        pytest.skip("over TLS nobody is there before the handshake")
    house = begin(max_users=2)
    silent = house.knock()
    [ann] = house.enter("ann")
    [refused] = house.connect(name="bob").rest()
    assert refused.text == "the chat is full (2 users): try again later"
    silent.end()
    while house.counts()["connections"] > 1:
        pass
    silent = house.knock()
    ann.close()
    while house.counts()["connections"] > 1:
        pass
    before = house.seconds()
    assert house.stop()[-1] == "< The user ann left (0 user online)"
    assert house.seconds() - before < GOODBYE
    assert "stop" in silent.rest()
