"""Values by name, where names may look alike: they were kept before a rule made them one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted_chat.names import Name

T = TypeVar("T")


class Namesakes(Generic[T]):
    """Values by name. Of names with one key the first that was put here stands for all of them; the
    others are found only as they are written, in any case.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, T]] = {}
        self._names: dict[str, Name] = {}
        """By their texts."""

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[T]:
        for namesakes in self._by_key.values():
            yield from namesakes.values()

    def names(self) -> Iterator[Name]:
        """Return the names in the order of their values."""
        for namesakes in self._by_key.values():
            for text in namesakes:
                yield self._names[text]

    def put(self, name: Name, value: T) -> None:
        """Let `value` be that of `name`, in place of one for exactly this text."""
        self._by_key.setdefault(name.key, {})[name.text] = value
        self._names.setdefault(name.text, name)

    def replace(self, text: str, value: T) -> None:
        """Let `value` be that of the name with exactly this text, which has to be here."""
        self._by_key[self._names[text].key][text] = value

    def get(self, name: Name) -> T | None:
        """Return the value of `name` as it is written, or else of the one that stands for it."""
        namesakes = self._by_key.get(name.key, {})
        if len(namesakes) > 1:
            for text, value in namesakes.items():
                if self._names[text].folded == name.folded:
                    return value
        return next(iter(namesakes.values()), None)

    def exactly(self, text: str) -> T | None:
        """Return the value of the name with exactly this text."""
        name = self._names.get(text)
        return None if name is None else self._by_key[name.key][text]

    def first(self, key: str) -> T | None:
        """Return the value that stands for all names with `key`."""
        return next(iter(self._by_key.get(key, {}).values()), None)

    def key_of(self, text: str) -> str:
        """Return the key of the name with exactly this text, which has to be here."""
        return self._names[text].key

    def remove(self, text: str) -> None:
        """Forget the value of the name with exactly this text, which has to be here."""
        name = self._names.pop(text)
        namesakes = self._by_key[name.key]
        del namesakes[text]
        if not namesakes:
            del self._by_key[name.key]
