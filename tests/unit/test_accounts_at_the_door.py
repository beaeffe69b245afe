"""Logging in over a connection: what waits for it, and what becomes of who goes meanwhile."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.asking import ask
from tests.support.doubles import Door, SlowJournal, TCPTransport
from tests.support.hall import Vault
from twisted_chat.limits import (
    GOODBYE,
)
from twisted_chat.names import named
from twisted_chat.requests import Kick, Register

DAY = 24 * 60 * 60


SAFE = {
    "loopback": IPv4Address("TCP", "127.0.0.1", 5),
    "loopback, IPv6": IPv6Address("TCP", "::1", 5),
    "loopback, mapped": IPv6Address("TCP", "::ffff:127.0.0.1", 5),
    "unix": UNIXAddress("/tmp/x"),
}
OUTSIDE = IPv4Address("TCP", "10.0.0.7", 7)
LOCAL = IPv4Address("TCP", "127.0.0.1", 1)


@implementer(ISSLTransport)
class TLSTransport(TCPTransport):
    """One that is encrypted."""


class LineDoorTests(SynchronousTestCase):
    """Passphrases on the line door: who may send one, and what waits meanwhile."""

    def setUp(self) -> None:
        self.vault = Vault(self)
        self.clock, self.hasher = self.vault.clock, self.vault.hasher
        self.door = Door(clock=self.clock, passphrases=self.vault.passphrases)
        self.clock.advance(1_000_000)
        owner = self.door.connect(LOCAL)
        owner.dataReceived(b"/nick ann\n/register horse battery\n")
        self.clock.hear()
        self.end(owner)
        self.door.said()

    def end(self, protocol, error=ConnectionDone) -> None:
        protocol.connectionLost(Failure(error()))
        self.door.turn()

    def connect(self, peer=LOCAL, transport=None):
        protocol = self.door.connect(peer, transport)
        self.door.said()
        protocol.transport.clear()
        return protocol

    def assert_over(self) -> None:
        """Nobody is in, and nothing is counted or timed any more."""
        admission = self.door.entrance.admission
        self.assertEqual((admission._users, dict(admission._per_address)), (0, {}))
        self.assertEqual(list(self.door.factory.chat.everybody()), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_passphrase_in_clear_is_refused_with_reason_and_advice(self) -> None:
        protocol = self.connect(OUTSIDE)
        for command in ("login ann horse battery", "register horse battery", "login", "register"):
            protocol.dataReceived(f"/{command}\n".encode())
            self.door.turn()
            self.assertEqual(
                protocol.transport.lines(),
                [
                    f"! /{command.split()[0]} needs a way in on which nobody can read along: come "
                    "in over TLS, or, on the daemon's own machine, over 127.0.0.1 or ::1; if you "
                    "sent a passphrase just now, change it wherever you use it"
                ],
            )
        self.assertEqual(self.hasher.hashed, 1)

    def test_another_address_of_this_machine_is_not_safe_and_the_answer_names_one(self) -> None:
        """A port forwarder on this machine comes from there, with anybody behind it."""
        protocol = self.connect(OUTSIDE, TCPTransport(peerAddress=OUTSIDE, hostAddress=OUTSIDE))
        protocol.dataReceived(b"/register correct horse\n")
        self.door.turn()
        [line] = protocol.transport.lines()
        self.assertIn("on the daemon's own machine, over 127.0.0.1 or ::1", line)

    def test_a_passphrase_from_this_machine_or_over_tls_is_taken(self) -> None:
        doors = [(name, peer, None) for name, peer in SAFE.items()]
        doors.append(("TLS", OUTSIDE, TLSTransport(peerAddress=OUTSIDE)))
        for name, peer, transport in doors:
            with self.subTest(door=name):
                protocol = self.connect(peer, transport)
                protocol.dataReceived(b"/login ann horse battery\n")
                self.clock.hear()
                self.door.turn()
                self.assertEqual(protocol.transport.lines()[-1], "- You are logged in as ann")
                self.end(protocol)

    def test_what_comes_behind_a_login_waits_and_is_said_under_the_new_name(self) -> None:
        stream = b"before\n/login ann horse battery\nhello\n/me waves\nbye\n"
        for pieces in (
            [stream],
            [stream[at : at + 1] for at in range(len(stream))],
            [stream[:20], stream[20:40], stream[40:]],
        ):
            with self.subTest(pieces=len(pieces)):
                protocol = self.connect()
                for piece in pieces:
                    protocol.dataReceived(piece)
                self.assertEqual(self.door.said(), ["[127.0.0.1:1] before"])
                self.assertEqual(protocol.transport.producerState, "paused")
                self.clock.hear()
                self.assertEqual(
                    self.door.said(),
                    ["- 127.0.0.1:1 is now ann", "[ann] hello", "* ann waves", "[ann] bye"],
                )
                self.assertEqual(protocol.transport.producerState, "producing")
                self.end(protocol)

    def test_what_comes_behind_a_wrong_login_is_said_as_before(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\nhello\n")
        self.clock.hear()
        self.assertEqual(self.door.said(), ["[127.0.0.1:1] hello"])
        self.assertEqual(protocol.transport.lines(), ["! that is not the passphrase of ann"])

    def test_several_logins_are_answered_in_their_order(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\none\n/login ann horse battery\ntwo\n")
        self.clock.hear()
        self.assertEqual(self.door.said(), ["[127.0.0.1:1] one"])
        self.clock.advance(1)
        self.clock.hear()
        self.assertEqual(self.door.said(), ["- 127.0.0.1:1 is now ann", "[ann] two"])

    def test_a_peer_that_ends_its_side_is_answered_and_heard_before_it_leaves(self) -> None:
        for stream in (b"/login ann horse battery\nhello\n", b"/login ann horse battery\nhello"):
            with self.subTest(stream=stream):
                protocol = self.connect()
                protocol.dataReceived(stream)
                protocol.readConnectionLost()
                self.assertEqual(self.door.said(), [])
                self.assertFalse(protocol.transport.disconnecting)
                self.clock.hear()
                self.assertEqual(
                    self.door.said(),
                    [
                        "- 127.0.0.1:1 is now ann",
                        "[ann] hello",
                        "< The user ann left (0 user online)",
                    ],
                )
                self.assertEqual(
                    protocol.transport.lines(), ["- You are now ann", "- You are logged in as ann"]
                )
                self.assertTrue(protocol.transport.disconnecting)
                self.end(protocol)
                self.assert_over()

    def test_a_last_line_without_its_end_is_waited_for_too(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery")
        protocol.readConnectionLost()
        self.clock.hear()
        self.door.turn()
        self.assertEqual(
            self.door.said(), ["- 127.0.0.1:1 is now ann", "< The user ann left (0 user online)"]
        )
        self.assertEqual(
            protocol.transport.lines(), ["- You are now ann", "- You are logged in as ann"]
        )
        self.end(protocol)
        self.assert_over()

    def test_lines_that_only_the_end_of_the_input_tells_apart_wait_too(self) -> None:
        for end in ("readConnectionLost", "connectionLost"):
            with self.subTest(end=end):
                protocol = self.connect()
                protocol.dataReceived(b"/login ann horse battery\rhello\r/me waves\r")
                getattr(protocol, end)()
                self.assertEqual(self.door.said(), [])
                self.clock.hear()
                self.assertEqual(
                    self.door.said(),
                    [
                        "- 127.0.0.1:1 is now ann",
                        "[ann] hello",
                        "* ann waves",
                        "< The user ann left (0 user online)",
                    ],
                )
                if end == "readConnectionLost":
                    self.end(protocol)
                self.assert_over()

    def test_a_connection_lost_while_it_waits_is_over_in_a_few_seconds_and_told_once(self) -> None:
        for error in (ConnectionDone, ConnectionLost):
            with self.subTest(error=error):
                self.hasher.open.clear()
                protocol = self.connect()
                protocol.dataReceived(b"/login ann horse battery\nhello\n")
                self.end(protocol, error)
                self.assertEqual(self.door.said(), [])
                self.clock.advance(GOODBYE)
                self.assertEqual(
                    self.door.said(),
                    ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
                )
                self.assert_over()
                self.hasher.open.set()

    def test_who_closes_right_behind_a_login_is_heard_under_the_name_that_it_took(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        self.end(protocol)
        self.clock.hear()
        self.assertEqual(
            self.door.said(),
            [
                "- 127.0.0.1:1 is now ann",
                "[ann] hello",
                "< The user ann left (0 user online)",
            ],
        )
        self.assert_over()

    def test_a_connection_lost_while_it_is_delayed_is_over_in_a_few_seconds(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\n" * 4)
        for delay in (0, 1, 2):
            self.clock.advance(delay)
            self.clock.hear()
        protocol.dataReceived(b"/login ann wrong\nhello\n")
        self.door.turn()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.end(protocol)
        self.clock.advance(GOODBYE)
        self.assertEqual(
            self.door.said(),
            ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
        )
        self.assert_over()

    def test_many_logins_keep_no_dead_connection_in_the_room(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann wrong\n" * 100 + b"hello\n")
        self.end(protocol)
        self.clock.hear()
        self.clock.advance(GOODBYE)
        self.assertEqual(
            self.door.said(),
            ["[127.0.0.1:1] hello", "< The user 127.0.0.1:1 left (0 user online)"],
        )
        self.assert_over()

    def test_who_is_kicked_while_it_waits_leaves_once(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        ask(self.door.factory.chat.journal, "bob", Kick(named("127.0.0.1:1"), ""))
        self.clock.hear()
        self.assertEqual(
            self.door.said(),
            ["< The user 127.0.0.1:1 left (0 user online), put out: kicked by bob"],
        )
        self.assertTrue(protocol.transport.disconnecting)
        self.end(protocol)
        self.assert_over()

    def test_who_is_kicked_before_its_turn_costs_no_hash(self) -> None:
        door = Door(clock=self.clock, passphrases=self.vault.passphrases, journal=SlowJournal)
        journal = door.factory.chat.journal
        owner = door.connect(LOCAL)
        owner.dataReceived(b"/nick ann\n")
        ask(journal, owner._member, Register(named("ann"), "digest"))
        protocol = door.connect(LOCAL)
        journal.is_slow = True
        protocol.dataReceived(b"/login ann horse battery\n")
        ask(journal, "bob", Kick(named(protocol._member.name), ""))
        journal.settle()
        self.assertEqual(self.vault.passphrases._asked.total(), 0)
        door.turn()
        self.assertIn("! you were put out", protocol.transport.lines()[-1])

    def test_a_daemon_that_stops_lets_nobody_wait(self) -> None:
        self.hasher.open.clear()
        protocol = self.connect()
        protocol.dataReceived(b"/login ann horse battery\nhello\n")
        self.door.factory.chat.stop()
        self.door.turn()
        self.assertTrue(protocol.transport.disconnecting)
        self.end(protocol)
        self.assert_over()
