"""Where peers come from: addresses, users of this machine, and which of them count as one."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from twisted.internet.address import IPv4Address as TCP4Address
from twisted.internet.address import IPv6Address as TCP6Address
from twisted.internet.interfaces import IAddress

from twisted_chat.limits import IPV6_SUBSCRIBER

LOCAL = "local"
"""Stands for the address of peers without one: those that come in by a unix socket."""

Host = IPv4Address | IPv6Address | None
"""The address that a member comes from; None: it comes from this machine, by a unix socket."""

Network = IPv4Network | IPv6Network


class _ClaimedIPv4(IPv4Address):
    """An address that a proxy tells: never this machine, whatever it says."""

    is_loopback = False


class _ClaimedIPv6(IPv6Address):
    """The same for IPv6."""

    is_loopback = False


class _ClaimedTCP4(TCP4Address):
    """Where a peer comes from, as a proxy tells it."""


class _ClaimedTCP6(TCP6Address):
    """The same for IPv6."""


ClaimedAddress = _ClaimedTCP4 | _ClaimedTCP6


def claimed_address(host: IPv4Address | IPv6Address, port: int) -> ClaimedAddress:
    """Return the address of a peer of which a proxy tells that it comes from `host` and `port`. It
    does not count as this machine, also if it says so. The zone of an IPv6 address is left out: it
    says nothing here, and may be any text.
    """
    host = _plain(type(host)(int(host)))
    kind = _ClaimedTCP4 if isinstance(host, IPv4Address) else _ClaimedTCP6
    return kind("TCP", str(host), port)


def host_of(peer: IAddress) -> Host:
    """Return the IP address of `peer`, a v4-mapped one as IPv4; None if it has no IP address."""
    if isinstance(peer, _ClaimedTCP4):
        return _ClaimedIPv4(peer.host)
    if isinstance(peer, _ClaimedTCP6):
        return _ClaimedIPv6(peer.host)
    if not isinstance(peer, TCP4Address | TCP6Address):
        return None
    return _plain(ip_address(peer.host))


def host_in(text: str) -> Host:
    """Return the IP address in `text`, behind which a port may stand; None: there is none."""
    bare = text
    if text.startswith("["):
        bare, end, _ = text[1:].partition("]")
        bare = bare if end else ""
    elif text.count(":") == 1:
        bare = text.partition(":")[0]
    try:
        return _plain(ip_address(bare))
    except ValueError:
        return None


def is_local(host: Host) -> bool:
    """Return whether `host` is this machine, where proxies stand and people who share it."""
    return host is None or host.is_loopback


def network_of(host: Host) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 address, which one
    subscriber has (RFC 6177).
    """
    if host is None:
        return LOCAL
    if isinstance(host, IPv4Address):
        return str(host)  # As below, in a tenth of the time: it is called for each newcomer.
    return show(_subscriber(host))


def origin_of(host: Host, user: int | None = None) -> str:
    """Return the origin of a member: all members of one origin together have one share.

    It is the network of `host`, or, for a peer that came in by a unix socket, the `user` (an id) of
    this machine. All of loopback is one origin: it has a million addresses (127.0.0.0/8), and
    peers behind a proxy or a port forwarder come from there.
    """
    if host is None and user is not None:
        return f"uid:{user}"
    return LOCAL if is_local(host) else network_of(host)


def place(origin: str) -> str:
    """Return `origin` in words."""
    user = origin.removeprefix("uid:")
    if user != origin:
        return f"user {user} of this machine"
    return "this machine" if origin == LOCAL else origin


def network_in(whom: str) -> Network | None:
    """Return the network that `whom` names: a network, an address, or a default name, which begins
    with an address. An IPv6 address stands for its /64, unless it is link-local.

    Return None if `whom` is a name. The default name of a member on this machine counts as a name:
    its address does not tell members apart.
    """
    for text in (whom, _before_port(whom)):
        try:
            if "/" not in text:
                host = _plain(ip_address(text))
                if text is not whom and host.is_loopback:
                    return None
                # All machines on a link have the same /64 (RFC 4291, 2.5.6).
                if isinstance(host, IPv6Address) and host.is_link_local:
                    return IPv6Network(int(host))
                return _subscriber(host)
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None and network.prefixlen >= 96:
            return ip_network((mapped, network.prefixlen - 96))
        return network
    return None


def lies_in(network: Network, other: Network) -> bool:
    """Return whether all of `network` is in `other`."""
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def show(network: Network) -> str:
    """Return `network` as people write it and `network_in` reads it: a single address without its
    /32 or /128, unless that address would stand for its /64.
    """
    if network.prefixlen == network.max_prefixlen and (network.version == 4 or network.is_loopback):
        return str(network.network_address)
    return str(network)


def _plain(host: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (host.ipv4_mapped or host) if isinstance(host, IPv6Address) else host


def _subscriber(host: IPv4Address | IPv6Address) -> Network:
    if isinstance(host, IPv4Address):
        return ip_network(host)
    length = host.max_prefixlen if host.is_loopback else IPV6_SUBSCRIBER
    return IPv6Network((int(host), length), strict=False)


def is_default_name(text: str) -> bool:
    """Return whether `text` is a default name: one that the daemon makes from an address and a
    port. It stands for one member and not for all from that address, and nobody can choose it.
    """
    if not _before_port(text):
        return False
    try:
        ip_address(text)  # The last group of an IPv6 address looks like a port.
    except ValueError:
        return True
    return False


def _before_port(text: str) -> str:
    """Return the address in a default name, without its brackets; "" if `text` has no port."""
    address, _, port = text.rpartition(":")
    is_port = port.partition("~")[0].isdecimal()
    return address.removeprefix("[").removesuffix("]") if is_port else ""
