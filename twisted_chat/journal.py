"""The memory journal: order and whole-chat decisions of a chat that one process holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from twisted_chat.events import Entered, Event, Left, Said
from twisted_chat.interfaces import IJournal


@implementer(IJournal)
class MemoryJournal:
    """Orders requests as they come: each is applied before its call returns."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._follower: Callable[[object, Event], None]

    def follow(self, follower: Callable[[object, Event], None]) -> None:
        self._follower = follower

    def enter(self, author: object, name: str) -> None:
        granted = name
        number = 1
        # One peer address can be there twice: through two ports of ours, or again before its
        # former connection was found dead.
        while granted in self._names:
            number += 1
            granted = f"{name}~{number}"
        self._names[granted] = None
        self._follower(author, Entered(granted, len(self._names)))

    def say(self, author: object, event: Said) -> None:
        self._follower(author, event)

    def leave(self, author: object, event: Left) -> None:
        del self._names[event.name]
        self._follower(author, replace(event, count=len(self._names)))

    def names(self) -> Deferred[list[str]]:
        return succeed(list(self._names))
