"""`chat-client`: joins a person, or a pipe, on standard input and output to the chat."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from typing import cast

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IPushProducer,
    IReactorCore,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.python.failure import Failure

from twisted_chat.client import LineClient, client_endpoint
from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.console.face import Face, Valve, calls
from twisted_chat.console.identity import Identity
from twisted_chat.console.lookup import Lookup
from twisted_chat.console.options import Options
from twisted_chat.console.plain import Plain
from twisted_chat.console.roll_call import RollCalls
from twisted_chat.dialects import parse as parse_line
from twisted_chat.events import YOU, Greeting, Refused, Renamed, Said
from twisted_chat.limits import GOODBYE, GREETING_WAIT, ROLL_CALL
from twisted_chat.syntax import escape, parse, slipped_command, unescape
from twisted_chat.text import clean


class IClientReactor(
    IReactorCore, IReactorTime, IReactorFromThreads, IReactorPluggableNameResolver
):
    """What the client needs of the reactor."""


class Connection(LineClient):
    """The bridge's connection to the server; there is a new one after each reconnect."""

    factory: BridgeFactory

    def __init__(self) -> None:
        super().__init__()
        self.greeted = False

    def connectionMade(self) -> None:
        self.factory.bridge.connected(self)

    def shown(self, line: str) -> None:
        self.factory.bridge.heard(line)

    def lost(self, reason: Failure) -> None:
        self.factory.bridge.lost(reason)

    @property
    def address(self) -> str:
        """The name that the server gives who has no other, as far as it can be known here."""
        host = self.transport.getHost()
        if isinstance(host, IPv6Address):
            return f"[{host.host}]:{host.port}"
        return f"{host.host}:{host.port}" if isinstance(host, IPv4Address) else ""


