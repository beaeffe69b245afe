"""Commands for rooms: going there, their topics, what was said there."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_chat.authorisation import Door
from twisted_chat.commands.command import Request, shorten
from twisted_chat.dialects import users
from twisted_chat.events import LOBBY, Event, Notice
from twisted_chat.limits import (
    ANSWER_SHARE,
    CONTROL_BACKLOG,
    MAX_HISTORY,
    NOTICE_WIDTH,
    SHOWN_HISTORY,
    SHOWN_ROOMS,
    TOKEN,
)
from twisted_chat.members import FROM_NOW_ON
from twisted_chat.names import BadName, check_room, named
from twisted_chat.records import RoomSeen, Rules
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Join, Move, SetTopic
from twisted_chat.retelling import retold_after, retold_before, retold_last
from twisted_chat.spans import span
from twisted_chat.text import whole_number


async def join(request: Request) -> None:
    name, objection = request.argument.removeprefix("#"), ""
    try:
        # A kept room may look like the lobby. It is found as it is written.
        if (checked := check_room(name)) != LOBBY:
            name = checked
    except BadName as error:
        objection = str(error)
    ask = Move if request.member.door.has_one_room else Join
    try:
        await request.ask(ask(named(name), objection))
    finally:
        request.member.since = FROM_NOW_ON


async def rooms(request: Request) -> None:
    seen = request.view.rooms()
    # The search is paid for too, also if most of what it found is not shown.
    request.member.meter.charge(len(seen) / TOKEN)
    shown = seen if request.member.door is Door.CONTROL else seen[:SHOWN_ROOMS]
    # Only its members, and operators, read the topic of a locked room.
    rows = [_row(room, not room.rules.locked or request.may_look_into(room.name)) for room in shown]
    if left_out := len(seen) - request.answer_all(rows):
        rest = f"{left_out} smaller {'room' if left_out == 1 else 'rooms'} left out"
        request.answer(rest, left_out=left_out)


def _row(room: RoomSeen, may_read: bool) -> tuple[str, dict[str, object]]:
    """Return a text and a record about `room`. The topic is None if the asker may not read it."""
    rules = room.rules
    marks = ["locked"] if rules.locked else []
    if rules.slow:
        marks.append(f"slow: one line in {span(rules.slow)}")
    set_here = f" ({'; '.join(marks)})" if marks else ""
    words = shorten(rules.topic, NOTICE_WIDTH)
    topic = f", {rules.topic_by} set the topic: {words}" if rules.topic and may_read else ""
    return f"#{room.name}{set_here}: {users(room.count)} online{topic}", {
        "room": room.name,
        "count": room.count,
        "topic": rules.topic if may_read else None,
        "locked": rules.locked,
        "slow": rules.slow,
    }


async def topic(request: Request) -> None:
    if request.member.door is Door.CONTROL:
        await _topic_for_chatctl(request)
        return
    room = request.its_room
    if request.argument:
        await request.ask(SetTopic(room, "" if request.argument == "-" else request.argument))
        return
    rules = request.view.rules(room)
    if rules.topic:
        request.answer(f"{rules.topic_by} set the topic: {rules.topic}", **_topic(rules))
    else:
        request.answer("no topic is set: /topic text sets one", **_topic(rules))


async def _topic_for_chatctl(request: Request) -> None:
    """Do the same for chatctl: the room is that of --room, or the first word."""
    name, text = request.room, request.argument
    if not name:
        name, text = request.words(2)
    room = request.view.room(named(name.removeprefix("#") or LOBBY))
    rules = room.rules
    if text:
        await request.ask(SetTopic(room.name, "" if text == "-" else text))
        done = "took the topic away" if text == "-" else f"set the topic: {text}"
        request.answer(f"{request.member.name} {done}", room=room.name)
    elif rules.topic:
        request.answer(f"{rules.topic_by} set the topic: {rules.topic}", **_topic(rules))
    else:
        request.answer(f"no topic is set in #{room.name}", **_topic(rules))


def _topic(rules: Rules) -> dict[str, object]:
    return {"topic": rules.topic, "by": rules.topic_by}


async def history(request: Request) -> None:
    """Show the last lines, or those after or before one that the asker has."""
    is_chatctl = request.member.door is Door.CONTROL
    room = request.some_room if is_chatctl else request.its_room
    word, id, rest = request.words(3)
    share = CONTROL_BACKLOG // ANSWER_SHARE if is_chatctl else request.chat.limits.answer
    reader = request.member
    told: Sequence[Event]
    nothing = f"nothing is kept of what was said in #{room}"
    if word.lower() == "after" and id and not rest:
        told = retold_after(request.view, named(room), id, share, reader)
        nothing = f"nothing was said in #{room} after that"
    elif word.lower() == "before" and id:
        count = _count(rest)
        lines, more = retold_before(request.view, named(room), id, count, share, reader)
        kept = "older lines are kept" if more else "no older lines are kept"
        told = [*lines, Notice(kept, {"room": room, "more": more})]
    else:
        told = retold_last(request.view, named(room), _count(request.argument), share, reader)
    request.chat.tell(reader, *(told or [Notice(nothing, {"room": room, "lines": 0})]))


def _count(text: str) -> int:
    """Return the number of lines that `text` asks for. Raises Refusal."""
    count = whole_number(text or str(SHOWN_HISTORY), 1, MAX_HISTORY)
    if count is None:
        raise Refusal(
            f"write /history N, with N from 1 to {MAX_HISTORY}, /history after ID, or "
            "/history before ID N"
        )
    return count
