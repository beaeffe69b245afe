"""A daemon that has to stand whatever is sent to it, and members beside whoever sends it."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from signal import SIGTERM

import pytest

from tests.support.crowds import said, users
from tests.support.processes import Daemon, Peer, closing_all

MAX_LINE = 4096
"""Bytes: the daemon's default."""

LONG_LINE = f"! a line longer than {MAX_LINE} bytes was not said: send it in shorter lines"
NO_UTF8 = "! that was no UTF-8, and others see \ufffd in it: set your terminal or program to UTF-8"
UNKNOWN = "! no command /{0}: /help lists them, and //{0} says it"
ODD_IN_LOG = re.compile("Traceback|Unhandled|Unable to format|disabling observer")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One daemon for the whole file, which has to stand all of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with closing_all() as register:
        daemon = register(Daemon())
        yield daemon
        assert daemon.stop() == -SIGTERM
        assert daemon.err.text == ""
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def _unharmed(daemon: Daemon) -> Iterator[None]:
    with unharmed(daemon):
        yield


@contextmanager
def unharmed(daemon: Daemon) -> Iterator[None]:
    """In the end the log holds no error, and newcomers are greeted with the right count."""
    logged = len(daemon.out.seen)
    yield
    for peer in daemon.peers:
        peer.close()
    daemon.peers.clear()
    first = daemon.join()
    count = int(re.fullmatch(r"> Connected .* \((\d+) users? online\)", first.line())[1])
    while count > 1:
        if (line := first.line()).startswith("< "):
            count -= 1
            assert f" left ({users(count)} online)" in line
    second = daemon.join()
    assert second.line() == "> Connected to the chat server (2 users online)"
    second.end()
    assert all(line.startswith("- ") for line in second.rest().splitlines())
    first.end()
    first.rest()
    daemon.out.find(re.escape(f"< The user {first.name} left (0 user online)"))
    assert [line for line in daemon.out.seen[logged:] if ODD_IN_LOG.search(line)] == []


@pytest.fixture
def listener(daemon: Daemon) -> Peer:
    """A member with nothing odd about it, whose room it is before anybody else comes."""
    listener = daemon.join()
    assert listener.line() == "> Connected to the chat server (1 user online)"
    return listener


@pytest.fixture
def peer(daemon: Daemon, listener: Peer) -> Peer:
    """The second member, of which the listener has heard."""
    return join(daemon, listener)


def join(daemon: Daemon, listener: Peer, count: int = 2) -> Peer:
    """A member of whose entering `listener` has read."""
    peer = daemon.join()
    assert peer.line() == f"> Connected to the chat server ({users(count)} online)"
    listener.find(f"> New user {peer.name} entered ({users(count)} online)")
    return peer


def all_heard(listener: Peer, peer: Peer) -> list[str]:
    """All lines that came to `listener` of what `peer` has sent so far."""
    peer.send(b"\nthat is all\n")
    return listener.find(said(peer, "that is all"))


def send_whole(peer: Peer, listener: Peer, data: bytes) -> list[str]:
    peer.send(data)
    return []


def send_in_pieces(peer: Peer, listener: Peer, data: bytes) -> list[str]:
    """Send `data` byte by byte, or its first and last 100 bytes if it is long, each byte in a
    packet that the daemon reads before the next is sent. Gives what `listener` heard meanwhile.
    """
    pieces = [data[index : index + 1] for index in range(len(data))]
    if len(data) > 300:
        pieces[100:-100] = [data[100:-100]]
    heard = []
    for piece in pieces:
        with suppress(BrokenPipeError, ConnectionResetError):  # It may have been put out.
            peer.send(piece)
        # The daemon reads all that is there before it answers.
        listener.send(b"/read\n")
        heard += listener.find(UNKNOWN.format("read"))
    return heard


whole_and_in_pieces = pytest.mark.parametrize("send", [send_whole, send_in_pieces])
