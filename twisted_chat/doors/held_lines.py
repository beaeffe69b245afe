"""Lines of a member, of which each waits for the answer to the one before."""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.doors.holding import Holding, IHeld
from twisted_chat.doors.outbox import IStreamTransport
from twisted_chat.lines import BoundedLineReceiver
from twisted_chat.members import Member


@implementer(IHalfCloseableProtocol, IHeld)
class HoldingLineReceiver(BoundedLineReceiver):
    """Takes the lines of a member while nothing holds them back. All are heard before it leaves,
    also if its peer ends its side meanwhile.
    """

    _log = Logger()
    _member: Member
    transport: IStreamTransport
    holding: Holding
    input_is_over = False
    is_lost = False

    def leave(self) -> None:
        """Leave, if the peer has not left yet: all that it had sent is heard."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the connection: the daemon stops, and all have left. A peer that the chat has not
        told so gets last words.
        """
        raise NotImplementedError

    def keep_nothing_back(self) -> None:
        """Take all that was kept back of what came: nothing more comes."""

    # IHeld.

    def pause_input(self) -> None:
        self.paused = True
        self.at_line_start = False  # What comes nonetheless, as over TLS, waits behind the rest.
        if not self.input_is_over:
            self.transport.pauseProducing()

    def resume_input(self) -> None:
        self.paused = False
        super().dataReceived(b"")  # What has been read before.
        if not self.holding:
            if self.input_is_over:
                self._hear_out()
            else:
                self.transport.resumeProducing()

    def failed(self, failure: Failure) -> None:
        self._log.failure("the connection of {name} failed", failure, name=self._member.name)
        if self.is_lost:
            self.leave()
        else:
            self.transport.abortConnection()

    # The end of the input.

    def _hear_out(self) -> None:
        """Take what is left, the last line too, and leave: nothing more comes.

        If something holds that back, `resume_input` calls this again.
        """
        if not self._member.leaving:
            self.keep_nothing_back()
            if self.holding:
                return
            self.input_ended()
        if not self.holding.for_answer:
            self.leave()

    def readConnectionLost(self) -> None:
        self.input_is_over = True
        if not self.holding:
            self._hear_out()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.input_is_over = self.is_lost = True
        if self._member.leaving:
            self.holding.give_up()
        if self._member.leaving or not self.holding:
            self._hear_out()

    def writeConnectionLost(self) -> None:
        """Our own side is only ever closed together with the peer's."""
