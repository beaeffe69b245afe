"""The room: its promises against a model, and its examples."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.doubles import LINES, RecordingOutbox, RecordingTranscript, RoomOnTheTable
from twisted_chat.events import Reason
from twisted_chat.interfaces import IDialect, IJournal, IOutbox, ITranscript
from twisted_chat.journal import MemoryJournal
from twisted_chat.limits import TURN
from twisted_chat.member import Member
from twisted_chat.text import clean


def online(count: int) -> str:
    return f"({count} user{'s' if count > 1 else ''} online)"


class RoomModel(RuleBasedStateMachine):
    """The room beside a model that delivers each event at once, to one member after the other.

    Promise 1, one order, and 2, exactly once: each member's lines are the model's. 3, the count:
    it is the model's. 4, the greeting and the one Left: the model gives nothing before the one and
    nothing after the other, and a closed outbox that is written to fails. 7: a line that holds
    somebody's words starts with the mark and the name that the model puts there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = RoomOnTheTable(motd=("welcome",))
        self.present: list[Member] = []
        self.gone: list[Member] = []
        self.broken: list[Member] = []
        self.expected: dict[Member, list[str]] = {}
        self.transcript: list[str] = []
        self.entered = 0

    def all_get(self, line: str, but: Member | None = None) -> None:
        self.transcript.append(line)
        for member in self.present:
            if member is not but:
                self.expected[member].append(line)

    def goes(self, member: Member, ending: str) -> None:
        self.present.remove(member)
        self.gone.append(member)
        self.all_get(f"< The user {member.name} left {online(len(self.present))}{ending}")

    @rule(same_address=st.booleans())
    def enter(self, same_address: bool) -> None:
        if not same_address:
            self.entered += 1
        member = self.table.enter(f"10.0.0.1:{self.entered}")
        self.all_get(f"> New user {member.name} entered {online(len(self.present) + 1)}")
        self.present.append(member)
        greeting = f"> Connected to the chat server {online(len(self.present))}"
        self.expected[member] = [greeting, "- welcome"]

    @precondition(lambda self: self.present)
    @rule(data=st.data(), said=st.lists(st.binary(min_size=1, max_size=40).map(clean), min_size=1))
    def say(self, data: st.DataObject, said: list[str]) -> None:
        member = data.draw(st.sampled_from(self.present))
        self.table.room.say(member, "\n".join(said))
        for line in said:
            self.all_get(f"[{member.name}] {line}", but=member)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def say_so_much_that_the_turn_is_flushed_early(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from(self.present))
        self.table.room.say(member, "x" * TURN)
        self.all_get(f"[{member.name}] {'x' * TURN}", but=member)
        self.broken_ones_go()

    @precondition(lambda self: self.present)
    @rule(data=st.data(), refused=st.booleans())
    def answer(self, data: st.DataObject, refused: bool) -> None:
        member = data.draw(st.sampled_from(self.present))
        if refused:
            self.table.room.refuse(member, "not so")
        else:
            self.table.room.notify(member, "so")
        self.expected[member].append("! not so" if refused else "- so")

    @precondition(lambda self: self.present)
    @rule(data=st.data(), words=st.sampled_from(["", "bye", "(0 user online)"]))
    def leave(self, data: st.DataObject, words: str) -> None:
        member = data.draw(st.sampled_from(self.present))
        self.table.room.leave(member, words)
        self.goes(member, f": {words}" if words else "")

    @precondition(lambda self: self.present)
    @rule(data=st.data(), reason=st.sampled_from(Reason))
    def put_out(self, data: st.DataObject, reason: Reason) -> None:
        member = data.draw(st.sampled_from(self.present))
        self.table.room.leave(member, reason=reason)
        self.goes(member, f", put out: {reason.value}")

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def ask_after_the_end(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from(self.gone))
        self.table.room.say(member, "ghost")
        self.table.room.notify(member, "ghost")
        self.table.room.leave(member, "ghost")

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def break_an_outbox(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from(self.present))
        member.outbox.broken = True
        self.broken.append(member)

    def broken_ones_go(self) -> None:
        """A flush finds out, in the order of the room; who got nothing in it is not found."""
        for member in list(self.present):
            if member.outbox.broken and member.leaving:
                self.goes(member, ", put out: its connection failed")

    @rule()
    def turn(self) -> None:
        while self.table.turns.waiting:
            self.table.turns.turn()
            self.broken_ones_go()

    @invariant()
    def everybody_got_what_the_model_says(self) -> None:
        if self.table.turns.waiting:
            return
        assert self.table.transcript.lines == self.transcript
        for member, expected in self.expected.items():
            if member not in self.broken:
                assert member.outbox.lines == expected
        for member in self.gone:
            assert member.outbox.closed == 1
        assert list(self.table.room.members) == self.present

    def teardown(self) -> None:
        self.turn()
        self.everybody_got_what_the_model_says()


