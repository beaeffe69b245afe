"""Commands for names that belong to somebody."""

from __future__ import annotations

from fnmatch import fnmatchcase

from twisted_chat.accounts import Accounts
from twisted_chat.commands.command import Request, shorten
from twisted_chat.limits import MIN_PASSPHRASE, SHOWN_REGISTRATIONS
from twisted_chat.names import key, named
from twisted_chat.networks import place
from twisted_chat.passphrases import make_passphrase
from twisted_chat.records import Registration
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import LogIn, Register, Release, Reset, Unregister
from twisted_chat.spans import moment, span
from twisted_chat.weakness import weakness


async def register(request: Request) -> None:
    name = request.member.name
    passphrase = request.argument
    request.view.check_register(request.member.id)
    # Written as for /login, the name would become a part of the passphrase.
    if key(passphrase.split()[0]) == key(name):
        raise Refusal("leave your name out of it: write /register PASSPHRASE")
    if len(passphrase) < MIN_PASSPHRASE:
        raise Refusal(f"that passphrase is too short: take {MIN_PASSPHRASE} characters or more")
    if why := weakness(passphrase, name):
        raise Refusal(
            f"that passphrase is among the first to be guessed: {why}. Take some words that have "
            "nothing to do with each other"
        )
    digest = await request.passphrases.digest(request.member.origin, passphrase)
    is_change = await request.ask(Register(named(name), digest))
    request.traces.note("new passphrase" if is_change else "register", request.member, name)
    how = " with that passphrase from now on" if is_change else ""
    lasting = "" if request.chat.journal.lasting else ", as long as this daemon runs"
    request.answer(
        f"{name} is yours{how}{lasting}: /login {name} PASSPHRASE takes it next time", owned=name
    )


async def login(request: Request) -> None:
    name, passphrase = request.words(2)
    if not passphrase:
        raise Refusal("write /login NAME PASSPHRASE")

    def delayed(wait: float) -> None:
        request.answer(
            f"after wrong passphrases this one is tried in {span(wait + 0.5)}", delay=wait
        )

    accounts = Accounts(request.chat.journal, request.passphrases, request.traces)
    registration = await accounts.prove(request.member, name, passphrase, delayed)
    before = await request.ask(LogIn(named(name), registration.digest))
    request.traces.note("login", request.member, before.name)
    request.answer(f"You are logged in as {before.name}", owned=before.name)
    if before.wrong:
        request.answer(_wrong_ones(before), count=before.wrong, places=before.wrong_from)
    if before.expires:
        request.answer(
            f"that passphrase is good until {moment(before.expires)}: /register PASSPHRASE sets "
            "one of your own",
            until=before.expires,
        )


def _wrong_ones(registration: Registration) -> str:
    count = registration.wrong
    what = "1 wrong passphrase was" if count == 1 else f"{count} wrong passphrases were"
    when = "at" if count == 1 else "the last at"
    where = ", ".join(map(place, reversed(registration.wrong_from)))
    return (
        f"{what} tried for {registration.name} since your last login, "
        f"{when} {moment(registration.wrong_at)}, from {where}"
    )


async def unregister(request: Request) -> None:
    name = request.member.name
    await request.ask(Unregister())
    request.traces.note("unregister", request.member, name)
    request.answer(f"{name} belongs to nobody now: whoever takes it has it", owned=None)


async def names(request: Request) -> None:
    pattern = request.argument.casefold() or "*"
    found = [
        (each, older)
        for each, older in request.view.registrations()
        if fnmatchcase(each.name.casefold(), pattern)
    ]
    shown = request.answer_all([_row(*each) for each in found[:SHOWN_REGISTRATIONS]])
    if left_out := len(found) - shown:
        request.answer(f"and {left_out} more: a PATTERN such as a* lists fewer", left_out=left_out)
    if not found:
        request.answer(f"no {'such ' if request.argument else ''}name is registered", count=0)


def _row(registration: Registration, older: Registration | None) -> tuple[str, dict[str, object]]:
    facts = [f"since {moment(registration.since)}"]
    if registration.operator:
        facts.append("operator")
    if registration.last_login:
        facts.append(f"last login {moment(registration.last_login)}")
    if registration.expires:
        facts.append(f"reset, until {moment(registration.expires)}")
    if older is not None:
        facts.append(f"cannot log in, because it looks like {older.name}")
    return f"{registration.name}: {', '.join(facts)}", {
        "name": registration.name,
        "since": registration.since,
        "operator": registration.operator,
        "last_login": registration.last_login or None,
        "reset_until": registration.expires or None,
        "wrong": registration.wrong,
        "looks_like": None if older is None else older.name,
    }


async def release(request: Request) -> None:
    name = _registration(request).name
    await request.ask(Release(named(name)))
    request.traces.note("release", request.member, name)


async def reset(request: Request) -> None:
    name = _registration(request).name
    passphrase = make_passphrase()
    digest = await request.passphrases.digest(request.member.origin, passphrase)
    registration = await request.ask(Reset(named(name), digest))
    request.traces.note("reset", request.member, name)
    request.answer(
        f"until {moment(registration.expires)} this takes the name, and is shown nowhere else: "
        f"/login {name} {passphrase}",
        name=name,
        passphrase=passphrase,
        until=registration.expires,
    )


def _registration(request: Request) -> Registration:
    """Return the registration that the argument names. Raises Refusal if there is none."""
    registration = request.view.registration(named(request.argument))
    if registration is None:
        raise Refusal(
            f"{shorten(request.argument)} is not registered: /names lists what is",
            Kind.NOT_REGISTERED,
        )
    return registration
