"""What was said is told again as what it is, also after a restart."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable, Door
from tests.support.hall import RecordingStore
from twisted_chat.events import Event, Gap, Retold
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.view import View
from twisted_chat.limits import ANSWER_SHARE, MAX_HISTORY, SHOWN_HISTORY, Bounds
from twisted_chat.members import Member
from twisted_chat.names import Name, named


class TellingAgainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.sit_down()

    def sit_down(
        self, replay: int = 0, motd: tuple[str, ...] = (), most: int = 1000, share: int = 1 << 18
    ) -> None:
        self.journal = MemoryJournal(self.clock.seconds, bounds=Bounds(history=most))
        self.table = ChatOnTheTable(self.journal, motd, replay, self.clock)
        self.table.limits.backlog = share * ANSWER_SHARE
        self.ann, self.bob = self.table.enter("ann"), self.table.enter("bob")
        self.forget()

    def forget(self) -> None:
        for member in (self.ann, self.bob):
            self.table.read(member)

    def ask(self, member: Member, *lines: str) -> list[str]:
        return self.table.ask(member, *lines)

    def test_lines_are_notices_with_their_times_and_what_else_happened_is_not_kept(self) -> None:
        self.ask(self.ann, "hello", "/msg bob secret", "/topic tea", "/away tea", "/nick lia")
        self.clock.advance(61)
        self.ask(self.ann, "/me waves", "/msg bob secret", "/nick ann")
        self.table.chat.say(self.ann, "one\ntwo")
        self.forget()
        self.assertEqual(
            self.ask(self.bob, "/history"),
            [
                "- 1970-01-12T13:46:40Z [ann] hello",
                "- 1970-01-12T13:47:41Z * lia waves",
                "- 1970-01-12T13:47:41Z [ann] one",
                "- 1970-01-12T13:47:41Z [ann] two",
            ],
        )

    def test_programs_are_told_each_field(self) -> None:
        self.ask(self.ann, "hello", "/me waves")
        told = []
        self.table.chat.delivery.tell = lambda member, *events: told.extend(events)
        self.table.desk.hand_in(self.bob, "/history")
        self.assertEqual(
            told,
            [
                Retold("ann", "hello", False, "lobby", 1_000_000.0, told[0].id),
                Retold("ann", "waves", True, "lobby", 1_000_000.0, told[1].id),
            ],
        )

    def test_as_many_are_shown_as_are_asked_for_and_two_screens_otherwise(self) -> None:
        for number in range(100):
            self.ask(self.ann, str(number))
        self.forget()
        for asked, count in {
            "": SHOWN_HISTORY,
            " 1": 1,
            " 99": 99,
            " 100": 100,
            " 500": 100,
        }.items():
            lines = self.ask(self.bob, f"/history{asked}")
            self.assertEqual(len(lines), count)
            self.assertTrue(lines[-1].endswith("[ann] 99"))

    def test_no_more_are_shown_than_are_to_be_kept(self) -> None:
        self.sit_down(most=3)
        self.table.chat.say(self.ann, "1\n2\n3\n4\n5")
        self.forget()
        self.assertEqual([line[-1] for line in self.ask(self.bob, "/history 9")], ["3", "4", "5"])

    def test_what_is_no_number_of_lines_is_refused(self) -> None:
        refusal = (
            f"! write /history N, with N from 1 to {MAX_HISTORY}, /history after ID, or "
            "/history before ID N"
        )
        for text in ("x", "0", "-1", "1.5", "²", "٣", "1000001", "9" * 4000, "0000000019999999999"):
            for asked in (text, f"before x-1 {text}"):
                self.assertEqual(self.ask(self.bob, f"/history {asked}"), [refusal])
        for asked in ("after", "before", "after x-1 5"):
            self.assertEqual(self.ask(self.bob, f"/history {asked}"), [refusal])

    def test_what_came_after_a_line_is_told_without_that_line(self) -> None:
        self.table.chat.say(self.ann, "one\ntwo\nthree")
        ids = [line.id for line in self.journal.view.history(named("lobby"), 3)]
        self.forget()
        shown = ["- 1970-01-12T13:46:40Z [ann] two", "- 1970-01-12T13:46:40Z [ann] three"]
        for word in ("after", "AFTER"):
            for index, id in enumerate(ids[:-1]):
                self.assertEqual(self.ask(self.bob, f"/history {word} {id}"), shown[index:])
        self.assertEqual(
            self.ask(self.bob, f"/history after {ids[-1]}"),
            ["- nothing was said in #lobby after that"],
        )

    def test_where_a_line_is_gone_a_gap_is_told_and_then_all_that_there_is(self) -> None:
        self.sit_down(most=2)
        self.table.chat.say(self.ann, "one\ntwo\nthree")
        told = []
        self.table.chat.delivery.tell = lambda member, *events: told.extend(events)
        era = self.journal.state.era
        for id in ("1", "x-1", f"{era}-1", f"{era}-99999"):
            told.clear()
            self.table.desk.hand_in(self.bob, f"/history after {id}")
            self.assertEqual(told[0], Gap("lobby"))
            self.assertEqual([event.text for event in told[1:]], ["two", "three"])

    def test_what_came_after_a_line_of_another_room_is_not_told(self) -> None:
        self.ask(self.ann, "hello")
        [line] = self.journal.view.history(named("lobby"), 1)
        self.ask(self.bob, "/join dev")
        self.assertEqual(
            self.ask(self.bob, f"/history after {line.id}"),
            ["- lines of #dev may be missing here: they are not kept any more"],
        )

    def before(self, asked: str) -> tuple[list[str], dict[str, object] | None]:
        """What is told for `/history before`, and the record at its end."""
        told: list[Event] = []
        tell, self.table.chat.delivery.tell = (
            self.table.chat.delivery.tell,
            lambda member, *events: told.extend(events),
        )
        self.table.desk.hand_in(self.bob, f"/history before {asked}")
        self.table.chat.delivery.tell = tell
        *lines, last = told
        return [event.text for event in lines if event != Gap("lobby")], last.record

    def test_what_came_before_a_line_is_told_and_whether_there_is_more(self) -> None:
        self.table.chat.say(self.ann, "one\ntwo\nthree")
        self.ask(self.ann, "four", "five")
        self.forget()
        ids = [line.id for line in self.journal.view.history(named("lobby"), 9)]
        ends = {True: "- older lines are kept", False: "- no older lines are kept"}
        words = ["one", "two", "three", "four", "five"]
        for place, id in enumerate(ids):
            for count in range(1, 7):
                lines, record = self.before(f"{id} {count}")
                self.assertEqual(lines, words[max(0, place - count) : place])
                self.assertEqual(record, {"room": "lobby", "more": count < place})
                self.assertEqual(
                    self.ask(self.bob, f"/history BEFORE {id} {count}"),
                    [
                        *(f"- 1970-01-12T13:46:40Z [ann] {line}" for line in lines),
                        ends[count < place],
                    ],
                )

    def test_two_screens_come_before_a_line_if_no_number_is_given(self) -> None:
        self.table.chat.say(self.ann, "\n".join(map(str, range(100))))
        [line] = self.journal.view.history(named("lobby"), 1)
        lines, record = self.before(line.id)
        self.assertEqual(lines, [str(number) for number in range(99 - SHOWN_HISTORY, 99)])
        self.assertEqual(record, {"room": "lobby", "more": True})

    def test_where_nobody_knows_where_a_line_stood_a_gap_is_told_and_nothing_else(self) -> None:
        self.table.chat.say(self.ann, "one\ntwo\nthree")
        self.forget()
        era = self.journal.state.era
        for id in ("1", "x-1", f"x-{1 << 52}", f"{era}-", "-"):
            self.assertEqual(
                self.ask(self.bob, f"/history before {id}"),
                [
                    "- lines of #lobby may be missing here: they are not kept any more",
                    "- no older lines are kept",
                ],
            )

    def test_what_came_before_a_line_that_was_forgotten_is_told(self) -> None:
        self.ask(self.ann, "one", "two", "three")
        ids = [line.id for line in self.journal.view.history(named("lobby"), 9)]
        self.journal.state.history.forget_line("lobby", ids[1])
        self.assertEqual(self.before(ids[1]), (["one"], {"room": "lobby", "more": False}))

    def test_who_goes_back_page_by_page_reads_all_that_is_kept(self) -> None:
        for share in (2000, 10_000):
            self.sit_down(share=share)
            words = ["日" * (number % 50 + 1) + str(number) for number in range(100)]
            self.table.chat.say(self.ann, "\n".join(words))
            read = [line.text for line in self.journal.view.history(named("lobby"), 1)]
            ids = {line.text: line.id for line in self.journal.view.history(named("lobby"), 100)}
            more = True
            while more:
                lines, record = self.before(f"{ids[read[0]]} 30")
                self.assertLessEqual(len("\n".join(lines).encode()), share)
                self.assertTrue(lines)
                read = lines + read
                more = record["more"]
            self.assertEqual(read, words)

    def test_a_line_that_is_longer_than_an_answer_holds_nobody_up(self) -> None:
        self.sit_down(share=100)
        self.ask(self.ann, "one", "x" * 200, "three")
        ids = [line.id for line in self.journal.view.history(named("lobby"), 9)]
        self.assertEqual(self.before(ids[2]), (["x" * 200], {"room": "lobby", "more": True}))
        self.assertEqual(self.before(ids[1]), (["one"], {"room": "lobby", "more": False}))

    def test_nobody_gets_more_than_it_can_hold_and_is_told_how_many_were_left_out(self) -> None:
        for share in (60, 100, 1000, 10_000):
            self.sit_down(share=share)
            for number in range(100):
                self.ask(self.ann, "日" * (number + 1))
            self.forget()
            lines = self.ask(self.bob, "/history 100")
            size = len("\n".join([*lines, ""]).encode())
            self.assertLessEqual(size, share)
            shown = len(lines) - 1
            left_out = 100 - shown
            self.assertEqual(lines[0], f"- {left_out} older lines left out")
            if share > 100:
                self.assertGreater(size, share - 400)
                self.assertTrue(lines[-1].endswith("日" * 100))

    def test_one_line_too_many_is_one_line(self) -> None:
        self.sit_down(share=110)
        self.ask(self.ann, "x" * 90, "y")
        self.forget()
        self.assertEqual(
            self.ask(self.bob, "/history"),
            ["- 1 older line left out", "- 1970-01-12T13:46:40Z [ann] y"],
        )

    def test_a_newcomer_is_told_the_last_lines_after_the_greeting_and_the_motd(self) -> None:
        self.sit_down(replay=2, motd=("welcome",))
        self.ask(self.ann, "/topic tea", "one", "two", "/msg bob secret", "three")
        cat = self.table.enter("cat")
        self.ask(self.ann, "four")
        self.assertEqual(
            self.table.read(cat),
            [
                "> Connected to the chat server (3 users online)",
                "- welcome",
                "- 1970-01-12T13:46:40Z [ann] two",
                "- 1970-01-12T13:46:40Z [ann] three",
                "- ann set the topic: tea",
                "[ann] four",
            ],
        )

    def test_who_only_goes_to_another_room_is_told_nothing_again(self) -> None:
        self.sit_down(replay=2)
        self.ask(self.ann, "/join dev", "one", "/join lobby")
        self.forget()
        self.assertEqual(
            self.ask(self.ann, "/join dev", "/join lobby"),
            [
                "> Connected to the chat server (1 user online)",
                "- You are now in #dev",
                "> Connected to the chat server (2 users online)",
                "- You are now in #lobby",
            ],
        )

    def test_a_newcomer_pays_for_nothing_and_gets_no_more_than_it_can_hold(self) -> None:
        self.sit_down(replay=100, share=1000)
        for _ in range(100):
            self.ask(self.ann, "x" * 100)
        charged = []
        self.table.flood.meter = lambda address: type(
            "Meter", (), {"active": 0.0, "charge": lambda self, tokens: charged.append(tokens)}
        )()
        cat = self.table.enter("cat")
        lines = self.table.read(cat)
        self.assertEqual(charged, [])
        self.assertEqual(lines[1], "- 93 older lines left out")
        self.assertEqual(len(lines), 2 + 7)

    def test_a_journal_that_cannot_tell_is_logged_and_keeps_nobody_out(self) -> None:
        class FailingView(View):
            def history(self, room: Name, count: int, end: int = 0) -> Sequence[Retold]:
                raise ConnectionError("on purpose")

        journal = MemoryJournal(self.clock.seconds)
        journal.view = FailingView(journal.state, self.clock.seconds)
        self.table = ChatOnTheTable(journal, replay=1)
        ann = self.table.enter("ann")
        self.assertEqual(len(self.table.read(ann)), 1)
        self.assertEqual(len(self.flushLoggedErrors(ConnectionError)), 1)

    def test_who_asks_a_thousand_times_pays_for_each_answer(self) -> None:
        door = Door(rate=200, burst=1000)
        ann, bob = door.connect(), door.connect()
        for number in range(500):
            door.factory.chat.say(ann._member, f"{number:0250}")
        door.turn()
        bob.transport.clear()
        bob.dataReceived(b"/history 500\n" * 1000)
        door.turn()
        # 270 bytes each; the burst is 1000 tokens of 256 bytes, and one that overdraws it is taken.
        self.assertEqual(len(bob.transport.lines()), 2 * 500)
        self.assertEqual(bob.transport.producerState, "paused")


class LastingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.store = RecordingStore()
        self.start()

    def start(self) -> None:
        """Once more, as after a kill -9."""
        journal = MemoryJournal(self.clock.seconds, self.store)
        self.table = ChatOnTheTable(journal, clock=self.clock)
        self.ann = self.table.enter("ann")
        self.table.read(self.ann)

    def kept(self) -> bool:
        return "hello" in self.table.ask(self.ann, "/join dev", "/history")[-1]

    def test_a_room_and_its_topic_are_there_again(self) -> None:
        self.table.ask(self.ann, "/join Dev", "/topic code", "hello")
        self.start()
        lines = self.table.ask(self.ann, "/join dev", "/history")
        self.assertEqual(
            lines[1:],
            [
                "- You are now in #Dev",
                "- ann set the topic: code",
                "- 1970-01-12T13:46:40Z [ann] hello",
            ],
        )

    def test_one_that_was_empty_is_kept_to_the_end_of_its_day(self) -> None:
        self.table.ask(self.ann, "/join dev", "hello", "/join lobby")
        self.clock.advance(23 * 60 * 60)
        self.start()
        self.clock.advance(59 * 60)
        self.start()
        self.assertTrue(self.kept())

    def test_the_day_ends_also_while_nothing_runs(self) -> None:
        self.table.ask(self.ann, "/join dev", "hello", "/join lobby")
        self.clock.advance(24 * 60 * 60)
        self.start()
        self.assertEqual(self.store.lines, {})
        self.assertEqual(self.store.documents["room"], {})
        self.assertFalse(self.kept())

    def test_one_that_was_empty_before_and_not_at_the_end_is_kept_for_a_whole_day(self) -> None:
        self.table.ask(self.ann, "/join dev", "hello", "/join lobby")
        self.clock.advance(23 * 60 * 60)
        self.table.ask(self.ann, "/join dev")
        self.clock.advance(23 * 60 * 60)
        self.start()
        self.clock.advance(23 * 60 * 60)
        self.assertTrue(self.kept())

    def test_where_nothing_is_to_be_kept_any_more_all_that_was_kept_goes(self) -> None:
        self.table.ask(self.ann, "hello", "/join dev", "hello", "hello")
        journal = MemoryJournal(self.clock.seconds, self.store, Bounds(history=0))
        table = ChatOnTheTable(journal, clock=self.clock)
        self.assertEqual(self.store.lines, {})
        bob = table.enter("bob")
        table.ask(bob, "hello")
        self.assertIn("nothing is kept", table.ask(bob, "/history")[-1])

    def test_where_fewer_rooms_may_be_than_before_the_longest_empty_go(self) -> None:
        for number in range(9):
            self.clock.advance(1)
            self.table.ask(self.ann, f"/join r{number}", f"/topic {number}", "hello")
        journal = MemoryJournal(self.clock.seconds, self.store, Bounds(max_rooms=4))
        self.assertEqual(len(list(journal.state.rooms)), 4)
        self.assertEqual(set(self.store.documents["room"]), {"r6", "r7", "r8"})
        self.assertEqual(self.store.rooms, {"r6", "r7", "r8"})

    def test_the_lobby_is_there_however_long_it_takes(self) -> None:
        self.table.ask(self.ann, "/topic tea", "hello")
        self.clock.advance(30 * 24 * 60 * 60)
        self.start()
        self.assertEqual(self.table.ask(self.ann, "/topic"), ["- ann set the topic: tea"])
        self.assertIn("hello", self.table.ask(self.ann, "/history")[0])
