"""What a journal keeps over restarts, and where: the seam between deciding and writing down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar, get_type_hints

from twisted.internet.defer import Deferred, succeed
from zope.interface import Attribute, Interface, implementer

from twisted_chat.events import Emoted, Said
from twisted_chat.journal.schema import NewerError

T = TypeVar("T")

Document = Mapping[str, object]
"""What JSON can hold, by name."""

_YEAR_9999 = 253_370_764_800
"""In Unix time: no later moment can be shown."""


class Line(NamedTuple):
    """Something that was said at once: a line, or several if a Said holds several. `event.number`
    is higher than the numbers of all lines before it, in every room. `origin`: where its author
    came from, as `networks.origin_of` has it; empty: that is not known.
    """

    event: Said | Emoted
    origin: str = ""


@dataclass
class Contents:
    """All that a store holds, as it was written: documents by kind and key, and lines, in the order
    of their numbers.
    """

    documents: dict[str, dict[str, Document]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def each(self, kind: str, shape: type[T]) -> dict[str, T]:
        """Return the documents of `kind` by their keys, each as a `shape`, a dataclass.

        A field that is missing gets its default. Raises ValueError where it has none or where a
        value is of a wrong type (a float is a time), and NewerError where a document has all that,
        and a field more.
        """
        checks = {name: _CHECKS[hint] for name, hint in get_type_hints(shape).items()}
        made = {}
        for key, document in self.documents.get(kind, {}).items():
            known = {name: value for name, value in document.items() if name in checks}
            try:
                made[key] = record = shape(**known)
            except TypeError as error:
                raise ValueError(f"{named(kind, key)} lacks something") from error
            for name, check in checks.items():
                if not check(getattr(record, name)):
                    raise ValueError(f"{named(kind, key)} has a wrong {name}")
            if len(known) < len(document):
                raise NewerError(f"{named(kind, key)} has a field more")
        return made


def named(kind: object, key: object) -> str:
    """Return a document's name for error texts. Never its values: they may be secret."""
    return f"document {kind!r} {key!r}"[:100]


def is_count(value: object) -> bool:
    """Return whether `value` counts something and can grow."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def is_time(value: object) -> bool:
    """Return whether `value` is a Unix time that can be shown."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _YEAR_9999
    )


def _is_text(value: object) -> bool:
    # JSON can hold halves of characters, which nothing can be encoded with.
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value


def _are(check: Callable[[object], bool], value: object) -> bool:
    return isinstance(value, list) and all(map(check, value))


_CHECKS: dict[object, Callable[[object], bool]] = {
    str: _is_text,
    bool: lambda value: isinstance(value, bool),
    int: is_count,
    float: is_time,
    list[float]: partial(_are, is_time),
    list[str]: partial(_are, _is_text),
}


class IStore(Interface):
    """Keeps what a journal decided. Nothing here but `load` blocks or raises: what cannot be
    written is retried, and whoever `watch`es is told.
    """

    lasting = Attribute("bool: whether what is kept outlasts the process")

    def load(read: Callable[[Contents], T]) -> T:
        """Return what `read` makes of all that was kept before. Call it once, first, before any
        fork.

        If `read` raises ValueError, whose text says what is wrong, nothing of it is used.
        """

    def start() -> None:
        """Begin. Called once, when the process has got its final shape (after any fork)."""

    def watch(trouble: Callable[[str], None]) -> None:
        """Call `trouble(text)` when writing begins to fail, and when it works again."""

    def put(kind: str, key: str, document: Document | None) -> None:
        """Keep `document` in place of what was kept for `kind` and `key`; None: nothing."""

    def add(line: Line) -> None:
        """Keep `line`, whose number is higher than that of all that was added before."""

    def drop(numbers: Sequence[int], rest: Sequence[Line] = ()) -> None:
        """Keep the lines with these `numbers` no longer, and keep `rest` in their place."""

    def audit(entry: str) -> None:
        """Append `entry`, one line without its end, to what can only be appended to."""

    def reopen() -> None:
        """Open again what can only be appended to: it has been moved away."""

    def stop() -> Deferred[None]:
        """Write what waits. Fires when all that can be written is written; never fails."""


@implementer(IStore)
class NoStore:
    """Keeps nothing: without `--state` the chat is as old as its process."""

    lasting = False

    def load(self, read: Callable[[Contents], T]) -> T:
        return read(Contents())

    def start(self) -> None:
        pass

    def watch(self, trouble: Callable[[str], None]) -> None:
        pass

    def put(self, kind: str, key: str, document: Document | None) -> None:
        pass

    def add(self, line: Line) -> None:
        pass

    def drop(self, numbers: Sequence[int], rest: Sequence[Line] = ()) -> None:
        pass

    def audit(self, entry: str) -> None:
        pass

    def reopen(self) -> None:
        pass

    def stop(self) -> Deferred[None]:
        return succeed(None)
