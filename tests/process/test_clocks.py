"""A wall clock that is set changes what is told by it, and nothing else."""

from __future__ import annotations

import select
import socket
from time import monotonic

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clients import AWAY, GREETING, piped
from tests.support.daemons import LAUNCHERS, enter
from tests.support.hall import Hall
from tests.support.processes import CHAT_CLIENT, CHAT_SERVER, PATIENCE, chatctl
from tests.support.stepped_clock import SteppedClock
from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.limits import MAX_LINE

HOUR = 3600
STEPS = (-HOUR, -60, HOUR)


class HallTests(SynchronousTestCase):
    """Ann is an operator, bob a guest."""

    def setUp(self) -> None:
        self.hall = Hall(self)
        self.ann = self.hall.operator("ann")
        self.bob = self.hall.come("10.0.0.2", "bob")

    def test_whoever_waits_for_slow_waits_as_long_as_before(self) -> None:
        for step in STEPS:
            self.hall.ask(self.ann, "/slow 10")
            self.hall.clock.advance(10)
            self.assertEqual(self.hall.ask(self.bob, "hello"), [])
            self.hall.now.ahead += step
            self.hall.clock.advance(9)
            [refusal] = self.hall.ask(self.bob, "hello")
            self.assertIn("you again in", refusal)
            self.hall.clock.advance(1)
            self.assertEqual(self.hall.ask(self.bob, "hello"), [])
            self.hall.ask(self.ann, "/slow 0")

    def test_the_first_line_is_never_too_early_however_young_the_machine_is(self) -> None:
        hall = Hall(self, since=0.0)
        hall.control("slow", "1h")
        self.assertEqual(hall.ask(hall.come(), "hello"), [])

    def test_nobody_is_idle_for_it_and_the_daemon_is_no_older(self) -> None:
        for step in STEPS:
            self.hall.ask(self.bob, "/me waves")
            self.hall.now.ahead += step
            self.hall.clock.advance(5)
            [line] = self.hall.control("whois", "bob")
            self.assertTrue(line.endswith("idle 5 s"), line)
        [line] = self.hall.control("status")
        self.assertIn(f"up {5 * len(STEPS)} s", line)

    def test_mutes_and_bans_end_by_it(self) -> None:
        self.hall.ask(self.ann, "/mute bob 1h")
        self.hall.ask(self.ann, "/ban 10.0.0.9 1h")
        host = self.hall.come("10.0.0.8").host + 1
        self.assertIn("muted", self.hall.ask(self.bob, "hello")[0])
        self.assertIn("banned for 1 h", self.hall.journal.closed_to(host))
        self.hall.now.ahead -= HOUR
        self.assertIn("muted", self.hall.ask(self.bob, "hello")[0])
        self.assertIn("banned for 2 h", self.hall.journal.closed_to(host))
        self.hall.now.ahead += 2 * HOUR
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.assertIsNone(self.hall.journal.closed_to(host))

    def test_history_shows_the_time_of_day(self) -> None:
        self.hall.ask(self.bob, "before")
        self.hall.now.ahead += HOUR
        self.hall.ask(self.bob, "after")
        before, after = self.successResultOf(self.hall.journal.history("lobby", 2))
        self.assertEqual(after[0] - before[0], HOUR)


@pytest.fixture(params=[SelectReactor, AsyncioSelectorReactor])
def reactor(request):
    reactor = request.param()
    yield reactor
    reactor.disconnectAll()
    if request.param is AsyncioSelectorReactor:
        reactor._asyncioEventloop.close()


def test_a_reactor_takes_the_monotonic_clock_and_what_is_scheduled_keeps_its_time(reactor):
    wall = Clock()
    wall.advance(1_000_000_000)
    reactor.seconds = wall.seconds
    before = reactor.callLater(HOUR, lambda: None)
    run_on_monotonic_time(reactor)
    after = reactor.callLater(HOUR, lambda: None)
    wall.advance(HOUR)
    assert reactor.seconds() == pytest.approx(monotonic(), abs=60)
    for call in (before, after):
        assert call.getTime() - monotonic() == pytest.approx(HOUR, abs=60)
        call.reset(60)
        assert call.getTime() - monotonic() == pytest.approx(60, abs=60)
    before.cancel()
    after.cancel()


def test_what_is_no_reactor_of_twisted_stays_as_it_is():
    clock = Clock()
    run_on_monotonic_time(clock)
    assert clock.seconds() == 0


# Real processes, by a wall clock that is set.


@pytest.fixture
def clock(tmp_path):
    return SteppedClock(tmp_path)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("program", [*LAUNCHERS.values(), CHAT_SERVER], ids=lambda it: it[-1][:9])
def test_nobody_is_silenced_and_nothing_is_held_back(start_daemon, clock, program, step):
    options = ["--port=0", "--rate=20", "--burst=10"]
    daemon = start_daemon(*options, program=program, env=clock.env)
    ann, bob = enter(daemon, None, None)
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
