"""Looks up hosts in threads that do not delay the client's end."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from threading import Thread
from typing import NoReturn

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorFromThreads,
    IResolutionReceiver,
)
from zope.interface import implementer


@implementer(IHostnameResolver)
class Lookup:
    """Asks the system for addresses. Twisted's own resolver does too, but waits at its end for all
    answers: with a silent DNS server, ^C would be obeyed only after half a minute.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Look up `hostName`, for TCP only: see IHostnameResolver."""
        resolution = Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def done(found: list[IPv4Address | IPv6Address]) -> None:
            for address in found:
                if addressTypes is None or type(address) in addressTypes:
                    resolutionReceiver.addressResolved(address)
            resolutionReceiver.resolutionComplete()

        def look_up() -> None:
            self._reactor.callFromThread(done, _addresses(hostName, portNumber))

        Thread(target=look_up, name=f"looks up {hostName!r}", daemon=True).start()
        return resolution


@implementer(IHostResolution)
class Resolution:
    """One look-up."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> NoReturn:
        """Raise NotImplementedError, as in Twisted's own resolver: the system goes on until it has
        an answer, and no endpoint calls this.
        """
        raise NotImplementedError


def _addresses(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of `host`; an empty list if it is unknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses: list[IPv4Address | IPv6Address] = []
    for family, _, _, _, where in found:
        if family == socket.AF_INET:
            addresses.append(IPv4Address("TCP", str(where[0]), int(where[1])))
        elif family == socket.AF_INET6 and len(where) == 4:
            addresses.append(IPv6Address("TCP", *where))
    return addresses
