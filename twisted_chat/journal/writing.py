"""Writes what waits for a state folder, and tells what cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from twisted_chat.files import File, OutputError
from twisted_chat.journal.batch import Batch
from twisted_chat.journal.database import Database, reason_of


class Trouble(NamedTuple):
    """Why a write failed; empty: it did not."""

    audit: str = ""
    database: str = ""


class Writer:
    """Writes batches to the database and to the audit file, in one thread. `warn`: told of an audit
    file that was open to others.
    """

    def __init__(self, database: Database, audit: str, warn: Callable[[str], None]) -> None:
        self._database = database
        self._path = audit
        self._warn = warn
        self._audit: File | None = None

    def write(self, batch: Batch) -> Trouble:
        """Write `batch`: what is written is no more in it. Return why the rest could not be."""
        # Each for itself, and the audit first: an act that is kept has been audited if it can be.
        reasons = []
        for write in (self._append_audit, self._write_database):
            reason = ""
            try:
                write(batch)
            except Exception as error:  # Whatever it is, the thread has to go on.
                reason = reason_of(error)
            reasons.append(reason)
        return Trouble(*reasons)

    def close(self) -> None:
        """Let the files go."""
        self._database.close()
        if self._audit is not None:
            self._audit.close()

    def _append_audit(self, batch: Batch) -> None:
        if batch.reopen and self._audit is not None:
            self._audit.close()
            self._audit = None
        if not batch.audit and not batch.reopen:
            return
        if self._audit is None:
            self._audit = File(self._path, self._warn)
        batch.reopen = False
        try:
            self._audit.write(bytes(batch.audit))
        except OutputError as error:
            batch.forget_audit(error.rest)
            raise
        batch.forget_audit()

    def _write_database(self, batch: Batch) -> None:
        if batch.has_changes():
            self._database.write(batch)
            batch.forget_changes()


def news(before: Trouble, now: Trouble, given_up: int) -> Iterator[str]:
    """Yield what operators are told after a write. `now` is why it failed, `before` why the write
    before it did; `given_up` lines were not kept meanwhile.
    """
    if now.database:
        if not before.database:
            why = f"the state folder cannot be written ({now.database})"
            yield f"{why}: what is said now is lost at a restart"
        return  # That the audit file is on the same disk is no news.
    loss = f": {given_up} lines that were said meanwhile are not kept" if given_up else ""
    if before.database:
        yield f"the state folder is written again{loss}"
    elif loss:
        yield f"the state folder is too slow{loss}"
    if now.audit and (before.database or not before.audit):
        why = f"the audit file cannot be written ({now.audit})"
        yield f"{why}: what operators do now is lost from it at a restart"
    elif before.audit and not before.database and not now.audit:
        yield "the audit file is written again"
