"""The client's end of a connection to a machine that answers no more."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from unittest import TestCase

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tests.support.cables import Cable
from tests.support.certificates import Authority
from tests.support.clients import AWAY, UNHEARD, UNHEARD_LINES, piped
from tests.support.processes import CHAT_CLIENT, PATIENCE, Daemon, with_limits
from twisted_chat.limits import LINK_LOOK, LINK_WAIT, VANISHED
from twisted_chat.link import Link
from twisted_chat.sockets import Progress, progress, tcp_socket

ON_THE_WAY = (True, False)
WINDOW_CLOSED = (False, True)
ARRIVED = (False, False)


class LinkTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.monotonic = Clock()
        self.progress: Progress | None = Progress(0, *ARRIVED)
        self.told: list[str] = []
        self.link = Link(
            self.clock,
            lambda: self.progress,
            lambda: self.told.append("stuck"),
            lambda: self.told.append("moves"),
            lambda: self.told.append("vanished"),
            self.monotonic.seconds,
        )

    def send(self, state: tuple[bool, bool], acknowledged: int = 0) -> None:
        self.link.sent()
        self.progress = Progress(acknowledged, *state)

    def wait(self, seconds: float) -> None:
        for _ in range(round(2 * seconds / LINK_LOOK)):
            self.monotonic.advance(LINK_LOOK / 2)
            self.clock.advance(LINK_LOOK / 2)

    def test_a_wall_clock_that_is_set_forward_is_no_silence(self) -> None:
        self.send(ON_THE_WAY)
        self.clock.advance(3600)
        self.assertEqual(self.told, [])

    def test_what_arrives_is_not_watched_any_more(self) -> None:
        self.send(ARRIVED)
        self.wait(LINK_LOOK)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.told, [])

    def test_where_nothing_can_be_known_nothing_is_watched(self) -> None:
        self.send(ARRIVED)
        self.progress = None
        self.wait(LINK_LOOK)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.told, [])

    def test_it_is_told_once_that_the_link_is_stuck_and_once_that_it_moves(self) -> None:
        for _ in range(2):
            self.told.clear()
            self.send(ON_THE_WAY)
            self.wait(LINK_WAIT - LINK_LOOK)
            self.assertEqual(self.told, [])
            self.wait(LINK_LOOK)
            self.assertEqual(self.told, ["stuck"])
            self.link.sent()
            self.wait(10)
            self.assertEqual(self.told, ["stuck"])
            self.progress = Progress(10, *ARRIVED)
            self.wait(LINK_LOOK)
            self.assertEqual(self.told, ["stuck", "moves"])
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slow_link_that_takes_some_is_not_stuck(self) -> None:
        self.send(ON_THE_WAY)
        for size in range(100):
            self.wait(LINK_WAIT - LINK_LOOK)
            self.progress = Progress(size + 1, True, True)
        self.assertEqual(self.told, [])

    def test_a_server_that_reads_nothing_is_waited_for_and_then_watched_again(self) -> None:
        self.send(WINDOW_CLOSED)
        self.wait(10 * VANISHED)
        self.assertEqual(self.told, [])
        self.progress = Progress(0, *ON_THE_WAY)
        self.wait(LINK_WAIT + LINK_LOOK)
        self.assertEqual(self.told, ["stuck"])

    def test_a_machine_that_answers_nothing_for_a_minute_has_vanished(self) -> None:
        self.send(ON_THE_WAY)
        self.wait(VANISHED - LINK_LOOK)
        self.assertEqual(self.told, ["stuck"])
        self.wait(LINK_LOOK)
        self.assertEqual(self.told, ["stuck", "vanished"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_is_watched_after_the_end(self) -> None:
        self.send(ON_THE_WAY)
        self.link.close()
        self.link.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Beneath(StringTransport):
    """A transport over a file descriptor."""

    def __init__(self, descriptor: int, address: object) -> None:
        super().__init__(hostAddress=address)
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor


TCP = IPv4Address("TCP", "127.0.0.1", 1)


def test_only_tcp_has_a_progress_and_only_while_it_is_open():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
    assert progress(StringTransport()) is None
    assert progress(Beneath(near.fileno(), UNIXAddress(None))) is None
    assert tcp_socket(Beneath(-1, TCP)) is None
    descriptor = near.fileno()
    assert progress(Beneath(descriptor, TCP)) is not None
    near.close()
    assert progress(Beneath(descriptor, TCP)) is None


def test_what_a_peer_does_not_read_waits_and_what_it_reads_is_acknowledged():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    with near, far:
        transport = Beneath(near.fileno(), TCP)
        near.setblocking(False)
        size = 0
        with suppress(BlockingIOError):
            while True:
                size += near.send(b"x" * 65536)
        while (state := progress(transport)) is not None and state.are_on_their_way:
            pass
        assert state is not None
        assert state.are_waiting
        assert state.acknowledged < size
        while size:
            size -= len(far.recv(65536))
        while (state := progress(transport)) is not None and state != (state.acknowledged, 0, 0):
            pass


# Machines on a cable that is cut.

BOT = """
import sys
from twisted.internet.task import LoopingCall, react
from twisted_chat.client import connect

async def main(reactor):
    session = await connect(sys.argv[1])
    print(await session.__anext__(), flush=True)
    if sys.argv[2:]:
        LoopingCall(session.say, "tick").start(0.1)
    try:
        async for event in session:
            pass
    except Exception as error:
        print(type(error).__name__, error, flush=True)

