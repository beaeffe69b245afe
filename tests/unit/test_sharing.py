"""Who says most loses first: a stranger erases nothing of what others said."""

from __future__ import annotations

from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import Hall
from tests.support.properties import given, settings, st
from twisted_chat.events import Said
from twisted_chat.journal.history import History
from twisted_chat.journal.store import Line, NoStore
from twisted_chat.limits import BURST, HISTORY, HISTORY_BYTES, HISTORY_OVERHEAD, HISTORY_SHARE
from twisted_chat.names import named

NUMBERS = count(1)


class Chatter:
    """Somebody who says things, wherever it comes from."""

    def __init__(self, history: History, origin: str) -> None:
        self.origin = origin
        self._history = history

    def say(self, *texts: str, room: str = "lobby") -> None:
        for text in texts:
            said = Said(self.origin, text, room, 0.0, "era", next(NUMBERS))
            for _ in range(text.count("\n")):
                next(NUMBERS)
            self._history.add(said, self.origin, self.origin)


class SharingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin()

    def begin(self, most: int = HISTORY, size: int = HISTORY_BYTES) -> None:
        self.history = History(NoStore(), most, size)

    def somebody(self, origin: str) -> Chatter:
        return Chatter(self.history, origin)

    def kept(self, room: str = "lobby") -> list[tuple[str, str]]:
        return [(line.name, line.text) for line in self.history.last(room, 100_000)]


class RoomTests(SharingTests):
    def test_a_burst_of_a_stranger_leaves_all_that_others_said(self) -> None:
        ann, bob, stranger = map(self.somebody, ("10.0.0.1", "10.0.0.2", "10.9.9.9"))
        said = []
        for number in range(50):
            for author in (ann, bob):
                author.say(str(number))
                said.append((author.origin, str(number)))
        for _ in range(3 * BURST):
            stranger.say("x")
        kept = self.kept()
        self.assertEqual(kept[:100], said)
        self.assertEqual(kept[100:], [("10.9.9.9", "x")] * (HISTORY - 100))

    def test_so_does_one_that_comes_in_few_packets(self) -> None:
        ann, stranger = self.somebody("10.0.0.1"), self.somebody("10.9.9.9")
        ann.say(*map(str, range(100)))
        for _ in range(3):
            stranger.say("x\n" * (BURST - 1) + "x")
        kept = self.kept()
        self.assertEqual(kept[:100], [("10.0.0.1", str(number)) for number in range(100)])
        self.assertEqual(kept[100:], [("10.9.9.9", "x")] * (HISTORY - 100))

    def test_a_paste_of_one_s_own_loses_no_more_than_its_beginning(self) -> None:
        ann, stranger = self.somebody("10.0.0.1"), self.somebody("10.9.9.9")
        ann.say("\n".join(map(str, range(800))))
        stranger.say(*["x"] * 2000)
        mine = [text for origin, text in self.kept() if origin == "10.0.0.1"]
        self.assertEqual(mine, list(map(str, range(300, 800))))

    def test_two_strangers_take_from_each_other_and_not_from_others(self) -> None:
        ann, one, other = map(self.somebody, ("10.0.0.1", "10.9.9.9", "10.8.8.8"))
        ann.say(*map(str, range(100)))
        one.say(*["x"] * 2000)
        other.say(*["y"] * 300)
        one.say(*["x"] * 2000)
        counts = [
            sum(origin == each for each, _ in self.kept())
            for origin in ("10.0.0.1", "10.9.9.9", "10.8.8.8")
        ]
        self.assertEqual(counts, [100, 600, 300])
        other.say(*["y"] * 2000)
        counts = [
            sum(origin == each for each, _ in self.kept())
            for origin in ("10.0.0.1", "10.9.9.9", "10.8.8.8")
        ]
        self.assertEqual(counts, [100, 450, 450])

    def test_where_there_is_only_one_address_it_goes_by_age(self) -> None:
        for number in range(HISTORY + 500):
            self.somebody("192.0.2.1").say(str(number))
        self.assertEqual([text for _, text in self.kept()], list(map(str, range(500, 1500))))

    def test_lines_of_which_nobody_knows_the_origin_are_those_of_one_address(self) -> None:
        old = [
            Line(Said(f"user{number}", "old", "lobby", 1.0, "old", next(NUMBERS)))
            for number in range(HISTORY)
        ]
        self.history.take_over(old)
        ann, stranger = self.somebody("10.0.0.1"), self.somebody("10.9.9.9")
        ann.say(*["new"] * 100)
        self.assertEqual(len([text for _, text in self.kept() if text == "old"]), HISTORY - 100)
        stranger.say(*["x"] * 5000)
        self.assertEqual(len([text for _, text in self.kept() if text == "old"]), 450)
        self.assertEqual(len([text for _, text in self.kept() if text == "new"]), 100)

    def test_members_are_told_apart_by_where_they_come_from(self) -> None:
        """An IPv6 /64 is one address, and so is all of loopback; users of a unix socket are not."""
        for stranger, same, victim in (
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),
            ("127.0.0.1", "::1", "uid:1000"),
            ("uid:1001", "uid:1001", "uid:1000"),
            ("10.0.0.1", "10.0.0.1", "local"),
        ):
            with self.subTest(stranger=stranger):
                hall = Hall(self)
                hall.ask(hall.come(victim, "victim"), "/me is here")
                for number, host in enumerate([stranger, same] * 2):
                    member = hall.come(host, f"stranger{'x' * number}")
                    for _ in range(BURST):
                        hall.table.chat.say(member, "x")
                lines = list(hall.journal.view.history(named("lobby"), HISTORY))
                self.assertEqual(len(lines), HISTORY)
                self.assertEqual(lines[0].name, "victim")

    @settings(max_examples=100)
    @given(
        st.integers(1, 40),
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=60),
    )
    def test_how_many_go_at_once_cannot_be_told(self, most, said) -> None:
        looked_at, gathered = History(NoStore(), most), History(NoStore(), most)
        for number, (origin, lines) in enumerate(said):
            text = "\n".join(f"{number}.{line}" for line in range(lines))
            for history in (looked_at, gathered):
                event = Said(origin, text, "lobby", 0.0, "era", 10 * number)
                history.add(event, origin, origin)
            shown = list(looked_at.last("lobby", 100))
            self.assertEqual(len(shown), min(most, sum(count for _, count in said[: number + 1])))
        self.assertEqual(list(looked_at.last("lobby", 100)), list(gathered.last("lobby", 100)))


