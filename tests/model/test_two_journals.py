"""Whatever is asked, and whenever: all who decide on it decide alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.any_request import FEW, KINDS, NODES, Step, asked
from tests.support.loopback import DELAYS, Node, Order, settle
from tests.support.processes import PATIENCE
from tests.support.properties import given, settings, st
from twisted_chat.journal import dumping
from twisted_chat.journal.decider import Decider
from twisted_chat.journal.entries import Entry, read_entry, write_entry
from twisted_chat.journal.state import State
from twisted_chat.journal.store import NoStore
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Request


class Deciding:
    """Decides, and says what came of it as text: events do not compare their times and ids.

    `obeyed` counts the requests of each class that were not refused.
    """

    def __init__(self, obeyed: Counter[type[Request]] | None = None) -> None:
        self.state = State(NoStore(), FEW)
        self.decider = Decider(self.state)
        self.obeyed = Counter() if obeyed is None else obeyed

    def decide(self, step: Step) -> str:
        """Return the answer or the refusal, and what was decided."""
        try:
            node = step[0].partition(".")[0]
            answer = repr(self.decider.decide(*step, node))
            self.obeyed[type(step[1])] += 1
        except Refusal as refusal:
            answer = f"{refusal.kind}: {str(refusal)!r}"
        return f"{answer} {self.decider.take()} {self.state.due}"

    @property
    def dump(self) -> str:
        """All that it knows."""
        return json.dumps(dumping.dump(self.state))

    def load(self, dump: str) -> None:
        """Know what is in `dump`, and nothing else."""
        self.state = dumping.load(json.loads(dump), NoStore())
        self.decider = Decider(self.state)


class TwoJournalsTests(SynchronousTestCase):
    """Two that decide on the same requests at the same times."""

    maxDiff = None

    def test_both_decide_alike(self) -> None:
        obeyed: Counter[type[Request]] = Counter()

        @settings(max_examples=600)
        @given(asked(60))
        def decide(steps_asked: list[Step]) -> None:
            one, other = Deciding(obeyed), Deciding()
            for step in steps_asked:
                time, number = one.state.time, one.state.number
                self.assertEqual(one.decide(step), other.decide(step))
                self.assertGreaterEqual(one.state.time, time)
                self.assertGreaterEqual(one.state.number, number)
            self.assertEqual(one.dump, other.dump)

        decide()
        # Requests that are all refused show little.
        self.assertEqual([kind for kind in KINDS if not obeyed[kind]], [])

    @settings(max_examples=400)
    @given(asked(60), st.integers(0, 60))
    def test_one_that_was_dumped_and_loaded_decides_as_the_other(
        self, steps: list[Step], loaded_at: int
    ) -> None:
        one, other = Deciding(), Deciding()
        for step in steps[:loaded_at]:
            one.decide(step)
        other.load(one.dump)
        self.assertEqual(other.dump, one.dump)
        for step in steps[loaded_at:]:
            self.assertEqual(one.decide(step), other.decide(step))
        self.assertEqual(one.dump, other.dump)

    def test_nothing_hangs_on_the_order_of_sets(self) -> None:
        all_asked: list[Step] = []

        @settings(max_examples=50)
        @given(asked(40))
        def ask(some: list[Step]) -> None:
            all_asked.extend(some)

        ask()
        entries = [
            write_entry(Entry("n1", 1, number, author, wall, request))
            for number, (author, request, wall) in enumerate(all_asked, 1)
        ]
        here = Deciding()
        decided = [here.decide(step) for step in all_asked] + [here.dump]
        for seed in ("1", "2"):
            ran = subprocess.run(
                [sys.executable, "-m", "tests.model.test_two_journals"],
                env={**os.environ, "PYTHONHASHSEED": seed},
                input=b"\n".join(entries),
                capture_output=True,
                timeout=PATIENCE,
                check=True,
            )
            self.assertEqual(ran.stdout.decode().splitlines(), decided)


class ThreeNodesTests(SynchronousTestCase):
    """Three journals on a ledger that is late, gathers and repeats."""

    maxDiff = None

    @settings(max_examples=100)
    @given(asked(40), st.integers(0), st.integers(0, 40))
    def test_all_hear_the_same_in_the_same_order(
        self, steps_asked: list[Step], seed: int, begins: int
    ) -> None:
        clock, order, chance = Clock(), Order(), Random(seed)
        nodes = [Node(name, order, clock, chance) for name in NODES]
        answers: list[object] = []
        for number, (author, request, _) in enumerate(steps_asked):
            if number == begins:
                settle(clock, *order.ledgers)
                order.shorten(nodes[0].ledger)
                nodes.append(Node("n3", order, clock, chance))
            journal = nodes[NODES.index(author.partition(".")[0])].journal
            journal.ask(author, request).addBoth(answers.append)
            clock.advance(chance.choice(DELAYS))
        settle(clock, *order.ledgers)
        self.assertEqual(len(answers), len(steps_asked))
        first, *others = nodes
        for node in others:
            # One that began later hears what follows its snapshot.
            heard = list(map(repr, node.listener.in_rooms))
            expected = list(map(repr, first.listener.in_rooms))
            self.assertEqual(heard, expected[len(expected) - len(heard) :])
            self.assertEqual(node.journal.dump(), first.journal.dump())


def main() -> None:
    """Decide on the entries that stand on standard input, and print what comes of each."""
    here = Deciding()
    for line in sys.stdin.buffer:
        entry = read_entry(line)
        print(here.decide((entry.author, entry.request, entry.wall)))
    print(here.dump)


if __name__ == "__main__":
    main()
