"""The daemon that the start of the README makes, and people who join it in each way that stands
there.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.support.pages import BIN, commands
from tests.support.processes import CHECKOUT, Process
from tests.support.web import WebPeer

README = CHECKOUT / "README.md"
_PORT = r"--(\w+) (\d{4})\b"
_KINDS = {"port": "", "tls": r" \(TLS\)", "web": " for browsers"}
"""What the daemon writes behind a port that it has opened, by the option."""


class Talker(Protocol):
    """Somebody in the room: `name`."""

    name: str

    def say(self, text: str) -> None:
        """Say `text`."""

    def read(self, name: str, text: str) -> None:
        """Wait until it has read that somebody called `name` said `text`."""


class ProgramTalker:
    """Talks by lines, with a program."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process

    def say(self, text: str) -> None:
        self.process.write(f"{text}\n".encode())

    def read(self, name: str, text: str) -> None:
        self.process.out.find(rf"^\[{name}\] {re.escape(text)}$")


class WebTalker:
    """Talks over a WebSocket."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._peer = WebPeer(("127.0.0.1", port))
        self._peer.hello(name)
        self._peer.until("greeting", name=name)

    def say(self, text: str) -> None:
        self._peer.ask({"say": text})

    def read(self, name: str, text: str) -> None:
        self._peer.until("said", name=name, text=text)

    def close(self) -> None:
        self._peer.close()


def _row(pattern: str) -> str:
    """Return what fits `pattern` in the table of ways into the chat."""
    [found] = re.findall(rf"^\| .* \| `{pattern}` \|$", README.read_text(), re.MULTILINE)
    return found


class Start:
    """The daemon that the third command of the README starts in `folder`, where the second one has
    made its certificate. All is as it stands there, but for the ports, which are free ones.

    `site`: the address of its page in a browser.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process | WebTalker] = []
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(BIN)
        _, certify, command = commands(README)[:3]
        subprocess.run(["sh", "-c", certify], cwd=folder, check=True, capture_output=True)
        self._ports: dict[str, str] = {}
        """The free port in place of each port that stands in the README."""
        try:
            daemon = self._run(re.sub(_PORT, r"--\1 0", command))
            for option, port in re.findall(_PORT, command):
                started = daemon.out.find(rf"started on port (\d+){_KINDS[option]}\.$")
                self._ports[port] = started[1]
        except BaseException:
            self.close()
            raise
        self.site = self._with_ports(_row(r"(http://\S*)"))

    def _run(self, command: str) -> Process:
        process = Process(shlex.split(command), self._folder)
        self._started.append(process)
        return process

    def _with_ports(self, command: str) -> str:
        return re.sub(r"\b\d{4}\b", lambda port: self._ports[port[0]], command)

    def run(self, program: str, more: str = "") -> Process:
        """Start the command of the README's table that runs `program`, with `more` behind it."""
        command = _row(rf"((?:\S*/)?{program} .*)")
        return self._run(f"{self._with_ports(command)} {more}")

    def join(self, name: str, program: str, more: str = "") -> ProgramTalker:
        """Let somebody in with `program`, who is called `name`; `more` is as in `run`."""
        talker = ProgramTalker(name, self.run(program, more))
        talker.process.out.find("^> Connected to the chat server")
        talker.say(f"/nick {name}")
        talker.process.out.find(f"You are now {name}$")
        return talker

    def web_socket(self, name: str) -> WebTalker:
        """Let somebody in over a WebSocket, who is called `name`."""
        talker = WebTalker(name, int(self._ports["8080"]))
        self._started.append(talker)
        return talker

    def close(self) -> None:
        for each in reversed(self._started):
            each.close()


def talk(talkers: Sequence[Talker]) -> None:
    """Let each of `talkers` say something, which all others read."""
    for talker in talkers:
        text = f"hello, this is {talker.name} \N{GRINNING FACE}"
        talker.say(text)
        for other in talkers:
            if other is not talker:
                other.read(talker.name, text)
