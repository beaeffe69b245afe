"""What a member is told that comes into a room: where it is, and what was said there."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from twisted_chat.events import Greeting, Joined, Motd, OwnEvent, Topic
from twisted_chat.interfaces import IJournal, IView
from twisted_chat.limits import Limits
from twisted_chat.members import Member, Room
from twisted_chat.names import key, named
from twisted_chat.retelling import retold_after, retold_last


class Welcome:
    """Puts together what newcomers are told. `motd`: the lines of the message of the day. The last
    `limits.replay` lines of a room are told again, if they are no longer than an answer.
    """

    _log = Logger()

    def __init__(self, journal: IJournal, limits: Limits, motd: Sequence[str]) -> None:
        self._journal = journal
        self._limits = limits
        self.motd = motd

    def to_room(
        self, member: Member, room: Room, is_first: bool, before: Sequence[OwnEvent]
    ) -> list[OwnEvent | Topic]:
        """Return what tells `member` that it is in `room`. `is_first`: it was in no room before.
        `before`: what was said there.
        """
        view: IView = self._journal.view
        rules = view.rules(room.name)
        kind = Greeting if is_first else Joined
        count = view.room(named(room.name)).count
        events: list[OwnEvent | Topic] = [
            kind(count, room.name, member.name, rules.slow, rules.locked)
        ]
        if is_first and self.motd:
            events.append(Motd("\n".join(self.motd)))
        events += before
        if rules.topic:
            events.append(Topic(room.name, rules.topic, rules.topic_by))
        return events

    def said_before(self, member: Member, room: Room, entered: int) -> Sequence[OwnEvent]:
        """Return the lines of `room` that `member`, which has just entered it, is told again. The
        Entered has the number `entered`.
        """
        since = member.since.get(key(room.name)) if member.since else None
        if since is None and not member.is_greeted:
            since = ""
        member.began = entered if since == "" and self._limits.replay else 0
        if since is None:
            return ()
        # All rooms that it enters at once have one share.
        share = self._limits.answer // (len(member.since) or 1)
        return self._told_again(member, room, since, share, entered)

    def told_once(self, member: Member, room: Room) -> Sequence[OwnEvent]:
        """Return the lines that `member` was told as a newcomer; the second time, none."""
        if not member.began:
            return ()
        before = self._told_again(member, room, "", self._limits.answer, member.began)
        member.began = 0
        return before

    def _told_again(
        self, member: Member, room: Room, since: str, share: int, end: int
    ) -> Sequence[OwnEvent]:
        """Return what was said in `room` after the line with the id `since`; if that is empty, the
        last lines before the event with the number `end`. If that fails, return nothing.
        """
        view: IView = self._journal.view
        try:
            if since:
                return retold_after(view, named(room.name), since, share, member)
            if replay := self._limits.replay:
                return retold_last(view, named(room.name), replay, share, member, end)
        except Exception:
            self._log.failure("no history to tell again")
        return ()
