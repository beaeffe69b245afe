"""Record the session that the front page shows: `python docs/session/record.py`, as root on Linux.

A chat-server, a chat-client and an nc run on terminals of their own, in a network namespace where
the address and the port of the old programs' transcript are free. What each terminal gets is kept
in an asciicast, version 2 (https://docs.asciinema.org/manual/asciicast/v2/), from which draw.py
draws the picture.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pexpect

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
ADDRESS, PORT = "10.0.2.15", "8888"
PATIENCE = 30.0
"""Seconds after which what is waited for is taken never to come."""
_STYLE = r"(?:\x1b\[[0-9;]*m)*"
"""Colours may change between any two characters."""


class Recorded:
    """A command on a terminal; `title` is what a person types to start it."""

    def __init__(self, name: str, title: str, columns: int, rows: int) -> None:
        self._path = HERE / f"{name}.cast"
        self._header = {"version": 2, "width": columns, "height": rows, "title": title}
        self._events: list[tuple[float, str, str]] = []
        self._start = time.monotonic()
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm-256color"}
        command, *arguments = title.split()
        self._child = pexpect.spawn(
            command,
            arguments,
            env=environment,
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        self._child.logfile_read = self

    def write(self, text: str) -> None:
        """Keep `text`, which the terminal has got. pexpect calls it."""
        self._events.append((round(time.monotonic() - self._start, 3), "o", text))

    def flush(self) -> None:
        """Do nothing: nothing is buffered. pexpect calls it."""

    def find(self, text: str) -> None:
        """Wait until the terminal gets `text`, in whatever colours."""
        self._child.expect(_STYLE.join(map(re.escape, text)))

    def type(self, text: str) -> None:
        """Type `text` and Enter."""
        self._child.send(f"{text}\r")

    def keep(self) -> None:
        """End the command and write the recording."""
        # What comes within a moment still belongs to the picture.
        self._child.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=0.5)
        self._child.logfile_read = None
        self._child.close(force=True)
        lines = [self._header, *self._events]
        self._path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def play() -> None:
    """Play the scene and keep all recordings."""
    server = Recorded("server", f"chat-server {ADDRESS} {PORT}", 110, 12)
    server.find("started")
    ann = Recorded("ann", f"chat-client --nick ann {ADDRESS} {PORT}", 54, 13)
    ann.find("You are now ann")
    bob = Recorded("bob", f"nc {ADDRESS} {PORT}", 54, 13)
    ann.find("entered")
    bob.type("/nick bob")
    ann.find("is now bob")
    ann.type("Hello! Does the printer work again?")
    bob.find("again?")
    bob.type("ann: yes, and it has paper")
    ann.find("paper")
    ann.type("/me prints three exams")
    bob.find("exams")
    bob.type("/who")
    bob.find("bob")
    bob.type("see you")
    ann.find("see you")
    for terminal in (bob, ann, server):
        terminal.keep()


if __name__ == "__main__":
    if sys.argv[1:] != ["inside"]:
        inside = [sys.executable, __file__, "inside"]
        sys.exit(subprocess.run(["unshare", "--net", *inside]).returncode)
    for command in ("ip link set lo up", f"ip address add {ADDRESS}/24 dev lo"):
        subprocess.run(command.split(), check=True)
    play()
