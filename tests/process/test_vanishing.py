"""Peers that vanish with a reset: what they had said is heard, and each leaves once."""

from __future__ import annotations

import re
import socket
import struct

import pytest

from tests.support.crowds import asleep, is_delivered, left, said, until, users
from tests.support.processes import PATIENCE, Daemon, Peer
from tests.support.unharmed import (
    _unharmed,
    daemon,
    listener,
    peer,
    unharmed,
)

__all__ = ["_unharmed", "daemon", "listener", "peer"]  # Fixtures.


@pytest.mark.parametrize("moment", ["before it is let in", "after it has read a part"])
def test_a_reset_in_the_middle_of_the_greeting_is_one_entered_and_one_left(
    start_daemon, tmp_path, moment
):
    motd = tmp_path / "motd"
    motd.write_bytes((b"x" * 4000 + b"\n") * 50)
    daemon = start_daemon("--motd", str(motd))
    with unharmed(daemon):
        listener = daemon.join()
        listener.lines(51)
        with socket.socket() as raw:
            # So small that most of the greeting cannot leave.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.settimeout(PATIENCE)
            if moment == "before it is let in":
                with asleep(daemon):
                    raw.connect(("127.0.0.1", daemon.port))
                    name = "{}:{}".format(*raw.getsockname())
                    raw.close()
            else:
                raw.connect(("127.0.0.1", daemon.port))
                name = "{}:{}".format(*raw.getsockname())
                assert raw.recv(20) == b"> Connected to the c"
                raw.close()
        assert listener.lines(2) == [
            f"> New user {name} entered (2 users online)",
            f"< The user {name} left (1 user online)",
        ]
        # The newcomers of the end are greeted with more than a line.
        daemon.peers.remove(listener)
        listener.end()
        listener.rest()
        listener.close()


LINES = {
    "one line": [b"hi\n"],
    "a line without its end": [b"hi\nho"],
    "only a line without its end": [b"ho"],
    "S": [b"S"],
    "60 KB": [b"line %06d" % number + b"x" * 50 + b"\n" for number in range(60_000 // 62)],
    "60 KB of long lines": [b"%d" % number + b"x" * 3990 + b"\n" for number in range(15)],
}


@pytest.mark.parametrize("others_talk", [False, True], ids=["alone", "while others talk"])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_what_was_sent_before_a_reset_is_heard(daemon, listener, peer, lines, others_talk):
    data = b"".join(lines)
    texts = data.removesuffix(b"\n").decode().split("\n")
    with asleep(daemon):
        if others_talk:
            listener.send(b"hello\n" * 100)
        peer.send(data)
        until(lambda: is_delivered(peer))
        peer.reset()
    assert listener.find(left(peer)) == [said(peer, text) for text in texts]


def test_what_was_sent_before_a_reset_is_heard_also_of_who_was_not_let_in_yet(daemon, listener):
    with asleep(daemon):
        peer = daemon.join()
        peer.send(b"hi\nho")
        peer.reset()
    assert listener.lines(4) == [
        f"> New user {peer.name} entered (2 users online)",
        said(peer, "hi"),
        said(peer, "ho"),
        left(peer),
    ]


def hear_them_go(listener: Peer, number: int) -> None:
    """Read until `number` members have entered and left, each once and each count right."""
    present = set()
    entered = gone = 0
    while gone < number:
        mark, name, verb, count = re.fullmatch(
            r"([<>]) (?:New|The) user (\S+) (\w+) \((.*) online\)", listener.line()
        ).groups()
        if mark == ">":
            assert (verb, name in present) == ("entered", False)
            present.add(name)
            entered += 1
        else:
            assert verb == "left"
            present.remove(name)
            gone += 1
        assert count == users(1 + len(present))
    assert (entered, present) == (number, set())


@pytest.mark.parametrize("moment", ["in the room", "before they are let in"])
def test_10000_connections_that_vanish_at_once_leave_one_by_one(daemon, listener, moment):
    for _ in range(10):
        if moment == "in the room":
            vanish(daemon, 1000)
        else:
            with asleep(daemon):
                vanish(daemon, 1000)
        hear_them_go(listener, 1000)
    listener.send(b"/who\n")
    assert listener.lines(2) == ["- 1 user online:", f"- {listener.name}"]


def vanish(daemon: Daemon, number: int) -> None:
    """Connect `number` peers and reset them all."""
    for vanishing in [daemon.join() for _ in range(number)]:
        vanishing.reset()


def test_1000_members_that_vanish_in_the_same_moment_leave_one_by_one(daemon, listener):
    peers = [daemon.join() for _ in range(1000)]
    for count, newcomer in enumerate(peers, 2):
        assert listener.line() == f"> New user {newcomer.name} entered ({users(count)} online)"
    with asleep(daemon):
        for peer in peers:
            peer.reset()
    names = {peer.name for peer in peers}
    for count in range(1000, 0, -1):
        name = re.fullmatch(rf"< The user (\S+) left \({users(count)} online\)", listener.line())[1]
        names.remove(name)
    listener.send(b"/who\n")
    assert listener.lines(2) == ["- 1 user online:", f"- {listener.name}"]
