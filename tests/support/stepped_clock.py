"""A wall clock that a test sets while processes run by it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_suffix(".c")


class SteppedClock:
    """The wall clock of all processes that are started with the variables in `env`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            assert "CI" not in os.environ, "no C compiler"
            pytest.skip("a wall clock that can be set needs a C compiler")
        library = folder / "stepped_clock.so"
        self._file = folder / "ahead"
        self.step(0)
        command = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library]
        subprocess.run([*command, _SOURCE], check=True)
        self.env = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._file)}

    def step(self, ahead: int) -> None:
        """Set the clock to `ahead` seconds after the true time."""
        with open(os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(struct.pack("l", ahead))
