"""Who may come in, and who is in, for all doors together."""

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
    """Raise the soft limit of open files to the hard one. Return how many members that allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    files = MAX_USERS + SPARE_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    return max(1, min(MAX_USERS, files - SPARE_DESCRIPTORS))


class Admission:
    """Counts connections, and refuses one more if there are too many.

    `limits.max_users` may be in altogether, and `limits.max_per_address` from one address. The
    second limit is not for loopback and unix sockets: proxies stand there, and people who share one
    machine. `closed_to(host)` returns why nobody may come in from there, or None.
    """

    _log = Logger()

    def __init__(
        self, limits: Limits, closed_to: Callable[[Host], Refusal | None] = lambda host: None
    ) -> None:
        self._limits = limits
        self._closed_to = closed_to
        self._users = 0
        self._per_address: Counter[str] = Counter()
        # Whatever is full is logged once until there is room again: refusals can be many.
        self._full: set[str] = set()

    def refusal(self, host: Host) -> Refusal | None:
        """Return why nobody more may come in from `host`, and what to do; None: come in."""
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
        """Count one more connection from `host`."""
        self._users += 1
        self._per_address[network_of(host)] += 1

    def leave(self, host: Host) -> None:
        """Count one connection less from `host`."""
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


class Place:
    """A place that somebody from `host` has in the chat, until it is given back."""

    __slots__ = ("_admission", "_host", "_is_taken")

    def __init__(self, admission: Admission, host: Host) -> None:
        admission.enter(host)
        self._admission = admission
        self._host = host
        self._is_taken = True

    def give_back(self) -> None:
        """Let somebody else have it. It may be called again."""
        if self._is_taken:
            self._is_taken = False
            self._admission.leave(self._host)


class Connections(set[T]):
    """The connections of one door."""

    accepted = 0
    """How many connections have begun so far."""
    _all_gone: Deferred[None] | None = None

    def begin(self, connection: T) -> None:
        """Add `connection`."""
        self.accepted += 1
        self.add(connection)

    def lose(self, connection: T) -> None:
        """Take `connection` away."""
        self.discard(connection)
        if self._all_gone is not None and not self:
            self._all_gone.callback(None)

    def all_gone(self) -> Deferred[None]:
        """Return what fires when no connection is left. Call it once, when no more can begin."""
        if not self:
            return succeed(None)
        self._all_gone = Deferred()
        return self._all_gone
