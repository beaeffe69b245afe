"""The bots of docs/web.md, as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import CHECKOUT, Daemon, Process

PAGE = (CHECKOUT / "docs" / "web.md").read_text()


def script(language: str) -> str:
    """Return the bot in `language`."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"no bot in {language} on the page"
    return found[1]


def node() -> str:
    """Return the command of Node.js. CI has one; elsewhere the test is skipped without it."""
    program = shutil.which("node") or shutil.which("nodejs")
    if program is None:
        assert "CI" not in os.environ, "no Node.js"
        pytest.skip("no Node.js")
    check = "process.exit(globalThis.WebSocket || require('ws') ? 0 : 1)"
    env = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
    if subprocess.run([program, "-e", check], env=env, capture_output=True).returncode:
        assert "CI" not in os.environ, "no WebSocket in Node.js"
        pytest.skip("no WebSocket in Node.js")
    return program


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_bot_answers_and_leaves_with_its_connection(
    start: Callable[..., Process],
    start_daemon: Callable[..., Daemon],
    tmp_path: Path,
    language: str,
):
    program = sys.executable if language == "python" else node()
    bot = tmp_path / ("bot.py" if language == "python" else "bot.js")
    bot.write_text(script(language))
    daemon = start_daemon("--web", "tcp:0:interface=127.0.0.1")
    port = daemon.out.find(r"port (\d+) for browsers")[1]
    ann = daemon.join()
    ann.line()
    process = start(
        [program, str(bot), f"ws://127.0.0.1:{port}/-/ws"], env={"NODE_PATH": "/usr/share/nodejs"}
    )
    assert ann.line() == "> New user ponger entered (2 users online)"
    ann.send(b"hello\n!ping\n")
    assert ann.line() == "[ponger] pong"
    process.child.kill()
    process.wait()
    assert ann.line() == "< The user ponger left (1 user online)"


def test_a_bot_has_ten_lines():
    for language in ("python", "javascript"):
        assert len([line for line in script(language).splitlines() if line]) <= 10
