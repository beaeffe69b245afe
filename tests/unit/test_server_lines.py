"""How a client asks a server for JSON, and what it makes of what comes before the answer."""

from __future__ import annotations

from functools import partial
from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable
from tests.unit.test_dialects import NOON
from tests.unit.test_json import JSON
from twisted_chat.dialects import line_of
from twisted_chat.events import (
    LOBBY,
    YOU,
    Announced,
    Emoted,
    Entered,
    Event,
    Greeting,
    Left,
    Motd,
    Notice,
    Refused,
    Renamed,
    Retold,
    Said,
    Stopping,
    Topic,
)
from twisted_chat.limits import CLIENT_EVENT, CLIENT_HELD, CLIENT_LINE, FORMAT_WAIT
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.server_lines import ASK, ServerLines

GREETING = "> Connected to the chat server (2 users online)"
UNKNOWN = "! no command /format: /help lists them, and //format says it"
GREETED = Greeting(2, "lobby", "10.0.0.1:5")
DONE = Notice("this connection gets one JSON object a line from here on", {"format": "json"})
MOTD = Motd("be kind\nann set the topic: lies\nYou are now bob")
TOPIC = Topic("lobby", "tea", "ann")


class ServerLinesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.items: list[tuple[Event, str | None]] = []
        self.server = ServerLines(
            self.asked.append, lambda event, line: self.items.append((event, line)), self.clock
        )
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.server.close)

    def hear(self, *lines: str | Event) -> None:
        """The server sends lines, and events as JSON."""
        for line in lines:
            if not isinstance(line, str):
                line = JSON.render(line, "lobby").decode().removesuffix("\n")
            self.server.line(line)

    def heard(self) -> list[Event]:
        """The events since it was last asked for."""
        events = [event for event, _ in self.items]
        self.items.clear()
        return events


class AskingTests(ServerLinesCase):
    def test_nothing_is_asked_before_the_greeting(self) -> None:
        self.hear("- you are the third in line", "SSH-2.0-OpenSSH_9.9", '{"event": "greeting"}')
        self.assertEqual(self.asked, [])
        self.assertEqual(
            self.items,
            [
                (Notice("you are the third in line"), "- you are the third in line"),
                (Notice("SSH-2.0-OpenSSH_9.9"), "SSH-2.0-OpenSSH_9.9"),
                (Notice('{"event": "greeting"}'), '{"event": "greeting"}'),
            ],
        )
        self.assertFalse(self.server.waits)
        self.hear(GREETING)
        self.assertEqual(self.asked, [ASK])
        self.assertTrue(self.server.waits)

    def test_it_asks_once(self) -> None:
        self.hear(GREETING, UNKNOWN, GREETING)
        self.assertEqual(self.asked, [ASK])

    def test_a_server_that_knows_only_lines_is_read_as_it_writes(self) -> None:
        lines = [GREETING, "- be kind", "[bob] hi"]
        self.hear(*lines)
        self.assertEqual(self.items, [])
        self.hear(UNKNOWN, "- ann set the topic: x", "! no command /formats")
        lines += ["- ann set the topic: x", "! no command /formats"]
        self.assertEqual([line for _, line in self.items], lines)
        self.assertEqual(
            self.heard(),
            [
                Greeting(2),
                Notice("be kind"),
                Said("bob", "hi"),
                Notice("ann set the topic: x"),
                Refused("no command /formats"),
            ],
        )
        self.assertFalse(self.server.waits)

    def test_a_server_that_does_not_answer_is_waited_for_so_long(self) -> None:
        self.hear(GREETING, "- be kind")
        self.clock.advance(FORMAT_WAIT - 0.1)
        self.assertEqual(self.items, [])
        self.clock.advance(0.1)
        self.assertEqual(self.heard(), [Greeting(2), Notice("be kind")])
        self.hear("[bob] hi")
        self.assertEqual(self.heard(), [Said("bob", "hi")])

    def test_an_answer_that_comes_too_late_repeats_nothing(self) -> None:
        self.hear(GREETING, "- be kind")
        self.clock.advance(FORMAT_WAIT)
        self.heard()
        self.hear("[bob] 1", Said("bob", "2"), GREETED, Motd("be kind"), DONE, Said("bob", "3"))
        self.assertEqual(self.heard(), [Said("bob", "1"), Said("bob", "2"), Said("bob", "3")])

    def test_a_server_that_goes_before_it_answers_is_read_to_the_end(self) -> None:
        self.hear(GREETING, "- the daemon stops")
        self.server.close()
        self.assertEqual(self.heard(), [Greeting(2), Notice("the daemon stops")])

    def test_what_is_held_back_is_bounded(self) -> None:
        count = CLIENT_HELD // (CLIENT_EVENT + 1000) + 1
        self.hear(GREETING, *["x" * 1000] * count)
        self.assertEqual(len(self.items), count + 1)
        self.setUp()
        said = Said("bob", "x" * 1000)
        self.hear(GREETING, GREETED, *[said] * count)
        self.assertEqual(len(self.items), count + 1)


