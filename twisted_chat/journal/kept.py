"""What a journal finds when it begins: checked here, all of it before any of it is taken over."""

from __future__ import annotations

from twisted_chat.journal.registrations import Recent, Registration
from twisted_chat.journal.rooms import StoredRoom
from twisted_chat.journal.sanctions import Sanction
from twisted_chat.journal.store import Stored


class Kept:
    """All that was kept before, by what it is and its key in the store. Raises ValueError if
    anything in `stored` is not what a journal puts there.
    """

    def __init__(self, stored: Stored) -> None:
        self.rooms = stored.each("room", StoredRoom)
        self.lines = stored.lines
        self.registrations = stored.each("registration", Registration)
        self.recent = stored.each("recent", Recent)
        self.bans = stored.each("ban", Sanction)
        self.mutes = stored.each("mute", Sanction)
