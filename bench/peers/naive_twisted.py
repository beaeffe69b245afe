"""The chat as a Twisted tutorial has it: `python naive_twisted.py PORT`."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

members: set[Chat] = set()


class Chat(LineReceiver):
    transport: ITCPTransport
    delimiter = b"\n"

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        peer = self.transport.getPeer()
        self.name = f"[{peer.host}:{peer.port}] ".encode()
        members.add(self)

    def lineReceived(self, line: bytes) -> None:
        for member in members:
            if member is not self:
                member.transport.write(self.name + line + b"\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        members.discard(self)


# No factory can have the type that Twisted declares here.
factory: Any = Factory.forProtocol(Chat)
reactor.listenTCP(int(sys.argv[1]), factory, backlog=4096, interface="127.0.0.1")
reactor.callWhenRunning(print, "ready", flush=True)
reactor.run()
