"""One connection in a room."""

from __future__ import annotations

from twisted_chat.interfaces import IDialect, IOutbox


class Member:
    """One connection in a room, with a name, its way out and the dialect it is written to in.

    `name`: as asked for until the member is in the room, then as the journal granted it.
    `leaving`: its Left has been asked for, and no further line of it is taken.
    """

    __slots__ = ("dialect", "leaving", "name", "outbox")

    def __init__(self, name: str, outbox: IOutbox, dialect: IDialect) -> None:
        self.name = name
        self.outbox = outbox
        self.dialect = dialect
        self.leaving = False
