"""A WebSocket (RFC 6455), as a server has it: messages in bounded memory, pings, and its end."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from twisted_chat.doors.outbox import IStreamTransport, Patience, TransportOutbox, outbox_for
from twisted_chat.limits import CLOSE_WAIT, UNASKED_FRAMES


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
        "_is_heard",
        "_is_taking",
        "_late",
        "_patience",
        "_peer",
        "_pieces",
        "_size",
        "_unasked",
        "_wire",
        "is_open",
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
        self._wire = FrameProtocol(client=False, extensions=[])
        self.is_open = True
        """Neither side has closed it."""
        self._is_heard = True
        """Something of the peer may be taken: it has not closed it, and has broken no rule."""
        self._is_taking = False
        self._unasked = 0
        """Frames that came after this side closed it."""
        self._pieces: list[str] = []
        self._size = 0
        self._is_alive = True
        self._late: IDelayedCall | None = None

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """Take `data` from the peer."""
        self._is_alive = True
        if self._is_heard:
            self._wire.receive_bytes(data)
            self._take_on()

    def _take_on(self) -> None:
        """Take the frames that have come. Where one of them leads to a pause, the others wait: a
        packet may hold ten thousand.
        """
        if self._is_taking:
            return
        self._is_taking = True
        try:
            for frame in self._wire.received_frames() if self._may_take() else ():
                self._take(frame)
                if not self._may_take():
                    break
        except ParseFailed as fault:
            self._is_heard = False
            self._fail(fault.code, str(fault))
        finally:
            self._is_taking = False

    def _may_take(self) -> bool:
        return self._is_heard and not self.is_paused

    def _take(self, frame: Frame) -> None:
        opcode, payload = frame.opcode, frame.payload
        if isinstance(payload, tuple):
            self._take_close(payload[0])
        elif not self.is_open:
            # What was on its way when this side closed it.
            self._unasked += 1
            self._is_heard = self._unasked < UNASKED_FRAMES
        elif isinstance(payload, str):
            self._take_text(payload, frame)
        elif opcode is Opcode.BINARY:
            self._fail(CloseReason.UNSUPPORTED_DATA, "frames are text")
        else:
            self._peer.frame()
            if opcode is Opcode.PING:
                self.outbox.write(bytes(self._wire.pong(payload)))

    def _take_text(self, text: str, frame: Frame) -> None:
        if text:
            self._pieces.append(text)
            self._size += len(text)
        if self._size > self._peer.max_message:
            self._pieces.clear()
            self._fail(CloseReason.MESSAGE_TOO_BIG, "that message is too long")
        elif frame.message_finished:
            text = self._pieces[0] if len(self._pieces) == 1 else "".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._peer.message(text)
        elif frame.frame_finished:
            self._peer.frame()

    def _take_close(self, code: int) -> None:
        self._is_heard = False
        if self.is_open:
            self._peer.flush()
            self.is_open = False
            self.outbox.write(bytes(self._wire.close(code)))
            self._peer.closed(code)
        self._finish()

    def _fail(self, code: int, reason: str) -> None:
        if self.is_open:
            self._peer.flush()
            self.close(code, reason)
            self._peer.closed(code)
        else:
            self._finish()

    # Pauses and pings.

    def pause(self) -> None:
        """Take nothing more of the peer until `resume`."""
        self.is_paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Go on with what has come, and then read on."""
        self.is_paused = False
        self._take_on()
        if not self.is_paused:
            self.transport.resumeProducing()

    def ping(self) -> None:
        """Ask the peer whether it is there. Where nothing came since it was asked before, it is
        not.
        """
        if self.is_paused or not self.is_open:
            return
        if self._is_alive:
            self._is_alive = False
            self.outbox.write(bytes(self._wire.ping()))
        else:
            self.transport.abortConnection()

    # The end.

    def close(self, code: int, reason: str = "") -> None:
        """Close it, behind what was written. The peer gets CLOSE_WAIT seconds to answer: bytes that
        nobody has read when a connection ends take back what was sent before.
        """
        if self.is_open:
            self.is_open = False
            self.outbox.write(bytes(self._wire.close(code, reason)))
            self._late = self._patience.reactor.callLater(CLOSE_WAIT, self._finish)
            if self.is_paused:
                self.resume()

    def _finish(self) -> None:
        self._stop_waiting()
        self.outbox.close()

    def _stop_waiting(self) -> None:
        if self._late is not None and self._late.active():
            self._late.cancel()
        self._late = None

    def connection_lost(self) -> None:
        """The transport is gone. What the peer had sent before is taken, and no pause holds any
        more.
        """
        self._stop_waiting()
        while self.is_paused:
            self.is_paused = False
            self._take_on()
        self.outbox.connection_lost()
