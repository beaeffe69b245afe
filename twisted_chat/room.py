"""One room: the shared set of members, and what holds among them."""

from __future__ import annotations

from twisted_chat.events import LOBBY, Rules
from twisted_chat.member import Member


class Room:
    """Who is in, of this daemon's members, in the order in which they entered.

    There is one only while somebody is in it: what outlasts that is the journal's.
    """

    __slots__ = ("members", "name", "rules")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rules = Rules()
        self.members: dict[Member, None] = {}

    @property
    def lead(self) -> str:
        """What leads its lines in the transcript; those of the lobby stand bare."""
        return "" if self.name == LOBBY else f"#{self.name} "
