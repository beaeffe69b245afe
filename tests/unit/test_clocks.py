"""A wall clock that is set changes what is told by it, and nothing else."""

from __future__ import annotations

from time import monotonic

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import Hall
from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.names import named

HOUR = 3600
STEPS = (-HOUR, -60, HOUR)


class HallTests(SynchronousTestCase):
    """Ann is an operator, bob a guest."""

    def setUp(self) -> None:
        self.hall = Hall(self)
        self.ann = self.hall.operator("ann")
        self.bob = self.hall.come("10.0.0.2", "bob")

    def wait_for_slow(self, step: int) -> float:
        """Return for how many seconds bob cannot speak when the wall clock is set by `step` after
        its first line where each waits for 10 s.
        """
        self.setUp()
        self.hall.ask(self.ann, "/slow 10")
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.hall.now.ahead += step
        waited = 0
        while refusal := self.hall.ask(self.bob, "hello"):
            self.assertIn("you again in", refusal[0])
            self.hall.clock.advance(1)
            waited += 1
        return waited

    def test_whoever_waits_for_slow_waits_for_the_journal_s_time(self) -> None:
        # It runs at half its speed where it is ahead of the wall clock.
        for step, waited in ((0, 10), (-HOUR, 20), (-60, 20), (-4, 14), (HOUR, 0)):
            with self.subTest(step=step):
                self.assertEqual(self.wait_for_slow(step), waited)

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
        line, *_ = self.hall.control("status")
        self.assertIn(f"up {5 * len(STEPS)} s", line)

    def test_mutes_and_bans_end_by_it(self) -> None:
        self.hall.ask(self.ann, "/mute bob 1h")
        self.hall.ask(self.ann, "/ban 10.0.0.9 1h")
        host = self.hall.come("10.0.0.8").host + 1
        self.assertIn("muted", self.hall.ask(self.bob, "hello")[0])
        self.assertIn("banned for 1 h", str(self.hall.journal.view.closed_to(host)))
        self.hall.now.ahead -= HOUR
        self.assertIn("muted", self.hall.ask(self.bob, "hello")[0])
        # The journal's time does not go back.
        self.assertIn("banned for 1 h", str(self.hall.journal.view.closed_to(host)))
        self.hall.now.ahead += 2 * HOUR
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.assertIsNone(self.hall.journal.view.closed_to(host))

    def test_history_shows_the_time_of_day(self) -> None:
        self.hall.ask(self.bob, "before")
        self.hall.now.ahead += HOUR
        self.hall.ask(self.bob, "after")
        before, after = self.hall.journal.view.history(named("lobby"), 2)
        self.assertEqual(after.time - before.time, HOUR)


class ReactorTests(SynchronousTestCase):
    def test_a_reactor_takes_the_monotonic_clock_and_what_is_scheduled_keeps_its_time(self) -> None:
        for kind in (SelectReactor, AsyncioSelectorReactor):
            reactor = kind()
            self.addCleanup(reactor.disconnectAll)
            if kind is AsyncioSelectorReactor:
                self.addCleanup(reactor._asyncioEventloop.close)
            wall = Clock()
            wall.advance(1_000_000_000)
            reactor.seconds = wall.seconds
            before = reactor.callLater(HOUR, lambda: None)
            run_on_monotonic_time(reactor)
            after = reactor.callLater(HOUR, lambda: None)
            wall.advance(HOUR)
            self.assertApproximates(reactor.seconds(), monotonic(), 60)
            for call in (before, after):
                self.assertApproximates(call.getTime() - monotonic(), HOUR, 60)
                call.reset(60)
                self.assertApproximates(call.getTime() - monotonic(), 60, 60)
            before.cancel()
            after.cancel()

    def test_what_is_no_reactor_of_twisted_stays_as_it_is(self) -> None:
        clock = Clock()
        run_on_monotonic_time(clock)
        self.assertEqual(clock.seconds(), 0)
