"""Values by name, where names may look alike: they were kept before a rule made them one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted_chat.names import key

T = TypeVar("T")


class Namesakes(Generic[T]):
    """Values by name. Of names with one key the first that was put here stands for all of them; the
    others are found only as they are written, in any case.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for namesakes in self._by_key.values():
            yield from namesakes.values()

    def put(self, name: str, value: T) -> None:
        """Let `value` be that of `name`, in place of one for exactly this name."""
        namesakes = self._by_key.setdefault(key(name), {})
        self._count += name not in namesakes
        namesakes[name] = value

    def get(self, name: str) -> T | None:
        """Return the value of `name` as it is written, or else of the one that stands for it."""
        namesakes = self._by_key.get(key(name), {})
        if len(namesakes) > 1:
            for other, value in namesakes.items():
                if _as_written(other) == _as_written(name):
                    return value
        return next(iter(namesakes.values()), None)

    def first(self, name: str) -> T | None:
        """Return the value that stands for `name` and all that looks like it."""
        return next(iter(self._by_key.get(key(name), {}).values()), None)

    def remove(self, name: str) -> None:
        """Forget the value of exactly this name, which has to be here."""
        namesakes = self._by_key[key(name)]
        del namesakes[name]
        self._count -= 1
        if not namesakes:
            del self._by_key[key(name)]


def _as_written(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
