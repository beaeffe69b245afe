"""A chat with two operators and two others, and a store."""

from __future__ import annotations

import ipaddress
import json
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import Hall, RecordingStore
from twisted_chat.doors.admission import Admission
from twisted_chat.limits import Limits
from twisted_chat.spans import moment

NOW = 1_001_000_000.0
"""The wall time, in Unix time, when a Hall begins."""
STAMP = moment(NOW)
HOUR = 60 * 60


class Moderated(SynchronousTestCase):
    """ann and cid are operators, cid in another room; bob and dan are not."""

    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store)
        self.journal = self.hall.journal
        self.clock = self.hall.clock
        self.ann = self.hall.operator("ann", "10.0.0.1")
        self.cid = self.hall.operator("cid", "10.0.0.3")
        self.bob = self.hall.come("10.0.0.2", "bob")
        self.dan = self.hall.come("10.0.0.4", "dan")
        self.hall.ask(self.cid, "/join other")
        self.clear()

    def clear(self) -> None:
        for member in (self.ann, self.bob, self.cid, self.dan):
            self.hall.table.read(member)
        self.store.audited.clear()

    def act(self, line: str, by=None) -> SimpleNamespace:
        """Return what each reads after ann, or `by`, has sent `line`, and what is audited."""
        self.clear()
        self.hall.begin(by or self.ann, line)
        return SimpleNamespace(
            ann=self.hall.table.read(self.ann),
            bob=self.hall.table.read(self.bob),
            cid=self.hall.table.read(self.cid),
            dan=self.hall.table.read(self.dan),
            audit=[json.loads(line) for line in self.store.audited],
        )

    def refused(self, line: str, by=None) -> str:
        """Return the refusal of `line` by ann, or by bob. Nobody else may read of it."""
        read = self.act(line, by)
        [answer] = read.ann if by is None else read.bob
        self.assertTrue(answer.startswith("! "), answer)
        self.assertEqual((read.cid, read.dan, read.audit), ([], [], []))
        return answer

    def closed(self, host: str) -> str | None:
        """Return why nobody may come in from `host`, or None."""
        admission = Admission(Limits(), self.journal.view.closed_to)
        refusal = admission.refusal(ipaddress.ip_address(host))
        return None if refusal is None else str(refusal)
