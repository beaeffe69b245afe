"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.processes import CHAT_CLIENT, Daemon, Process, closing_all


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a process: `start(command, ...)`. It is gone when the test ends."""
    with closing_all() as register:
        yield lambda *arguments, **options: register(Process(*arguments, **options))


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Daemon]]:
    """Start a daemon: `start_daemon("--motd", path)`. It is gone when the test ends."""
    with closing_all() as register:
        yield lambda *arguments, **options: register(Daemon(*arguments, **options))


@pytest.fixture
def daemon(start_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon with default options on a free port."""
    return start_daemon()


@pytest.fixture
def client(start: Callable[..., Process]) -> Callable[..., Process]:
    """Start a chat-client on pipes: `client("127.0.0.1", "8888")`."""
    return lambda *arguments: start([*CHAT_CLIENT, *map(str, arguments)])
