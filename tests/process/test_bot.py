"""A bot made with the library, as a real process: the one of docs/client.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from tests.support.processes import CHECKOUT, Process


@pytest.fixture
def bot(start: Callable[..., Process], tmp_path: Path) -> Callable[[int], Process]:
    """Start the bot of the page at a port of this machine: `bot(port)`."""
    page = (CHECKOUT / "docs" / "client.md").read_text()
    script = re.search(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert script, "no bot on the page"
    (tmp_path / "bot.py").write_text(script[1])
    return lambda port: start([sys.executable, str(tmp_path / "bot.py"), "127.0.0.1", str(port)])


def test_it_answers_until_the_daemon_stops(bot, daemon):
    ann = daemon.join()
    ann.line()
    process = bot(daemon.port)
    name = re.search(r"New user (\S+) entered", ann.line())[1]
    ann.send(b"hello\n!ping\n")
    assert re.match(rf"\[{re.escape(name)}\] pong\b", ann.line())
    daemon.stop()
    assert process.wait() == 0
    assert process.err.text == ""


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_it_leaves_quietly_when_it_is_told_to_end(bot, daemon, number):
    ann = daemon.join()
    ann.line()
    process = bot(daemon.port)
    name = re.search(r"New user (\S+) entered", ann.line())[1]
    assert process.stop(number) == 0
    assert ann.line() == f"< The user {name} left (1 user online)"
    assert (process.out.text, process.err.text) == ("", "")


def test_it_leaves_quietly_also_while_many_ask_it_something(bot, server):
    """What it has not read yet it does not answer any more."""
    process = bot(server.port)
    guest = server.greet()
    guest.send(b"[ann] !ping\n" * 5000)
    guest.line()
    process.child.send_signal(SIGINT)
    guest.rest()
    guest.close()
    assert process.wait() == 0
    assert process.err.text == ""


def test_it_ends_also_if_the_server_does_not_let_it_go(start, bot, server):
    """The server neither reads nor closes."""
    process = bot(server.port)
    server.greet()
    assert process.stop(SIGINT) == 0
    assert process.err.text == ""


def test_it_ends_quietly_when_the_server_is_silent(bot, server):
    process = bot(server.port)
    server.accept()
    assert process.stop(SIGINT) == 0
    assert process.err.text == ""
