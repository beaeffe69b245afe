"""The journal over a ledger: what is asked is applied once, in the order of the ledger."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.support.loopback import Listener, LoopbackLedger, Node, Order, settle
from twisted_chat.events import Entered, Left, Said
from twisted_chat.interfaces import IFollower, IJournal
from twisted_chat.journal.entries import Entry, read_entry, write_entry
from twisted_chat.journal.ledger import ILedger, ILedgerReader, LedgerJournal
from twisted_chat.journal.state import State
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import EMPTY_ROOM, IN_FLIGHT, NODES_GONE
from twisted_chat.names import named
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Arrive, Begin, Dismiss, Leave, Move, Rename, Say, Tick

HALF = "x" * (IN_FLIGHT // 2)


@implementer(ILedger)
class HeldLedger:
    """Keeps what is appended, for the test to hand out."""

    lasting = False

    def __init__(self) -> None:
        self.appended: list[bytes] = []

    def follow(self, reader) -> None:
        pass

    def append(self, entry: bytes) -> None:
        self.appended.append(entry)

    def stop(self) -> Deferred[None]:
        return succeed(None)


def kinds(order: Order) -> list[type]:
    """What stands in the ledger."""
    return [type(read_entry(entry).request) for entry in order.entries]


class LedgerCase(SynchronousTestCase):
    """One or two nodes on a ledger that brings back in the next turn what was put into it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.order = Order()
        self.nodes: list[Node] = []

    def node(self, name: str = "n1") -> Node:
        """Start a node; what it puts into the ledger at its start is read."""
        node = Node(name, self.order, self.clock)
        self.nodes.append(node)
        self.settle()
        return node

    def settle(self) -> None:
        settle(self.clock, *(node.ledger for node in self.nodes))

    def said(self, node: Node) -> list[str]:
        """What was said, as the members of `node` heard it."""
        return [event.text for event in node.listener.in_rooms if isinstance(event, Said)]


