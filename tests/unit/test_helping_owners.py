"""What an administrator does for owners of names: lists, releases and resets them."""

from __future__ import annotations

import json
import re

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask
from tests.support.hall import SECRET, Hall, RecordingStore
from twisted_chat.journal.registrations import Registrations
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import REGISTRATIONS_A_DAY, RESET_LASTS, WRONG_FROM
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.records import Role
from twisted_chat.requests import Reset

NOW = 1_795_590_720.0  # 2026-11-25T07:12:00Z


class HelpingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store, now=NOW)

    def again(self) -> Hall:
        """The hall after a restart."""
        return Hall(self, self.store, now=self.hall.now())

    def reset(self, hall: Hall, name: str) -> str:
        """Reset `name`: the passphrase that chatctl reads."""
        *_, answer = hall.control("reset", name, hashes=True)
        match = re.fullmatch(
            rf"- until \S+Z this takes the name, and is shown nowhere else: /login {name} (\S+)",
            answer,
        )
        assert match is not None, answer
        return match[1]

    def audited(self) -> list[tuple[str, str, str]]:
        entries = map(json.loads, self.store.audited)
        return [(entry["who"], entry["what"], entry["whom"]) for entry in entries]


class ListingTests(HelpingTests):
    def test_registered_names_are_listed_with_what_is_known_of_them(self) -> None:
        self.hall.operator("Zoë", "10.0.0.1")
        self.hall.leave(self.hall.owner("bob", "10.0.0.2"))
        self.hall.clock.advance(60)
        bob = self.hall.come("10.0.0.3")
        self.hall.try_out(bob, f"/login bob {SECRET}")
        self.hall.clock.advance(60)
        self.reset(self.hall, "bob")
        self.assertEqual(
            self.hall.control("names"),
            [
                "- Zoë: since 2026-11-25T07:12:00Z, operator, last login 2026-11-25T07:12:00Z",
                "- bob: since 2026-11-25T07:12:00Z, last login 2026-11-25T07:13:00Z, "
                "reset, until 2026-11-26T07:14:00Z",
            ],
        )

    def test_a_pattern_picks_some_however_they_are_written(self) -> None:
        for number, name in enumerate(("Ann", "anna", "bob")):
            self.hall.owner(name, f"10.0.0.{number}")
        for pattern, names in (("a*", ["Ann", "anna"]), ("*B", ["bob"]), ("ann", ["Ann"])):
            lines = self.hall.control("names", pattern)
            self.assertEqual([line[2:].partition(":")[0] for line in lines], names)
        self.assertEqual(self.hall.control("names", "x*"), ["- no such name is registered"])

    def test_where_no_name_is_registered_it_says_so(self) -> None:
        self.assertEqual(self.hall.control("names"), ["- no name is registered"])

    def test_people_who_ask_for_names_are_told_who_is_here(self) -> None:
        self.assertEqual(
            self.hall.ask(self.hall.owner("ann"), "/names"), ["- 1 user online:", "- ann"]
        )


