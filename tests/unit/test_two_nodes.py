"""What holds for the whole chat holds where two processes share it, and answers come late."""

from __future__ import annotations

from itertools import count

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from tests.support.loopback import LoopbackLedger, Order, lay_journal, settle
from twisted_chat.authorisation import Door
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.requests import Arrive, LogIn, Register, Reset, Unregister


class TwoNodesTests(SynchronousTestCase):
    """Ann is on the first node, bob and cat are on the second."""

    def setUp(self) -> None:
        self.lay()

    def lay(self, replay: int = 0) -> None:
        self.clock = Clock()
        self.ports = count(1)
        order = Order()
        self.ledgers = [LoopbackLedger(self.clock, order) for _ in range(2)]
        self.first, self.second = (
            ChatOnTheTable(lay_journal(node, ledger, self.clock), clock=self.clock, replay=replay)
            for node, ledger in zip(("n1", "n2"), self.ledgers, strict=True)
        )
        self.ann = self.come(self.first, "ann")
        self.bob = self.come(self.second, "bob")
        self.cat = self.come(self.second, "cat")
        self.forget()

    def member(self, table: ChatOnTheTable, name: str, door: Door = Door.SAFE_LINE) -> Member:
        """Somebody that has asked to arrive."""
        default = name if door is Door.CONTROL else f"10.0.0.1:{next(self.ports)}"
        member = Member(default, RecordingOutbox(), LINES, table.flood.meter(name), door)
        if door is Door.CONTROL:
            table.chat.arrive(member, ())
        else:
            table.chat.arrive(member, ("lobby",), name)
        return member

    def come(self, table: ChatOnTheTable, name: str) -> Member:
        member = self.member(table, name)
        self.settle()
        return member

    def settle(self) -> None:
        for _ in range(3):
            settle(self.clock, *self.ledgers)
            for table in (self.first, self.second):
                table.turns.run()

    def forget(self) -> None:
        for member in (self.ann, self.bob, self.cat):
            self.read(member)

    def read(self, member: Member) -> list[str]:
        """The lines that `member` has read since it was last asked."""
        self.settle()
        lines: list[str] = member.outbox.lines
        member.outbox.written.clear()
        return lines

    def ask(self, table: ChatOnTheTable, member: Member, line: str) -> list[str]:
        table.desk.hand_in(member, line)
        return self.read(member)

    def test_a_line_bears_the_name_that_its_author_has_when_it_is_ordered(self) -> None:
        operator = self.member(self.second, "chatctl", Door.CONTROL)
        self.first.chat.journal.ask(self.ann.id, Register(named("ann"), "digest"))
        self.settle()
        # Bob has the name by now, and the first node has not heard of it yet.
        self.second.chat.journal.ask(operator.id, Reset(named("ann"), "another"))
        self.second.chat.journal.ask(self.bob.id, LogIn(named("ann"), "another"))
        settle(self.clock, self.ledgers[1])
        self.first.chat.say(self.ann, "who am I?")
        self.assertEqual(self.read(self.cat)[-1], "[10.0.0.1:1] who am I?")

    def test_who_is_ignored_is_not_heard_from_another_node_either(self) -> None:
        self.assertEqual(
            self.ask(self.second, self.bob, "/ignore ann"),
            ["- You ignore ann: /unignore ann ends it"],
        )
        self.ask(self.first, self.ann, "hello")
        self.ask(self.first, self.ann, "/me waves")
        self.assertEqual(self.read(self.bob), [])
        self.assertEqual(self.read(self.cat), ["[ann] hello", "* ann waves"])
        self.assertEqual(
            self.ask(self.first, self.ann, "/msg bob psst")[-1],
            "! bob did not get that: bob ignores you",
        )
        self.ask(self.first, self.ann, "/nick lia")
        self.forget()
        self.ask(self.first, self.ann, "hello")
        self.assertEqual(self.read(self.bob), [])

    def test_a_private_line_of_another_node_is_replied_to(self) -> None:
        self.ask(self.first, self.ann, "/msg bob psst")
        self.ask(self.first, self.ann, "/nick lia")
        self.assertEqual(self.ask(self.second, self.bob, "/reply what?")[-1], "[you -> lia] what?")
        self.assertEqual(self.read(self.ann)[-1], "[bob -> you] what?")

    def test_where_a_node_stops_its_members_read_of_nobody_s_leaving(self) -> None:
        self.second.chat.stop()
        self.assertEqual(self.read(self.bob), ["- the daemon stops"])
        self.assertEqual(self.read(self.cat), ["- the daemon stops"])
        self.assertEqual(
            self.read(self.ann),
            ["< The user bob left (2 users online)", "< The user cat left (1 user online)"],
        )

    def test_what_is_for_one_member_is_told_to_nobody_else_on_any_node(self) -> None:
        self.first.chat.journal.ask(self.ann.id, Register(named("ann"), "digest"))
        self.settle()
        self.forget()
        self.second.chat.journal.ask(self.bob.id, LogIn(named("ann"), "digest"))
        self.assertIn("- somebody who knows the passphrase is ann now", self.read(self.ann))
        for member in (self.bob, self.cat):
            self.assertNotIn("- somebody who knows the passphrase", " ".join(self.read(member)))

    def test_what_is_replayed_is_not_repeated_and_comes_before_what_is_said_then(self) -> None:
        self.lay(replay=10)
        self.ask(self.first, self.ann, "before")
        dan = self.member(self.second, "dan")
        self.first.desk.hand_in(self.ann, "after")
        lines = self.read(dan)
        self.assertEqual([line.split("] ")[-1] for line in lines[1:]], ["before", "after"])
        self.assertTrue(lines[1].startswith("- "))
        self.assertEqual(lines[2], "[ann] after")

    def test_only_an_owner_gives_a_name_up(self) -> None:
        self.first.chat.journal.ask(self.ann.id, Register(named("ann"), "digest"))
        self.settle()
        refused = self.failureResultOf(self.later(self.bob, Unregister()))
        self.assertIn("is for the owner of the name", str(refused.value))

    def later(self, member: Member, request: object) -> object:
        answer = self.second.chat.journal.ask(member.id, request)
        self.settle()
        return answer

    def test_nobody_comes_in_under_a_name_that_is_registered_elsewhere(self) -> None:
        self.first.chat.journal.ask(self.ann.id, Register(named("ann"), "digest"))
        self.first.chat.leave(self.ann)
        eve = self.come(self.second, "Ann")
        self.assertEqual(
            self.read(eve), ["! Ann is registered: /login ann PASSPHRASE, or another name"]
        )
        self.assertEqual(eve.outbox.closed, 1)
        self.assertEqual(len(self.second.chat.view.who(None)), 2)

    def test_who_is_banned_while_it_comes_in_is_told_so(self) -> None:
        operator = self.member(self.first, "chatctl", Door.CONTROL)
        self.settle()
        eve = Member("10.0.0.9:1", RecordingOutbox(), LINES, self.second.flood.meter("x"))
        self.first.desk.command(operator, "ban", "10.0.0.9 1h spam", "")
        settle(self.clock, self.ledgers[0])
        request = Arrive(named("10.0.0.9:1"), "10.0.0.9", "10.0.0.9", "line", (named("lobby"),))
        refused = self.second.chat.journal.ask("n2.99", request)
        self.settle()
        self.assertIn("you are banned for 1 h", str(self.failureResultOf(refused).value))
        self.assertEqual(eve.outbox.lines, [])

    def test_a_line_that_is_refused_when_it_is_ordered_is_answered(self) -> None:
        operator = self.member(self.first, "chatctl", Door.CONTROL)
        self.settle()
        self.first.desk.command(operator, "mute", "bob 1h", "")
        settle(self.clock, self.ledgers[0])
        self.second.chat.say(self.bob, "am I heard?")
        self.assertEqual(
            self.read(self.bob),
            ["- You are muted for 1 h", "! that was not said: you are muted"],
        )
        self.assertEqual(self.read(self.cat), [])

    def test_two_chatctl_do_not_read_what_the_other_one_did(self) -> None:
        one, other = (self.member(self.first, "chatctl", Door.CONTROL) for _ in range(2))
        self.settle()
        self.first.desk.command(one, "kick", "bob", "")
        self.assertEqual(self.read(one), ["- chatctl kicked bob"])
        self.assertEqual(self.read(other), [])
