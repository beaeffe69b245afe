"""One connection in a room."""

from __future__ import annotations

from twisted_chat.flood import Meter
from twisted_chat.interfaces import IDialect, IOutbox


class Member:
    """One connection in a room: its name, its way out, the dialect it is written to in, and what
    counts its share of the daemon's time.

    `name`: as asked for until the member is in the room, then as the journal granted it.
    `leaving`: its Left has been asked for, and no further line of it is taken.
    """

    __slots__ = ("dialect", "leaving", "meter", "name", "outbox")

    def __init__(self, name: str, outbox: IOutbox, dialect: IDialect, meter: Meter) -> None:
        self.name = name
        self.outbox = outbox
        self.dialect = dialect
        self.meter = meter
        self.leaving = False
