"""Lines with a passphrase that slipped, from the door to all who might read them."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask
from tests.support.doubles import ANN, BOB, Door, FailingJournal, SlowJournal
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.names import named
from twisted_chat.requests import Register

REFUSED = "! that was not said: a passphrase may be in it. Write /{0} at the very start of a line"


class SlipsAtTheDoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lay(MemoryJournal)

    def lay(self, journal: type[MemoryJournal]) -> None:
        """Begin with ann and bob in a chat over such a journal."""
        self.door = Door(max_line=4096, journal=journal)
        self.journal = self.door.factory.chat.journal
        self.ann = self.door.connect(ANN)
        self.bob = self.door.connect(BOB)
        self.send(b"hello\n/nick ann\n")
        self.bob.dataReceived(b"/nick bob\n")
        self.heard()

    def send(self, data: bytes) -> None:
        self.ann.dataReceived(data)
        for _ in range(8):
            self.door.turn()

    def heard(self) -> tuple[list[str], list[str], str]:
        """What ann and bob have read since, and what the transcript has got."""
        transcript = "\n".join(self.door.said())
        return self.ann.transport.lines(), self.bob.transport.lines(), transcript

    def own_kit(self) -> None:
        """Let the name kit belong to somebody."""
        # Only from this machine a passphrase is taken.
        owner = self.door.connect(IPv4Address("TCP", "127.0.0.1", 3))
        owner.dataReceived(b"/nick kit\n")
        ask(self.journal, owner._member, Register(named("kit"), "digest"))
        self.door.turn()
        self.heard()

    def test_a_slip_is_seen_by_nobody_and_its_refusal_says_what_to_do(self) -> None:
        for line in (
            ">/login ann horse", "\uff0flogin ann horse", "7login ann horse",
            "/me /login ann horse",
            " /me /login ann horse", "\\me /login ann horse", "\uff0fmsg bob \uff0flogin ann horse",
            "/msg bob /login ann horse", "/topic /login ann horse", "/away /login ann horse",
            "/reply /login ann horse", "/quit /login ann horse", "/LOGIN\u00a0ann horse",
        ):  # fmt: skip
            for data in (f"{line}\n", f"one\n{line}\ntwo\n", f"\ufeff{line}\r\n"):
                with self.subTest(line=line):
                    self.send(data.encode())
                    read, others, transcript = self.heard()
                    self.assertIn(REFUSED.format("login"), "".join(read))
                    self.assertNotIn("horse", "".join([*read, *others, transcript]))
                    self.assertFalse(self.ann.transport.disconnecting)
        self.send(b"register s3same-horse\n?register horse\n/history\n/topic\n/whois ann\n")
        read, others, transcript = self.heard()
        self.assertEqual(len([line for line in read if line.startswith("! ")]), 2)
        self.assertNotIn("horse", "".join([*read, *others, transcript]))

    def test_login_without_a_slash_is_a_sentence_unless_the_name_is_owned(self) -> None:
        lines = b"login kit horse\nthen\nLogin: KIT horse\n/me login kit horse\n"
        self.send(lines)
        self.assertEqual(
            self.heard()[1],
            [
                "[ann] login kit horse",
                "[ann] then",
                "[ann] Login: KIT horse",
                "* ann login kit horse",
            ],
        )
        self.own_kit()
        self.send(lines + b"login page broken\n//login kit on purpose\n")
        read, others, transcript = self.heard()
        self.assertEqual(
            others, ["[ann] then", "[ann] login page broken", "[ann] /login kit on purpose"]
        )
        self.assertNotIn("horse", transcript)
        refusal = "! that was not said, because kit is registered: a passphrase may be in it. Write"
        self.assertEqual(len(read), 3)
        self.assertTrue(all(line.startswith(refusal) for line in read), read)

    def test_a_journal_that_answers_late_keeps_the_order(self) -> None:
        self.lay(SlowJournal)
        self.journal.is_slow = True
        self.send(b"one\nlogin page broken\ntwo\n")
        self.assertEqual(self.heard()[1], ["[ann] one"])
        self.journal.settle()
        self.assertEqual(self.heard()[1], ["[ann] login page broken", "[ann] two"])

    def test_an_answer_that_fails_says_nothing(self) -> None:
        self.lay(FailingJournal)
        self.send(b"login page broken\nnext\n")
        self.assertEqual(len(self.flushLoggedErrors(ConnectionError)), 1)
        read, others, _ = self.heard()
        self.assertEqual(read, ["! that cannot be done just now: try again later"])
        self.assertEqual(others, ["[ann] next"])

    def test_the_words_alone_are_said_like_all_others(self) -> None:
        texts = [
            "login",
            "register",
            "please login ann",
            "beginning",
            "register by friday",
            "REGISTER",
        ]
        self.send("".join(f"{text}\n" for text in texts).encode())
        self.assertEqual(self.heard()[1], [f"[ann] {text}" for text in texts])
