"""The chat: all rooms of one daemon, and what each member gets to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.attention import Attention
from twisted_chat.authorisation import Door
from twisted_chat.events import (
    YOU,
    Acted,
    Decision,
    Emoted,
    Entered,
    Event,
    Greeting,
    Left,
    Moved,
    Notice,
    Reason,
    Refused,
    Renamed,
    Role,
    Rules,
    Said,
    Standing,
    Told,
)
from twisted_chat.interfaces import IDialect, IJournal, ITranscript
from twisted_chat.journal import audit
from twisted_chat.limits import TOKEN, TURN
from twisted_chat.member import Member
from twisted_chat.names import key
from twisted_chat.networks import is_default
from twisted_chat.retelling import retold
from twisted_chat.room import Room
from twisted_chat.spans import span
from twisted_chat.turn import Turn


class Chat:
    """Who is in which room, and what each of them gets to read.

    A member asks (`enter`, `say`, `leave`, or the journal itself for what commands want), the
    journal orders, the chat applies what comes back: it puts the event and its audience into the
    pending turn, and `flush` hands every member one `bytes`. The chat does no I/O of its own.

    `later` runs a function after the present turn of the reactor. `seconds` is the monotonic clock,
    `now` the wall clock: see clocks.py. `motd` is told to each newcomer after its greeting, and
    then the last `replay` lines of the lobby, but no more than `share` bytes of them. The
    transcript gets what all members of a room could read, in `dialect`.
    """

    _log = Logger()

    def __init__(
        self,
        journal: IJournal,
        later: Callable[[Callable[[], None]], object],
        seconds: Callable[[], float],
        now: Callable[[], float],
        transcript: ITranscript,
        dialect: IDialect,
        motd: Sequence[str] = (),
        replay: int = 0,
        share: int = 0,
    ) -> None:
        self.journal = journal
        self.rooms: dict[str, Room] = {}
        """The rooms that members of this daemon are in, by name."""
        self.seconds = seconds
        self.now = now
        self.since = seconds()
        self.share = share
        """Bytes that one answer may have: so many wait for a member without harm."""
        self._later = later
        self._transcript = transcript
        self._dialect = dialect
        self._motd = [Notice(line) for line in motd]
        self._replay = replay
        self._members: dict[str, Member] = {}
        self._entering: dict[Member, Deferred[None]] = {}
        self._attendants: set[Member] = set()
        self._ignorers = Attention()
        self._correspondents = Attention()
        self._turn = Turn()
        self._departed: list[Member] = []
        self._flush_due = False
        self._flushing = False
        journal.follow(self._apply)

    # What a member asks.

    def enter(self, member: Member) -> Deferred[None] | None:
        """Ask for a place in the lobby under the name that `member` has, or one like it.

        None if it is in; otherwise what fires when it is. It never fails, and can be cancelled.
        Until then no line of `member` is to be handed in.
        """
        member.meter.active = self.seconds()
        self.journal.enter(member, member.name, member.host)
        if member.room is not None or member.leaving:
            return None
        entered: Deferred[None] = Deferred(lambda given_up: given_up.callback(None))
        self._entering[member] = entered
        return entered

    def say(self, member: Member, text: str) -> None:
        """Say `text` to all others: a line, clean and not empty, or several joined by LF."""
        room = member.room
        if room is None or member.leaving:
            return
        if member.standing.muted_until or room.rules.slow:
            self._say_restrained(member, room, text)
        else:
            self.journal.say(member, room.name, Said(member.name, text))

    def emote(self, member: Member, text: str) -> None:
        """Tell all, the author too, that `member` does `text`: one line, clean and not empty."""
        room = member.room
        if not member.leaving and room is not None and not self.waits(member, room):
            self.journal.say(member, room.name, Emoted(member.name, text))

    def leave(self, member: Member, words: str = "", reason: Reason | None = None) -> None:
        """Take `member` out, once: with `words` of its own, or put out for `reason`.

        It still gets what came before its Left, then its outbox is closed. One of the control door
        is in no room: nobody is told.
        """
        if member.leaving:
            return
        member.leaving = True
        if member.door is Door.CONTROL:
            self._attendants.discard(member)
            self._departed.append(member)
            self._flush_later()
        else:
            self.journal.leave(member, Left(member.name, 0, words, reason.value if reason else ""))

    def attend(self, member: Member, acts: bool = True) -> None:
        """Let `member` of the control door read what becomes of its own acts as long as it `acts`:
        all that come in there bear one name.
        """
        if acts:
            self._attendants.add(member)
        else:
            self._attendants.discard(member)

    def ignore(self, member: Member, names: Mapping[str, str]) -> None:
        """Let `member` hear nothing more of whoever bears one of `names`, which are by key."""
        for name in member.ignored.keys() - names.keys():
            self._ignorers.discard(name, member)
        for name in names.keys() - member.ignored.keys():
            self._ignorers.add(name, member)
        member.ignored = names

    def _say_restrained(self, member: Member, room: Room, text: str) -> None:
        if member.standing.muted_until > self.now():
            self.refuse(member, "that was not said: you are muted")
        elif not room.rules.slow or member.standing.role >= Role.OPERATOR:
            self.journal.say(member, room.name, Said(member.name, text))
        else:
            first, *others = text.split("\n")
            if not self.waits(member, room, 1 + len(others)):
                self.journal.say(member, room.name, Said(member.name, first))
                self.waits(member, room, len(others))

    def waits(self, member: Member, room: Room, lines: int = 1) -> bool:
        """Whether `member` has to wait before it says something; then its `lines` are refused.
        Otherwise it may say one now.
        """
        slow = room.rules.slow
        if not slow or member.standing.role >= Role.OPERATOR or not lines:
            return False
        seconds = self.seconds()
        wait = member.spoke + slow - seconds
        if wait > 0:
            what = "that was not said" if lines == 1 else f"{lines} lines were not said"
            self.refuse(
                member,
                f"{what}: everybody says one line in {span(slow)} here, you again in "
                f"{span(wait + 0.5)}",
            )
            return True
        member.spoke = seconds
        return False

    # What only one member gets.

    def notify(self, member: Member, text: str, **record: object) -> None:
        """Answer `member` with a notice, which keeps its place among the events."""
        self.tell(member, Notice(text, record or None))

    def refuse(self, member: Member, text: str) -> None:
        """Tell `member` what was wrong with what it asked, and what to do."""
        self.tell(member, Refused(text))

    def tell(self, member: Member, *events: Notice | Refused) -> None:
        """Let `member` alone read `events`, which it pays for."""
        if not member.leaving:
            member.meter.charge(sum([len(event.text.encode()) for event in events]) / TOKEN)
            self._turn.tell(member, *events)
            self._flush_soon()

    def _show_again(self, member: Member, lines: Sequence[tuple[float, Said | Emoted]]) -> None:
        """Tell `member` the replayed lines. They are not charged: it did not ask for them."""
        if not member.leaving:
            self._turn.tell(member, *retold(lines, self.share))
            self._flush_later()

    def stop(self) -> None:
        """Tell everybody that the daemon stops and let all leave.

        Nobody hears of the others' leaving: it would be one line for each pair of members.
        """
        everybody = list(self.everybody())
        for member in everybody:
            self._turn.tell(member, Notice("the daemon stops"))
            self._turn.end(member)
        # Not early: in one more turn, those who are left would hear of the others.
        self._flushing = True
        for member in everybody:
            self.leave(member)
        self.flush()

    def everybody(self) -> Iterator[Member]:
        """All members, of all rooms."""
        return iter(self._members.values())

    # What happened.

    def _apply(self, room_name: str, author: object, decision: Decision) -> None:
        member = author if isinstance(author, Member) else None
        room = self.rooms.get(room_name)
        if type(decision) is Said:
            if room is not None:
                deaf = self._ignorers.of(decision.name) if self._ignorers else ()
                self._turn.publish(room, decision, member, deaf)
        elif (
            member is None
            or member.room is not None
            or not member.leaving
            or type(decision) is Entered  # It is followed by the Left that was asked for.
        ):
            # A member found dead during a delivery is out already: ignore what the journal still
            # decides for it.
            _APPLY[type(decision)](self, room_name, member, decision)
        self._flush_soon()

    def _emoted(self, room_name: str, author: Member | None, event: Emoted) -> None:
        if room := self.rooms.get(room_name):
            self._turn.publish(room, event, None, self._ignorers.of(event.name))

    def _entered(self, room_name: str, author: Member | None, event: Entered) -> None:
        room = self._arrive(room_name, author, event)
        if author is not None:
            author.name = event.name
            self._members[event.name] = author
            self._seat(author, room, event.count)
            self._turn.tell(author, *self._motd)
            if self._replay:
                self.journal.history(room_name, self._replay).addCallbacks(
                    lambda lines: self._show_again(author, lines),
                    lambda failure: self._log.failure("no history to replay", failure=failure),
                )
            if author in self._entering:
                self._later(lambda: self._let_in(author))

    def _let_in(self, member: Member) -> None:
        entered = self._entering.pop(member)
        if not entered.called:
            entered.callback(None)

    def _left(self, room_name: str, author: Member | None, event: Left) -> None:
        if author is not None:
            if not author.leaving:  # It did not ask for it.
                author.leaving = True
                self._turn.tell(author, Refused(f"you were put out: {event.reason}"))
            self._unseat(author)
            self._departed.append(author)
            del self._members[event.name]
            self.ignore(author, {})
            self._write_to(author, None)
        for member in self._correspondents.forget(event.name):
            member.correspondent = None
        self._publish(room_name, event)

    def _moved(self, room_name: str, author: Member | None, event: Moved) -> None:
        if author is not None:
            self._unseat(author)
        self._publish(event.origin, Left(event.name, event.left))
        room = self._arrive(room_name, author, Entered(event.name, event.count))
        if author is not None:
            self._seat(author, room, event.count)
            self._turn.tell(author, Notice(f"You are now in #{room_name}"))

    def _renamed(self, room_name: str, author: Member | None, event: Renamed) -> None:
        if room := self.rooms.get(room_name):
            self._turn.publish(room, event, author)
        if author is not None:
            self._members[event.new] = self._members.pop(event.old)
            author.name = event.new
            self._turn.tell(author, Renamed(YOU, event.new))
        old, new = key(event.old), key(event.new)
        # Who lost its name to the owner is not whom others wanted to ignore.
        if old != new and not is_default(event.new):
            for member in self._ignorers.rename(old, new):
                self.ignore(member, _without(member.ignored, old) | {new: event.new})
            if author is not None and author.ignored:  # Nobody ignores oneself.
                self.ignore(author, _without(author.ignored, new))
            for member in self._correspondents.rename(old, new):
                member.correspondent = new

    def _told(self, room_name: str, author: Member | None, event: Told) -> None:
        receiver = self._members.get(event.receiver)
        if receiver is not None:
            if key(event.sender) in receiver.ignored:
                if author is not None:
                    why = f"{event.receiver} did not get that: {event.receiver} ignores you"
                    self._turn.tell(author, Refused(why))
                return
            self._turn.tell(receiver, Told(event.sender, YOU, event.text))
            self._write_to(receiver, key(event.sender))
        if author is not None:
            self._turn.tell(author, Told(YOU, event.receiver, event.text))

    def _write_to(self, member: Member, name: str | None) -> None:
        """Let `name` be who `member` replies to."""
        if member.correspondent is not None:
            self._correspondents.discard(member.correspondent, member)
        member.correspondent = name
        if name is not None:
            self._correspondents.add(name, member)

    def _standing(self, room_name: str, author: Member | None, standing: Standing) -> None:
        if author is None:
            return
        before, author.standing = author.standing, standing
        if (before.role == Role.OPERATOR) != (standing.role == Role.OPERATOR):
            is_one = standing.role == Role.OPERATOR
            text = "You are an operator: /help lists more now" if is_one else "You are no operator"
            self._turn.tell(author, Notice(text))
        ends = before.muted_until, standing.muted_until
        now = self.now()
        # One that had ended by itself before is no news.
        if ends[0] != ends[1] and max(ends) > now:
            wait = standing.muted_until - now
            how_long = "" if wait == float("inf") else f" for {span(wait)}"
            text = f"You are muted{how_long}" if wait > 0 else "You are not muted any more"
            self._turn.tell(author, Notice(text))

    def _rules(self, room_name: str, author: Member | None, rules: Rules) -> None:
        if room := self.rooms.get(room_name):
            if rules.topic != room.rules.topic and author is None:
                text = f"{rules.topic_by} set the topic: {rules.topic}"
                if not rules.topic:
                    text = f"{rules.topic_by} took the topic away"
                self._turn.publish(room, Notice(text))
            elif rules.topic and author is not None:
                topic = f"{rules.topic_by} set the topic: {rules.topic}"
                self._turn.tell(author, Notice(topic))
            room.rules = rules

    def _acted(self, room_name: str, author: Member | None, act: Acted) -> None:
        room = self.rooms.get(act.room)
        notice = Notice(act.text, audit.record(act))
        if room is not None:
            self._turn.announce(room, notice)
        for member in self.everybody():
            if member.standing.role == Role.OPERATOR and (room is None or member.room is not room):
                self._turn.tell(member, notice)
        for member in self._attendants:
            if member.name == act.who:
                self._turn.tell(member, notice)

    def _noticed(self, room_name: str, author: Member | None, notice: Notice) -> None:
        if author is not None:
            self._turn.tell(author, notice)
        elif room := self.rooms.get(room_name):
            self._turn.announce(room, notice)

    # Members come, go and change rooms.

    def _publish(self, room_name: str, event: Event) -> None:
        if room := self.rooms.get(room_name):
            self._turn.publish(room, event)
            if not room.members:
                del self.rooms[room_name]

    def _arrive(self, room_name: str, author: Member | None, event: Entered) -> Room:
        """Tell the members of the room that somebody enters it."""
        room = self.rooms.get(room_name) or Room(room_name)
        if author is not None:
            self.rooms[room_name] = room
        self._turn.publish(room, event)
        return room

    def _seat(self, member: Member, room: Room, count: int) -> None:
        room.members[member] = None
        self._turn.begin(member, room)
        member.room = room
        self._turn.tell(member, Greeting(count))

    def _unseat(self, member: Member) -> None:
        assert member.room is not None
        del member.room.members[member]
        self._turn.end(member)
        member.room = None

    # Delivery.

    def _flush_soon(self) -> None:
        """At the end of the turn, or now if it is full."""
        if self._turn.size >= TURN and not self._flushing:
            self.flush()
        else:
            self._flush_later()

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._later(self._flush_if_due)

    def _flush_if_due(self) -> None:
        if self._flush_due:
            self.flush()

    def _delivery_failed(self, member: Member) -> None:
        self._log.failure("delivery to {name} failed", name=member.name)
        self.leave(member, reason=Reason.DOOR_FAILED)
        self._turn.forget(member)  # Not even of others that are found dead with it.

    def flush(self) -> None:
        """Deliver the pending turn.

        What happens meanwhile (a member found dead leaves) belongs to the next turn, in which it
        is still counted until its Left.
        """
        turn, self._turn = self._turn, Turn()
        departed, self._departed = self._departed, []
        self._flush_due = False
        self._flushing = True
        try:
            turn.deliver(self._delivery_failed)
            if said := turn.transcript(self._dialect):
                self._transcript.write(said)
        finally:
            for member in departed:
                member.outbox.close()
            self._flushing = False


def _without(names: Mapping[str, str], left_out: str) -> dict[str, str]:
    return {each: name for each, name in names.items() if each != left_out}


_APPLY: dict[type[Decision], Callable[[Chat, str, Member | None, Any], None]] = {
    Acted: Chat._acted,
    Emoted: Chat._emoted,
    Entered: Chat._entered,
    Left: Chat._left,
    Moved: Chat._moved,
    Notice: Chat._noticed,
    Renamed: Chat._renamed,
    Rules: Chat._rules,
    Standing: Chat._standing,
    Told: Chat._told,
}
