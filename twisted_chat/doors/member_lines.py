"""Lines of a member of the chat: what doors share whose connections are streams of lines."""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_chat.authorisation import Door
from twisted_chat.doors.held_lines import HoldingLineReceiver
from twisted_chat.doors.holding import Holding
from twisted_chat.doors.outbox import outbox_for
from twisted_chat.doors.streams import StreamDoor
from twisted_chat.events import Reason, Stopping
from twisted_chat.limits import SHORTEST_PAUSE, TOKEN
from twisted_chat.members import Member
from twisted_chat.refusal import Kind


class MemberLines(HoldingLineReceiver):
    """One connection of `door`, a door of members: it has a place in the chat, pays for what it
    sends, and leaves when all is heard that it had sent.

    Subclasses let `_member` enter, and say what to do with its lines. `kind`: how it comes in where
    somebody could read along.
    """

    kind: ClassVar[Door]
    door: StreamDoor
    _member: Member
    _is_out = False
    """The place in the chat is free again."""

    def __init__(self, door: StreamDoor) -> None:
        super().__init__()
        self.door = door
        self.holding = Holding(self, door.reactor)

    @property
    def max_line(self) -> int:
        return self.door.limits.max_line

    def connectionMade(self) -> None:
        door = self.door
        door.connections.begin(self)
        self._outbox = outbox_for(self.transport, door.patience, self._too_slow)
        self._member = door.entrance.member(self.transport, self._outbox, door.dialect, self.kind)

    def _refuse(self, why: str, kind: Kind = Kind.BAD_REQUEST) -> None:
        """Tell the peer what is not taken of what it sent, behind the answers to all before."""
        self._await(self.door.desk.refuse(self._member, why, kind))

    # What holds the input back.

    def bytes_read(self, size: int) -> None:
        self._charge(1 + size // TOKEN)

    def _charge(self, tokens: float) -> None:
        wait = self._member.meter.charge(tokens)
        if wait and not self._member.leaving:
            self.holding.for_tokens(max(wait, SHORTEST_PAUSE))

    def _await(self, answer: Deferred[None] | None) -> None:
        """Take no line until `answer` fires; if it is None, go on at once."""
        if answer is not None:
            self.holding.until(answer)

    def failed(self, failure: Failure) -> None:
        self.door.entrance.put_out(self._member, Reason.DOOR_FAILED)
        super().failed(failure)

    # The end.

    def _too_slow(self, waiting: int) -> None:
        self.door.entrance.put_out_as_slow(self._member, waiting)

    def stop(self) -> None:
        chat = self.door.chat
        chat.tell(self._member, Stopping())  # To one that has not come into the chat.
        chat.leave(self._member)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._outbox.connection_lost()
        self.door.connections.lose(self)
        # What it had sent may have to wait for its turn; until all is heard it is in the room.
        self.holding.peer_is_lost()
        super().connectionLost(reason)

    def leave(self) -> None:
        self.door.entrance.leave(self._member)
        self.holding.give_up()
        if self.is_lost and not self._is_out:
            self._is_out = True
            self.door.entrance.gone(self._member)
