"""A terminal that wraps its rows anew in a narrower window. Most do so, and pyte does not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.processes import CHECKOUT, PATIENCE


def need_tmux() -> None:
    """Skip a test if tmux is not installed, but never in CI."""
    if shutil.which("tmux") is None:
        assert "CI" not in os.environ, "tmux is not installed"
        pytest.skip("tmux is not installed here")


class Tmux:
    """A command in a tmux of its own, which has its socket in `folder`."""

    def __init__(self, folder: Path, command: Sequence[str], columns: int, rows: int) -> None:
        self._socket = str(folder / "tmux")
        variables = ["LC_ALL=C.UTF-8", f"PYTHONPATH={CHECKOUT}"]
        # cat waits behind the command, so that the last screen can be read.
        whole = f"{shlex.join(['env', *variables, *command])}; cat"
        size = ["-x", str(columns), "-y", str(rows)]
        self._run("new-session", "-d", *size, "-c", str(CHECKOUT), whole)

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-u", "-S", self._socket, "-f", "/dev/null", *arguments],
            env={k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")},
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        ).stdout

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        """Resize the window. Its rows are wrapped anew before the command knows of it."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        """The text on the screen, without blanks at the ends of its rows and of the screen."""
        return self._run("capture-pane", "-p").rstrip("\n")

    @property
    def history(self) -> str:
        """The text that was scrolled out of the screen, without the text on it."""
        return self._run("capture-pane", "-p", "-S", "-", "-E", "-1")

    @property
    def cursor(self) -> tuple[int, int]:
        """The column and the row of the cursor."""
        column, row = self._run("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def until(self, condition: Callable[[str], bool]) -> None:
        """Wait until `condition` holds for the text on the screen."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.screen):
            assert time.monotonic() < deadline, f"this is shown:\n{self.screen}"

    def shows(self, whole: str) -> None:
        """Wait until `whole` is on the screen and nothing else."""
        self.until(lambda screen: screen == whole)

    def close(self) -> None:
        self._run("kill-server")
