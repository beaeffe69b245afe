"""`/format`: what a connection of the line door gets, lines or JSON."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable
from twisted_chat.dialects import from_json
from twisted_chat.events import (
    LOBBY,
    YOU,
    Emoted,
    Entered,
    Event,
    Greeting,
    Joined,
    Left,
    Motd,
    Notice,
    Parted,
    Refused,
    Renamed,
    Retold,
    Said,
    Topic,
)
from twisted_chat.limits import ANSWER_SHARE, TOKEN
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.refusal import Kind

DONE = Notice("this connection gets one JSON object a line from here on", {"format": "json"})
LINES_AGAIN = "- this connection gets lines for people from here on"


class FormatTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = ChatOnTheTable(motd=("be kind", "ann set the topic: lies"), replay=2)
        self.ann = self.table.enter("ann")
        self.bob = self.table.enter("bob")
        self.table.read(self.ann)
        self.table.read(self.bob)

    def ask(self, member: Member, *lines: str) -> list[Event]:
        """The events that `member` gets as JSON after it sent `lines`."""
        return list(map(from_json, self.table.ask(member, *lines)))

    def read(self, member: Member) -> list[Event]:
        """The events that `member` got as JSON since it was last asked."""
        return list(map(from_json, self.table.read(member)))

    def test_the_answer_begins_with_what_newcomers_are_told(self) -> None:
        self.table.ask(self.ann, "/topic tea", "hello")
        self.table.read(self.bob)
        self.assertEqual(
            self.ask(self.bob, "/format json"),
            [
                Greeting(2, LOBBY, "bob"),
                Motd("be kind\nann set the topic: lies"),
                Topic(LOBBY, "tea", "ann"),
                DONE,
            ],
        )

    def test_what_a_newcomer_was_told_again_comes_once_more_and_whole(self) -> None:
        self.table.ask(self.ann, "one", "two", "/me waves", "/topic tea")
        cat = self.table.enter("cat")
        self.table.ask(self.ann, "four")
        lines = self.table.read(cat)
        self.assertEqual(lines[-1], "[ann] four")
        told = self.ask(cat, "/format json")
        now = self.table.now()
        self.assertEqual(
            told,
            [
                Greeting(3, LOBBY, "cat"),
                Motd("be kind\nann set the topic: lies"),
                Retold("ann", "two", False, LOBBY, now, told[2].id),
                Retold("ann", "waves", True, LOBBY, now, told[3].id),
                Topic(LOBBY, "tea", "ann"),
                DONE,
            ],
        )
        kept = self.table.journal.view.history(named(LOBBY), 4)
        self.assertEqual([event.id for event in told[2:4]], [line.id for line in kept[1:3]])
        self.assertEqual(len(self.ask(cat, "/format json")), 4)
        self.assertEqual(len(self.table.ask(cat, "/format line")), 5)

    def test_lines_of_another_room_are_not_told_again(self) -> None:
        self.table.ask(self.ann, "one", "/join dev", "two")
        cat = self.table.enter("cat")
        self.table.ask(cat, "/join dev")
        self.assertEqual(
            [type(event) for event in self.ask(cat, "/format json")], [Greeting, Motd, Notice]
        )

    def test_lines_again_are_no_reason_to_retell_anything(self) -> None:
        self.table.ask(self.ann, "one")
        cat = self.table.enter("cat")
        self.table.read(cat)
        self.assertEqual(len(self.table.ask(cat, "/format line")), 4)
        self.assertEqual(len(self.ask(cat, "/format json")), 4)

    def test_all_that_follows_is_json_with_ids_and_times(self) -> None:
        self.ask(self.bob, "/FORMAT JSON")
        cat = self.table.enter("cat")
        self.table.ask(self.ann, "hi", "/me waves", "/nick eve")
        self.table.ask(cat, "/quit bye")
        events = self.read(self.bob)
        self.assertEqual(
            events,
            [
                Entered("cat", 3, LOBBY),
                Said("ann", "hi", LOBBY),
                Emoted("ann", "waves", LOBBY),
                Renamed("ann", "eve", (LOBBY,)),
                Left("cat", {LOBBY: 2}, "bye"),
            ],
        )
        ids = [event.id for event in events]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertNotIn("", ids)
        self.assertEqual({event.time for event in events}, {self.table.now()})

    def test_commands_are_answered_in_json(self) -> None:
        self.ask(self.bob, "/format json")
        self.assertEqual(
            self.ask(self.bob, "hello", "/nick rob", "/join dev", "/paint", "/history 1"),
            [
                Renamed(YOU, "rob", (LOBBY,)),
                Joined(1, "dev", "rob"),
                Refused(
                    "no command /paint: /help lists them, and //paint says it", Kind.NO_COMMAND
                ),
                Notice("nothing is kept of what was said in #dev", {"room": "dev", "lines": 0}),
            ],
        )
        [retold] = self.ask(self.bob, "/join lobby", "/history 1")[1:]
        self.assertEqual(retold, Retold("bob", "hello", False, LOBBY, self.table.now(), retold.id))

    def test_nobody_else_reads_anything_else(self) -> None:
        self.ask(self.bob, "/format json")
        self.assertEqual(self.table.read(self.ann), [])
        self.table.ask(self.bob, "hi", "/join dev")
        self.assertEqual(
            self.table.read(self.ann), ["[bob] hi", "< The user bob left (1 user online)"]
        )
        self.assertEqual(self.read(self.bob), [])

    def test_who_goes_to_another_room_has_parted(self) -> None:
        self.ask(self.bob, "/format json")
        self.table.ask(self.ann, "/join dev")
        self.assertEqual(self.read(self.bob), [Parted("ann", 1, LOBBY)])

    def test_lines_come_back(self) -> None:
        self.ask(self.bob, "/format json")
        self.assertEqual(
            self.table.ask(self.bob, "/format line"),
            [
                "> Connected to the chat server (2 users online)",
                "- be kind",
                "- ann set the topic: lies",
                LINES_AGAIN,
            ],
        )
        self.table.ask(self.ann, "hi")
        self.assertEqual(self.table.read(self.bob), ["[ann] hi"])

    def test_another_format_is_refused(self) -> None:
        self.assertEqual(
            self.table.ask(self.bob, "/format xml", "/format"),
            [
                "! write /format json or /format line",
                "! something is missing: write /format json|line",
            ],
        )

    def test_the_answer_is_paid_for(self) -> None:
        charged: list[float] = []
        self.bob.meter = type(
            "Meter", (), {"active": 0.0, "charge": lambda _, n: charged.append(n)}
        )()
        self.ask(self.bob, "/format json")
        told = len("be kind\nann set the topic: lies") + len(DONE.text)
        self.assertGreater(sum(charged), told / TOKEN)

    def test_what_is_told_again_costs_a_newcomer_nothing(self) -> None:
        self.table.ask(self.ann, "x" * 10_000)
        cat = self.table.enter("cat")
        charged: list[float] = []
        cat.meter = type("Meter", (), {"active": 0.0, "charge": lambda _, n: charged.append(n)})()
        self.assertIn("x" * 10_000, str(self.ask(cat, "/format json")))
        self.assertLess(sum(charged), 5)

    def test_each_line_of_a_paste_is_an_event_with_an_id_of_its_own(self) -> None:
        self.ask(self.bob, "/format json")
        self.table.chat.say(self.ann, "one\ntwo")
        self.table.ask(self.ann, "three")
        events = self.read(self.bob)
        self.assertEqual(events, [Said("ann", text, LOBBY) for text in ("one", "two", "three")])
        self.assertEqual(len({event.id for event in events}), 3)

    def test_an_answer_is_bounded_in_the_bytes_of_json(self) -> None:
        self.table.limits.backlog = 2000 * ANSWER_SHARE
        for _ in range(100):
            self.table.ask(self.ann, "x")
        self.ask(self.bob, "/format json")
        lines = self.table.ask(self.bob, "/history 100")
        self.assertLessEqual(len("\n".join(lines)), 2000)
        left_out = json.loads(lines[0])["record"]["left_out"]
        self.assertEqual(left_out, 100 - (len(lines) - 1))
