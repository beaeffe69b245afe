"""chat-client where nobody answers to the question for a host's address."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from zope.interface.verify import verifyObject

from tests.support.crowds import until
from tests.support.daemons import in_own_network, own_network
from tests.support.processes import CHAT_CLIENT
from twisted_chat.console.lookup import Lookup, Resolution

SILENT_DNS = (
    "ip link add silent type veth peer name nobody; ip address add 10.9.9.1/24 dev silent; "
    "ip link set silent up; ip link set nobody up; "
    "ip neighbour add 10.9.9.9 lladdr 02:00:00:00:00:99 nud permanent dev silent"
)
"""A cable without a machine at its other end, where the DNS server should be."""


@pytest.fixture
def silent(tmp_path: Path) -> Callable[..., list[str]]:
    """A chat-client where the DNS server is silent: `silent("chat.example", "8888")`."""
    resolver = tmp_path / "resolv.conf"
    # Longer than a test takes: the system's own patience is not what ends it.
    resolver.write_text("nameserver 10.9.9.9\noptions timeout:30 attempts:5\n")

    def command(*arguments: str) -> list[str]:
        mounted = 'mount --bind "$0" /etc/resolv.conf; exec "$@"'
        inside = ["unshare", "--mount", "sh", "-ec", mounted, str(resolver)]
        return in_own_network(SILENT_DNS, *inside, *CHAT_CLIENT, *arguments)

    return command


def wait_until_it_asks(pid: int) -> None:
    """Wait until the process has sent a question to port 53."""
    until(lambda: "0909090A:0035" in Path(f"/proc/{pid}/net/udp").read_text())


WHERE = pytest.mark.parametrize(
    "where",
    [["chat.example", "8888"], ["tcp:chat.example:8888"], ["tls:chat.example:8888"]],
    ids=["HOST PORT", "tcp", "tls"],
)


@own_network
@WHERE
def test_a_pipe_is_interrupted_at_once_while_dns_is_silent(start, silent, where):
    process = start(silent(*where))
    wait_until_it_asks(process.child.pid)
    assert process.stop(SIGINT) == 1
    assert process.err.text == "chat-client: interrupted; lines handed over to the server: 0\n"


INTERRUPTED = """
import signal
from threading import Thread
from twisted_chat.console.program import main
start = Thread.start
def start_and_interrupt(thread):
    start(thread)
    if thread.name.startswith("looks up"):
        signal.raise_signal(signal.SIGINT)
Thread.start = start_and_interrupt
main()
"""
"""chat-client, with a ^C as soon as a host is looked up."""


def test_a_client_ends_also_if_it_is_interrupted_as_soon_as_it_looks_a_host_up(start):
    process = start([sys.executable, "-c", INTERRUPTED, "localhost", "1"])
    assert process.wait() == 1
    assert process.err.text == "chat-client: interrupted; lines handed over to the server: 0\n"


@own_network
@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_person_leaves_at_once_while_dns_is_silent(terminal, silent, term):
    ann = terminal(silent("chat.example", "8888"), env={"TERM": term})
    wait_until_it_asks(ann.child.pid)
    ann.type("\x03")
    assert ann.wait() == 0
    assert ann.screen == "exit\n"


class Receiver:
    """Takes what is found."""

    def __init__(self) -> None:
        self.found: list[object] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        self.found.append(resolution.name)

    def addressResolved(self, address: object) -> None:
        self.found.append(address)

    def resolutionComplete(self) -> None:
        self.found.append("complete")


class Calls:
    """What threads ask of a reactor."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._calls: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def callFromThread(self, call: Callable[..., None], *arguments: object) -> None:
        self._calls.append((call, arguments))
        os.write(self._write, b".")

    def run(self) -> None:
        """Wait for a call, and do it."""
        os.read(self._read, 1)
        call, arguments = self._calls.pop()
        call(*arguments)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@pytest.mark.parametrize(
    ("host", "types", "found"),
    [
        ("127.0.0.1", None, [IPv4Address("TCP", "127.0.0.1", 8888)]),
        ("::1", None, [IPv6Address("TCP", "::1", 8888)]),
        ("127.0.0.1", [IPv4Address], [IPv4Address("TCP", "127.0.0.1", 8888)]),
        ("127.0.0.1", [IPv6Address], []),
        ("fe80::1%nosuch", None, []),
        ("a..b", None, []),
    ],
)
def test_it_finds_what_the_system_knows(host, types, found):
    calls, receiver = Calls(), Receiver()
    lookup = Lookup(calls)
    verifyObject(IHostnameResolver, lookup)
    resolution = lookup.resolveHostName(receiver, host, 8888, types)
    verifyObject(IHostResolution, resolution)
    calls.run()
    calls.close()
    assert receiver.found == [host, *found, "complete"]


def test_a_look_up_cannot_be_called_off():
    with pytest.raises(NotImplementedError):
        Resolution("chat.example").cancel()
