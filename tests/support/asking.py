"""Asks a journal for something, as a member or as chatctl."""

from __future__ import annotations

from itertools import count

from twisted.internet.defer import Deferred

from tests.support.journals import settle
from twisted_chat.authorisation import Door
from twisted_chat.interfaces import IJournal
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Arrive, Leave, Request

_numbers = count(1)


def ask(journal: IJournal, by: Member | str, request: Request) -> object:
    """Return the answer of a journal that decides at once to `request`. `by`: a member, or the name
    of somebody at the control door. Raises Refusal.
    """
    if isinstance(by, Member):
        return result(journal.ask(by.id, request))
    author = f"test.{next(_numbers)}"
    result(journal.ask(author, Arrive(named(by), "", by, Door.CONTROL.value)))
    try:
        return result(journal.ask(author, request))
    finally:
        result(journal.ask(author, Leave()))


def result(answer: Deferred[object]) -> object:
    """Return what `answer` fires with once all is applied. If it fails, raises its Refusal."""
    settle()
    results: list[object] = []
    refusals: list[Refusal] = []
    answer.addCallback(results.append)
    answer.addErrback(lambda failure: refusals.append(failure.value))
    if refusals:
        raise refusals[0]
    [value] = results
    return value
