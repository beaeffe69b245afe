"""Commands for people who talk: names, private lines, the people there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted_chat.authorisation import Door
from twisted_chat.commands.command import Request
from twisted_chat.dialects import users
from twisted_chat.limits import IDLE, NOTICE_WIDTH
from twisted_chat.names import check_name, named
from twisted_chat.records import Role, Seen
from twisted_chat.refusal import Refusal
from twisted_chat.requests import (
    Emote,
    Ignore,
    Rename,
    Reply,
    SetAway,
    SetBack,
    Tell,
    Unignore,
)
from twisted_chat.spans import span

_ROLES = {Role.GUEST: "guest", Role.REGISTERED: "registered", Role.OPERATOR: "operator"}


async def nick(request: Request) -> None:
    await request.ask(Rename(named(check_name(request.argument))))


async def me(request: Request) -> None:
    await request.ask(Emote(request.room, request.argument))


async def msg(request: Request) -> None:
    receiver, text = request.words(2)
    if not text:
        raise Refusal("nothing was sent: write /msg NAME text")
    _remark(request, await request.ask(Tell(named(receiver), text)))


async def reply(request: Request) -> None:
    _remark(request, await request.ask(Reply(request.argument)))


def _remark(request: Request, receiver: Seen) -> None:
    """If the receiver is away, answer that."""
    if receiver.away is not None:
        _answer_away(request, receiver)


def _answer_away(request: Request, seen: Seen) -> None:
    words = f": {seen.away}" if seen.away else ""
    request.answer(f"{seen.name} is away{words}", name=seen.name, away=seen.away)


async def who(request: Request) -> None:
    """List one room, or all rooms for chatctl without --room."""
    is_chatctl = request.member.door is Door.CONTROL
    room = None if is_chatctl and not request.room else request.its_room
    people = request.view.who(None if room is None else named(room))
    idle = request.chat.idle
    header = f"{users(len(people))} online:"
    if is_chatctl:
        request.answer(header, count=len(people))
        request.answer_all(
            [(_whole(seen, idle(seen)), _record(seen, idle(seen))) for seen in people]
        )
        return
    request.answer(header, room=room, count=len(people), members=[])
    rows = list(_rows((seen, idle(seen)) for seen in people))
    shown = request.answer_all([(line, {"members": members}) for line, members in rows])
    if left_out := sum(len(members) for _, members in rows[shown:]):
        request.answer(f"and {left_out} more, who do not fit here", members=[], left_out=left_out)


def _rows(people: Iterable[tuple[Seen, float]]) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Yield `people`, each with the seconds for which it was idle, in lines of about NOTICE_WIDTH
    characters, and the same for programs.
    """
    line, members = "", list[dict[str, object]]()
    for seen, idle in people:
        words, member = _in_short(seen, idle)
        if line and len(line) + len(words) > NOTICE_WIDTH:
            yield f"{line},", members
            line, members = "", []
        line = f"{line}, {words}" if line else words
        members.append(member)
    if line:
        yield line, members


def _in_short(seen: Seen, idle: float) -> tuple[str, dict[str, object]]:
    """Describe `seen` to people, in a few words, and to programs."""
    remarks: list[str] = []
    member: dict[str, object] = {"name": seen.name}
    if idle >= IDLE:
        remarks.append(f"idle {span(idle)}")
        member["idle"] = int(idle)
    if seen.away is not None:
        remarks.append("away")
        member["away"] = seen.away
    return f"{seen.name} ({'; '.join(remarks)})" if remarks else seen.name, member


async def whois(request: Request) -> None:
    if not request.argument and request.member.door is Door.CONTROL:
        raise Refusal("something is missing: write /whois NAME")
    seen = request.view.find(named(request.argument or request.member.name))
    is_self = seen.author == request.member.id
    shows = request.role >= Role.OPERATOR or is_self
    idle = request.chat.idle(seen)
    record = _record(seen, idle)
    if not shows:
        del record["address"]
    request.answer(_whole(seen, idle, address=shows), **record)
    if seen.away is not None:
        _answer_away(request, seen)


def _whole(seen: Seen, idle: float, address: bool = True) -> str:
    where = f" from {seen.host or 'a unix socket'}" if address else ""
    role = f", {_ROLES[seen.role]}" if seen.role > Role.GUEST else ""
    rooms = ", ".join(f"#{room}" for room in seen.rooms) or "no room"
    return f"{seen.name}{where} in {rooms}{role}, idle {span(idle)}"


def _record(seen: Seen, idle: float) -> dict[str, object]:
    return {
        "name": seen.name,
        "room": seen.rooms[0] if seen.rooms else None,
        "rooms": list(seen.rooms),
        "idle": int(idle),
        "away": seen.away,
        "role": _ROLES[seen.role],
        "address": None if seen.host is None else str(seen.host),
    }


async def away(request: Request) -> None:
    await request.ask(SetAway(request.argument))
    words = f": {request.argument}" if request.argument else ""
    request.answer(f"You are away{words}", away=request.argument)


async def back(request: Request) -> None:
    await request.ask(SetBack())
    request.answer("You are back", away=None)


async def ignore(request: Request) -> None:
    if not request.argument:
        names = request.view.ignored(request.member.id)
        request.answer(f"You ignore {', '.join(names) or 'nobody'}", ignored=names)
        return
    name = await request.ask(Ignore(named(request.argument)))
    request.answer(f"You ignore {name}: /unignore {name} ends it", **_ignored(request, name))


async def unignore(request: Request) -> None:
    name = await request.ask(Unignore(named(request.argument)))
    request.answer(f"You hear {name} again", **_ignored(request, name))


def _ignored(request: Request, name: str) -> dict[str, object]:
    return {"name": name, "ignored": request.view.ignored(request.member.id)}


async def leave(request: Request) -> None:
    request.chat.leave(request.member, words=request.argument)
