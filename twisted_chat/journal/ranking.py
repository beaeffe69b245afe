"""Finds the first of many things that change their places all the time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Rank = Any
"""What can be compared with other ranks of its kind."""


class Ranking(Generic[T]):
    """Things by their ranks, of which the lowest is first.

    `rank` says which rank something has; None: it is gone. Ranks may rise unnoticed. Before one
    falls, `put` has to be told of a rank that is as low or lower. So most changes cost nothing, and
    a look costs the logarithm of how many there are.
    """

    __slots__ = ("_heap", "_most", "_puts", "_rank")

    def __init__(self, rank: Callable[[T], Rank | None]) -> None:
        self._rank = rank
        self._heap: list[tuple[Rank, int, T]] = []
        """For each thing one entry at least that is not higher than its rank. The numbers differ,
        so that things are never compared.
        """
        self._puts = 0
        self._most = _SPARE

    def put(self, thing: T, rank: Rank) -> None:
        """Let `thing` have `rank` or a higher one from here on."""
        self._puts += 1
        heappush(self._heap, (rank, self._puts, thing))
        if len(self._heap) > self._most:
            things = {thing: number for _, number, thing in self._heap}
            ranked = ((self._rank(thing), number, thing) for thing, number in things.items())
            self._heap = [entry for entry in ranked if entry[0] is not None]
            heapify(self._heap)
            self._most = 2 * len(self._heap) + _SPARE

    def first(self) -> T | None:
        """Return the thing with the lowest rank; None: there is none."""
        while self._heap:
            rank, number, thing = self._heap[0]
            true = self._rank(thing)
            if true == rank:
                return thing
            if true is None:
                heappop(self._heap)
            else:
                heapreplace(self._heap, (true, number, thing))
        return None

    def __len__(self) -> int:
        """Return how many entries it holds in memory."""
        return len(self._heap)


_SPARE = 8
"""Entries that may be out of date, besides one for each thing: rankings of few things are many."""
