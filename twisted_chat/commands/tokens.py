"""Commands for tokens, with which programs say lines in the name of an owner."""

from __future__ import annotations

from twisted_chat.accounts import make_token, token_digest
from twisted_chat.authorisation import Door
from twisted_chat.commands.command import Request, shorten
from twisted_chat.names import named
from twisted_chat.records import Registration
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import AddToken, DropToken


async def token(request: Request) -> None:
    owned, label = _of(request)
    made = make_token()
    label = await request.ask(AddToken(named(owned.name), label, token_digest(made)))
    request.traces.note("token", request.member, owned.name)
    name = f"{owned.name} " if request.member.door is Door.CONTROL else ""
    request.answer(
        f"with this token a program says lines as {owned.name}, until "
        f"{request.member.door.lead}untoken {name}{label}; it is shown only once: {made}",
        name=owned.name,
        label=label,
        token=made,
    )


async def tokens(request: Request) -> None:
    owned, _ = _of(request)
    labels = [*owned.digests_by_label]
    request.answer(
        f"tokens of {owned.name}: {', '.join(labels)}" if labels else f"{owned.name} has no tokens",
        name=owned.name,
        labels=labels,
    )


async def untoken(request: Request) -> None:
    owned, label = _of(request)
    if not label:
        raise Refusal("which one? /tokens lists the tokens by their labels")
    await request.ask(DropToken(named(owned.name), label))
    request.traces.note("untoken", request.member, owned.name)
    request.answer(f"the token {label} of {owned.name} is ended", name=owned.name, label=label)


def _of(request: Request) -> tuple[Registration, str]:
    """Return the registration whose tokens are meant, and the label that is written. A member means
    its own. Raises Refusal.
    """
    name, label = request.member.name, request.argument
    if request.member.door is Door.CONTROL:
        name, label = request.words(2)
    owned = request.view.registration(named(name))
    if owned is None:
        raise Refusal(f"{shorten(name)} is not registered", Kind.NOT_REGISTERED)
    return owned, label
