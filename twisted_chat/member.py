"""One connection in a room."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.events import Role, Standing
from twisted_chat.flood import Meter
from twisted_chat.interfaces import IAuthor, IDialect, IOutbox
from twisted_chat.networks import LOCAL, Host

if TYPE_CHECKING:
    from twisted_chat.room import Room

_STANDING = Standing()
_CONTROL = Standing(Role.OPERATOR)
_NOBODY: Mapping[str, str] = MappingProxyType({})


class _Read:
    """Slots that a delivery reads, next to each other in memory."""

    __slots__ = ("dialect", "leaving", "meter", "name", "outbox", "room")


@implementer(IAuthor)
class Member(_Read):
    """One connection in a room: its name, its way out, the dialect it is written to in, and what
    counts its share of the daemon's time.

    `name`: as asked for until the member is in the room, then as the journal granted it.
    `room`: where it is; None before it has entered and after it left, and always at the control
    door, which is in no room. `door`: where it came in; `host`: from where; `origin`: what counts
    as one address with it wherever each has a share.
    `standing`: what it may do. `spoke`: when it last said something where that is restrained, in
    monotonic seconds. `ignored`: the names it does not want to hear, by their keys.
    `correspondent`: key of the name that last told it something alone; None: nobody there has.
    `leaving`: its Left has been asked for, and no further line of it is taken.
    """

    __slots__ = (
        "correspondent",
        "door",
        "host",
        "ignored",
        "origin",
        "spoke",
        "standing",
    )

    def __init__(
        self,
        name: str,
        outbox: IOutbox,
        dialect: IDialect,
        meter: Meter,
        door: Door = Door.LINE,
        host: Host = None,
        origin: str = LOCAL,
    ) -> None:
        self.name = name
        self.outbox = outbox
        self.dialect = dialect
        self.meter = meter
        self.door = door
        self.host = host
        self.origin = origin
        self.room: Room | None = None
        self.standing = _CONTROL if door is Door.CONTROL else _STANDING
        self.spoke = float("-inf")
        self.ignored = _NOBODY
        self.correspondent: str | None = None
        self.leaving = False

    @property
    def idle(self) -> float:
        """Seconds since it last sent something."""
        return self.meter.idle
