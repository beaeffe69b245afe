"""A journal whose answers come later, as a shared one's do: nothing is lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, BOB, Door
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.limits import GOODBYE
from twisted_chat.requests import Arrive, Leave, Request


class LateJournal(MemoryJournal):
    """Decides who comes and goes only when the test says so, in the order of the requests."""

    def __init__(self, now: Callable[[], float], **options: Any) -> None:
        super().__init__(now, **options)
        self.waiting: list[Callable[[], None]] = []

    def ask(self, author: str, request: Request) -> Deferred[Any]:
        if not isinstance(request, Arrive | Leave):
            return super().ask(author, request)
        answer: Deferred[Any] = Deferred()
        decide = super().ask
        self.waiting.append(lambda: decide(author, request).chainDeferred(answer))
        return answer

    def answer(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class LateAnswerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lay(Door(journal=LateJournal))

    def lay(self, door: Door) -> None:
        self.door = door
        self.journal = self.door.factory.chat.journal
        self.bob = self.door.connect(BOB)
        self.answer()
        self.bob.transport.clear()

    def answer(self) -> None:
        self.door.turn()
        self.journal.answer()
        self.door.turn()

    def test_what_is_sent_before_one_is_in_is_heard_behind_the_greeting(self) -> None:
        ann = self.door.connect(ANN)
        ann.dataReceived(b"hello\n/nick ann\nagain\n/nope\n")
        self.door.turn()
        self.assertEqual(ann.transport.lines(), [])
        self.answer()
        self.assertEqual(
            ann.transport.lines(),
            [
                "> Connected to the chat server (2 users online)",
                "- You are now ann",
                "! no command /nope: /help lists them, and //nope says it",
            ],
        )
        self.assertEqual(
            self.bob.transport.lines(),
            [
                "> New user 10.0.0.1:1 entered (2 users online)",
                "[10.0.0.1:1] hello",
                "- 10.0.0.1:1 is now ann",
                "[ann] again",
            ],
        )

    def test_who_ends_before_it_is_in_is_heard_and_leaves(self) -> None:
        ann = self.door.connect(ANN)
        ann.dataReceived(b"hello\n")
        ann.readConnectionLost()
        self.answer()
        self.answer()
        self.assertEqual(
            self.bob.transport.lines(),
            [
                "> New user 10.0.0.1:1 entered (2 users online)",
                "[10.0.0.1:1] hello",
                "< The user 10.0.0.1:1 left (1 user online)",
            ],
        )
        self.assertTrue(ann.transport.disconnecting)

    def test_who_is_put_out_before_it_is_in_has_one_entered_and_one_left(self) -> None:
        ann = self.door.connect(ANN)
        self.door.factory.chat.leave(ann._member, words="too early")
        self.answer()
        self.assertEqual(
            self.bob.transport.lines(),
            [
                "> New user 10.0.0.1:1 entered (2 users online)",
                "< The user 10.0.0.1:1 left (1 user online): too early",
            ],
        )
        self.assertTrue(ann.transport.disconnecting)

    def test_whose_entry_was_given_up_has_one_entered_and_one_left_when_it_comes(self) -> None:
        ann = self.door.connect(ANN)
        ann.dataReceived(b"hello\n")
        ann.connectionLost(Failure(ConnectionLost()))
        self.door.clock.advance(GOODBYE)
        self.assertEqual(self.door.entrance.admission._users, 1)
        self.answer()
        self.assertEqual(
            self.bob.transport.lines(),
            [
                "> New user 10.0.0.1:1 entered (2 users online)",
                "< The user 10.0.0.1:1 left (1 user online)",
            ],
        )
        self.assertEqual(self.door.clock.getDelayedCalls(), [])

    def test_who_floods_before_it_is_in_is_held_until_it_is_in_and_may_go_on(self) -> None:
        def wait() -> None:
            self.door.clock.advance(1)

        for first, then in ((self.answer, wait), (wait, self.answer)):
            with self.subTest(first=first.__name__):
                self.lay(Door(rate=10, burst=10, journal=LateJournal))
                ann = self.door.connect(ANN)
                ann.dataReceived(b"\xff\xfd\x06" * 15 + b"hello\n")
                first()
                self.assertEqual(said(self.bob), [])
                then()
                self.door.turn()
                self.assertEqual(said(self.bob), ["[10.0.0.1:1] hello"])


def said(protocol: ChatProtocol) -> list[str]:
    """What others said, of what it was sent since it was last asked."""
    return [line for line in protocol.transport.lines() if line.startswith("[")]
