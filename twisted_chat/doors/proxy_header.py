"""The header in which a proxy tells where a connection comes from: PROXY, versions 1 and 2.

See haproxy's doc/proxy-protocol.txt.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from twisted_chat.limits import PROXY_HEADER
from twisted_chat.networks import ClaimedAddress, claimed_address

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = struct.Struct("!12sBBH")
"""The begin of version 2: the signature, version and command, family and transport, how much more
there is.
"""

_LONGEST_LINE = 107
"""Bytes of a header of version 1, with its line end."""

_LINE = re.compile(rb"PROXY TCP([46]) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})", re.ASCII)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: .*)?", re.DOTALL)

_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
_SSL = 0x20
"""The type of the part that tells of the client's TLS; bit 0 of its first byte: it speaks TLS."""


class BadHeader(Exception):
    """This is no header of PROXY."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a proxy tells. `size`: bytes of the header.

    `peer`: where the connection comes from; None: the proxy does not tell, as when it only looks
    whether somebody answers. `is_encrypted`: the client speaks TLS with the proxy.
    """

    size: int
    peer: ClaimedAddress | None = None
    is_encrypted: bool = False


def read_header(data: bytes) -> Header | None:
    """Return the header with which `data` begins; None if more of it has to come. Raises BadHeader
    as soon as no header can come of it.
    """
    if data[:12] == _SIGNATURE[: len(data)]:
        return _read_block(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _read_line(data)
    raise BadHeader


def _read_line(data: bytes) -> Header | None:
    line, end, _ = data[:_LONGEST_LINE].partition(b"\r\n")
    if not end:
        if len(data) >= _LONGEST_LINE:
            raise BadHeader
        return None
    size = len(line) + len(end)
    if _UNKNOWN.fullmatch(line):
        return Header(size)
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadHeader
    kind = IPv4Address if match[1] == b"4" else IPv6Address
    try:
        source, _ = kind(match[2].decode()), kind(match[3].decode())
    except ValueError as error:
        raise BadHeader from error
    ports = int(match[4]), int(match[5])
    if max(ports) > 65535:
        raise BadHeader
    return Header(size, claimed_address(source, ports[0]))


def _read_block(data: bytes) -> Header | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, more = _FIXED.unpack_from(data)
    size = _FIXED.size + more
    if command not in (_LOCAL, _PROXY) or size > PROXY_HEADER:
        raise BadHeader
    if len(data) < size:
        return None
    block = data[_FIXED.size : size]
    if command == _LOCAL or family not in (_TCP4, _TCP6):
        return Header(size)
    if family == _TCP4:
        form = struct.Struct("!4s4sHH")
        kind: type[IPv4Address | IPv6Address] = IPv4Address
    else:
        form = struct.Struct("!16s16sHH")
        kind = IPv6Address
    if len(block) < form.size:
        raise BadHeader
    address, _, port, _ = form.unpack_from(block)
    return Header(size, claimed_address(kind(address), port), _tells_of_tls(block[form.size :]))


def _tells_of_tls(parts: bytes) -> bool:
    """Return whether `parts`, each with its type and its length before it, say that the client
    speaks TLS.
    """
    while len(parts) >= 3:
        kind, length = struct.unpack_from("!BH", parts)
        if kind == _SSL:
            return length > 0 and len(parts) > 3 and bool(parts[3] & 1)
        parts = parts[3 + length :]
    return False
