"""Whose a name is, for `/login` and for doors that ask for a passphrase before somebody enters."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256

from twisted_chat.interfaces import IJournal, IView
from twisted_chat.limits import FIRST_DELAY, SHOWN_NAME
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.passphrases import Passphrases
from twisted_chat.records import Registration
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import NoteWrong
from twisted_chat.traces import Traces


def make_token() -> str:
    """Return a random token of 192 bits. Its lead lets programs that look for secrets know it."""
    return f"chat_{secrets.token_urlsafe(24)}"


def token_digest(token: str) -> str:
    """Return what is kept of `token`. A token is random, and needs no slow digest as passphrases
    do.
    """
    return sha256(token.encode()).hexdigest()


class Accounts:
    """Finds out whether somebody owns a registered name."""

    def __init__(self, journal: IJournal, passphrases: Passphrases, traces: Traces) -> None:
        self._journal = journal
        self._passphrases = passphrases
        self._traces = traces

    async def prove(
        self, member: Member, name: str, passphrase: str, delayed: Callable[[float], None]
    ) -> Registration:
        """Return the registration of `name`, if `passphrase` proves that `member` owns it.

        `member` need not be in the chat: where it comes from is enough. Nothing is done with the
        name: a LogIn gives it to a member that is in, an Arrive to one that comes. `delayed` gets
        the seconds for which the try waits, if wrong ones came before. Raises Refusal where the
        name is nobody's, the passphrase is wrong or too many try. A wrong one is logged, makes the
        next try wait, and is told to the owner at the next login.
        """
        view: IView = self._journal.view
        registration = view.registration(named(name))
        if registration is None:
            self._traces.note("unknown name", member)
            shown = name if len(name) <= SHOWN_NAME else f"{name[:SHOWN_NAME]}…"
            raise Refusal(
                f"nobody has registered {shown}: /nick NAME takes a free name", Kind.NOT_REGISTERED
            )
        wait = self._passphrases.wait(name, member.origin)
        if wait > FIRST_DELAY:
            delayed(wait)
        digest = registration.digest
        if not await self._passphrases.check(name, member.origin, digest, passphrase):
            self._traces.note("wrong passphrase", member, registration.name)
            await self._journal.ask(member.id, NoteWrong(named(name), digest, member.origin))
            raise Refusal(
                f"that is not the passphrase of {registration.name}", Kind.WRONG_PASSPHRASE
            )
        return registration
