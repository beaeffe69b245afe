"""A daemon in this process, with real sockets: it starts and stops in a few milliseconds."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread

from tests.conformance.driver import Driver, Guest
from tests.support.processes import PATIENCE
from twisted_chat.daemon.house import make_service
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
        self.guests: list[Guest] = []
        self.limits = Limits(**{"rate": 0} | limits)
        self._folder = folder
        self._host = host
        self._state = folder / "state"
        self._transcript = folder / "transcript"

        def start() -> None:
            self.service = make_service(
                reactor,
                driver.places(folder, host),
                transcript=str(self._transcript),
                limits=self.limits,
                state=str(self._state) if lasting else None,
                others=driver.others,
            )
            self.service.startService()
            [self._door] = [door for door in self.service.doors if door.name == driver.door]
            port = re.search(r"\bport (\d+)", " ".join(self._door.places()))
            self._port = int(port[1]) if port else 0

        blockingCallFromThread(reactor, start)

    def connect(self, small: bool = False) -> Guest:
        """Return a guest that has connected and has read nothing yet."""
        guest = self.driver.connect(self._folder, self._host, self._port, small)
        self.guests.append(guest)
        return guest

    def enter(self, *names: str, small: bool = False) -> list[Guest]:
        """Return guests called `names`. Each has read that all of them are in."""
        guests = []
        for name in names:
            guest = self.connect(small)
            guest.next("greeting")
            guest.command("nick", name)
            guest.until("renamed", text=name)
            guest.name = name
            for other in guests:
                other.until("renamed", text=name)
            guests.append(guest)
        return guests

    def operate(self, command: str, argument: str = "") -> list[dict[str, object]]:
        """Do what chatctl does with `command`. Return its answer, without the end."""
        request = {"command": command, "argument": argument}
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self._state / "control.sock"))
            control.sendall(json.dumps(request).encode() + b"\n")
            control.shutdown(socket.SHUT_WR)
            *answer, end = control.makefile("rb").read().splitlines()
        assert json.loads(end) == {"event": "end"}
        return [json.loads(line) for line in answer]

    def counts(self) -> dict[str, int]:
        """Return what the door under test has counted."""
        return blockingCallFromThread(reactor, self._door.counts)

    def seconds(self) -> float:
        """Return the time of the daemon's clock."""
        return reactor.seconds()

    def stop(self) -> list[str]:
        """Let the daemon stop, and return the transcript."""
        blockingCallFromThread(reactor, self.service.stopService)
        return self._transcript.read_text().splitlines()
