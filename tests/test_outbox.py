"""A member's way out: ordered, bounded, and gone in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.doubles import TCPTransport
from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import BACKLOG, GOODBYE
from twisted_chat.outbox import Outbox


class FullTransport(TCPTransport):
    """Holds enough after each write, as a real transport may."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()


class OutboxTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.set_up(TCPTransport())

    def set_up(self, transport: TCPTransport) -> None:
        self.clock = Clock()
        self.transport = transport
        self.slow = 0
        self.outbox = Outbox(transport, self.clock, self.too_slow)

    def too_slow(self) -> None:
        self.slow += 1

    def test_it_is_an_outbox_and_a_producer(self) -> None:
        verifyObject(IOutbox, self.outbox)
        verifyObject(IPushProducer, self.outbox)
        self.assertTrue(self.transport.streaming)

    @given(st.lists(st.sampled_from(["write", "pause", "resume"])))
    def test_what_is_written_comes_out_in_order_however_the_transport_halts_it(self, steps) -> None:
        self.setUp()
        written = b""
        for number, step in enumerate(steps):
            if step == "write":
                data = b"%d," % number
                written += data
                self.outbox.write(data)
            elif step == "pause":
                self.outbox.pauseProducing()
            else:
                self.outbox.resumeProducing()
                self.assertEqual(self.transport.value(), written)
        self.assertTrue(written.startswith(self.transport.value()))
        self.outbox.close()
        self.assertEqual(self.transport.value(), written)

    def test_a_resumed_transport_gets_no_more_than_it_wants(self) -> None:
        self.set_up(FullTransport())
        for data in (b"a", b"b", b"c"):
            self.outbox.write(data)
        self.assertEqual(self.transport.value(), b"a")
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"ab")

    def test_past_its_bound_a_member_gets_one_more_chance_and_is_then_too_slow(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * BACKLOG)
        self.clock.advance(0)
        self.assertEqual((self.slow, self.clock.getDelayedCalls()), (0, []))
        self.outbox.write(b"x")
        self.outbox.write(b"x")
        self.assertEqual(self.slow, 0)
        self.clock.advance(0)
        self.assertEqual(self.slow, 1)

    def test_who_takes_bytes_in_time_is_not_too_slow(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.outbox.resumeProducing()
        self.clock.advance(0)
        self.assertEqual(self.slow, 0)

    def test_closing_sends_what_waits_then_ends_the_connection_in_any_case(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.outbox.close()
        self.outbox.close()
        self.outbox.write(b"ghost")
        self.assertEqual(len(self.transport.value()), BACKLOG + 1)
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.disconnecting)
        self.clock.advance(GOODBYE)
        self.assertTrue(self.transport.disconnected)
        self.assertEqual((self.slow, self.clock.getDelayedCalls()), (0, []))

    def test_a_lost_connection_leaves_nothing_behind(self) -> None:
        self.outbox.pauseProducing()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.outbox.stopProducing()
        self.outbox.connection_lost()
        self.outbox.write(b"ghost")
        self.outbox.close()
        self.outbox.connection_lost()
        self.assertEqual(self.transport.value(), b"")
        self.assertEqual(self.clock.getDelayedCalls(), [])
