"""Commands for rooms: which there are, what was said there."""

from __future__ import annotations

from twisted_chat.authorisation import Door
from twisted_chat.commands.command import Request, shorten
from twisted_chat.dialects import users
from twisted_chat.events import LOBBY, Role
from twisted_chat.interfaces import RoomSeen
from twisted_chat.limits import MAX_HISTORY, NOTICE_WIDTH, SHOWN_HISTORY, SHOWN_ROOMS, TOKEN
from twisted_chat.member import Member
from twisted_chat.refusal import Refusal
from twisted_chat.retelling import retold
from twisted_chat.spans import span
from twisted_chat.text import whole_number


async def join(request: Request) -> None:
    await request.chat.journal.move(request.member, request.argument)


async def rooms(request: Request) -> None:
    seen = await request.chat.journal.rooms()
    # The search costs as well, also where most of what it found is not shown.
    request.member.meter.charge(len(seen) / TOKEN)
    shown = seen if request.member.door is Door.CONTROL else seen[:SHOWN_ROOMS]
    rows = [_row(room, _may_read(request.member, room)) for room in shown]
    if left_out := len(seen) - request.answer_all(rows):
        request.answer(f"{left_out} smaller {'room' if left_out == 1 else 'rooms'} left out")


def _may_read(member: Member, room: RoomSeen) -> bool:
    """Whether `member` may read the topic of `room`: one that is locked is its members' own."""
    is_there = member.room is not None and member.room.name == room.name
    return is_there or not room.rules.locked or member.standing.role >= Role.OPERATOR


def _row(room: RoomSeen, may_read: bool) -> tuple[str, dict[str, object]]:
    """Describe `room`. If the asker may not read its topic, that is None in the record."""
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
    room = request.member.room
    if room is None:
        return  # It is not there yet, or any more.
    if request.argument == "-":
        await request.chat.journal.set_topic(request.member, "")
    elif request.argument:
        if not request.chat.waits(request.member, room):
            await request.chat.journal.set_topic(request.member, request.argument)
    elif room.rules.topic:
        request.answer(f"{room.rules.topic_by} set the topic: {room.rules.topic}")
    else:
        request.answer("no topic is set: /topic text sets one")


async def _topic_for_chatctl(request: Request) -> None:
    """The room is that of --room, or the first word."""
    name, text = request.room, request.argument
    if not name:
        name, text = request.words(2)
    room = await request.chat.journal.room(name.removeprefix("#") or LOBBY)
    rules = room.rules
    if text:
        await request.chat.journal.set_topic_of(
            request.member.name, room.name, "" if text == "-" else text
        )
        done = "took the topic away" if text == "-" else f"set the topic: {text}"
        request.answer(f"{request.member.name} {done}", room=room.name)
    elif rules.topic:
        request.answer(f"{rules.topic_by} set the topic: {rules.topic}", topic=rules.topic)
    else:
        request.answer(f"no topic is set in #{room.name}", topic="")


async def history(request: Request) -> None:
    count = whole_number(request.argument or str(SHOWN_HISTORY), 1, MAX_HISTORY)
    if count is None:
        raise Refusal(f"write /history N, with N from 1 to {MAX_HISTORY}")
    lines = await request.chat.journal.history(request.some_room, count)
    if not lines:
        request.answer(f"nothing is kept of what was said in #{request.some_room}")
    request.chat.tell(request.member, *retold(lines, request.chat.share))
