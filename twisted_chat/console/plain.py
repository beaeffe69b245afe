"""The plain face of chat-client: only lines, on standard input and output."""

from __future__ import annotations

import os
import termios
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from twisted_chat.console.face import TOO_LONG, Face, User, Valve, as_json, clock_lead
from twisted_chat.console.inherited import IConsoleReactor, InheritedInput, InheritedOutput
from twisted_chat.console.modes import Attributes, TerminalModes
from twisted_chat.console.options import Options
from twisted_chat.console.secret_lines import lacks_passphrase
from twisted_chat.events import Event
from twisted_chat.limits import MAX_MAX_LINE
from twisted_chat.lines import BoundedLineReceiver


class Plain(Face):
    """Reads standard input and writes standard output line by line. With `--json` it treats a
    terminal like a pipe, except that it runs typed commands.
    """

    def __init__(self, reactor: IConsoleReactor, options: Options) -> None:
        self._reactor = reactor
        self._json = bool(options["json"])
        self._timed = bool(options["time"])
        is_typed = os.isatty(0)
        self.interactive = is_typed and not self._json
        self.runs_commands = is_typed or bool(options["commands"])
        self._rings = options["bell"] == "on" and os.isatty(1) and not self._json
        self._question = ""
        self._answered: Deferred[str | None] | None = None
        self._silence = TerminalModes(_echo_nothing)

    def start(self, user: User) -> None:
        self._user = user
        self._output = InheritedOutput(self._reactor, 1, user.output_closed)
        self._output.registerProducer(Valve(user, "output"), True)
        self._errors = InheritedOutput(self._reactor, 2, lambda: user.release("errors"))
        self._errors.registerProducer(Valve(user, "errors"), True)
        lines = InputLines(user, self)
        self._input = InheritedInput(self._reactor, 0, lines.dataReceived, lines.ended)

    def show(self, lines: Sequence[str], event: Event) -> None:
        if self._json:
            self._output.write(as_json(event, self._timed))
            return
        for line in lines:
            self._write(f"{clock_lead()}{line}" if self._timed else line)

    def tell(self, line: str) -> None:
        if self.interactive:
            self._write(f"{clock_lead()}{line}" if self._timed else line)
        else:
            self._errors.write(f"{line}\n".encode())

    def enter_room(self, room: str) -> None:
        """Do nothing: there is no prompt."""

    def show_exit(self) -> None:
        self._write("exit")

    def _write(self, line: str) -> None:
        if self._question:
            line = f"\n{line}"
        self._output.write(f"{line}\n{self._question}".encode())

    def ring(self) -> None:
        if self._rings:
            self._output.write(b"\a")

    def typed(self, line: str) -> None:
        """Take `line`, which came from standard input; it may be empty."""
        if self._answered is not None:
            self._answer(line)
        elif self.interactive and lacks_passphrase(line):
            # At once: the next line is a passphrase and must not be said.
            self._complete(line)
        elif line:
            self._user.typed(line)

    def _hand_over(self, line: str) -> None:
        self._user.typed(line)

    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        self._question = question
        self._output.write(question.encode())
        if secret:
            self._silence.take()
        self._answered = Deferred()
        return self._answered

    def _answer(self, answer: str | None) -> None:
        self._question = ""
        if self._silence.give_back():
            self._output.write(b"\n")  # The person's own line end was not echoed.
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.callback(answer)

    def pause(self) -> None:
        self._input.pauseProducing()

    def resume(self) -> None:
        self._input.resumeProducing()

    def close(self) -> Deferred[object]:
        self._answer(None)
        self._input.close()
        errors = self._errors.finish()
        return self._output.finish().addCallback(lambda _: errors)


class InputLines(BoundedLineReceiver):
    """Standard input, line by line."""

    max_line = MAX_MAX_LINE

    def __init__(self, user: User, face: Plain) -> None:
        super().__init__()
        self._user = user
        self._face = face

    def line_received(self, line: bytes) -> None:
        self._face.typed(line.decode("utf-8", "replace"))

    def long_line(self, start: bytes) -> None:
        self._face.tell(TOO_LONG)

    def ended(self) -> None:
        """Hand over the last line: no more input comes."""
        self.input_ended()
        self._user.input_ended()


def _echo_nothing(attributes: Attributes) -> None:
    attributes[3] &= ~termios.ECHO