class WholeHistoryTests(SharingTests):
    def test_a_stranger_takes_nothing_of_empty_rooms_or_of_busy_ones(self) -> None:
        self.begin(size=200 * (HISTORY_OVERHEAD + 10) + 20 * HISTORY_SHARE)
        ann, stranger = self.somebody("10.0.0.1"), self.somebody("10.9.9.9")
        for room in ("lobby", "dev", "tea"):
            ann.say(*map(str, range(10)), room=room)
        for number in range(3000):
            stranger.say("x", room=("lobby", "dev", "spam")[number % 3])
        for room in ("lobby", "dev", "tea"):
            mine = [text for origin, text in self.kept(room) if origin == "10.0.0.1"]
            self.assertEqual(mine, list(map(str, range(10))))
        self.assertGreater(len(self.kept("spam")), 30)

    def test_of_one_address_the_oldest_lines_go_whatever_room_they_are_of(self) -> None:
        self.begin(size=6 * (HISTORY_OVERHEAD + 1) + 3 * HISTORY_SHARE)
        ann = self.somebody("10.0.0.1")
        for number in range(9):
            ann.say(str(number), room=("lobby", "dev", "tea")[number % 3])
        kept = [text for room in ("lobby", "dev", "tea") for _, text in self.kept(room)]
        self.assertEqual(sorted(kept), list("345678"))

    def test_long_lines_weigh_more_than_short_ones(self) -> None:
        self.begin(size=100_000)
        ann, stranger = self.somebody("10.0.0.1"), self.somebody("10.9.9.9")
        ann.say(*["short"] * 100)
        stranger.say(*["x" * 4000] * 50)
        origins = [origin for origin, _ in self.kept()]
        self.assertEqual(origins.count("10.0.0.1"), 100)
        self.assertEqual(origins.count("10.9.9.9"), 14)
