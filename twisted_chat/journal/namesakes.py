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
        """Let `value` be that of `name`, in place of one for the name as it is written."""
        namesakes = self._by_key.setdefault(key(name), {})
        self._count -= len(namesakes)
        namesakes[_as_written(name)] = value
        self._count += len(namesakes)

    def get(self, name: str) -> T | None:
        """Return the value of `name` as it is written, or else of the one that stands for it."""
        namesakes = self._by_key.get(key(name))
        if namesakes is None:
            return None
        written = _as_written(name)
        return namesakes[written] if written in namesakes else next(iter(namesakes.values()))

    def first(self, name: str) -> T | None:
        """Return the value that stands for `name` and all that looks like it."""
        namesakes = self._by_key.get(key(name))
        return None if namesakes is None else next(iter(namesakes.values()))

    def remove(self, name: str) -> None:
        """Forget the value of `name` as it is written, which has to be here."""
        namesakes = self._by_key[key(name)]
        del namesakes[_as_written(name)]
        self._count -= 1
        if not namesakes:
            del self._by_key[key(name)]


def _as_written(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
