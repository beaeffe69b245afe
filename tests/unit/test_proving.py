"""Proving who owns a name before one enters, as a door does that asks for a passphrase first."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, Hall
from twisted_chat.accounts import Accounts
from twisted_chat.authorisation import Door
from twisted_chat.journal.registrations import Registration
from twisted_chat.refusal import Refusal


class ProvingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall(self)
        self.owner = self.hall.owner("ann")
        table = self.hall.table
        self.accounts = Accounts(self.hall.journal, self.hall.vault.passphrases, table.traces)
        self.guest = self.hall.member("10.0.0.7:7", Door.SAFE_LINE)
        self.guest.origin = "10.0.0.7"
        self.delays: list[float] = []

    def prove(self, name: str, passphrase: str) -> Deferred[Registration]:
        proving = self.accounts.prove(self.guest, name, passphrase, self.delays.append)
        return Deferred.fromCoroutine(proving)

    def fail_to_prove(self) -> str:
        """Try a wrong passphrase; return why it was refused."""
        proving = self.prove("ann", "wrong")
        self.hall.clock.advance(self.delays[-1] if self.delays else 0)
        self.hall.clock.hear()
        return str(self.failureResultOf(proving, Refusal).value)

    def test_the_right_passphrase_proves_it_and_takes_nothing_from_anybody(self) -> None:
        proving = self.prove("ANN", SECRET)
        self.assertNoResult(proving)
        self.hall.clock.hear()
        self.assertEqual(self.successResultOf(proving).name, "ann")
        self.assertEqual(self.owner.name, "ann")
        self.assertEqual(self.hall.table.read(self.owner), [])
        self.assertEqual(self.guest.outbox.lines, [])
        self.assertEqual(self.guest.room, "")

    def test_a_name_that_is_nobody_s_is_refused_without_hashing(self) -> None:
        hashed = self.hall.hasher.hashed
        with capturedLogs() as logs:
            refused = self.failureResultOf(self.prove("nobody" * 9, SECRET), Refusal)
        self.assertIn("nobody has registered nobodynobodynobodynobody…:", str(refused.value))
        self.assertIn("unknown name: name=- from=10.0.0.7", eventAsText(logs[-1]))
        self.assertEqual(self.hall.hasher.hashed, hashed)

    def test_a_wrong_passphrase_is_logged_and_told_to_the_owner_at_the_next_login(self) -> None:
        with capturedLogs() as logs:
            self.assertEqual(self.fail_to_prove(), "that is not the passphrase of ann")
        self.assertIn("wrong passphrase: name=ann from=10.0.0.7", eventAsText(logs[-1]))
        answer = self.hall.try_out(self.owner, f"/login ann {SECRET}")
        self.assertIn("- 1 wrong passphrase was tried for ann", answer[-1])
        self.assertIn("from 10.0.0.7", answer[-1])

    def test_tries_before_entering_and_after_it_wait_for_each_other(self) -> None:
        self.fail_to_prove()
        self.hall.clock.advance(1)
        self.fail_to_prove()
        self.assertEqual(self.delays, [])
        inside = self.hall.come("10.0.0.7")
        self.hall.begin(inside, "/login ann wrong")
        self.assertIn(
            "- after wrong passphrases this one is tried in 2 s", self.hall.table.read(inside)
        )
        self.hall.clock.advance(2)
        self.hall.clock.hear()
        proving = self.prove("ann", SECRET)
        self.assertEqual(self.delays, [4.0])
        self.hall.clock.advance(4)
        self.hall.clock.hear()
        self.assertEqual(self.successResultOf(proving).name, "ann")
