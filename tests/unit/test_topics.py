"""Topics: what stands over a room, and who may read and write it."""

from __future__ import annotations

import json

from tests.support.asking import ask
from tests.support.doubles import LINES, RecordingOutbox
from tests.support.hall import Hall, RecordingStore
from tests.support.moderated import STAMP, Moderated
from tests.unit.test_rooms import RoomTests
from twisted_chat.dialects import JsonDialect
from twisted_chat.limits import MAX_TOPIC
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL
from twisted_chat.requests import SetTopic


class TopicTests(RoomTests):
    def test_who_is_in_no_room_yet_asks_for_a_topic_in_vain_and_without_harm(self) -> None:
        eve = Member("eve", RecordingOutbox(), LINES, self.table.flood.meter(LOCAL))
        refused = ["! you are in no room: /join ROOM first"] * 3
        self.assertEqual(self.ask(eve, "/topic", "/topic tea", "/topic -"), refused)
        self.assertEqual(self.ask(self.ann, "/topic"), ["- no topic is set: /topic text sets one"])

    def test_a_topic_is_told_to_the_room_and_shown_to_who_enters_or_asks(self) -> None:
        self.assertEqual(self.ask(self.ann, "/topic"), ["- no topic is set: /topic text sets one"])
        line = "- ann set the topic: tea"
        self.assertEqual(self.ask(self.ann, "/topic tea"), [line])
        self.assertEqual(self.read(self.bob), [line])
        self.ask(self.ann, "/nick lia")
        self.assertEqual(self.ask(self.bob, "/topic")[-1], line)
        dan = self.table.enter("dan")
        self.assertEqual(self.read(dan), ["> Connected to the chat server (4 users online)", line])
        self.ask(self.ann, "/topic -")
        recorded = [line for line in self.table.transcript.lines if "topic" in line]
        self.assertEqual(recorded, [line, "- lia took the topic away"])

    def test_a_topic_that_is_refused_uses_up_no_turn_in_a_slow_room(self) -> None:
        self.table.appoint(self.bob)
        self.ask(self.bob, "/slow 30")
        self.ask(self.ann, f"/topic {'x' * (MAX_TOPIC + 1)}")
        self.assertEqual(self.ask(self.ann, "/me waves"), ["* ann waves"])

    def test_a_topic_can_be_changed_and_is_of_who_wrote_it_last(self) -> None:
        self.ask(self.ann, "/topic tea")
        self.read(self.bob)
        self.assertEqual(self.ask(self.bob, "/topic cake"), ["- bob set the topic: cake"])
        self.assertEqual(self.read(self.ann), ["- bob set the topic: cake"])

    def test_the_same_topic_again_is_refused(self) -> None:
        self.ask(self.ann, "/topic tea")
        self.assertEqual(
            self.ask(self.bob, "/topic tea")[-1], "! that is what stands over #lobby already"
        )

    def test_a_hyphen_takes_the_topic_away(self) -> None:
        self.ask(self.ann, "/topic bread")
        self.forget()
        self.assertEqual(self.ask(self.ann, "/topic -"), ["- ann took the topic away"])
        self.assertEqual(self.read(self.bob), ["- ann took the topic away"])
        self.assertEqual(self.ask(self.bob, "/topic"), ["- no topic is set: /topic text sets one"])

    def test_a_journal_can_take_a_topic_away(self) -> None:
        self.ask(self.ann, "/topic tea")
        ask(self.journal, self.bob, SetTopic(self.bob.room, ""))
        self.assertEqual(self.read(self.ann), ["- bob took the topic away"])

    def test_each_room_has_its_own(self) -> None:
        self.ask(self.ann, "/topic tea", "/join dev", "/topic code", "/join lobby")
        self.assertEqual(self.ask(self.ann, "/topic"), ["- ann set the topic: tea"])

    def test_a_topic_that_is_too_long_is_refused_with_its_length(self) -> None:
        for character in ("x", "😀"):
            longest = character * MAX_TOPIC
            self.assertEqual(
                self.ask(self.ann, f"/topic {longest}x"),
                ["! that topic has 301 characters: take 300 of them at most"],
            )
            self.assertEqual(
                self.ask(self.ann, f"/topic {longest}"), [f"- ann set the topic: {longest}"]
            )

    def test_a_longer_topic_that_was_kept_before_stays(self) -> None:
        store = RecordingStore()
        topic = "x" * (MAX_TOPIC + 1)
        rules = {"slow": 0, "locked": False, "topic": topic, "topic_by": "ann"}
        store.put("room", "lobby", {"name": "lobby", "emptied": 0.0, **rules})
        hall = Hall(self, store)
        self.assertEqual(
            hall.ask(hall.come("10.0.0.2"), "/topic"), [f"- ann set the topic: {topic}"]
        )


