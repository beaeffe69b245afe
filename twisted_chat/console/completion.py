"""Completes what is typed at Tab: commands at the start of a line, names elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from twisted_chat.console.secret_lines import masked
from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Event,
    Greeting,
    Joined,
    Left,
    Parted,
    Renamed,
    Said,
    Told,
)
from twisted_chat.server_lines import FORMAT

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


class Names:
    """The names of members that events have told of."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def heard(self, event: Event) -> None:
        """Learn from `event`."""
        match event:
            case Greeting() | Joined():
                self._names.clear()
            case Entered(name) | Said(name) | Emoted(name):
                self._add(name)
            case Left(name) | Parted(name):
                self._names.discard(name)
            case Renamed(old, new):
                self._names.discard(old)
                self._add(new)
            case Told(sender, receiver):
                self._add(sender)
                self._add(receiver)

    def _add(self, name: str) -> None:
        if name != YOU:
            self._names.add(name)

    def among(self, called: Iterable[str]) -> list[str]:
        """Return all names and those that were `called`: first names, then addresses."""
        return sorted(
            self._names.union(called), key=lambda name: (":" in name, name.casefold(), name)
        )


class ChatCompleter(Completer):
    """Completes commands and names. `call_roll` asks who is online; `drawn` returns what the menu
    shows for a candidate.
    """

    def __init__(
        self,
        names: Names,
        call_roll: Callable[[], Deferred[list[str]]],
        drawn: Callable[[str], str] = str,
    ) -> None:
        self._names = names
        self._call_roll = call_roll
        self._drawn = drawn

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Return nothing: who is online is known only later."""
        return iter(())

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        before = document.text_before_cursor
        if masked(before) != before:
            return
        word = before.rpartition(" ")[2]
        if word == before and word.startswith("/"):
            candidates = _commands()
        else:
            called = self._call_roll().asFuture(asyncio.get_running_loop())
            candidates = self._names.among(await called)
        for candidate in candidates:
            if candidate.casefold().startswith(word.casefold()):
                yield Completion(f"{candidate} ", -len(word), self._drawn(candidate))


def _commands() -> list[str]:
    # Imported only now, because the server's table brings the whole server along.
    from twisted_chat.authorisation import Door
    from twisted_chat.commands import TABLE

    # Without the commands of chatctl, which nobody may use here, and what the client uses itself.
    return sorted(
        f"/{word}"
        for word, each in TABLE.by_word.items()
        if Door.LINE in each.right.doors and word != FORMAT
    )