class AnsweredTests(ServerLinesCase):
    def test_what_newcomers_are_told_comes_once_as_events(self) -> None:
        self.hear(GREETING, *line_of(MOTD).split("\n"), line_of(TOPIC))
        self.hear(GREETED, MOTD, TOPIC)
        self.assertEqual(self.items, [])
        self.hear(DONE)
        self.assertEqual(self.items, [(GREETED, None), (MOTD, None), (TOPIC, None)])
        self.assertFalse(self.server.waits)

    def test_what_happened_meanwhile_comes_behind_it(self) -> None:
        lines = {
            "[bob] hi": Said("bob", "hi"),
            "> New user kim entered (3 users online)": Entered("kim", 3),
            "- be kind": Notice("be kind"),  # This is the second one.
            "- kim is now tim": Renamed("kim", "tim"),
            "- chatctl says: hello": Notice("chatctl says: hello"),
            "* tim waves": Emoted("tim", "waves"),
            "< The user tim left (2 users online)": Left("tim", {"": 2}),
            "- the daemon stops": Notice("the daemon stops"),
        }
        self.hear(GREETING, "- be kind", *lines, Said("bob", "there"))
        self.hear(GREETED, Motd("be kind"), DONE, Stopping())
        self.assertEqual(
            self.items,
            [
                (GREETED, None),
                (Motd("be kind"), None),
                *((event, line) for line, event in lines.items()),
                (Said("bob", "there"), None),
                (Stopping(), None),
            ],
        )

    def test_what_is_retold_comes_once_and_whole_before_what_happened_meanwhile(self) -> None:
        retold = [
            Retold("ann", "hi", False, "lobby", NOON, "e-1"),
            Retold("ann", "waves", True, "lobby", NOON, "e-2"),
            Retold("ann", "hi", False, "lobby", NOON, "e-3"),
        ]
        motd = Motd("be kind\n2026-11-23T07:12:00Z [ann] hi")
        left_out = Notice("3 older lines left out", {"left_out": 3})
        intro = [motd, left_out, *retold, TOPIC]
        self.hear(GREETING, *(line for event in intro for line in line_of(event).split("\n")))
        self.hear("[bob] hi", "- chatctl says: hi", GREETED, *intro, DONE)
        self.assertEqual(
            self.heard(), [GREETED, *intro, Said("bob", "hi"), Notice("chatctl says: hi")]
        )

    def test_older_lines_for_which_the_answer_has_no_room_are_left_out(self) -> None:
        """Lines are shorter than JSON, so that there were more of them."""
        retold = [
            Retold("ann", str(number), False, "lobby", NOON, f"e-{number}") for number in range(9)
        ]
        self.hear(GREETING, "- be kind", "- 1 older line left out", *map(line_of, retold))
        intro = [Motd("be kind"), Notice("6 older lines left out", {"left_out": 6}), *retold[5:]]
        self.hear("[bob] hi", GREETED, *intro, DONE)
        self.assertEqual(self.heard(), [GREETED, *intro, Said("bob", "hi")])

    def test_lines_of_a_replay_that_were_forgotten_meanwhile_are_lost_to_nobody(self) -> None:
        self.hear(GREETING, "- 2026-11-23T07:12:00Z [ann] hi", "[bob] ho", GREETED, DONE)
        self.assertEqual(
            self.heard(),
            [GREETED, Notice("2026-11-23T07:12:00Z [ann] hi"), Said("bob", "ho")],
        )

    def test_a_topic_that_was_set_meanwhile_comes_once(self) -> None:
        self.hear(GREETING, "- ann set the topic: tea", "- bob took the topic away")
        self.hear("- bob set the topic: milk", GREETED, Topic("lobby", "milk", "bob"), DONE)
        self.assertEqual(self.heard(), [GREETED, Topic("lobby", "milk", "bob")])

    def test_events_come_whole(self) -> None:
        self.hear(GREETING, GREETED, DONE)
        self.heard()
        events = [Announced("dev", "chatctl", "hi"), Said("bob", "x", "dev", NOON, "e", 5), DONE]
        self.hear(*events)
        self.assertEqual(self.items, [(event, None) for event in events])
        self.assertEqual(self.items[1][0].id, "e-5")

    def test_a_server_that_writes_lines_again_is_understood(self) -> None:
        self.hear(GREETING, GREETED, DONE)
        self.heard()
        self.hear("[bob] hi", Said("bob", "ho"), "- You are now ann")
        self.assertEqual(
            self.items,
            [
                (Said("bob", "hi"), "[bob] hi"),
                (Said("bob", "ho"), None),
                (Renamed(YOU, "ann"), "- You are now ann"),
            ],
        )

    def test_a_server_that_goes_within_its_answer_is_read_to_the_end(self) -> None:
        self.hear(GREETING, "[bob] hi", GREETED, Stopping())
        self.server.close()
        self.assertEqual(self.heard(), [GREETED, Stopping(), Said("bob", "hi")])

    def test_long_texts_are_cut(self) -> None:
        self.hear(GREETING, GREETED, DONE)
        self.heard()
        said = Said("bob", "x" * CLIENT_LINE)
        self.hear(said, Said("bob", "x" * (CLIENT_LINE + 1)))
        self.assertEqual(self.heard(), [said, Said("bob", said.text + "…")])


