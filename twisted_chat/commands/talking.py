"""Commands for people who talk: names, private lines, who is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from twisted_chat.authorisation import Door
from twisted_chat.commands.command import Request, shorten
from twisted_chat.dialects import users
from twisted_chat.events import Role
from twisted_chat.interfaces import Seen
from twisted_chat.limits import IDLE, IGNORED, NOTICE_WIDTH
from twisted_chat.names import check_name, key
from twisted_chat.refusal import Refusal
from twisted_chat.spans import span

_NAME = re.compile(r"[^,]+")
"""One of the names in a line of them."""

_ROLES = {Role.GUEST: "guest", Role.REGISTERED: "registered", Role.OPERATOR: "operator"}


async def nick(request: Request) -> None:
    await request.chat.journal.rename(request.member, check_name(request.argument))


async def me(request: Request) -> None:
    request.chat.emote(request.member, request.argument)


async def msg(request: Request) -> None:
    receiver, text = request.words(2)
    if not text:
        raise Refusal("nothing was sent: write /msg NAME text")
    await _tell(request, receiver, text)


async def reply(request: Request) -> None:
    receiver = request.member.correspondent
    if receiver is None:
        raise Refusal("nobody who is here has sent you a private line: /msg NAME text begins")
    await _tell(request, receiver, request.argument)


async def _tell(request: Request, receiver: str, text: str) -> None:
    seen = await request.chat.journal.tell(request.member, receiver, text)
    if seen.away is not None:
        request.answer(_away(seen))


def _away(seen: Seen) -> str:
    return f"{seen.name} is away: {seen.away}" if seen.away else f"{seen.name} is away"


async def who(request: Request) -> None:
    """List one room, or all rooms for chatctl without --room."""
    people = await request.chat.journal.who(request.room or None)
    request.answer(f"{users(len(people))} online:", count=len(people))
    if request.member.door is Door.CONTROL:
        request.answer_all([(_whole(seen), _record(seen)) for seen in people])
    else:
        lines = list(_wrap(map(_in_short, people)))
        shown = request.answer_all([(line, {}) for line in lines])
        if left_out := sum(len(_NAME.findall(line)) for line in lines[shown:]):
            request.answer(f"and {left_out} more, who do not fit here")


def _in_short(seen: Seen) -> str:
    remarks = [f"idle {span(seen.idle)}"] if seen.idle >= IDLE else []
    if seen.away is not None:
        remarks.append("away")
    return f"{seen.name} ({', '.join(remarks)})".replace(", ", "; ") if remarks else seen.name


def _wrap(names: Iterable[str]) -> Iterator[str]:
    """`names` joined by commas, in lines of about NOTICE_WIDTH characters."""
    line = ""
    for name in names:
        if line and len(line) + len(name) > NOTICE_WIDTH:
            yield f"{line},"
            line = name
        else:
            line = f"{line}, {name}" if line else name
    yield line


async def whois(request: Request) -> None:
    if not request.argument and request.member.door is Door.CONTROL:
        raise Refusal("something is missing: write /whois NAME")
    seen = await request.chat.journal.find(request.argument or request.member.name)
    is_self = seen.name == request.member.name
    shows = request.member.standing.role >= Role.OPERATOR or is_self
    record = _record(seen)
    if not shows:
        del record["address"]
    request.answer(_whole(seen, address=shows), **record)
    if seen.away is not None:
        request.answer(_away(seen))


def _whole(seen: Seen, address: bool = True) -> str:
    where = f" from {seen.host or 'a unix socket'}" if address else ""
    role = f", {_ROLES[seen.role]}" if seen.role > Role.GUEST else ""
    return f"{seen.name}{where} in #{seen.room}{role}, idle {span(seen.idle)}"


def _record(seen: Seen) -> dict[str, object]:
    return {
        "name": seen.name,
        "room": seen.room,
        "idle": int(seen.idle),
        "away": seen.away,
        "role": _ROLES[seen.role],
        "address": None if seen.host is None else str(seen.host),
    }


async def away(request: Request) -> None:
    await request.chat.journal.set_away(request.member, request.argument)
    words = f": {request.argument}" if request.argument else ""
    request.answer(f"You are away{words}")


async def back(request: Request) -> None:
    await request.chat.journal.set_away(request.member, None)
    request.answer("You are back")


async def ignore(request: Request) -> None:
    member = request.member
    name = request.argument
    if not name:
        names = sorted(member.ignored.values())
        request.answer(f"You ignore {', '.join(names) or 'nobody'}", ignored=names)
        return
    seen = await request.chat.journal.find(name)
    if member.leaving:
        return  # It went while the journal looked.
    if seen.name == member.name:
        raise Refusal("that is you: others would still hear you")
    if key(seen.name) in member.ignored:
        raise Refusal(f"you ignore {seen.name} already: /unignore {seen.name} ends it")
    if len(member.ignored) >= IGNORED:
        raise Refusal(f"you ignore {IGNORED} names, as many as may be: /unignore some first")
    request.chat.ignore(member, {**member.ignored, key(seen.name): seen.name})
    request.answer(f"You ignore {seen.name}: /unignore {seen.name} ends it")


async def unignore(request: Request) -> None:
    others = dict(request.member.ignored)
    name = others.pop(key(request.argument), None)
    if name is None:
        raise Refusal(f"you do not ignore {shorten(request.argument)}: /ignore lists whom you do")
    request.chat.ignore(request.member, others)
    request.answer(f"You hear {name} again")


async def leave(request: Request) -> None:
    member = request.member
    words = request.argument
    if words and member.standing.muted_until > request.chat.now():
        request.chat.refuse(member, "you are muted: you leave without words")
        words = ""
    request.chat.leave(member, words=words)
