"""Commands for names that belong to somebody."""

from __future__ import annotations

from twisted_chat.commands.command import Request, shorten
from twisted_chat.events import Role
from twisted_chat.limits import FIRST_DELAY, MIN_PASSPHRASE
from twisted_chat.names import key
from twisted_chat.networks import origin_of
from twisted_chat.refusal import Refusal
from twisted_chat.spans import span


async def register(request: Request) -> None:
    name = request.member.name
    passphrase = request.argument
    await request.chat.journal.may_register(request.member)
    # Who writes it as for /login would have it as a part of the passphrase, and not know.
    if key(passphrase.split()[0]) == key(name):
        raise Refusal("leave your name out of it: write /register PASSPHRASE")
    if len(passphrase) < MIN_PASSPHRASE:
        raise Refusal(f"that passphrase is too short: take {MIN_PASSPHRASE} characters or more")
    origin = origin_of(request.member.host)
    digest = await request.passphrases.digest(origin, passphrase)
    if request.member.name != name:
        raise Refusal(f"{name} is not your name any more: nothing was registered")
    is_change = request.member.standing.role >= Role.REGISTERED
    await request.chat.journal.register(request.member, digest)
    how = " with that passphrase from now on" if is_change else ""
    lasting = "" if request.chat.journal.lasting else ", as long as this daemon runs"
    request.answer(f"{name} is yours{how}{lasting}: /login {name} PASSPHRASE takes it next time")


async def login(request: Request) -> None:
    name, passphrase = request.words(2)
    if not passphrase:
        raise Refusal("write /login NAME PASSPHRASE")
    registration = await request.chat.journal.registration(name)
    if registration is None:
        raise Refusal(f"nobody has registered {shorten(name)}: /nick NAME takes a free name")
    origin = origin_of(request.member.host)
    wait = request.passphrases.wait(name, origin)
    if wait > FIRST_DELAY:
        request.answer(f"after wrong passphrases this one is tried in {span(wait + 0.5)}")
    if not await request.passphrases.check(name, origin, registration.digest, passphrase):
        raise Refusal(f"that is not the passphrase of {registration.name}")
    await request.chat.journal.log_in(request.member, registration)
    request.answer(f"You are logged in as {registration.name}")


async def unregister(request: Request) -> None:
    name = request.member.name
    await request.chat.journal.unregister(request.member)
    request.answer(f"{name} belongs to nobody now: whoever takes it has it")
