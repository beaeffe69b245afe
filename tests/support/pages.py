"""Runs the commands of a page as they are written: `python -m tests.support.pages PAGE FOLDER`.

A command is a line of a block that is marked `sh`. The commands run in FOLDER, one after the other,
with the programs of this environment in `.venv/bin` and on the path. The next command waits until a
daemon in the foreground is up; the next daemon, until that one has stopped. A client joins and ends
its input. Any other command has to end with status 0. Port 8888 has to be free.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM

from tests.support.daemons import Daemonised
from tests.support.processes import CHECKOUT, PATIENCE, Process

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_DAEMON = re.compile(r"(?:\S*/)?(?:twistd?|chat-server)\b")
_BACKGROUND = re.compile(r"(?:\S*/)?twistd (?!-n)")
_END = re.compile(r"kill (?!-HUP)")
_CLIENT = re.compile(r"(?:\S*/)?(?:chat-client|nc)\b")
BIN = Path(sys.executable).parent


def commands(page: Path) -> list[str]:
    """Return the commands on `page`, in their order."""
    return [line for block in _BLOCK.findall(page.read_text()) for line in block.splitlines()]


class Runner:
    """Runs commands in `folder`, one after the other. `close` ends all that still run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
        self._foreground: Process | None = None
        self._background: Daemonised | None = None

    def run(self, command: str) -> None:
        if _DAEMON.match(command):
            self._stop_foreground()
        if _BACKGROUND.match(command):
            self._finish(command)
            self._background = Daemonised(self._folder)
            self._background.find()
        elif _DAEMON.match(command):
            self._foreground = self._begin(command)
            self._foreground.out.find(r"Chat Server started on port 8888\.$")
        elif _CLIENT.match(command):
            self._join(command)
        else:
            self._finish(command)
            if _END.match(command):
                self._background.wait()

    def _begin(self, command: str) -> Process:
        return Process(["sh", "-c", f"exec {command}"], self._folder, self._environment)

    def _join(self, command: str) -> None:
        client = self._begin(command)
        client.out.find("> Connected to the chat server")
        if "nc " in command:
            client.stop(SIGINT)  # The end of its input does not end it.
        else:
            client.end_input()
            assert client.wait() == 0, client.err.text
        client.close()

    def _finish(self, command: str) -> None:
        # Not a pipe: a daemon in the background would inherit it, and it would end with the daemon.
        with (self._folder / "output").open("wb+") as output:
            status = subprocess.run(
                ["sh", "-c", command],
                cwd=self._folder,
                env={**os.environ, **self._environment},
                stdout=output,
                stderr=output,
                timeout=PATIENCE,
            ).returncode
            output.seek(0)
            assert status == 0, f"{command}: status {status}\n{output.read().decode()}"

    def _stop_foreground(self) -> None:
        if self._foreground is not None:
            self._foreground.stop(SIGTERM)
            self._foreground.close()
            self._foreground = None

    def close(self) -> None:
        self._stop_foreground()
        if self._background is not None:
            self._background.close()


def main(page: str, folder: str) -> None:
    os.environ["PYTHONPATH"] = str(CHECKOUT)
    home = Path(folder)
    (home / ".venv").mkdir()
    (home / ".venv" / "bin").symlink_to(BIN)
    runner = Runner(home)
    try:
        for command in commands(Path(page)):
            print("+", command, flush=True)
            runner.run(command)
    finally:
        runner.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
