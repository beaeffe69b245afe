"""A daemon in this process, with real sockets: it starts and stops in a few milliseconds."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread

from tests.conformance.driver import Driver, Guest
from tests.support.processes import PATIENCE, Peer
from twisted_chat.daemon.house import make_service
from twisted_chat.doors.listening import Place
from twisted_chat.doors.proxied import Proxies
from twisted_chat.events import LOBBY
from twisted_chat.limits import Limits


class House:
    """The daemon that one test talks to, through the door of `driver`.

    The test runs in a thread, and the daemon in the reactor's. `host`: an address of this machine
    to listen on. `lasting`: it has a state folder, and so what `operate` needs. `limits`: those
    that the test wants otherwise than the defaults.
    """

    def __init__(
        self, driver: Driver, folder: Path, host: str, lasting: bool, limits: dict[str, int]
    ) -> None:
        self.driver = driver
        self.guests: list[Guest | Peer] = []
        self.limits = Limits(**{"rate": 0} | limits)
        self._folder = folder
        self._host = host
        self._state = folder / "state"
        self._transcript = folder / "transcript"

        def start() -> None:
            self.service = make_service(
                reactor,
                driver.places(folder, host) or [Place("lines", f"unix:{folder}/lines.sock")],
                transcript=str(self._transcript),
                limits=self.limits,
                state=str(self._state) if lasting else None,
                others=driver.others(folder, host),
                proxies=Proxies([*Proxies.DEFAULT, host]),
            )
            self.service.startService()
            [self._door] = [door for door in self.service.doors if door.name == driver.door]
            port = re.search(r"\bport (\d+)", " ".join(self._door.places()))
            self._port = int(port[1]) if port else 0

        blockingCallFromThread(reactor, start)

    def connect(
        self, small: bool = False, name: str = "", rooms: Sequence[str] = (LOBBY,)
    ) -> Guest:
        """Return a guest that has connected and has read nothing yet. `name` and `rooms`: see
        Driver.connect.
        """
        guest = self.driver.connect(self._folder, self._host, self._port, small, name, rooms)
        self.guests.append(guest)
        return guest

    def enter(
        self, *names: str, small: bool = False, rooms: Sequence[str] = (LOBBY,)
    ) -> list[Guest]:
        """Return guests called `names`. Each has read that all of them are in all of `rooms`."""
        guests: list[Guest] = []
        for name in names:
            knows = self.driver.knows_names
            guest = self.connect(small, name if knows else "", rooms)
            guest.next("greeting")
            for _ in rooms[1:]:
                guest.next("joined")
            if not knows:
                guest.command("nick", name)
                guest.meet(name)
            guest.name = name
            for other in guests:
                for _ in rooms if knows else (name,):
                    other.meet(name)
            guests.append(guest)
        return guests

    def peer(self) -> Peer:
        """Return somebody that has connected to the line door, where that is not the one under
        test, and has read nothing yet.
        """
        peer = Peer(f"{self._folder}/lines.sock", socket.AF_UNIX)
        self.guests.append(peer)
        return peer

    def knock(self) -> Peer:
        """Return a bare connection to the door under test, which has sent nothing yet and is not
        refused.
        """
        before = self.counts()["accepted"]
        peer = Peer((self._host, self._port))
        self.guests.append(peer)
        while self.counts()["accepted"] == before:
            pass
        return peer

    def operate(self, command: str, argument: str = "", room: str = "") -> list[dict[str, object]]:
        """Do what chatctl does with `command`. Return its answer, without the end."""
        request = {"command": command, "argument": argument, "room": room}
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self._state / "control.sock"))
            control.sendall(json.dumps(request).encode() + b"\n")
            control.shutdown(socket.SHUT_WR)
            *answer, end = control.makefile("rb").read().splitlines()
        assert json.loads(end) == {"event": "end"}
        return [json.loads(line) for line in answer]

    @property
    def address(self) -> tuple[str, int]:
        """Where the door under test listens."""
        return self._host, self._port

    def counts(self) -> dict[str, int]:
        """Return what the door under test has counted."""
        return blockingCallFromThread(reactor, self.service.counts)[self._door.name]

    def configure(self, *motd: str, **limits: int) -> None:
        """Let `motd` and `limits` hold, and otherwise what held from the start."""
        changed = replace(self.limits, **limits)
        blockingCallFromThread(reactor, self.service.configure, changed, motd)

    def seconds(self) -> float:
        """Return the time of the daemon's clock."""
        return reactor.seconds()

    def stop(self) -> list[str]:
        """Let the daemon stop, and return the transcript."""
        blockingCallFromThread(reactor, self.service.stopService)
        return self._transcript.read_text().splitlines()
