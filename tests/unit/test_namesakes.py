"""What was kept before a rule made two names one: none of it is lost, and nobody gets another's."""

from __future__ import annotations

from dataclasses import asdict

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, FakeHasher, Hall, RecordingStore
from tests.support.properties import given, st
from tests.support.stores import log_text
from twisted_chat.events import Said
from twisted_chat.journal.namesakes import Namesakes
from twisted_chat.journal.sanctions import Sanctions
from twisted_chat.journal.store import Line
from twisted_chat.limits import EMPTY_ROOM, MAX_TOPIC
from twisted_chat.names import key, named
from twisted_chat.records import Registration, Role, Sanction

NOW = 1_001_000_000.0

GREEK = "Λία"
CYRILLIC = "\u041b\u0456\u0301\u0430"
"""A name that looks like the Greek one and was none with it before."""


def registered(store: RecordingStore, name: str, since: float, passphrase: str, **more) -> None:
    digest = FakeHasher().hash(passphrase)
    store.put("registration", name, asdict(Registration(name, digest, since, **more)))


class NamesakesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = RecordingStore()
        registered(self.store, "fred", 200.0, "passphrase of fred")
        registered(self.store, "ｆｒｅｄ", 100.0, "passphrase of wide fred", operator=True)
        self.start()

    def start(self) -> None:
        """Start a daemon on what is kept."""
        with capturedLogs() as logs:
            self.hall = Hall(self, self.store, now=NOW)
        self.logged = [log_text(log) for log in logs]

    def test_the_log_tells_who_cannot_log_in(self) -> None:
        self.assertEqual(
            self.logged,
            [
                "fred cannot log in: it looks like ｆｒｅｄ, which was registered before: "
                "chatctl release ｆｒｅｄ lets it in"
            ],
        )

    def test_the_older_logs_in_by_its_own_passphrase_though_no_rule_allows_its_name(self) -> None:
        member = self.hall.come()
        answer = self.hall.try_out(member, "/login ＦＲＥＤ passphrase of fred")
        self.assertEqual(answer, ["! that is not the passphrase of ｆｒｅｄ"])
        self.hall.clock.advance(10)
        answer = self.hall.try_out(
            self.hall.come("10.0.0.2"), "/login ｆｒｅｄ passphrase of wide fred"
        )
        self.assertIn("- You are logged in as ｆｒｅｄ", answer)
        self.assertIn("- You are an operator: /help lists more now", answer)

    def test_the_other_reads_why_not(self) -> None:
        member = self.hall.come()
        answer = self.hall.try_out(member, "/login fred passphrase of fred")
        self.assertEqual(
            answer,
            [
                "! fred cannot log in: it looks like ｆｒｅｄ, which was registered before. "
                "Take another name, or ask the administrator to release one of them"
            ],
        )
        self.assertEqual(self.hall.journal.view.role(member.id), Role.GUEST)

    def test_nobody_else_takes_either_name(self) -> None:
        for name in ("fred", "FRED", "Fred"):
            [answer] = self.hall.ask(self.hall.come(), f"/nick {name}")
            self.assertTrue(answer.startswith(f"! {name} is registered: /login "), answer)

    def test_chatctl_lists_both_and_why_one_cannot_log_in(self) -> None:
        rows = self.hall.control("names")
        self.assertEqual(
            rows,
            [
                "- fred: since 1970-01-01T00:03:20Z, cannot log in, because it looks like ｆｒｅｄ",
                "- ｆｒｅｄ: since 1970-01-01T00:01:40Z, operator",
            ],
        )

    def test_when_the_older_is_released_the_other_gets_in_also_after_a_restart(self) -> None:
        for restart in (lambda: None, self.start):
            self.hall.control("release", "ｆｒｅｄ")
            self.assertEqual(set(self.store.documents["registration"]), {"fred"})
            restart()
            answer = self.hall.try_out(self.hall.come(), "/login fred passphrase of fred")
            self.assertIn("- You are logged in as fred", answer)
            registered(self.store, "ｆｒｅｄ", 100.0, "passphrase of wide fred")
            self.start()

    def test_both_are_kept_over_restarts(self) -> None:
        for _ in range(2):
            self.start()
            self.assertEqual(len(self.logged), 1)
        self.assertEqual(set(self.store.documents["registration"]), {"fred", "ｆｒｅｄ"})

    def test_what_chatctl_does_with_the_one_that_cannot_log_in_leaves_the_other_alone(self) -> None:
        member = self.hall.come()
        self.hall.try_out(member, "/login ｆｒｅｄ passphrase of wide fred")
        self.hall.control("op", "fred")
        self.hall.control("deop", "FRED")
        self.assertEqual(self.hall.journal.view.role(member.id), Role.OPERATOR)
        self.hall.control("op", "fred")
        self.assertEqual(self.hall.control("ops"), ["- fred", "- ｆｒｅｄ"])
        self.hall.control("reset", "fred", hashes=True)
        self.hall.control("release", "fred")
        self.assertEqual(
            (member.name, self.hall.journal.view.role(member.id)), ("ｆｒｅｄ", Role.OPERATOR)
        )
        self.assertEqual(set(self.store.documents["registration"]), {"ｆｒｅｄ"})

    def test_an_owner_under_a_name_that_looks_like_its_own_changes_only_its_own(self) -> None:
        registered(self.store, GREEK, 300.0, "passphrase of the greek")
        registered(self.store, CYRILLIC, 400.0, "passphrase of the cyrillic")
        self.assertEqual(key(GREEK), key(CYRILLIC))
        self.start()
        member = self.hall.come()
        self.hall.try_out(member, f"/login {GREEK} passphrase of the greek")
        self.hall.ask(member, f"/nick {CYRILLIC}")
        self.assertEqual(
            (member.name, self.hall.journal.view.role(member.id)), (CYRILLIC, Role.REGISTERED)
        )
        before = self.store.documents["registration"][CYRILLIC]
        self.hall.try_out(member, f"/register {SECRET}")
        self.hall.ask(member, "/unregister")
        kept = self.store.documents["registration"]
        self.assertEqual(kept[CYRILLIC], before)
        self.assertNotIn(GREEK, kept)

    def test_a_name_that_rules_refuse_since_then_still_logs_in(self) -> None:
        for name in ("ᏣᎳᎩ", "root", "ｗide"):
            registered(self.store, name, 500.0, SECRET)
        self.start()
        for name in ("ᏣᎳᎩ", "root", "ｗide"):
            member = self.hall.come()
            self.assertTrue(self.hall.ask(member, f"/nick {name}")[0].startswith("! "))
            answer = self.hall.try_out(member, f"/login {name} {SECRET}")
            self.assertIn(f"- You are logged in as {name}", answer)


