"""Flood control: lines are delayed at a known rate, and nobody pays for another."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.properties import given, st
from twisted_chat.flood import Flood
from twisted_chat.limits import (
    ADDRESS_SHARE,
    BURST,
    CHAT_SHARE,
    LONGEST_PAUSE,
    RATE,
    TYPED_BURST,
    TYPED_RATE,
    Limits,
)


class FloodTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1024)

    def taken(self, meters, seconds: float = 0.0, tokens: float = 1) -> list[int]:
        """How many charges each of `meters` gets through in `seconds`, each as often as it may."""
        counts = [0] * len(meters)
        again = dict.fromkeys(range(len(meters)), self.clock.seconds())
        end = self.clock.seconds() + seconds
        while True:
            number = min(again, key=again.__getitem__)
            if again[number] > end:
                self.clock.advance(end - self.clock.seconds())
                return counts
            self.clock.advance(max(0.0, again[number] - self.clock.seconds()))
            while not (wait := meters[number].charge(tokens)):
                counts[number] += 1
            counts[number] += 1  # This one was let through too, what comes next has to wait.
            again[number] = self.clock.seconds() + wait

    def test_a_burst_passes_then_the_rate_holds(self) -> None:
        meter = Flood(self.clock, Limits(rate=10, burst=50)).meter("a")
        self.assertEqual(self.taken([meter]), [50])
        self.assertEqual(self.taken([meter], 10), [100])
        self.clock.advance(100)
        self.assertEqual(self.taken([meter]), [50])

    def test_a_connection_waits_until_a_whole_token_is_there(self) -> None:
        meter = Flood(self.clock, Limits(rate=10, burst=2)).meter("a")
        self.assertEqual([round(meter.charge(1), 6) for _ in range(4)], [0.0, 0.1, 0.2, 0.3])

    def test_a_long_line_and_a_long_answer_cost_what_they_are_worth(self) -> None:
        meter = Flood(self.clock, Limits(rate=10, burst=50)).meter("a")
        self.assertEqual(meter.charge(48), 0.0)
        self.assertAlmostEqual(meter.charge(20.5), 1.95)

    def test_connections_of_one_address_share_four_times_the_rate_and_others_do_not_pay(self):
        flood = Flood(self.clock, Limits(rate=10, burst=100))
        flooders = [flood.meter("a") for _ in range(20)]
        self.assertLessEqual(sum(self.taken(flooders)), ADDRESS_SHARE * 100 + 20)
        self.assertApproximates(sum(self.taken(flooders, 100)), ADDRESS_SHARE * 1000, 200)
        self.assertEqual(flood.meter("b").charge(1), 0.0)

    def test_all_who_paste_share_the_rate_of_the_chat_and_who_does_not_paste_never_waits(self):
        flood = Flood(self.clock, Limits())
        pasters = [flood.meter(str(number)) for number in range(200)]
        quiet = flood.meter("quiet")
        self.taken(pasters, 10)
        free = BURST * TYPED_BURST
        of_the_chat = RATE * CHAT_SHARE * 10
        typed = len(pasters) * RATE * TYPED_RATE * 10
        self.assertApproximates(sum(self.taken(pasters, 10)), of_the_chat + typed, 3000)
        for _ in range(int(free) - 1):
            self.assertEqual(quiet.charge(1), 0.0)

    def test_pasters_share_the_rate_of_the_chat_also_where_a_burst_takes_long_to_come_back(self):
        flood = Flood(self.clock, Limits(rate=1, burst=1000))
        pasters = [flood.meter(str(number)) for number in range(50)]
        at_once = 1000 + len(pasters) * 1000 * TYPED_BURST
        self.assertApproximates(sum(self.taken(pasters)), at_once, 2 * len(pasters))

    def test_pasters_wait_for_each_other_in_turn(self) -> None:
        flood = Flood(self.clock, Limits(rate=10, burst=1))
        pasters = [flood.meter("a") for _ in range(40)]
        counts = self.taken(pasters, 100)
        self.assertLessEqual(max(counts) - min(counts), 2)

    def test_what_can_only_be_taken_later_is_not_taken_if_it_must_be_at_once(self) -> None:
        meter = Flood(self.clock, Limits(rate=10, burst=50)).meter("a")
        self.assertGreater(meter.charge(50, only_at_once=True), 0.0)
        self.assertEqual(meter.charge(48, only_at_once=True), 0.0)

    def test_without_a_rate_there_is_no_limit(self) -> None:
        meter = Flood(self.clock, Limits(rate=0)).meter("a")
        self.assertEqual(meter.charge(1_000_000), 0.0)

    @given(st.integers(1, 1000), st.integers(1, 5000))
    def test_no_wait_is_without_end_however_much_is_charged(self, rate, burst) -> None:
        meter = Flood(self.clock, Limits(rate=rate, burst=burst)).meter("a")
        meter.charge(100_000)
        self.assertLessEqual(meter.charge(1), LONGEST_PAUSE + burst / rate + 0.001)

    def test_addresses_that_have_calmed_down_are_forgotten(self) -> None:
        flood = Flood(self.clock, Limits())
        for number in range(10_000):
            flood.meter(str(number)).charge(1)
            self.clock.advance(1)
        self.assertLess(len(flood.addresses), 100)
