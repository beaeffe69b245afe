"""What a journal finds when it begins: checked here, all of it before any of it is taken over."""

from __future__ import annotations

from twisted_chat.journal.registrations import Recent
from twisted_chat.journal.rooms import RoomRecord
from twisted_chat.journal.store import Contents
from twisted_chat.records import Registration, Sanction


class SavedState:
    """What a store holds, as values by their keys. Raises ValueError if anything in `contents` is
    not what a journal puts there, and NewerError where only a later version does.
    """

    def __init__(self, contents: Contents) -> None:
        self.rooms = contents.each("room", RoomRecord)
        self.lines = contents.lines
        self.registrations = contents.each("registration", Registration)
        self.recent = contents.each("recent", Recent)
        self.bans = contents.each("ban", Sanction)
        self.mutes = contents.each("mute", Sanction)
