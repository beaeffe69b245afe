"""What gathers reaches the thread whole, in order, and no more often than it should."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Event

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import ThreadsClock
from tests.support.processes import PATIENCE
from twisted_chat.gathering import Gatherer
from twisted_chat.limits import GOODBYE


class GathererTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = ThreadsClock()
        self.batches: SimpleQueue[list[int]] = SimpleQueue()
        self.open = Event()
        self.open.set()
        self.late: list[str] = []

    def gatherer(self, pause: float, work=None) -> Gatherer[list[int]]:
        """A gatherer that is over at the end of the test."""
        gatherer = Gatherer("test", self.clock, list, work or self.work, pause)
        self.addCleanup(self.end, gatherer)
        return gatherer

    def end(self, gatherer: Gatherer[list[int]]) -> None:
        self.open.set()
        gatherer.stop(lambda: self.late.append("late"))
        self.assertTrue(gatherer.join(PATIENCE))

    def work(self, batches: Iterator[list[int]]) -> None:
        for batch in batches:
            self.batches.put(batch)
            assert self.open.wait(PATIENCE)

    def put(self, gatherer: Gatherer[list[int]], *numbers: int) -> None:
        for number in numbers:
            with gatherer as waiting:
                waiting.append(number)

    def batch(self) -> list[int]:
        return self.batches.get(timeout=PATIENCE)

    def test_what_gathers_while_the_thread_works_is_the_next_batch(self) -> None:
        gatherer = self.gatherer(pause=0)
        self.open.clear()
        self.put(gatherer, 1, 2)
        gatherer.start()
        self.assertEqual(self.batch(), [1, 2])
        self.put(gatherer, 3)
        self.put(gatherer, 4)
        self.open.set()
        self.assertEqual(self.batch(), [3, 4])

    def test_between_two_batches_it_pauses(self) -> None:
        gatherer = self.gatherer(pause=3600)
        gatherer.start()
        self.put(gatherer, 1)
        self.assertEqual(self.batch(), [1])
        self.put(gatherer, 2)
        self.put(gatherer, 3)
        done = gatherer.stop(lambda: self.late.append("late"))
        gatherer.join(PATIENCE)
        self.clock.hear()
        self.successResultOf(done)
        self.assertEqual(self.batch(), [2, 3])
        self.assertTrue(self.batches.empty())
        self.assertEqual(self.late, [])

    def test_the_thread_may_change_its_pause(self) -> None:
        def work(batches: Iterator[list[int]]) -> None:
            for batch in batches:
                gatherer.pause = 0
                self.batches.put(batch)

        gatherer = self.gatherer(pause=3600, work=work)
        gatherer.start()
        self.put(gatherer, 1)
        self.assertEqual(self.batch(), [1])
        self.put(gatherer, 2)
        self.assertEqual(self.batch(), [2])

    def test_what_is_put_back_is_handed_over_again(self) -> None:
        def work(batches: Iterator[list[int]]) -> None:
            gatherer.pause = 0
            for batch in batches:
                self.batches.put(batch)
                if batch[-1] < 3:
                    with gatherer as newer:
                        gatherer.waiting = [*batch, batch[-1] + 1, *newer]

        gatherer = self.gatherer(pause=3600, work=work)
        gatherer.start()
        self.put(gatherer, 1)
        self.assertEqual([self.batch() for _ in range(3)], [[1], [1, 2], [1, 2, 3]])

    def test_work_that_takes_too_long_is_not_waited_for(self) -> None:
        gatherer = self.gatherer(pause=0)
        self.open.clear()
        gatherer.start()
        self.put(gatherer, 1)
        self.assertEqual(self.batch(), [1])
        done = gatherer.stop(lambda: self.late.append("late"))
        self.clock.advance(GOODBYE - 0.1)
        self.assertNoResult(done)
        self.clock.advance(0.1)
        self.successResultOf(done)
        self.assertEqual(self.late, ["late"])

    def test_work_that_fails_is_logged_and_does_not_hold_up_the_end(self) -> None:
        def work(batches: Iterator[list[int]]) -> None:
            raise ZeroDivisionError

        gatherer = self.gatherer(pause=0, work=work)
        gatherer.start()
        self.assertTrue(gatherer.join(PATIENCE))
        self.clock.hear_all()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.successResultOf(gatherer.stop(lambda: self.late.append("late")))
        self.assertEqual(self.late, [])

    def test_with_nothing_to_do_it_stops_at_once_and_so_does_one_that_never_started(self) -> None:
        gatherer = self.gatherer(pause=3600)
        gatherer.start()
        done = gatherer.stop(lambda: self.late.append("late"))
        gatherer.join(PATIENCE)
        self.clock.hear()
        self.successResultOf(done)
        self.successResultOf(self.gatherer(pause=0).stop(lambda: self.late.append("late")))
        self.assertEqual(self.late, [])
