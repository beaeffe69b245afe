"""What holds a peer's input back, on a connection that only notes what it is told."""

from __future__ import annotations

from itertools import permutations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_chat.doors.holding import Hold, Holding, IHeld
from twisted_chat.limits import GOODBYE


@implementer(IHeld)
class Keys:
    """A connection of keys, such as a terminal's."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.failures: list[Failure] = []

    def pause_input(self) -> None:
        self.told.append("pause")

    def resume_input(self) -> None:
        self.told.append("resume")

    def failed(self, failure: Failure) -> None:
        self.failures.append(failure)


class HoldingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.keys = Keys()
        verifyObject(IHeld, self.keys)
        self.holding = Holding(self.keys, self.clock)

    def test_nothing_is_held_back_from_the_start(self) -> None:
        self.assertFalse(self.holding)
        self.holding.release(Hold.FLOOD)
        self.assertEqual(self.keys.told, [])

    def test_input_is_held_back_as_long_as_there_is_any_reason(self) -> None:
        for order in permutations(Hold):
            self.keys.told.clear()
            for reason in Hold:
                self.holding.hold(reason)
                self.holding.hold(reason)
            for reason in order:
                self.assertTrue(self.holding)
                self.assertEqual(self.keys.told, ["pause"])
                self.holding.release(reason)
            self.assertFalse(self.holding)
            self.assertEqual(self.keys.told, ["pause", "resume"])

    def test_an_answer_is_awaited(self) -> None:
        answer: Deferred[None] = Deferred()
        self.holding.until(answer)
        self.assertTrue(self.holding.for_answer)
        answer.callback(None)
        self.assertFalse(self.holding.for_answer)
        self.assertEqual(self.keys.told, ["pause", "resume"])

    def test_what_an_answer_leads_to_is_awaited_before_anything_more_is_taken(self) -> None:
        first, second = Deferred[None](), Deferred[None]()
        first.addCallback(lambda _: self.holding.until(second))
        self.holding.until(first)
        first.callback(None)
        self.assertTrue(self.holding.for_answer)
        self.assertEqual(self.keys.told, ["pause"])
        second.callback(None)
        self.assertFalse(self.holding.for_answer)
        self.assertEqual(self.keys.told, ["pause", "resume"])

    def test_while_it_is_resumed_the_next_answer_may_be_awaited(self) -> None:
        answers = [Deferred[None]() for _ in range(3)]
        waiting = list(answers)

        def resume() -> None:
            self.keys.told.append("resume")
            if waiting:
                self.holding.until(waiting.pop(0))

        self.keys.resume_input = resume
        self.holding.until(waiting.pop(0))
        for answer in answers:
            self.assertTrue(self.holding.for_answer)
            answer.callback(None)
        self.assertFalse(self.holding)
        self.assertEqual(self.keys.told, ["pause", "resume"] * 3)

    def test_an_answer_that_fails_is_told_and_nothing_more_is_taken(self) -> None:
        answer: Deferred[None] = Deferred()
        self.holding.until(answer)
        answer.errback(ValueError())
        [failure] = self.keys.failures
        failure.trap(ValueError)
        self.assertTrue(self.holding)
        self.assertFalse(self.holding.for_answer)
        self.assertEqual(self.keys.told, ["pause"])

    def test_what_fails_when_it_is_resumed_is_told_too(self) -> None:
        answer: Deferred[None] = Deferred()
        self.holding.until(answer)
        self.keys.resume_input = lambda: 1 / 0
        answer.callback(None)
        [failure] = self.keys.failures
        failure.trap(ZeroDivisionError)

    def test_tokens_are_waited_for_once(self) -> None:
        self.holding.for_tokens(2)
        self.holding.for_tokens(9)
        self.clock.advance(1.9)
        self.assertEqual(self.keys.told, ["pause"])
        self.clock.advance(0.1)
        self.assertEqual(self.keys.told, ["pause", "resume"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_of_tokens_and_an_answer_the_later_one_counts(self) -> None:
        for is_first in (True, False):
            self.keys.told.clear()
            answer: Deferred[None] = Deferred()
            self.holding.until(answer)
            self.holding.for_tokens(1)
            if is_first:
                answer.callback(None)
            else:
                self.clock.advance(1)
            self.assertEqual(self.keys.told, ["pause"])
            if is_first:
                self.clock.advance(1)
            else:
                answer.callback(None)
            self.assertEqual(self.keys.told, ["pause", "resume"])

    def test_who_is_lost_is_waited_for_a_few_seconds_in_all(self) -> None:
        given_up: list[Deferred[None]] = []

        def pending() -> Deferred[None]:
            def give_up(answer: Deferred[None]) -> None:
                given_up.append(answer)
                answer.callback(None)

            return Deferred(give_up)

        self.holding.until(first := pending())
        self.clock.advance(100)
        self.holding.peer_is_lost()
        self.clock.advance(GOODBYE - 1)
        first.callback(None)
        self.holding.until(second := pending())
        self.assertEqual(given_up, [])
        self.clock.advance(1)
        self.assertEqual(given_up, [second])
        self.holding.until(third := pending())
        self.clock.advance(0)
        self.assertEqual(given_up, [second, third])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_its_end_nothing_is_waited_for(self) -> None:
        cancelled: list[Deferred[None]] = []
        self.holding.until(answer := Deferred(cancelled.append))
        self.holding.for_tokens(1)
        self.holding.give_up()
        self.assertEqual(cancelled, [answer])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.keys.failures.pop().trap(CancelledError)
        self.assertEqual(self.keys.told, ["pause"])
