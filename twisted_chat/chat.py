"""The chat: what the members of this process ask, and what each of them gets to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.counting import Counting
from twisted_chat.delivery import Delivery
from twisted_chat.events import (
    LOBBY,
    YOU,
    Answer,
    Done,
    Entered,
    Event,
    Left,
    Locked,
    Notice,
    OwnEvent,
    Parted,
    PutOut,
    Reason,
    Refused,
    Renamed,
    RoomEvent,
    Said,
    Stopping,
)
from twisted_chat.interfaces import IDialect, IFollower, IJournal, ITranscript, IView
from twisted_chat.limits import NUMBERS, STOP_WAIT, TOKEN, Limits
from twisted_chat.members import FROM_NOW_ON, Member, Room
from twisted_chat.names import named
from twisted_chat.records import Seen
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Arrive, Configure, Dismiss, Leave, Request, Tick
from twisted_chat.welcome import Welcome


@implementer(IFollower)
class Chat:
    """Knows which members of this process are in which room, and lets each read what it gets.

    A member asks, the journal orders and decides, the chat applies what comes back: it puts the
    event and its audience into the pending turn. That is delivered at the end of the reactor's
    turn. The chat does no I/O itself.

    `later` runs a function after the reactor's turn. `clock` is monotonic. `motd` is told to each
    newcomer after its greeting. The transcript gets what all members of a room could read, in
    `dialect`.
    """

    _log = Logger()

    def __init__(
        self,
        journal: IJournal,
        later: Callable[[Callable[[], None]], object],
        clock: IReactorTime,
        transcript: ITranscript,
        dialect: IDialect,
        limits: Limits,
        motd: Sequence[str] = (),
    ) -> None:
        self.journal = journal
        self.delivery = Delivery(later, transcript, dialect, self._found_dead)
        self._clock = clock
        self.seconds = clock.seconds
        self.since = clock.seconds()
        self.limits = limits
        self._welcome = Welcome(journal, limits, motd)
        self._refusals = Counter({kind.value: 0 for kind in Kind})
        self._put_out = Counter({reason.value: 0 for reason in Reason})
        self.counting = Counting()
        self.counting.add("lines", lambda: {"said": self.view.said()})
        self.counting.add("refusals", lambda: self._refusals)
        self.counting.add("put out", lambda: self._put_out)
        self._numbers = count(1)
        self._rooms: dict[str, Room] = {}
        """The rooms that members of this process are in, by name."""
        self._members: dict[str, Member] = {}
        """All members that have asked to arrive and have not left, by their ids."""
        self._watchers: dict[Member, Room] = {}
        """All readers that read along in a room without being in the chat."""
        journal.follow(self)

    @property
    def view(self) -> IView:
        """What there is to see of the chat. A journal that begins anew has another view."""
        view: IView = self.journal.view
        return view

    def configure(self, limits: Limits, motd: Sequence[str]) -> Deferred[Any]:
        """Let `limits` and `motd` hold from here on, for all who are here too. Fires when the whole
        chat goes by those that bound it; where they are as before, nobody is asked.
        """
        has_other_bounds = limits.bounds != self.limits.bounds
        self.limits.take_over(limits)
        self._welcome.motd = motd
        if not has_other_bounds:
            return succeed(None)
        return self.journal.ask("", Configure(limits.bounds))

    # What a member asks.

    def arrive(
        self,
        member: Member,
        rooms: Sequence[str] = (LOBBY,),
        name: str = "",
        digest: str = "",
    ) -> Deferred[None] | None:
        """Ask for a place in the chat and in `rooms` for `member`. `name`: a good name to come in
        under; if it is empty, the member keeps its default name. `digest`: that of the passphrase
        of `name`, if it is registered.

        Return None if the member is in, or turned away. Otherwise return what fires when it is.
        That never fails, and can be cancelled. Hand in no line of the member before.
        """
        member.id = f"{self.journal.node}.{next(self._numbers)}"
        member.meter.active = self.seconds()
        self._members[member.id] = member
        request = Arrive(
            named(member.name),
            "" if member.host is None else str(member.host),
            member.origin,
            member.door.value,
            tuple(map(named, rooms)),
            named(name) if name else None,
            digest,
        )
        return self._awaited(member, self.journal.ask(member.id, request))

    def _awaited(self, member: Member, answer: Deferred[str]) -> Deferred[None] | None:
        arrived: Deferred[None] = Deferred(lambda given_up: given_up.callback(None))

        def take_name(name: str) -> None:
            member.name = name
            member.since = FROM_NOW_ON

        def turn_away(failure: Failure) -> None:
            refusal = failure.value
            if not isinstance(refusal, Refusal):
                failure.raiseException()
            del self._members[member.id]
            self.turn_away(member, refusal)

        def go_on(_: object) -> None:
            if not arrived.called:  # It was given up.
                arrived.callback(None)

        answer.addCallbacks(take_name, turn_away)
        answer.addErrback(lambda failure: self._log.failure("nobody can enter", failure))
        if answer.called:
            return None
        answer.addBoth(go_on)
        return arrived

    def turn_away(self, member: Member, refusal: Refusal) -> None:
        """Tell `member`, which is not in the chat, why it may not come in; then close its
        outbox.
        """
        self.refuse(member, str(refusal), refusal.kind)
        self._end(member)

    def say(self, member: Member, text: str, room: str = "") -> Deferred[None] | None:
        """Say `text` to all others in `room`; if that is empty, in the room that `member` joined
        first. `text` is a clean line that is not empty, or several of them joined by LF.

        Return None if more may be handed in at once, or what fires when it may.
        """
        if member.leaving:
            return None
        return self.journal.say(member.id, room or member.room, text)

    def ask(self, member: Member, request: Request) -> Deferred[Any]:
        """Ask the journal for `request` of `member`. Return what fires with the answer, or fails
        with a Refusal.
        """
        return self.journal.ask(member.id, request)

    def leave(self, member: Member, words: str = "", reason: Reason | None = None) -> None:
        """Let `member` leave with `words` of its own, or put it out for `reason`. Do so once.

        The member still gets what comes before its Left. Then its outbox is closed.
        """
        if member.leaving:
            return
        member.leaving = True
        if member.id not in self._members:
            # It has not arrived, was turned away, or reads along.
            self._unwatch(member)
            self._end(member)
            return
        gone = self.journal.ask(member.id, Leave(words, reason.value if reason else ""))
        gone.addErrback(lambda failure: failure.trap(Refusal, CancelledError))
        gone.addErrback(lambda failure: self._log.failure("nobody can leave", failure))

    # Who reads along.

    def watch(self, reader: Member, name: str) -> None:
        """Let `reader`, which is no member and not counted, read what happens in the room called
        `name` from here on, until it leaves or the room is locked.

        Raises Refusal if there is no such room, or if it is locked.
        """
        name = self.check_watch(name)
        room = self._watchers[reader] = self._rooms.get(name) or Room(name)
        self._seat(reader, room)

    def check_watch(self, name: str) -> str:
        """Return how the room called `name` is written. Raises what `watch` would."""
        seen = self.view.room(named(name))
        if seen.rules.locked:
            raise Refusal(f"#{seen.name} is locked: only its members read it", Kind.LOCKED)
        return seen.name

    def _unwatch(self, reader: Member) -> None:
        if room := self._watchers.pop(reader, None):
            if reader.rooms:
                self._silence(reader)
            room.seats -= 1
            self._close_if_empty(room)

    # What only one member gets.

    def notify(self, member: Member, text: str, **record: object) -> None:
        """Answer `member` with a notice. It keeps its place among the events."""
        self.tell(member, Notice(text, record or None))

    def refuse(
        self, member: Member, text: str, kind: Kind = Kind.BAD_REQUEST, command: str = ""
    ) -> None:
        """Tell `member` what was wrong with what it asked, and what to do. `command`: the name of
        what it asked, if that is a command.
        """
        self.tell(member, Refused(text, kind, command))

    def tell(self, member: Member, *events: Event) -> None:
        """Let `member` alone read `events`. It pays for them."""
        if not member.leaving:
            self._tell(member, *events)

    def _tell(self, member: Member, *events: Event) -> None:
        member.meter.charge(_size(events) / TOKEN)
        for event in events:
            if isinstance(event, Refused):
                self._refusals[event.kind.value] += 1
        self.delivery.tell(member, *(_as_answers(member.refs, events) if member.refs else events))

    def done(self, member: Member, more: bool | None = None) -> None:
        """Tell `member` that what it asked is done, unless that was refused. `more`: see Done."""
        if member.refs and (ref := member.refs.pop(0)) and not member.leaving:
            self.delivery.tell(member, Done(ref, more))

    def greet(self, member: Member, retells: bool) -> None:
        """Tell `member` again where it is, and what newcomers are told. It pays for that.

        `retells`: also, once, the lines that it was told as a newcomer. It does not pay for these.
        """
        if member.leaving:
            return
        for number, room in enumerate(member.rooms):
            before = self._welcome.told_once(member, room) if retells else ()
            events = self._welcome.to_room(member, room, not number, before)
            member.meter.charge((_size(events) - _size(before)) / TOKEN)
            self.delivery.tell(member, *events)

    def greet_anew(self, member: Member) -> None:
        """Tell `member` where it is as newcomers are told, and what was said where it goes on
        reading: see Member. It does not pay for that.
        """
        for number, room in enumerate(member.rooms):
            before = self._welcome.said_before(member, room, NUMBERS)
            self.delivery.tell(member, *self._welcome.to_room(member, room, not number, before))
        member.since = FROM_NOW_ON

    # Who is here.

    def idle(self, seen: Seen) -> float:
        """Return the seconds since a member last sent something."""
        member = self._members.get(seen.author)
        return max(0.0, self.view.now() - seen.active) if member is None else member.idle

    def everybody(self) -> Iterator[Member]:
        """Return all members of this process, except those of the control door."""
        return (each for each in self._members.values() if each.door is not Door.CONTROL)

    # What happened.

    def happened(self, event: RoomEvent, author: str | None, deaf: Collection[str]) -> None:
        member = None if author is None else self._members.get(author)
        if type(event) is Said:
            if room := self._rooms.get(event.room):
                deaf_here = self._here(deaf) if deaf else ()
                if member is None or member.refs is None:
                    self.delivery.publish(room, event, member, deaf_here)
                elif ref := member.refs.pop(0) if member.refs else 0:
                    self.delivery.publish(room, event, member, deaf_here)
                    self.delivery.tell(member, Answer(event, ref))
                else:
                    self.delivery.publish(room, event, None, deaf_here)
        elif apply := _APPLY.get(type(event)):
            apply(self, event, member)
        elif room := self._rooms.get(event.room):  # type: ignore[union-attr]
            self.delivery.publish(room, event, None, self._here(deaf))

    def told(self, reader: str, event: OwnEvent) -> None:
        member = self._members.get(reader)
        if member is None:
            return
        if isinstance(event, Refused):
            self._tell(member, event)
        elif not (member.leaving and isinstance(event, PutOut)):  # It goes of itself.
            self.delivery.tell(member, event)

    def _here(self, ids: Collection[str]) -> list[Member]:
        return [self._members[each] for each in ids if each in self._members]

    def _entered(self, event: Entered, member: Member | None) -> None:
        room = self._rooms.get(event.room) or Room(event.room)
        self.delivery.publish(room, event)
        if member is not None:
            member.name = event.name
            self._seat(member, room)
            # It is not charged: it did not ask for all of it.
            is_first = not member.is_greeted
            before = self._welcome.said_before(member, room, event.number)
            self.delivery.tell(member, *self._welcome.to_room(member, room, is_first, before))
            member.is_greeted = True

    def _seat(self, reader: Member, room: Room) -> None:
        """Let `reader` read what happens in `room` from here on."""
        self._rooms[room.name] = room
        room.members[reader] = None
        room.seats += 1
        reader.join(room)
        self.delivery.begin(reader, room)

    def _locked(self, event: Locked, member: Member | None) -> None:
        if room := self._rooms.get(event.room):
            self.delivery.publish(room, event)
            if event.locked:
                for reader in [each for each, its in self._watchers.items() if its is room]:
                    self.leave(reader)

    def _parted(self, event: Parted, member: Member | None) -> None:
        if room := self._rooms.get(event.room):
            if member is not None:
                if room in member.rooms:
                    del room.members[member]
                    self.delivery.end(member, room)
                    member.part(room)
                room.seats -= 1
            self.delivery.publish(room, event)
            self._close_if_empty(room)

    def _left(self, event: Left, member: Member | None) -> None:
        rooms = [self._rooms[name] for name in event.counts if name in self._rooms]
        if member is not None:
            if event.reason:
                self._put_out[event.reason] += 1
            self._silence(member)
            for room in rooms:
                room.seats -= 1
            del self._members[member.id]
            self._end(member)
        self.delivery.publish_all(rooms, event)
        for room in rooms:
            self._close_if_empty(room)

    def _renamed(self, event: Renamed, member: Member | None) -> None:
        rooms = [self._rooms[name] for name in event.rooms if name in self._rooms]
        self.delivery.publish_all(rooms, event, member)
        if member is not None:
            member.name = event.new
            own = Renamed(YOU, event.new, event.rooms, event.time, event.era, event.number)
            self.delivery.tell(member, own)

    def _silence(self, member: Member) -> None:
        """Let `member` read nothing more of its rooms. It is counted there until it leaves."""
        for room in member.rooms:
            del room.members[member]
        self.delivery.end_all(member)
        member.part_all()

    def _close_if_empty(self, room: Room) -> None:
        if not room.seats:
            del self._rooms[room.name]

    def _end(self, member: Member) -> None:
        """Close the connection of `member` when all that it was told is delivered."""
        member.leaving = True
        self.delivery.close(member)

    def _found_dead(self, member: Member) -> None:
        self._log.failure("delivery to {name} failed", name=member.name)
        self._silence(member)  # Its Left may come later.
        self.leave(member, reason=Reason.DOOR_FAILED)

    # The end.

    def stop(self) -> Deferred[None]:
        """Tell all members that the daemon stops, after all that was asked before, and let them
        leave.

        They do not read that the others leave: that would be a line for each pair of members.
        Return what fires when they have left, or after STOP_WAIT seconds. If the journal has not
        answered by then, the connections end without its answer.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        latest = self.seconds() + STOP_WAIT
        await self._answered(Tick(), latest)
        for member in [*self._members.values()]:  # Some may be found dead, and go.
            self._silence(member)
            if member.door is Door.CONTROL:
                self.refuse(member, "the daemon stops", Kind.STOPPING)
            else:
                self.delivery.tell(member, Stopping())
        for reader in [*self._watchers]:
            self.delivery.tell(reader, Stopping())
            self.leave(reader)
        await self._answered(Dismiss(self.journal.node), latest)
        for member in self._members.values():
            self._end(member)
        self.flush()
        self.journal.stop()

    async def _answered(self, request: Request, latest: float) -> None:
        """Ask for `request`, and wait for the answer until `latest`."""
        answer = self.journal.ask("", request)
        answer.addTimeout(max(0.0, latest - self.seconds()), self._clock)
        what = type(request).__name__
        try:
            await answer
        except TimeoutError:
            self._log.warn("the daemon stops without an answer to its {what}", what=what)
        except Exception:
            self._log.failure("the daemon stops although its {what} failed", what=what)

    def flush(self) -> None:
        """Deliver the pending turn."""
        self.delivery.flush()


def _size(events: Sequence[Event]) -> int:
    """Return the bytes of the texts in `events`, which their reader pays for."""
    values = [getattr(event, name) for event in events for name in event.__slots__]
    return sum([len(value.encode()) for value in values if isinstance(value, str)])


def _as_answers(refs: list[int], events: Sequence[Event]) -> Sequence[Event]:
    """Return `events` as answers to the first request of `refs`. A refusal ends it."""
    ref = refs[0]
    if any(isinstance(event, Refused) for event in events):
        refs.pop(0)
    return [Answer(event, ref) for event in events] if ref else events  # type: ignore[arg-type]


_APPLY: dict[type[RoomEvent], Callable[[Chat, Any, Member | None], None]] = {
    Entered: Chat._entered,
    Left: Chat._left,
    Locked: Chat._locked,
    Parted: Chat._parted,
    Renamed: Chat._renamed,
}