class BridgeFactory(Factory[Connection]):
    """Makes the connections of one bridge."""

    noisy = False
    protocol = Connection

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge


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
        self._service = ClientService(
            endpoint,
            BridgeFactory(self),
            retryPolicy=self._pause,
            clock=reactor,
        )
        self._identity = Identity(reactor, options["nick"])
        self._roll_calls = RollCalls()
        self._connection: Connection | None = None
        self._greeting_wait: IDelayedCall | None = None
        self._greeted = False
        self._tries = 0
        self._turned_away = ""
        self._naming = False
        self._handed_over = 0
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
        self._service.startService()
        try:
            await self._outcome
        finally:
            if self._connection is not None:
                self._release_output(self._connection)
                self._reactor.callLater(GOODBYE, self._connection.transport.abortConnection)
            self._service.stopService().addBoth(lambda _: self._face.close()).chainDeferred(
                self._finished
            )
            await self._finished

    # The server.

    def _pause(self, _: int) -> float:
        """Seconds until the next try: longer each time, until a server greets. One that refuses who
        comes has not, although there was a connection.
        """
        self._tries += 1
        return _BACKOFF(self._tries)

    def connected(self, connection: Connection) -> None:
        """There is a connection; its greeting releases the input."""
        self._connection = connection
        cast(IConsumer, connection.transport).registerProducer(Valve(self, "server"), True)
        self.hold("greeting")
        self._greeting_wait = self._reactor.callLater(GREETING_WAIT, self._no_greeting)

    def heard(self, line: str) -> None:
        """The server sent `line`, clean."""
        connection = self._connection
        assert connection is not None
        event = parse_line(line)
        if isinstance(event, Refused):
            if not connection.greeted:
                self._refused_at_the_door(connection, line, event)
                return
            if event.text.startswith(_PUT_OUT):
                self._end(event.text)  # To come back at once would be against who did it.
                return
            if self._naming:
                self._end(f"nothing was said: {event.text}")
                return
        if not self._roll_calls.takes(event) and self._identity.heard(event):
            self._face.show(line, event)
        if calls(event, self._identity.name):
            self._face.ring()
        if isinstance(event, Greeting) and not connection.greeted:
            self._let_in(connection)
        elif isinstance(event, Renamed) and event.old == YOU:
            self._naming = False
        if connection.greeted and not self._naming:
            # Not before: what is said at once would stand above the greeting.
            self._stop_waiting()
            self.release("greeting")

    def _let_in(self, connection: Connection) -> None:
        connection.greeted = self._greeted = True
        self._tries = 0
        self._turned_away = ""
        # What a pipe says under --nick is said under that name or not at all.
        self._naming = self._options["nick"] is not None and not self._face.interactive
        if not connection.ended:
            self._identity.greeted(connection.address, connection.send)

    def _refused_at_the_door(self, connection: Connection, line: str, event: Refused) -> None:
        """It reads that instead of a greeting: who is banned, or comes where there is no room."""
        if not self._greeted:
            self._end(f"cannot join {self._options.where}: {event.text}")
            return
        # For how long it is refused, or for how many, is another each time.
        essence = _NUMBERS.sub("", event.text)
        if essence != self._turned_away:
            self._turned_away = essence
            self._face.show(line, event)
        connection.ended = True
        self._release_output(connection)
        connection.transport.loseConnection()

    def _no_greeting(self) -> None:
        self._greeting_wait = None
        self.release("greeting")

    def _stop_waiting(self) -> None:
        if self._greeting_wait is not None:
            self._greeting_wait.cancel()
            self._greeting_wait = None

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
        was_greeted = self._connection is not None and self._connection.greeted
        self._connection = None
        self._stop_waiting()
        self._identity.lost()
        self._roll_calls.lost()
        if self._over:
            return
        # What is typed now is refused now, not read and sent when the server is back.
        self.release("server")
        if self._greeted:
            self.release("greeting")
        if self._leaving and (self._face.interactive or reason.check(ConnectionDone)):
            self._end()
        elif not self._greeted:
            self._end(f"cannot join {self._options.where}: {_why(reason)}")
        elif self._leaving or not (self._face.interactive or self._input_ended):
            self._end(self._cut())
        elif self._options["no-reconnect"]:
            self._end("the server went away")
        elif was_greeted:
            self._face.tell("! the server went away; trying until it is back")

    def _unreachable(self, reason: Failure) -> None:
        self._end(f"cannot reach {self._options.where}: {_why(reason)}")

    def _cut(self) -> str:
        return f"the connection broke; lines handed over to the server: {self._handed_over}"

    # The person or the pipe.

    def typed(self, line: str) -> None:
        """`line`, not empty, came from standard input."""
        if self._leaving or self._over:
            return
        runs = self._face.runs_commands
        if runs and (slipped := slipped_command(line)):
            # Nor is it sent: a server that does not know better would say it.
            self._face.tell(
                f"! that was not said: write /{slipped} without anything before or behind its slash"
            )
            return
        command = parse(line) if runs else None
        if command is None:
            if not self.say(unescape(line) if runs else line):
                self._face.tell("! not connected: this line was not sent")
            return
        leaves = command[0] in ("quit", "exit")
        if self._connection is None or self._connection.ended:
            if leaves:
                self._leave()
            else:
                self._face.tell("! not connected: this line was not sent")
            return
        self._handed_over += 1
        self._connection.send(line)
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
        self._handed_over += 1
        self._connection.send(escape(text))
        shown = clean(text.encode())
        self._face.show(f"[You] {shown}", Said(YOU, shown))
        return True

    def input_ended(self) -> None:
        """Nothing more comes from standard input."""
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
            self._end(self._cut())
        return self._finished

    def _leave(self) -> None:
        if self._leaving:
            return
        self._expect_end()
        if self._face.interactive:
            self._face.show_exit()
        if self._connection is None:
            self._end()
        else:
            self._release_output(self._connection)
            self._connection.finish()

    def _release_output(self, connection: Connection) -> None:
        """A producer that waits would keep the transport from closing."""
        cast(IConsumer, connection.transport).unregisterProducer()

    def _expect_end(self) -> None:
        self._leaving = True
        # A pipe waits as long as the server needs to take its lines; a person does not.
        if self._face.interactive or self._options["stay"]:
            self._reactor.callLater(GOODBYE, self._give_up)

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.transport.abortConnection()
        self._end()

    @property
    def name(self) -> str:
        """What the others call the client, as far as it knows."""
        return self._identity.name

    def call_roll(self) -> Deferred[list[str]]:
        """The names of who is online, as far as they come within ROLL_CALL seconds."""
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

    def _end(self, complaint: str | None = None) -> None:
        if self._over:
            return
        self._over = True
        result = None
        if complaint is not None:
            result = Failure(SystemExit(self._face.last_word(f"chat-client: {complaint}")))
        # Not at once: ClientService may be in the middle of telling us.
        self._reactor.callLater(0, self._outcome.callback, result)


_PUT_OUT = "you were put out: "
"""How the daemon tells somebody what an operator did."""

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


def main() -> None:
    """`chat-client HOST PORT`, `chat-client ENDPOINT`."""
    for descriptor in (0, 1, 2):
        # One that is closed would be taken by the first socket, which then gets what is said.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    options = Options()
    options.parseOptions(sys.argv[1:])
    make_face = _choose_face(options)

    def chat(reactor: IClientReactor) -> Deferred[None]:
        run_on_monotonic_time(reactor)
        reactor.installNameResolver(Lookup(reactor))
        try:
            endpoint = client_endpoint(reactor, options.host, options.port)
        except ValueError as error:
            raise SystemExit(f"chat-client: {error}") from error
        bridge = Bridge(reactor, endpoint, options, make_face(reactor))

        def interrupted() -> Deferred[object] | None:
            # A second ^C would only be a traceback: the end is near and bounded.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return bridge.interrupt()

        reactor.addSystemEventTrigger("before", "shutdown", interrupted)
        return Deferred.fromCoroutine(bridge.run())

    react(chat)


def _choose_face(options: Options) -> Callable[[IClientReactor], Face]:
    """How to make the face. To be called before there is a reactor: the terminal brings its own."""
    plain = options["json"] or os.environ.get("TERM", "") in ("", "dumb")
    if plain or not (os.isatty(0) and os.isatty(1)):
        return lambda reactor: Plain(reactor, options)
    # Only now: a pipe has no use for it, and it takes longer to load than all the rest.
    from twisted_chat.console.terminal import Terminal, install_reactor

    loop = install_reactor()
    return lambda reactor: Terminal(reactor, loop, options)
