"""Floods are delayed and not cut, and nobody else waits for them."""

from __future__ import annotations

from statistics import median

import pytest

from tests.support.crowds import (
    Crowd,
    Stopwatch,
    as_bytes,
    asleep,
    gather,
    guest,
    left,
    numbered,
    said,
)

SOON = 0.2
"""Seconds in which a line is heard whatever others do."""

UNKNOWN = "! no command /nope: /help lists them, and //nope says it"


# Whole, in order, and nobody waits for it.


def test_5000_pasted_lines_arrive_whole_within_25_s_and_another_is_heard_in_between(daemon):
    ann, bob, carol = [guest(daemon, f"127.0.0.{number}") for number in (2, 3, 4)]
    gather(ann, bob, carol)
    texts = numbered(5000)
    heard: list[str] = []
    waits = []
    paste = Stopwatch(daemon)
    ann.send(as_bytes(texts))
    while len(heard) < 4500:
        heard += bob.lines(400)
        wait = Stopwatch(daemon)
        carol.send(b"and I?\n")
        heard += bob.find(said(carol, "and I?"))
        waits.append(wait.seconds)
    heard += bob.lines(5000 - len(heard))
    assert paste.seconds < 25
    assert heard == [said(ann, text) for text in texts]
    assert len(waits) > 5
    assert median(waits) < SOON


def test_20000_lines_are_heard_at_once_where_the_rate_is_not_limited(start_daemon):
    daemon = start_daemon("--rate", "0")
    ann, bob = guest(daemon, "127.0.0.2"), guest(daemon, "127.0.0.3")
    gather(ann, bob)
    texts = numbered(20_000)
    # More than the kernels hold, so the daemon has to read on.
    ann.send(as_bytes(texts))
    assert bob.lines(20_000) == [said(ann, text) for text in texts]


@pytest.mark.parametrize(
    "flood",
    [b"\n" * 65536, b"/\n" * 1000, b"/nope\n" * 1000, b"x" * 1_000_000 + b"\n", b"/help\n" * 1000],
    ids=["bare LF", "bare slashes", "unknown commands", "a long line", "long answers"],
)
def test_a_flood_in_one_packet_keeps_nobody_from_being_heard_soon(daemon, flood):
    ann, bob = guest(daemon, "127.0.0.2"), guest(daemon, "127.0.0.3")
    gather(ann, bob)
    waits = []
    with Crowd() as crowd:
        for number in range(9):
            flooding = guest(daemon, f"127.0.1.{1 + number}")
            assert flooding.line().startswith("> Connected")
            flooding.send(flood)
            wait = Stopwatch(daemon)
            text = f"and I, number {number}?"
            ann.send(as_bytes([text]))
            bob.find(said(ann, text))
            waits.append(wait.seconds)
            crowd.add(flooding.socket)
        assert crowd.put_out == []
    assert median(waits) < SOON


def test_1000_connections_that_use_their_bursts_keep_no_other_address_from_being_heard_soon(
    daemon, many_files
):
    ann, bob = guest(daemon, "127.0.0.2"), guest(daemon, "127.0.0.3")
    gather(ann, bob)
    burst = as_bytes(numbered(1000))
    flood = 0
    waits = []
    with Crowd() as crowd:
        flooding = [guest(daemon) for _ in range(1000)]
        for count, peer in enumerate(flooding, 3):
            assert bob.line() == f"> New user {peer.name} entered ({count} users online)"
        for peer in flooding:
            crowd.add(peer.socket, [burst])
        for number in range(50):
            text = f"and I, number {number}?"
            wait = Stopwatch(daemon)
            ann.send(as_bytes([text]))
            flood += len(bob.find(said(ann, text)))
            waits.append(wait.seconds)
        assert crowd.put_out == []
    assert flood > 1000
    assert median(waits) < SOON


# What costs.


@pytest.mark.parametrize(
    ("before", "is_delayed"),
    [
        (b"", False),
        (b"\n" * 6, False),
        (b"/nope\n", False),
        (b"/help\n", False),
        (b"x" * 500 + b"\n", False),
        (b"\n" * 10, True),
        (b"\r\n" * 10, True),
        (b"/nope\n" * 8, True),
        (b"/help\n" * 3, True),
        (b"x" * 2500 + b"\n", True),
    ],
    ids=[
        "nothing",
        "6 empty lines",
        "1 refused command",
        "1 long answer",
        "a skipped line of 500 bytes",
        "10 empty lines",
        "10 empty lines with CR",
        "8 refused commands",
        "3 long answers",
        "a skipped line of 2,500 bytes",
    ],
)
def test_what_is_not_said_costs_too(start_daemon, before, is_delayed):
    daemon = start_daemon("--rate", "1", "--burst", "8", "--max-line", "400")
    ann, bob, carol = [guest(daemon, f"127.0.0.{number}") for number in (2, 3, 4)]
    gather(ann, bob, carol)
    if is_delayed:
        # The daemon finds both at once, however long it takes to send them.
        with asleep(daemon):
            ann.send(before + b"hello\n")
            carol.send(b"in between\n")
        assert bob.lines(2) == [said(carol, "in between"), said(ann, "hello")]
    else:
        ann.send(before + b"hello\n")
        # The daemon has had `hello` before this, so without a delay it is heard first.
        carol.send(b"/nope\n")
        assert carol.find(UNKNOWN) in ([], [said(ann, "hello")])
        carol.send(b"in between\n")
        assert bob.lines(2) == [said(ann, "hello"), said(carol, "in between")]


def test_what_is_left_of_a_paste_is_heard_after_its_author_has_ended(start_daemon):
    daemon = start_daemon("--rate", "1", "--burst", "5")
    ann, bob, carol = [guest(daemon, f"127.0.0.{number}") for number in (2, 3, 4)]
    gather(ann, bob, carol)
    texts = numbered(9)
    with asleep(daemon):
        ann.send(as_bytes(texts))
        ann.end()
        carol.send(b"in between\n")
    heard = bob.lines(11)
    assert heard[-1] == left(ann, 2)
    assert said(carol, "in between") in heard[:6]
    heard.remove(said(carol, "in between"))
    assert heard == [*(said(ann, text) for text in texts), left(ann, 2)]
