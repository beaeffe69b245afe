"""How many may be there: in the chat, from one address, with few files, and who has vanished."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.support.crowds import (
    as_bytes,
    asleep,
    gather,
    guest,
    held_by_kernel,
    left,
    narrow_socket,
    said,
    users,
)
from tests.support.processes import TWISTD, Daemon, Peer, needs_ipv6

FULL = "! the chat is full ({}): try again later\n"
SPARE = 64
"""Files that the daemon keeps for other things than members."""


# In the chat.


@pytest.mark.parametrize("data", [b"", b"hi\n", b"hi\n" * 10_000], ids=["mute", "hi", "30 KB"])
def test_who_finds_the_chat_full_is_told_so_and_nobody_hears_of_it(start_daemon, data):
    daemon = start_daemon("--max-users", "3")
    members = ann, bob, carol = [daemon.join() for _ in range(3)]
    gather(*members)
    with asleep(daemon):
        refused = daemon.join()
        refused.send(data)
    assert refused.rest() == FULL.format("3 users")
    ann.send(b"hi\n")
    assert [bob.line(), carol.line()] == [said(ann, "hi")] * 2
    daemon.out.find("the chat is full: the limit is 3")

    carol.end()
    carol.rest()
    assert bob.line() == left(carol, 2)
    dave = daemon.join()
    assert dave.line() == "> Connected to the chat server (3 users online)"
    assert bob.line() == f"> New user {dave.name} entered (3 users online)"
    assert ann.lines(2)[1] == f"> New user {dave.name} entered (3 users online)"


def test_many_who_find_the_chat_full_are_all_told_so(start_daemon):
    daemon = start_daemon("--max-users", "1")
    ann = daemon.join()
    gather(ann)
    with asleep(daemon):
        refused = [daemon.join() for _ in range(200)]
    assert {peer.rest() for peer in refused} == {FULL.format("1 user")}
    ann.send(b"/who\n")
    assert ann.lines(2) == ["- 1 user online:", f"- {ann.name}"]


# From one address.


@pytest.mark.parametrize(
    ("network", "sources", "elsewhere"),
    [
        pytest.param("10.0.0.2", ["10.0.0.2", "10.0.0.2"], "10.0.0.3", id="IPv4"),
        pytest.param(
            *("fd00:0:0:1::/64", ["fd00:0:0:1::2", "fd00:0:0:1::3"], "fd00:0:0:2::2"),
            id="IPv6 of one /64",
            marks=needs_ipv6,
        ),
    ],
)
def test_an_address_that_has_its_connections_gets_no_more(
    cable, start_daemon, network, sources, elsewhere
):
    daemon = start_daemon("--max-per-address", "2", program=cable.program)
    bob = cable.join(daemon, "127.0.0.1")
    gather(bob)
    inside = [cable.join(daemon, source) for source in sources]
    present = 1
    for peer in inside:
        present += 1
        assert peer.line() == f"> Connected to the chat server ({present} users online)"
        assert bob.line() == f"> New user {peer.name} entered ({present} users online)"
    for source in sources:
        assert cable.join(daemon, source).rest() == (
            f"! 2 connections from {network} are as many as may be: close one of them first\n"
        )
    for source in (elsewhere, "127.0.0.1", "127.0.0.1", "127.0.0.1"):
        peer = cable.join(daemon, source)
        present += 1
        assert peer.line() == f"> Connected to the chat server ({present} users online)"
        assert bob.line() == f"> New user {peer.name} entered ({present} users online)"
    inside[0].end()
    inside[0].rest()
    assert bob.line() == left(inside[0], present - 1)
    peer = cable.join(daemon, sources[1])
    assert peer.line() == f"> Connected to the chat server ({present} users online)"


# With few files.


def limited(files: str) -> list[str]:
    """A daemon's program with `files` as its limits of open files, SOFT:HARD."""
    return ["prlimit", f"--nofile={files}", *TWISTD]


