"""What all doors share: how a door is started and ended, and how somebody comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from itertools import count

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorUNIX, ISSLTransport
from twisted.logger import Logger
from zope.interface import Attribute, Interface

from twisted_chat.authorisation import Door
from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.doors.admission import Admission
from twisted_chat.doors.anteroom import Anteroom
from twisted_chat.doors.outbox import IOutboxReactor, IStreamTransport
from twisted_chat.doors.proxied import Proxies
from twisted_chat.events import LOBBY, Reason
from twisted_chat.flood import Flood, Meter
from twisted_chat.interfaces import IDialect, IOutbox, IPrivate
from twisted_chat.members import Member
from twisted_chat.names import BadName, check_name, check_room
from twisted_chat.networks import LOCAL, Host, host_of, is_local, network_of, origin_of
from twisted_chat.refusal import Refusal
from twisted_chat.sockets import user_of


class IDoorReactor(IOutboxReactor, IReactorUNIX):
    """What doors need of the reactor."""


class IDoor(Interface):
    """A way in: it makes members of what comes over a transport.

    The daemon calls `open`, `close` and `drain`, each once and in this order. Between the latter
    two it lets all who are in the chat leave.
    """

    name = Attribute("str: what it is called where doors are listed")
    heard = Attribute(
        "int: packets that have come in. Where it stays the same, all that peers had sent is heard."
    )

    def open() -> None:
        """Listen. It is called before any fork. Raises ListenError."""

    def places() -> Sequence[str]:
        """Return where people come in once it is open, in words such as `port 8888`."""

    def close() -> Deferred[None]:
        """Accept nobody any more."""

    def drain() -> Deferred[None]:
        """End the connections that are still there, with last words where the chat has said none.

        Fires when all are gone, after GOODBYE seconds at most.
        """

    def counts() -> dict[str, int]:
        """Return what it has counted, by name."""


class Entrance:
    """Lets members into the chat, through whatever door, and out of it: who may come in, what each
    is called and charged to, and how it leaves. A daemon has one, and makes all its doors with it.

    `closed_to` tells why nobody may come in from a host, or None. `proxies`: which proxies are
    believed; None: those on this machine.
    """

    _log = Logger()

    def __init__(
        self,
        chat: Chat,
        desk: Desk,
        reactor: IDoorReactor,
        closed_to: Callable[[Host], Refusal | None],
        proxies: Proxies | None = None,
    ) -> None:
        self.chat = chat
        self.desk = desk
        self.reactor = reactor
        self.limits = chat.limits
        self.admission = Admission(self.limits, closed_to)
        self.anteroom = Anteroom(self.admission, reactor)
        self.proxies = proxies or Proxies()
        self.flood = Flood(reactor, self.limits)
        self._local = count(1)

    def refusal(self, peer: IAddress) -> Refusal | None:
        """Return why `peer` may not come in, and what to do about it; None: it may."""
        return self.admission.refusal(host_of(peer))

    def member(
        self,
        transport: IStreamTransport,
        outbox: IOutbox,
        dialect: IDialect,
        door: Door = Door.LINE,
    ) -> Member:
        """Return a member for the peer of `transport`. It is not in the chat yet, but has a place
        there, until it is gone. `door`: how it comes in where somebody could read along.
        """
        peer = transport.getPeer()
        self.admission.enter(host_of(peer))
        if isinstance(transport.getHost(), TCP4Address | TCP6Address):
            # Unix sockets claim to be ITCPTransport too.
            transport.setTcpNoDelay(True)
        host = host_of(peer)
        origin = origin_of(host, user_of(transport))
        is_encrypted = ISSLTransport.providedBy(transport) or IPrivate.providedBy(transport)
        is_safe = is_local(host) or is_encrypted
        return Member(
            self.default_name(peer, host),
            outbox,
            dialect,
            self.meter(host, origin),
            door.safe if is_safe else door,
            host,
            origin,
        )

    def meter(self, host: Host, origin: str) -> Meter:
        """Return what charges one connection from `host`."""
        # Each address of loopback has a bucket: a proxy there may give each of its own clients one.
        return self.flood.meter(origin if host is None else network_of(host))

    def default_name(self, peer: IAddress, host: Host) -> str:
        """Return what somebody from `host` is called who came over a connection from `peer`: the
        address and the port, or `local:N` where there is no address.
        """
        if host is None:
            return f"{LOCAL}:{next(self._local)}"
        is_tcp = isinstance(peer, TCP4Address | TCP6Address)
        port = peer.port if is_tcp else next(self._local)  # type: ignore[attr-defined]
        return f"[{host}]:{port}" if isinstance(host, IPv6Address) else f"{host}:{port}"

    def enter(
        self,
        member: Member,
        rooms: Sequence[str] = (LOBBY,),
        name: str = "",
        digest: str = "",
    ) -> Deferred[None] | None:
        """Let `member` into the chat and into `rooms`: under `name` if it has chosen one. `digest`:
        that of the registration whose passphrase it knows. Where that may not be, it is turned
        away.

        None if it is in; otherwise what fires when it is. That never fails, and can be cancelled.
        Until then nothing of the member is to be handed in.
        """
        try:
            name = name and check_name(name)
            rooms = [check_room(room) for room in rooms]
        except BadName as refusal:
            self.chat.turn_away(member, refusal)
            return None
        return self.chat.arrive(member, rooms, name, digest)

    def leave(self, member: Member) -> None:
        """Let `member` leave, unless it has left: all that it had sent is heard."""
        self.chat.leave(member)

    def gone(self, member: Member) -> None:
        """Give the place of `member` to others: its connection is gone, and it has left."""
        self.admission.leave(member.host)

    def put_out(self, member: Member, reason: Reason) -> None:
        """Put `member` out of the chat."""
        self.chat.leave(member, reason=reason)

    def put_out_as_slow(self, member: Member, waiting: int) -> None:
        """Put `member` out because `waiting` bytes wait for it, too many or for too long."""
        self._log.info(
            "{name} is put out: too slow to read, {waiting} bytes wait for it",
            name=member.name,
            waiting=waiting,
        )
        self.put_out(member, Reason.TOO_SLOW)
