"""Names that belong to somebody: who gets them, who does not, and what stays secret."""

from __future__ import annotations

import io
import threading

from argon2.exceptions import InvalidHashError
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import capturedLogs, eventAsText, globalLogPublisher, jsonFileLogObserver
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.doubles import Door, TCPTransport
from tests.hall import SECRET, FakeHasher, Hall, RecordingStore, ThreadsClock, Vault
from tests.properties import given, settings, st
from twisted_chat import authorisation
from twisted_chat.commands.command import Request
from twisted_chat.events import Role
from twisted_chat.journal.registrations import Registrations
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import (
    FORGET_TRIES,
    GOODBYE,
    HASHING_AT_ONCE,
    HASHING_FIRST,
    HASHING_SHARE,
    HASHING_WAITING,
    LONGEST_DELAY,
    MAX_REGISTRATIONS,
    REGISTRATIONS_A_DAY,
    TRIES_WAITING,
)
from twisted_chat.member import Member
from twisted_chat.passphrases import Passphrases
from twisted_chat.refusal import Refusal

DAY = 24 * 60 * 60


class RegisteringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall(self)

    def refused(self, member: Member, line: str) -> str:
        [answer] = self.hall.ask(member, line)
        self.assertTrue(answer.startswith("! "), answer)
        return answer

    def test_who_registers_its_name_is_told_how_long_it_is_kept(self) -> None:
        ann = self.hall.come(name="ann")
        self.assertEqual(
            self.hall.try_out(ann, f"/register {SECRET}"),
            [
                "- ann is yours, as long as this daemon runs: "
                "/login ann PASSPHRASE takes it next time"
            ],
        )
        lasting = Hall(self, RecordingStore())
        ann = lasting.come(name="ann")
        self.assertEqual(
            lasting.try_out(ann, f"/register {SECRET}"),
            ["- ann is yours: /login ann PASSPHRASE takes it next time"],
        )

    def test_a_default_name_is_nobody_s(self) -> None:
        self.assertEqual(
            self.refused(self.hall.come(), f"/register {SECRET}"),
            "! take a name first: /nick NAME, then /register PASSPHRASE keeps it for you",
        )

    def test_a_registered_name_and_its_look_alikes_are_refused_to_others(self) -> None:
        self.hall.leave(self.hall.owner("ill"))
        bob = self.hall.come("10.0.0.2")
        for name in ("ill", "ILL", "Ill", "lll", "i1l"):
            self.assertIn(
                "is registered: /login ill PASSPHRASE, or", self.refused(bob, f"/nick {name}")
            )
        self.assertEqual(self.hall.ask(bob, "/nick bill"), ["- You are now bill"])

    def test_the_owner_may_write_its_name_another_way_and_stays_the_owner(self) -> None:
        ann = self.hall.owner()
        self.assertEqual(self.hall.ask(ann, "/nick ANN"), ["- You are now ANN"])
        self.assertIs(ann.standing.role, Role.REGISTERED)

    def test_the_owner_changes_the_passphrase_by_registering_once_more(self) -> None:
        ann = self.hall.operator()
        for number in range(9):  # It counts as none of the names of the day.
            answer = self.hall.try_out(ann, f"/register another-one-{number}")
            self.assertIn("- ann is yours with that passphrase from now on", answer[0])
        self.assertIs(ann.standing.role, Role.OPERATOR)
        again = self.hall.come("10.0.0.9")
        wrong = self.hall.try_out(again, f"/login ann {SECRET}")
        self.assertEqual(wrong, ["! that is not the passphrase of ann"])
        self.hall.clock.advance(60)
        right = self.hall.try_out(again, "/login ann another-one-8")
        self.assertIn("- You are logged in as ann", right)
        self.assertIs(again.standing.role, Role.OPERATOR)

    def test_a_passphrase_may_hold_blanks_and_anything_else(self) -> None:
        for number, secret in enumerate(
            ("two  words,\tand more", "пароль пароль", "//x /y /z", "🐴🔋🐴🔋🐴🔋🐴🔋")
        ):
            name = f"ann{number}"
            self.hall.clock.advance(DAY)
            ann = self.hall.come(name=name)
            self.hall.try_out(ann, f"/register   {secret}  ")
            self.hall.leave(ann)
            [_, answer] = self.hall.try_out(self.hall.come(), f"/login  {name}   {secret} ")
            self.assertEqual(answer, f"- You are logged in as {name}")

    def test_a_passphrase_is_the_same_from_every_keyboard(self) -> None:
        ann = self.hall.come(name="ann")
        self.hall.try_out(ann, "/register Schlüsselwort")
        self.hall.leave(ann)
        answer = self.hall.try_out(self.hall.come(), "/login ann Schlu\u0308sselwort")
        self.assertEqual(answer[-1], "- You are logged in as ann")

    def test_a_short_passphrase_is_refused_unhashed(self) -> None:
        ann = self.hall.come(name="ann")
        self.assertIn("take 8 characters or more", self.refused(ann, "/register 1234567"))
        self.assertIn("write /register PASSPHRASE", self.refused(ann, "/register"))
        self.assertEqual(self.hall.hasher.hashed, 0)

    def test_the_name_is_no_part_of_the_passphrase(self) -> None:
        ann = self.hall.come(name="annannann")
        for line in ("/register annannann", "/register AnnAnnAnn correct horse"):
            self.assertEqual(
                self.refused(ann, line), "! leave your name out of it: write /register PASSPHRASE"
            )

    def test_unregister_makes_a_name_anybody_s(self) -> None:
        ann = self.hall.owner()
        self.assertEqual(
            self.hall.ask(ann, "/unregister"),
            ["- ann belongs to nobody now: whoever takes it has it"],
        )
        self.assertIs(ann.standing.role, Role.GUEST)
        self.hall.ask(ann, "/nick anna")
        self.assertEqual(self.hall.ask(self.hall.come(), "/nick ann"), ["- You are now ann"])
        self.assertIn("/unregister is for who owns the name", self.refused(ann, "/unregister"))

    def test_only_so_many_names_a_day_come_from_one_address(self) -> None:
        for host, neighbour, stranger in (
            ("10.0.0.9", "10.0.0.9", "10.0.0.8"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
            ("127.0.0.1", "127.9.9.9", "10.0.0.8"),
            ("::1", "local", "10.0.0.8"),
        ):
            with self.subTest(host=host):
                hall = Hall(self)
                for number in range(REGISTRATIONS_A_DAY):
                    hall.clock.advance(60)
                    member = hall.come(host, f"ann{number}")
                    hall.try_out(member, f"/register {SECRET}")
                    hall.ask(member, "/unregister")
                bob = hall.come(neighbour, "bob")
                hashed = hall.hasher.hashed
                [answer] = hall.ask(bob, f"/register {SECRET}")
                self.assertRegex(
                    answer, r"^! 5 names a day can be registered from .*: try again tomorrow"
                )
                self.assertEqual(hall.hasher.hashed, hashed, "hashed for nothing")
                cid = hall.come(stranger, "cid")
                self.assertIn("cid is yours", hall.try_out(cid, f"/register {SECRET}")[0])
                hall.clock.advance(DAY - 240)
                self.assertIn("bob is yours", hall.try_out(bob, f"/register {SECRET}")[0])
                dan = hall.come(host, "dan")
                self.assertIn("5 names a day", hall.ask(dan, f"/register {SECRET}")[0])

    def test_those_who_register_at_once_are_counted_too(self) -> None:
        self.hall.hasher.open.clear()
        for number in range(REGISTRATIONS_A_DAY + 1):
            self.hall.begin(self.hall.come(name=f"ann{number}"), f"/register {SECRET}")
        self.hall.hasher.open.set()
        self.hall.clock.hear(REGISTRATIONS_A_DAY + 1)
        registered = [
            member
            for member in self.hall.table.chat.everybody()
            if member.standing.role is Role.REGISTERED
        ]
        self.assertEqual(len(registered), REGISTRATIONS_A_DAY)

    def test_who_is_put_out_meanwhile_registers_nothing(self) -> None:
        ann = self.hall.come(name="ann")
        waiting = self.hall.begin(ann, f"/register {SECRET}")
        self.hall.journal.kick("bob", "ann", "")
        self.hall.clock.hear()
        self.assertTrue(waiting.called)
        self.assertIsNone(self.successResultOf(self.hall.journal.registration("ann")))

    def test_a_name_that_was_taken_away_meanwhile_is_not_registered(self) -> None:
        ann = self.hall.come(name="ann")
        self.hall.begin(ann, f"/register {SECRET}")
        self.successResultOf(self.hall.journal.rename(ann, "anna"))
        self.hall.clock.hear()
        self.assertEqual(
            self.hall.table.read(ann)[-1],
            "! ann is not your name any more: nothing was registered",
        )

    @settings(max_examples=50)
    @given(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, DAY), st.booleans()), max_size=30)
    )
    def test_counts_of_the_day_are_those_of_a_list(self, steps) -> None:
        registrations = Registrations(NoStore())
        done: list[tuple[str, float]] = []
        now = 1_000_000.0
        for number, (network, passed, unregistered) in enumerate(steps):
            now += passed / 4
            today = [time for known, time in done if known == network and time > now - DAY]
            name = "n" + "x" * number
            try:
                registrations.add(name, "digest", network, now)
            except Refusal:
                self.assertEqual(len(today), REGISTRATIONS_A_DAY)
                continue
            self.assertLess(len(today), REGISTRATIONS_A_DAY)
            done.append((network, now))
            if unregistered:
                registrations.remove(name)

    def test_there_are_only_so_many_registrations(self) -> None:
        registrations = Registrations(NoStore())
        registrations._owned = dict.fromkeys(map(str, range(MAX_REGISTRATIONS)))
        with self.assertRaises(Refusal) as caught:
            registrations.add("ann", "digest", "a", 1)
        self.assertEqual(str(caught.exception), "1000000 names are registered, as many as may be")
        registrations.remove("ann")
        registrations.remove("2")
        registrations.add("ann", "digest", "a", 1)

    def test_a_clock_that_was_set_back_keeps_nobody_from_registering(self) -> None:
        registrations = Registrations(NoStore())
        for number in range(REGISTRATIONS_A_DAY):
            registrations.add(f"ann{'x' * number}", "digest", "a", 10 * DAY)
        registrations.add("bob", "digest", "a", 1 * DAY)

    def test_addresses_of_yesterday_are_forgotten_and_cost_little_until_then(self) -> None:
        store = RecordingStore()
        registrations = Registrations(store)
        looked = 0
        for number in range(2000):
            registrations.add("n" + "x" * number, "digest", str(number), number * DAY / 500)
            looked = max(looked, len(registrations._recent))
        self.assertLess(looked, 3 * 500 + 64)
        self.assertEqual(set(store.documents["recent"]), set(registrations._recent))


class LoggingInTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall(self)
        self.hall.leave(self.hall.owner())
        self.ann = self.hall.come("10.0.0.2")

    def test_who_knows_the_passphrase_gets_the_name(self) -> None:
        bob = self.hall.come("10.0.0.3", "bob")
        self.hall.table.read(self.ann)
        self.assertEqual(
            self.hall.try_out(self.ann, f"/login ANN {SECRET}"),
            ["- You are now ann", "- You are logged in as ann"],
        )
        self.assertEqual(self.hall.table.read(bob), ["- 10.0.0.2:1 is now ann"])
        self.assertIs(self.ann.standing.role, Role.REGISTERED)

    def test_who_does_not_is_told_and_gets_nothing(self) -> None:
        self.assertEqual(
            self.hall.try_out(self.ann, "/login ann wrong"),
            ["! that is not the passphrase of ann"],
        )
        self.assertEqual((self.ann.name, self.ann.standing.role), ("10.0.0.2:1", Role.GUEST))

    def test_who_has_to_wait_is_told_for_how_long(self) -> None:
        for delay, told in (
            (0, []),
            (1, []),
            (2, ["- after wrong passphrases this one is tried in 2 s"]),
            (4, ["- after wrong passphrases this one is tried in 4 s"]),
        ):
            self.hall.begin(self.ann, "/login ann wrong")
            self.assertEqual(self.hall.table.read(self.ann), told)
            self.hall.clock.advance(delay)
            self.hall.clock.hear()
            self.assertIn("that is not", self.hall.table.read(self.ann)[-1])

    def test_what_cannot_be_a_login_is_refused_unhashed(self) -> None:
        hashed = self.hall.hasher.hashed
        for line, why in {
            "/login": "! something is missing: write /login NAME PASSPHRASE",
            "/login ann": "! write /login NAME PASSPHRASE",
            "/login bob x": "! nobody has registered bob: /nick NAME takes a free name",
        }.items():
            self.assertEqual(self.hall.ask(self.ann, line), [why])
        [long] = self.hall.ask(self.ann, f"/login {'x' * 4000} y")
        self.assertLess(len(long), 150)
        self.assertEqual(self.hall.hasher.hashed, hashed)

    def test_the_owner_takes_its_name_from_a_connection_that_holds_it(self) -> None:
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        new = self.hall.come("10.0.0.3")
        self.hall.table.read(self.ann)
        self.assertEqual(
            self.hall.try_out(new, f"/login ann {SECRET}"),
            ["- ann is now 10.0.0.2:1", "- You are now ann", "- You are logged in as ann"],
        )
        self.assertEqual(
            self.hall.table.read(self.ann),
            [
                "- somebody who knows the passphrase is ann now",
                "- You are now 10.0.0.2:1",
                "- 10.0.0.3:1 is now ann",
            ],
        )
        self.assertEqual((self.ann.standing.role, new.standing.role), (Role.GUEST, Role.REGISTERED))

    def test_a_former_holder_whose_default_name_is_taken_gets_one_like_it(self) -> None:
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        self.hall.hosts["10.0.0.2"] = 0
        again = self.hall.come("10.0.0.2")
        self.hall.try_out(again, f"/login ann {SECRET}")
        self.assertEqual(self.ann.name, "10.0.0.2:1~2")

    def test_who_holds_the_name_can_log_in_again(self) -> None:
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        self.assertEqual(
            self.hall.try_out(self.ann, f"/login ann {SECRET}"), ["- You are logged in as ann"]
        )
        self.assertIs(self.ann.standing.role, Role.REGISTERED)

    def test_another_name_logs_out(self) -> None:
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        self.hall.ask(self.ann, "/nick anna")
        self.assertIs(self.ann.standing.role, Role.GUEST)
        self.assertIn("ann is registered", self.hall.ask(self.ann, "/nick ann")[0])

    def test_an_operator_is_one_as_long_as_it_bears_the_name(self) -> None:
        self.successResultOf(self.hall.journal.set_operator("chatctl", "Ann", True))
        self.assertEqual(
            self.hall.try_out(self.ann, f"/login ann {SECRET}"),
            [
                "- You are now ann",
                "- You are an operator: /help lists more now",
                "- You are logged in as ann",
            ],
        )
        self.assertEqual(
            self.hall.ask(self.ann, "/nick anna"), ["- You are now anna", "- You are no operator"]
        )
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        self.assertIs(self.ann.standing.role, Role.OPERATOR)
        self.assertIn("- You are no operator", self.hall.ask(self.ann, "/unregister"))
        self.hall.try_out(self.ann, f"/register {SECRET}")
        self.assertIs(self.ann.standing.role, Role.REGISTERED, "the right was the former owner's")

    def test_who_is_made_an_operator_while_logging_in_is_one(self) -> None:
        self.hall.begin(self.ann, f"/login ann {SECRET}")
        self.successResultOf(self.hall.journal.set_operator("chatctl", "ann", True))
        self.hall.clock.hear()
        self.assertIs(self.ann.standing.role, Role.OPERATOR)

    def test_a_name_that_changed_hands_while_it_was_tried_is_not_given(self) -> None:
        owner = self.hall.come("10.0.0.3")
        for has_new_owner in (False, True):
            with self.subTest(has_new_owner=has_new_owner):
                self.hall.try_out(owner, f"/login ann {SECRET}")
                self.hall.begin(self.ann, f"/login ann {SECRET}")
                self.hall.ask(owner, "/unregister")
                if has_new_owner:
                    self.successResultOf(self.hall.journal.register(owner, "fake x"))
                self.hall.clock.hear()
                self.assertEqual(
                    self.hall.table.read(self.ann)[-1],
                    "! ann has changed hands meanwhile: try again",
                )
                self.assertEqual(self.ann.name, "10.0.0.2:1")
                if not has_new_owner:
                    self.hall.try_out(owner, f"/register {SECRET}")

    def test_who_is_put_out_meanwhile_gets_nothing(self) -> None:
        waiting = self.hall.begin(self.ann, f"/login ann {SECRET}")
        self.hall.journal.kick("bob", self.ann.name, "")
        self.hall.clock.hear()
        self.assertTrue(waiting.called)
        self.assertIn("nobody here is called ann", self.hall.ask(self.hall.come(), "/whois ann")[0])

    def test_a_banned_name_is_not_given_to_its_owner(self) -> None:
        self.successResultOf(self.hall.journal.ban("bob", "ann", 0, "", None))
        self.assertEqual(
            self.hall.try_out(self.ann, f"/login ann {SECRET}"),
            ["! ann is banned, by bob. Choose another name"],
        )

    def test_a_hasher_that_fails_is_told_logged_and_no_wrong_try(self) -> None:
        self.hall.hasher.error = InvalidHashError("broken on purpose")
        self.assertEqual(
            self.hall.try_out(self.ann, f"/login ann {SECRET}"),
            ["! /login cannot be done just now: try again later"],
        )
        self.assertEqual(len(self.flushLoggedErrors(InvalidHashError)), 1)
        self.hall.hasher.error = None
        self.assertIn(
            "- You are logged in as ann", self.hall.try_out(self.ann, f"/login ann {SECRET}")
        )


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

    def test_a_clock_that_was_set_back_delays_nobody_for_long(self) -> None:
        for _ in range(10):
            self.check("wrong")
        self.clock.rightNow -= 10_000
        self.assertEqual(self.check("right"), LONGEST_DELAY)

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


