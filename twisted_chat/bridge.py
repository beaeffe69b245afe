"""`chat-client`: joins a person, or a pipe, on standard input and output to the chat."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import ClassVar, cast

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorCore,
    IReactorFDSet,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.python.failure import Failure
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError
from zope.interface import implementer

from twisted_chat import __version__
from twisted_chat.client import LineClient, client_endpoint
from twisted_chat.commands import escape, parse, unescape
from twisted_chat.limits import GOODBYE, GREETING_WAIT, MAX_MAX_LINE
from twisted_chat.lines import BoundedLineReceiver
from twisted_chat.text import clean


class IClientReactor(IReactorCore, IReactorTime):
    """What the client needs of the reactor."""


class Options(UsageOptions):
    """The command line of chat-client."""

    synopsis = "[options] HOST PORT | [options] ENDPOINT"
    longdesc = (
        "Join the chat at HOST and PORT, or at a Twisted client endpoint such as tcp:HOST:PORT, "
        "tls:HOST:PORT or unix:PATH. On a terminal ^C or ^D ends it; what comes through a pipe is "
        "said, line by line, and at its end the client leaves."
    )
    optFlags: ClassVar[list[list[str | None]]] = [
        ["stay", None, "Stay in the room when the pipe has ended."],
        ["commands", None, "Run lines of the pipe that begin with / as commands."],
        ["no-reconnect", None, "End with status 1 when the server goes away."],
    ]

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"twisted-chat {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"chat-client: {error} (--help lists the options)") from error

    def parseArgs(self, *arguments: str) -> None:
        if not 1 <= len(arguments) <= 2:
            raise UsageError("tell it where to go: chat-client HOST PORT")
        self.host = arguments[0]
        self.port: int | None = None
        if len(arguments) == 2:
            port = arguments[1]
            if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
                raise UsageError(f"PORT must be a number from 1 to 65535, not {port!r}")
            self.port = int(port)

    @property
    def where(self) -> str:
        """The server as the person named it."""
        return self.host if self.port is None else f"{self.host} port {self.port}"


class Connection(LineClient):
    """The bridge's connection to the server; there is a new one after each reconnect."""

    factory: BridgeFactory

    def connectionMade(self) -> None:
        self.factory.bridge.connected(self)

    def shown(self, line: str) -> None:
        self.factory.bridge.heard(line)

    def lost(self, reason: Failure) -> None:
        self.factory.bridge.lost(reason)


class BridgeFactory(Factory[Connection]):
    """Makes the connections of one bridge."""

    noisy = False
    protocol = Connection

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge


