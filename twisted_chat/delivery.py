"""Delivery: each turn of the reactor ends with one write to each member."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted_chat.events import Event, RoomEvent
from twisted_chat.interfaces import IDialect, ITranscript
from twisted_chat.limits import TURN
from twisted_chat.members import Member, Room
from twisted_chat.turn import Turn


class Delivery:
    """The pending turn, and when it is delivered: at the end of the reactor's turn, or early when
    it is full.

    `later` runs a function after the present turn of the reactor. The transcript gets what all
    members of a room could read, in `dialect`. `found_dead(member)` is called where the way out of
    a member is broken, in the handler of the exception.
    """

    def __init__(
        self,
        later: Callable[[Callable[[], None]], object],
        transcript: ITranscript,
        dialect: IDialect,
        found_dead: Callable[[Member], None],
    ) -> None:
        self._later = later
        self._transcript = transcript
        self._dialect = dialect
        self._found_dead = found_dead
        self._turn = Turn()
        self._departed: list[Member] = []
        self._is_due = False
        self._is_flushing = False

    def publish(
        self, room: Room, event: RoomEvent, but: Member | None = None, deaf: Collection[Member] = ()
    ) -> None:
        """Let all members that are in `room` now read `event`, `but` and the `deaf` ones apart."""
        self._turn.publish(room, event, but, deaf)
        if self._turn.size >= TURN or not self._is_due:
            self._soon()

    def publish_all(
        self, rooms: Sequence[Room], event: RoomEvent, but: Member | None = None
    ) -> None:
        """The same for all members of several rooms, each of which reads it once."""
        self._turn.publish_all(rooms, event, but)
        self._soon()

    def tell(self, member: Member, *events: Event) -> None:
        """Let `member` alone read `events`."""
        self._turn.tell(member, *events)
        self._soon()

    def begin(self, member: Member, room: Room) -> None:
        """Let `member` read what comes in `room` from here on."""
        self._turn.begin(member, room)

    def end(self, member: Member, room: Room) -> None:
        """Let `member` read what was in `room` up to here, and nothing that comes."""
        self._turn.end(member, room)

    def end_all(self, member: Member) -> None:
        """The same for all rooms of `member`, which it is in until this returns."""
        self._turn.end_all(member)

    def close(self, member: Member) -> None:
        """Close the way out of `member` behind what it was told up to here."""
        self._departed.append(member)
        self._soon()

    def _soon(self) -> None:
        if self._turn.size >= TURN and not self._is_flushing:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            self._later(self._flush_if_due)

    def _flush_if_due(self) -> None:
        if self._is_due:
            self.flush()

    def _failed(self, member: Member) -> None:
        self._found_dead(member)
        self._turn.forget(member)  # It reads not even of others that are found dead with it.

    def flush(self) -> None:
        """Deliver the pending turn.

        What happens meanwhile (a member found dead leaves) belongs to the next turn, in which it
        is still counted until its Left.
        """
        turn, self._turn = self._turn, Turn()
        departed, self._departed = self._departed, []
        self._is_due = False
        self._is_flushing = True
        try:
            turn.deliver(self._failed)
            if recorded := turn.transcript(self._dialect):
                self._transcript.write(recorded)
        finally:
            for member in departed:
                member.outbox.close()
            self._is_flushing = False
