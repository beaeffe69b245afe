"""Settings that change while the daemon runs hold at once, for those who are here too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, BOB, Door
from tests.support.loopback import Node, Order, settle
from twisted_chat.dialects.frames import frame
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.doors.streams import RefusingProtocol
from twisted_chat.doors.web.window import Kept, Window
from twisted_chat.limits import HISTORY_OVERHEAD, HISTORY_SHARE, STALL_LOOK, Bounds, Limits
from twisted_chat.names import named
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Configure, Join, Part

LINES = [f"line {number}" for number in range(9)]

TESTED: set[str] = set()
"""The settings that have a test."""


def of(*settings: str) -> Callable[[Any], Any]:
    """Mark the test of `settings`."""
    TESTED.update(settings)
    return lambda test: test


class ChangedSettingsTests(SynchronousTestCase):
    """Ann and bob are here when the settings change."""

    def setUp(self) -> None:
        self.door = Door()
        self.chat = self.door.factory.chat
        self.ann, self.bob = self.door.connect(ANN), self.door.connect(BOB)
        self.ann.dataReceived(b"hello\n")
        self.forget()

    def forget(self) -> None:
        self.door.said()
        for peer in (self.ann, self.bob):
            peer.transport.clear()

    def change(self, motd: Sequence[str] = (), **limits: int) -> None:
        """Let `limits` hold, the others as before, and `motd`."""
        changed = self.chat.configure(replace(self.chat.limits, **limits), motd)
        self.door.turn()
        self.assertIsNone(self.successResultOf(changed))

    def ask(self, peer: ChatProtocol, data: bytes) -> list[str]:
        """The lines that `peer` reads after it sent `data`."""
        peer.transport.clear()
        peer.dataReceived(data)
        self.door.turn()
        return peer.transport.lines()

    def said(self) -> list[str]:
        """What ann said since the transcript was last asked for."""
        lead = "[10.0.0.1:1] "
        lines = self.door.said()
        return [line.removeprefix(lead) for line in lines if line.startswith(lead)]

    def newcomer(self) -> list[str]:
        """What somebody reads who comes in now."""
        return self.door.connect(BOB).transport.lines()

    def kept(self) -> list[str]:
        """What is kept of the lobby."""
        return [line.text for line in self.chat.view.history(named("lobby"), 100)]

    def join(self, room: str) -> str:
        """Let ann be in `room` too. Return why not, or "" if it is."""
        return self.result(Join(named(room)))

    def result(self, request: Join | Part) -> str:
        asked = self.chat.ask(self.ann._member, request)
        self.door.turn()
        refused: list[str] = []
        asked.addErrback(lambda failure: refused.append(str(failure.value)))
        return "".join(refused)

    def test_each_setting_has_a_test(self) -> None:
        self.assertEqual(TESTED, {each.name for each in fields(Limits)} | {"motd"})

    @of("max_line")
    def test_the_longest_line(self) -> None:
        self.ask(self.ann, b"x" * 101 + b"\n")
        self.change(max_line=101)
        self.ask(self.ann, b"y" * 101 + b"\n" + b"z" * 102 + b"\n")
        self.change(max_line=5)
        refused = self.ask(self.ann, b"short\nlonger\n")
        self.assertEqual(self.said(), ["y" * 101, "short"])
        self.assertEqual([line.split()[5] for line in refused], ["5"])

    def test_the_longest_line_of_a_terminal_whose_line_ends_are_not_known_yet(self) -> None:
        self.change(max_line=200)
        self.bob.dataReceived(b"x" * 90 + b"\r" + b"y" * 60)
        self.bob.dataReceived(b"\r\0")
        self.assertEqual(
            self.door.said(), [f"[10.0.0.2:2] {text}" for text in ("x" * 90, "y" * 60)]
        )

    @of("max_users", "max_per_address")
    def test_how_many_may_come_in(self) -> None:
        self.change(max_users=2)
        self.assertIsInstance(self.door.factory.buildProtocol(BOB), RefusingProtocol)
        self.change(max_users=3)
        self.door.connect(BOB)
        self.change(max_users=9, max_per_address=2)
        self.assertIsInstance(self.door.factory.buildProtocol(BOB), RefusingProtocol)
        self.change(max_users=9, max_per_address=3)
        self.door.connect(BOB)

    @of("resume_bytes")
    def test_how_much_is_kept_for_those_who_lose_their_connection(self) -> None:
        window = Window(Kept(self.chat.limits), lambda: None)
        window.put(frame({"event": "greeting"}))
        window.acknowledge(0)
        lines = [frame({"event": "said", "text": "x" * 1000}) for _ in range(9)]
        for line in lines[:6]:
            window.put(line)
        self.assertTrue(window.has_all_after(0))
        self.change(resume_bytes=5 * len(lines[0]))
        window.put(lines[6])
        self.assertFalse(window.has_all_after(1))
        self.assertEqual(b"".join(window.after(2)), b"".join(lines[2:7]))

    @of("backlog")
    def test_how_much_may_wait_for_a_reader(self) -> None:
        self.bob.transport.producer.pauseProducing()
        self.ask(self.ann, b"x" * 99 + b"\n")
        self.assertFalse(self.bob.transport.disconnecting)
        self.change(backlog=200)
        self.ask(self.ann, b"x" * 99 + b"\n")
        self.assertTrue(self.bob.transport.disconnecting)

    def test_how_long_an_answer_may_be(self) -> None:
        self.ask(self.ann, b"".join(b"%d\n" % number for number in range(100)))
        self.assertEqual(len(self.ask(self.bob, b"/history 50\n")), 50)
        self.change(backlog=4000)
        lines = self.ask(self.bob, b"/history 50\n")
        self.assertLessEqual(len("\n".join(lines)), 1000)
        self.assertIn("older lines left out", lines[0])

    @of("stall")
    def test_how_long_it_may_wait(self) -> None:
        self.bob.transport.producer.pauseProducing()
        self.ask(self.ann, b"x\n")
        self.door.clock.advance(STALL_LOOK)
        self.change(stall=3)
        self.door.clock.pump([STALL_LOOK] * 3)
        self.door.turn()
        self.assertTrue(self.bob.transport.disconnecting)

    @of("rate", "burst")
    def test_how_much_is_taken_of_each(self) -> None:
        self.change(rate=10, burst=3)
        self.ask(self.ann, "".join(f"{line}\n" for line in LINES).encode())
        self.assertEqual(self.said(), LINES[:3])
        self.door.clock.pump([0.1] * 10)
        self.assertEqual(self.said(), LINES[3:])
        self.change(rate=10, burst=100)
        self.ask(self.ann, b"more\n" * 90)
        self.assertEqual(len(self.said()), 90)
        self.change(rate=0, burst=1)
        self.ask(self.ann, b"more\n" * 200)
        self.assertEqual(len(self.said()), 200)

    def test_what_was_taken_before_a_change_of_the_rate_counts_in_lines_and_not_in_time(
        self,
    ) -> None:
        self.change(rate=1, burst=60)
        self.ask(self.ann, b"more\n" * 59)
        self.change(rate=100, burst=60)
        self.ask(self.bob, b"from here on\n")
        self.door.clock.advance(0.5)
        self.forget()
        self.ask(self.ann, b"more\n" * 60)
        self.assertEqual(len(self.said()), 51)

    @of("max_rooms")
    def test_how_many_rooms_there_may_be(self) -> None:
        for room in ("dev", "ops"):
            self.assertEqual(self.join(room), "")
        self.chat.say(self.ann._member, "kept", "dev")
        self.door.turn()
        self.assertEqual(self.result(Part(named("dev"))), "")
        self.change(max_rooms=2)
        with self.assertRaises(Refusal):
            self.chat.view.room(named("dev"))
        self.assertEqual(self.chat.view.room(named("ops")).count, 1)
        self.assertIn("there are 2 rooms, as many as may be", self.join("tea"))
        self.change(max_rooms=1)
        self.assertEqual(self.chat.view.room(named("ops")).count, 1)
        self.change(max_rooms=32)
        self.assertEqual(self.join("tea"), "")

    @of("max_joined")
    def test_how_many_rooms_each_may_be_in(self) -> None:
        self.assertEqual([self.join("dev"), self.join("ops")], ["", ""])
        self.change(max_joined=2)
        self.assertEqual(len(self.ann._member.rooms), 3)
        self.assertIn("you are in 3 rooms, as many as may be", self.join("tea"))
        self.change(max_joined=4)
        self.assertEqual(self.join("tea"), "")

    @of("history")
    def test_how_many_lines_are_kept(self) -> None:
        self.ask(self.ann, "".join(f"{line}\n" for line in LINES).encode())
        self.change(history=3)
        self.assertEqual(self.kept(), LINES[-3:])
        self.ask(self.ann, b"one more\n")
        self.assertEqual(self.kept(), [*LINES[-2:], "one more"])
        self.change(history=20)
        self.assertEqual(self.kept(), [*LINES[-2:], "one more"])
        self.change(history=0)
        self.assertEqual(self.kept(), [])

    @of("history_bytes")
    def test_how_many_bytes_are_kept(self) -> None:
        for line in LINES:
            self.ask(self.ann, f"{line}\n".encode())
        record = HISTORY_OVERHEAD + len(LINES[0])
        self.change(history_bytes=HISTORY_SHARE + 4 * record)
        self.assertEqual(self.kept(), LINES[-4:])

    @of("replay")
    def test_how_much_newcomers_are_told_again(self) -> None:
        self.change(replay=1)
        self.assertEqual([line.split()[-1] for line in self.newcomer()], ["online)", "hello"])
        self.change(replay=0)
        self.assertEqual(len(self.newcomer()), 1)

    @of("motd")
    def test_the_message_of_the_day(self) -> None:
        self.change(motd=("be kind", "or else"))
        self.assertEqual(self.newcomer()[1:], ["- be kind", "- or else"])
        self.change()
        self.assertEqual(len(self.newcomer()), 1)


class BoundsTests(SynchronousTestCase):
    """What bounds the whole chat is the same at all nodes."""

    def test_the_bounds_of_the_first_node_hold_for_all_until_somebody_changes_them(self) -> None:
        clock, order = Clock(), Order()
        first, second = (
            Node(name, order, clock, bounds=Bounds(history=most))
            for name, most in (("n1", 2), ("n2", 5))
        )
        ann = first.arrive()
        for text in ("one", "two", "three"):
            first.journal.say(ann, "lobby", text)
        settle(clock, *order.ledgers)
        self.assertEqual(second.journal.state.bounds.history, 2)
        self.assertEqual(first.journal.dump(), second.journal.dump())
        second.journal.ask("", Configure(Bounds(history=1)))
        settle(clock, *order.ledgers)
        order.shorten(first.ledger)
        third = Node("n3", order, clock)
        settle(clock, *order.ledgers)
        for node in (first, second, third):
            lines = node.journal.view.history(named("lobby"), 9)
            self.assertEqual([line.text for line in lines], ["three"])
            self.assertEqual(node.journal.dump(), third.journal.dump())
