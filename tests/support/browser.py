"""A headless Chromium, and people who use the page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.support.processes import PATIENCE, Daemon

WAIT = PATIENCE * 1000
"""Milliseconds for which a test waits for something in the browser."""

expect.set_options(timeout=WAIT)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium. Skips the test where there is none, but never in CI."""
    program = shutil.which("chromium")
    if program is None:
        assert "CI" not in os.environ, "there is no chromium"
        pytest.skip("there is no chromium here")
    # Its sandbox does not start for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def site(daemon: Daemon) -> str:
    """Return the address of the page of `daemon`. Call this once."""
    port, tls = daemon.out.find(r"port (\d+)( \(TLS\))? for browsers").groups()
    return f"{'https' if tls else 'http'}://127.0.0.1:{port}/"


class Person:
    """Somebody who uses the page, in a browser of its own or in another tab (`page`)."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        """What went wrong in the page, such as what its policy forbids."""
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("dialog", lambda dialog: (self.errors.append(dialog.message), dialog.dismiss()))

    def _heard(self, kind: str, text: str) -> None:
        # Chromium reports each connection that breaks.
        if kind == "error" and "ERR_" not in text and "WebSocket" not in text:
            self.errors.append(text)

    def come_in(self, address: str, name: str = "") -> None:
        """Open `address`, and take `name` by the form for newcomers."""
        self.page.goto(address)
        self.is_connected()
        if name:
            form = self.page.get_by_role("form", name="Choose a name")
            form.get_by_role("textbox").fill(name)
            form.get_by_role("button", name="Take it").click()
            self.is_called(name)

    def is_connected(self) -> None:
        """Wait for a connection."""
        expect(self.page.locator("#phase")).to_have_text("connected")

    def is_called(self, name: str) -> None:
        """Wait until the page shows that this person is called so."""
        expect(self.page.locator("#name-button")).to_have_text(name)

    @property
    def panel(self) -> Locator:
        """The place that is shown, and that does not only stay beside it."""
        return self.page.locator(".panel.current")

    @property
    def field(self) -> Locator:
        """Where one writes."""
        return self.panel.get_by_role("textbox")

    @property
    def log(self) -> Locator:
        """The lines of the place that is shown."""
        return self.panel.get_by_role("log")

    def say(self, *lines: str) -> None:
        """Type each of `lines`, and press Enter."""
        for line in lines:
            self.field.fill(line)
            self.field.press("Enter")

    def reads(self, text: str) -> None:
        """Wait until a line with `text` is shown, once."""
        expect(self.log.locator(".row", has_text=text)).to_have_count(1)

    def texts(self, kind: str = "said") -> list[str]:
        """Return the texts of the lines of that kind in the place that is shown."""
        return self.log.locator(f".row.{kind} .text").all_inner_texts()

    def is_in(self, title: str) -> None:
        """Wait until the place with that title is shown."""
        expect(self.panel.get_by_role("heading")).to_have_text(title)

    def open(self, title: str) -> None:
        """Choose a place in the list."""
        self.page.locator("#places button", has_text=title).click()
        self.is_in(title)

    def join(self, room: str) -> None:
        """Open a room by typing its name."""
        self.say(f"/join {room}")
        self.is_in(f"#{room}")

    def unread(self, title: str) -> Locator:
        """Return the number of unread lines beside a place in the list."""
        return self.page.locator("#places button", has_text=title).locator(".count")
