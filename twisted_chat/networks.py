"""Where peers come from: addresses, users of this machine, and what counts as one of them."""

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
"""What stands for the address of peers that have none: those of a unix socket."""

Host = IPv4Address | IPv6Address | None
"""Where a member comes from; None: from this machine, by a unix socket."""

Network = IPv4Network | IPv6Network


def host_of(peer: IAddress) -> Host:
    """The address of `peer`, a v4-mapped one as IPv4; None where it has none."""
    if not isinstance(peer, TCP4Address | TCP6Address):
        return None
    return _plain(ip_address(peer.host))


def is_local(host: Host) -> bool:
    """Whether `host` is this machine: there stand proxies, and people who share it."""
    return host is None or host.is_loopback


def network_of(host: Host) -> str:
    """What counts as one address: of IPv6 the /64, which is what one subscriber has (RFC 6177)."""
    if host is None:
        return LOCAL
    if isinstance(host, IPv4Address):
        return str(host)  # As below, in a tenth of the time: each newcomer asks for it.
    return show(_subscriber(host))


def origin_of(host: Host, user: int | None = None) -> str:
    """Return what counts as one address wherever each has a share: the network of `host`, or the
    `user` (an id) of this machine who came in by a unix socket.

    All of loopback is one: it has a million addresses (127.0.0.0/8), and whoever sits behind a
    proxy or a port forwarder comes from there.
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
    """The network that `whom` names: a network, an address, or a default name, which begins with
    one. Of IPv6, an address stands for its /64, unless it is of one link alone.

    None: it is a name; so are the default names of those on this machine, whose address says
    nothing of who they are.
    """
    address, colon, port = whom.rpartition(":")
    candidates = [whom]
    if colon and port.partition("~")[0].isdecimal():
        candidates.append(address.removeprefix("[").removesuffix("]"))
    for text in candidates:
        try:
            if "/" not in text:
                host = _plain(ip_address(text))
                if text is not whom and host.is_loopback:
                    return None
                # All of one link have the same /64 (RFC 4291, 2.5.6).
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


def show(network: Network) -> str:
    """`network` as people write it, and as `network_in` reads it: one that is a single address as
    that, unless that stands for its /64.
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


def is_default(name: str) -> bool:
    """Whether `name` is one that the daemon gave, made of an address: nobody can choose it."""
    return ":" in name
