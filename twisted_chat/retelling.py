"""What was said before, told again."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_chat.events import Gap, Notice, Retold
from twisted_chat.interfaces import IView
from twisted_chat.limits import MAX_HISTORY, NUMBERS
from twisted_chat.members import Member
from twisted_chat.names import Name


def retold_last(
    view: IView, room: Name, count: int, share: int, reader: Member, end: int = NUMBERS
) -> list[Retold | Notice]:
    """Return the last `count` lines that were said in the room with exactly this name, before the
    event with the number `end`. If they take more than `share` bytes as `reader` reads them, they
    are fewer, led by how many older ones were left out.
    """
    return _bounded(room.text, view.history(room, count, end), share, reader)


def retold_after(
    view: IView, room: Name, id: str, share: int, reader: Member
) -> list[Gap | Retold | Notice]:
    """Return what was said after the line with this `id` in the room with exactly this name. If
    that line is not kept any more, that is a Gap and all lines there are. Bounded as in
    `retold_last`.
    """
    is_known, lines = view.history_after(room, id, MAX_HISTORY)
    gap = [] if is_known else [Gap(room.text)]
    return [*gap, *_bounded(room.text, lines, share, reader)]


def retold_before(
    view: IView, room: Name, id: str, count: int, share: int, reader: Member
) -> tuple[list[Gap | Retold], bool]:
    """Return the last `count` lines that were said in the room with exactly this name before the
    one with this `id`, or the last of all if that is empty; and whether older ones are kept. If
    they take more than `share` bytes as `reader` reads them, they are fewer, but one at least. If
    nobody knows any more where that line stood, return a Gap alone.
    """
    if id:
        is_known, lines = view.history_before(room, id, count + 1)
        if not is_known:
            return [Gap(room.text)], False
    else:
        lines = view.history(room, count + 1)
    shown = _last(lines, share, reader)[-count:] or lines[-1:]
    return [*shown], len(shown) < len(lines)


def _bounded(
    room: str, lines: Sequence[Retold], share: int, reader: Member
) -> list[Retold | Notice]:
    share -= len(_rendered(_left_out(room, len(lines)), reader))
    shown = _last(lines, share, reader)
    left_out = len(lines) - len(shown)
    return [_left_out(room, left_out), *shown] if left_out else [*shown]


def _last(lines: Sequence[Retold], share: int, reader: Member) -> list[Retold]:
    """Return the last of `lines`, in at most `share` bytes as `reader` reads them."""
    shown: list[Retold] = []
    # There may be far more, which are not even looked at.
    for line in reversed(lines):
        share -= len(_rendered(line, reader))
        if share < 0:
            break
        shown.append(line)
    return shown[::-1]


def _rendered(event: Retold | Notice, reader: Member) -> bytes:
    return reader.dialect.render_to(event, reader)


def _left_out(room: str, count: int) -> Notice:
    text = f"{count} older {'line' if count == 1 else 'lines'} left out"
    return Notice(text, {"room": room, "left_out": count})
