"""What chat-client does: it joins a person, or a pipe, behind a face to the chat."""

from __future__ import annotations

import re
from collections import deque
from typing import cast

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorCore,
    IReactorPluggableNameResolver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from twisted_chat.client import NO_FORMAT
from twisted_chat.console.arrival import suspicion
from twisted_chat.console.connection import Connection
from twisted_chat.console.face import Face, calls
from twisted_chat.console.identity import Identity
from twisted_chat.console.inherited import IConsoleReactor
from twisted_chat.console.introduction import Introduction
from twisted_chat.console.line_answers import LineAnswers
from twisted_chat.console.options import INSECURE, Options
from twisted_chat.console.roll_call import RollCalls
from twisted_chat.console.secret_lines import is_secret
from twisted_chat.console.tally import Tally
from twisted_chat.dialects import line_of, users
from twisted_chat.events import (
    LOBBY,
    YOU,
    Event,
    Greeting,
    Joined,
    PutOut,
    Refused,
    Renamed,
    Said,
)
from twisted_chat.limits import (
    FORMAT_WAIT,
    GOODBYE,
    GREETING_HINT,
    GREETING_LIMIT,
    GREETING_WAIT,
    LASTED,
    ROLL_CALL,
)
from twisted_chat.refusal import Kind
from twisted_chat.server_lines import FORMAT
from twisted_chat.syntax import escape, parse, slipped_command, unescape, unmarked_login
from twisted_chat.text import clean


class IClientReactor(IReactorCore, IConsoleReactor, IReactorPluggableNameResolver):
    """What the client needs of the reactor."""