class AskingTests(LedgerCase):
    """Who asks is answered when the ledger has brought it back."""

    def test_the_doubles_keep_their_interfaces(self) -> None:
        node = self.node()
        self.assertTrue(verifyObject(IJournal, node.journal))
        self.assertTrue(verifyObject(ILedgerReader, node.journal))
        self.assertTrue(verifyObject(ILedger, node.ledger))
        self.assertTrue(verifyObject(IFollower, node.listener))

    def test_an_answer_comes_after_the_follower_was_told(self) -> None:
        node = self.node()
        ann = node.arrive()
        self.settle()
        answered = node.journal.ask(ann, Rename(named("anna")))
        told_before: list[int] = []
        answered.addCallback(lambda _: told_before.append(len(node.listener.in_rooms)))
        self.assertNoResult(answered)
        self.settle()
        self.assertEqual(told_before, [2])

    def test_a_refusal_is_the_answer_of_who_asked(self) -> None:
        node = self.node()
        ann, _ = node.arrive(1, "ann"), node.arrive(2, "bob")
        answered = node.journal.ask(ann, Rename(named("bob")))
        self.settle()
        self.assertIs(self.failureResultOf(answered, Refusal).value.kind, Kind.NAME_TAKEN)

    def test_an_answer_that_nobody_waits_for_any_more_is_no_error(self) -> None:
        node = self.node()
        ann = node.arrive()
        answered = node.journal.ask(ann, Rename(named("anna")))
        answered.addErrback(lambda failure: None)
        answered.cancel()
        self.settle()
        self.assertEqual(node.journal.view.find(named("anna")).name, "anna")

    def test_what_is_asked_from_within_comes_behind(self) -> None:
        class Asks(Listener):
            def happened(self, event, author, deaf) -> None:
                super().happened(event, author, deaf)
                if isinstance(event, Entered) and event.name == "ann":
                    node.journal.say(author, "lobby", "from within")

        listener = Asks()
        node = Node("n1", self.order, self.clock, listener=listener)
        self.nodes.append(node)
        self.settle()
        node.arrive(1, "ann")
        node.arrive(2, "bob")
        self.settle()
        shown = [getattr(event, "text", event.name) for event in listener.in_rooms]
        self.assertEqual(shown, ["ann", "bob", "from within"])

    def test_all_nodes_hear_of_it_and_the_others_answer_nobody(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        ann = first.arrive()
        first.journal.say(ann, "lobby", "hello")
        self.settle()
        self.assertEqual(first.listener.in_rooms, second.listener.in_rooms)
        self.assertEqual(self.said(second), ["hello"])

    def test_a_follower_that_fails_hears_of_what_comes_next(self) -> None:
        class Fails(Listener):
            def happened(self, event, author, deaf) -> None:
                super().happened(event, author, deaf)
                if isinstance(event, Entered):
                    raise ZeroDivisionError

        listener = Fails()
        node = Node("n1", self.order, self.clock, listener=listener)
        self.nodes.append(node)
        ann = node.arrive()
        node.journal.say(ann, "lobby", "hello")
        self.settle()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(listener.in_rooms), 2)

    def test_a_request_that_fails_is_answered_and_logged(self) -> None:
        node = self.node()
        wrong = Arrive(named("ann"), "no address", "", "line")
        answered = node.journal.ask("n1.1", wrong)
        self.settle()
        self.failureResultOf(answered, ValueError)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class OrderTests(LedgerCase):
    """What a member asks is applied in the order in which it asked."""

    def test_lines_are_sent_on_without_waiting_for_each_other(self) -> None:
        node = self.node()
        ann = node.arrive()
        for text in ("one", "two", "three"):
            self.assertIsNone(node.journal.say(ann, "lobby", text))
        self.settle()
        self.assertEqual(self.said(node), ["one", "two", "three"])

    def test_what_was_said_is_heard_before_the_left(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.say(ann, "lobby", "bye")
        node.journal.ask(ann, Leave())
        self.settle()
        self.assertEqual([type(event) for event in node.listener.in_rooms], [Entered, Said, Left])

    def test_a_line_behind_its_authors_left_is_dropped_without_a_word(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.ask(ann, Leave())
        node.journal.say(ann, "lobby", "from the grave")
        self.settle()
        self.assertEqual([type(event) for event in node.listener.in_rooms], [Entered, Left])
        self.assertEqual(node.listener.to_one, [])

    def test_who_leaves_while_it_enters_is_told_of_twice(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.ask(ann, Leave())
        self.settle()
        self.assertEqual([type(event) for event in node.listener.in_rooms], [Entered, Left])

    def test_nobody_waits_where_nothing_is_under_way(self) -> None:
        node = self.node()
        ann = node.arrive()
        self.settle()
        self.assertIsNone(node.journal.settled(ann))

    def test_a_barrier_opens_when_all_that_was_asked_is_applied(self) -> None:
        node = self.node()
        ann = node.arrive()
        self.settle()
        node.journal.say(ann, "lobby", "one")
        node.journal.say(ann, "lobby", "two")
        settled = node.journal.settled(ann)
        node.journal.say(ann, "lobby", "three")
        heard: list[list[str]] = []
        settled.addCallback(lambda _: heard.append(self.said(node)))
        self.assertEqual(heard, [])
        self.settle()
        self.assertEqual(heard, [["one", "two"]])
        self.assertIsNone(node.journal.settled(ann))

    def test_nobody_waits_for_what_others_asked(self) -> None:
        node = self.node()
        ann, bob = node.arrive(1, "ann"), node.arrive(2, "bob")
        self.settle()
        node.journal.say(ann, "lobby", "one")
        self.assertIsNone(node.journal.settled(bob))

    def test_who_gives_up_waiting_goes_on(self) -> None:
        node = self.node()
        ann = node.arrive()
        settled = node.journal.settled(ann)
        settled.cancel()
        self.assertIsNone(self.successResultOf(settled))
        self.settle()
        self.assertEqual(len(node.listener.in_rooms), 1)

    def test_who_has_much_under_way_waits_until_it_is_less(self) -> None:
        node = self.node()
        ann, bob = node.arrive(1, "ann"), node.arrive(2, "bob")
        self.settle()
        self.assertIsNone(node.journal.say(ann, "lobby", HALF))
        eased = node.journal.say(ann, "lobby", HALF)
        self.assertNoResult(eased)
        self.assertIsNone(node.journal.say(bob, "lobby", "somebody else does not wait"))
        self.settle()
        self.assertIsNone(self.successResultOf(eased))
        self.assertIsNone(node.journal.say(ann, "lobby", "more"))

    def test_who_waits_for_less_under_way_goes_on_when_it_gives_up(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.say(ann, "lobby", HALF)
        eased = node.journal.say(ann, "lobby", HALF)
        eased.cancel()
        self.assertIsNone(self.successResultOf(eased))
        self.settle()
        self.assertEqual(self.said(node), [HALF, HALF])


class OnceTests(LedgerCase):
    """However often an entry stands in the ledger, it is applied once."""

    def entries(self, node: str, session: int, *texts: str, first: int = 1) -> list[bytes]:
        return [
            write_entry(Entry(node, session, number, f"{node}.1", 1e9, Say("lobby", text)))
            for number, text in enumerate(texts, first)
        ]

    def entered(self, node: Node) -> None:
        """Let somebody of another node be here, who has asked for one thing."""
        arrive = Arrive(named("zoe"), "", "local", "line", (named("lobby"),))
        self.order.put([write_entry(Entry("n2", 1, 1, "n2.1", 1e9, arrive))])

    def test_a_repeated_entry_is_applied_once(self) -> None:
        node = self.node()
        self.entered(node)
        one, two = self.entries("n2", 1, "one", "two", first=2)
        self.order.put([one, one, two, one, two])
        self.settle()
        self.assertEqual(self.said(node), ["one", "two"])

    def test_what_follows_a_gap_waits_until_it_comes_again(self) -> None:
        node = self.node()
        self.entered(node)
        one, two, three = self.entries("n2", 1, "one", "two", "three", first=2)
        self.order.put([one, three, two, three])
        self.settle()
        self.assertEqual(self.said(node), ["one", "two", "three"])

    def test_nothing_of_a_former_session_is_applied(self) -> None:
        node = self.node()
        self.entered(node)
        late, later = self.entries("n2", 1, "late", "later", first=2)
        opening = write_entry(Entry("n2", 2, 1, "n2", 1e9, Tick()))
        self.order.put([opening, late, *self.entries("n2", 2, "new", first=2), later])
        self.settle()
        self.assertEqual(self.said(node), ["new"])

    def test_a_session_begins_with_its_first_entry(self) -> None:
        node = self.node()
        self.entered(node)
        self.order.put(self.entries("n2", 2, "too early", first=2))
        self.settle()
        self.assertEqual(self.said(node), [])

    def test_an_entry_that_nobody_can_read_ends_the_reading(self) -> None:
        node = self.node()
        with self.assertRaises(ValueError):
            node.journal.read([b'["n2",1,1,"n2.1",1.0,"Dance",{}]'])


class BeginningTests(LedgerCase):
    """Where a journal begins, and where it begins again."""

    def test_ids_get_an_era_before_anything_else_is_applied(self) -> None:
        node = Node("n1", self.order, self.clock)
        self.nodes.append(node)
        node.arrive()  # The ledger has not answered yet.
        self.settle()
        self.assertEqual(kinds(self.order), [Begin, Arrive])
        [entered] = node.listener.in_rooms
        self.assertTrue(entered.id)

    def test_what_is_asked_while_the_session_is_opened_is_applied(self) -> None:
        ledger = HeldLedger()
        journal = LedgerJournal(ledger, State(NoStore()), self.clock.seconds, node="n1")
        journal.follow(Listener())
        journal.begin(b"")
        arrived = journal.ask("n1.1", Arrive(named("ann"), "", "local", "line"))
        journal.read(ledger.appended[:1])
        self.assertNoResult(arrived)
        journal.read(ledger.appended[1:])
        self.assertEqual(self.successResultOf(arrived), "ann")

    def test_a_node_that_comes_later_knows_what_the_others_know(self) -> None:
        first = self.node("n1")
        first.arrive()
        self.settle()
        second = self.node("n2")
        self.assertEqual(second.journal.view.who(None), first.journal.view.who(None))
        self.assertEqual(second.journal.dump(), first.journal.dump())

    def test_a_node_that_comes_later_may_begin_with_a_snapshot(self) -> None:
        first = self.node("n1")
        ann = first.arrive()
        self.settle()
        self.order.shorten(first.ledger)
        first.journal.say(ann, "lobby", "after the snapshot")
        self.settle()
        second = self.node("n2")
        self.assertEqual(self.said(second), ["after the snapshot"])
        self.assertEqual(second.journal.dump(), first.journal.dump())
        self.assertNotIn(Begin, kinds(self.order))

    def test_what_is_under_way_survives_the_loss_of_what_was_read(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        ann, bob = first.arrive(1, "ann"), second.arrive(1, "bob")
        self.settle()
        self.order.shorten(second.ledger)
        first.journal.say(ann, "lobby", "lost by the ledger, known by both")
        self.settle()
        first.journal.say(ann, "lobby", "under way")
        moved = second.journal.ask(bob, Move(named("dev")))
        self.order.lose(best=second.ledger)
        self.settle()
        self.assertEqual(self.successResultOf(moved), "dev")
        self.assertEqual(self.said(second).count("under way"), 1)
        self.assertEqual(first.journal.dump(), second.journal.dump())

    def test_ids_are_of_another_era_after_a_loss(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.say(ann, "lobby", "before")
        self.settle()
        self.order.lose(best=node.ledger)
        node.journal.say(ann, "lobby", "after")
        self.settle()
        _, before, after = node.listener.in_rooms
        self.assertNotEqual(before.era, after.era)

    def test_who_asked_what_only_another_node_has_read_reads_that_nobody_knows(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        ann = first.arrive()
        self.settle()
        renamed = first.journal.ask(ann, Rename(named("anna")))
        self.order.ledgers.remove(first.ledger)  # It reads later.
        self.settle()
        self.order.ledgers.append(first.ledger)
        self.order.lose(best=second.ledger)
        self.settle()
        self.assertIs(self.failureResultOf(renamed, Refusal).value.kind, Kind.UNAVAILABLE)
        self.assertEqual(first.journal.view.find(named("anna")).author, ann)


class EndingTests(LedgerCase):
    """Nodes that stop, that are gone, and that are taken for gone."""

    def test_all_members_of_a_node_that_stops_are_gone_for_the_others(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        first.arrive(1, "ann")
        first.arrive(2, "bob")
        second.arrive(1, "zoe")
        self.settle()
        stopped = first.journal.ask("n1", Dismiss("n1"))
        self.settle()
        self.successResultOf(stopped)
        left = [event.name for event in second.listener.in_rooms if isinstance(event, Left)]
        self.assertEqual(left, ["ann", "bob"])
        self.assertEqual([seen.name for seen in second.journal.view.who(None)], ["zoe"])

    def test_what_a_node_had_asked_before_it_was_dismissed_comes_too_late(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        first.arrive(1, "ann")
        self.settle()
        late = Arrive(named("ghost"), "", "local", "line", (named("lobby"),))
        second.journal.dismiss("n1")
        self.settle()
        session, number = 1, 99
        self.order.put([write_entry(Entry("n1", session, number, "n1.9", 1e9, late))])
        self.settle()
        self.assertEqual(second.journal.view.who(None), [])

    def test_a_node_that_was_taken_for_gone_goes_on_with_new_members(self) -> None:
        first, second = self.node("n1"), self.node("n2")
        first.arrive(1, "ann")
        self.settle()
        second.journal.dismiss("n1")
        first.arrive(2, "bob")
        self.settle()
        self.assertEqual([seen.name for seen in second.journal.view.who(None)], ["bob"])
        self.assertEqual(first.journal.dump(), second.journal.dump())

    def test_only_so_many_nodes_that_are_gone_are_kept_in_mind(self) -> None:
        node = self.node()
        sizes = set()
        for number in range(3 * NODES_GONE):
            node.journal.dismiss(f"m{number}")
            if number >= 2 * NODES_GONE:
                self.settle()
                sizes.add(len(node.journal.dump()) // 100)
        self.assertEqual(len(sizes), 1)

    def test_a_journal_that_was_stopped_orders_nothing_of_itself(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.ask(ann, Move(named("dev")))
        node.journal.say(ann, "dev", "is kept for a day")
        node.journal.ask(ann, Move(named("lobby")))
        self.settle()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        node.journal.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TickTests(LedgerCase):
    """What runs out by time does so in an ordered request."""

    def test_a_room_that_stood_empty_for_a_day_is_forgotten(self) -> None:
        node = self.node()
        ann = node.arrive()
        node.journal.ask(ann, Move(named("dev")))
        node.journal.say(ann, "dev", "is kept for a day")
        node.journal.ask(ann, Move(named("lobby")))
        self.settle()
        self.clock.advance(EMPTY_ROOM - 1)
        self.settle()
        self.assertNotIn(Tick, kinds(self.order))
        self.clock.advance(2)
        self.settle()
        self.assertIs(kinds(self.order)[-1], Tick)
        with self.assertRaises(Refusal):
            node.journal.view.room(named("dev"))


class SharedTests(SynchronousTestCase):
    """A ledger without delays."""

    def test_an_answer_is_there_at_once(self) -> None:
        node = Node("n1", Order())
        ann = node.arrive()
        self.assertIsNone(self.successResultOf(node.journal.ask(ann, Rename(named("anna")))))
        self.assertIsNone(node.journal.settled(ann))

    def test_a_ledger_rests_when_all_is_read(self) -> None:
        clock = Clock()
        ledger = LoopbackLedger(clock)
        self.assertTrue(ledger.rests)
        ledger.append(b"entry")
        self.assertFalse(ledger.rests)
