"""The journals of the tests' chats: in memory, or over a ledger."""

from __future__ import annotations

from importlib import import_module
from random import Random
from typing import Any, ClassVar
from unittest import TestCase, TestResult

from hypothesis import stateful
from twisted.internet.task import Clock

from tests.support.loopback import LoopbackLedger
from tests.support.loopback import settle as settle_ledgers
from twisted_chat.journal.ledger import LedgerJournal
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.state import State
from twisted_chat.journal.store import IStore, NoStore
from twisted_chat.limits import MAX_ROOMS, Bounds


class Way:
    """How the running test makes its journals: in memory, unless `over_ledger` runs it."""

    is_ledger = False
    seed: str | None = None
    """The seed of the ledgers' delays; None: they bring back an entry at once."""
    pace = Clock()
    """The clock of the ledgers. The test's own clock stands still while it runs."""
    ledgers: ClassVar[list[LoopbackLedger]] = []


def lay_journal(now, store: IStore | None = None, max_rooms: int = MAX_ROOMS, later=None) -> Any:
    """Return a journal of the kind with which the test runs."""
    if not Way.is_ledger:
        return MemoryJournal(now, store, Bounds(max_rooms), later)
    state = State(store or NoStore(), Bounds(max_rooms))
    state.load(state.store.load(SavedState), now())
    ledger = LoopbackLedger()
    if Way.seed is not None:
        ledger = LoopbackLedger(Way.pace, chance=Random(Way.seed))
    ledger.lasting = state.store.lasting
    Way.ledgers.append(ledger)
    return LedgerJournal(ledger, state, now, later)


def settle() -> None:
    """Let all that is under way in ledgers be applied."""
    settle_ledgers(Way.pace, *Way.ledgers)


def over_ledger(module: str, is_late: bool, home: str) -> dict[str, type[TestCase]]:
    """Return the test cases of `module`, by new names, with journals over a ledger. The ledger
    brings back an entry at once, or, if it `is_late`, after a while. `home`: the module that is to
    hold them; trial's workers find them there.
    """
    subject = module.rpartition(".test_")[2]
    ending = f"Of_{subject}{'_late' if is_late else ''}"
    return {
        name + ending: type(
            name + ending,
            (_over(case, is_late),),
            {"__doc__": case.__doc__, "__module__": home},
        )
        for name, case in vars(import_module(module)).items()
        if isinstance(case, type)
        and issubclass(case, TestCase)
        and case.__module__ in (module, stateful.__name__)
    }


def _over(case: type[TestCase], is_late: bool) -> type[TestCase]:
    class Over(case):
        def run(self, result: TestResult | None = None) -> TestResult | None:
            Way.is_ledger = True
            Way.seed = self.id() if is_late else None
            Way.pace = Clock()
            try:
                return super().run(result)
            finally:
                Way.is_ledger = False
                Way.ledgers.clear()

    return Over
