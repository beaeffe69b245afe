"""How much one turn may hold: no reader is handed much more at once, whatever it is written in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, ChatOnTheTable
from twisted_chat.dialects import JsonDialect
from twisted_chat.events import Event
from twisted_chat.limits import TURN
from twisted_chat.members import Member

JSON = JsonDialect()


class FramedDialect(JsonDialect):
    """JSON, each event in a frame of its own. Counts what it renders for rooms."""

    rendered = 0

    def render(self, event: Event, room: str) -> bytes:
        self.rendered += 1
        data = super().render(event, room)
        return b"\x81\x7f" + len(data).to_bytes(8, "big") + data


TEXTS = ("x" * 4000, "日" * 1365, "\n".join("x" * 200), '"\\\t' * 1365, "x")
LARGEST = 200 * 200
"""More bytes than one of TEXTS has in any of the dialects."""


class FullTurnTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = ChatOnTheTable()
        self.chat = self.table.chat
        self.ann = self.table.enter("ann")

    def readers(self, *dialects: JsonDialect) -> list[Member]:
        readers = [self.table.enter(f"m{number}") for number in range(len(dialects))]
        for member, dialect in zip(readers, dialects, strict=True):
            member.switch(dialect)
        self.table.turns.run()
        return readers

    def sizes(self, member: Member) -> list[int]:
        """The bytes of each write to `member` since it was last asked."""
        self.table.turns.run()
        sizes = list(map(len, member.outbox.written))
        member.outbox.written.clear()
        return sizes

    def assert_in_turns(self, sizes: list[int]) -> None:
        """So much was told that it had to be told in turns, and none of them is much too large."""
        self.assertGreater(len(sizes), 2)
        self.assertLess(max(sizes), TURN + LARGEST)

    def say_much(self, text: str, size: int) -> None:
        """Let ann say `text` so often that it is three turns where it has `size` bytes."""
        for _ in range(3 * TURN // size + 1):
            self.chat.say(self.ann, text)

    def test_what_is_said_is_told_in_turns_to_each_reader(self) -> None:
        for dialects in ((LINES,), (JSON,), (FramedDialect(),), (LINES, JSON, FramedDialect())):
            for text in TEXTS:
                readers = self.readers(*dialects)
                for member in readers:
                    self.sizes(member)
                self.chat.say(self.ann, text)
                most = max(sum(self.sizes(member)) for member in readers)
                self.say_much(text, most)
                sizes = [self.sizes(member) for member in readers]
                self.assert_in_turns(max(sizes, key=max))
                # Each is as full as may be for the reader that gets most.
                self.assertGreaterEqual(max(map(max, sizes)), TURN)
                for member in readers:
                    self.chat.leave(member)

    def test_so_is_what_is_said_after_a_reader_has_changed_what_it_is_written_in(self) -> None:
        bob = self.table.enter("bob")
        self.chat.say(self.ann, "the turn has begun")
        self.table.desk.hand_in(bob, "/format json")
        self.say_much('"\\' * 2000, 8000)
        self.assert_in_turns(self.sizes(bob))

    def test_so_is_what_is_said_to_a_reader_that_enters_in_the_middle_of_a_turn(self) -> None:
        self.table.turns.run()
        self.chat.say(self.ann, "the turn has begun")
        cat = Member("cat", self.ann.outbox.__class__(), JSON, self.table.flood.meter("cat"))
        self.chat.arrive(cat)
        self.table.settle()
        self.say_much('"\\' * 2000, 8000)
        self.assert_in_turns(self.sizes(cat))

    def test_nothing_is_rendered_for_readers_that_are_gone(self) -> None:
        dialect = FramedDialect()
        for line in ("/quit", "/join dev", "/format line"):
            [bob] = self.readers(dialect)
            self.chat.say(self.ann, "hello")
            self.table.turns.run()
            self.assertGreater(dialect.rendered, 0)
            self.table.desk.hand_in(bob, line)
            self.table.turns.run()
            dialect.rendered = 0
            self.chat.say(self.ann, "hello")
            self.table.turns.run()
            self.assertEqual(dialect.rendered, 0)
            self.chat.leave(bob)

    def test_those_that_come_and_go_count_as_well(self) -> None:
        for dialect, size in ((LINES, 80), (JSON, 200)):  # Of both events together.
            [watcher] = self.readers(dialect)
            self.sizes(watcher)
            for number in range(5 * TURN // 2 // size):
                self.chat.leave(self.table.enter(str(number)))
            self.assert_in_turns(self.sizes(watcher))
            self.chat.leave(watcher)

    def test_words_of_those_that_leave_count_as_well(self) -> None:
        for dialect in (LINES, JSON):
            [watcher] = self.readers(dialect)
            leavers = [self.table.enter(f"leaver{number}") for number in range(300)]
            self.sizes(watcher)
            for member in leavers:
                self.chat.leave(member, "x" * 4000)
            sizes = self.sizes(watcher)
            self.assert_in_turns(sizes)
            self.assertGreater(sum(sizes), 300 * 4000)
            self.chat.leave(watcher)

    def test_private_lines_count_as_well(self) -> None:
        for dialect in (LINES, JSON):
            [bob] = self.readers(dialect)
            self.sizes(bob)
            for _ in range(300):
                self.table.desk.hand_in(self.ann, f"/msg m0 {'x' * 4000}")
            sizes = self.sizes(bob)
            self.assert_in_turns(sizes)
            self.assertGreater(sum(sizes), 300 * 4000)
            self.chat.leave(bob)

    def test_answers_and_their_records_count_as_well(self) -> None:
        for dialect, size in ((LINES, 4000), (JSON, 12000)):
            [bob] = self.readers(dialect)
            self.sizes(bob)
            for _ in range(300):
                self.chat.notify(bob, "x" * 4000, names=["x" * 8000])
            sizes = self.sizes(bob)
            self.assert_in_turns(sizes)
            self.assertGreater(sum(sizes), 300 * size)
            self.chat.leave(bob)
