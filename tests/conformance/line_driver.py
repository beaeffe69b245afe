"""The line door: over TCP, TLS and unix sockets, and behind a proxy."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.driver import YOU, Driver, Gone, Guest, Read
from tests.support.certificates import Authority
from tests.support.processes import Peer
from tests.support.proxies import proxy_header
from twisted_chat.doors.certificates import ServerCertificate
from twisted_chat.doors.listening import Place, place_for
from twisted_chat.events import LOBBY

_COUNT = r"\((?P<count>\d+) users? online\)"
_LINES = {
    rf"> Connected to the chat server {_COUNT}": "greeting",
    rf"> New user (?P<name>\S+) entered {_COUNT}": "entered",
    rf"< The user (?P<name>\S+) left {_COUNT}(?:: |, )?(?P<text>.*)": "left",
    r"\[(?P<name>\S+) -> you\] (?P<text>.*)": "told",
    r"\[you -> (?P<name>\S+)\] (?P<text>.*)": "telling",
    r"\[(?P<name>\S+)\] (?P<text>.*)": "said",
    r"\* (?P<name>\S+) (?P<text>.*)": "emoted",
    r"- You are now (?P<text>[^\s#]+)": "renamed",
    r"- (?P<name>\S+) is now (?P<text>\S+)": "renamed",
    r"- (?P<text>.*)": "notice",
    r"! (?P<text>.*)": "refused",
}


class LineGuest(Guest):
    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def say(self, *texts: str, room: str = "") -> None:
        self.peer.send("".join(f"{text}\n" for text in texts).encode())

    def command(self, word: str, argument: str = "", room: str = "") -> None:
        self.say(f"/{word} {argument}")

    def read(self) -> Read:
        try:
            line = self.peer.line()
        except (AssertionError, ConnectionError, ssl.SSLEOFError):
            raise Gone from None
        for pattern, kind in _LINES.items():
            if match := re.fullmatch(pattern, line, re.DOTALL):
                fields = match.groupdict("")
                name = fields.get("name", YOU if kind == "renamed" else "")
                return Read(kind, name, fields.get("text", ""), int(fields.get("count", 0)))
        raise AssertionError(f"no line of the line format: {line!r}")

    def end(self) -> None:
        self.peer.end()

    def reset(self) -> None:
        self.peer.reset()

    def close(self) -> None:
        self.peer.close()


class LineDriver(Driver):
    def __init__(self, name: str) -> None:
        self.name = name
        self.has_address = name != "unix"
        self.is_safe = name in ("tls", "unix")
        self.knows_this_machine = name != "proxy"
        self.hears_after_end = name != "tls"

    def places(self, folder: Path, host: str) -> list[Place]:
        where = f"tcp:0:interface={host}"
        if self.name == "unix":
            where = f"unix:{folder}/chat.sock"
        elif self.name == "tls":
            certificate = ServerCertificate(str(Authority(folder).certify(host)))
            return [Place(where, where, certificate)]
        return [place_for(f"proxy:{where}" if self.name == "proxy" else where, where)]

    def connect(
        self,
        folder: Path,
        host: str,
        port: int,
        small: bool,
        name: str = "",
        rooms: Sequence[str] = (LOBBY,),
    ) -> LineGuest:
        family = socket.AF_INET if self.has_address else socket.AF_UNIX
        address = (host, port) if self.has_address else f"{folder}/chat.sock"
        peer = Peer(address, family, receive_buffer=4096 if small else None)
        if self.has_address:
            # A reset takes with it what the system has not sent yet.
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.name == "proxy":
            peer.send(proxy_header(peer.socket.getsockname(), peer.socket.getpeername()))
        if self.name == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            peer.socket = context.wrap_socket(peer.socket)
        return LineGuest(peer)
