"""What waits to be written: no more than has to be, and in bounded memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.stores import line
from twisted_chat.journal.batch import Batch
from twisted_chat.limits import HISTORY_OVERHEAD, STORE_WAITING


class BatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.batch = Batch()

    def numbers(self) -> list[int]:
        return list(self.batch.lines)

    def test_it_is_true_when_anything_waits(self) -> None:
        self.assertFalse(self.batch)
        for change, *values in (
            (Batch.put, "kind", "key", None),
            (Batch.add, line(1)),
            (Batch.drop, [1]),
            (Batch.append, b"entry\n"),
        ):
            batch = Batch()
            change(batch, *values)
            self.assertTrue(batch)
            batch.forget_changes()
            self.assertEqual(bool(batch), change is Batch.append)
            batch.forget_audit()
            self.assertFalse(batch)

    def test_past_its_bound_the_oldest_lines_are_given_up(self) -> None:
        text = "x\n" * 50_000
        most = STORE_WAITING // (len(text) + HISTORY_OVERHEAD)
        for number in range(most + 10):
            self.batch.add(line(number, text, f"room {number % 3}"))
        given_up = self.batch.given_up
        self.assertIn(given_up, (10 * 50_001, 11 * 50_001))
        first = given_up // 50_001
        self.assertEqual(self.numbers(), list(range(first, most + 10)))
        self.batch.append(b"x" * STORE_WAITING)
        self.batch.put("kind", "key", "x" * STORE_WAITING)
        self.assertEqual(self.numbers(), [])
        self.assertEqual(self.batch.given_up, (most + 10) * 50_001)
        self.assertEqual(len(self.batch.audit), STORE_WAITING)
        self.assertEqual(len(self.batch.documents["kind", "key"] or ""), STORE_WAITING)

    def test_what_waits_no_more_makes_room(self) -> None:
        text = "x" * (STORE_WAITING // 4)
        for number in range(100):
            self.batch.add(line(number, text))
            self.batch.drop([number - 1])
            self.batch.put("kind", "key", text)
        self.batch.put("kind", "key", None)
        self.batch.append(text.encode())
        self.batch.forget_audit(b"rest")
        self.batch.add(line(100, text, "attic"))
        self.assertEqual(self.numbers(), [99, 100])
        self.assertEqual(self.batch.given_up, 0)
        self.assertEqual(self.batch.audit, b"rest")

    def test_what_is_newer_counts_when_both_wait(self) -> None:
        newer = Batch()
        for batch, number in ((self.batch, 1), (newer, 3)):
            batch.put("kind", "both", f"{number}")
            batch.put("kind", f"{number}", f"{number}")
            batch.add(line(number))
            batch.add(line(number + 1, room="attic"))
            batch.append(b"%d\n" % number)
            batch.given_up = number
        newer.drop([0, 1])
        self.batch.absorb(newer)
        self.assertEqual(self.numbers(), [2, 3, 4])
        self.assertEqual(self.batch.drops, [0])
        self.assertEqual(self.batch.audit, b"1\n3\n")
        self.assertEqual(self.batch.given_up, 4)
        documents = {("kind", "both"): "3", ("kind", "1"): "1", ("kind", "3"): "3"}
        self.assertEqual(self.batch.documents, documents)