class RoomsTests(SynchronousTestCase):
    """Rooms of one look were not one when they were made."""

    NAMES = ("dev", "ｄｅｖ", "ｌｏｂｂｙ", "ᏣᎳᎩ")

    def setUp(self) -> None:
        self.store = RecordingStore()
        for number, name in enumerate(("lobby", *self.NAMES), 1):
            rules = {"topic": f"topic of {name}", "topic_by": "ann", "slow": 0, "locked": False}
            self.store.put("room", name, {"name": name, "emptied": NOW - number, **rules})
            said = Said("bob", f"said in {name}", name, NOW - 50, "era", number)
            self.store.add(Line(said))
        self.start()

    def start(self) -> None:
        with capturedLogs() as logs:
            self.hall = Hall(self, self.store, now=NOW)
        self.logged = [log_text(log) for log in logs]

    def test_the_log_tells_which_they_are(self) -> None:
        self.assertEqual(
            self.logged,
            ["#ｄｅｖ looks like #dev: both stay", "#ｌｏｂｂｙ looks like #lobby: both stay"],
        )

    def test_each_is_found_as_it_is_written_with_its_topic_and_history(self) -> None:
        for _ in range(2):
            for name in ("lobby", *self.NAMES):
                member = self.hall.come()
                read = [] if name == "lobby" else self.hall.ask(member, f"/join #{name}")
                self.assertEqual(member.room, name)
                if read:
                    self.assertIn(f"- ann set the topic: topic of {name}", read)
                [line] = self.hall.ask(member, "/history")
                self.assertTrue(line.endswith(f"Z [bob] said in {name}"), line)
                self.hall.table.chat.leave(member)
            self.start()

    def test_one_that_is_written_otherwise_is_that_which_can_be_written_so(self) -> None:
        for text, name in (
            ("DEV", "dev"),
            ("ＤＥＶ", "ｄｅｖ"),
            ("\u24d3ev", "dev"),
            ("L0bby", "lobby"),
        ):
            member = self.hall.come()
            self.hall.ask(member, f"/join {text}")
            self.assertEqual(member.room, name)

    def test_those_that_are_forgotten_do_not_come_again(self) -> None:
        self.hall.clock.advance(EMPTY_ROOM)
        member = self.hall.come()
        for name in ("ｄｅｖ", "ｌｏｂｂｙx", "ᏣᎳᎩ"):
            [answer] = self.hall.ask(member, f"/join {name}")
            self.assertTrue(answer.startswith(f"! the name '{name}' "), answer)
        self.assertEqual(set(self.store.documents["room"]), {"lobby"})
        self.assertEqual(self.store.rooms, {"lobby"})

    def test_a_topic_that_is_longer_than_it_may_be_stays(self) -> None:
        topic = "x" * (MAX_TOPIC + 1)
        document = {"name": "dev", "emptied": 0.0, "topic": topic, "topic_by": "ann", "slow": 0}
        self.store.put("room", "dev", {**document, "locked": False})
        self.start()
        read = self.hall.ask(self.hall.come(), "/join dev")
        self.assertIn(f"- ann set the topic: {topic}", read)


