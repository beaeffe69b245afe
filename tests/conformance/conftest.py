"""Each test runs over each door, in a thread: it waits while the reactor runs the daemon."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from tests.conformance.driver import Driver
from tests.conformance.drivers import DRIVERS
from tests.conformance.house import House

LOOPBACK = "127.0.0.1"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Twisted makes the certificate of an `ssl:` endpoint so.
    twisteds = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL .* objects:DeprecationWarning")
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(twisteds)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run a test of this folder while the reactor runs."""
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    pytest_twisted.blockon(deferToThread(pyfuncitem.obj, **arguments))
    return True


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    return request.param


@pytest.fixture
def open_house(driver: Driver) -> Iterator[Callable[..., House]]:
    """Start a daemon: `open_house(max_users=2)`, see House. It is gone when the test ends."""
    houses: list[House] = []

    with TemporaryDirectory() as folder:

        def start(host: str = LOOPBACK, lasting: bool = False, **limits: int) -> House:
            houses.append(House(driver, Path(folder), host, lasting, limits))
            return houses[-1]

        yield start
        for house in houses:
            for guest in house.guests:
                with suppress(OSError):
                    guest.close()
            if house.service.running:
                pytest_twisted.blockon(house.service.stopService())


@pytest.fixture
def outside() -> str:
    """Return an address of this machine that is no loopback. Skip the test if there is none, but
    never in CI.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing.
        except OSError:
            assert "CI" not in os.environ, "this machine has no address but loopback"
            pytest.skip("this machine has no address but loopback")
        address: str = probe.getsockname()[0]
        return address
