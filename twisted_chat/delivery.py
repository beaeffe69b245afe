"""When events are delivered: each turn of the reactor ends with one write to each member."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from twisted_chat.events import Event, RoomEvent
from twisted_chat.interfaces import IDialect, ITranscript
from twisted_chat.limits import TURN
from twisted_chat.members import Member, Room
from twisted_chat.turn import Turn


class Delivery:
    """Gathers events in a pending turn. Delivers it at the end of the reactor's turn, or earlier if
    it is full.

    `later` runs a function after the reactor's turn. The transcript gets what all members of a room
    could read, in `dialect`. `found_dead(member)` is called if a member's way out or dialect
    raises, in the handler of the exception.
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
        """Let all members that are in `room` at this moment read `event`, except `but` and the
        `deaf` ones.
        """
        self._turn.publish(room, event, but, deaf)
        if self._turn.size >= TURN or not self._is_due:
            self._soon()

    def publish_all(
        self, rooms: Sequence[Room], event: RoomEvent, but: Member | None = None
    ) -> None:
        """Do the same for several rooms. A member of several of them reads `event` once."""
        self._turn.publish_all(rooms, event, but)
        self._soon()

    def tell(self, member: Member, *events: Event) -> None:
        """Let `member` alone read `events`."""
        self._turn.tell(member, *events)
        self._soon()

    def begin(self, member: Member, room: Room) -> None:
        """Let `member` read what happens in `room` from here on."""
        self._turn.begin(member, room)

    def end(self, member: Member, room: Room) -> None:
        """Let `member` read what happened in `room` up to here, and nothing that comes later."""
        self._turn.end(member, room)

    def end_all(self, member: Member) -> None:
        """Do the same for all rooms of `member`. It stays in them until this has returned."""
        self._turn.end_all(member)

    def close(self, member: Member) -> None:
        """Close the way out of `member` when all that it was told up to here is written."""
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
        self._turn.forget(
            member
        )  # It gets no event of this turn, also none about others that are found dead.

    def flush(self) -> None:
        """Deliver the pending turn.

        What happens meanwhile belongs to the next turn: a member that is found dead leaves in that
        one, and is counted until then.
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
