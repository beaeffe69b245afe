"""All doors under test. A new one is added here."""

from __future__ import annotations

from tests.conformance.driver import Driver
from tests.conformance.dummy_driver import DummyDriver
from tests.conformance.line_driver import LineDriver
from tests.conformance.web_driver import WebDriver

DRIVERS: list[Driver] = [
    *map(LineDriver, ("tcp", "tls", "unix", "proxy")),
    DummyDriver(),
    WebDriver("web"),
    WebDriver("web-tls"),
]
