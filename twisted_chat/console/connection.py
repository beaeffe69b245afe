"""One connection of chat-client to the server. Each reconnect makes a new one."""

from __future__ import annotations

from typing import Protocol, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.python.failure import Failure

from twisted_chat.client import LineClient
from twisted_chat.console.arrival import doubt
from twisted_chat.console.face import User, Valve
from twisted_chat.events import Event


class Hearer(User, Protocol):
    """Takes all that a connection gets from the server."""

    def connected(self, connection: Connection) -> None:
        """Note that there is a connection."""

    def heard(self, event: Event, line: str | None) -> None:
        """Take `event`, and the `line` that told of it; None: the server sent it as JSON."""

    def lost(self, reason: Failure) -> None:
        """Note that the connection is gone."""

    def tell_person(self, line: str) -> None:
        """Show `line`, one of the client's own, to a person, and not to a pipe."""


class Connection(LineClient):
    """A connection that hands all that comes to `hearer`."""

    def __init__(self, clock: IReactorTime, hearer: Hearer) -> None:
        super().__init__(clock)
        self._hearer = hearer
        self.greeted = False
        self._has_valve = False
        self.doubt = ""
        """The question to the person if the server does not greet."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.doubt = doubt(self.transport)
        cast(IConsumer, self.transport).registerProducer(Valve(self._hearer, "server"), True)
        self._has_valve = True
        self._hearer.connected(self)

    def heard(self, event: Event, line: str | None) -> None:
        self._hearer.heard(event, line)

    @property
    def is_settling(self) -> bool:
        """Whether the server has greeted, but has yet to tell whether it knows JSON."""
        return self._lines.waits

    def network_stuck(self) -> None:
        self._hearer.tell_person("! waiting for the network")

    def network_moves(self) -> None:
        self._hearer.tell_person("! the network is back")

    def lost(self, reason: Failure) -> None:
        self._hearer.lost(reason)

    def let_go(self) -> None:
        """Let the connection close: the transport does not close while it has a valve."""
        if self._has_valve:
            self._has_valve = False
            cast(IConsumer, self.transport).unregisterProducer()

    @property
    def address(self) -> str:
        """The name that the server gives to a client that has chosen no name, as far as it is known
        here.
        """
        host = self.transport.getHost()
        if isinstance(host, IPv6Address):
            return f"[{host.host}]:{host.port}"
        return f"{host.host}:{host.port}" if isinstance(host, IPv4Address) else ""