RoomModel.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


RoomModelTests = RoomModel.TestCase


class RoomTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = RoomOnTheTable()
        self.room = self.table.room

    def test_doubles_and_parts_keep_their_interfaces(self) -> None:
        verifyObject(IOutbox, RecordingOutbox())
        verifyObject(ITranscript, RecordingTranscript())
        verifyObject(IJournal, MemoryJournal())
        verifyObject(IDialect, LINES)

    def test_all_that_happens_in_a_turn_leaves_in_one_write_to_each(self) -> None:
        ann, bob = self.table.enter("ann"), self.table.enter("bob")
        for number in range(10):
            self.room.say(ann, str(number))
            self.room.notify(bob, "noted")
        self.table.turns.run()
        self.assertEqual([len(ann.outbox.written), len(bob.outbox.written)], [1, 1])

    def test_members_that_nothing_singles_out_share_one_object(self) -> None:
        members = [self.table.enter(f"m{number}") for number in range(5)]
        self.table.turns.run()
        self.room.say(members[0], "hello")
        self.table.turns.run()
        self.assertEqual(len({id(member.outbox.written[-1]) for member in members[1:]}), 1)

    def test_a_second_peer_of_the_same_address_gets_a_name_of_its_own(self) -> None:
        names = [self.table.enter("10.0.0.1:5").name for _ in range(3)]
        self.assertEqual(names, ["10.0.0.1:5", "10.0.0.1:5~2", "10.0.0.1:5~3"])

    def test_who_enters_and_leaves_in_one_turn_is_greeted_and_told_of_once(self) -> None:
        ann = self.table.enter("ann")
        self.table.read(ann)
        bob = self.table.enter("bob")
        self.room.leave(bob)
        self.assertEqual(
            self.table.read(ann),
            [
                "> New user bob entered (2 users online)",
                "< The user bob left (1 user online)",
            ],
        )
        self.assertEqual(bob.outbox.lines, ["> Connected to the chat server (2 users online)"])
        self.assertEqual(bob.outbox.closed, 1)

    def test_a_failing_delivery_is_logged_and_is_nobody_elses_trouble(self) -> None:
        ann, bob, cat = (self.table.enter(name) for name in ("ann", "bob", "cat"))
        self.table.turns.run()
        bob.outbox.broken = True
        self.room.say(ann, "hello")
        self.assertEqual(
            self.table.read(cat)[-2:],
            ["[ann] hello", "< The user bob left (2 users online), put out: its connection failed"],
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_when_it_stops_all_are_told_and_the_transcript_counts_down_to_none(self) -> None:
        ann, bob = self.table.enter("ann"), self.table.enter("bob")
        self.table.turns.run()
        self.room.say(ann, "last words")
        self.room.stop()
        self.assertEqual(bob.outbox.lines[-2:], ["[ann] last words", "- the daemon stops"])
        self.assertEqual(ann.outbox.lines[-1], "- the daemon stops")
        self.assertEqual([ann.outbox.closed, bob.outbox.closed], [1, 1])
        self.assertEqual(
            self.table.transcript.lines[-2:],
            ["< The user ann left (1 user online)", "< The user bob left (0 user online)"],
        )

    def test_no_write_is_much_more_than_a_turn_may_hold(self) -> None:
        for said in ("x" * 4000, "日" * 1365, "\n".join("x" * 2000)):
            members = [self.table.enter(f"m{number}") for number in range(3)]
            self.table.turns.run()
            for _ in range(3 * TURN // len(said)):
                self.room.say(members[0], said)
            for number in range(3 * TURN // 50):
                self.room.leave(self.table.enter(str(number)))
            self.table.turns.run()
            for member in members:
                sizes = list(map(len, member.outbox.written))
                self.assertLess(max(sizes), TURN + 20 * len(said))
                self.assertGreater(len(sizes), 2)
                self.room.leave(member)

    def test_a_thousand_who_leave_at_once_cost_each_other_nothing(self) -> None:
        watcher = self.table.enter("watcher")
        members = [self.table.enter(f"m{number}") for number in range(1000)]
        self.table.read(watcher)
        for member in members:
            self.room.leave(member)
        lines = self.table.read(watcher)
        self.assertEqual(len(lines), 1000)
        self.assertEqual(lines[-1], "< The user m999 left (1 user online)")
        self.assertEqual(len(watcher.outbox.written), 0)
        self.assertTrue(all(len(member.outbox.written) <= 2 for member in members))
