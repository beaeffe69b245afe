"""Passphrases: how many are tried and hashed at once, and how long who guesses waits."""

from __future__ import annotations

import threading

from argon2.exceptions import InvalidHashError
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, FakeHasher, ThreadsClock, Vault
from twisted_chat.limits import (
    FORGET_TRIES,
    HASHING_AT_ONCE,
    HASHING_FIRST,
    HASHING_SHARE,
    HASHING_WAITING,
    TRIES_WAITING,
)
from twisted_chat.passphrases import Passphrases
from twisted_chat.refusal import Refusal

DAY = 24 * 60 * 60


class TryingTests(SynchronousTestCase):
    """Passphrases alone: how fast they can be tried, and how many at once."""

    def setUp(self) -> None:
        self.vault = Vault(self)
        self.clock, self.hasher = self.vault.clock, self.vault.hasher
        self.passphrases = self.vault.passphrases
        self.right = "fake thgir"

    def begin(self, passphrase="right", name="ann", network="10.0.0.1") -> Deferred[bool]:
        return Deferred.fromCoroutine(self.passphrases.check(name, network, self.right, passphrase))

    def check(self, passphrase: str, name="ann", network="10.0.0.1") -> float:
        """Try `passphrase`: how many seconds it had to wait."""
        before = self.clock.seconds()
        result = self.begin(passphrase, name, network)
        for call in self.clock.getDelayedCalls():
            self.clock.advance(call.getTime() - self.clock.seconds())
        self.clock.hear()
        self.assertEqual(self.successResultOf(result), passphrase == "right")
        return self.clock.seconds() - before

    def refused(self, result: Deferred[bool]) -> str:
        return str(self.failureResultOf(result, Refusal).value)

    def test_each_wrong_try_delays_the_next_twice_as_long_up_to_a_minute(self) -> None:
        self.assertEqual(
            [self.check("wrong") for _ in range(10)], [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
        )

    def test_the_right_one_waits_as_long_and_ends_the_delays(self) -> None:
        self.assertEqual([self.check("wrong") for _ in range(3)], [0, 1, 2])
        self.assertEqual(self.check("right"), 4)
        self.assertEqual([self.check("wrong") for _ in range(3)], [0, 1, 2])

    def test_time_that_has_passed_counts(self) -> None:
        for _ in range(3):
            self.check("wrong")
        self.clock.advance(3)
        self.assertEqual(self.check("wrong"), 1)

    def test_wrong_tries_are_forgotten_in_time(self) -> None:
        for _ in range(10):
            self.check("wrong")
        self.clock.advance(FORGET_TRIES)
        self.assertEqual([self.check("wrong") for _ in range(3)], [0, 1, 2])

    def test_tries_elsewhere_or_for_another_name_delay_nobody(self) -> None:
        for _ in range(10):
            self.check("wrong")
        self.begin("wrong")
        self.assertEqual(self.check_beside(network="10.0.0.2"), True)
        self.assertEqual(self.check_beside(name="bob"), True)

    def check_beside(self, name="ann", network="10.0.0.1") -> bool:
        result = self.begin("right", name, network)
        self.clock.hear()
        return self.successResultOf(result)

    def test_a_name_is_no_other_for_being_written_another_way(self) -> None:
        self.assertEqual(
            [self.check("wrong", name) for name in ("ann", "ANN", "\u0430nn")], [0, 1, 2]
        )

    def test_tries_for_one_name_from_one_address_come_one_after_the_other(self) -> None:
        results = [self.begin("wrong"), self.begin("wrong"), self.begin("right")]
        self.clock.hear()
        self.assertFalse(self.successResultOf(results[0]))
        self.assertTrue(self.clock.silent)
        for wait, result, outcome in ((1, results[1], False), (2, results[2], True)):
            self.assertNoResult(result)
            self.clock.advance(wait)
            self.clock.hear()
            self.assertIs(self.successResultOf(result), outcome)

    def test_only_so_many_tries_wait_for_one_name_from_one_address(self) -> None:
        self.check("wrong")
        waiting = [self.begin("wrong") for _ in range(TRIES_WAITING)]
        why = "others there are trying ann just now: try again in a minute"
        self.assertEqual(self.refused(self.begin()), why)
        self.assertTrue(self.check_beside(network="10.0.0.2"))
        for result in waiting:
            result.cancel()
            self.failureResultOf(result, CancelledError)
        self.assertEqual(self.check("right"), 1)

    def test_who_cancels_lets_the_next_one_try(self) -> None:
        self.hasher.open.clear()
        first, second = self.begin("wrong"), self.begin("right")
        self.hasher.wait_until_begun(1)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.hasher.open.set()
        self.clock.hear(2)
        self.assertTrue(self.successResultOf(second))

    def test_two_are_hashed_at_once_and_no_more(self) -> None:
        self.hasher.open.clear()
        results = [self.begin(network=str(number)) for number in range(10)]
        self.hasher.wait_until_begun(HASHING_AT_ONCE)
        self.hasher.open.set()
        self.clock.hear(10)
        self.assertTrue(all(map(self.successResultOf, results)))
        self.assertEqual(self.hasher.most, HASHING_AT_ONCE)

    def fill(self, most: int, networks: int) -> list[Deferred[bool]]:
        """Let `most` from so many networks be hashed and wait for it."""
        self.hasher.open.clear()
        return [
            self.begin(name=f"a{'n' * (number // networks)}", network=str(number % networks))
            for number in range(most)
        ]

    def let_through(self, results: list[Deferred[bool]]) -> None:
        self.hasher.open.set()
        self.clock.hear(len(results))
        self.assertTrue(all(map(self.successResultOf, results)))

    def test_only_so_many_wait_to_be_hashed(self) -> None:
        results = self.fill(HASHING_AT_ONCE + HASHING_WAITING, HASHING_WAITING)
        why = "too many want to register or log in just now: try again in a minute"
        self.assertEqual(self.refused(self.begin(name="bob", network="9")), why)
        digest = Deferred.fromCoroutine(self.passphrases.digest("9", SECRET))
        self.assertEqual(self.refused(digest), why)
        self.let_through(results)
        self.assertTrue(self.check_beside(network="9"))

    def test_whoever_tries_elsewhere_keeps_the_owner_from_no_first_try(self) -> None:
        most = HASHING_AT_ONCE + HASHING_WAITING
        results = self.fill(most, -(-most // HASHING_SHARE))
        results.append(self.begin(network="home"))
        self.assertIn("too many", self.refused(self.begin(name="bob", network="home")))
        self.let_through(results)

    def test_even_of_first_tries_only_so_many_wait(self) -> None:
        most = HASHING_AT_ONCE + HASHING_FIRST
        results = self.fill(most, most)
        self.assertIn("too many", self.refused(self.begin(network="home")))
        self.let_through(results)

    def test_one_address_keeps_no_others_from_logging_in(self) -> None:
        self.hasher.open.clear()
        names = [f"ann{'x' * number}" for number in range(HASHING_SHARE + 1)]
        *results, late = [self.begin(name=name) for name in names]
        self.assertIn("too many", self.refused(late))
        elsewhere = self.begin(network="10.0.0.2")
        self.hasher.open.set()
        self.clock.hear(HASHING_SHARE + 1)
        self.assertTrue(all(map(self.successResultOf, [*results, elsewhere])))

    def test_what_was_cancelled_is_not_hashed_and_keeps_no_place(self) -> None:
        self.hasher.open.clear()
        busy = [self.begin(network=str(number)) for number in range(HASHING_AT_ONCE)]
        self.hasher.wait_until_begun(HASHING_AT_ONCE)
        for _ in range(3 * HASHING_SHARE):
            result = self.begin()
            result.cancel()
            self.failureResultOf(result, CancelledError)
        last = self.begin()
        self.hasher.open.set()
        self.clock.hear(HASHING_AT_ONCE + 1)
        self.assertTrue(all(map(self.successResultOf, [*busy, last])))
        self.assertEqual(self.hasher.hashed, HASHING_AT_ONCE + 1)

    def test_errors_of_the_hasher_come_out_and_keep_no_place(self) -> None:
        for _ in range(HASHING_AT_ONCE + HASHING_WAITING + 1):
            self.hasher.error = InvalidHashError("broken on purpose")
            result = self.begin()
            self.clock.hear()
            self.failureResultOf(result, InvalidHashError)
        self.hasher.error = None
        self.assertEqual(self.check("right"), 0)

    def test_tries_are_remembered_in_bounded_memory(self) -> None:
        for number in range(1000):
            self.clock.advance(FORGET_TRIES / 100)
            self.check("wrong", network=str(number))
        self.assertLess(len(self.passphrases._tries), 400)

    def test_those_that_wait_are_never_forgotten(self) -> None:
        self.hasher.open.clear()
        waiting = [self.begin("wrong") for _ in range(TRIES_WAITING)]
        self.clock.advance(2 * FORGET_TRIES)
        for number in range(200):
            result = self.begin(network=str(number))
            result.cancel()
            self.failureResultOf(result, CancelledError)
        self.assertIn("others there are trying", self.refused(self.begin()))
        for result in waiting:
            result.cancel()
            self.failureResultOf(result, CancelledError)

    def test_a_daemon_that_stops_hashes_nothing_more(self) -> None:
        self.passphrases.stop()
        self.assertEqual(self.refused(self.begin()), "the daemon stops")

    def test_a_daemon_that_nobody_registers_with_has_no_threads_for_it(self) -> None:
        before = set(threading.enumerate())
        Passphrases(ThreadsClock(), FakeHasher()).stop()
        self.assertEqual(set(threading.enumerate()) - before, set())

    def test_real_digests_tell_right_from_wrong_and_are_argon2id_of_64_mib(self) -> None:
        vault = Vault(self, Passphrases(ThreadsClock())._hasher)
        result = Deferred.fromCoroutine(vault.passphrases.digest("x", SECRET))
        vault.clock.hear()
        digest = self.successResultOf(result)
        self.assertRegex(digest, r"^\$argon2id\$v=19\$m=65536,t=3,p=4\$")
        for passphrase, outcome in ((SECRET, True), (SECRET + " ", False)):
            result = Deferred.fromCoroutine(vault.passphrases.check("ann", "x", digest, passphrase))
            vault.clock.hear()
            self.assertIs(self.successResultOf(result), outcome)
