"""Odd peers and many peers: with addresses of their own, slow ones, a crowd in one thread."""

from __future__ import annotations

import fcntl
import os
import re
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from tests.support.processes import PATIENCE, Daemon, Peer


class Guest(Peer):
    """A peer that has an address of its own, and any kind of socket."""

    def __init__(self, address: object, source: str = "", raw: socket.socket | None = None) -> None:
        self.socket = raw or socket.socket()
        self.socket.settimeout(PATIENCE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self._received = b""
        host, port = self.socket.getsockname()[:2]
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def narrow_socket() -> socket.socket:
    """Return a socket for which the kernel keeps 100 KB, not some MB, while it is not read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # The daemon's kernel takes more if the segments are large; on loopback they have 64 KB.
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
    return raw


def guest(daemon: Daemon, source: str = "127.0.0.1", raw: socket.socket | None = None) -> Guest:
    """Return a peer that has connected to `daemon` from `source`, and has read nothing yet."""
    peer = Guest(("127.0.0.1", daemon.port), source, raw)
    daemon.peers.append(peer)
    return peer


def gather(*peers: Peer) -> None:
    """Wait until `peers`, which have just connected to an empty room, have all been greeted and
    have read of each other.
    """
    names = {peer.name for peer in peers}
    for peer in peers:
        start = peer.line().removeprefix("> Connected to the chat server ")
        present = int(start[1:].split()[0])
        assert start == f"({users(present)} online)"
        entered = [peer.line() for _ in range(len(peers) - present)]
        for count, line in enumerate(entered, present + 1):
            name = line.removeprefix("> New user ").split()[0]
            assert line == f"> New user {name} entered ({users(count)} online)"
            assert name in names - {peer.name}


def users(count: int) -> str:
    return f"{count} user" if count < 2 else f"{count} users"


def said(peer: Peer, text: str) -> str:
    return f"[{peer.name}] {text}"


def left(peer: Peer, count: int = 1, how: str = "") -> str:
    return f"< The user {peer.name} left ({users(count)} online){how}"


def numbered(count: int) -> list[str]:
    """Return `count` short lines, all different."""
    return [f"line {number:06}" for number in range(count)]


def as_bytes(texts: Iterable[str]) -> bytes:
    """Return `texts` as the lines that a client sends."""
    return "".join(f"{text}\n" for text in texts).encode()


class Stopwatch:
    """Measures the seconds since it was made. Those do not count in which `daemon` or this thread
    waited for a core that another process had.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._waits = [
            Path(f"/proc/{task}/schedstat") for task in (daemon.child.pid, "thread-self")
        ]
        self._start = self._now()

    @property
    def seconds(self) -> float:
        return self._now() - self._start

    def _now(self) -> float:
        waited = sum(int(path.read_text().split()[1]) for path in self._waits)
        return time.monotonic() - waited / 1e9


@contextmanager
def asleep(daemon: Daemon) -> Iterator[None]:
    """Stop the daemon meanwhile. When it wakes, it finds all that was done, at once."""
    daemon.child.send_signal(SIGSTOP)
    os.waitid(os.P_PID, daemon.child.pid, os.WSTOPPED)
    try:
        yield
    finally:
        daemon.child.send_signal(SIGCONT)


def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition()` holds. For conditions of which no descriptor tells."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, condition
        os.sched_yield()


def is_delivered(peer: Peer) -> bool:
    """Return whether the daemon's kernel has got all that `peer` has sent."""
    return _ask(peer, termios.TIOCOUTQ) == 0


def held_by_kernel(daemon: Daemon, peer: Peer) -> int:
    """Return how many bytes the daemon has sent to `peer` that `peer` has not read."""
    ends = rf":{daemon.port:04X} \w+:{peer.socket.getsockname()[1]:04X} \w\w (\w+):"
    for table in ("tcp6", "tcp"):
        if connection := re.search(ends, Path(f"/proc/net/{table}").read_text()):
            return int(connection[1], 16) + _ask(peer, termios.FIONREAD)
    raise AssertionError(f"{peer.name} is not connected")


def _ask(peer: Peer, request: int) -> int:
    [answer] = struct.unpack("i", fcntl.ioctl(peer.socket, request, bytes(4)))
    return answer


class Crowd:
    """Connections that one thread serves. They send what they were given as fast as they can, and
    drop all that they read.
    """

    def __init__(self) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.put_out: list[int] = []
        """The descriptors of the peers whose connection the daemon has ended."""
        self._to_send: dict[int, Iterator[bytes]] = {}
        self._unsent: dict[int, bytes] = {}
        self._epoll = select.epoll()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def add(self, raw: socket.socket, to_send: Iterable[bytes] = ()) -> None:
        """Serve `raw`, a connected socket, and send all of `to_send` on it."""
        raw.setblocking(False)
        number = raw.fileno()
        self.sockets[number] = raw
        self._to_send[number] = iter(to_send)
        self._unsent[number] = b""
        self._epoll.register(number, select.EPOLLIN | select.EPOLLOUT)

    def stop(self) -> None:
        """Stop reading and sending."""
        self._stopped.set()
        self._thread.join()

    def _serve(self) -> None:
        space = bytearray(1024 * 1024)
        while not self._stopped.is_set():
            for number, event in self._epoll.poll(0.1):
                try:
                    if event & select.EPOLLOUT:
                        self._send(number)
                    if event & ~select.EPOLLOUT and not self.sockets[number].recv_into(space):
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                except OSError:
                    self._epoll.unregister(number)
                    self.put_out.append(number)

    def _send(self, number: int) -> None:
        data = self._unsent[number] or next(self._to_send[number], b"")
        if data:
            self._unsent[number] = data[self.sockets[number].send(data) :]
        else:
            self._epoll.modify(number, select.EPOLLIN)

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._epoll.close()
        for raw in self.sockets.values():
            raw.close()
