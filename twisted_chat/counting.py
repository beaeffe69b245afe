"""What is counted: each part hands out its numbers, and here they are gathered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Numbers = Mapping[str, int]
"""What a part has counted since it began, by what it is."""


class Counting:
    """Gathers what the parts of a daemon have counted."""

    def __init__(self) -> None:
        self._parts: dict[str, Callable[[], Numbers]] = {}

    def add(self, part: str, numbers: Callable[[], Numbers]) -> None:
        """Gather what `numbers` returns, under the name `part`."""
        self._parts[part] = numbers

    def counts(self) -> dict[str, dict[str, int]]:
        """Return all numbers by the name of their part, in the order in which parts were added."""
        return {part: dict(numbers()) for part, numbers in self._parts.items()}