@pytest.fixture
def crowded(start_daemon: Callable[..., Daemon]) -> tuple[Daemon, list[Peer]]:
    """A daemon that has no file left, and its members; the last of them is slow to read."""
    daemon = start_daemon("--max-users", "1000", program=limited("100:100"))
    members: list[Peer] = []
    for _ in range(150):
        peer = guest(daemon, raw=narrow_socket())
        try:
            greeting = peer.line()
        except (AssertionError, ConnectionResetError):
            continue
        members.append(peer)
        assert greeting == f"> Connected to the chat server ({users(len(members))} online)"
    assert 50 < len(members) < 100
    for peer in members[:-1]:
        peer.find(f"> New user {members[-1].name} entered ({len(members)} users online)")
    return daemon, members


def end_well(daemon: Daemon) -> None:
    """Stop `daemon`, in whose log nothing is wrong."""
    for peer in daemon.peers:
        peer.close()
    assert daemon.stop() == -SIGTERM
    assert "Traceback" not in daemon.out.text


def test_a_daemon_that_runs_out_of_files_lets_others_in_when_some_leave(crowded):
    daemon, [ann, bob, *others] = crowded
    ann.send(b"still there?\n")
    for peer in (bob, *others):
        assert peer.line() == said(ann, "still there?")
    for going in others[:10]:
        going.end()
        going.rest()
    newcomers = [daemon.join() for _ in range(5)]
    for count, newcomer in enumerate(newcomers, len(others) - 7):
        assert newcomer.line() == f"> Connected to the chat server ({count} users online)"
    bob.send(b"welcome\n")
    assert ann.find(said(bob, "welcome"))[-1] == (
        f"> New user {newcomers[-1].name} entered ({len(others) - 3} users online)"
    )
    newcomers[0].send(b"thanks\n")
    assert bob.find(said(newcomers[0], "thanks"))
    end_well(daemon)


def test_who_reads_late_gets_everything_also_where_no_file_is_left(crowded):
    daemon, [ann, bob, *_, slow] = crowded
    texts = [f"{index:06}".ljust(4000, "x") for index in range(60)]
    ann.send(as_bytes(texts))
    assert bob.lines(60) == [said(ann, text) for text in texts]
    assert held_by_kernel(daemon, slow) < 60 * 4000
    assert slow.lines(60) == [said(ann, text) for text in texts]
    slow.send(b"thanks\n")
    assert bob.line() == said(slow, "thanks")
    end_well(daemon)


def test_there_is_room_for_as_many_as_there_are_files(start_daemon):
    daemon = start_daemon(program=limited("100:100"))
    members = [daemon.join() for _ in range(100 - SPARE)]
    gather(*members)
    for _ in range(3):
        assert daemon.join().rest() == FULL.format(users(100 - SPARE))
    members[0].send(b"hi\n")
    assert members[-1].line() == said(members[0], "hi")


def test_the_limit_of_open_files_is_raised_to_what_the_system_allows(start_daemon):
    daemon = start_daemon(program=limited("256:4096"))
    limits = Path(f"/proc/{daemon.child.pid}/limits").read_text()
    assert re.search(r"^Max open files +4096 +4096 ", limits, re.MULTILINE)


# Who has vanished.


def test_who_vanishes_without_a_word_has_left_within_two_minutes(cable, start_daemon):
    quiet, busy = [start_daemon(program=cable.program) for _ in range(2)]
    watchers, vanished = [], []
    for daemon in (quiet, busy):
        watchers.append(cable.join(daemon, "127.0.0.1"))
        vanished.append(cable.join(daemon, "10.0.0.2"))
        gather(watchers[-1], vanished[-1])
    cable.cut()
    start = time.monotonic()
    # The one owes the daemon's kernel nothing, the other has to confirm this.
    watchers[1].send(b"hello?\n")
    for watcher, peer in zip(watchers, vanished, strict=True):
        watcher.socket.settimeout(120)
        assert watcher.line() == left(peer, 1)
        assert time.monotonic() - start < 120
