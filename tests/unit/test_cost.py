"""What a delivery costs, counted and not timed: sends, renderings, objects."""

from __future__ import annotations

from collections import deque

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable, Door, Kernel, SocketTransport
from twisted_chat.dialects import LineDialect
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.events import Event
from twisted_chat.members import Member

MEMBERS = 50


class CountingDialect(LineDialect):
    """Counts what it renders."""

    rendered = 0

    def render(self, event: Event, room: str) -> bytes:
        self.rendered += 1
        return super().render(event, room)

    def render_to(self, event: Event, reader: Member) -> bytes:
        self.rendered += 1
        return super().render_to(event, reader)


class CostTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.door = Door()
        self.dialect = self.door.factory.dialect = self.door.factory.chat.delivery._dialect = (
            CountingDialect()
        )
        self.members = [self.join(number) for number in range(MEMBERS)]
        for member in self.members:
            member.dataReceived(b"hello\n")
        self.door.turn()
        self.dialect.rendered = 0

    def join(self, number: int) -> ChatProtocol:
        kernel = Kernel()
        kernel.room = 1 << 30
        self.addCleanup(kernel.close)
        peer = IPv4Address("TCP", "127.0.0.1", number)
        return self.door.connect(peer, SocketTransport(kernel, peer))

    def sends(self) -> list[int]:
        """How often something was sent to each member since it was last asked."""
        kernels = [member.transport.handle for member in self.members]
        calls = [kernel.calls for kernel in kernels]
        for kernel in kernels:
            kernel.calls = 0
        return calls

    def test_a_line_is_rendered_once_and_sent_once_to_each_other_member(self) -> None:
        self.sends()
        self.members[0].dataReceived(b"one\n")
        self.door.turn()
        self.assertEqual((self.dialect.rendered, self.sends()), (1, [0] + [1] * (MEMBERS - 1)))

    def test_the_lines_of_a_packet_are_one_event(self) -> None:
        self.sends()
        self.members[0].dataReceived(b"line\n" * 32)
        self.door.turn()
        self.assertEqual((self.dialect.rendered, self.sends()), (1, [0] + [1] * (MEMBERS - 1)))

    def test_all_that_all_say_in_a_turn_is_rendered_once_and_sent_once_to_each(self) -> None:
        self.sends()
        for member in self.members:
            member.dataReceived(b"all at once\n")
        self.door.turn()
        self.assertEqual((self.dialect.rendered, self.sends()), (MEMBERS, [1] * MEMBERS))

    def test_all_who_enter_in_a_turn_are_one_send_to_each(self) -> None:
        self.sends()
        self.door.turn = lambda: None
        for number in range(100, 120):
            self.join(number)
        del self.door.turn
        self.door.turn()
        # Each newcomer's greeting is its own.
        self.assertEqual((self.dialect.rendered, self.sends()), (40, [1] * MEMBERS))

    def test_who_nothing_singles_out_gets_the_same_object_as_all_others(self) -> None:
        written: list[bytes] = []
        for member in self.members:
            member.transport.handle.send = None
            member._outbox._send = lambda data: written.append(data) or len(data)
        self.members[0].dataReceived(b"one\n")
        self.door.turn()
        self.assertEqual((len(written), len({id(data) for data in written})), (MEMBERS - 1, 1))

    def test_nor_does_an_author_that_hears_itself_get_an_object_of_its_own(self) -> None:
        written: list[bytes] = []
        self.patch(Member, "refs", deque())
        for member in self.members:
            member._outbox._send = lambda data: written.append(data) or len(data)
        for member in self.members[:2]:
            member.dataReceived(b"one\n")
        self.door.turn()
        self.assertEqual((len(written), len({id(data) for data in written})), (MEMBERS, 1))
        self.assertEqual(written[0].count(b"one\n"), 2)

    def test_a_busy_room_needs_one_timer_for_all_who_wait(self) -> None:
        self.door.clock.addWriter = self.door.clock.removeWriter = lambda writer: None
        for member in self.members:
            member.transport.handle.room = 0
        self.members[0].dataReceived(b"one\n")
        self.door.turn()
        self.assertEqual(len(self.door.clock.getDelayedCalls()), 1)
        for member in self.members:
            member._outbox.connection_lost()
        self.door.turn()

    def test_who_ignores_somebody_in_another_room_costs_that_one_nothing(self) -> None:
        table = ChatOnTheTable()
        bob, *others = (table.enter(f"bob{number}") for number in range(20))
        for member in others:
            table.ask(member, f"/ignore {bob.name}", "/join elsewhere")
        table.turns.run()
        table.chat.say(bob, "hello")
        self.assertEqual(table.chat.delivery._turn._copies, {})

    def test_the_members_of_a_room_cost_nothing_while_nothing_happens(self) -> None:
        self.assertEqual(self.door.clock.getDelayedCalls(), [])
