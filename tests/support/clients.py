"""What the tests of chat-client share: a server that misbehaves, and looks at both ends."""

from __future__ import annotations

import re
import socket

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
        """Greet the client, as a server that knows only lines."""
        self.send(greeting.encode())
        assert self.line() == ASK
        self.send(UNKNOWN.encode())


class FakeServer:
    """A server of which the test is the mind."""

    def __init__(self) -> None:
        # Its clients come back, also when it is closed, and are to meet nobody else there.
        self._holding = hold_port()
        self.port = self._holding.getsockname()[1]
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Little room for what a client sends, so that one that is not read is soon stuck.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen()
        self.socket.settimeout(PATIENCE)
        self._guests: list[Guest] = []

    def accept(self) -> Guest:
        """The next client that connects."""
        guest = Guest(self.socket.accept()[0])
        self._guests.append(guest)
        return guest

    def greet(self) -> Guest:
        """The next client that connects, greeted by a server that knows only lines."""
        guest = self.accept()
        guest.greet()
        return guest

    def stop(self) -> None:
        """Let nobody come any more."""
        self.socket.close()

    def close(self) -> None:
        for guest in self._guests:
            guest.close()
        self.stop()
        self._holding.close()


def piped(process: Process, data: bytes) -> Process:
    """`process`, its input given and ended."""
    process.write(data)
    process.end_input()
    return process


def name_of_newcomer(peer: Peer) -> str:
    """Whose entering is the next line that `peer` reads."""
    line = peer.line()
    match = re.fullmatch(r"> New user (\S+) entered \(\d+ users online\)", line)
    assert match, line
    return match[1]


def heard(peer: Peer) -> list[str]:
    """What `peer` hears the next one to enter say, up to its leaving."""
    name = name_of_newcomer(peer)
    said = []
    while (line := peer.line()) != f"< The user {name} left (1 user online)":
        assert line.startswith(f"[{name}] "), line
        said.append(line.removeprefix(f"[{name}] "))
    return said


def ended(process: Process, status: int = 0) -> list[str]:
    """The lines of a chat-client that ends by itself, with `status`; it complains only if not 0."""
    assert process.wait() == status, process.err.text
    assert len(process.err.seen) == (status != 0), process.err.text
    return process.out.seen
