"""Runs the commands of a page as they are written there: `python -m tests.pages PAGE FOLDER`.

A command is a line of a block that is marked `sh`. The commands run in FOLDER, one after the other,
with the programs of this environment in `.venv/bin` and on the path. A daemon in the foreground is
up before the next command and stopped before the next daemon; a client joins and ends its input;
any other command has to end with status 0. To be run where port 8888 is free.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT, SIGTERM

from tests.processes import CHECKOUT, PATIENCE, Process

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_DAEMON = re.compile(r"(?:\S*/)?(?:twistd?|chat-server)\b")
_BACKGROUND = re.compile(r"(?:\S*/)?twistd (?!-n)")
_CLIENT = re.compile(r"(?:\S*/)?(?:chat-client|nc)\b")
BIN = Path(sys.executable).parent


def commands(page: Path) -> list[str]:
    """The commands that `page` has, in their order."""
    return [line for block in _BLOCK.findall(page.read_text()) for line in block.splitlines()]


def run(command: str, folder: Path, daemon: Process | None) -> Process | None:
    """Run `command`; returns the daemon in the foreground that is up then."""
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    shell = ["sh", "-c", f"exec {command}"]
    if _DAEMON.match(command) and daemon is not None:
        daemon.stop(SIGTERM)
        daemon.close()
        daemon = None
    if _DAEMON.match(command) and not _BACKGROUND.match(command):
        daemon = Process(shell, folder, environment)
        daemon.out.find(r"Chat Server started on port 8888\.$")
        return daemon
    if _CLIENT.match(command):
        client = Process(shell, folder, environment)
        client.out.find("> Connected to the chat server")
        if "nc " in command:
            client.stop(SIGINT)  # It goes on when its input has ended.
        else:
            client.end_input()
            assert client.wait() == 0, client.err.text
        client.close()
        return daemon
    # A daemon in the background keeps what it inherits: a pipe to us would not end before it.
    with (folder / "output").open("wb+") as output:
        status = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            timeout=PATIENCE,
        ).returncode
        output.seek(0)
        assert status == 0, f"{command}: status {status}\n{output.read().decode()}"
    wait_for_end(command, folder)
    return daemon


def wait_for_end(command: str, folder: Path) -> None:
    """If `command` stops a daemon in the background, wait until it has ended."""
    deadline = time.monotonic() + PATIENCE
    while command.startswith("kill ") and "-HUP" not in command and (folder / "chat.pid").exists():
        assert time.monotonic() < deadline, f"{command}: the daemon does not end"
        time.sleep(0.05)


def main(page: str, folder: str) -> None:
    os.environ["PYTHONPATH"] = str(CHECKOUT)
    home = Path(folder)
    (home / ".venv").mkdir()
    (home / ".venv" / "bin").symlink_to(BIN)
    daemon = None
    try:
        for command in commands(Path(page)):
            print("+", command, flush=True)
            daemon = run(command, home, daemon)
    finally:
        if daemon is not None:
            daemon.close()
        if (home / "chat.pid").exists():
            os.kill(int((home / "chat.pid").read_text()), SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