class SanctionTests(SynchronousTestCase):
    def test_of_two_bans_of_one_name_the_one_that_lasts_longest_stays(self) -> None:
        for ends in ((0, 500.0), (500.0, 0), (500.0, 900.0), (900.0, 500.0)):
            store = RecordingStore()
            names = ("mallory", "ｍａｌｌｏｒｙ")
            bans = [
                Sanction(name, "ann", "", 1.0, end) for name, end in zip(names, ends, strict=True)
            ]
            for ban in bans:
                store.put("ban", ban.whom, asdict(ban))
            longest = max(bans, key=lambda ban: ban.end)
            [other] = [ban for ban in bans if ban is not longest]
            sanctions = Sanctions("ban", store)
            with capturedLogs() as logs:
                sanctions.load(bans, 2.0)
            self.assertEqual(
                [log_text(log) for log in logs],
                [
                    f"the ban of {other.whom} goes: that of {longest.whom} holds for it too, "
                    "and as long"
                ],
            )
            for name in (*names, "MALLORY"):
                self.assertEqual(sanctions.on_name(key(name)), longest)
            self.assertEqual(set(store.documents["ban"]), {longest.whom})
            sanctions.lift(named("mallory"))
            self.assertIsNone(sanctions.on_name(key(names[1])))
            self.assertEqual(store.documents["ban"], {})


NAMES = st.sampled_from(["fred", "FRED", "ｆｒｅｄ", "ＦＲＥＤ", "f\u00adred", "ann", "\u0430nn"])


class CollectionTests(SynchronousTestCase):
    @given(st.lists(st.tuples(st.booleans(), NAMES, st.integers()), max_size=12))
    def test_it_is_as_a_list_that_is_searched(self, steps) -> None:
        namesakes: Namesakes[int] = Namesakes()
        model: dict[str, int] = {}
        for is_put, name, value in steps:
            if is_put:
                namesakes.put(named(name), value)
                model[name] = value
            elif name in model:
                namesakes.remove(name)
                del model[name]
            self.assertEqual(len(namesakes), len(model))
            self.assertCountEqual(namesakes, model.values())
            alike = [other for other in model if key(other) == key(name)]
            first = model[alike[0]] if alike else None
            written = [other for other in alike if other.casefold() == name.casefold()]
            self.assertEqual(namesakes.first(key(name)), first)
            self.assertEqual(namesakes.exactly(name), model.get(name))
            found = model[written[0]] if written else first
            self.assertEqual(namesakes.get(named(name)), found)
