"""What waits to be written to a state folder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from sys import getsizeof

from twisted_chat.journal.store import Line
from twisted_chat.limits import HISTORY_OVERHEAD, STORE_WAITING


class Batch:
    """Collects what waits to be written, and no more of it than has to be: the last document of
    each key, and lines that were not dropped meanwhile. It is true if it holds anything.

    Past STORE_WAITING bytes the oldest lines are given up, and nothing else.
    """

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], str | None] = {}
        self.drops: list[int] = []
        """Numbers of lines that are written already, or are being written."""
        self.lines: OrderedDict[int, Line] = OrderedDict()
        """By number. Not a dict, which forgets its oldest slowly."""
        self.audit = bytearray()
        self.reopen = False
        """Whether the audit file is to be opened again."""
        self.given_up = 0
        """Lines, each of those that were said at once."""
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self.audit or self.reopen or self.has_changes())

    def has_changes(self) -> bool:
        """Whether there is anything for the database."""
        return bool(self.documents or self.drops or self.lines)

    def put(self, kind: str, key: str, body: str | None) -> None:
        self._grow(len(body or "") - len(self.documents.get((kind, key)) or ""))
        self.documents[kind, key] = body

    def add(self, line: Line) -> None:
        self.lines[line.event.number] = line
        self._grow(_size(line))

    def drop(self, numbers: Iterable[int], rest: Iterable[Line] = ()) -> None:
        for number in numbers:
            waiting = self.lines.pop(number, None)
            if waiting is None:
                self.drops.append(number)
            else:
                self._size -= _size(waiting)
        for line in rest:
            # A write that fails may leave it in the database: it has to go with this one even if
            # it is dropped while it waits.
            self.drops.append(line.event.number)
            self.add(line)

    def append(self, entry: bytes | bytearray) -> None:
        self.audit += entry
        self._grow(len(entry))

    def absorb(self, newer: Batch) -> None:
        """Put all of `newer` behind what is here."""
        for (kind, key), body in newer.documents.items():
            self.put(kind, key, body)
        self.drop(newer.drops)
        for line in newer.lines.values():
            self.add(line)
        self.append(newer.audit)
        self.reopen |= newer.reopen
        self.given_up += newer.given_up

    def forget_audit(self, rest: bytes = b"") -> None:
        """Note that all of `audit` but `rest` is written."""
        self._size += len(rest) - len(self.audit)
        self.audit = bytearray(rest)

    def forget_changes(self) -> None:
        """Note that all but `audit` is written."""
        self.documents.clear()
        self.drops.clear()
        self.lines.clear()
        self._size = len(self.audit)

    def _grow(self, size: int) -> None:
        self._size += size
        while self._size > STORE_WAITING and self.lines:
            _, line = self.lines.popitem(last=False)
            self._size -= _size(line)
            self.given_up += lines_in(line)


def _size(line: Line) -> int:
    return getsizeof(line.event.text) + HISTORY_OVERHEAD


def lines_in(line: Line) -> int:
    """Return how many lines were said at once."""
    return line.event.text.count("\n") + 1
