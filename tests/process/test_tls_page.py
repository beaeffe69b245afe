"""docs/tls.md: its five commands, and haproxy as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.clients import piped
from tests.support.processes import CHECKOUT, Daemon, Peer, Process, closing_all

PAGE = (CHECKOUT / "docs" / "tls.md").read_text()


def blocks(heading: str) -> list[str]:
    """Return what is indented as code under a heading of the page."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```\w*\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder that relative paths of this process begin in."""
    before = os.getcwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_five_commands_make_a_room_that_only_its_own_people_enter(start_daemon, client, here):
    [commands] = blocks("With an authority of your own")
    commands = commands.replace("chat.example.org", "localhost").replace("192.0.2.7", "127.0.0.1")
    *openssl, chat, join = commands.splitlines()
    assert len(openssl) == 3
    for command in openssl:
        subprocess.run(["sh", "-ec", command], cwd=here, check=True, capture_output=True)
    assert [key.stat().st_mode & 0o077 for key in here.glob("*.key")] == [0, 0, 0]

    lead, options = chat.split(" chat ")
    assert lead == "twistd -n"
    daemon = start_daemon(*shlex.split(options.replace("8889", "0")), cwd=here)
    lead, *arguments, host = shlex.split(join)
    assert lead == "chat-client"
    files = [f"{here}/{each}" if "." in each else each for each in arguments]
    for where in (host, "127.0.0.1"):
        process = piped(client(*files, where, daemon.port), b"hello\n")
        daemon.out.find(r"\] hello$")
        assert process.wait() == 0
    uninvited = piped(client("--tls", "--ca", f"{here}/ca.pem", host, daemon.port), b"hello\n")
    assert uninvited.wait() == 1
    assert "it wants a certificate of yours" in uninvited.err.text


class Haproxy(Process):
    """A haproxy with the configuration of the page, on a port that the system chose."""

    def __init__(self, folder: Path, *changes: tuple[str, str]) -> None:
        [config] = [block for block in blocks("Behind haproxy") if block.startswith("defaults")]
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            for old, new in (("bind :8889", f"bind fd@{listening.fileno()}"), *changes):
                assert config.count(old) == 1, old
                config = config.replace(old, new)
            file = folder / "haproxy.cfg"
            file.write_text(config)
            command = ["haproxy", "-db", "-f", str(file)]
            super().__init__(command, pass_fds=[listening.fileno()])


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Callable[..., Haproxy]]:
    """Start a haproxy: `haproxy(("8890", "1234"))`, see Haproxy. It is gone when the test ends."""
    if shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        assert "CI" not in os.environ, "haproxy is missing"
        pytest.skip("haproxy is not installed")
    with closing_all() as register:
        yield lambda *changes: register(Haproxy(tmp_path, *changes))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return Authority(tmp_path).certify("127.0.0.1").rename(tmp_path / "chat.pem")


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Callable[..., Peer]]:
    """Join through haproxy: `join(port, over_tls=False)`. The peer is gone when the test ends."""
    context = ssl.create_default_context(cafile=f"{tmp_path}/authority.pem")
    with closing_all() as register:

        def join(port: int, over_tls: bool = True) -> Peer:
            peer: Peer = register(Peer(("127.0.0.1", port)))
            if over_tls:
                peer.socket = context.wrap_socket(peer.socket, server_hostname="127.0.0.1")
            return peer

        yield join


def options_of(index: int) -> list[str]:
    """Return the options of a daemon on the page, with a port that the system chooses."""
    commands = [block for block in blocks("Behind haproxy") if block.startswith("twistd")]
    return shlex.split(commands[index].split(" chat ")[1].replace("8890", "0"))


@pytest.mark.parametrize(
    "version",
    ["send-proxy-v2-ssl check inter 50ms", "send-proxy-v2 check inter 50ms", "send-proxy"],
)
def test_behind_haproxy_that_speaks_tls_people_keep_their_addresses(
    start_daemon, haproxy, certificate, join, version
):
    daemon: Daemon = start_daemon(*options_of(0))
    assert f"started on port {daemon.port} (PROXY)." in daemon.out.text
    proxy = haproxy(
        ("/etc/haproxy/chat.pem", str(certificate)),
        (":8890 send-proxy-v2-ssl check", f":{daemon.port} {version}"),
    )
    ann = join(proxy.port)
    assert ann.line() == "> Connected to the chat server (1 user online)"
    daemon.out.find(rf"New user {re.escape(ann.name)} entered")
    bob = join(proxy.port)
    bob.line()
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"
    bob.send(b"/nick bob\n/register a long passphrase\n")
    bob.find("- You are now bob")
    answer = bob.line()
    if "ssl" in version:
        assert answer.startswith("- bob is yours")
    else:
        assert "on which nobody can read along" in answer
    ann.send(b"over and out\n")
    bob.find(f"[{ann.name}] over and out")
    ann.close()
    assert bob.line().startswith(f"< The user {ann.name} left")
    bob.close()
    daemon.stop()
    # Meanwhile haproxy has looked many times whether the daemon is there.
    assert len(re.findall(" entered ", daemon.out.text)) == 2
    assert not re.search("told once|Traceback", daemon.out.text)


def test_behind_haproxy_that_passes_tls_on_the_daemon_has_the_certificate(
    start_daemon, haproxy, certificate, join, client, tmp_path
):
    (tmp_path / "chat.key").write_bytes(certificate.read_bytes())
    daemon = start_daemon(*options_of(1), cwd=tmp_path)
    assert f"started on port {daemon.port} (PROXY, TLS)." in daemon.out.text
    proxy = haproxy(
        (" ssl crt /etc/haproxy/chat.pem", ""),
        (":8890 send-proxy-v2-ssl check", f":{daemon.port} send-proxy-v2 check inter 50ms"),
    )
    ann = join(proxy.port)
    assert ann.line() == "> Connected to the chat server (1 user online)"
    daemon.out.find(rf"New user {re.escape(ann.name)} entered")
    where = ["--tls", f"--ca={tmp_path}/authority.pem", "127.0.0.1", proxy.port]
    process = piped(client(*where), b"hello\n")
    assert process.wait() == 0
    scan = join(proxy.port, over_tls=False)
    scan.send(b"GET / HTTP/1.0\r\n\r\n")
    scan.close()
    ann.send(b"/quit\n")
    daemon.out.find(rf"The user {re.escape(ann.name)} left")
    daemon.stop()
    assert len(re.findall(" entered ", daemon.out.text)) == 2
    assert not re.search("told once|Traceback", daemon.out.text)
