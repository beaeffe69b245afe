"""What the parts of a daemon count, and where it is gathered."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, BOB, Door, Kernel, SocketTransport, TCPTransport
from tests.support.hall import Hall
from twisted_chat.counting import Counting
from twisted_chat.events import Reason
from twisted_chat.refusal import Kind


class CountingTests(SynchronousTestCase):
    def test_what_each_part_hands_out_is_gathered_when_it_is_asked_for(self) -> None:
        counting = Counting()
        numbers = {"packets": 0}
        counting.add("web", lambda: numbers)
        counting.add("control", lambda: {"packets": 7})
        before = counting.counts()
        numbers["packets"] = 3
        self.assertEqual(before, {"web": {"packets": 0}, "control": {"packets": 7}})
        self.assertEqual(list(counting.counts()), ["web", "control"])
        self.assertEqual(counting.counts()["web"], {"packets": 3})


class DoorTests(SynchronousTestCase):
    """What a door counts, and the chat behind it."""

    def setUp(self) -> None:
        self.door = Door(max_users=2)

    def counts(self, part: str) -> dict[str, int]:
        """What `part` has counted, where that is not nothing."""
        self.door.turn()
        numbers = self.door.factory.chat.counting.counts()[part]
        return {what: number for what, number in numbers.items() if number}

    def test_a_door_counts_who_came_who_is_there_who_was_refused_and_what_came(self) -> None:
        ann = self.door.connect(ANN)
        self.door.connect(ANN).connectionLost(Failure(ConnectionDone()))
        bob = self.door.connect(BOB)
        for _ in range(3):
            refused = self.door.factory.buildProtocol(BOB)
            refused.makeConnection(TCPTransport(peerAddress=BOB))
        ann.dataReceived(b"one\n")
        bob.dataReceived(b"two")
        bob.dataReceived(b"\nthree\n")
        self.door.turn()
        sent = len(ann.transport.value()) + len(bob.transport.value())
        numbers = self.door.factory.counts()
        self.assertGreater(numbers["bytes_out"], sent)
        self.assertEqual(
            {**numbers, "bytes_out": 0},
            {
                **{"accepted": 3, "connections": 2, "refused": 3},
                **{"packets": 3, "bytes_in": 14, "bytes_out": 0},
            },
        )

    def test_what_goes_out_is_counted_when_it_is_out(self) -> None:
        kernel = Kernel()
        self.addCleanup(kernel.close)
        self.door.clock.addWriter = self.door.clock.removeWriter = lambda writer: None
        kernel.room = 20
        ann = self.door.connect(ANN, SocketTransport(kernel, ANN))
        self.assertEqual(self.door.factory.counts()["bytes_out"], 20)
        kernel.room = 1000
        ann._outbox.doWrite()
        self.assertEqual(self.door.factory.counts()["bytes_out"], len(kernel.taken))

    def test_lines_are_counted_and_not_packets_or_what_nobody_hears(self) -> None:
        ann, bob = self.door.connect(ANN), self.door.connect(BOB)
        ann.dataReceived(b"one\n")
        ann.dataReceived(b"two\nthree\n/me is no line\n")
        self.door.factory.chat.leave(bob._member)
        bob.dataReceived(b"too late\n")
        self.assertEqual(self.counts("lines"), {"said": 3})

    def test_refusals_are_counted_by_their_kind_whoever_refuses(self) -> None:
        ann, bob = self.door.connect(ANN), self.door.connect(BOB)
        ann.dataReceived(b"/dance\n/msg eve hello\n" + b"x" * 101 + b"\n")
        bob.dataReceived(b"/msg eve hello\n/dance\n/dance\n")
        self.assertEqual(
            self.counts("refusals"),
            {Kind.NO_COMMAND.value: 3, Kind.NO_MEMBER.value: 2, Kind.TOO_LONG.value: 1},
        )

    def test_members_that_are_put_out_are_counted_by_the_reason(self) -> None:
        ann, bob = self.door.connect(ANN), self.door.connect(BOB)
        ann.dataReceived(b"GET / HTTP/1.1\n")
        self.door.entrance.put_out_as_slow(bob._member, 5)
        self.assertEqual(
            self.counts("put out"),
            {Reason.NOT_A_CHAT_CLIENT.value: 1, Reason.TOO_SLOW.value: 1},
        )


class StatusTests(SynchronousTestCase):
    def test_chatctl_shows_what_is_counted(self) -> None:
        hall = Hall(self)
        bob = hall.come("10.0.0.2", "bob")
        hall.table.ask(bob, "hello", "/dance")
        hall.control("kick", "bob rude")
        status, *lines = hall.control("status")
        self.assertTrue(status.endswith("0 user in 0 rooms"), status)
        self.assertEqual(
            lines, ["lines: said 1", "refusals: no such command 1", "put out: kicked 1"]
        )
