"""What a proxy sends before everything else."""

from __future__ import annotations

import struct
from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21


def block(command: int, family: int, content: bytes) -> bytes:
    """Return a header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


def part(kind: int, value: bytes) -> bytes:
    """Return a part that may follow the addresses of version 2."""
    return struct.pack("!BH", kind, len(value)) + value


ALPN = part(1, b"h2")
TLS = part(0x20, b"\x01\0\0\0\0" + part(0x21, b"TLSv1.3"))
"""The client speaks TLS, as haproxy's send-proxy-v2-ssl tells it."""
NO_TLS = part(0x20, b"\0\0\0\0\0")


def proxy_header(
    source: tuple[str, int], target: tuple[str, int] = ("192.0.2.1", 8888), parts: bytes = TLS
) -> bytes:
    """Return a header of version 2 for a TCP connection from `source` to `target`."""
    addresses = [ip_address(source[0]), ip_address(target[0])]
    family = 0x11 if addresses[0].version == 4 else 0x21
    packed = b"".join(each.packed for each in addresses)
    return block(PROXY, family, packed + struct.pack("!HH", source[1], target[1]) + parts)


def proxy_line(source: tuple[str, int], target: tuple[str, int] = ("192.0.2.1", 8888)) -> bytes:
    """Return the same in version 1."""
    family = "TCP6" if ":" in source[0] else "TCP4"
    return f"PROXY {family} {source[0]} {target[0]} {source[1]} {target[1]}\r\n".encode()
