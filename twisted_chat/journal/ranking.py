"""Finds the first of many things that change their places all the time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Rank = Any
"""What can be compared with other ranks of its kind; no two things ever have the same one."""


class Ranking(Generic[T]):
    """Things by their ranks, of which the lowest is first.

    `rank` says which rank something has; None: it is gone. Ranks may rise unnoticed. Before one
    falls, `put` has to be told of a rank that is as low or lower. So most changes cost nothing, and
    a look costs the logarithm of how many there are.
    """

    __slots__ = ("_heap", "_most", "_rank")

    def __init__(self, rank: Callable[[T], Rank | None]) -> None:
        self._rank = rank
        self._heap: list[tuple[Rank, T]] = []
        """For each thing one entry at least that is not higher than its rank."""
        self._most = _SPARE

    def put(self, thing: T, rank: Rank) -> None:
        """Let `thing` have `rank` or a higher one from here on."""
        heappush(self._heap, (rank, thing))
        if len(self._heap) > self._most:
            things = dict.fromkeys(thing for _, thing in self._heap)
            ranked = ((self._rank(thing), thing) for thing in things)
            self._heap = [(rank, thing) for rank, thing in ranked if rank is not None]
            heapify(self._heap)
            self._most = 2 * len(self._heap) + _SPARE

    def first(self) -> T:
        """Return the thing with the lowest rank. Raises IndexError if there is none."""
        while True:
            rank, thing = self._heap[0]
            true = self._rank(thing)
            if true == rank:
                return thing
            if true is None:
                heappop(self._heap)
            else:
                heapreplace(self._heap, (true, thing))

    def __len__(self) -> int:
        """How many entries it has, which memory is needed for."""
        return len(self._heap)


_SPARE = 8
"""Entries that may be out of date, besides one for each thing: rankings of few things are many."""
