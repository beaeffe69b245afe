"""The end of a daemon, of parts that only note what they are told."""

from __future__ import annotations

from types import SimpleNamespace

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.support.doubles import ANN, BOB, Door
from tests.support.loopback import LoopbackLedger, lay_journal, settle
from twisted_chat.daemon.service import ChatService
from twisted_chat.doors.door import IDoor
from twisted_chat.limits import GOODBYE, HEAR_OUT, STOP_WAIT


@implementer(IDoor)
class NotingDoor:
    """A door that is never open."""

    def __init__(self, name: str, noted: list[str], end: Deferred[None] | None = None) -> None:
        self.name = name
        self.heard = 0
        self.end = end or succeed(None)
        self._noted = noted

    def open(self) -> None:
        self._noted.append(f"{self.name} opens")

    def places(self) -> list[str]:
        return [f"{self.name} 1"]

    def close(self) -> Deferred[None]:
        self._noted.append(f"{self.name} closes")
        return succeed(None)

    def drain(self) -> Deferred[None]:
        self._noted.append(f"{self.name} drains")
        return self.end

    def counts(self) -> dict[str, int]:
        return {"packets": self.heard}


class StoppingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.noted: list[str] = []
        self.clock = Clock()

    def door(self, name: str, end: Deferred[None] | None = None) -> NotingDoor:
        door = NotingDoor(name, self.noted, end)
        verifyObject(IDoor, door)
        return door

    def part(self, name: str) -> SimpleNamespace:
        def stop() -> Deferred[None]:
            self.noted.append(f"{name} stops")
            return succeed(None)

        return SimpleNamespace(stop=stop)

    def service(self, *doors: NotingDoor) -> ChatService:
        others = [self.part(name) for name in ("transcript", "store", "passphrases", "traces")]
        return ChatService(self.clock, self.part("chat"), doors, *others)

    def stop(self, *doors: NotingDoor) -> Deferred[None]:
        """Stop a daemon with `doors`."""
        done = self.service(*doors).stopService()
        for _ in range(5):
            self.clock.advance(0)
        return done

    def test_all_doors_close_before_the_chat_ends_and_what_keeps_something_stops_last(self) -> None:
        self.assertIsNone(self.successResultOf(self.stop(self.door("web"), self.door("control"))))
        self.assertEqual(
            self.noted,
            [
                *("web closes", "control closes", "chat stops", "web drains", "control drains"),
                *("passphrases stops", "traces stops", "store stops", "transcript stops"),
            ],
        )

    def test_a_door_that_fails_is_logged_and_all_else_stops_nonetheless(self) -> None:
        def fail_at_once() -> None:
            raise OSError("on purpose")

        late = self.door("control", fail(OSError("on purpose")))
        broken = self.door("irc")
        broken.close = fail_at_once
        self.assertIsNone(self.successResultOf(self.stop(broken, late, self.door("web"))))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)
        self.assertIn("web drains", self.noted)
        self.assertEqual(self.noted[-2:], ["store stops", "transcript stops"])

    def test_the_chat_goes_on_while_anything_comes_in_at_any_door(self) -> None:
        web, control = self.door("web"), self.door("control")
        coming = [web, control, control, web]

        def come_in() -> None:
            coming.pop(0).heard += 1
            self.noted.append("packet")
            if coming:
                self.clock.callLater(0, come_in)

        done = self.service(web, control).stopService()
        self.clock.callLater(0, come_in)
        self.clock.advance(0)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.noted[2:7], ["packet"] * 4 + ["chat stops"])

    def test_who_goes_on_sending_is_not_heard_for_ever(self) -> None:
        web = self.door("web")

        def come_in() -> None:
            web.heard += 1
            if "chat stops" not in self.noted:
                self.clock.rightNow += HEAR_OUT / 100
                self.clock.callLater(0, come_in)

        self.service(web).stopService()
        self.clock.callLater(0, come_in)
        self.clock.advance(0)
        self.assertIn("chat stops", self.noted)
        self.assertAlmostEqual(self.clock.seconds(), HEAR_OUT, delta=HEAR_OUT / 10)

    def test_it_waits_for_the_last_connection_of_each_door(self) -> None:
        ends = [Deferred[None](), Deferred[None]()]
        done = self.stop(*[self.door(f"door {end}", end) for end in ends])
        for end in ends:
            self.assertNoResult(done)
            end.callback(None)
        self.assertIsNone(self.successResultOf(done))


class AwayTests(SynchronousTestCase):
    """The end of a daemon whose ledger is away."""

    def setUp(self) -> None:
        self.pace = Clock()
        self.ledger = LoopbackLedger(self.pace)
        self.door = Door(journal=lambda now: lay_journal("n1", self.ledger, self.pace))
        self.clock = self.door.clock

    def stop(self) -> Deferred[None]:
        """Begin to stop the daemon, and go on until only the ledger is waited for."""
        part = SimpleNamespace(stop=lambda: succeed(None))
        chat, doors = self.door.factory.chat, [self.door.factory]
        done = ChatService(self.clock, chat, doors, part, part, part, part).stopService()
        self.door.turn()
        return done

    def test_it_tells_everybody_and_ends_although_the_ledger_never_answers(self) -> None:
        ann = self.door.connect(ANN)
        settle(self.pace, self.ledger)
        self.door.turn()
        bob = self.door.connect(BOB)  # It has not entered yet.
        ann.dataReceived(b"hello\n/nick ann\n")
        ann.transport.clear()
        done = self.stop()
        self.clock.advance(STOP_WAIT / 2)
        self.assertEqual(ann.transport.lines(), [])
        self.clock.advance(STOP_WAIT / 2)
        self.door.turn()
        for peer in (ann, bob):
            self.assertEqual(peer.transport.lines(), ["- the daemon stops"])
            self.assertTrue(peer.transport.disconnecting)
        self.assertNoResult(done)
        self.clock.advance(GOODBYE)
        for peer in (ann, bob):
            self.assertTrue(peer.transport.disconnected)
            peer.connectionLost(Failure(ConnectionDone()))
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_the_ledger_brings_back_behind_the_end_is_nobodys_trouble(self) -> None:
        ann = self.door.connect(ANN)
        settle(self.pace, self.ledger)
        ann.dataReceived(b"hello\n")
        self.door.turn()
        ann.transport.clear()
        self.stop()
        self.clock.advance(STOP_WAIT)
        self.door.turn()
        settle(self.pace, self.ledger)
        self.door.said()
        self.assertEqual(ann.transport.lines(), ["- the daemon stops"])

    def test_a_ledger_that_answers_in_time_tells_who_left(self) -> None:
        ann = self.door.connect(ANN)
        self.stop()
        self.clock.advance(STOP_WAIT / 2)
        settle(self.pace, self.ledger)
        self.door.turn()
        settle(self.pace, self.ledger)
        self.door.turn()
        self.assertEqual(
            ann.transport.lines(),
            ["> Connected to the chat server (1 user online)", "- the daemon stops"],
        )
        self.assertIn("< The user 10.0.0.1:1 left (0 user online)", self.door.said())
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)  # Until ann is aborted.
