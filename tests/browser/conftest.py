"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.support.browser import Person, chromium, site
from tests.support.processes import Daemon

WEB = ("--web", "tcp:0:interface=127.0.0.1")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium for all tests of this process."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., Person]]:
    """Somebody with a browser of its own: `person(locale="de")`. Nothing went wrong in any of their
    pages when the test ends.
    """
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    def make(**options: Any) -> Person:
        context = browser.new_context(**options)
        contexts.append(context)
        people.append(Person(context.new_page()))
        return people[-1]

    yield make
    errors = [error for each in people for error in each.errors]
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def chat(start_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon with a web door; `chat.site` is the address of its page."""
    daemon = start_daemon(*WEB)
    daemon.site = site(daemon)
    return daemon


@pytest.fixture
def ann(person: Callable[..., Person], chat: Daemon) -> Person:
    """Somebody called ann in the lobby."""
    ann = person()
    ann.come_in(chat.site, "ann")
    return ann


@pytest.fixture
def nc(chat: Daemon) -> Any:
    """Somebody at the line door, who has read the greeting."""
    peer = chat.join()
    peer.line()
    return peer