class Bridge:
    """One run of chat-client, behind `face`.

    On an interactive face somebody types and reads: the end of input prints `exit`, and a lost
    server is waited for. Otherwise a pipe speaks, and the status tells whether the server has taken
    all. A refusal that ends it is not shown: it is what it ends with.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        endpoint: IStreamClientEndpoint,
        options: Options,
        face: Face,
    ) -> None:
        self._reactor = reactor
        self._options = options
        self._face = face
        factory = Factory.forProtocol(lambda: Connection(reactor, self))
        factory.noisy = False
        self._service = ClientService(endpoint, factory, retryPolicy=self._pause, clock=reactor)
        self._identity = Identity(reactor, options["nick"])
        self._introduction = Introduction(reactor, face.show, self._identity)
        self._roll_calls = RollCalls()
        self._line_answers = LineAnswers()
        self._doubted: deque[Said] = deque()
        """What was said and may be refused, because a passphrase may be in it."""
        self._connection: Connection | None = None
        self._greeting_wait: IDelayedCall | None = None
        self._greeted_at: float | None = None
        """When a server last greeted, in the reactor's seconds; None: none has."""
        self._tries = 0
        self._turned_away = ""
        self._naming = False
        self._room = LOBBY
        self._tally = Tally()
        self._input_ended = False
        self._leaving = False
        self._over = False
        self._outcome: Deferred[object] = Deferred()
        self._finished: Deferred[object] = Deferred()
        self._holds = {"greeting"}
        face.start(self)

    async def run(self) -> None:
        """Chat until it is over. Raises SystemExit with a line if it did not end well."""
        # Asked for first: an endpoint may fail inside startService, and that counts.
        self._service.whenConnected(failAfterFailures=1).addErrback(self._unreachable)
        if self._options["insecure"]:
            self._face.tell(f"! {INSECURE}")
        try:
            self._service.startService()
            await self._outcome
        finally:
            if self._connection is not None:
                self._connection.let_go()
                self._reactor.callLater(GOODBYE, self._connection.transport.abortConnection)
            self._service.stopService().addBoth(lambda _: self._face.close()).chainDeferred(
                self._finished
            )
            await self._finished

    # The server.

    def _pause(self, _: int) -> float:
        """Return the seconds until the next try: more each time, until a connection lasts. To be
        connected is not enough: a server may refuse the client, or greet it and go.
        """
        self._tries += 1
        return _BACKOFF(self._tries)

    def connected(self, connection: Connection) -> None:
        """Take up a new connection. Its greeting releases the input."""
        self._connection = connection
        if "output" in self._holds:
            self.hold("output")  # This connection too.
        self.hold("greeting")
        if self._face.interactive:
            self._greeting_wait = self._reactor.callLater(GREETING_WAIT, self._no_greeting)
        else:
            self._greeting_wait = self._reactor.callLater(GREETING_HINT, self._hint)

    def heard(self, event: Event, line: str | None) -> None:
        """Take `event`, and the `line` that told of it; None: the server sent it as JSON."""
        connection = self._connection
        assert connection is not None
        self._tally.heard()
        if self._over:
            return
        lines = self._in_words(event) if line is None else [line]
        if not connection.greeted:
            if not isinstance(event, Greeting):
                self._heard_at_the_door(connection, lines[0], event)
                return
            self._greet(connection, lines, event, line is not None)
        elif isinstance(event, PutOut) and not event.room:
            # To come back at once would be against who did it.
            self._end(line_of(event).removeprefix("! "))
            return
        elif isinstance(event, Refused) and self._naming:
            self._end(f"nothing was said: {event.text}")
            return
        else:
            if self._doubted and isinstance(event, Refused) and event.kind in _NOT_SAID:
                self._doubted.popleft()
            self._show(lines, event, line is not None)
        if isinstance(event, Renamed) and event.old == YOU:
            self._naming = False
        if not self._naming:
            # Not before: what is said at once would stand above the greeting.
            self._stop_waiting()
            self.release("greeting")

    def _in_words(self, event: Event) -> list[str]:
        """Return the lines in which the person reads of `event`; none if there is nothing to read.

        To go to another room is one line: with the greeting that the line format has, it would look
        like a reconnect.
        """
        if isinstance(event, Joined):
            return [f"- You are now in #{event.room} ({users(event.count)} online)"]
        words = line_of(event, self._identity.room)
        return words.split("\n") if words else []

    def _show(self, lines: list[str], event: Event, is_line: bool) -> None:
        meaning = self._line_answers.read(event) if is_line else event
        is_own = self._roll_calls.takes(meaning) or not self._identity.heard(meaning)
        if not (is_own or self._introduction.takes(lines, event, meaning)):
            self._face.show(lines, event)
        if calls(event, self._identity.name):
            self._face.ring()
        self._show_room()

    def _show_room(self) -> None:
        if self._identity.room != self._room:
            self._room = self._identity.room
            self._face.enter_room(self._room)

    def _greet(
        self, connection: Connection, lines: list[str], greeting: Greeting, is_line: bool
    ) -> None:
        """Begin to chat: the server has let the client in."""
        # What a pipe says under --nick is said under that name or not at all. A pipe that comes
        # back has said all that it had.
        self._naming = (
            self._options["nick"] is not None
            and not self._face.interactive
            and self._greeted_at is None
        )
        connection.greeted = True
        self._greeted_at = self._reactor.seconds()
        self._turned_away = ""
        self._show(lines, greeting, is_line)
        self._introduction.begin()
        if not connection.ended:
            self._identity.greeted(greeting, connection.address, connection.send)
            self._show_room()

    def _heard_at_the_door(self, connection: Connection, line: str, event: Event) -> None:
        """Take what the server sent in place of a greeting."""
        if line.startswith("! "):
            self._turn_away(connection, line.removeprefix("! "))
        elif line.startswith("- "):
            # It says why to wait, and that may take long.
            self._stop_waiting()
            self._face.show([line], event)
        elif line.strip():
            self._turn_away(connection, suspicion(line))

    def _turn_away(self, connection: Connection, why: str) -> None:
        """End, because the server does not let the client in or is no chat. If it has let the
        client in before, show why and try again later.
        """
        if self._greeted_at is None:
            self._end(f"cannot join {self._options.where}: {why}")
            return
        # For how long it is refused, or for how many, is another each time.
        essence = _NUMBERS.sub("", why)
        if essence != self._turned_away:
            self._turned_away = essence
            self._face.show([f"! {why}"], Refused(why))
        connection.ended = True
        connection.let_go()
        connection.transport.loseConnection()

    def _hint(self) -> None:
        """The server keeps a pipe waiting: say what it may be, and wait on."""
        assert self._connection is not None
        if self._greeted_at is None:
            self._face.tell(f"! no greeting yet: {self._connection.doubt}")
        rest = GREETING_LIMIT - GREETING_HINT
        self._greeting_wait = self._reactor.callLater(rest, self._no_greeting)

    def _no_greeting(self) -> None:
        """Say or end with what is missing: the greeting has not come in time, or the answer to
        --nick.
        """
        self._greeting_wait = None
        connection = self._connection
        assert connection is not None
        if connection.is_settling:  # It has greeted.
            self._greeting_wait = self._reactor.callLater(FORMAT_WAIT, self._no_greeting)
            return
        if self._naming:
            self._end(
                f"nothing was said: the server does not answer to /nick {self._options['nick']}"
            )
        elif self._greeted_at is not None:
            self._face.tell("! the server is back, but has not greeted yet")
        elif self._face.interactive:
            self._face.tell(f"! no greeting yet: {connection.doubt}")
        else:
            self._end(
                f"cannot join {self._options.where}: no greeting in {GREETING_LIMIT:.0f} s: "
                f"{connection.doubt}"
            )

    def _stop_waiting(self) -> None:
        if self._greeting_wait is not None:
            self._greeting_wait.cancel()
            self._greeting_wait = None

    def lost(self, reason: Failure) -> None:
        """Note that the connection is gone."""
        connection, self._connection = self._connection, None
        assert connection is not None
        self._stop_waiting()
        self._identity.lost()
        self._roll_calls.lost()
        self._line_answers = LineAnswers()
        self._introduction.lost(self._tally.unheard)
        if self._over:
            return
        # What is typed now is refused now, not read and sent when the server is back.
        self.release("server")
        if self._greeted_at is None:
            why = _why(reason)
            if reason.check(ConnectionDone, ConnectionLost):
                why = f"it closed the connection without a greeting: {connection.doubt}"
            self._end(f"cannot join {self._options.where}: {why}")
            return
        self.release("greeting")
        if connection.greeted and self._reactor.seconds() - self._greeted_at >= LASTED:
            self._tries = 0
        if self._leaving and reason.check(ConnectionDone):
            self._end()
        elif self._leaving or not (self._face.interactive or self._input_ended):
            self._end_cut("the connection broke")
        elif self._options["no-reconnect"]:
            self._end("; ".join(["the server went away", *self._tally.broken()]))
        elif connection.greeted:
            self._face.tell("! the server went away; trying until it is back")
            for sentence in self._tally.broken():
                self._face.tell(f"! {sentence}")

    def _unreachable(self, reason: Failure) -> None:
        self._end(f"cannot reach {self._options.where}: {_why(reason)}")

    def tell_person(self, line: str) -> None:
        """Show a line of the client's own to somebody who types, and not to a pipe."""
        if self._face.interactive:
            self._face.tell(line)

    # The person or the pipe.

    def typed(self, line: str) -> None:
        """Take `line`, which came from standard input and is not empty."""
        if self._leaving or self._over:
            return
        runs = self._face.runs_commands
        # A secret is not even sent: a server that does not know better would say it.
        if runs and (slipped := slipped_command(line)):
            self._face.tell(
                "! that was not said: a passphrase may be in it. Write /"
                f"{slipped} at the very start of a line, or //{slipped} there to say it"
            )
            return
        if not runs and is_secret(line):
            self._face.tell(
                "! that was not said: a passphrase may be in it. Lines are commands with --commands"
            )
            return
        command = parse(line) if runs else None
        if command is None:
            if not self.say(unescape(line) if runs else line):
                self._face.tell("! not connected: this line was not sent")
            return
        if command[0] == FORMAT:
            self._face.tell(f"! {NO_FORMAT}")
            return
        leaves = command[0] in ("quit", "exit")
        if self._connection is None or self._connection.ended:
            if leaves:
                self._leave()
            else:
                self._face.tell("! not connected: this line was not sent")
            return
        self._send(self._connection, line)
        self._identity.sent(line)
        self._roll_calls.sent(line)
        if leaves:
            self._expect_end()

    def say(self, text: str) -> bool:
        """Say `text`, not empty, as it stands. Return False if there is no connection for it."""
        if self._leaving or self._over:
            return True
        if self._connection is None or self._connection.ended:
            return False
        self._send(self._connection, escape(text))
        said = Said(YOU, clean(text.encode()))
        if unmarked_login(text):
            # What the server answers to the next question tells that it did not refuse this.
            self._doubted.append(said)
            self.call_roll().addCallback(lambda _: self._show_doubted(said))
        else:
            self._show_said(said)
        return True

    def _show_doubted(self, said: Said) -> None:
        if said in self._doubted and not self._over:
            self._doubted.remove(said)
            self._show_said(said)

    def _show_said(self, said: Said) -> None:
        self._face.show([f"[You] {said.text}"], said)
        self._introduction.said(said.text)

    def _send(self, connection: Connection, line: str) -> None:
        self._tally.sent()
        self._introduction.end()
        connection.send(line)

    def input_ended(self) -> None:
        """Note that nothing more comes from standard input."""
        self._input_ended = True
        if self._face.interactive or not self._options["stay"]:
            self._leave()

    def output_closed(self) -> None:
        """Nobody reads standard output any more: there is nothing left to do, nor to complain."""
        self._end()

    def interrupt(self) -> Deferred[object] | None:
        """^C, or a signal to end. Fires when it is over."""
        if self._finished.called:
            return None
        if self._face.interactive or self._options["stay"]:
            self._leave()
        else:
            self._end_cut("interrupted")
        return self._finished

    def _leave(self) -> None:
        if self._leaving:
            return
        self._expect_end()
        if self._face.interactive:
            self._face.show_exit()
        if self._connection is None or not self._connection.greeted:
            self._end()  # Nothing is sent to a server that has not greeted.
        else:
            self._connection.let_go()
            self._connection.finish()

    def _expect_end(self) -> None:
        self._leaving = True
        # A pipe waits as long as the server needs to take its lines; a person does not.
        if self._face.interactive or self._options["stay"]:
            self._reactor.callLater(GOODBYE, self._give_up)

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.transport.abortConnection()
        self._end_cut("the connection broke")

    @property
    def name(self) -> str:
        """What the others call the client, as far as it knows."""
        return self._identity.name

    def call_roll(self) -> Deferred[list[str]]:
        """Return the names of those online, as far as they come within ROLL_CALL seconds."""
        connection = self._connection
        if connection is None or not connection.greeted or connection.ended:
            return succeed([])
        connection.send("/who")
        roll_call = self._roll_calls.call()
        self._reactor.callLater(ROLL_CALL, roll_call.give_up)
        return roll_call.answered

    # What is full.

    def hold(self, why: str) -> None:
        """Read no input until `release`, and where standard output is full nothing at all."""
        self._holds.add(why)
        self._face.pause()
        if why == "output" and self._connection is not None:
            cast(IPushProducer, self._connection.transport).pauseProducing()

    def release(self, why: str) -> None:
        """Undo `hold`."""
        self._holds.discard(why)
        if not self._holds:
            self._face.resume()
        if why == "output" and self._connection is not None:
            cast(IPushProducer, self._connection.transport).resumeProducing()

    def _end_cut(self, why: str) -> None:
        """End it, perhaps in the middle of what was to be said. A pipe is told how far it came; a
        person, and a pipe whose lines were all sent long ago, only if some may not have been heard.
        """
        told = [why]
        if not (self._face.interactive or self._options["stay"]):
            told.append(f"lines handed over to the server: {self._tally.handed_over}")
        told += self._tally.broken()
        self._end("; ".join(told) if told != [why] else None)

    def _end(self, complaint: str | None = None) -> None:
        if self._over:
            return
        self._over = True
        self._stop_waiting()
        result = None
        if complaint is not None:
            result = Failure(SystemExit(self._face.last_word(f"chat-client: {complaint}")))
        # Not at once: ClientService may be in the middle of telling us.
        self._reactor.callLater(0, self._outcome.callback, result)


_NOT_SAID = (Kind.NOT_SAFE, Kind.MUTED, Kind.SLOW, Kind.TOO_LONG)
"""Why the daemon refuses a line that somebody says."""

_NUMBERS = re.compile(r"\b\d+ \w+\s*")
"""Numbers with what they count: `59 min`, `10000 users`."""

_BACKOFF = backoffPolicy(initialDelay=0.5, maxDelay=30.0, factor=2.0)

_REASONS = {
    ConnectionDone: "it closed the connection",
    ConnectionRefusedError: "nobody listens there (connection refused)",
    DNSLookupError: "unknown host",
    TimeoutError: "no answer",
}


def _why(reason: Failure) -> str:
    return _REASONS.get(type(reason.value)) or " ".join(reason.getErrorMessage().split())
