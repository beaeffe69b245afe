"""The client notices on a clock that what it sends reaches nobody."""

from __future__ import annotations

import socket
from contextlib import suppress
from unittest import TestCase

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from twisted_chat.limits import LINK_LOOK, LINK_WAIT, VANISHED
from twisted_chat.link import Link
from twisted_chat.sockets import Progress, progress, tcp_socket

ON_THE_WAY = (True, False)
WINDOW_CLOSED = (False, True)
ARRIVED = (False, False)


class LinkTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.monotonic = Clock()
        self.progress: Progress | None = Progress(0, *ARRIVED)
        self.told: list[str] = []
        self.link = Link(
            self.clock,
            lambda: self.progress,
            lambda: self.told.append("stuck"),
            lambda: self.told.append("moves"),
            lambda: self.told.append("vanished"),
            self.monotonic.seconds,
        )

    def send(self, state: tuple[bool, bool], acknowledged: int = 0) -> None:
        self.link.sent()
        self.progress = Progress(acknowledged, *state)

    def wait(self, seconds: float) -> None:
        for _ in range(round(2 * seconds / LINK_LOOK)):
            self.monotonic.advance(LINK_LOOK / 2)
            self.clock.advance(LINK_LOOK / 2)

    def test_a_wall_clock_that_is_set_forward_is_no_silence(self) -> None:
        self.send(ON_THE_WAY)
        self.clock.advance(3600)
        self.assertEqual(self.told, [])

    def test_what_arrives_is_not_watched_any_more(self) -> None:
        self.send(ARRIVED)
        self.wait(LINK_LOOK)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.told, [])

    def test_where_nothing_can_be_known_nothing_is_watched(self) -> None:
        self.send(ARRIVED)
        self.progress = None
        self.wait(LINK_LOOK)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.told, [])

    def test_it_is_told_once_that_the_link_is_stuck_and_once_that_it_moves(self) -> None:
        for _ in range(2):
            self.told.clear()
            self.send(ON_THE_WAY)
            self.wait(LINK_WAIT - LINK_LOOK)
            self.assertEqual(self.told, [])
            self.wait(LINK_LOOK)
            self.assertEqual(self.told, ["stuck"])
            self.link.sent()
            self.wait(10)
            self.assertEqual(self.told, ["stuck"])
            self.progress = Progress(10, *ARRIVED)
            self.wait(LINK_LOOK)
            self.assertEqual(self.told, ["stuck", "moves"])
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slow_link_that_takes_some_is_not_stuck(self) -> None:
        self.send(ON_THE_WAY)
        for size in range(100):
            self.wait(LINK_WAIT - LINK_LOOK)
            self.progress = Progress(size + 1, True, True)
        self.assertEqual(self.told, [])

    def test_a_server_that_reads_nothing_is_waited_for_and_then_watched_again(self) -> None:
        self.send(WINDOW_CLOSED)
        self.wait(10 * VANISHED)
        self.assertEqual(self.told, [])
        self.progress = Progress(0, *ON_THE_WAY)
        self.wait(LINK_WAIT + LINK_LOOK)
        self.assertEqual(self.told, ["stuck"])

    def test_a_machine_that_answers_nothing_for_a_minute_has_vanished(self) -> None:
        self.send(ON_THE_WAY)
        self.wait(VANISHED - LINK_LOOK)
        self.assertEqual(self.told, ["stuck"])
        self.wait(LINK_LOOK)
        self.assertEqual(self.told, ["stuck", "vanished"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_is_watched_after_the_end(self) -> None:
        self.send(ON_THE_WAY)
        self.link.close()
        self.link.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Beneath(StringTransport):
    """A transport over a file descriptor."""

    def __init__(self, descriptor: int, address: object) -> None:
        super().__init__(hostAddress=address)
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor


TCP = IPv4Address("TCP", "127.0.0.1", 1)


class ProgressTests(TestCase):
    def test_only_tcp_has_a_progress_and_only_while_it_is_open(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            near = socket.create_connection(listening.getsockname())
        self.assertIsNone(progress(StringTransport()))
        self.assertIsNone(progress(Beneath(near.fileno(), UNIXAddress(None))))
        self.assertIsNone(tcp_socket(Beneath(-1, TCP)))
        descriptor = near.fileno()
        self.assertIsNotNone(progress(Beneath(descriptor, TCP)))
        near.close()
        self.assertIsNone(progress(Beneath(descriptor, TCP)))

    def test_what_a_peer_does_not_read_waits_and_what_it_reads_is_acknowledged(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            near = socket.create_connection(listening.getsockname())
            far, _ = listening.accept()
        with near, far:
            transport = Beneath(near.fileno(), TCP)
            near.setblocking(False)
            size = 0
            with suppress(BlockingIOError):
                while True:
                    size += near.send(b"x" * 65536)
            while (state := progress(transport)) is not None and state.are_on_their_way:
                pass
            assert state is not None
            self.assertTrue(state.are_waiting)
            self.assertLess(state.acknowledged, size)
            while size:
                size -= len(far.recv(65536))
            while (state := progress(transport)) is not None and state != (
                state.acknowledged,
                0,
                0,
            ):
                pass
