"""The limits: who is past one is told why, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.conformance.driver import Driver, Read
from tests.conformance.house import House


def test_a_line_that_is_too_long_is_refused_and_the_connection_stays(
    open_house: Callable[..., House],
):
    ann, bob = open_house(max_line=100).enter("ann", "bob")
    for too_long in ("x" * 101, "é" * 51, "x" * 5000):
        ann.say("x" * 100, too_long, "after")
        refused = ann.read()
        assert refused.kind == "refused"
        assert "longer than 100 bytes" in refused.text
        assert [bob.read().text, bob.read().text] == ["x" * 100, "after"]


def test_what_is_configured_otherwise_holds_at_once_for_who_is_here_and_who_comes(
    open_house: Callable[..., House],
):
    house = open_house(max_line=100)
    ann, bob = house.enter("ann", "bob")
    house.configure("be kind", max_line=200, max_users=3, replay=1)
    ann.say("x" * 200)
    assert bob.read().text == "x" * 200
    cid = house.connect()
    cid.next("greeting")
    told = [cid.read().text, cid.read().text]
    assert told[0] == "be kind"
    assert told[1].endswith("] " + "x" * 200)
    assert house.connect().read().text == "the chat is full (3 users): try again later"


def test_one_too_many_is_told_so_and_comes_in_when_another_is_gone(
    open_house: Callable[..., House],
):
    house = open_house(max_users=2)
    ann, bob = house.enter("ann", "bob")
    late = house.connect()
    assert late.rest() == [Read("refused", text="the chat is full (2 users): try again later")]
    bob.close()
    assert ann.read() == Read("left", "bob", "", 1)
    while (event := house.connect().read()).kind == "refused":
        pass  # Its place is free as soon as all of it is gone.
    assert event == Read("greeting", count=2)
    counts = house.counts()
    assert (counts["accepted"], counts["connections"]) == (3, 2)
    assert counts["refused"] >= 1


def test_an_address_has_its_share_of_connections(
    open_house: Callable[..., House], driver: Driver, outside: str
):
    if not driver.has_address:
        pytest.skip("nobody has an address there")
    house = open_house(outside, max_per_address=2)
    house.enter("ann", "bob")
    [refused] = house.connect().rest()
    assert refused.text == (
        f"2 connections from {outside} are as many as may be: close one of them first"
    )


def test_this_machine_is_no_address(open_house: Callable[..., House], driver: Driver):
    house = open_house(max_per_address=1)
    if driver.knows_this_machine:
        assert len(house.enter("ann", "bob", "cid")) == 3
    else:
        house.enter("ann")
        [refused] = house.connect().rest()
        assert refused.text.startswith("1 connections from 127.0.0.1 are as many as may be")


def test_who_is_banned_is_put_out_and_told_so_at_the_door(
    open_house: Callable[..., House], driver: Driver
):
    if not driver.has_address:
        pytest.skip("nobody has an address there")
    house = open_house(lasting=True)
    [ann] = house.enter("ann")
    house.operate("ban", "127.0.0.1 1h spam")
    assert ann.rest() == [Read("refused", text="you were put out: banned by chatctl: spam")]
    [refused] = house.connect().rest()
    assert refused.kind == "refused"
    assert refused.text.startswith("you are banned for ")
    house.operate("unban", "127.0.0.1")
    assert house.connect().read() == Read("greeting", count=1)


def test_who_is_kicked_is_told_so_and_is_heard_no_more(open_house: Callable[..., House]):
    house = open_house(lasting=True)
    ann, bob = house.enter("ann", "bob")
    house.operate("kick", "ann rude")
    with suppress(OSError):  # It may be closed already.
        ann.say("ghost")
    assert ann.rest() == [Read("refused", text="you were put out: kicked by chatctl: rude")]
    assert bob.read() == Read("left", "ann", "put out: kicked by chatctl: rude", 1)
    bob.command("nick", "bobby")
    assert bob.read().kind == "renamed"


def test_the_door_counts_what_comes_in(open_house: Callable[..., House]):
    house = open_house()
    ann, bob = house.enter("ann", "bob")
    before = house.counts()
    ann.say("hello")
    bob.next("said")
    after = house.counts()
    assert after["packets"] == before["packets"] + 1
    assert after["bytes_in"] >= before["bytes_in"] + len("hello")
    assert after["bytes_out"] >= before["bytes_out"] + len("hello")
    assert (after["accepted"], after["connections"], after["refused"]) == (2, 2, 0)
