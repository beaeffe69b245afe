"""Names that belong to somebody: who gets them, who does not, and what stays secret."""

from __future__ import annotations

import io

from argon2.exceptions import InvalidHashError
from twisted.logger import capturedLogs, eventAsText, globalLogPublisher, jsonFileLogObserver
from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask
from tests.support.hall import SECRET, Hall, RecordingStore
from tests.support.properties import given, settings, st
from twisted_chat import authorisation
from twisted_chat.commands import TABLE
from twisted_chat.commands.command import Request
from twisted_chat.journal.registrations import Recent, Registrations
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import (
    REGISTRATIONS_A_DAY,
)
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.records import Role
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Ban, Kick, Register, Rename, SetOperator

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
        self.assertIs(self.hall.journal.view.role(ann.id), Role.REGISTERED)

    def test_the_owner_changes_the_passphrase_by_registering_once_more(self) -> None:
        ann = self.hall.operator()
        for number in range(9):  # It counts as none of the names of the day.
            answer = self.hall.try_out(ann, f"/register another-one-{number}")
            self.assertIn("- ann is yours with that passphrase from now on", answer[0])
        self.assertIs(self.hall.journal.view.role(ann.id), Role.OPERATOR)
        again = self.hall.come("10.0.0.9")
        wrong = self.hall.try_out(again, f"/login ann {SECRET}")
        self.assertEqual(wrong, ["! that is not the passphrase of ann"])
        self.hall.clock.advance(60)
        right = self.hall.try_out(again, "/login ann another-one-8")
        self.assertIn("- You are logged in as ann", right)
        self.assertIs(self.hall.journal.view.role(again.id), Role.OPERATOR)

    def test_a_passphrase_may_hold_blanks_and_anything_else(self) -> None:
        for number, secret in enumerate(
            ("two  words,\tand more", "пароль и кот", "//x /y /z", "🐴🔋🐙🦊🌵🍋🎻🧶")
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
        self.assertIs(self.hall.journal.view.role(ann.id), Role.GUEST)
        self.hall.ask(ann, "/nick anna")
        self.assertEqual(self.hall.ask(self.hall.come(), "/nick ann"), ["- You are now ann"])
        self.assertIn("/unregister is for the owner of the name", self.refused(ann, "/unregister"))

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
            if self.hall.journal.view.role(member.id) is Role.REGISTERED
        ]
        self.assertEqual(len(registered), REGISTRATIONS_A_DAY)

    def test_who_is_put_out_meanwhile_registers_nothing(self) -> None:
        ann = self.hall.come(name="ann")
        waiting = self.hall.begin(ann, f"/register {SECRET}")
        ask(self.hall.journal, "bob", Kick(named("ann"), ""))
        self.hall.clock.hear()
        self.assertTrue(waiting.called)
        self.assertIsNone(self.hall.journal.view.registration(named("ann")))

    def test_a_name_that_was_taken_away_meanwhile_is_not_registered(self) -> None:
        ann = self.hall.come(name="ann")
        self.hall.begin(ann, f"/register {SECRET}")
        ask(self.hall.journal, ann, Rename(named("anna")))
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
            registrations.run_out(now)
            today = [time for known, time in done if known == network and time > now - DAY]
            name = named("n" + "x" * number)
            try:
                registrations.add(name, "digest", network, now)
            except Refusal:
                self.assertEqual(len(today), REGISTRATIONS_A_DAY)
                continue
            self.assertLess(len(today), REGISTRATIONS_A_DAY)
            done.append((network, now))
            if unregistered:
                registrations.remove(registrations.get(name))

    def test_there_are_only_so_many_registrations(self) -> None:
        registrations = Registrations(NoStore(), most=3)
        for name in ("cid", "dan", "eve"):
            registrations.add(named(name), "digest", "b", 1)
        with self.assertRaises(Refusal) as caught:
            registrations.add(named("ann"), "digest", "a", 1)
        self.assertEqual(str(caught.exception), "3 names are registered, as many as may be")
        registrations.remove(registrations.get(named("dan")))
        registrations.add(named("ann"), "digest", "a", 1)

    def test_a_clock_that_was_set_back_keeps_nobody_from_registering_for_long(self) -> None:
        for number in range(REGISTRATIONS_A_DAY):
            self.hall.owner(f"ann{'x' * number}")
        self.hall.now.ahead -= 9 * DAY
        bob = self.hall.come(name="bob")
        self.assertIn("5 names a day", self.refused(bob, f"/register {SECRET}"))
        self.hall.clock.advance(2 * DAY)
        self.assertIn("- bob is yours", self.hall.try_out(bob, f"/register {SECRET}")[0])

    def test_what_was_registered_in_the_future_counts_for_a_day(self) -> None:
        registrations = Registrations(NoStore())
        registrations.load([], {"a": Recent([10.0 * DAY] * REGISTRATIONS_A_DAY)}, DAY)
        registrations.run_out(2 * DAY - 1)
        with self.assertRaises(Refusal):
            registrations.check(named("bob"), "a")
        registrations.run_out(2 * DAY)
        registrations.check(named("bob"), "a")

    def test_addresses_of_yesterday_are_forgotten_and_cost_little_until_then(self) -> None:
        store = RecordingStore()
        registrations = Registrations(store)
        looked = 0
        for number in range(2000):
            now = number * DAY / 500
            registrations.run_out(now)
            registrations.add(named("n" + "x" * number), "digest", str(number), now)
            looked = max(looked, len(registrations._recent), len(registrations._in_order))
        self.assertLessEqual(looked, 500)
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
        self.assertIs(self.hall.journal.view.role(self.ann.id), Role.REGISTERED)

    def test_who_does_not_is_told_and_gets_nothing(self) -> None:
        self.assertEqual(
            self.hall.try_out(self.ann, "/login ann wrong"),
            ["! that is not the passphrase of ann"],
        )
        self.assertEqual(
            (self.ann.name, self.hall.journal.view.role(self.ann.id)), ("10.0.0.2:1", Role.GUEST)
        )

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
        self.assertEqual(
            (self.hall.journal.view.role(self.ann.id), self.hall.journal.view.role(new.id)),
            (Role.GUEST, Role.REGISTERED),
        )

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
        self.assertIs(self.hall.journal.view.role(self.ann.id), Role.REGISTERED)

    def test_another_name_logs_out(self) -> None:
        self.hall.try_out(self.ann, f"/login ann {SECRET}")
        self.hall.ask(self.ann, "/nick anna")
        self.assertIs(self.hall.journal.view.role(self.ann.id), Role.GUEST)
        self.assertIn("ann is registered", self.hall.ask(self.ann, "/nick ann")[0])

    def test_an_operator_is_one_as_long_as_it_bears_the_name(self) -> None:
        ask(self.hall.journal, "chatctl", SetOperator(named("Ann")))
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
        self.assertIs(self.hall.journal.view.role(self.ann.id), Role.OPERATOR)
        self.assertIn("- You are no operator", self.hall.ask(self.ann, "/unregister"))
        self.hall.try_out(self.ann, f"/register {SECRET}")
        self.assertIs(
            self.hall.journal.view.role(self.ann.id),
            Role.REGISTERED,
            "the right was the former owner's",
        )

    def test_who_is_made_an_operator_while_logging_in_is_one(self) -> None:
        self.hall.begin(self.ann, f"/login ann {SECRET}")
        ask(self.hall.journal, "chatctl", SetOperator(named("ann")))
        self.hall.clock.hear()
        self.assertIs(self.hall.journal.view.role(self.ann.id), Role.OPERATOR)

    def test_a_name_that_changed_hands_while_it_was_tried_is_not_given(self) -> None:
        owner = self.hall.come("10.0.0.3")
        for has_new_owner in (False, True):
            with self.subTest(has_new_owner=has_new_owner):
                self.hall.try_out(owner, f"/login ann {SECRET}")
                self.hall.begin(self.ann, f"/login ann {SECRET}")
                self.hall.ask(owner, "/unregister")
                if has_new_owner:
                    ask(self.hall.journal, owner, Register(named(owner.name), "fake x"))
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
        ask(self.hall.journal, "bob", Kick(named(self.ann.name), ""))
        self.hall.clock.hear()
        self.assertTrue(waiting.called)
        self.assertIn("nobody here is called ann", self.hall.ask(self.hall.come(), "/whois ann")[0])

    def test_a_banned_name_is_not_given_to_its_owner(self) -> None:
        ask(self.hall.journal, "bob", Ban(named("ann"), 0, ""))
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
            ask(hall.journal, "bob", Kick(named(kicked.name), ""))
            hall.clock.hear()
        self.assertEqual(len(self.flushLoggedErrors(InvalidHashError)), 2)
        registration = hall.journal.view.registration(named("ann"))
        table = hall.table
        request = Request(
            table.chat, TABLE, hall.vault.passphrases, table.traces, None, ann, secret, "lobby"
        )
        places = {
            "logs": "".join(map(eventAsText, logs)),
            "logged values": repr(logs),
            "JSON logs": written.getvalue(),
            "transcript": b"".join(hall.table.transcript.written).decode(),
            "others": "".join(hall.table.read(witness)),
            "itself": "".join(hall.table.read(ann)),
            "history": repr(list(hall.journal.view.history(named("lobby"), 1000))),
            "kept lines": repr(store.lines),
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