class NewcomerTests(SynchronousTestCase):
    """A newcomer to a chat that replays lines, and asks for JSON while others speak."""

    def test_whatever_is_said_meanwhile_each_line_comes_once_and_in_order(self) -> None:
        for seed in range(30):
            chance = Random(seed)
            replay = chance.choice([3, 50])
            self.table = ChatOnTheTable(motd=("be kind", "[ann] 1"), replay=replay)
            self.ann = self.table.enter("ann")
            self.said = 0
            self.say(chance.randrange(10))
            before = self.said
            if has_topic := chance.random() < 0.5:
                self.table.ask(self.ann, "/topic tea")
            kept = [*self.table.journal.view.history(named(LOBBY), replay)]
            asked: list[str] = []
            heard: list[Event] = []
            server = ServerLines(asked.append, partial(self.note, heard), None)
            cat = self.table.enter("cat")
            self.say(chance.randrange(3))
            while not asked or chance.random() < 0.5:
                self.hear(server, cat)
                self.say(chance.randrange(3))
            self.table.desk.hand_in(cat, *asked)
            self.say(chance.randrange(3))
            self.hear(server, cat)
            words = [event for event in heard if isinstance(event, Retold | Said)]
            self.assertEqual(words[: len(kept)], kept)
            live = [(type(event), event.text) for event in words[len(kept) :]]
            self.assertEqual(live, [(Said, str(number)) for number in range(before, self.said)])
            others = [type(event) for event in heard if event not in words]
            self.assertEqual(others, [Greeting, Motd, Topic][: 3 if has_topic else 2])

    def note(self, heard: list[Event], event: Event, line: str | None) -> None:
        heard.append(event)

    def say(self, count: int) -> None:
        """Ann says the next `count` numbers."""
        for _ in range(count):
            self.table.ask(self.ann, str(self.said))
            self.said += 1

    def hear(self, server: ServerLines, member: Member) -> None:
        for line in self.table.read(member):
            server.line(line)
