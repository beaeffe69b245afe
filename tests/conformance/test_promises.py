"""What is promised: one order, exactly once, true counts, the greeting first, nobody waits."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.driver import Read
from tests.conformance.house import House

LINES = 40
BIG = "x" * 4000


def of(events: list[Read], kind: str) -> list[Read]:
    return [event for event in events if event.kind == kind]


def test_all_read_what_is_said_in_one_order_and_exactly_once(open_house: Callable[..., House]):
    ann, bob, cid, dan, eve = open_house().enter("ann", "bob", "cid", "dan", "eve")
    for number in range(LINES):
        for guest in (ann, bob, cid):
            guest.say(f"{number} of {guest.name}")
    # What each says last tells that all of it has come.
    heard = []
    for reader in (dan, eve, ann, bob, cid):
        waiting = {"ann", "bob", "cid"} - {reader.name}
        events = []
        while waiting:
            events.append(event := reader.next("said"))
            if event.text == f"{LINES - 1} of {event.name}":
                waiting.discard(event.name)
        heard.append([(event.name, event.text) for event in events])
    first = heard[0]
    assert len(first) == len(set(first)) == 3 * LINES
    for name in ("ann", "bob", "cid"):
        assert [text for author, text in first if author == name] == [
            f"{number} of {name}" for number in range(LINES)
        ]
    assert heard[1] == first
    for own, lines in zip(("ann", "bob", "cid"), heard[2:], strict=True):
        assert lines == [line for line in first if line[0] != own]


def test_what_is_said_in_one_packet_is_read_in_its_order(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    texts = [f"line {number}" for number in range(500)]
    ann.say(*texts)
    assert [event.text for event in of(bob.until("said", text=texts[-1]), "said")] == texts


def test_who_says_something_does_not_read_it(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    ann.say("hello")
    bob.next("said")
    bob.say("hi")
    assert ann.read() == Read("said", "bob", "hi")


def test_the_count_is_that_of_just_after_the_event(open_house: Callable[..., House]):
    house = open_house()
    [ann] = house.enter("ann")
    others = []
    for count in range(2, 6):
        others.append(guest := house.connect())
        assert guest.read().count == count
        assert ann.next("entered").count == count
    for count, guest in zip(range(4, 0, -1), others, strict=True):
        guest.close()
        assert ann.next("left").count == count


def test_the_counts_are_true_while_many_come_and_go(open_house: Callable[..., House]):
    house = open_house()
    [ann] = house.enter("ann")
    for _ in range(5):
        guests = [house.connect() for _ in range(6)]
        for guest in guests:
            guest.close()
    count, here, gone = 1, 0, 0
    while gone < 30:
        event = ann.read()
        count += 1 if event.kind == "entered" else -1
        here += event.kind == "entered"
        gone += event.kind == "left"
        assert event.kind in ("entered", "left")
        assert event.count == count
    assert (count, here) == (1, 30)


def test_a_newcomer_reads_its_greeting_before_all_else(open_house: Callable[..., House]):
    house = open_house()
    [ann] = house.enter("ann")
    for number in range(20):
        ann.say(*[f"{number} {line}" for line in range(20)])
        guest = house.connect()
        ann.say(*[f"{number} again {line}" for line in range(20)])
        ann.next("entered")
        ann.say("now all is said")
        events = guest.until("said", text="now all is said")
        assert events[0].kind == "greeting"
        assert {event.kind for event in events[1:]} == {"said"}
        guest.close()
        ann.next("left")


def test_nobody_waits_for_one_that_does_not_read_and_that_one_is_put_out(
    open_house: Callable[..., House],
):
    house = open_house(backlog=64 * 1024)
    ann, bob = house.enter("ann", "bob")
    [slow] = house.enter("slow", small=True)
    ann.meet("slow")
    bob.meet("slow")
    events: list[Read] = []
    while not of(events, "left"):
        said = len(of(events, "said"))
        ann.say(*[BIG] * 32, f"after {said}")
        events += bob.until("said", text=f"after {said}")
        assert len(events) < 10_000
    [left] = of(events, "left")
    assert left == Read("left", "slow", "put out: too slow to read", 2)
    assert ann.next("left") == left
    # It reads what had gone out to it, and nothing twice.
    read = of(slow.rest(), "said")
    assert read == of(events, "said")[: len(read)]


def test_nobody_waits_for_one_that_floods(open_house: Callable[..., House]):
    ann, bob, cid = open_house(rate=20, burst=20).enter("ann", "bob", "cid")
    texts = [f"line {number}" for number in range(40)]
    ann.say(*texts)
    cid.until("said", name="ann")
    bob.say("me first")
    events = of(cid.until("said", name="bob"), "said")
    assert len(events) < len(texts)


def test_what_floods_is_delayed_and_nothing_of_it_is_lost(open_house: Callable[..., House]):
    house = open_house(rate=50, burst=10)
    ann, bob = house.enter("ann", "bob")
    texts = [f"line {number}" for number in range(40)]
    before = house.seconds()
    ann.say(*texts)
    assert [event.text for event in bob.until("said", text=texts[-1])] == texts
    assert house.seconds() - before >= (len(texts) - 10 - 1) / 50
