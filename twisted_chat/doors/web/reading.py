"""Reading along over HTTP: who asks for a room, and is no browser, gets its lines as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.doors.line import LineDoor
from twisted_chat.doors.outbox import IStreamTransport, outbox_for
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.channel import HEADERS
from twisted_chat.doors.web.heads import Visitor
from twisted_chat.events import Refused
from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import TOKEN, UNASKED
from twisted_chat.members import Member
from twisted_chat.refusal import Kind, Refusal

_HEAD = {
    "Content-Type": "text/plain; charset=utf-8",
    "Connection": "close",
    # Or nginx would keep the lines until it has some kilobytes.
    "X-Accel-Buffering": "no",
    "Vary": "Accept",
    **HEADERS,
}


def head(sharing: Mapping[str, str]) -> bytes:
    """Return the head of the answer, whose body ends with the connection. `sharing`: what it says
    of pages of other sites.
    """
    lines = [f"{name}: {value}\r\n" for each in (_HEAD, sharing) for name, value in each.items()]
    return "".join(["HTTP/1.1 200 OK\r\n", *lines, "\r\n"]).encode()


@implementer(IOutbox)
class RoomReader:
    """Sends the lines of `room` over `transport`, whose answer has begun; if that is empty,
    nothing more. Its reader is no member and not counted. It ends when the room is locked
    or its reader banned.
    """

    def __init__(
        self,
        door: WebBase,
        transport: IStreamTransport,
        visitor: Visitor,
        room: str,
    ) -> None:
        entrance = door.entrance
        self._door = door
        self._transport = transport
        self._outbox = outbox_for(transport, door.patience, self._too_slow)
        self._unasked = 0
        self._member = Member(
            entrance.default_name(transport.getPeer(), visitor.host),
            self,
            LineDoor.dialect,
            entrance.meter(visitor.host, visitor.origin),
            Door.WEB,
            visitor.host,
            visitor.origin,
        )
        if not room:
            self._outbox.close()
            return
        try:
            door.chat.watch(self._member, room)
        except Refusal as refusal:  # The room was there when it was asked for.
            door.chat.turn_away(self._member, refusal)

    # IOutbox.

    def write(self, data: bytes) -> None:
        if self._may_read():
            self._outbox.write(data)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        if self._may_read():
            self._outbox.write_pieces(pieces)

    def close(self) -> None:
        self._outbox.close()

    def _may_read(self) -> bool:
        """Return whether its reader is not banned. If it is, end with the reason."""
        member = self._member
        why = self._door.chat.view.closed_to(member.host)
        if why is None or why.kind is not Kind.BANNED:
            return True
        if not member.leaving:
            self._outbox.write(member.dialect.render(Refused(str(why), why.kind), ""))
            self._door.chat.leave(member)
        return False

    def _too_slow(self, waiting: int) -> None:
        self._door.entrance.put_out_as_slow(self._member, waiting)

    # What the channel hands on.

    def data_received(self, data: bytes) -> None:
        """Nothing is asked for any more: a peer that goes on sending is cut off."""
        self._member.meter.charge(1 + len(data) // TOKEN)
        self._unasked += len(data)
        if self._unasked > UNASKED:
            self._transport.abortConnection()

    def stop(self) -> None:
        """The daemon stops, which the chat has told its reader."""
        self._door.chat.leave(self._member)
        self._outbox.close()

    def connection_lost(self) -> None:
        """The transport is gone."""
        self._outbox.connection_lost()
        self._door.chat.leave(self._member)
