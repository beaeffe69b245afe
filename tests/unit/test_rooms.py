"""Rooms: they come with the first who enters, last a day longer than the last, and are bounded."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from types import FrameType

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask
from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from twisted_chat.authorisation import Door
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.limits import (
    ANSWER_SHARE,
    EMPTY_ROOM,
    MAX_ROOMS,
    MAX_TOPIC,
    NOTICE_WIDTH,
    SHOWN_ROOMS,
    TOKEN,
    Bounds,
)
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL
from twisted_chat.requests import Lock, Slow, Unlock


class RoomTests(SynchronousTestCase):
    """Ann, bob and cat are in the lobby."""

    max_rooms = MAX_ROOMS

    def setUp(self) -> None:
        clock = Clock()
        clock.advance(1_000_000)
        self.journal = MemoryJournal(clock.seconds, bounds=Bounds(max_rooms=self.max_rooms))
        self.table = ChatOnTheTable(self.journal, clock=clock)
        # Each from elsewhere.
        self.ann, self.bob, self.cat = (
            self.table.enter(name, origin=name) for name in ("ann", "bob", "cat")
        )
        self.forget()

    def forget(self) -> None:
        for member in (self.ann, self.bob, self.cat):
            self.read(member)

    def ask(self, member: Member, *lines: str) -> list[str]:
        return self.table.ask(member, *lines)

    def read(self, member: Member) -> list[str]:
        return self.table.read(member)

    def a_day_passes(self) -> None:
        self.table.clock.advance(EMPTY_ROOM)


class CountingMeter:
    """Lets everything through."""

    def __init__(self) -> None:
        self.active = 0.0
        self.charged = 0.0

    def charge(self, tokens, only_at_once=False) -> float:
        self.charged += tokens
        return 0.0


class JoiningTests(RoomTests):
    def test_who_joins_is_left_in_one_room_and_entered_in_the_other(self) -> None:
        self.ask(self.bob, "/join dev", "/topic pull requests")
        self.forget()
        self.assertEqual(
            self.ask(self.ann, "/join dev"),
            [
                "> Connected to the chat server (2 users online)",
                "- You are now in #dev",
                "- bob set the topic: pull requests",
            ],
        )
        self.assertEqual(self.read(self.bob), ["> New user ann entered (2 users online)"])
        self.assertEqual(self.read(self.cat), ["< The user ann left (1 user online)"])
        self.assertEqual(
            self.table.transcript.lines[-2:],
            ["< The user ann left (1 user online)", "#dev > New user ann entered (2 users online)"],
        )

    def test_what_is_said_is_heard_in_its_room_alone(self) -> None:
        self.ask(self.ann, "/join dev")
        self.ask(self.bob, "/join dev")
        self.forget()
        self.ask(self.ann, "hello", "/me waves")
        self.assertEqual(self.read(self.bob), ["[ann] hello", "* ann waves"])
        self.assertEqual(self.read(self.cat), [])
        self.assertEqual(self.table.transcript.lines[-2:], ["#dev [ann] hello", "#dev * ann waves"])

    def test_who_goes_on_in_the_same_turn_gets_each_room_while_it_was_there(self) -> None:
        self.ask(self.bob, "/join dev")
        self.forget()
        for member, line in (
            (self.cat, "one"),
            (self.bob, "not for ann"),
            (self.ann, "/join dev"),
            (self.cat, "not for ann"),
            (self.cat, "/msg ann two"),
            (self.bob, "three"),
            (self.ann, "/join lobby"),
            (self.bob, "not for ann"),
            (self.cat, "four"),
            (self.ann, "/quit"),
            (self.cat, "not for ann"),
        ):
            self.table.desk.hand_in(member, line)
        self.assertEqual(
            self.read(self.ann),
            [
                "[cat] one",
                "> Connected to the chat server (2 users online)",
                "- You are now in #dev",
                "[cat -> you] two",
                "[bob] three",
                "> Connected to the chat server (2 users online)",
                "- You are now in #lobby",
                "[cat] four",
            ],
        )

    def test_a_room_is_the_same_however_it_is_written(self) -> None:
        self.ask(self.ann, "/join Dev")
        for spelling in ("dev", "#DEV", "Dev", "#dev"):
            self.assertEqual(self.ask(self.bob, f"/join {spelling}")[-1], "- You are now in #Dev")
            self.assertEqual(self.ask(self.bob, "/join Lobby")[-1], "- You are now in #lobby")

    def test_refusals_say_why(self) -> None:
        self.ask(self.bob, "/join dev")
        self.table.appoint(self.bob)
        self.ask(self.bob, "/lock")
        self.forget()
        for line, why in {
            "/join": "something is missing: write /join ROOM",
            "/join #": "a name is missing: give one of 1 to 24 characters",
            "/join lobby": "you are in #lobby already",
            "/join LOBBY": "you are in #lobby already",
            "/join 7": "the name '7' reads as a number or an address: choose another name",
            "/join a b": "the name 'a b' holds ' ': take only letters, digits, _ . and -",
            "/join DEV": "#dev is locked: nobody new may come in just now",
        }.items():
            self.assertEqual(self.ask(self.ann, line), [f"! {why}"])
        self.assertEqual(self.read(self.cat), [])

    def test_who_is_in_a_locked_room_may_go_and_comes_back_when_it_is_open(self) -> None:
        self.ask(self.ann, "/join dev")
        self.table.appoint(self.bob)
        ask(self.journal, "bob", Lock("dev"))
        self.assertEqual(self.ask(self.ann, "/join lobby")[-1], "- You are now in #lobby")
        self.assertEqual(len(self.ask(self.ann, "/join dev")), 1)
        ask(self.journal, "bob", Unlock("dev"))
        self.assertEqual(self.ask(self.ann, "/join dev")[1], "- You are now in #dev")


class ListingTests(RoomTests):
    def test_rooms_are_listed_with_their_counts_and_topics_the_fullest_first(self) -> None:
        self.ask(self.ann, "/join dev", "/topic pull requests")
        self.ask(self.bob, "/join dev")
        self.read(self.cat)
        self.assertEqual(
            self.ask(self.cat, "/rooms"),
            [
                "- #dev: 2 users online, ann set the topic: pull requests",
                "- #lobby: 1 user online",
            ],
        )

    def test_the_lobby_is_always_listed_and_other_empty_rooms_are_not(self) -> None:
        for member in (self.ann, self.bob, self.cat):
            self.ask(member, "/join dev", "said")
        self.assertEqual(
            self.ask(self.ann, "/rooms")[-2:], ["- #dev: 3 users online", "- #lobby: 0 user online"]
        )
        for member in (self.ann, self.bob, self.cat):
            self.ask(member, "/join lobby")
        self.assertEqual(self.ask(self.ann, "/rooms")[-1:], ["- #lobby: 3 users online"])

    def test_empty_rooms_that_are_locked_or_slow_are_listed(self) -> None:
        self.ask(self.ann, "/join one", "/join two", "hello", "/join lobby")
        ask(self.journal, "operator", Slow("two", 90))
        ask(self.journal, "operator", Lock("two"))
        self.assertEqual(
            self.ask(self.ann, "/rooms"),
            [
                "- #lobby: 3 users online",
                "- #two (locked; slow: one line in 1 min 30 s): 0 user online",
            ],
        )

    def test_a_search_in_many_rooms_is_paid_for(self) -> None:
        for number in range(TOKEN):
            self.ask(self.table.enter(f"10.0.0.1:{number}"), f"/join r{number}")
        self.forget()
        self.ann.meter = meter = CountingMeter()
        answer = self.ask(self.ann, "/rooms")
        texts = sum(len(line) - len("- ") for line in answer) / TOKEN
        self.assertAlmostEqual(meter.charged, texts + (TOKEN + 1) / TOKEN)

    def test_a_list_of_many_rooms_is_bounded(self) -> None:
        for number in range(SHOWN_ROOMS + 1):
            self.table.bring(f"{number}:", f"r{number}")
        self.forget()
        lines = self.ask(self.ann, "/rooms")
        self.assertEqual(len(lines), SHOWN_ROOMS + 1)
        self.assertEqual(lines[0], "- #lobby: 3 users online")
        self.assertEqual(lines[-1], "- 2 smaller rooms left out")

    def test_long_topics_make_the_list_no_longer_than_an_answer_may_be(self) -> None:
        for number in range(SHOWN_ROOMS):
            self.table.bring(f"{number}:", f"r{number}", "😀" * MAX_TOPIC)
        self.table.limits.backlog = 64 * 1024 * ANSWER_SHARE
        self.forget()
        lines = self.ask(self.ann, "/rooms")
        size = len("\n".join(lines).encode())
        self.assertLess(size, self.table.limits.answer)
        self.assertGreater(size, self.table.limits.answer - 5 * NOTICE_WIDTH)
        self.assertTrue(lines[1].endswith("😀"))
        self.assertEqual(lines[-1], f"- {SHOWN_ROOMS + 2 - len(lines)} smaller rooms left out")


class AskingFromOutsideTests(RoomTests):
    def control(self, word: str, argument: str = "", room: str = "") -> list[str]:
        """What chatctl reads."""
        member = Member(
            "chatctl", RecordingOutbox(), LINES, self.table.flood.meter(LOCAL), Door.CONTROL
        )
        self.table.chat.arrive(member, rooms=())
        self.table.desk.command(member, word, argument, room)
        lines = self.read(member)
        self.table.chat.leave(member)
        return lines

    def test_history_and_who_are_of_the_room_however_it_is_written(self) -> None:
        self.ask(self.ann, "/join Dev", "hello")
        for spelling in ("Dev", "dev", "DEV"):
            self.assertEqual(
                self.control("history", room=spelling), ["- 1970-01-12T13:46:40Z [ann] hello"]
            )
            self.assertEqual(self.control("who", room=spelling)[0], "- 1 user online:")

    def test_a_room_that_is_not_there_is_refused(self) -> None:
        why = "! there is no room #nowhere: chatctl rooms lists them"
        for word in ("history", "who"):
            self.assertEqual(self.control(word, room="nowhere"), [why])

    def test_an_empty_room_that_is_kept_is_there(self) -> None:
        self.ask(self.ann, "/join dev", "hello", "/join lobby")
        self.assertEqual(self.control("who", room="dev"), ["- 0 user online:"])
        self.assertEqual(len(self.control("history", room="dev")), 1)

    def test_whois_wants_a_name_from_who_is_nobody_here(self) -> None:
        self.assertEqual(
            self.control("whois"), ["! something is missing: write chatctl whois NAME"]
        )
        self.assertIn("- ann from", self.control("whois", "ann")[0])


class EmptyRoomTests(RoomTests):
    def test_an_empty_room_is_kept_for_a_day(self) -> None:
        self.ask(self.ann, "/join dev", "/topic code", "hello", "/join lobby")
        self.table.clock.advance(EMPTY_ROOM - 1)
        self.assertEqual(self.ask(self.bob, "/join Dev")[-1], "- ann set the topic: code")
        self.assertEqual(self.ask(self.bob, "/history"), ["- 1970-01-12T13:46:40Z [ann] hello"])
        # It begins anew.
        self.ask(self.bob, "/join lobby")
        self.table.clock.advance(EMPTY_ROOM - 1)
        self.assertEqual(self.ask(self.bob, "/join dev")[-1], "- ann set the topic: code")

    def test_after_a_day_it_is_forgotten(self) -> None:
        self.ask(self.ann, "/join dev", "/topic code", "hello", "/join lobby")
        self.a_day_passes()
        self.assertEqual(
            self.ask(self.bob, "/join Dev"),
            [
                "< The user ann left (2 users online)",
                "> New user ann entered (3 users online)",
                "> Connected to the chat server (1 user online)",
                "- You are now in #Dev",
            ],
        )
        self.assertEqual(
            self.ask(self.bob, "/history"), ["- nothing is kept of what was said in #Dev"]
        )

    def test_a_room_in_which_somebody_is_is_kept_for_ever(self) -> None:
        self.ask(self.ann, "/join dev", "hello", "/join lobby", "/join dev")
        self.a_day_passes()
        self.a_day_passes()
        self.assertEqual(self.ask(self.bob, "/rooms")[-1], "- #dev: 1 user online")
        self.assertEqual(self.ask(self.ann, "/history")[-1], "- 1970-01-12T13:46:40Z [ann] hello")

    def test_one_of_which_nothing_is_to_be_kept_is_forgotten_at_once(self) -> None:
        self.ask(self.ann, "/join Dev", "/join lobby")
        self.assertEqual(self.ask(self.ann, "/join dev")[1], "- You are now in #dev")

    def test_the_lobby_is_never_forgotten(self) -> None:
        self.ask(self.ann, "/topic tea", "hello")
        for member in (self.ann, self.bob, self.cat):
            self.ask(member, "/quit")
        self.a_day_passes()
        dan = self.table.enter("dan")
        self.assertEqual(self.read(dan)[1], "- ann set the topic: tea")
        self.assertEqual(len(self.ask(dan, "/history")), 1)


class BoundedRoomTests(RoomTests):
    max_rooms = 3

    def test_when_there_are_as_many_as_may_be_a_new_one_is_refused(self) -> None:
        self.ask(self.ann, "/join one")
        self.ask(self.bob, "/join two")
        self.read(self.cat)
        self.assertEqual(
            self.ask(self.cat, "/join three"),
            ["! there are 3 rooms, as many as may be: join one of /rooms"],
        )
        self.assertEqual(self.ask(self.cat, "/join ONE")[1], "- You are now in #one")

    def test_the_longest_empty_room_makes_place(self) -> None:
        self.ask(self.ann, "/join one", "hello", "/join lobby")
        self.ask(self.bob, "/join two", "hello", "/join lobby")
        self.ask(self.ann, "/join one", "/join lobby")
        self.assertEqual(self.ask(self.cat, "/join three")[-1], "- You are now in #three")
        self.assertEqual(len(self.ask(self.ann, "/join one", "/history")[3:]), 1)
        self.ask(self.cat, "/join lobby", "/join two")
        self.assertIn("nothing is kept of what was said", self.ask(self.cat, "/history")[-1])

    def others_make_rooms(self) -> None:
        for member in (self.bob, self.cat):
            for name in ("three", "four", "five"):
                self.ask(member, f"/join {name}", "hello", "/join lobby")

    def test_no_guest_undoes_slow_mode_by_making_rooms(self) -> None:
        self.ask(self.ann, "/join one", "hello", "/join lobby")
        ask(self.journal, "operator", Slow("one", 10))
        self.others_make_rooms()
        self.ask(self.bob, "/join one", "hello")
        self.assertIn("one line in 10 s", self.ask(self.bob, "hello")[0])

    def test_no_guest_undoes_a_lock_by_making_rooms(self) -> None:
        self.ask(self.ann, "/join one", "hello", "/join lobby")
        ask(self.journal, "operator", Lock("one"))
        self.others_make_rooms()
        self.assertEqual(
            self.ask(self.bob, "/join one")[-1],
            "! #one is locked: nobody new may come in just now",
        )


class ManyRoomsTests(SynchronousTestCase):
    def test_a_thousand_rooms_cost_a_message_nothing(self) -> None:
        chats = [self.chat_with_ann(rooms) for rooms in (0, 1000)]
        for line in ("for the caches", "hello", "/me waves", "/msg bob hello", "/topic tea"):
            alone, among_many = (calls(table, ann, line) for table, ann in chats)
            if line != "for the caches":
                self.assertEqual(alone, among_many)
                self.assertGreater(sum(alone.values()), 10)

    def chat_with_ann(self, rooms: int) -> tuple[ChatOnTheTable, Member]:
        """Ann and bob in a room of their own, and somebody in each of so many others."""
        table = ChatOnTheTable()
        for number in range(rooms):
            origin = f"10.0.0.{number % 10}"
            table.ask(table.enter(f"{origin}:{number}", origin), f"/join r{number}")
        ann, bob = table.enter("ann"), table.enter("bob")
        for member in (ann, bob):
            table.ask(member, "/join dev")
        return table, ann


def calls(table: ChatOnTheTable, member: Member, line: str) -> Counter[str]:
    """Which functions are called how often until `line` of `member` is delivered."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, function: object) -> None:
        if event == "call":
            counts[frame.f_code.co_name] += 1
        elif event == "c_call":
            counts[getattr(function, "__name__", "")] += 1

    gc.disable()  # It calls back whoever asked for that.
    sys.setprofile(count)
    try:
        table.desk.hand_in(member, line)
        table.turns.run()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counts
