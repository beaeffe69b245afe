"""Guests in several rooms: each event is read once, in order, with the counts of each room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.driver import YOU, Driver, Read
from tests.conformance.house import House

BOTH = ("lobby", "dev")


@pytest.fixture
def begin(open_house: Callable[..., House], driver: Driver) -> Callable[..., House]:
    """Start a daemon, where the door has several rooms."""
    if not driver.has_several_rooms:
        pytest.skip("a guest is in one room there")
    return open_house


def test_a_guest_is_greeted_in_its_first_room_and_reads_that_it_joined_the_others(
    begin: Callable[..., House],
):
    guest = begin().connect(rooms=("dev", "lobby", "ops"))
    events = [guest.read(), guest.read(), guest.read()]
    assert [(event.kind, event.room, event.count) for event in events] == [
        ("greeting", "dev", 1),
        ("joined", "lobby", 1),
        ("joined", "ops", 1),
    ]


def test_all_that_is_said_in_its_rooms_is_read_once_and_in_order(begin: Callable[..., House]):
    ann, bob = begin().enter("ann", "bob", rooms=BOTH)
    said = [(BOTH[number % 3 > 0], f"line {number}") for number in range(200)]
    for room, text in said:
        ann.say(text, room=room)
    events = bob.until("said", text=said[-1][1])
    assert [(event.kind, event.room, event.text) for event in events] == [
        ("said", room, text) for room, text in said
    ]


def test_all_read_what_is_said_in_two_rooms_in_the_same_order(begin: Callable[..., House]):
    guests = begin().enter("ann", "bob", "cid", "dan", rooms=BOTH)
    *speakers, cid, dan = guests
    for number in range(50):
        for guest in speakers:
            guest.say(f"{number} of {guest.name}", room=BOTH[number % 2])
    heard = []
    for reader in (cid, dan):
        waiting = {guest.name for guest in speakers}
        events = []
        while waiting:
            events.append(event := reader.next("said"))
            if event.text.startswith("49 "):
                waiting.discard(event.name)
        heard.append([(event.room, event.text) for event in events])
    assert heard[0] == heard[1]
    assert len(heard[0]) == len(set(heard[0])) == 100


def test_what_is_said_in_one_room_is_read_there_alone(begin: Callable[..., House]):
    house = begin()
    [ann, bob] = house.enter("ann", "bob", rooms=BOTH)
    [cid] = house.enter("cid")
    bob.say("in dev", room="dev")
    bob.say("in the lobby", room="lobby")
    assert cid.read() == Read("said", "bob", "in the lobby")
    ann.meet("cid")
    assert [(event.room, event.text) for event in (ann.read(), ann.read())] == [
        ("dev", "in dev"),
        ("lobby", "in the lobby"),
    ]


def test_what_is_said_in_a_room_without_being_there_is_refused(begin: Callable[..., House]):
    house = begin()
    [ann, bob] = house.enter("ann", "bob", rooms=BOTH)
    [cid] = house.enter("cid")
    cid.say("ghost", room="dev")
    assert cid.read() == Read("refused", text="that was not said: you are not in #dev")
    ann.say("done", room="dev")
    bob.meet("cid")
    assert bob.read() == Read("said", "ann", "done")


def test_who_shares_two_rooms_reads_a_rename_once(begin: Callable[..., House]):
    ann, bob = begin().enter("ann", "bob", rooms=BOTH)
    ann.command("nick", "anna")
    ann.say("done", room="dev")
    assert ann.read() == Read("renamed", YOU, "anna")
    assert [bob.read(), bob.read()] == [
        Read("renamed", "ann", "anna"),
        Read("said", "anna", "done"),
    ]


def test_who_shares_two_rooms_reads_once_that_somebody_left_with_the_count_of_each(
    begin: Callable[..., House],
):
    house = begin()
    ann, bob = house.enter("ann", "bob", rooms=BOTH)
    house.enter("cid")
    ann.command("quit", "bye")
    bob.meet("cid")
    left = bob.read()
    assert (left.kind, left.name, left.text) == ("left", "ann", "bye")
    assert left.counts == {"lobby": 2, "dev": 1}
    bob.command("nick", "bobby")
    assert bob.read() == Read("renamed", YOU, "bobby")


def test_who_parts_is_gone_from_that_room_alone(begin: Callable[..., House]):
    ann, bob = begin().enter("ann", "bob", rooms=BOTH)
    ann.part("dev", "enough")
    parted = bob.read()
    assert parted == Read("parted", "ann", "enough", 1)
    assert parted.room == "dev"
    bob.say("in dev", room="dev")
    bob.say("in the lobby", room="lobby")
    assert ann.next("said") == Read("said", "bob", "in the lobby")
    ann.say("still here", room="lobby")
    assert bob.read() == Read("said", "ann", "still here")


def test_who_parts_from_where_it_is_not_is_told_so(begin: Callable[..., House]):
    [ann] = begin().enter("ann")
    ann.part("dev")
    assert ann.read().kind == "refused"


def test_who_is_in_no_room_any_more_is_still_in_the_chat(begin: Callable[..., House]):
    house = begin()
    ann, bob = house.enter("ann", "bob")
    ann.part("lobby")
    assert bob.read() == Read("parted", "ann", "", 1)
    bob.command("msg", "ann come back")
    assert ann.next("told") == Read("told", "bob", "come back")
    ann.say("ghost")
    assert ann.read().text == "that was not said: you are in no room: /join ROOM first"
    ann.join("lobby")
    assert ann.next("joined").count == 2
    assert bob.next("entered") == Read("entered", "ann", "", 2)


def test_it_may_be_in_so_many_rooms(begin: Callable[..., House]):
    [ann] = begin(max_joined=3).enter("ann", rooms=("lobby", "dev"))
    ann.join("ops")
    assert ann.read() == Read("joined", count=1)
    ann.join("more")
    refused = Read("refused", text="you are in 3 rooms, as many as may be: leave one first")
    assert ann.read() == refused
    ann.part("dev")
    ann.join("more")
    assert ann.next("joined").room == "more"


def test_one_that_comes_is_told_of_the_rooms_that_it_may_not_enter(begin: Callable[..., House]):
    house = begin(max_joined=2, lasting=True)
    house.enter("ann", rooms=BOTH)
    house.operate("lock", room="dev")
    guest = house.connect(rooms=("dev", "lobby", "Lobby", "ops", "more"))
    events = [guest.read() for _ in range(4)]
    assert events == [
        Read("greeting", count=2),
        Read("joined", count=1),
        Read("refused", text="#dev is locked: nobody new may come in just now"),
        Read("refused", text="you are in 2 rooms, as many as may be: leave one first"),
    ]
    for command in ("history", "who", "topic"):
        guest.command(command, room="dev")
        assert guest.read() == Read("refused", text="you are not in #dev")


def test_all_rooms_of_a_member_are_listed(begin: Callable[..., House]):
    house = begin(lasting=True)
    ann, _ = house.enter("ann", "bob", rooms=BOTH)
    ann.command("whois", "bob")
    assert "bob in #lobby, #dev, " in ann.read().text
    [seen] = house.operate("whois", "bob")
    assert seen["record"]["rooms"] == ["lobby", "dev"]


def test_who_is_kicked_is_put_out_of_all_rooms(begin: Callable[..., House]):
    house = begin(lasting=True)
    ann, bob = house.enter("ann", "bob", rooms=BOTH)
    house.operate("kick", "ann rude")
    assert ann.rest() == [Read("refused", text="you were put out: kicked by chatctl: rude")]
    left = bob.read()
    assert left == Read("left", "ann", "put out: kicked by chatctl: rude", 1)
    assert left.counts == {"lobby": 1, "dev": 1}
    bob.command("nick", "bobby")
    assert bob.read().kind == "renamed"


def test_people_at_the_line_door_read_of_their_own_room(begin: Callable[..., House]):
    house = begin()
    [ann] = house.enter("ann", rooms=BOTH)
    peer = house.peer()
    peer.send(b"/join dev\n/nick bob\n")
    ann.meet("bob")
    peer.find("- You are now bob")
    ann.part("dev", "enough")
    assert peer.line() == "< The user ann left (1 user online): enough"
    ann.join("dev")
    assert peer.line() == "> New user ann entered (2 users online)"
    ann.say("hello", room="dev")
    ann.say("not here", room="lobby")
    ann.command("nick", "anna")
    ann.close()
    assert peer.lines(3) == [
        "[ann] hello",
        "- ann is now anna",
        "< The user anna left (1 user online)",
    ]


def test_the_transcript_has_an_event_of_several_rooms_in_each(begin: Callable[..., House]):
    house = begin()
    ann, bob = house.enter("ann", "bob", rooms=BOTH)
    ann.say("hello", room="dev")
    bob.next("said")
    ann.close()
    bob.next("left")
    transcript = house.stop()
    assert "#dev [ann] hello" in transcript
    for lead in ("", "#dev "):
        assert f"{lead}< The user ann left (1 user online)" in transcript


def test_what_it_has_missed_is_told_again(begin: Callable[..., House]):
    house = begin()
    ann, bob = house.enter("ann", "bob", rooms=BOTH)
    ann.say("one", "two", "three", room="dev")
    first = bob.until("said", text="three")[0]
    bob.command("history", f"after {first.id}", room="dev")
    assert [bob.read().text[-len(text) :] for text in ("two", "three")] == ["two", "three"]
    bob.command("history", "after nothing-1", room="dev")
    gap = bob.read()
    assert gap.text == "lines of #dev may be missing here: they are not kept any more"


def test_who_joins_again_goes_on_reading_where_it_stopped(begin: Callable[..., House]):
    house = begin()
    ann, bob = house.enter("ann", "bob", rooms=BOTH)
    ann.say("one", room="dev")
    first = bob.next("said")
    bob.part("dev")
    ann.next("parted")
    ann.say("two", "three", room="dev")
    bob.join("dev", since=first.id)
    assert bob.next("joined").room == "dev"
    assert [bob.read().text.rpartition(" ")[2] for _ in range(2)] == ["two", "three"]
    ann.next("entered")
    ann.say("four", room="dev")
    assert bob.read() == Read("said", "ann", "four")
