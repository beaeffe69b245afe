"""Clients that end their lines with CR, at the line door on a clock."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ANN, Door
from tests.support.properties import given, settings, st
from twisted_chat.limits import CR_PAUSE, SHORTEST_PAUSE

NO_UTF8 = "! that was no UTF-8, and others see \ufffd in it: set your terminal or program to UTF-8"


class CRTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sit_down()

    def sit_down(self, **options: int) -> None:
        self.door = Door(**options)
        self.ann = self.door.connect(ANN)
        self.door.said()

    def heard(self) -> list[str]:
        return [line.removeprefix("[10.0.0.1:1] ") for line in self.door.said()]

    def type(self, *pieces: bytes) -> None:
        """Type `pieces`, each a moment after the one before."""
        for piece in pieces:
            self.ann.dataReceived(piece)
            self.door.clock.advance(CR_PAUSE / 10)

    def test_cr_nul_ends_a_line_at_once(self) -> None:
        self.ann.dataReceived(b"hello\r\0you\r")
        self.assertEqual(self.heard(), ["hello", "you"])
        self.ann.dataReceived(b"\0there\r\n")
        self.assertEqual(self.heard(), ["there"])

    def test_a_cr_ends_a_line_when_nothing_follows_for_300_ms(self) -> None:
        self.type(b"hel", b"lo", b"\r")
        self.door.clock.advance(CR_PAUSE * 0.8)
        self.assertEqual(self.heard(), [])
        self.door.clock.advance(CR_PAUSE * 0.2)
        self.assertEqual(self.heard(), ["hello"])
        self.ann.dataReceived(b"again\r")
        self.assertEqual(self.heard(), ["again"])

    def test_an_lf_that_follows_within_300_ms_makes_cr_text(self) -> None:
        self.type(b"one\r", b"\n", b"a\rb\r")
        self.door.clock.advance(10)
        self.type(b"c\n")
        self.assertEqual(self.heard(), ["one", "a␍b␍c"])

    def test_a_paste_of_many_lines_is_many_lines(self) -> None:
        """As PuTTY pastes."""
        self.ann.dataReceived(b"one\rtwo\rthree")
        self.door.clock.advance(10)
        self.assertEqual(self.heard(), [])
        self.type(b"\r")
        self.door.clock.advance(CR_PAUSE)
        self.assertEqual(self.heard(), ["one", "two", "three"])
        self.ann.dataReceived(b"four\rfive\r")
        self.assertEqual(self.heard(), ["four", "five"])

    def test_commands_and_empty_lines_are_what_they_are_elsewhere(self) -> None:
        self.ann.dataReceived(b"\r\0/frob\r//x\r\r\r\nz\r")
        self.assertEqual(self.heard(), ["/x", "z"])
        self.assertIn("! no command /frob", self.ann.transport.value().decode())

    def test_telnet_may_stand_in_a_line_end(self) -> None:
        self.ann.dataReceived(b"one\r\xff\xf1\0two\r\xff\xfd\x06\ntwo\xff\r\0")
        self.assertEqual(self.heard(), ["one", "two", "two"])
        self.sit_down()
        self.type(b"one\r", b"\xff\xf1")
        self.door.clock.advance(CR_PAUSE)
        self.assertEqual(self.heard(), ["one"])

    def test_a_telnet_sequence_without_end_swallows_no_line(self) -> None:
        self.ann.dataReceived(b"a\xff\xfa\x18b\r\0c\xff\xfd\r\0d\r\0")
        self.assertEqual(self.heard(), ["a", "c", "d"])

    def test_a_line_too_long_is_refused_once(self) -> None:
        for end in (b"\r\0", b"\r"):
            with self.subTest(end=end):
                self.sit_down()
                self.ann.transport.clear()
                self.ann.dataReceived(b"y" * 150 + b"\r" + b"z" * 60 + end)
                self.door.clock.advance(CR_PAUSE)
                self.ann.dataReceived(b"w" * 101 + b"\rafter\r")
                self.assertEqual(self.heard(), ["after"])
                self.assertEqual(len(self.ann.transport.lines()), 2)

    def test_the_longest_line_is_said(self) -> None:
        self.ann.dataReceived(b"x" * 100 + b"\r\0" + b"y" * 100 + b"\r")
        self.assertEqual(self.heard(), ["x" * 100, "y" * 100])

    def test_each_line_costs_a_token(self) -> None:
        self.sit_down(rate=10, burst=10)
        self.ann.dataReceived(b"".join(b"%d\r\0" % number for number in range(20)))
        self.assertEqual(self.heard(), [str(number) for number in range(10)])
        self.door.clock.pump([SHORTEST_PAUSE] * 60)
        self.assertEqual(self.heard(), [str(number) for number in range(10, 20)])

    def test_what_comes_while_it_is_held_is_not_taken_for_a_pause(self) -> None:
        """An LF may lie in the kernel."""
        self.ann.dataReceived(b"one\r")
        self.ann.holding.until(answer := Deferred())
        self.door.clock.advance(10)
        self.assertEqual(self.heard(), [])
        answer.callback(None)
        self.ann.dataReceived(b"\na\rb\n")
        self.assertEqual(self.heard(), ["one", "a␍b"])

    def test_it_is_held_and_heard_later(self) -> None:
        self.ann.dataReceived(b"one\r")
        self.ann.holding.until(answer := Deferred())
        answer.callback(None)
        self.door.clock.advance(CR_PAUSE)
        self.assertEqual(self.heard(), ["one"])

    def test_the_last_line_counts_when_the_stream_ends(self) -> None:
        left = "< The user 10.0.0.1:1 left (0 user online)"
        for sent, heard in {
            b"one\r": ["one"],
            b"one\rtwo\r": ["one", "two"],
            b"one\r\0two": ["one", "two"],
            b"one\rtwo": ["one␍two"],
        }.items():
            for end in ("half", "all"):
                with self.subTest(sent=sent, end=end):
                    self.sit_down()
                    self.ann.dataReceived(sent)
                    if end == "half":
                        self.ann.readConnectionLost()
                    self.ann.connectionLost(Failure(ConnectionDone()))
                    self.assertEqual(self.heard(), [*heard, left])
                    self.assertEqual(self.door.clock.getDelayedCalls(), [])

    def test_nothing_waits_for_who_is_put_out(self) -> None:
        self.ann.dataReceived(b"one\r")
        self.ann._too_slow(1)
        self.door.clock.advance(CR_PAUSE)
        self.assertEqual(len(self.heard()), 1)

    def test_bs_and_del_erase_where_cr_ends_the_lines_or_telnet_is_spoken(self) -> None:
        self.ann.dataReceived(b"\x7fhelo\x08lo\r\0" + "é日\x7f\r\0xy\x08\x7f\x7f\r\0".encode())
        self.assertEqual(self.heard(), ["hello", "é"])
        self.sit_down()
        self.ann.dataReceived(b"\xff\xfb\x1fhelo\x08lo\r\n/frobx\x7f\n")
        self.assertEqual(self.heard(), ["hello"])
        self.assertIn("! no command /frob:", self.ann.transport.value().decode("latin-1"))

    def test_bs_and_del_are_shown_elsewhere(self) -> None:
        """`man nc | nc HOST PORT`."""
        self.ann.dataReceived(b"N\x08NAME\x7f\n_\x08x\r\n")
        self.assertEqual(self.heard(), ["N␈NAME␡", "_␈x"])

    def test_no_utf8_is_said_and_hinted_at_once(self) -> None:
        self.ann.transport.clear()
        self.ann.dataReceived("fine \ufffd \x85\n".encode() + b"caf\xe9\n/frob \xe9\n\xe8\n")
        self.assertEqual(self.heard(), ["fine \ufffd \ufffd", "caf\ufffd", "\ufffd"])
        self.assertEqual(self.ann.transport.lines()[0], NO_UTF8)
        self.assertEqual(self.ann.transport.value(), b"")
        self.ann.dataReceived(b"\xe9\n")
        self.door.turn()
        self.assertEqual(self.ann.transport.lines(), [])

    @settings(max_examples=60)
    @given(
        st.lists(st.sampled_from([b"a", b"\r", b"\r\0", b"\xff\xf1", b"\x08", b"y" * 60, b"//x"]))
    )
    def test_lines_are_the_same_byte_by_byte(self, pieces: list[bytes]) -> None:
        stream = b"".join(pieces)
        heard = []
        for split in ([stream], [bytes([byte]) for byte in stream]):
            self.sit_down()
            for piece in split:
                self.ann.dataReceived(piece)
            self.ann.readConnectionLost()
            heard.append(self.heard())
        self.assertEqual(heard[0], heard[1])
