"""A member of the web door, which may go on over another connection when its own is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.authorisation import Door, check
from twisted_chat.dialects.frames import EVENT, frame
from twisted_chat.doors.admission import Place
from twisted_chat.doors.holding import Holding, IHeld
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.heads import Visitor
from twisted_chat.doors.web.websocket import WebSocket
from twisted_chat.doors.web.window import Window
from twisted_chat.doors.web.wire import Ack, Asked, BadFrame, Hello, read
from twisted_chat.events import Notice, Reason
from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import DETACHED, SHORTEST_PAUSE, SPARE_ROOMS, TOKEN
from twisted_chat.members import Member
from twisted_chat.names import key
from twisted_chat.records import Role
from twisted_chat.refusal import Refusal
from twisted_chat.requests import Detach, Request, Resume

LEFT = 1000
STOPS = 1001
LATE = 1008
FAILED = 1011
REPLACED = 4001
BAD_FRAME = 4002
REFUSED = 4003
PUT_OUT = 4004

_SAYS_WHY = {b'"put_out","reason"': PUT_OUT, b'"stopping"': STOPS}
"""What the last frame begins with behind EVENT, and how the connection is closed then."""


class IConnection(Protocol):
    """What a session needs of its connection."""

    socket: WebSocket

    def hand_over_place(self) -> Place | None:
        """Return its place, if it has one, for its session to have."""

    def replaced(self) -> None:
        """The session goes on over another connection."""

    def end(self, code: int, place: Place) -> None:
        """The session has ended: its `place` is free when the connection is gone."""


class WebMember(Member):
    """A member that numbers its requests, and hears in its true place what it says itself."""

    __slots__ = ("refs", "token")


@implementer(IOutbox, IHeld)
class Session:
    """One member: its way out, the frames that it may not have read, its requests in their order,
    and its place in the chat. It has a connection; when that is lost, it waits DETACHED seconds for
    another one.
    """

    __slots__ = (
        "_door",
        "_is_ended",
        "_is_over",
        "_last",
        "_queue",
        "_why",
        "connection",
        "holding",
        "is_safe",
        "member",
        "place",
        "ref",
        "window",
    )
    _log = Logger()

    def __init__(
        self,
        door: WebBase,
        connection: IConnection,
        visitor: Visitor,
        name: str,
        token: str,
        place: Place,
    ) -> None:
        self._door = door
        self.connection: IConnection | None = connection
        self.place = place
        self.is_safe = visitor.is_safe
        kind = Door.SAFE_WEB if visitor.is_safe else Door.WEB
        meter = door.entrance.meter(visitor.host, visitor.origin)
        self.member = WebMember(name, self, door.dialect, meter, kind, visitor.host, visitor.origin)
        self.member.refs = []
        self.member.token = token
        self.window = Window(door.kept, self._dropped)
        self.holding = Holding(self, door.reactor)
        self.ref = 0
        """That of the last request that came."""
        self._queue: deque[tuple[int, Asked | BadFrame]] | None = None
        """Requests that wait, each with its length, and what makes no sense."""
        self._last = b""
        """What was written last."""
        self._why = 0
        """How the connection is to be closed, if that is known."""
        self._is_over = False
        """Nothing more comes: it leaves when all is heard."""
        self._is_ended = False

    # Coming in.

    def begin(self, hello: Hello) -> None:
        """Come into the chat."""
        self.member.since = {key(room): id for room, id in hello.rooms.items()}
        self._await(Deferred.fromCoroutine(self._enter(hello)))

    async def _enter(self, hello: Hello) -> None:
        member, desk = self.member, self._door.desk
        # Some of them may be named twice or be locked.
        rooms = [*hello.rooms][: self._door.limits.max_joined + SPARE_ROOMS]
        digest = ""
        try:
            if hello.passphrase:
                check("login", member.door, Role.GUEST)
                owned = await desk.accounts.prove(
                    member, hello.name, hello.passphrase, lambda wait: None
                )
                digest = owned.digest
            entered = self._door.entrance.enter(member, rooms, hello.name, digest)
            if entered is not None:
                await entered
        except Refusal as refusal:
            self._door.chat.turn_away(member, refusal)
        except CancelledError:
            pass  # It is gone.

    # IOutbox: what the member reads.

    def write(self, data: bytes) -> None:
        if self._is_ended:
            return
        if self.connection is not None:
            self.connection.socket.outbox.write(data)
        self._last = data
        self.window.put(data)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        why = self._why or self._told_why()
        self.window.restart()
        self._queue = None
        self.holding.give_up()
        self._door.sessions.pop(self.member.token, None)
        if self.connection is None:
            self.place.give_back()
        else:
            self.connection.end(why, self.place)

    def _told_why(self) -> int:
        """Return how the connection is closed after what was written last."""
        event = self._last[self._last.rfind(EVENT) + len(EVENT) :]
        for start, code in _SAYS_WHY.items():
            if event.startswith(start):
                return code
        return LEFT if self.window.has_begun else REFUSED

    def _dropped(self) -> None:
        """A frame is not kept any more that may not have been read: without a connection nobody
        will.
        """
        if self.connection is None and not self._is_over:
            self._door.chat.leave(self.member)

    # What comes in.

    def take(self, text: str) -> None:
        """Take a frame from the peer."""
        said: Ack | Asked | BadFrame
        try:
            said = read(text)
        except BadFrame as fault:
            said = fault
        if isinstance(said, Ack):
            if self.window.acknowledge(said.count):
                self._last = b""  # It would be kept for nothing.
                self.charge(1)
                return
            said = BadFrame("so many frames were not sent")
        if isinstance(said, Asked) and said.ref:
            if said.ref <= self.ref:
                return  # It came over the connection that was lost.
            self.ref = said.ref
        if self._queue is None:
            self._queue = deque()
        self._queue.append((len(text), said))
        if not self.holding:
            self._go_on()

    def _go_on(self) -> None:
        while self._queue and not self.holding and not self.member.leaving:
            size, asked = self._queue.popleft()
            if isinstance(asked, BadFrame):
                self._await(self._break_off(asked))
            else:
                self._await(self._door.asking.obey(self.member, asked))
            self.charge(1 + size // TOKEN)
        if not self._queue:
            self._queue = None

    def charge(self, tokens: float) -> None:
        """Let the member pay for what came from it."""
        wait = self.member.meter.charge(tokens)
        if wait and not self.member.leaving:
            self.holding.for_tokens(max(wait, SHORTEST_PAUSE))

    def _await(self, answer: Deferred[None] | None) -> None:
        if answer is not None:
            self.holding.until(answer)

    def _break_off(self, fault: BadFrame) -> Deferred[None] | None:
        """Leave, because the peer has sent what it must not. Return None if that is done, or what
        fires when it is: all before that has its answer first.
        """

        def close(_: object) -> None:
            self._queue = None
            if self.connection is not None:
                self._door.chat.flush()
                self.connection.socket.close(BAD_FRAME, str(fault))
                self.lost(self.connection, for_good=True)

        settled: Deferred[None] | None = self._door.chat.journal.settled(self.member.id)
        if settled is None:
            close(None)
            return None
        return settled.addCallback(close)

    # IHeld.

    def pause_input(self) -> None:
        if self.connection is not None:
            self.connection.socket.pause()

    def resume_input(self) -> None:
        self._go_on()
        if not self.holding:
            if self._is_over:
                self._hear_out()
            elif self.connection is not None:
                self.connection.socket.resume()

    def failed(self, failure: Failure) -> None:
        self._log.failure("the session of {name} failed", failure, name=self.member.name)
        self._why = FAILED
        self._door.entrance.put_out(self.member, Reason.DOOR_FAILED)

    # The end of a connection.

    @property
    def may_stay(self) -> bool:
        """Whether the member can go on over another connection."""
        return self.window.is_whole and not self.member.leaving

    def lost(self, connection: IConnection, for_good: bool) -> None:
        """Nothing more comes over `connection`. `for_good`: the peer wants it so."""
        if connection is not self.connection:
            return
        self.connection = None
        if self.may_stay and not for_good:
            self._ask(Detach(DETACHED))
            return
        self._is_over = True
        self.holding.peer_is_lost()
        if self.member.leaving:
            self.holding.give_up()
        if not self.holding:
            self._hear_out()

    def _hear_out(self) -> None:
        self._door.entrance.leave(self.member)

    def too_slow(self, connection: IConnection, waiting: int) -> None:
        """So many bytes wait for the peer, too many or for too long."""
        if connection is self.connection:
            self._why = PUT_OUT
            self._door.entrance.put_out_as_slow(self.member, waiting)

    def _ask(self, request: Request) -> None:
        asked = self._door.chat.ask(self.member, request)
        asked.addErrback(lambda failure: failure.trap(Refusal, CancelledError))
        asked.addErrback(lambda failure: self._log.failure("not asked", failure))

    # Going on.

    async def go_on_over(self, connection: IConnection, hello: Hello) -> bool:
        """Go on over `connection`. Return False if the member is gone."""
        try:
            await self._door.chat.ask(self.member, Resume())
        except Refusal:
            return False
        has_all = self.window.has_all_after(hello.seen)
        if not has_all:
            self._door.chat.flush()  # What is told already belongs before the new greeting.
            if not self.member.rooms:
                self._door.chat.leave(self.member)  # There is no room to be greeted in.
        if self._is_ended or self.member.leaving:
            return False
        before, self.connection = self.connection, connection
        self._is_over = False
        if before is not None:
            before.replaced()
        if (place := connection.hand_over_place()) is not None:
            self.place.give_back()
            self.place = place
        if self.holding:
            connection.socket.pause()
        if has_all:
            self._read_on(connection, hello.seen)
        else:
            self._read_anew(hello.rooms)
        return True

    def _read_on(self, connection: IConnection, seen: int) -> None:
        """Send what comes after the frame `seen`."""
        self.window.acknowledge(seen)
        outbox = connection.socket.outbox
        outbox.write(frame({"event": "resumed", "from": seen, "ref": self.ref}))
        for frames in self.window.after(seen):
            outbox.write(frames)

    def _read_anew(self, rooms: Mapping[str, str]) -> None:
        """Greet the member again, with what was said in each room after what it has of that."""
        member, chat = self.member, self._door.chat
        self.window.restart()
        self.ref = 0
        assert member.refs is not None
        member.refs = [0] * len(member.refs)
        member.since = {key(room): id for room, id in rooms.items()}
        chat.greet_anew(member)
        chat.tell(member, Notice("what was told to you alone meanwhile may be missing here"))
