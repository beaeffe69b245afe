"""Two networks of their own, joined by a cable that a test can cut."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.support.crowds import Guest
from tests.support.processes import TWISTD, Daemon, Peer, ipv6_works

T = TypeVar("T")


def in_new_thread(function: Callable[[], T]) -> T:
    """Return `function()`, called in a new thread. It may change the network of the thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


class Namespace:
    """A network namespace without a name. It ends when nothing holds it."""

    _libc = ctypes.CDLL(None, use_errno=True)
    _CLONE_NEWNET = 0x40000000

    def __init__(self) -> None:
        self._fd = in_new_thread(self._make)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def _make(self) -> int:
        self._check(self._libc.unshare(self._CLONE_NEWNET))
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def _check(self, result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def run(self, function: Callable[[], T]) -> T:
        """Return `function()`, called in this namespace."""

        def inside() -> T:
            self._check(self._libc.setns(self._fd, self._CLONE_NEWNET))
            return function()

        return in_new_thread(inside)

    def ip(self, arguments: str) -> None:
        """Run ip(8)."""
        self.run(lambda: subprocess.run(["ip", *arguments.split()], check=True))

    def program(self, command: Sequence[str]) -> list[str]:
        """Return `command` as a command that runs in this namespace."""
        return ["nsenter", f"--net={self.path}", *command]

    def socket(self, family: int = socket.AF_INET) -> socket.socket:
        """Return a socket in this namespace, wherever it is used."""
        return self.run(lambda: socket.socket(family))

    def close(self) -> None:
        os.close(self._fd)


class Cable:
    """Two machines on one cable. Daemons run `here`, and peers come from `there`."""

    def __init__(self) -> None:
        self.here, self.there = Namespace(), Namespace()
        self.here.ip("link set lo up")
        self.here.ip(f"link add cable type veth peer name cable netns {self.there.path}")
        places = [
            (self.here, ["10.0.0.1/24"]),
            (self.there, ["10.0.0.2/24", "10.0.0.3/24"]),
        ]
        if ipv6_works():
            places += [
                (self.here, ["fd00:0:0:1::1/64", "fd00:0:0:2::1/64"]),
                (self.there, ["fd00:0:0:1::2/64", "fd00:0:0:1::3/64", "fd00:0:0:2::2/64"]),
            ]
        for machine, addresses in places:
            for address in addresses:
                machine.ip(f"address add {address} dev cable{' nodad' * (':' in address)}")
        for machine in (self.here, self.there):
            machine.ip("link set cable up")

    @property
    def program(self) -> list[str]:
        """The program of a daemon `here`."""
        return self.here.program(TWISTD)

    def join(self, daemon: Daemon, source: str) -> Peer:
        """Return a new peer from `source`, an address `there` or on loopback `here`."""
        if source.startswith("127."):
            peer = Guest(("127.0.0.1", daemon.port), source, self.here.socket())
        elif "." in source:
            peer = Guest(("10.0.0.1", daemon.port), source, self.there.socket())
        else:
            address = source.rpartition("::")[0] + "::1"
            peer = Guest((address, daemon.port), source, self.there.socket(socket.AF_INET6))
        daemon.peers.append(peer)
        return peer

    def cut(self) -> None:
        """Let nothing come through. Neither side is told."""
        for machine, other in [(self.here, "10.0.0.2"), (self.there, "10.0.0.1")]:
            # A network card that does not exist.
            machine.ip(
                f"neighbour replace {other} lladdr 02:00:00:00:00:99 nud permanent dev cable"
            )

    def mend(self) -> None:
        """Let everything come through again."""
        for machine, other in [(self.here, "10.0.0.2"), (self.there, "10.0.0.1")]:
            machine.ip(f"neighbour del {other} dev cable")

    def close(self) -> None:
        self.here.close()
        self.there.close()