@implementer(IHalfCloseableProtocol)
class Input(BoundedLineReceiver):
    """Standard input, line by line."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(MAX_MAX_LINE)
        self._bridge = bridge
        self.closed: Deferred[None] = Deferred()

    def line_received(self, line: bytes) -> None:
        if line:
            self._bridge.typed(line.decode("utf-8", "replace"))

    def long_line(self, start: bytes) -> None:
        self._bridge.tell(f"! a line longer than {self.max_line} bytes was not sent")

    def readConnectionLost(self) -> None:
        self.input_ended()
        self._bridge.input_ended()

    def writeConnectionLost(self) -> None:
        """Standard output was closed: there is nobody to show anything to."""
        self._bridge.output_closed()
        self.closed.callback(None)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self.closed.called:
            self.closed.callback(None)


@implementer(IPushProducer)
class Valve:
    """Holds something back while the stream it flows into is full."""

    def __init__(self, bridge: Bridge, why: str) -> None:
        self._bridge = bridge
        self._why = why

    def pauseProducing(self) -> None:
        self._bridge.hold(self._why)

    def resumeProducing(self) -> None:
        self._bridge.release(self._why)

    def stopProducing(self) -> None:
        """The stream is gone; whoever cares is told in another way."""


class Bridge:
    """One run of chat-client.

    `terminal`: somebody types, so commands run, the end of input prints `exit`, and a lost server
    is waited for. Otherwise a pipe speaks: each line is said, and the status tells whether the
    server has taken all.
    """

    def __init__(
        self,
        reactor: IClientReactor,
        endpoint: IStreamClientEndpoint,
        options: Options,
        terminal: bool,
    ) -> None:
        self._reactor = reactor
        self._options = options
        self._terminal = terminal
        self._service = ClientService(
            endpoint,
            BridgeFactory(self),
            retryPolicy=backoffPolicy(initialDelay=0.5, maxDelay=30.0, factor=2.0),
            clock=reactor,
        )
        self._connection: Connection | None = None
        self._greeted = False
        self._handed_over = 0
        self._input_ended = False
        self._leaving = False
        self._over = False
        self._outcome: Deferred[object] = Deferred()
        self._finished: Deferred[object] = Deferred()
        self._holds = {"greeting"}
        self._input = Input(self)
        self._stdio = StandardIO(self._input, reactor=cast(IReactorFDSet, reactor))
        self._stdio.pauseProducing()
        self._stdio.registerProducer(Valve(self, "output"), True)

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
            self._service.stopService().addBoth(lambda _: self._close_output())
            await self._finished

    def _close_output(self) -> None:
        self._stdio.unregisterProducer()
        self._stdio.loseConnection()
        # Who has stopped its terminal (^S) does not see the rest.
        self._input.closed.addTimeout(GOODBYE, self._reactor).addBoth(self._finished.callback)

    # The server.

    def connected(self, connection: Connection) -> None:
        """There is a connection; what it says first releases the input."""
        self._connection = connection
        cast(IConsumer, connection.transport).registerProducer(Valve(self, "server"), True)
        self._reactor.callLater(GREETING_WAIT, self.release, "greeting")

    def heard(self, line: str) -> None:
        """The server sent `line`, clean."""
        self._greeted = True
        self._show(line)
        # Not before: what is said at once would stand above the greeting.
        self.release("greeting")

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._connection = None
        if self._over:
            return
        # What is typed now is refused now, not read and sent when the server is back.
        self.release("server")
        if self._leaving and (self._terminal or reason.check(ConnectionDone)):
            self._end()
        elif not self._greeted:
            self._end(f"cannot join {self._options.where}: {_why(reason)}")
        elif self._leaving or not (self._terminal or self._input_ended):
            self._end(self._cut())
        elif self._options["no-reconnect"]:
            self._end("the server went away")
        else:
            self.tell("! the server went away; trying until it is back")

    def _unreachable(self, reason: Failure) -> None:
        self._end(f"cannot reach {self._options.where}: {_why(reason)}")

    def _cut(self) -> str:
        return f"the connection broke; lines handed over to the server: {self._handed_over}"

    # The person or the pipe.

    def typed(self, line: str) -> None:
        """`line`, not empty, came from standard input."""
        if self._leaving or self._over:
            return
        runs = self._terminal or self._options["commands"]
        command = parse(line) if runs else None
        leaves = command is not None and command[0] == "quit"
        if self._connection is None or self._connection.ended:
            if leaves:
                self._leave()
            else:
                self.tell("! not connected: this line was not sent")
            return
        self._handed_over += 1
        if command is not None:
            self._connection.send(line)
            if leaves:
                self._expect_end()
        else:
            text = unescape(line) if runs else line
            self._connection.send(escape(text))
            self._show(f"[You] {clean(text.encode())}")

    def input_ended(self) -> None:
        """Nothing more comes from standard input."""
        self._input_ended = True
        if self._terminal or not self._options["stay"]:
            self._leave()

    def output_closed(self) -> None:
        """Nobody reads standard output any more: there is nothing left to do, nor to complain."""
        self._end()

    def interrupt(self) -> Deferred[object] | None:
        """^C, or a signal to end. Fires when it is over."""
        if self._finished.called:
            return None
        if self._terminal or self._options["stay"]:
            self._leave()
        else:
            self._end(self._cut())
        return self._finished

    def _leave(self) -> None:
        if self._leaving:
            return
        self._expect_end()
        if self._terminal:
            self._show("exit")
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
        if self._terminal or self._options["stay"]:
            self._reactor.callLater(GOODBYE, self._give_up)

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.transport.abortConnection()
        self._end()

    # The screen.

    def tell(self, line: str) -> None:
        """Show a line of the client's own."""
        if self._terminal:
            self._show(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def _show(self, line: str) -> None:
        self._stdio.write(f"{line}\n".encode())

    def hold(self, why: str) -> None:
        """Read no input until `release`, and where standard output is full nothing at all."""
        self._holds.add(why)
        self._stdio.pauseProducing()
        if why == "output" and self._connection is not None:
            cast(IPushProducer, self._connection.transport).pauseProducing()

    def release(self, why: str) -> None:
        """Undo `hold`."""
        self._holds.discard(why)
        if not self._holds:
            self._stdio.resumeProducing()
        if why == "output" and self._connection is not None:
            cast(IPushProducer, self._connection.transport).resumeProducing()

    def _end(self, complaint: str | None = None) -> None:
        if self._over:
            return
        self._over = True
        result = None if complaint is None else Failure(SystemExit(f"chat-client: {complaint}"))
        # Not at once: ClientService may be in the middle of telling us.
        self._reactor.callLater(0, self._outcome.callback, result)


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

    def chat(reactor: IClientReactor) -> Deferred[None]:
        try:
            endpoint = client_endpoint(reactor, options.host, options.port)
        except ValueError as error:
            raise SystemExit(f"chat-client: {error}") from error
        bridge = Bridge(reactor, endpoint, options, terminal=os.isatty(0))

        def interrupted() -> Deferred[object] | None:
            # A second ^C would only be a traceback: the end is near and bounded.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return bridge.interrupt()

        reactor.addSystemEventTrigger("before", "shutdown", interrupted)
        return Deferred.fromCoroutine(bridge.run())

    react(chat)
