"""Who may come in, and who is in: one place for all doors."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from twisted_chat.dialects import users
from twisted_chat.limits import MAX_USERS, SPARE_DESCRIPTORS, Limits
from twisted_chat.networks import Host, is_local, network_of
from twisted_chat.refusal import Kind, Refusal

T = TypeVar("T")


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; how many members that allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = MAX_USERS + SPARE_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    return max(1, min(MAX_USERS, files - SPARE_DESCRIPTORS))


class Admission:
    """Counts connections, and refuses those that are too many.

    `limits.max_users` may be in, and `limits.max_per_address` of one address. The latter does not
    concern loopback and unix sockets: there stand proxies, and people who share one machine.
    `closed_to` tells why nobody may come in from a host, or None.
    """

    _log = Logger()

    def __init__(
        self, limits: Limits, closed_to: Callable[[Host], Refusal | None] = lambda host: None
    ) -> None:
        self._limits = limits
        self._closed_to = closed_to
        self._users = 0
        self._per_address: Counter[str] = Counter()
        # What was refused is logged once until there is room again: refusals can be many.
        self._full: set[str] = set()

    def refusal(self, host: Host) -> Refusal | None:
        """Why nobody more may come in from `host`, and what to do; None: come in."""
        network = network_of(host)
        most = self._limits.max_users
        if self._users >= most:
            self._note("the chat", most)
            text = f"the chat is full ({users(most)}): try again later"
            return Refusal(text, Kind.TOO_MANY)
        most = self._limits.max_per_address
        if not is_local(host) and self._per_address[network] >= most:
            self._note(network, most)
            return Refusal(
                f"{most} connections from {network} are as many as may be: close one of them first",
                Kind.TOO_MANY,
            )
        return self._closed_to(host)

    def enter(self, host: Host) -> None:
        """One more came in from `host`."""
        self._users += 1
        self._per_address[network_of(host)] += 1

    def leave(self, host: Host) -> None:
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


class Connections(set[T]):
    """The connections of one door."""

    accepted = 0
    """How many there have been."""
    _all_gone: Deferred[None] | None = None

    def begin(self, connection: T) -> None:
        """`connection` is there."""
        self.accepted += 1
        self.add(connection)

    def lose(self, connection: T) -> None:
        """`connection` is gone."""
        self.discard(connection)
        if self._all_gone is not None and not self:
            self._all_gone.callback(None)

    def all_gone(self) -> Deferred[None]:
        """Fires when none is left. To be called once, when none can come any more."""
        if not self:
            return succeed(None)
        self._all_gone = Deferred()
        return self._all_gone
