"""Tells and asks the kernel about connections."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ISystemHandle, ITransport

from twisted_chat.limits import KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES

_TCP_INFO = struct.Struct("=24xI92xQ16xI")
"""Reads tcpi_unacked (segments), tcpi_bytes_acked and tcpi_notsent_bytes from Linux's struct
tcp_info. The last exists from Linux 4.6 on.
"""

_CREDENTIALS = struct.Struct("iII")
"""Process, user and group, as in unix(7)."""


def keep_alive(tcp: socket.socket) -> None:
    """Have the kernel give up an idle peer that answers nothing for VANISHED seconds (tcp(7)).

    On Linux, all connections that a listening socket accepts inherit its settings.
    """
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
    ):
        set_if_known(tcp, option, value)


def set_if_known(tcp: socket.socket, option: str, value: int) -> None:
    """Set the TCP option called `option`, if this Unix has it."""
    if number := getattr(socket, option, None):
        tcp.setsockopt(socket.IPPROTO_TCP, number, value)


def tcp_socket(transport: ITransport) -> socket.socket | None:
    """Return a duplicate of the TCP socket beneath `transport`, also beneath TLS; None if it has no
    TCP socket. Close the duplicate soon: as long as it is open, so is the connection.
    """
    # A transport over another one passes on the attributes that it does not have itself.
    fileno = getattr(transport, "fileno", None)
    if fileno is None or not isinstance(transport.getHost(), IPv4Address | IPv6Address):
        return None
    try:
        return socket.socket(fileno=os.dup(fileno()))
    except OSError:  # It is closed.
        return None


class Progress(NamedTuple):
    """What has become of the bytes that were sent on a connection."""

    acknowledged: int
    """How many bytes the peer's kernel has acknowledged."""
    are_on_their_way: bool
    """Whether bytes were sent that are not acknowledged yet."""
    are_waiting: bool
    """Whether bytes wait here until the peer makes room for them, or acknowledges some."""


def progress(transport: ITransport) -> Progress | None:
    """Return what has become of the bytes sent on `transport`; None if that cannot be known."""
    tcp = tcp_socket(transport) if sys.platform == "linux" else None
    if tcp is None:
        return None
    with tcp:
        info = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    if len(info) < _TCP_INFO.size:
        return None
    segments, acknowledged, waiting = _TCP_INFO.unpack(info)
    return Progress(acknowledged, segments > 0, waiting > 0)


def user_of(transport: object) -> int | None:
    """Return the id of the user that opened the other side of `transport`, a unix socket; None if
    that cannot be known. Only Linux is asked: other systems have other calls or structures.
    """
    handle = transport.getHandle() if ISystemHandle.providedBy(transport) else None
    if (
        not isinstance(handle, socket.socket)
        or handle.family != socket.AF_UNIX
        or sys.platform != "linux"
    ):
        return None
    data = handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return int(user)