SAFE = {
    "loopback": IPv4Address("TCP", "127.0.0.1", 5),
    "loopback, IPv6": IPv6Address("TCP", "::1", 5),
    "loopback, mapped": IPv6Address("TCP", "::ffff:127.0.0.1", 5),
    "unix": UNIXAddress("/tmp/x"),
}
OUTSIDE = IPv4Address("TCP", "10.0.0.7", 7)
LOCAL = IPv4Address("TCP", "127.0.0.1", 1)


@implementer(ISSLTransport)
class TLSTransport(TCPTransport):
    """One that is encrypted."""


class LineDoorTests(SynchronousTestCase):
    """Passphrases on the line door: who may send one, and what waits meanwhile."""

    def setUp(self) -> None:
        self.vault = Vault(self)
        self.clock, self.hasher = self.vault.clock, self.vault.hasher
        self.door = Door(clock=self.clock, passphrases=self.vault.passphrases)
        self.clock.advance(1_000_000)
        owner = self.door.connect(LOCAL)
        owner.dataReceived(b"/nick ann\n/register horse battery\n")
        self.clock.hear()
        self.end(owner)
        self.door.said()

    def end(self, protocol, error=ConnectionDone) -> None:
        protocol.connectionLost(Failure(error()))
        self.door.turn()

    def connect(self, peer=LOCAL, transport=None):
        protocol = self.door.connect(peer, transport)
        self.door.said()
        protocol.transport.clear()
        return protocol

    def assert_over(self) -> None:
        """Nobody is in, and nothing is counted or timed any more."""
        admission = self.door.factory.admission
        self.assertEqual((admission._users, dict(admission._per_address)), (0, {}))
        self.assertEqual(list(self.door.factory.chat.everybody()), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_passphrase_in_clear_is_refused_with_reason_and_advice(self) -> None:
        protocol = self.connect(OUTSIDE)
        for command in ("login ann horse battery", "register horse battery", "login", "register"):
            protocol.dataReceived(f"/{command}\n".encode())
            self.door.turn()
            self.assertEqual(
                protocol.transport.lines(),
                [
                    f"! /{command.split()[0]} was refused: whoever stands between us can read "
                    "along. Come in over TLS, or from the daemon's own machine; if you sent a "
                    "passphrase just now, change it wherever you use it"
                ],
            )
        self.assertEqual(self.hasher.hashed, 1)

    def test_a_passphrase_from_this_machine_or_over_tls_is_taken(self) -> None:
        doors = [(name, peer, None) for name, peer in SAFE.items()]
        doors.append(("TLS", OUTSIDE, TLSTransport(peerAddress=OUTSIDE)))
        for name, peer, transport in doors:
            with self.subTest(door=name):
                protocol = self.connect(peer, transport)
                protocol.dataReceived(b"/login ann horse battery\n")
                self.clock.hear()
                self.door.turn()
                self.assertEqual(protocol.transport.lines()[-1], "- You are logged in as ann")
                self.end(protocol)

    def test_what_comes_behind_a_login_waits_and_is_said_under_the_new_name(self) -> None:
        stream = b"before\n/login ann horse battery\nhello\n/me waves\nbye\n"
        for pieces in (
            [stream],
            [stream[at : at + 1] for at in range(len(stream))],
            [stream[:20], stream[20:40], stream[40:]],
        ):
            with self.subTest(pieces=len(pieces)):
                protocol = self.connect()
                for piece in pieces:
                    protocol.dataReceived(piece)
                self.assertEqual(self.door.said(), ["[127.0.0.1:1] before"])
                self.assertEqual(protocol.transport.producerState, "paused")
                self.clock.hear()
                self.assertEqual(
                    self.door.said(),
                    ["- 127.0.0.1:1 is now ann", "[ann] hello", "* ann waves", "[ann] bye"],
                )
                self.assertEqual(protocol.transport.producerState, "producing")
                self.end(protocol)

    def test_what_comes_behind_a_wrong_login_is_said_as_before(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\nhello\n")
        self.clock.hear()
        self.assertEqual(self.door.said(), ["[127.0.0.1:1] hello"])
        self.assertEqual(protocol.transport.lines(), ["! that is not the passphrase of ann"])

    def test_several_logins_are_answered_in_their_order(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\none\n/login ann horse battery\ntwo\n")
        self.clock.hear()
        self.assertEqual(self.door.said(), ["[127.0.0.1:1] one"])
        self.clock.advance(1)
        self.clock.hear()
        self.assertEqual(self.door.said(), ["- 127.0.0.1:1 is now ann", "[ann] two"])

    def test_a_peer_that_ends_its_side_is_answered_and_heard_before_it_leaves(self) -> None:
        for stream in (b"/login ann horse battery\nhello\n", b"/login ann horse battery\nhello"):
            with self.subTest(stream=stream):
                protocol = self.connect()
                protocol.dataReceived(stream)
                protocol.readConnectionLost()
                self.assertEqual(self.door.said(), [])
                self.assertFalse(protocol.transport.disconnecting)
                self.clock.hear()
                self.assertEqual(
                    self.door.said(),
                    [
                        "- 127.0.0.1:1 is now ann",
                        "[ann] hello",
                        "< The user ann left (0 user online)",
                    ],
                )
                self.assertEqual(
                    protocol.transport.lines(), ["- You are now ann", "- You are logged in as ann"]
                )
                self.assertTrue(protocol.transport.disconnecting)
                self.end(protocol)
                self.assert_over()

    def test_a_last_line_without_its_end_is_waited_for_too(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery")
        protocol.readConnectionLost()
        self.clock.hear()
        self.door.turn()
        self.assertEqual(
            self.door.said(), ["- 127.0.0.1:1 is now ann", "< The user ann left (0 user online)"]
        )
        self.assertEqual(
            protocol.transport.lines(), ["- You are now ann", "- You are logged in as ann"]
        )
        self.end(protocol)
        self.assert_over()

    def test_a_connection_lost_while_it_waits_is_over_in_a_few_seconds_and_told_once(self) -> None:
        for error in (ConnectionDone, ConnectionLost):
            with self.subTest(error=error):
                self.hasher.open.clear()
                protocol = self.connect()
                protocol.dataReceived(b"/login ann horse battery\nhello\n")
                self.end(protocol, error)
                self.assertEqual(self.door.said(), [])
                self.clock.advance(GOODBYE)
                self.assertEqual(
                    self.door.said(),
                    ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
                )
                self.assert_over()
                self.hasher.open.set()

    def test_who_closes_right_behind_a_login_is_heard_under_the_name_that_it_took(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        self.end(protocol)
        self.clock.hear()
        self.assertEqual(
            self.door.said(),
            [
                "- 127.0.0.1:1 is now ann",
                "[ann] hello",
                "< The user ann left (0 user online)",
            ],
        )
        self.assert_over()

    def test_a_connection_lost_while_it_is_delayed_is_over_in_a_few_seconds(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\n" * 4)
        for delay in (0, 1, 2):
            self.clock.advance(delay)
            self.clock.hear()
        protocol.dataReceived(b"/login ann wrong\nhello\n")
        self.door.turn()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.end(protocol)
        self.clock.advance(GOODBYE)
        self.assertEqual(
            self.door.said(),
            ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
        )
        self.assert_over()

    def test_many_logins_keep_no_dead_connection_in_the_room(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\n" * 100 + b"hello\n")
        self.end(protocol)
        self.clock.hear()
        self.clock.advance(GOODBYE)
        self.assertEqual(
            self.door.said(),
            ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
        )
        self.assert_over()

    def test_who_is_kicked_while_it_waits_leaves_once(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        self.door.factory.chat.journal.kick("bob", "127.0.0.1:1", "")
        self.clock.hear()
        self.assertEqual(
            self.door.said(),
            ["< The user 127.0.0.1:1 left (0 user online), put out: kicked by bob"],
        )
        self.assertTrue(protocol.transport.disconnecting)
        self.end(protocol)
        self.assert_over()

    def test_a_daemon_that_stops_lets_nobody_wait(self) -> None:
        self.hasher.open.clear()
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        self.door.factory.chat.stop()
        self.assertTrue(protocol.transport.disconnecting)
        self.end(protocol)
        self.assert_over()


class SecretTests(SynchronousTestCase):
    """A passphrase stands nowhere, whatever becomes of it."""

    def test_a_passphrase_is_written_nowhere(self) -> None:
        secret = "xyzzy-plugh-9"
        store = RecordingStore()
        hall = Hall(self, store)
        written = io.StringIO()
        observer = jsonFileLogObserver(written)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        witness = hall.come("10.0.0.9", "bob")
        with capturedLogs() as logs:
            hall.ask(witness, "hello")
            ann = hall.come("10.0.0.1", "ann")
            hall.try_out(ann, f"/register {secret}")
            hall.leave(ann)
            ann = hall.come("10.0.0.2")
            hall.try_out(ann, f"/login ann {secret}")
            hall.try_out(ann, f"/login ann {secret}{secret}")
            hall.ask(ann, f"/login cid {secret}")
            hall.ask(ann, f"/loginn ann {secret}")
            hall.try_out(ann, f"/register {secret}")
            hall.clock.advance(60)
            hall.hasher.error = InvalidHashError("broken on purpose")
            hall.try_out(ann, f"/login ann {secret}")
            hall.try_out(hall.come(name="dan"), f"/register {secret}")
            hall.hasher.error = None
            clear = hall.come("10.0.0.3", door=authorisation.Door.LINE)
            hall.ask(clear, f"/login ann {secret}")
            hall.ask(clear, f"/register {secret}")
            kicked = hall.come("10.0.0.4")
            hall.begin(kicked, f"/login ann {secret}")
            hall.journal.kick("bob", kicked.name, "")
            hall.clock.hear()
        self.assertEqual(len(self.flushLoggedErrors(InvalidHashError)), 2)
        registration = self.successResultOf(hall.journal.registration("ann"))
        request = Request(hall.table.chat, hall.vault.passphrases, ann, secret, "lobby")
        places = {
            "logs": "".join(map(eventAsText, logs)),
            "logged values": repr(logs),
            "JSON logs": written.getvalue(),
            "transcript": b"".join(hall.table.transcript.written).decode(),
            "others": "".join(hall.table.read(witness)),
            "itself": "".join(hall.table.read(ann)),
            "history": repr(list(self.successResultOf(hall.journal.history("lobby", 1000)))),
            "kept lines": repr(store.said),
            "audit": "".join(store.audited),
            "request": repr(request),
            "documents": repr(store.documents),
        }
        self.assertIn("/login failed", places["logs"])
        self.assertIn("log_failure", places["JSON logs"])
        for place in ("history", "kept lines", "transcript"):
            self.assertIn("hello", places[place])
        for place, text in places.items():
            self.assertNotIn(secret, text, place)
        self.assertNotIn(registration.digest, repr(registration))
        self.assertIn(registration.digest, repr(store.documents))
