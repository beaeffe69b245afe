"""What the tests of chat-client share: a server that misbehaves, and what both ends read."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from tests.support.processes import PATIENCE, Peer, Process, hold_port
from twisted_chat.server_lines import ASK

GREETING = "> Connected to the chat server (1 user online)\n"
UNKNOWN = "! no command /format: /help lists them, and //format says it\n"
GREETING_BESIDE_BOB = "> Connected to the chat server (2 users online)\n"
AWAY = "! the server went away; trying until it is back\n"
UNHEARD = "the last line may not have been heard: nothing came from the server after it"
UNHEARD_LINES = "the last {} lines may not have been heard: nothing came from the server after them"
NOT_SENT = "! not connected: this line was not sent\n"


class Guest(Peer):
    """The server's end of a connection to a FakeServer."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self.socket = connection
        self._received = b""

    def greet(self, greeting: str = GREETING) -> None:
        """Greet the client as a server does that knows only lines."""
        self.send(greeting.encode())
        assert self.line() == ASK
        self.send(UNKNOWN.encode())


class FakeServer:
    """A server that does what the test says."""

    def __init__(self) -> None:
        # Clients come back, also after it is closed: no other program may have the port then.
        self._holding = hold_port()
        self.port = self._holding.getsockname()[1]
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # A client that is not read is soon stuck, because there is little room.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen()
        self.socket.settimeout(PATIENCE)
        self._guests: list[Guest] = []

    def accept(self) -> Guest:
        """Return the next client that connects."""
        guest = Guest(self.socket.accept()[0])
        self._guests.append(guest)
        return guest

    def greet(self) -> Guest:
        """Return the next client that connects, greeted by a server that knows only lines."""
        guest = self.accept()
        guest.greet()
        return guest

    def stop(self) -> None:
        """Accept no more clients."""
        self.socket.close()

    def close(self) -> None:
        for guest in self._guests:
            guest.close()
        self.stop()
        self._holding.close()


def piped(process: Process, data: bytes) -> Process:
    """Give `process` its input and end it. Return the process."""
    # One that is not let in may have ended before it gets any.
    with suppress(BrokenPipeError):
        process.write(data)
    with suppress(BrokenPipeError):
        process.end_input()
    return process


def name_of_newcomer(peer: Peer) -> str:
    """Return the name in the next line that `peer` reads: somebody entered."""
    line = peer.line()
    match = re.fullmatch(r"> New user (\S+) entered \(\d+ users online\)", line)
    assert match, line
    return match[1]


def heard(peer: Peer) -> list[str]:
    """Return all that the next one to enter says before it leaves, as `peer` reads it."""
    name = name_of_newcomer(peer)
    said = []
    while (line := peer.line()) != f"< The user {name} left (1 user online)":
        assert line.startswith(f"[{name}] "), line
        said.append(line.removeprefix(f"[{name}] "))
    return said


def ended(process: Process, status: int = 0) -> list[str]:
    """Return what a chat-client printed that ends by itself with `status`. If that is not 0, it has
    to complain in one line.
    """
    assert process.wait() == status, process.err.text
    assert len(process.err.seen) == (status != 0), process.err.text
    return process.out.seen
