"""Runs every check: `python -m tests [pytest options]`. Ends with the first that fails."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import CHECKOUT

PYTHON = sys.executable
NOT_MEASURED = ["--ignore=tests/model/test_over_a_ledger.py"]
"""What only trial runs here. It is the tests of other files once more: to trace them takes as long
as all unit tests, and finds nothing that those do not reach.
"""
WORKERS = ["-n", "4", "--dist", "worksteal"]
"""Four also on two cores, because tests of processes wait. Each begins with a row of files that
follow on each other, so that what a file shares is seldom made twice.
"""
CHECKS = [
    [PYTHON, "-m", "ruff", "check", "."],
    [PYTHON, "-m", "ruff", "format", "--check", "."],
    [PYTHON, "-m", "mypy"],
    [PYTHON, "-m", "coverage", "erase"],
    [PYTHON, "-m", "coverage", "run", "-m", "pytest", *WORKERS, *NOT_MEASURED, *sys.argv[1:]],
    [PYTHON, "-m", "coverage", "combine", "--quiet"],
    [PYTHON, "-m", "coverage", "report"],
    # All that needs no process runs under trial too.
    [PYTHON, "-m", "twisted.trial", "-j", "2", "tests.unit", "tests.model"],
]

for check in CHECKS:
    print("+", *check[2:], flush=True)
    if status := subprocess.run(check, cwd=CHECKOUT).returncode:
        sys.exit(status)
