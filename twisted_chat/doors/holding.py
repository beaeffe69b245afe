"""Lines that are held while an answer takes its time."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.doors.lines import BoundedLineReceiver
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.member import Member


@implementer(IHalfCloseableProtocol)
class HoldingLineReceiver(BoundedLineReceiver):
    """Lines of a member: each waits for the answer to the one before, and all are heard before it
    leaves, also if its peer ends its side meanwhile.
    """

    _log = Logger()
    _member: Member
    transport: IStreamTransport
    answer: Deferred[None] | None = None
    """What is waited for."""
    input_is_over = False
    is_lost = False

    def leave(self) -> None:
        """All that the peer had sent is heard: it leaves, if it has not left yet."""
        raise NotImplementedError

    def hold_until(self, answer: Deferred[None]) -> None:
        """Take no line until `answer` fires: what follows may depend on it."""
        self.answer = answer
        self.hold()
        answer.addBoth(self._answered).addErrback(self.failed)

    def _answered(self, result: Failure | None) -> Failure | None:
        self.answer = None
        if result is None:
            self.release()
        return result

    def failed(self, failure: Failure) -> None:
        """An answer, or what followed on it, has failed; nothing else would ever end the pause."""
        self._log.failure("the connection of {name} failed", failure, name=self._member.name)
        if self.is_lost:
            self.leave()
        else:
            self.transport.abortConnection()

    def hold(self) -> None:
        """Read nothing more for now."""
        self.paused = True
        if not self.input_is_over:
            self.transport.pauseProducing()

    def release(self) -> None:
        """Go on, unless something else still holds it."""
        if self.answer is not None:
            return
        self.paused = False
        super().dataReceived(b"")  # What has been read before.
        if not self.paused:
            if self.input_is_over:
                self.hear_out()
            else:
                self.transport.resumeProducing()

    def hear_out(self) -> None:
        """Nothing more comes: take the last line too."""
        if not self._member.leaving:
            self.input_ended()
        if self.answer is None:  # Otherwise the last line's answer calls hear_out again.
            self.leave()

    def readConnectionLost(self) -> None:
        self.input_is_over = True
        if not self.paused:
            self.hear_out()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.input_is_over = self.is_lost = True
        if self.answer is not None and self._member.leaving:
            self.answer.cancel()
        elif not self.paused or self._member.leaving:
            self.hear_out()

    def writeConnectionLost(self) -> None:
        """Our own side is only ever closed together with the peer's."""
