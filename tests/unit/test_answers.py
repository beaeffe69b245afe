"""Answers tell programs all that they tell people, and chat-client needs no word of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, Hall
from twisted_chat.authorisation import CONTROL, Door
from twisted_chat.commands import TABLE
from twisted_chat.console.identity import Identity
from twisted_chat.console.preferences import Preferences
from twisted_chat.console.roll_call import RollCalls
from twisted_chat.dialects import JsonDialect, from_json
from twisted_chat.events import YOU, Event, Greeting, Notice, Refused, Renamed
from twisted_chat.limits import ANSWER_SHARE
from twisted_chat.members import Member
from twisted_chat.refusal import Kind

ASKED = (
    *("who", "nick Ann", "me waves", "msg bob psst", "reply hello", "whois bob", "whois"),
    *("away tea", "back", "ignore bob", "ignore", "unignore bob", "join dev", "rooms"),
    *("topic", "topic tea", "topic", "history", "history after x-1", "history before x-1"),
    *("join lobby", "history 1", "kick kim loud", "ban zoe", "ban 10.0.0.9", "bans", "unban zoe"),
    *("unban 10.0.0.9", "bans", "mute zoe", "bans", "unmute zoe", "slow 1", "slow 0", "lock"),
    *("unlock", "token", "tokens", "untoken 1", f"register {SECRET}", f"login ann {SECRET}"),
    *("unregister", "format json", "help who"),
)
"""What an operator asks, with an answer that says something, or that there is nothing to say."""

ASKED_BY_CHATCTL = (
    *("help who", "who", "whois ann", "rooms", "topic", "topic lobby tea", "topic", "history"),
    *("history 1", "bans", "kick kim", "ban zoe", "unban zoe", "mute zoe", "unmute zoe"),
    *("slow 1", "slow 0", "lock", "unlock", "say hello", "forget bob", "forget lobby x-1"),
    *("ops", "deop ann", "ops", "op ann", "names", "names x*", "token ann", "tokens ann"),
    *("untoken ann 1", "reset ann", "release ann", "status"),
)


class AnswersCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall(self)
        self.ann = self.hall.operator()
        self.bob = self.hall.come("10.0.0.2", "bob")
        self.kim = self.hall.come("10.0.0.3", "kim")
        for line in ("/format json", "/msg ann hello", "/away lunch"):
            self.hall.table.desk.hand_in(self.bob, line)
        self.hall.table.chat.say(self.bob, "good morning")
        for member in (self.ann, self.kim):
            self.hall.table.desk.hand_in(member, "/format json")
            self.hall.table.read(member)

    def ask(self, member: Member, line: str, room: str = "") -> list[Event]:
        """What `member` reads in JSON after the command `line`."""
        self.hall.table.read(member)
        word, _, argument = line.partition(" ")
        waiting = self.hall.table.desk.command(member, word, argument, room)
        self.hall.table.settle()
        if waiting is not None and not waiting.called:
            self.hall.clock.hear()
        return list(map(from_json, self.hall.table.read(member)))


class RecordTests(AnswersCase):
    def test_each_answer_to_a_member_has_a_record(self) -> None:
        for line in ASKED:
            for event in self.ask(self.ann, line):
                self.assertFalse(isinstance(event, Refused), (line, event))
                if isinstance(event, Notice):
                    self.assertTrue(event.record, (line, event))

    def test_each_answer_to_chatctl_has_a_record(self) -> None:
        chatctl = self.hall.member("chatctl", Door.CONTROL)
        chatctl.dialect = JsonDialect()
        self.hall.table.chat.arrive(chatctl, ())
        for line in ASKED_BY_CHATCTL:
            for event in self.ask(chatctl, line):
                if isinstance(event, Notice):
                    self.assertTrue(event.record, (line, event))

    def test_the_lists_above_leave_no_command_out(self) -> None:
        asked = {line.partition(" ")[0] for line in ASKED}
        rights = {command.name: command.right for command in TABLE}
        members = {name for name, right in rights.items() if right.doors != CONTROL}
        self.assertEqual(members - asked, {"help", "quit"} - asked)
        chatctl = {name for name, right in rights.items() if Door.CONTROL in right.doors}
        self.assertEqual({line.partition(" ")[0] for line in ASKED_BY_CHATCTL}, chatctl)

    def test_each_refusal_of_a_command_names_it(self) -> None:
        for line, command in {
            "nick bob": "nick",
            "names x": "who",
            "list": "who",
            "ignore zoe": "ignore",
            "paint": "paint",
            "op bob": "op",
            "msg": "msg",
            "login zoe secret": "login",
        }.items():
            refusals = [e for e in self.ask(self.kim, line) if isinstance(e, Refused)]
            self.assertEqual([event.command for event in refusals], [command] * len(refusals))
            self.assertTrue(refusals or command == "who", line)
        self.hall.table.desk.hand_in(self.kim, " /login ann secret")
        [refused] = map(from_json, self.hall.table.read(self.kim))
        self.assertEqual((refused.kind, refused.command), (Kind.NOT_SAFE, ""))

    def test_who_lists_the_members_with_how_long_they_are_idle_and_why_they_are_away(self) -> None:
        self.hall.clock.advance(90)
        self.hall.table.desk.hand_in(self.kim, "hello")
        header, names = self.ask(self.kim, "who")
        self.assertEqual(header.record, {"room": "lobby", "count": 3, "members": []})
        self.assertEqual(
            names.record,
            {
                "members": [
                    {"name": "ann", "idle": 90},
                    {"name": "bob", "idle": 90, "away": "lunch"},
                    {"name": "kim"},
                ]
            },
        )
        self.assertEqual(names.text, "ann (idle 1 min 30 s), bob (idle 1 min 30 s; away), kim")

    def test_who_says_how_many_do_not_fit(self) -> None:
        for number in range(97):
            self.hall.come("10.0.0.4", f"guest{number}x")
        self.hall.table.limits.backlog = 3000 * ANSWER_SHARE
        events = self.ask(self.kim, "who")
        shown = sum(len(event.record["members"]) for event in events)
        self.assertGreater(shown, 2)
        self.assertEqual(events[-1].record, {"members": [], "left_out": 100 - shown})


class WordlessTests(AnswersCase):
    """What the client makes of answers whose words it cannot read."""

    def tell(self, takes: Callable[[Event], object], member: Member, line: str) -> list[Event]:
        """The events of the answer to `line` that `takes` takes, all without their words."""
        events = [
            replace(event, text="…") if isinstance(event, Notice | Refused) else event
            for event in self.ask(member, line)
        ]
        return [event for event in events if takes(event)]

    def test_a_roll_call_is_answered_and_only_its_answer_is_taken(self) -> None:
        roll_calls = RollCalls()
        roll_call = roll_calls.call()
        for line in ("rooms", "whois bob", "ban 10.0.0.9", "bans", "history before x-1", "ignore"):
            self.assertEqual(self.tell(roll_calls.takes, self.ann, line), [])
        self.assertEqual(len(self.tell(roll_calls.takes, self.ann, "who")), 2)
        self.assertEqual(self.successResultOf(roll_call.answered), ["ann", "bob", "kim"])
        self.assertEqual(self.tell(roll_calls.takes, self.ann, "who"), [])

    def test_being_away_and_whom_it_ignores_is_known(self) -> None:
        preferences = Preferences()
        sent: list[str] = []
        for line in ("away tea", "ignore bob", "ignore kim", "whois bob", "msg bob x", "ignore"):
            self.assertEqual(self.tell(preferences.takes, self.ann, line), [])
        preferences.greeted(sent.append)
        self.assertEqual(sent, ["/away tea", "/ignore bob", "/ignore kim"])
        self.assertEqual(len(self.tell(preferences.takes, self.ann, "away tea")), 1)
        self.assertEqual(self.tell(preferences.takes, self.ann, "nick kim"), [])
        self.assertEqual(len(self.tell(preferences.takes, self.ann, "ignore bob")), 1)
        self.assertEqual(len(self.tell(preferences.takes, self.ann, "ignore kim")), 1)
        for line in ("back", "unignore kim"):
            self.assertEqual(self.tell(preferences.takes, self.ann, line), [])
        preferences.lost()
        sent.clear()
        preferences.greeted(sent.append)
        self.assertEqual(sent, ["/ignore bob"])

    def test_a_login_is_known_until_the_name_is_given_up(self) -> None:
        sent: list[str] = []
        identity = Identity(Clock(), None)
        identity.greeted(Greeting(1), "10.0.0.1:1", sent.append)
        identity.heard(Renamed(YOU, "ann"))
        for line, asked in (
            (f"login ann {SECRET}", f"/login ann {SECRET}"),
            (f"register {SECRET}", f"/login ann {SECRET}"),
            ("unregister", "/nick ann"),
        ):
            identity.sent(f"/{line}")
            self.tell(identity.heard, self.ann, line)
            identity.lost()
            identity.greeted(Greeting(1), "10.0.0.1:1", sent.append)
            self.assertEqual(sent.pop(), asked)
