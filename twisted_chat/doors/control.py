"""The control door: chatctl, over a socket in the state folder that only its owner can open."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorUNIX
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.authorisation import Door
from twisted_chat.dialects import ControlDialect
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.held_lines import HoldingLineReceiver
from twisted_chat.doors.holding import Holding
from twisted_chat.doors.listening import Listener, ListenError, Place, listen
from twisted_chat.doors.outbox import Patience, outbox_for
from twisted_chat.doors.streams import StreamDoor
from twisted_chat.flood import Flood
from twisted_chat.interfaces import IOutbox
from twisted_chat.limits import CONTROL_BACKLOG, CONTROL_CONNECTIONS, CONTROL_WAIT, Limits
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.text import clean_text

NAME = "chatctl"
"""Who did it, in the audit file and in what others are told. Nobody can bear that name."""

END = b'{"event": "end"}\n'
"""The last line of every whole answer."""

_KEYS = {"command", "argument", "room"}


class ControlProtocol(HoldingLineReceiver):
    """One connection of chatctl: a member that enters no room.

    Each line is a request, a JSON object of texts: `command`, and if it has any, `argument` and
    `room`. They are obeyed one after the other, and the answers are events in JSON, one on a line.
    When the peer has ended its side and all is answered, END follows and the connection is closed.
    """

    def __init__(self, door: ControlDoor) -> None:
        super().__init__()
        self.door = door
        self.holding = Holding(self, door.reactor)

    @property
    def max_line(self) -> int:
        # JSON may write each byte of a text as six.
        return 6 * self.door.limits.max_line + 1024

    def connectionMade(self) -> None:
        door = self.door
        door.connections.begin(self)
        self._outbox = outbox_for(self.transport, door.patience, self._too_slow)
        meter = door.flood.meter(LOCAL)
        answer = _Answer(self._outbox)
        self._member = Member(NAME, answer, door.dialect, meter, Door.CONTROL, origin=NAME)
        door.chat.arrive(self._member, rooms=())
        self._late: IDelayedCall = door.reactor.callLater(CONTROL_WAIT, self._too_late)
        if len(door.connections) > CONTROL_CONNECTIONS:
            self.end(
                f"{CONTROL_CONNECTIONS} chatctl are at work already: try again later", Kind.TOO_MANY
            )

    def dataReceived(self, data: bytes) -> None:
        self.door.heard += 1
        self.door.received += len(data)
        super().dataReceived(data)

    def line_received(self, line: bytes) -> None:
        if self._member.leaving or not line:
            return
        self._late.cancel()
        answer = None
        try:
            answer = self._obey(line)
        except Refusal as error:
            self.door.chat.refuse(self._member, str(error), error.kind)
        if answer is None:
            self._await_request()
        else:
            self.holding.until(answer)

    def long_line(self, start: bytes) -> None:
        self.door.chat.refuse(self._member, self._too_long, Kind.TOO_LONG)

    def _obey(self, line: bytes) -> Deferred[None] | None:
        request = _parse(line)
        if len(request["argument"].encode()) > self.door.limits.max_line:
            raise Refusal(self._too_long, Kind.TOO_LONG)
        word = request["command"].removeprefix("/").lower()
        room = request["room"].removeprefix("#")
        return self.door.desk.command(self._member, word, request["argument"], room)

    @property
    def _too_long(self) -> str:
        return (
            f"an argument longer than {self.door.limits.max_line} bytes was not taken: shorten it"
        )

    def resume_input(self) -> None:
        if not self._member.leaving:
            self._await_request()
            super().resume_input()

    def _await_request(self) -> None:
        self._late = self.door.reactor.callLater(CONTROL_WAIT, self._too_late)

    # The end.

    def end(self, why: str, kind: Kind = Kind.UNAVAILABLE) -> None:
        """Close the connection, with what was asked and is not done yet refused."""
        self.door.chat.refuse(self._member, why, kind)
        self.leave()

    def stop(self) -> None:
        self.end("the daemon stops", Kind.STOPPING)

    def _too_late(self) -> None:
        self.end(f"no request came for {CONTROL_WAIT:.0f} s")

    def _too_slow(self, waiting: int) -> None:
        self.end("the answer was not read")

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._outbox.connection_lost()
        self.leave()
        super().connectionLost(reason)
        self.door.connections.lose(self)

    def leave(self) -> None:
        if self._late.active():
            self._late.cancel()
        self.door.chat.leave(self._member)


@implementer(IOutbox)
class _Answer:
    """The way out of an answer, which says where it ends: one that breaks off can be told."""

    def __init__(self, outbox: IOutbox) -> None:
        self._outbox = outbox

    def write(self, data: bytes) -> None:
        self._outbox.write(data)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._outbox.write_pieces(pieces)

    def close(self) -> None:
        self._outbox.write(END)
        self._outbox.close()


def _parse(line: bytes) -> dict[str, str]:
    """Return the texts of the request in `line`, clean; missing ones are "". Raises Refusal."""
    request = None
    with suppress(ValueError, RecursionError):
        request = json.loads(line)
    if (
        not isinstance(request, dict)
        or not request.keys() <= _KEYS
        or "command" not in request
        or not all(isinstance(text, str) for text in request.values())
    ):
        raise Refusal(
            'that is no request: write {"command": "kick", "argument": "bob", "room": "lobby"}'
        )
    texts = {key: clean_text(request.get(key, "")) for key in _KEYS}
    return {key: text.removeprefix("\ufeff").strip() for key, text in texts.items()}


class ControlDoor(StreamDoor):
    """The door of chatctl: a socket at `path`. Whoever can open it may ask as much as they like."""

    name = "control"
    dialect = ControlDialect()

    def __init__(self, entrance: Entrance, path: str) -> None:
        super().__init__(entrance)
        self.flood = Flood(self.reactor, Limits(rate=0))
        self.patience = Patience(self.reactor, Limits(backlog=CONTROL_BACKLOG))
        self._path = path

    def listen_on(self) -> Sequence[Listener]:
        return [_listen(self.reactor, self, self._path)]

    def places(self) -> Sequence[str]:
        return []  # Nobody comes into the chat by it.

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        return ControlProtocol(self)


def _listen(reactor: IReactorUNIX, door: ControlDoor, path: str) -> Listener:
    # The mode alone would come a moment after the socket.
    umask = os.umask(0o177)
    try:
        socket = Place(path, f"unix:address={quoteStringArgument(path)}:mode=600")
        listener = listen(reactor, door, socket)
    except ListenError as error:
        if not str(error).endswith("AF_UNIX path too long"):
            raise
        raise ListenError(
            f"{path} is too long for the path of a socket: choose a folder with a shorter one"
        ) from error
    finally:
        os.umask(umask)
    if os.geteuid() == 0:
        # Root may become the folder's owner later: `twistd --uid`.
        try:
            folder = os.stat(os.path.dirname(path))
            for file in (path, f"{path}.flock"):
                os.chown(file, folder.st_uid, folder.st_gid)
        except OSError as error:
            raise ListenError(
                f"cannot give {path} to the owner of its folder: {error.strerror}: start the "
                "daemon as that owner, or choose another folder"
            ) from error
    return listener