class ReleasingTests(HelpingTests):
    def test_a_released_name_is_anybody_s(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        self.assertEqual(self.hall.control("release", "ANN"), ["- chatctl released the name ann"])
        bob = self.hall.come("10.0.0.2")
        self.assertEqual(self.hall.ask(bob, "/nick ann"), ["- You are now ann"])
        self.assertIn("nobody has registered ann", self.hall.ask(bob, "/login ann secret")[0])
        self.assertEqual(self.audited(), [("chatctl", "release", "ann")])
        self.assertEqual(self.again().control("names"), ["- no name is registered"])

    def test_whoever_bears_it_is_told_and_is_a_guest(self) -> None:
        ann = self.hall.operator("ann")
        self.hall.control("release", "ann")
        self.assertEqual(
            self.hall.table.read(ann),
            [
                "- chatctl released the name ann: it belongs to nobody now",
                "- You are no operator",
            ],
        )
        self.assertEqual((ann.name, self.hall.journal.view.role(ann.id)), ("ann", Role.GUEST))

    def test_what_is_not_registered_cannot_be_released_or_reset(self) -> None:
        for word in ("release", "reset"):
            self.assertEqual(
                self.hall.control(word, "ann"),
                ["! ann is not registered: chatctl names lists what is"],
            )
        self.assertEqual(self.hall.hasher.hashed, 0)
        self.assertEqual(self.audited(), [])

    def test_a_released_name_gives_its_place_of_the_day_back(self) -> None:
        hosts = ("local", "127.0.0.1", "::1", "127.9.9.9", "local")
        for number, host in enumerate(hosts[:REGISTRATIONS_A_DAY]):
            self.hall.clock.advance(1)
            self.hall.owner(f"squatter{'x' * number}", host)
        late = self.hall.come("127.0.0.1", "late")
        self.assertEqual(
            self.hall.ask(late, f"/register {SECRET}"),
            [
                "! 5 names a day can be registered from this machine, and they have been: try "
                "again tomorrow, or ask the administrator to release one"
            ],
        )
        self.hall.control("release", "squatter")
        hall = self.again()
        self.assertIn(
            "- late is yours", hall.try_out(hall.come("::1", "late"), "/register " + SECRET)[0]
        )
        other = hall.come("127.0.0.1", "other")
        self.assertIn("5 names a day", hall.ask(other, f"/register {SECRET}")[0])

    def test_the_last_place_that_is_given_back_leaves_nothing(self) -> None:
        self.hall.owner("ann")
        self.hall.control("release", "ann")
        self.assertEqual(self.store.documents["recent"], {})


class ResettingTests(HelpingTests):
    def log_in(
        self, hall: Hall, passphrase: str, host: str = "10.0.0.2"
    ) -> tuple[Member, list[str]]:
        member = hall.come(host)
        return member, hall.try_out(member, f"/login ann {passphrase}")

    def test_a_forgotten_passphrase_is_made_good_again(self) -> None:
        self.hall.leave(self.hall.operator("ann"))
        reset = self.reset(self.hall, "ann")
        self.assertEqual(self.audited()[1:], [("chatctl", "reset", "ann")])
        hall = self.again()
        _, refused = self.log_in(hall, SECRET, "10.0.0.9")
        self.assertEqual(refused, ["! that is not the passphrase of ann"])
        ann, answer = self.log_in(hall, reset)
        self.assertEqual(
            answer[2:],
            [
                "- You are logged in as ann",
                "- 1 wrong passphrase was tried for ann since your last login, "
                "at 2026-11-25T07:12:00Z, from 10.0.0.9",
                "- that passphrase is good until 2026-11-26T07:12:00Z: "
                "/register PASSPHRASE sets one of your own",
            ],
        )
        self.assertIs(hall.journal.view.role(ann.id), Role.OPERATOR)
        self.assertEqual(
            hall.try_out(ann, "/register a new horse battery"),
            [
                "- ann is yours with that passphrase from now on: "
                "/login ann PASSPHRASE takes it next time"
            ],
        )
        _, refused = self.log_in(hall, reset, "10.0.0.3")
        self.assertEqual(refused, ["! that is not the passphrase of ann"])
        hall.clock.advance(10 * RESET_LASTS)
        _, answer = self.log_in(hall, "a new horse battery")
        self.assertIn("- You are logged in as ann", answer)
        self.assertNotIn("/register", str(answer))

    def test_a_reply_still_goes_to_who_told_something_and_lost_the_name_since(self) -> None:
        ann = self.hall.owner("ann", "10.0.0.1")
        bob = self.hall.come("10.0.0.9", "bob")
        self.hall.ask(ann, "/msg bob psst")
        reset = self.reset(self.hall, "ann")
        self.assertEqual(self.hall.ask(bob, "/reply what?"), ["[you -> 10.0.0.1:1] what?"])
        self.log_in(self.hall, reset, "10.0.0.3")
        self.hall.ask(bob, "/reply hello?")
        self.assertEqual(self.hall.table.read(ann)[-1], "[bob -> you] hello?")

    def test_it_is_asked_for_at_each_login_until_it_is_done(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        reset = self.reset(self.hall, "ann")
        for _ in range(2):
            ann, answer = self.log_in(self.hall, reset)
            self.assertIn("/register PASSPHRASE sets one of your own", answer[-1])
            self.hall.leave(ann)

    def test_after_a_day_it_takes_nothing(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        reset = self.reset(self.hall, "ann")
        self.hall.clock.advance(RESET_LASTS - 1)
        ann, answer = self.log_in(self.hall, reset)
        self.assertIn("- You are logged in as ann", answer)
        self.hall.leave(ann)
        self.hall.clock.advance(1)
        ann, answer = self.log_in(self.hall, reset)
        self.assertEqual(
            answer,
            ["! that passphrase of ann has expired: ask the administrator for another"],
        )
        self.assertIs(self.hall.journal.view.role(ann.id), Role.GUEST)
        # Nobody else has the name meanwhile, and it can be reset once more.
        self.assertIn("ann is registered", self.hall.ask(ann, "/nick ann")[0])
        _, answer = self.log_in(self.hall, self.reset(self.hall, "ann"))
        self.assertIn("- You are logged in as ann", answer)

    def test_whoever_bears_the_name_loses_it(self) -> None:
        thief = self.hall.operator("ann")
        self.reset(self.hall, "ann")
        self.assertEqual(
            self.hall.table.read(thief),
            [
                "- chatctl reset the passphrase of ann",
                "- You are now 10.0.0.1:1",
                "- You are no operator",
            ],
        )
        self.assertIs(self.hall.journal.view.role(thief.id), Role.GUEST)

    def test_a_new_passphrase_that_is_being_hashed_does_not_undo_a_reset(self) -> None:
        thief = self.hall.owner("ann")
        self.hall.hasher.open.clear()
        self.hall.begin(thief, "/register another passphrase")
        self.hall.hasher.wait_until_begun(2)
        digest = self.hall.journal.view.registration(named("ann")).digest
        ask(self.hall.journal, "chatctl", Reset(named("ann"), "fake x"))
        self.hall.hasher.open.set()
        self.hall.clock.hear()
        self.assertIn("ann is not your name any more", self.hall.table.read(thief)[-1])
        registration = self.hall.journal.view.registration(named("ann"))
        self.assertEqual((digest == "fake x", registration.digest), (False, "fake x"))

    def test_the_passphrase_stands_on_chatctl_s_screen_alone(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        operator = self.hall.operator("bob", "10.0.0.5")
        with capturedLogs() as logs:
            reset = self.reset(self.hall, "ann")
        for place in (
            repr(logs),
            repr(self.store.documents),
            repr(self.store.audited),
            "".join(self.hall.table.read(operator)),
            repr(self.hall.table.transcript.lines),
        ):
            self.assertIn("ann", place)
            self.assertNotIn(reset, place)

    def test_each_reset_makes_another_that_can_be_typed(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        made = {self.reset(self.hall, "ann") for _ in range(20)}
        self.assertEqual(len(made), 20)
        for passphrase in made:
            self.assertRegex(passphrase, r"^[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){3}$")


class WrongPassphraseTests(HelpingTests):
    """The owner reads at login what others have tried."""

    def setUp(self) -> None:
        super().setUp()
        self.hall.leave(self.hall.owner("ann"))

    def try_wrong(self, host: str, hall: Hall | None = None) -> None:
        hall = hall or self.hall
        member = hall.come(host)
        self.assertEqual(
            hall.try_out(member, "/login ANN wrong"), ["! that is not the passphrase of ann"]
        )
        hall.leave(member)

    def login(self, hall: Hall) -> list[str]:
        member = hall.come("10.0.0.1")
        answer = hall.try_out(member, f"/login ann {SECRET}")
        hall.leave(member)
        return answer[1:]

    def test_the_owner_reads_how_many_and_from_where_also_after_a_restart_and_once(self) -> None:
        for host in ("10.0.0.2", "2001:db8::7", "127.0.0.1", "uid:1000"):
            self.hall.clock.advance(60)
            self.try_wrong(host)
        hall = self.again()
        self.try_wrong("10.0.0.3", hall)
        self.assertEqual(
            self.login(hall),
            [
                "- You are logged in as ann",
                "- 5 wrong passphrases were tried for ann since your last login, the last at "
                "2026-11-25T07:16:00Z, from 10.0.0.3, user 1000 of this machine, this machine",
            ],
        )
        self.assertEqual(self.login(hall), ["- You are logged in as ann"])

    def test_a_place_that_tries_again_is_named_once(self) -> None:
        for host in ("10.0.0.2", "10.0.0.3", "2001:db8::7", "2001:db8::8"):
            self.hall.clock.advance(60)
            self.try_wrong(host)
        self.assertIn("from 2001:db8::/64, 10.0.0.3, 10.0.0.2", self.login(self.hall)[-1])

    def test_what_is_kept_of_them_is_bounded(self) -> None:
        registrations = Registrations(NoStore())
        registrations.add(named("ann"), "digest", "a", NOW)
        for number in range(1000):
            registrations.note_wrong(registrations.get(named("ann")), str(number), NOW)
        registration = registrations.get(named("ann"))
        self.assertEqual(registration.wrong, 1000)
        self.assertEqual(registration.wrong_from, ["997", "998", "999"][-WRONG_FROM:])

    def test_a_try_that_outlasts_its_passphrase_counts_for_nobody(self) -> None:
        member = self.hall.come("10.0.0.2")
        self.hall.begin(member, "/login ann wrong")
        self.hall.control("release", "ann")
        self.hall.clock.hear()
        self.assertIn("that is not the passphrase", self.hall.table.read(member)[-1])
        self.hall.owner("ann", "10.0.0.3")
        self.assertNotIn("wrong", str(self.login(self.hall)))
