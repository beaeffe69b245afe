"""A member's way out: ordered, bounded, and gone in time, over a socket and over any transport."""

from __future__ import annotations

import errno
import os
from itertools import product

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer, IWriteDescriptor
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.doubles import Kernel, SocketTransport, TCPTransport
from tests.support.properties import given, st
from twisted_chat.doors import outbox as outbox_module
from twisted_chat.doors.outbox import Patience, TransportOutbox, outbox_for
from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import BACKLOG, GATHER, GOODBYE, SCATTERED, STALL, STALL_LOOK, Limits


class Reactor(Clock):
    """A clock that is asked for room in sockets, and gives it when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: list[object] = []

    def addWriter(self, writer: object) -> None:
        os.fstat(writer.fileno())
        self.writers.append(writer)

    def removeWriter(self, writer: object) -> None:
        os.fstat(writer.fileno())
        self.writers.remove(writer)


class FullTransport(TCPTransport):
    """Holds enough after each write, as a real transport may."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()


STEPS = st.lists(st.sampled_from(["write", "pieces", "block", "unblock"]))


class WayOut:
    """What all outboxes promise; `block` and `unblock` make the connection take nothing, or all."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.kernel = Kernel()
        self.addCleanup(self.kernel.close)
        self.transport = SocketTransport(self.kernel)
        self.slow: list[int] = []
        self.outbox = outbox_for(self.transport, Patience(self.reactor, Limits()), self.too_slow)
        self.unblock()

    def too_slow(self, waiting: int) -> None:
        self.slow.append(waiting)

    def block(self) -> None:
        self.kernel.room = 0

    def unblock(self, room: int = 1 << 30) -> None:
        self.kernel.room = room
        for writer in list(self.reactor.writers):
            writer.doWrite()

    def sent(self) -> bytes:
        return self.kernel.taken

    def assert_nothing_is_left(self) -> None:
        self.reactor.advance(0)
        self.assertEqual((self.reactor.getDelayedCalls(), self.reactor.writers), ([], []))

    def test_it_is_an_outbox(self) -> None:
        verifyObject(IOutbox, self.outbox)

    def check_order(self, steps: list[str]) -> None:
        """What is written comes out once and in order, however it is halted."""
        self.setUp()
        written = b""
        for number, step in enumerate(steps):
            if step == "write":
                data = b"%d," % number
                written += data
                self.outbox.write(data)
            elif step == "pieces":
                pieces = [b"%d;" % number, memoryview(b"x" * SCATTERED), b"."]
                written += b"".join(pieces)
                self.outbox.write_pieces(pieces)
            elif step == "block":
                self.block()
            else:
                self.unblock()
                self.assertEqual(self.sent(), written)
        self.assertTrue(written.startswith(self.sent()))
        self.outbox.close()
        self.unblock()
        self.assertEqual(self.sent(), written)
        self.assertEqual(self.outbox._patience.sent, len(written))
        self.assertTrue(self.transport.disconnecting)

    def test_past_its_bound_a_member_gets_one_more_chance_and_is_then_too_slow(self) -> None:
        self.block()
        self.outbox.write(b"x" * BACKLOG)
        self.reactor.advance(0)
        self.assertEqual(self.slow, [])
        self.outbox.write(b"x")
        self.outbox.write(b"x")
        self.assertEqual(self.slow, [])
        self.reactor.advance(0)
        self.assertEqual(self.slow, [BACKLOG + 2])

    def test_who_takes_bytes_in_time_is_not_too_slow(self) -> None:
        self.block()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.unblock()
        self.reactor.advance(0)
        self.assertEqual(self.slow, [])
        self.assert_nothing_is_left()

    def test_who_lets_the_oldest_byte_wait_for_too_long_is_too_slow(self) -> None:
        self.block()
        self.outbox.write(b"old")
        self.reactor.pump([STALL_LOOK] * (STALL - 1))
        self.outbox.write(b"new")
        self.assertEqual(self.slow, [])
        self.reactor.pump([STALL_LOOK])
        self.assertEqual(self.slow, [6])

    def test_the_time_in_which_the_daemon_itself_stood_still_does_not_count(self) -> None:
        self.block()
        self.outbox.write(b"x")
        self.reactor.pump([STALL_LOOK] * (STALL - 2))
        self.reactor.advance(1000 * STALL)
        self.assertEqual(self.slow, [])
        self.reactor.advance(STALL_LOOK)
        self.assertEqual(self.slow, [1])

    def test_who_begins_to_wait_while_another_is_given_up_is_looked_after_once(self) -> None:
        patience = self.outbox._patience
        other = outbox_for(SocketTransport(self.kernel), patience, self.too_slow)
        self.outbox._too_slow = lambda waiting: (self.outbox.connection_lost(), other.write(b"y"))
        self.kernel.room = 0
        self.block()
        self.outbox.write(b"x")
        if isinstance(other, TransportOutbox):
            other.pauseProducing()
        self.reactor.pump([STALL_LOOK] * STALL)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        other.connection_lost()
        self.assert_nothing_is_left()

    def test_who_takes_the_oldest_byte_again_and_again_is_not(self) -> None:
        for _ in range(10):
            self.block()
            self.outbox.write(b"x")
            self.reactor.pump([STALL_LOOK] * (STALL - 1))
            self.unblock()
        self.assertEqual(self.slow, [])
        self.assert_nothing_is_left()

    def test_closing_sends_what_waits_then_ends_the_connection_in_any_case(self) -> None:
        self.block()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.outbox.close()
        self.outbox.close()
        self.outbox.write(b"ghost")
        self.unblock()
        self.assertEqual(self.sent(), b"x" * (BACKLOG + 1))
        self.assertTrue(self.transport.disconnecting)
        self.reactor.advance(GOODBYE)
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.slow, [])
        self.outbox.connection_lost()
        self.assert_nothing_is_left()

    def test_a_lost_connection_leaves_nothing_behind(self) -> None:
        self.block()
        self.outbox.write(b"x" * (BACKLOG + 1))
        self.outbox.connection_lost()
        self.outbox.write(b"ghost")
        self.outbox.close()
        self.outbox.connection_lost()
        self.assertEqual(self.sent(), b"")
        self.assert_nothing_is_left()


class TransportOutboxTests(WayOut, SynchronousTestCase):
    """Over TLS, and whatever else is more than a socket."""

    def setUp(self) -> None:
        super().setUp()
        self.set_up(TCPTransport())

    def set_up(self, transport: TCPTransport) -> None:
        self.transport = transport
        self.outbox = outbox_for(transport, Patience(self.reactor, Limits()), self.too_slow)

    def block(self) -> None:
        self.outbox.pauseProducing()

    def unblock(self, room: int = 1 << 30) -> None:
        if isinstance(self.outbox, TransportOutbox):
            self.outbox.resumeProducing()

    def sent(self) -> bytes:
        return self.transport.value()

    @given(STEPS)
    def test_what_is_written_comes_out_once_and_in_order(self, steps) -> None:
        self.check_order(steps)

    def test_it_is_the_producer_of_its_transport(self) -> None:
        verifyObject(IPushProducer, self.outbox)
        self.assertTrue(self.transport.streaming)

    def test_a_handle_that_is_no_socket_is_not_sent_to(self) -> None:
        tls = SocketTransport(object())
        self.assertIsInstance(
            outbox_for(tls, Patience(self.reactor, Limits()), self.too_slow), type(self.outbox)
        )

    def test_a_resumed_transport_gets_no_more_than_it_wants(self) -> None:
        self.set_up(FullTransport())
        for data in (b"a", b"b", b"c"):
            self.outbox.write(data)
        self.assertEqual(self.sent(), b"a")
        self.outbox.resumeProducing()
        self.assertEqual(self.sent(), b"ab")

    def test_closing_lets_go_of_the_transport(self) -> None:
        self.block()
        self.outbox.write(b"x")
        self.outbox.close()
        self.assertIsNone(self.transport.producer)
        self.assertEqual(self.sent(), b"x")

    def test_a_transport_that_is_about_to_be_lost_gets_no_more(self) -> None:
        self.outbox.stopProducing()
        self.outbox.write(b"ghost")
        self.assertEqual(self.sent(), b"")


class SocketOutboxTests(WayOut, SynchronousTestCase):
    """On the socket itself."""

    @given(STEPS)
    def test_what_is_written_comes_out_once_and_in_order(self, steps) -> None:
        self.check_order(steps)

    def test_the_reactor_can_wait_for_it(self) -> None:
        self.block()
        self.outbox.write(b"x")
        verifyObject(IWriteDescriptor, self.outbox)
        self.assertNotIn(self.outbox.fileno(), (-1, self.kernel.fileno()))
        self.assertTrue(self.outbox.logPrefix())

    def test_one_write_is_one_send(self) -> None:
        for _ in range(5):
            self.outbox.write(b"line\n")
        self.assertEqual(self.kernel.calls, 5)

    def test_large_pieces_leave_in_one_send_and_are_not_joined_before(self) -> None:
        given = []
        sendmsg = self.kernel.sendmsg
        self.kernel.sendmsg = lambda pieces: given.append(pieces) or sendmsg(pieces)
        pieces = [memoryview(b"x" * SCATTERED), b"y"]
        self.outbox.write_pieces(pieces)
        self.outbox.write_pieces([b"small", b"er"])
        self.outbox.write_pieces([b"z" * SCATTERED] * (GATHER + 1))
        self.assertIs(given[0], pieces)
        self.assertEqual([len(each) for each in given], [2, 1, 1])

    def test_whatever_part_of_large_pieces_the_kernel_takes_the_rest_follows(self) -> None:
        whole = b"x" * SCATTERED + b"yz"
        for room in (0, 1, SCATTERED, SCATTERED + 1, SCATTERED + 2):
            with self.subTest(room=room):
                self.setUp()
                self.unblock(room)
                self.outbox.write_pieces([b"x" * SCATTERED, b"y", b"z"])
                self.assertEqual(self.kernel.taken, whole[:room])
                self.outbox.write(b"!")
                self.unblock()
                self.assertEqual(self.kernel.taken, whole + b"!")
                self.assert_nothing_is_left()

    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=50))
    def test_whatever_part_the_kernel_takes_nothing_is_lost_or_said_twice(self, steps) -> None:
        self.setUp()
        written = b""
        for number, (size, room) in enumerate(steps):
            data = b"%d" % (number % 10) * size
            written += data
            self.unblock(room)
            if data:
                self.outbox.write(data)
            self.assertTrue(written.startswith(self.kernel.taken))
            self.assertEqual(self.outbox._size, len(written) - len(self.kernel.taken))
        self.unblock()
        self.assertEqual(self.kernel.taken, written)
        self.assert_nothing_is_left()

    def test_many_small_pieces_leave_in_few_calls(self) -> None:
        self.block()
        for _ in range(4 * GATHER):
            self.outbox.write(b"line\n")
        calls = self.kernel.calls
        while self.reactor.writers:
            self.unblock()
        self.assertEqual(self.kernel.calls - calls, 4)
        self.assertEqual(self.kernel.taken, b"line\n" * 4 * GATHER)

    def test_no_memory_in_the_kernel_is_not_the_end(self) -> None:
        self.kernel.room = OSError(errno.ENOBUFS, "no buffers")
        self.outbox.write(b"one,")
        self.outbox.write(b"two")
        self.reactor.writers[0].doWrite()
        self.unblock()
        self.assertEqual(self.kernel.taken, b"one,two")

    def test_without_a_free_descriptor_it_is_tried_again_after_a_while(self) -> None:
        def no_descriptor(fd: int) -> int:
            raise OSError(errno.EMFILE, "too many open files")

        self.patch(outbox_module.os, "dup", no_descriptor)
        self.block()
        self.outbox.write(b"x")
        self.reactor.advance(1)
        self.kernel.room = 10
        self.reactor.advance(1)
        self.assertEqual((self.kernel.taken, self.reactor.writers), (b"x", []))
        self.assert_nothing_is_left()

    def test_a_failed_send_closes_the_outbox_alone(self) -> None:
        for number in (errno.EPIPE, errno.ECONNRESET):
            for waiting, data in product((False, True), (b"x", b"x" * SCATTERED)):
                with self.subTest(number=number, waiting=waiting, size=len(data)):
                    self.setUp()
                    if waiting:
                        self.block()
                        self.outbox.write(b"x")
                    self.kernel.room = OSError(number, "gone")
                    self.outbox.write_pieces([data])
                    for writer in list(self.reactor.writers):
                        writer.doWrite()
                    self.outbox.write(b"ghost")
                    self.assertFalse(self.transport.disconnecting or self.transport.disconnected)
                    self.assert_nothing_is_left()
                    self.outbox.close()
                    self.assertTrue(self.transport.disconnecting)

    def test_its_descriptor_is_closed_only_when_no_event_can_be_meant_for_it_any_more(self) -> None:
        self.block()
        self.outbox.write(b"x")
        fd = self.outbox.fileno()
        self.outbox.connection_lost()
        os.fstat(fd)
        self.reactor.advance(0)
        self.assertRaises(OSError, os.fstat, fd)

    def test_what_the_reactor_finds_dead_is_closed_alone_too(self) -> None:
        self.block()
        self.outbox.write(b"x")
        self.outbox.connectionLost(Failure(ConnectionLost()))
        self.assertFalse(self.transport.disconnecting or self.transport.disconnected)
        self.assert_nothing_is_left()

    def test_a_send_that_fails_after_the_end_ends_the_connection(self) -> None:
        self.block()
        self.outbox.write(b"x")
        self.outbox.close()
        self.assertFalse(self.transport.disconnecting)
        self.kernel.room = OSError(errno.ECONNRESET, "gone")
        self.reactor.writers[0].doWrite()
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.reactor.writers, [])
