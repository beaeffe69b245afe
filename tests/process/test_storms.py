"""Thousands who come and go at once, with every count right."""

from __future__ import annotations

import re
import select
import subprocess
import sys

import pytest

from tests.support.crowds import Crowd, asleep, gather, guest, users
from tests.support.processes import CHECKOUT, PATIENCE, Daemon, Peer

WAVE = 500
"""Half of the connections that the kernel holds until they are accepted."""


@pytest.fixture
def watcher(daemon: Daemon) -> Peer:
    """Who was there before all others."""
    watcher = guest(daemon)
    gather(watcher)
    return watcher


def hear_them_enter(watcher: Peer, peers: list[Peer], count: int) -> None:
    """Read that all of `peers` entered, in any order; the first of them is number `count`."""
    names = {peer.name for peer in peers}
    for number in range(count, count + len(peers)):
        line = watcher.line()
        names.remove(line.split()[3])
        assert line == f"> New user {line.split()[3]} entered ({users(number)} online)"


def hear_them_leave(watcher: Peer, peers: list[Peer], count: int) -> None:
    """Read that all of `peers` left, in any order; after the last of them there are `count`."""
    names = {peer.name for peer in peers}
    for number in range(count + len(peers) - 1, count - 1, -1):
        line = watcher.line()
        names.remove(line.split()[3])
        assert line == f"< The user {line.split()[3]} left ({users(number)} online)"


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("moment", ["while it looks", "in one moment"])
def test_5000_who_enter_within_seconds_and_vanish_at_once_are_counted_right(
    daemon, watcher, moment
):
    peers: list[Peer] = []
    with Crowd() as crowd:
        while len(peers) < 5000:
            wave = [guest(daemon) for _ in range(WAVE)]
            for peer in wave:
                crowd.add(peer.socket)
            hear_them_enter(watcher, wave, len(peers) + 2)
            peers += wave
        crowd.stop()
        assert crowd.put_out == []
        if moment == "in one moment":
            with asleep(daemon):
                vanish(peers)
        else:
            vanish(peers)
    hear_them_leave(watcher, peers, 1)
    watcher.send(b"/who\n")
    assert watcher.lines(2) == ["- 1 user online:", f"- {watcher.name}"]
    newcomer = guest(daemon)
    assert newcomer.line() == "> Connected to the chat server (2 users online)"


def vanish(peers: list[Peer]) -> None:
    for peer in peers:
        peer.reset()


@pytest.mark.parametrize("what", ["enter", "leave"])
def test_all_that_happens_in_one_turn_is_written_at_once_to_who_is_there(daemon, watcher, what):
    with asleep(daemon):
        peers = [guest(daemon) for _ in range(50)]
    if what == "leave":
        hear_them_enter(watcher, peers, 2)
        with asleep(daemon):
            vanish(peers)
    received = b""
    pieces = 0
    while received.count(b"\n") < 50:
        received += watcher.socket.recv(1024 * 1024)
        pieces += 1
    verb = "entered" if what == "enter" else "left"
    assert len(re.findall(verb, received.decode())) == 50
    assert pieces <= 5
    assert not select.select([watcher.socket], [], [], 0)[0]


@pytest.mark.parametrize("options", ["Options", "ServerOptions"])
def test_the_garbage_collector_never_looks_at_the_program_itself(options):
    script = f"""
import gc
from twisted.internet import reactor
from twisted_chat.daemon.options import {options}
options = {options}()
options.parseOptions(["--host=127.0.0.1", "--port=0"])
service = options.make_service(reactor)
print(len(gc.get_objects()), gc.get_freeze_count())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    looked_at, frozen = map(int, done.stdout.split())
    assert 10 * looked_at < frozen
