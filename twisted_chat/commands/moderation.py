"""Commands for operators, and for the owner of the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from time import time

from twisted_chat import __version__
from twisted_chat.commands.command import Request, shorten
from twisted_chat.dialects import users
from twisted_chat.limits import MAX_SLOW
from twisted_chat.names import can_be_called, named
from twisted_chat.networks import is_default_name, is_local, network_in, show
from twisted_chat.records import Sanction
from twisted_chat.refusal import Refusal
from twisted_chat.requests import (
    Announce,
    Ban,
    ForgetLine,
    ForgetLines,
    Kick,
    Lock,
    Mute,
    SetOperator,
    Slow,
    Unban,
    Unlock,
    Unmute,
    UnsetOperator,
)
from twisted_chat.spans import moment, parse_span, span
from twisted_chat.text import whole_number


async def kick(request: Request) -> None:
    name, why = request.words(2)
    await request.ask(Kick(named(name), why))


async def ban(request: Request) -> None:
    whom, rest = request.words(2)
    first, *others = rest.split(None, 1) or [""]
    seconds = parse_span(first)
    if seconds is None and first[:1].isdecimal():
        raise _no_time(first)
    why = rest if seconds is None else "".join(others)
    _check_whom(whom)
    hint = _hint(request, "ban", whom)
    hit = await request.ask(Ban(named(whom), seconds or 0, why))
    network = network_in(whom)
    if hint:
        request.answer(hint)
    elif network is not None:
        request.answer(f"{show(network)} is banned: {users(hit)} put out", count=hit)


async def unban(request: Request) -> None:
    await request.ask(Unban(named(request.argument)))


async def bans(request: Request) -> None:
    """List the bans, then the mutes."""
    rows = [_row(each, "") for each in request.view.bans()]
    rows += [_row(each, " is muted") for each in request.view.mutes()]
    if left_out := len(rows) - request.answer_all(rows):
        request.answer(f"and {left_out} more, which do not fit here", left_out=left_out)
    if not rows:
        request.answer("nobody is banned or muted", count=0)


def _row(sanction: Sanction, what: str) -> tuple[str, dict[str, object]]:
    until = f" until {moment(sanction.until)}" if sanction.until else ""
    why = f": {sanction.why}" if sanction.why else ""
    return f"{sanction.whom}{what}{until}, by {sanction.by}{why}", {
        "whom": sanction.whom,
        "muted": bool(what),
        "by": sanction.by,
        "since": sanction.since,
        "until": sanction.until or None,
        "why": sanction.why,
    }


async def mute(request: Request) -> None:
    whom, rest = request.words(2)
    seconds = parse_span(rest) if rest else 0
    if seconds is None:
        raise _no_time(rest)
    if not is_default_name(whom):
        _check_whom(whom)
    hint = _hint(request, "mute", whom)
    await request.ask(Mute(named(whom), seconds))
    if hint:
        request.answer(hint)


async def unmute(request: Request) -> None:
    await request.ask(Unmute(named(request.argument)))


async def slow(request: Request) -> None:
    text = request.argument
    seconds = parse_span(text) or whole_number(text, 0, MAX_SLOW)
    if seconds is None or seconds > MAX_SLOW:
        raise Refusal(f"write /slow SECONDS, from 0 (as fast as you like) to {MAX_SLOW}")
    await request.ask(Slow(_room(request), seconds))


async def lock(request: Request) -> None:
    await request.ask(Lock(_room(request)))


async def unlock(request: Request) -> None:
    await request.ask(Unlock(_room(request)))


async def say(request: Request) -> None:
    room = _room(request) if request.room else ""
    await request.ask(Announce(room, request.argument))
    request.answer("said", room=room or None)


async def forget(request: Request) -> None:
    first, id = request.words(2)
    if request.room and not id:  # The room is that of --room.
        first, id = request.room, first
    if id:
        room = request.view.room(named(first.removeprefix("#"))).name
        count = await request.ask(ForgetLine(room, id))
    else:
        if not is_default_name(first):
            _check_whom(first)
        count = await request.ask(ForgetLines(named(first)))
    lines = "1 line is" if count == 1 else f"{count} lines are"
    request.answer(f"{lines} forgotten", count=count)


async def op(request: Request) -> None:
    await request.ask(SetOperator(named(request.argument)))


async def deop(request: Request) -> None:
    await request.ask(UnsetOperator(named(request.argument)))


async def ops(request: Request) -> None:
    registrations = request.view.registrations()
    names = [each.name for each, _ in registrations if each.operator]
    for name in names:
        request.answer(name, name=name)
    if not names:
        request.answer("there are no operators: chatctl op NAME makes one", count=0)


async def status(request: Request) -> None:
    chat = request.chat
    people = chat.view.who(None)
    rooms = [room for room in chat.view.rooms() if room.count]
    uptime = chat.seconds() - chat.since
    where = "1 room" if len(rooms) == 1 else f"{len(rooms)} rooms"
    certificate = request.certificate
    warning = "" if certificate is None else certificate.warning(time())
    counts = chat.counting.counts()
    lines = [
        f"twisted-chat {__version__}, up {span(uptime)}: {users(len(people))} in {where}"
        + (f"; {warning}" if warning else ""),
        *(_in_words(part, numbers) for part, numbers in counts.items()),
    ]
    request.answer(
        "\n".join(lines),
        version=__version__,
        uptime=int(uptime),
        users=len(people),
        rooms=len(rooms),
        lasting=chat.journal.lasting,
        certificate_until=None if certificate is None else int(certificate.ends),
        counts=counts,
    )


def _in_words(part: str, numbers: Mapping[str, int]) -> str:
    counted = [f"{what.replace('_', ' ')} {number}" for what, number in numbers.items() if number]
    return f"{part}: {', '.join(counted) or 'nothing'}"


def _no_time(text: str) -> Refusal:
    return Refusal(f"{shorten(text)} is no time: write it like 30s, 10m, 2h or 7d")


def _room(request: Request) -> str:
    """Return the name of the room that the request is about, as the room has it."""
    return request.view.room(named(request.some_room)).name


def _hint(request: Request, what: str, whom: str) -> str:
    """Return what to tell an operator who acts on a name: its bearer may come back under another
    one.
    """
    if network_in(whom) is not None or is_default_name(whom):
        return ""
    try:
        seen = request.view.find(named(whom))
    except Refusal:
        return ""
    if is_local(seen.host):  # Everybody on this machine shares that address.
        return ""
    done = "banned" if what == "ban" else "muted"
    lead = request.member.door.lead
    return f"the name {whom} is {done}, not where it comes from: {lead}{what} {seen.host} does that"


def _check_whom(whom: str) -> None:
    """Raise Refusal if `whom` is no network and cannot be a name."""
    if network_in(whom) is not None:
        return
    if is_default_name(whom):
        raise Refusal(f"{shorten(whom)} has no address that could be banned: /kick it")
    if not can_be_called(whom):
        raise Refusal(f"{shorten(whom)} is no address or network, and nobody's name")
