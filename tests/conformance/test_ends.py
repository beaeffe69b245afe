"""Every way to end: one Left, and nothing that was said before is lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.conformance.driver import Driver, Guest, Read
from tests.conformance.house import House

SECRET = "correct horse battery"

ENDS: dict[str, Callable[[Guest], None]] = {
    "end": lambda guest: guest.end(),
    "close": lambda guest: guest.close(),
    "reset": lambda guest: guest.reset(),
    "quit": lambda guest: guest.command("quit"),
}


@pytest.fixture(params=ENDS.values(), ids=ENDS.keys())
def go(request: pytest.FixtureRequest, driver: Driver) -> Callable[[Guest], None]:
    """Return a way to end a connection."""
    if driver.loses_unread and request.param in (ENDS["reset"], ENDS["close"]):
        pytest.skip("what it had sent is not heard to its end there")
    return request.param


def test_all_that_was_said_before_is_heard_and_then_one_left(
    open_house: Callable[..., House], go: Callable[[Guest], None]
):
    house = open_house()
    ann, bob = house.enter("ann", "bob")
    texts = [f"line {number}" for number in range(200)]
    ann.say(*texts[:100])
    ann.say(*texts[100:])
    go(ann)
    events = bob.until("left")
    assert [event.text for event in events[:-1]] == texts
    assert events[-1] == Read("left", "ann", "", 1)
    [cid] = house.enter("cid")
    cid.say("hello")
    assert "left" not in [event.kind for event in bob.until("said", name="cid")]


def test_what_is_held_back_when_it_ends_is_heard_at_its_rate(
    open_house: Callable[..., House], go: Callable[[Guest], None]
):
    ann, bob = open_house(rate=50, burst=10).enter("ann", "bob")
    texts = [f"line {number}" for number in range(30)]
    ann.say(*texts)
    go(ann)
    assert [event.text for event in bob.until("left")] == [*texts, ""]


def test_who_ends_inside_its_greeting_has_one_entered_and_one_left(
    open_house: Callable[..., House], go: Callable[[Guest], None]
):
    house = open_house()
    [bob] = house.enter("bob")
    for _ in range(10):
        go(house.connect())
        entered, left = bob.next("entered"), bob.read()
        assert (left.kind, left.name, left.count) == ("left", entered.name, 1)


def test_all_who_end_while_all_speak_leave_once(
    open_house: Callable[..., House], go: Callable[[Guest], None]
):
    house = open_house()
    names = [f"guest{number}" for number in range(6)]
    [bob] = house.enter("bob")
    guests = house.enter(*names)
    bob.meet(names[-1])
    for guest in guests:
        guest.say(*["hello"] * 50)
    for guest in guests:
        go(guest)
    events = []
    while len([event for event in events if event.kind == "left"]) < len(names):
        events.append(bob.read())
    assert sorted(event.name for event in events if event.kind == "left") == names
    for name in names:
        own = [event.kind for event in events if event.name == name]
        assert own == ["said"] * 50 + ["left"]


def test_words_at_the_end_are_told_and_nothing_is_taken_after_it(
    open_house: Callable[..., House],
):
    ann, bob = open_house().enter("ann", "bob")
    ann.command("quit", "good night")
    with suppress(OSError):  # It may be closed already.
        ann.say("ghost")
    assert bob.read() == Read("left", "ann", "good night", 1)
    assert ann.rest() == []
    bob.command("nick", "bobby")
    assert bob.read().kind == "renamed"


def test_who_ends_its_side_still_reads_its_answers(
    open_house: Callable[..., House], driver: Driver
):
    if not driver.hears_after_end:
        pytest.skip("a peer that has ended its side is gone there")
    ann, bob = open_house().enter("ann", "bob")
    bob.say("hello")
    ann.command("msg", "bob hi")
    ann.command("nope")
    ann.end()
    said, telling, refused = ann.rest()
    assert (said, telling) == (Read("said", "bob", "hello"), Read("telling", "bob", "hi"))
    assert refused.kind == "refused"
    assert [event.kind for event in bob.until("left")] == ["told", "left"]


def test_what_stands_behind_an_answer_that_takes_long_waits_for_it(
    open_house: Callable[..., House], go: Callable[[Guest], None], driver: Driver
):
    house = open_house()
    ann, bob = house.enter("ann", "bob")
    ann.command("register", SECRET)
    ann.next("notice")
    ann.close()
    bob.next("left")
    ann = house.connect()
    name = bob.next("entered").name
    ann.say("before")
    ann.command("login", f"ann {SECRET}")
    ann.say("behind")
    go(ann)
    assert [(event.kind, event.name, event.text) for event in bob.until("left")] == [
        ("said", name, "before"),
        ("renamed", name, "ann"),
        ("said", "ann", "behind"),
        ("left", "ann", ""),
    ]


def test_when_the_daemon_stops_what_was_said_before_is_in_the_transcript(
    open_house: Callable[..., House],
):
    house = open_house()
    [ann] = house.enter("ann")
    # More than is read at once.
    texts = [f"line {number} {'x' * 150}" for number in range(600)]
    ann.say(*texts)
    transcript = house.stop()
    assert ann.rest() == [Read("notice", text="the daemon stops")]
    said = [line for line in transcript if line.startswith("[ann]")]
    assert said == [f"[ann] {text}" for text in texts]
    assert transcript[-1] == "< The user ann left (0 user online)"


def test_when_the_daemon_stops_all_are_told_and_leave(open_house: Callable[..., House]):
    house = open_house()
    ann, bob, cid = house.enter("ann", "bob", "cid")
    cid.reset()
    transcript = house.stop()
    for guest in (ann, bob):
        *events, last = guest.rest()
        assert last == Read("notice", text="the daemon stops")
        # Of those who leave because it stops nobody is told.
        assert [event.name for event in events if event.kind == "left"] == ["cid"]
    gone = [line for line in transcript if " left (" in line]
    assert gone[0] == "< The user cid left (2 users online)"
    assert transcript[-2:] == gone[1:]
    assert gone[2].endswith(" left (0 user online)")
