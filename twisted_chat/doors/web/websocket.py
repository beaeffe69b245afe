"""A WebSocket (RFC 6455), as a server has it: messages in bounded memory, pings, and its end."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from twisted_chat.doors.outbox import IStreamTransport, Patience, TransportOutbox, outbox_for
from twisted_chat.limits import CLOSE_WAIT


class IPeer(Protocol):
    """What a WebSocket tells whoever has it."""

    @property
    def max_message(self) -> int:
        """Characters of the longest message that is taken."""

    def message(self, text: str) -> None:
        """A message came."""

    def frame(self) -> None:
        """A frame came that ends no message: it costs as much as one that does."""

    def flush(self) -> None:
        """Write what the peer is told already: it is about to be closed."""

    def closed(self, code: int) -> None:
        """The peer has closed it, or broken its rules: nothing more comes. `code`: why."""

    def too_slow(self, waiting: int) -> None:
        """So many bytes wait for the peer: too many, or for too long. It is to be closed."""


class WebSocket:
    """A WebSocket on `transport`, whose handshake is over. Frames with messages for its peer are
    written to `outbox`; this sends only what steers the connection.

    `is_lost`: the transport is gone, and only what the peer had sent before is taken.

    wsproto takes the input apart. It offers no compression: a frame of 60 KB could become 62 MB.
    """

    __slots__ = (
        "_is_alive",
        "_late",
        "_patience",
        "_peer",
        "_pieces",
        "_size",
        "_wire",
        "is_paused",
        "outbox",
        "transport",
    )

    def __init__(
        self, transport: IStreamTransport, patience: Patience, peer: IPeer, is_lost: bool
    ) -> None:
        self.transport = transport
        way_out = TransportOutbox if is_lost else outbox_for
        self.outbox = way_out(transport, patience, peer.too_slow)
        self.is_paused = False
        self._patience = patience
        self._peer = peer
        self._wire = Connection(ConnectionType.SERVER)
        self._pieces: list[str] = []
        self._size = 0
        self._is_alive = True
        self._late: IDelayedCall | None = None

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        return self._wire.state is ConnectionState.OPEN

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """Take `data` from the peer."""
        self._is_alive = True
        if self._wire.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            self._wire.receive_data(data)
            for event in self._wire.events():
                self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self._take_close(event)
        elif not self.is_open:
            pass  # What was on its way when this side closed it.
        elif isinstance(event, TextMessage):
            self._take_text(event)
        elif isinstance(event, BytesMessage):
            self._fail(CloseReason.UNSUPPORTED_DATA, "frames are text")
        elif isinstance(event, Ping):
            self._peer.frame()
            self.outbox.write(bytes(self._wire.send(event.response())))
        else:
            self._peer.frame()

    def _take_text(self, event: TextMessage) -> None:
        if event.data:
            self._pieces.append(event.data)
            self._size += len(event.data)
        if self._size > self._peer.max_message:
            self._pieces.clear()
            self._fail(CloseReason.MESSAGE_TOO_BIG, "that message is too long")
        elif event.message_finished:
            text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._peer.message(text)
        elif event.frame_finished:
            self._peer.frame()

    def _take_close(self, event: CloseConnection) -> None:
        state = self._wire.state
        if state is ConnectionState.OPEN:  # wsproto has found a fault.
            self._fail(event.code, event.reason or "")
            return
        if state is ConnectionState.REMOTE_CLOSING:
            self._peer.flush()
            self.outbox.write(bytes(self._wire.send(event.response())))
            self._peer.closed(event.code)
        self._finish()

    def _fail(self, code: int, reason: str) -> None:
        self._peer.flush()
        self.close(code, reason)
        self._peer.closed(code)

    # Pauses and pings.

    def pause(self) -> None:
        """Read nothing more of the peer until `resume`."""
        self.is_paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Go on reading."""
        self.is_paused = False
        self.transport.resumeProducing()

    def ping(self) -> None:
        """Ask the peer whether it is there. Where nothing came since it was asked before, it is
        not.
        """
        if self.is_paused or not self.is_open:
            return
        if self._is_alive:
            self._is_alive = False
            self.outbox.write(bytes(self._wire.send(Ping())))
        else:
            self.transport.abortConnection()

    # The end.

    def close(self, code: int, reason: str = "") -> None:
        """Close it, behind what was written. The peer gets CLOSE_WAIT seconds to answer: bytes that
        nobody has read when a connection ends take back what was sent before.
        """
        if self.is_open:
            self.outbox.write(bytes(self._wire.send(CloseConnection(code, reason))))
            self._late = self._patience.reactor.callLater(CLOSE_WAIT, self._finish)
            if self.is_paused:
                self.resume()

    def _finish(self) -> None:
        self._stop_waiting()
        self.outbox.close()

    def _stop_waiting(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()

    def connection_lost(self) -> None:
        """The transport is gone."""
        self._stop_waiting()
        self.outbox.connection_lost()
