"""Who may come in: one place for all doors."""

from __future__ import annotations

import resource
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_chat.dialects import users
from twisted_chat.limits import MAX_PER_ADDRESS, MAX_USERS, SPARE_DESCRIPTORS

LOCAL = "local"
"""What stands for the address of peers that have none: those of a unix socket."""


def host_of(peer: IAddress) -> IPv4Address | IPv6Address | None:
    """The address of `peer`, a v4-mapped one as IPv4; None where it has none."""
    if not isinstance(peer, TCP4Address | TCP6Address):
        return None
    host = ip_address(peer.host)
    return (host.ipv4_mapped or host) if isinstance(host, IPv6Address) else host


def network_of(host: IPv4Address | IPv6Address | None) -> str:
    """What counts as one address: of IPv6 the /64, which is what one subscriber has (RFC 6177)."""
    if host is None:
        return LOCAL
    if isinstance(host, IPv6Address) and not host.is_loopback:
        return f"{IPv6Address(int(host) >> 64 << 64)}/64"
    return str(host)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; how many members that allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = MAX_USERS + SPARE_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    return max(1, min(MAX_USERS, files - SPARE_DESCRIPTORS))


class Admission:
    """Counts connections, and refuses those that are too many.

    `max_per_address` does not concern loopback and unix sockets: there stand proxies, and people
    who share one machine.
    """

    _log = Logger()

    def __init__(self, max_users: int = MAX_USERS, max_per_address: int = MAX_PER_ADDRESS) -> None:
        self.max_users = max_users
        self.max_per_address = max_per_address
        self._users = 0
        self._per_address: Counter[str] = Counter()
        # What was refused is logged once until there is room again: refusals can be many.
        self._full: set[str] = set()

    def refusal(self, host: IPv4Address | IPv6Address | None) -> str | None:
        """Why nobody more may come in from `host`, and what to do; None: come in."""
        network = network_of(host)
        if self._users >= self.max_users:
            self._note("the chat", self.max_users)
            return f"the chat is full ({users(self.max_users)}): try again later"
        if not _exempt(host) and self._per_address[network] >= self.max_per_address:
            self._note(network, self.max_per_address)
            return (
                f"{self.max_per_address} connections from {network} are as many as may be: "
                "close one of them first"
            )
        return None

    def enter(self, host: IPv4Address | IPv6Address | None) -> None:
        """One more came in from `host`."""
        self._users += 1
        self._per_address[network_of(host)] += 1

    def leave(self, host: IPv4Address | IPv6Address | None) -> None:
        """One that had come in from `host` is gone."""
        network = network_of(host)
        self._users -= 1
        self._per_address[network] -= 1
        if not self._per_address[network]:
            del self._per_address[network]
        self._full.difference_update(("the chat", network))

    def _note(self, what: str, most: int) -> None:
        if what not in self._full:
            self._full.add(what)
            self._log.warn("{what} is full: the limit is {most}", what=what, most=most)


def _exempt(host: IPv4Address | IPv6Address | None) -> bool:
    return host is None or host.is_loopback