class LockedTopicTests(Moderated):
    def setUp(self) -> None:
        super().setUp()
        self.hall.ask(self.dan, "/join other")
        self.hall.ask(self.dan, "/topic secret plans")
        self.hall.ask(self.cid, "/lock")

    SHOWN = "- #other (locked): 2 users online, dan set the topic: secret plans"

    def test_it_is_for_members_of_the_room_and_operators(self) -> None:
        hidden = "- #other (locked): 2 users online"
        for member, line in (
            (self.bob, hidden),
            (self.dan, self.SHOWN),
            (self.cid, self.SHOWN),
            (self.ann, self.SHOWN),
        ):
            self.assertIn(line, self.hall.ask(member, "/rooms"))
        self.assertIn(self.SHOWN, self.hall.control("rooms"))

    def test_it_is_for_others_again_when_the_room_is_open(self) -> None:
        self.hall.ask(self.cid, "/unlock")
        self.assertIn(
            "- #other: 2 users online, dan set the topic: secret plans",
            self.hall.ask(self.bob, "/rooms"),
        )

    def test_no_record_holds_it_either(self) -> None:
        for member, topic in ((self.bob, None), (self.dan, "secret plans")):
            member.switch(JsonDialect())
            records = [json.loads(line)["record"] for line in self.hall.ask(member, "/rooms")]
            [record] = [each for each in records if each["room"] == "other"]
            self.assertEqual(record["topic"], topic)

    def test_who_has_left_the_room_does_not_read_the_next_one(self) -> None:
        self.hall.ask(self.dan, "/join lobby")
        self.hall.table.read(self.dan)
        self.hall.ask(self.cid, "/topic more plans")
        self.assertEqual(self.hall.table.read(self.dan), [])
        self.assertIn("- #other (locked): 1 user online", self.hall.ask(self.dan, "/rooms"))


class TopicsOfChatctlTests(Moderated):
    def setUp(self) -> None:
        super().setUp()
        self.hall.ask(self.cid, "/topic rude words")
        self.clear()

    def audited(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.store.audited]

    def test_it_takes_the_topic_of_a_room_away(self) -> None:
        for argument, room in (("other -", ""), ("#other -", ""), ("OTHER -", ""), ("-", "other")):
            with self.subTest(argument=argument, room=room):
                self.hall.ask(self.cid, "/topic rude words")
                self.clear()
                self.assertEqual(
                    self.hall.control("topic", argument, room), ["- chatctl took the topic away"]
                )
                self.assertEqual(self.hall.table.read(self.cid), ["- chatctl took the topic away"])
                self.assertEqual(
                    self.audited(),
                    [{"time": STAMP, "who": "chatctl", "what": "topic", "whom": "#other"}],
                )

    def test_it_sets_the_topic_of_a_room(self) -> None:
        for argument, room in (("other be kind", ""), ("be  kind", "other")):
            with self.subTest(argument=argument, room=room):
                self.clear()
                text = argument.removeprefix("other ")
                line = f"- chatctl set the topic: {text}"
                self.assertEqual(self.hall.control("topic", argument, room), [line])
                self.assertEqual(self.hall.table.read(self.cid), [line])
                self.assertEqual(self.hall.table.read(self.ann), [])
                [entry] = self.audited()
                self.assertEqual(
                    (entry["what"], entry["whom"], entry["why"]), ("topic", "#other", text)
                )

    def test_it_shows_the_topic_of_a_room_or_of_the_lobby(self) -> None:
        shown = ["- cid set the topic: rude words"]
        self.assertEqual(self.hall.control("topic", "other"), shown)
        self.assertEqual(self.hall.control("topic", "", "other"), shown)
        for argument in ("", "lobby"):
            self.assertEqual(self.hall.control("topic", argument), ["- no topic is set in #lobby"])
        self.assertEqual(self.audited(), [])

    def test_a_room_that_nobody_is_in_has_its_topic_still(self) -> None:
        self.hall.ask(self.cid, "/join lobby")
        self.assertEqual(self.hall.control("topic", "other"), ["- cid set the topic: rude words"])
        self.hall.control("topic", "other -")
        self.assertEqual(self.hall.control("topic", "other"), ["- no topic is set in #other"])

    def test_what_is_no_room_or_too_long_is_refused_and_kept_nowhere(self) -> None:
        self.assertEqual(
            self.hall.control("topic", "be kind"),
            ["! there is no room #be: chatctl rooms lists them"],
        )
        self.assertEqual(
            self.hall.control("topic", f"other {'x' * 301}"),
            ["! that topic has 301 characters: take 300 of them at most"],
        )
        self.assertEqual(
            self.hall.control("topic", "other rude words"),
            ["! that is what stands over #other already"],
        )
        self.assertEqual(self.audited(), [])

    def test_its_help_says_how_it_is_written_there(self) -> None:
        line = "- chatctl topic [ROOM] [text]: show the room's topic, or set it; - takes it away"
        self.assertEqual(self.hall.control("help", "topic"), [line])
        self.assertIn(line, self.hall.control("help"))