react(main)
"""

HURRIED = {"VANISHED": 3, "KEEPALIVE_IDLE": 1, "KEEPALIVE_INTERVAL": 1, "KEEPALIVE_PROBES": 2}
"""Limits of a client with less patience, in the same proportion."""


@pytest.fixture(params=["tcp", "tls"])
def where(request, cable: Cable, start_daemon: Callable[..., Daemon], tmp_path: Path) -> str:
    """The endpoint at which a daemon `here` can be reached from `there`."""
    if request.param == "tcp":
        daemon = start_daemon("--listen=tcp:0", program=cable.program)
        return f"tcp:10.0.0.1:{daemon.port}"
    authority = Authority(tmp_path)
    file = authority.certify("10.0.0.1")
    daemon = start_daemon(f"--listen=ssl:0:privateKey={file}:certKey={file}", program=cable.program)
    return f"tls:10.0.0.1:{daemon.port}:trustRoots={authority.file}"


@pytest.mark.parametrize("talks", [False, True], ids=["idle", "talking"])
def test_a_session_learns_that_the_cable_is_cut(cable, start, where, talks):
    bot = with_limits([sys.executable, "-c", BOT], **HURRIED)
    process = start([*cable.there.program(bot), where, *["talks"] * talks])
    process.out.find("Greeting")
    cable.cut()
    process.out.find("^ConnectionLost |^TimeoutError |^TCPTimedOutError ")
    assert process.wait() == 0
    assert process.err.text == ""


@pytest.fixture
def client_there(cable: Cable) -> Callable[..., list[str]]:
    """The command of a chat-client `there`: `client_there("tcp:10.0.0.1:8888")`."""

    def command(*arguments: str, **limits: float) -> list[str]:
        return [*cable.there.program(with_limits(CHAT_CLIENT, **(HURRIED | limits))), *arguments]

    return command


def test_a_person_reads_that_the_network_is_waited_for_and_that_it_is_back(
    cable, terminal, client_there, where
):
    ann = terminal(client_there(where, VANISHED=PATIENCE, KEEPALIVE_IDLE=90), columns=200)
    ann.find("online)")
    cable.cut()
    ann.type("hello\n")
    ann.find("[You] hello\n! waiting for the network")
    cable.mend()
    ann.find("! the network is back")
    ann.type("again\n")
    ann.find("[You] again")
    assert ann.screen.count("! ") == 2


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_person_learns_that_the_server_has_vanished_and_what_it_may_not_have_heard(
    cable, terminal, client_there, where, term
):
    ann = terminal(client_there(where, LINK_WAIT=1), columns=200, env={"TERM": term})
    ann.find("online)")
    cable.cut()
    ann.type("hello\n")
    ann.find("! waiting for the network")
    ann.type("hello?\n")
    ann.find(f"{AWAY}! {UNHEARD_LINES.format(2)}")


def test_a_person_who_says_nothing_learns_it_too(cable, terminal, client_there, where):
    ann = terminal(client_there(where))
    ann.find("online)")
    cable.cut()
    ann.find(AWAY)


def test_a_pipe_ends_with_status_1_and_tells_what_may_not_have_been_heard(
    cable, start, client_there, where
):
    process = start(client_there("--commands", where))
    process.write(b"/who\n")
    process.out.find(r"- 10\.0\.0\.2")
    cable.cut()
    process.write(b"hello\n")
    assert process.wait() == 1
    assert process.err.text == (
        f"chat-client: the connection broke; lines handed over to the server: 2; {UNHEARD}\n"
    )


# A server whose machine is there.


def stop_and_kill(daemon: Daemon, until: Callable[[], object]) -> None:
    """Stop `daemon`, whose kernel still acknowledges what comes, and kill it later."""
    daemon.child.send_signal(signal.SIGSTOP)
    until()
    daemon.child.kill()


def test_what_a_daemon_had_only_acknowledged_may_not_have_been_heard(person, daemon):
    ann = person("127.0.0.1", daemon.port)
    ann.find("online)")
    stop_and_kill(daemon, lambda: (ann.type("hello\n"), ann.find("[You] hello")))
    ann.find(f"{AWAY}! {UNHEARD}")


def test_a_pipe_does_not_end_well_either_where_it_was_only_acknowledged(client, daemon):
    process = client("127.0.0.1", daemon.port)
    process.out.find("online")
    stop_and_kill(daemon, lambda: (piped(process, b"one\ntwo\n"), process.out.find(r"\[You\] two")))
    assert process.wait() == 1
    assert process.err.seen[0].endswith(f"to the server: 2; {UNHEARD_LINES.format(2)}")


def test_a_server_that_reads_nothing_for_long_is_not_given_up(start, server):
    """A daemon does so with a long paste."""
    lines = b"x" * 999 + b"\n"
    process = start([*with_limits(CHAT_CLIENT, **HURRIED), "127.0.0.1", str(server.port)])
    guest = server.greet()
    # More than the kernels of both sides hold.
    writing = Thread(target=piped, args=(process, lines * 8_000))
    writing.start()
    # Too short a time can only let a bad client pass.
    with pytest.raises(subprocess.TimeoutExpired):
        process.child.wait(3 * HURRIED["VANISHED"])
    assert guest.rest() == lines.decode() * 8_000
    guest.close()
    writing.join(PATIENCE)
    assert process.wait() == 0
