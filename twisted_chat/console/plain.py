"""The plain face of chat-client: lines on standard input and output, nothing else."""

from __future__ import annotations

import os
import sys
import termios
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IReactorFDSet,
    IReactorTime,
)
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.console.face import TOO_LONG, Face, User, Valve, as_json, clock_lead
from twisted_chat.console.options import Options
from twisted_chat.console.secret_lines import lacks_passphrase
from twisted_chat.events import Event
from twisted_chat.limits import GOODBYE, MAX_MAX_LINE
from twisted_chat.lines import BoundedLineReceiver


class Plain(Face):
    """Standard input and output, line by line; with `--json` it is much like a pipe also on a
    terminal, but for commands, which a person who types means as such.
    """

    def __init__(self, reactor: IReactorTime, options: Options) -> None:
        self._reactor = reactor
        self._json = bool(options["json"])
        self._timed = bool(options["time"])
        is_typed = os.isatty(0)
        self.interactive = is_typed and not self._json
        self.runs_commands = is_typed or bool(options["commands"])
        self._rings = options["bell"] == "on" and os.isatty(1) and not self._json
        self._question = ""
        self._answered: Deferred[str | None] | None = None
        self._attributes: list[Any] | None = None
        """Those of the terminal while it echoes nothing."""

    def start(self, user: User) -> None:
        self._user = user
        self._input = Input(user, self)
        self._stdio = StandardIO(self._input, reactor=cast(IReactorFDSet, self._reactor))
        self._stdio.pauseProducing()
        self._stdio.registerProducer(Valve(user, "output"), True)

    def show(self, line: str, event: Event) -> None:
        if self._json:
            self._stdio.write(as_json(event, self._timed))
        else:
            self._write(f"{clock_lead()}{line}" if self._timed else line)

    def tell(self, line: str) -> None:
        if self.interactive:
            self._write(f"{clock_lead()}{line}" if self._timed else line)
        else:
            print(line, file=sys.stderr, flush=True)

    def show_exit(self) -> None:
        self._write("exit")

    def _write(self, line: str) -> None:
        if self._question:
            line = f"\n{line}"
        self._stdio.write(f"{line}\n{self._question}".encode())

    def ring(self) -> None:
        if self._rings:
            self._stdio.write(b"\a")

    def typed(self, line: str) -> None:
        """`line` came; it may be empty."""
        if self._answered is not None:
            self._answer(line)
        elif self.interactive and lacks_passphrase(line):
            # At once: what is typed next is a passphrase, and not to be said.
            Deferred.fromCoroutine(self._complete(line))
        elif line:
            self._user.typed(line)

    def _hand_over(self, line: str) -> None:
        self._user.typed(line)

    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        self._question = question
        self._stdio.write(question.encode())
        if secret:
            self._attributes = termios.tcgetattr(0)
            silent = [*self._attributes]
            silent[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, silent)
        self._answered = Deferred()
        return self._answered

    def _answer(self, answer: str | None) -> None:
        self._question = ""
        if self._echo_again():
            self._stdio.write(b"\n")  # That of the person was not shown.
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.callback(answer)

    def _echo_again(self) -> bool:
        """Let the terminal show again what is typed; whether it had not."""
        attributes, self._attributes = self._attributes, None
        if attributes is not None:
            termios.tcsetattr(0, termios.TCSANOW, attributes)
        return attributes is not None

    def pause(self) -> None:
        self._stdio.pauseProducing()

    def resume(self) -> None:
        self._stdio.resumeProducing()

    def close(self) -> Deferred[object]:
        self._answer(None)
        self._stdio.unregisterProducer()
        self._stdio.loseConnection()
        # Who has stopped its terminal (^S) does not see the rest.
        return self._input.closed.addTimeout(GOODBYE, self._reactor).addErrback(lambda _: None)


@implementer(IHalfCloseableProtocol)
class Input(BoundedLineReceiver):
    """Standard input, line by line."""

    def __init__(self, user: User, face: Plain) -> None:
        super().__init__(MAX_MAX_LINE)
        self._user = user
        self._face = face
        self.closed: Deferred[object] = Deferred()

    def line_received(self, line: bytes) -> None:
        self._face.typed(line.decode("utf-8", "replace"))

    def long_line(self, start: bytes) -> None:
        self._face.tell(TOO_LONG)

    def readConnectionLost(self) -> None:
        self.input_ended()
        self._user.input_ended()

    def writeConnectionLost(self) -> None:
        """Standard output was closed: there is nobody to show anything to."""
        self._user.output_closed()
        self.closed.callback(None)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self.closed.called:
            self.closed.callback(None)
