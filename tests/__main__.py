"""Runs every check: `python -m tests [pytest options]`. Ends with the first that fails."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import CHECKOUT

PYTHON = sys.executable
CHECKS = [
    [PYTHON, "-m", "ruff", "check", "."],
    [PYTHON, "-m", "ruff", "format", "--check", "."],
    [PYTHON, "-m", "mypy"],
    [PYTHON, "-m", "coverage", "erase"],
    [PYTHON, "-m", "coverage", "run", "-m", "pytest", "-n", "4", *sys.argv[1:]],
    [PYTHON, "-m", "coverage", "combine", "--quiet"],
    [PYTHON, "-m", "coverage", "report"],
    # The protocol tests have to run under trial too.
    [PYTHON, "-m", "twisted.trial", "tests"],
]

for check in CHECKS:
    print("+", *check[2:], flush=True)
    if status := subprocess.run(check, cwd=CHECKOUT).returncode:
        sys.exit(status)
