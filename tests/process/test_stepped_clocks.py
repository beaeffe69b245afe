"""Real processes go on as before when the wall clock is set."""

from __future__ import annotations

import select
import socket

import pytest

from tests.support.clients import AWAY, GREETING, piped
from tests.support.daemons import LAUNCHERS, enter
from tests.support.processes import CHAT_CLIENT, CHAT_SERVER, PATIENCE, chatctl
from tests.support.stepped_clock import SteppedClock
from twisted_chat.limits import MAX_LINE

HOUR = 3600
STEPS = (-HOUR, -60, HOUR)


@pytest.fixture
def clock(tmp_path):
    return SteppedClock(tmp_path)


@pytest.mark.parametrize("program", [*LAUNCHERS.values(), CHAT_SERVER], ids=lambda it: it[-1][:9])
def test_nobody_is_silenced_and_nothing_is_held_back(start_daemon, clock, program):
    options = ["--port=0", "--rate=20", "--burst=10"]
    daemon = start_daemon(*options, program=program, env=clock.env)
    ann, bob = enter(daemon, None, None)
    for step in STEPS:
        # More than she has tokens for: the rest is read a second later.
        ann.send(b"".join(b"%d\n" % number for number in range(30)))
        assert bob.line() == f"[{ann.name}] 0"
        clock.step(step)
        assert bob.lines(29)[-1] == f"[{ann.name}] 29"
        bob.send(b"the last\n")
        assert ann.line() == f"[{bob.name}] the last"
        daemon.out.find("the last")


def test_nobody_is_put_out_as_too_slow_nor_idle_and_the_uptime_stays(start_daemon, clock, tmp_path):
    path, state = tmp_path / "chat.sock", tmp_path / "state"
    daemon = start_daemon(f"--listen=unix:{path}", f"--state={state}", "--rate=0", env=clock.env)
    # Unix sockets, because their buffers are small and do not grow.
    slow, ann, bob = (daemon.join(str(path), socket.AF_UNIX) for _ in range(3))
    ann.find("> New user local:3 entered (3 users online)")
    bob.line()
    said = 99
    for _ in range(said):
        ann.send(b"x" * (MAX_LINE - 1) + b"\n")
        bob.line()
    for step in (HOUR, -HOUR, 2 * HOUR):
        clock.step(step)
        for _ in range(3):  # As many turns of the reactor, in which its timers would fire.
            bob.send(b"still here\n")
            assert ann.line() == "[local:3] still here"
    assert "0 s" in chatctl(state, "whois", "local:3").stdout.partition("idle ")[2]
    assert " min" not in chatctl(state, "status").stdout
    assert " h" not in chatctl(state, "status").stdout
    slow.find("> New user local:3 entered (3 users online)")
    assert len([line for line in slow.lines(said + 9) if "xxx" in line]) == said
    ann.send(b"the last\n")
    assert slow.line() == bob.line() == "[local:2] the last"


def comes_back(server, clock, step):
    """Greet the client that comes back, while the clock is set again and again: one of the times is
    after it began to wait.
    """
    for number in range(1, int(PATIENCE * 10)):
        clock.step(number * step)
        if select.select([server.socket], [], [], 0.1)[0]:
            server.greet()
            return
    raise AssertionError("it does not come back")


@pytest.mark.parametrize("step", STEPS)
def test_a_client_on_a_terminal_comes_back_all_the_same(person, server, clock, step):
    ann = person("127.0.0.1", server.port, env=clock.env)
    server.greet().close()
    ann.shows(GREETING + AWAY)
    comes_back(server, clock, step)
    ann.find(GREETING)


@pytest.mark.parametrize("step", STEPS)
def test_a_client_on_a_pipe_comes_back_all_the_same(start, server, clock, step):
    client = start([*CHAT_CLIENT, "--stay", "127.0.0.1", str(server.port)], env=clock.env)
    piped(client, b"hello\n")
    guest = server.greet()
    assert guest.line() == "hello"
    guest.close()
    client.err.find("! the server went away")
    comes_back(server, clock, step)
