"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.cables import Cable
from tests.support.certificates import Authority
from tests.support.clients import GREETING, FakeServer
from tests.support.daemons import Daemonised
from tests.support.processes import (
    CHAT_CLIENT,
    PATIENT_CLIENT,
    Daemon,
    Peer,
    Process,
    closing_all,
    hold_port,
)
from tests.support.readme import Start
from tests.support.terminals import Terminal

# What somebody has set for a daemon of its own is nothing to the tests.
os.environ.pop("CHAT_STATE", None)


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a process: `start(command, ...)`. It is gone when the test ends."""
    with closing_all() as register:
        yield lambda *arguments, **options: register(Process(*arguments, **options))


@pytest.fixture
def readme(tmp_path: Path) -> Iterator[Start]:
    """The daemon that the start of the README makes; it is gone when the test ends."""
    start = Start(tmp_path)
    yield start
    start.close()


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


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a command on a terminal: `terminal(command)`. It is gone when the test ends."""
    with closing_all() as register:
        yield lambda command, **options: register(Terminal(command, **options))


@pytest.fixture(scope="module")
def shared_daemon() -> Iterator[Daemon]:
    """A daemon for the tests of one module that leave it as it was."""
    with closing_all() as register:
        yield register(Daemon())


@pytest.fixture
def bob(shared_daemon: Daemon) -> Iterator[Peer]:
    """A peer that is alone in the room of `shared_daemon`: who was there before has left."""
    peer = Peer(("127.0.0.1", shared_daemon.port))
    while "(1 user online)" not in peer.line():
        pass
    yield peer
    peer.close()


@pytest.fixture
def nobody() -> Iterator[int]:
    """A TCP port of 127.0.0.1 on which nobody listens, nor can while the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def port() -> Iterator[int]:
    """A TCP port for the daemons of one test, one after the other, which nobody else gets."""
    with hold_port() as holding:
        yield holding.getsockname()[1]


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many files may be open in this process, and its daemons, as the system allows. Skipped
    where that is too few for thousands of connections, but never in CI.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000 and hard != resource.RLIM_INFINITY:
        assert "CI" not in os.environ, f"only {hard} files may be open"
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def person(terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """Start a chat-client on a terminal: `person("127.0.0.1", 8888, env={"TERM": "dumb"})`."""

    def start(*arguments: object, program: Sequence[str] = CHAT_CLIENT, **options: Any) -> Terminal:
        return terminal([*program, *map(str, arguments)], **options)

    return start


@pytest.fixture
def private_files() -> Iterator[None]:
    """What this process makes is for its owner alone, as with a careful launcher."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of one megabyte. Skipped where none may be mounted, but never
    in CI.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        assert "CI" not in os.environ, f"no disk can be mounted: {mounted.stderr.decode()}"
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def ann(person: Callable[..., Terminal], server: FakeServer) -> Terminal:
    """A person on a terminal, greeted by a server that is the test; `ann.guest` is its end."""
    ann = person("127.0.0.1", server.port, program=PATIENT_CLIENT)
    ann.guest = server.greet()
    ann.shows(GREETING)
    return ann


@pytest.fixture
def daemonised(tmp_path: Path) -> Iterator[Daemonised]:
    """A twistd to be started in the background; it is gone when the test ends."""
    twistd = Daemonised(tmp_path)
    yield twistd
    twistd.close()


@pytest.fixture
def cable() -> Iterator[Cable]:
    """To be asked for before a daemon is started."""
    missing = [tool for tool in ("ip", "nsenter") if shutil.which(tool) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"there is no {missing[0]} here")
    try:
        cable = Cable()
    except PermissionError:
        if "CI" in os.environ:
            raise
        pytest.skip("only root may make a network of its own")
    yield cable
    cable.close()


@pytest.fixture
def tls_daemon(start_daemon: Callable[..., Daemon], tmp_path: Path) -> Daemon:
    """A daemon behind TLS; who vouches for it is in `tmp_path/authority.pem`."""
    file = Authority(tmp_path).certify("127.0.0.1")
    return start_daemon(
        "--rate=0", "--listen", f"ssl:0:interface=127.0.0.1:privateKey={file}:certKey={file}"
    )
