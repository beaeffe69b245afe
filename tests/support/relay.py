"""A network between a browser and a daemon that a test can break."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes on what comes to `port` of 127.0.0.1 to `target`, another port there, and back.

    `path`: what paths of requests begin with on this side alone, such as `/chat`.
    """

    def __init__(self, target: int, path: str = "") -> None:
        self._target = target
        self._path = path
        self._links: list[Link] = []
        self._is_cut = self._is_silent = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def cut(self) -> None:
        """Break all connections, and each that is made from now on."""
        self._is_cut = True
        for link in self._links:
            link.break_off()

    def swallow(self) -> None:
        """Pass nothing on over the connections that there are, nor over those that are made from
        now on, and break none: as if the network were gone.
        """
        self._is_silent = True
        for link in self._links:
            link.is_silent = True

    def mend(self) -> None:
        """Pass on what comes over connections that are made from now on."""
        self._is_cut = self._is_silent = False

    def close(self) -> None:
        """Leave nothing of it behind."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        with suppress(OSError):  # It is closed.
            while True:
                peer, _ = self._listening.accept()
                if self._is_cut:
                    peer.close()
                    continue
                daemon = socket.create_connection(("127.0.0.1", self._target))
                link = Link(peer, daemon, self._path)
                link.is_silent = self._is_silent
                self._links.append(link)


class Link:
    """Two connections, each of which gets what comes over the other, unless it `is_silent`. What
    the peer asks for loses the `path` that it begins with.
    """

    def __init__(self, peer: socket.socket, daemon: socket.socket, path: str) -> None:
        self.is_silent = False
        self._ends = (peer, daemon)
        ways = ((peer, daemon, f"GET {path}/".encode()), (daemon, peer, b""))
        self._threads = [threading.Thread(target=self._pass_on, args=way) for way in ways]
        for thread in self._threads:
            thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, begin: bytes) -> None:
        with suppress(OSError):  # It is broken off.
            while data := source.recv(65536):
                if begin and data.startswith(begin):
                    data = b"GET /" + data.removeprefix(begin)
                if not self.is_silent:
                    target.sendall(data)
        if not self.is_silent:
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    def break_off(self) -> None:
        """End both connections."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave nothing of it behind."""
        self.break_off()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()
