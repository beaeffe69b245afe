"""What was said before, told again."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_chat.events import Gap, Notice, Retold
from twisted_chat.interfaces import IView
from twisted_chat.limits import MAX_HISTORY
from twisted_chat.members import Member
from twisted_chat.names import Name


def retold(lines: Sequence[Retold], share: int, reader: Member) -> list[Retold | Notice]:
    """The last of `lines`, in at most `share` bytes as `reader` reads them, led by how many older
    ones were left out.
    """
    share -= len(reader.dialect.render_to(_left_out(len(lines)), reader))
    shown: list[Retold] = []
    # There may be far more, which are not even looked at.
    for line in reversed(lines):
        share -= len(reader.dialect.render_to(line, reader))
        if share < 0:
            break
        shown.append(line)
    told: list[Retold | Notice] = []
    if left_out := len(lines) - len(shown):
        told.append(_left_out(left_out))
    told += reversed(shown)
    return told


def retold_after(
    view: IView, room: Name, id: str, share: int, reader: Member
) -> list[Gap | Retold | Notice]:
    """What was said in `room`, as it is called there, after the line with this `id`. Where that one
    is not kept any more, it is a Gap and all there is. Bounded as in `retold`.
    """
    is_known, lines = view.history_after(room, id, MAX_HISTORY)
    gap = [] if is_known else [Gap(room.text)]
    return [*gap, *retold(lines, share, reader)]


def _left_out(count: int) -> Notice:
    text = f"{count} older {'line' if count == 1 else 'lines'} left out"
    return Notice(text, {"left_out": count})
