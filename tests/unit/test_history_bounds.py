"""What was said is kept in bounds, and looking at it costs what is looked at."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from itertools import takewhile

from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.events import Said
from twisted_chat.journal.history import History
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import HISTORY_OVERHEAD, HISTORY_SHARE, MAX_HISTORY


def said(number: int, text: str, room: str = "lobby") -> Said:
    return Said("ann", text, room, 1.5 + number, "era", 1000 + number)


class HistoryBoundsTests(SynchronousTestCase):
    def check_memory(
        self, event_of: Callable[[int], Said], origin_of: Callable[[int], str], least: float
    ) -> None:
        """The memory that 4,000 lines take is at most what they are taken for, and not less than
        `least` of it.
        """
        history = History(NoStore(), MAX_HISTORY, 1 << 40)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(4000):
            history.add(event_of(number), origin_of(number), "ann")
        taken = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        self.assertLess(least, taken / history._size)
        self.assertLess(taken / history._size, 1.02)

    def test_what_a_line_takes_in_memory_is_what_it_is_taken_for(self) -> None:
        for text in ("{:060}", "é{:010}", "日{:010}", "😀{:010}"):
            self.check_memory(
                lambda number, text=text: said(number, text.format(number)),
                lambda number: "local",
                0.8,
            )

    def test_what_an_address_takes_in_a_room_is_what_it_is_taken_for(self) -> None:
        def address(number: int) -> str:
            return f"10.0.{number // 250}.{number % 250}"

        for room, origin_of in (
            ("lobby", address),
            ("room {}", address),
            ("room {}", lambda number: "local"),
        ):
            self.check_memory(
                lambda number, room=room: said(number, f"{number:060}", room.format(number)),
                origin_of,
                0.6,
            )

    def test_many_rooms_cost_a_line_nothing(self) -> None:
        history = History(NoStore(), most=10, size=1000 * (HISTORY_OVERHEAD + HISTORY_SHARE + 1))
        for number in range(3000):
            history.add(said(number, "x", f"r{number}"), "local", "ann")
        self.assertEqual(sum(len(history.last(f"r{number}", 9)) for number in range(3000)), 1000)
        self.assertEqual(list(history.last("r1999", 1)), [])
        self.assertEqual([line.text for line in history.last("r2000", 1)], ["x"])
        self.assertLess(len(history._holders["local"].shares), 3000)

    def test_a_look_at_the_end_makes_no_lines_before_it(self) -> None:
        history = History(NoStore(), MAX_HISTORY, 1 << 40)
        for number in range(MAX_HISTORY):
            history.add(said(number, "x" * 40), "local", "ann")
        gc.collect()
        tracemalloc.start()
        lines = history.last("lobby", MAX_HISTORY)
        last = list(takewhile(lambda line: line.id > "era-100900", reversed(lines)))
        _, taken = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertEqual(len(last), 99)
        # A pointer for each line, and what is shown.
        self.assertLess(taken, 8 * MAX_HISTORY * 2)

    def test_what_was_looked_at_stays_as_it_was(self) -> None:
        history = History(NoStore(), most=10)
        history.add(said(0, "one\ntwo"), "local", "ann")
        lines = history.last("lobby", 10)
        history.add(said(2, "three"), "local", "ann")
        history.forget("lobby")
        self.assertEqual([line.text for line in lines], ["one", "two"])
