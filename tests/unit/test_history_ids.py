"""Lines by their ids: what comes after one, and one that is taken out."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import RecordingStore
from twisted_chat.events import Emoted, Said
from twisted_chat.journal.history import History
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import HISTORY_OVERHEAD, HISTORY_SHARE


class IdTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.start(History(RecordingStore()))

    def start(self, history: History) -> None:
        self.history = history
        self.number = 0

    def say(self, text: str, origin: str = "local", room: str = "lobby", kind=Said) -> None:
        event = kind("ann", text, room, float(self.number), "era", self.number + 1)
        self.history.add(event, origin, "ann")
        self.number += 1 + text.count("\n")

    def say_all(self) -> list[str]:
        """Lines of three addresses, also several at once. Returns the ids of those in the lobby."""
        for text, origin in (
            ("one\ntwo\nthree", "local"),
            ("four", "10.0.0.1"),
            ("five\nsix", "10.0.0.2"),
            ("seven\neight\nnine\nten", "10.0.0.1"),
            ("eleven", "local"),
        ):
            self.say(text, origin)
            self.say("elsewhere\nas well", room="dev")
        self.say("waves", kind=Emoted)
        return [line.id for line in self.history.last("lobby", 100)]

    def texts(self, room: str = "lobby") -> list[str]:
        return [line.text for line in self.history.last(room, 100)]

    def test_each_line_has_an_id_of_its_own_and_the_event_that_of_the_first(self) -> None:
        ids = self.say_all()
        self.assertEqual(len({*ids}), 12)
        self.assertEqual(ids[:4], ["era-1", "era-2", "era-3", "era-6"])
        self.assertEqual(ids[0], Said("ann", "one\ntwo", "lobby", 0.0, "era", 1).id)

    def test_what_comes_after_any_line_is_found(self) -> None:
        ids = self.say_all()
        texts = self.texts()
        for place, each in enumerate(ids):
            rest = texts[place + 1 :]
            for count in range(len(ids) + 2):
                whole, lines = self.history.after("lobby", each, count)
                self.assertEqual(whole, len(rest) <= count)
                expected = rest if whole else texts[len(texts) - count :]
                self.assertEqual([line.text for line in lines], expected)
                self.assertEqual(len(lines), len(expected))

    def test_after_an_id_that_is_gone_or_of_another_room_or_none_come_the_last_lines(self) -> None:
        ids = self.say_all()
        elsewhere = [line.id for line in self.history.last("dev", 100)]
        self.history.forget_line("lobby", ids[4])
        for gone in (ids[4], elsewhere[3], "", "-", "era", "era-", "era-99", "other-2", "era-02"):
            whole, lines = self.history.after("lobby", gone, 3)
            self.assertFalse(whole, gone)
            self.assertEqual([line.text for line in lines], ["ten", "eleven", "waves"])
        for gone in ("era-²", "era-٣", f"era-{'9' * 5000}", "-1", "era-+1", "era- 1"):
            self.assertEqual(self.history.after("lobby", gone, 100)[0], False)
            self.assertEqual(self.history.forget_line("lobby", gone), 0)
        whole, lines = self.history.after("nowhere", ids[0], 9)
        self.assertEqual((whole, [*lines]), (False, []))

    def test_a_line_of_an_era_before_is_not_taken_for_one_with_its_number(self) -> None:
        self.say("one")
        self.assertFalse(self.history.after("lobby", "before-1", 9)[0])
        self.assertEqual(self.history.forget_line("lobby", "before-1"), 0)

    def test_any_line_can_be_taken_out_and_all_others_keep_their_ids(self) -> None:
        for place in range(12):
            store = RecordingStore()
            self.start(History(store))
            ids = self.say_all()
            texts = self.texts()
            self.assertEqual(self.history.forget_line("lobby", ids[place]), 1)
            self.assertEqual(self.history.forget_line("lobby", ids[place]), 0)
            del ids[place], texts[place]
            self.assertEqual([line.id for line in self.history.last("lobby", 100)], ids)
            self.assertEqual(self.texts(), texts)
            again = History(NoStore())
            again.take_over(line for _, line in sorted(store.lines.items()))
            self.assertEqual([line.id for line in again.last("lobby", 100)], ids)
            self.assertEqual(self.texts("dev"), ["elsewhere", "as well"] * 5)

    def test_all_lines_can_be_taken_out_one_by_one(self) -> None:
        store = RecordingStore()
        self.start(History(store))
        ids = self.say_all()
        for each in (*ids[1::2], *ids[::2]):
            self.assertEqual(self.history.forget_line("lobby", each), 1)
        self.assertFalse(self.history.holds("lobby"))
        self.assertTrue(self.history.holds("dev"))
        self.assertEqual({line.event.room for line in store.lines.values()}, {"dev"})

    def test_all_that_somebody_said_goes_from_all_rooms(self) -> None:
        for number in range(3):
            self.say(f"{number}\nmore", "10.0.0.1")
            self.say(f"{number}", "10.0.0.2", room="dev")
            self.say(f"{number}", "10.0.0.1", room="dev")
        gone = self.history.forget_lines(lambda key, origin: origin == "10.0.0.1")
        self.assertEqual(
            gone,
            {
                "lobby": ["era-1", "era-2", "era-5", "era-6", "era-9", "era-10"],
                "dev": ["era-4", "era-8", "era-12"],
            },
        )
        self.assertFalse(self.history.holds("lobby"))
        self.assertEqual(self.texts("dev"), ["0", "1", "2"])
        self.assertEqual(self.history.forget_lines(lambda key, origin: key == "bob"), {})
        self.assertEqual([*self.history.forget_lines(lambda key, origin: key == "ann")], ["dev"])

    def test_where_two_pieces_take_more_than_may_be_kept_the_oldest_goes(self) -> None:
        """One address has more than the other only after its line was cut in two."""
        record = HISTORY_OVERHEAD + 5
        self.start(History(NoStore(), size=2 * HISTORY_SHARE + 3 * record))
        self.say("a\nb\nc", "10.0.0.1")
        self.say("other", "10.0.0.2")
        self.say("again", "10.0.0.2")
        self.assertEqual(self.history.forget_line("lobby", "era-2"), 1)
        self.assertEqual(self.texts(), ["a", "c", "again"])
        self.say("d", "10.0.0.1")
        self.assertEqual(self.texts(), ["c", "again", "d"])

    def test_an_address_whose_lines_were_cut_apart_gives_when_it_has_most(self) -> None:
        pieces, others = 20, 10
        size = 3 * HISTORY_SHARE + (pieces + others) * (HISTORY_OVERHEAD + 1)
        self.start(History(NoStore(), size=size))
        self.say("\n".join("x" * 2 * pieces), "10.0.0.1")
        for _ in range(others):
            self.say("y", "10.0.0.2")
        for number in range(2, 2 * pieces, 2):
            self.history.forget_line("lobby", f"era-{number}")
        self.history.forget_line("lobby", f"era-{2 * pieces}")
        self.assertEqual(self.texts(), ["x"] * pieces + ["y"] * others)
        self.say("z", "10.0.0.3")
        self.assertEqual(self.texts(), ["x"] * (pieces - 1) + ["y"] * others + ["z"])

    def test_lines_that_are_not_shown_are_not_found(self) -> None:
        """Nine addresses with one line each, where eight are shown."""
        self.start(History(NoStore(), most=8))
        for number in range(9):
            self.say(str(number), f"10.0.0.{number}")
        self.assertEqual(self.texts(), [*"12345678"])
        self.assertEqual([line.text for line in self.history.last("lobby", 8)], [*"12345678"])
        self.assertFalse(self.history.after("lobby", "era-1", 100)[0])
        self.assertTrue(self.history.after("lobby", "era-2", 100)[0])

    def test_a_line_that_is_not_shown_can_be_taken_out(self) -> None:
        store = RecordingStore()
        self.start(History(store, most=8))
        for number in range(9):
            self.say(str(number))
        self.assertEqual(self.history.forget_line("lobby", "era-1"), 1)
        self.assertEqual(min(store.lines), 2)
        self.assertEqual(self.texts(), [*"12345678"])
