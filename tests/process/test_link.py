"""The client's end of a connection to a machine that answers no more."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from tests.support.cables import Cable
from tests.support.certificates import Authority
from tests.support.clients import AWAY, UNHEARD, UNHEARD_LINES, piped
from tests.support.processes import CHAT_CLIENT, PATIENCE, Daemon, with_limits

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
