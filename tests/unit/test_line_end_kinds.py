"""Line ends and erasing keys, on bytes alone: in every split."""

from __future__ import annotations

from itertools import pairwise
from time import process_time
from unittest import TestCase

from tests.support.properties import given, settings, st
from twisted_chat.doors.line_ends import LineEnds, erased
from twisted_chat.limits import Limits

MOST = 20
LIMITS = Limits(max_line=MOST)


def fed(pieces: list[bytes], most: int = MOST) -> bytes:
    """What `pieces` are, one after the other and to their end."""
    ends = LineEnds(Limits(max_line=most))
    return b"".join([ends.feed(piece) for piece in pieces]) + ends.end()


class LineEndTests(TestCase):
    def test_the_first_end_tells_which_kind_all_have(self) -> None:
        for stream, expected in {
            b"one\ntwo\rthree\r\0four\r\n": b"one\ntwo\rthree\r\0four\r\n",
            b"one\r\ntwo\rthree\r\0": b"one\r\ntwo\rthree\r\0",
            b"one\rtwo\nthree": b"one\rtwo\nthree",
            b"one\r\0two\rthree\r\nfour\nfive\r\0\0": b"one\ntwo\nthree\nfour\nfive\n\0",
            b"one\rtwo\r\0three": b"one\ntwo\nthree",
            b"\r\0\r\r\0\r\r\n\n": b"\n\n\n\n\n\n",
            b"one\0two": b"one\0two",
            b"one\rtwo": b"one\rtwo",
            b"one\rtwo\r": b"one\ntwo\n",
            b"\r": b"\n",
            b"": b"",
        }.items():
            self.assertEqual(fed([stream]), expected)
            self.assertEqual(fed([bytes([byte]) for byte in stream]), expected)

    def test_a_pause_behind_a_cr_tells_that_cr_is_the_end(self) -> None:
        ends = LineEnds(LIMITS)
        self.assertEqual(ends.feed(b"one\rtwo"), b"")
        self.assertFalse(ends.wait_for_pause)
        self.assertEqual(ends.feed(b"\r"), b"")
        self.assertTrue(ends.wait_for_pause)
        self.assertEqual(ends.pause(), b"one\ntwo\n")
        self.assertTrue(ends.are_cr)
        self.assertFalse(ends.wait_for_pause)
        # What comes so late still belongs to that CR.
        self.assertEqual(ends.feed(b"\n"), b"")
        self.assertEqual(ends.feed(b"\nthree\r"), b"\nthree\n")
        self.assertEqual(ends.feed(b"\0"), b"")
        self.assertEqual(ends.feed(b""), b"")
        self.assertEqual(ends.feed(b"\0"), b"\0")

    def test_a_cr_that_something_follows_is_text_for_now(self) -> None:
        ends = LineEnds(LIMITS)
        ends.feed(b"one\r")
        ends.feed(b"two")
        self.assertFalse(ends.wait_for_pause)
        self.assertEqual(ends.feed(b"\n"), b"one\rtwo\n")
        ends.feed(b"three\r")
        self.assertFalse(ends.wait_for_pause)

    def test_too_long_a_first_line_stays_one_and_is_not_held(self) -> None:
        ends = LineEnds(LIMITS)
        self.assertEqual(ends.feed(b"x\r" * 10), b"")
        self.assertEqual(ends.feed(b"y\r"), b"x\r" * 10 + b"y")
        self.assertTrue(ends.wait_for_pause)
        self.assertEqual(ends.feed(b"z\r"), b"\rz")
        self.assertEqual(ends.pause(), b"\n")
        self.assertEqual(ends.feed(b"two\r"), b"two\n")

    @settings(max_examples=200)
    @given(st.data())
    def test_every_split_gives_the_same(self, data: st.DataObject) -> None:
        pieces = st.sampled_from([b"a", b"\r", b"\n", b"\0", b"\r\0", b"\r\n", b"x" * 15])
        stream = b"".join(data.draw(st.lists(pieces, max_size=12)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        split = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
        whole = fed([stream])
        self.assertEqual(fed(split), whole)
        self.assertEqual(fed([bytes([byte]) for byte in stream]), whole)
        # Nothing is lost but what belongs to a line end.
        text = stream.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
        kept = whole.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
        self.assertEqual(kept, text)

    def test_a_long_line_byte_by_byte_takes_no_longer_for_each(self) -> None:
        ends = LineEnds(Limits(max_line=1 << 20))
        start = process_time()
        for _ in range(300_000):
            ends.feed(b"x")
        self.assertLess(process_time() - start, 10)  # Looked at anew each time it takes minutes.


class ErasingTests(TestCase):
    def test_each_bs_or_del_takes_one_character_away(self) -> None:
        for typed, line in {
            "helo\blo": "hello",
            "helo\x7flo": "hello",
            "abc\b\b\b\bd": "d",
            "\b\x7fx": "x",
            "x\b": "",
            "été\b\b\bé": "é",
            "日本語\b": "日本",
            "e\N{COMBINING ACUTE ACCENT}\bx": "x",
            "a👩\u200d👩\u200d👧\bb": "ab",
            "🇩🇪🇫🇷\x7f!": "🇩🇪!",
            "각\b": "",
            "a\tb\b\b": "a",
            "nothing": "nothing",
        }.items():
            self.assertEqual(erased(typed.encode()).decode(), line)

    def test_what_is_no_utf8_is_erased_byte_by_byte(self) -> None:
        self.assertEqual(erased(b"\xe9\xe8\bx\xff"), b"\xe9x\xff")

    def test_it_takes_no_longer_for_each_key_of_a_long_line(self) -> None:
        start = process_time()
        self.assertEqual(erased("é\u0301x\b".encode() * 100_000 + b"\b" * 200_000), b"")
        self.assertLess(process_time() - start, 10)
