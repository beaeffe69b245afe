"""A daemon behind TLS, by --tls and by the endpoints of Twisted; with real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.certificates import Authority
from tests.support.daemons import GREETING, STOPPING
from tests.support.processes import PATIENCE, Daemon, Peer, Process, chatctl


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certificate(authority: Authority, tmp_path: Path) -> Path:
    """A file with the daemon's certificate and its key."""
    (tmp_path / "shown").mkdir()
    file = authority.certify("127.0.0.1", "localhost")
    return file.rename(tmp_path / "shown" / "chat.pem")


def join(daemon: Daemon, authority: Authority) -> Peer:
    """Return a peer that has completed the handshake, and has looked whom it talks to."""
    peer = daemon.join()
    context = ssl.create_default_context(cafile=str(authority.file))
    peer.socket = context.wrap_socket(peer.socket, server_hostname="localhost")
    return peer


@pytest.mark.parametrize("where", ["0", "tcp:0:interface=127.0.0.1"])
def test_members_talk_over_tls_until_the_daemon_stops(start_daemon, authority, certificate, where):
    daemon = start_daemon("--tls", where, "--cert", str(certificate))
    assert f"Chat Server started on port {daemon.port} (TLS)." in daemon.out.text
    ann = join(daemon, authority)
    assert ann.line() == GREETING.format("1 user online")
    bob = join(daemon, authority)
    assert bob.line() == GREETING.format("2 users online")
    assert ann.line() == f"> New user {bob.name} entered (2 users online)"
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"
    daemon.child.send_signal(SIGTERM)
    assert ann.rest() == bob.rest() == STOPPING
    assert daemon.wait() == -SIGTERM


def test_in_the_clear_nothing_is_opened_besides_unless_it_is_asked_for(start_daemon, certificate):
    alone = start_daemon("--tls=0", f"--cert={certificate}")
    alone.join()
    assert alone.out.text.count("started on") == 1
    both = start_daemon("--port=0", "--tls=0", f"--cert={certificate}")
    both.out.find(rf"Chat Server started on port (?!{both.port})\d+ \(TLS\)\.")


WAYS = pytest.mark.parametrize("way", ["--tls", "ssl:", "tls:"])


@pytest.fixture
def listening(start_daemon, certificate, tmp_path) -> Callable[[str], Daemon]:
    """Start a daemon that is listened on in a way of WAYS."""

    def listening(way: str) -> Daemon:
        if way == "--tls":
            return start_daemon("--tls=0", f"--cert={certificate}", "--transcript=log")
        if way == "ssl:":
            return start_daemon(f"--listen=ssl:0:privateKey={certificate}:certKey={certificate}")
        return start_daemon(f"--listen=tls:{certificate.parent}:port=0")

    return listening


@WAYS
def test_scans_garbage_and_silence_are_told_to_nobody(listening, authority, way):
    daemon = listening(way)
    silent = daemon.join()
    for data in (b"", b"\n", b"GET / HTTP/1.0\r\n\r\n", os.urandom(100_000), b"\x16\x03\x01"):
        for go in (Peer.end, Peer.reset, Peer.close):
            peer = daemon.join()
            with suppress(ConnectionError):
                peer.send(data)
                go(peer)
    ann = join(daemon, authority)
    assert ann.line() == GREETING.format("1 user online")
    silent.close()
    ann.send(b"/quit\n")
    assert ann.rest() == ""
    daemon.out.find(rf"The user {ann.name} left")
    daemon.stop()
    assert len(re.findall("entered|left", daemon.out.text)) == 2
    assert "Traceback" not in daemon.out.text


def test_a_renewed_certificate_is_shown_without_a_restart(start_daemon, authority, certificate):
    daemon = start_daemon("--tls=0", f"--cert={certificate}")
    ann, bob = join(daemon, authority), join(daemon, authority)
    os.replace(authority.certify("localhost"), certificate)
    eve = join(daemon, authority)
    shown = [each.socket.getpeercert()["serialNumber"] for each in (ann, bob, eve)]
    assert shown[0] == shown[1] != shown[2]
    ann.send(b"hello\n")
    for each in (bob, eve):
        each.find(f"[{ann.name}] hello")
    daemon.out.find(rf"the certificate {certificate} is taken anew: it expires on 20\d\d-")


def test_chatctl_and_the_log_tell_that_the_certificate_expires(start_daemon, authority, tmp_path):
    def status(ends: float, *arguments: str) -> str:
        folder = tmp_path / f"state-{ends}"
        file = authority.certify("127.0.0.1", ends=ends)
        daemon = start_daemon("--tls=0", f"--cert={file}", f"--state={folder}")
        warned = re.search(
            rf"warn\] the certificate {file} expires on 20.*: renew it\n", daemon.out.text
        )
        assert bool(warned) == (ends < 14)
        return chatctl(folder, "status", *arguments).stdout

    assert re.search(r"0 rooms; the certificate \S+ expires on 20\S+: renew it\n", status(9))
    assert isinstance(json.loads(status(30, "--json"))["certificate_until"], int)


def test_openssl_talks_and_finds_the_certificate_good(start_daemon, start, authority, certificate):
    daemon = start_daemon("--tls=0", f"--cert={certificate}")
    client: Process = start(
        [
            *("openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{daemon.port}"),
            *("-verify_return_error", "-CAfile", str(authority.file), "-verify_ip", "127.0.0.1"),
        ]
    )
    client.out.find("Connected to the chat server")
    client.write(b"hello\n")
    daemon.out.find(r"\] hello$")


@pytest.mark.parametrize("kind", ["curve", "RSA"])
def test_a_scanner_finds_nothing_weak(start_daemon, authority, kind):
    if shutil.which("sslscan") is None:
        assert "CI" not in os.environ, "sslscan is missing"
        pytest.skip("sslscan is not installed")
    key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    file = authority.certify("127.0.0.1", key=key)
    daemon = start_daemon("--tls=0", f"--cert={file}")
    found = subprocess.run(
        ["sslscan", "--no-colour", "--no-failed", f"127.0.0.1:{daemon.port}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
    versions = dict(re.findall(r"^(SSLv\d|TLSv1\.\d) +(enabled|disabled)$", found, re.MULTILINE))
    assert versions == {
        "SSLv2": "disabled",
        "SSLv3": "disabled",
        "TLSv1.0": "disabled",
        "TLSv1.1": "disabled",
        "TLSv1.2": "enabled",
        "TLSv1.3": "enabled",
    }
    suites = re.findall(r"^(?:Preferred|Accepted) +\S+ +\d+ bits +(\S+)", found, re.MULTILINE)
    assert len(suites) == 6
    for suite in suites:
        assert re.match("TLS_|ECDHE-.*(GCM|POLY1305)", suite), found
    assert "Session renegotiation not supported" in found
    daemon.stop()
    assert not re.search("Traceback|Unhandled", daemon.out.text)


def test_many_that_never_shake_hands_keep_nobody_out(start_daemon, authority, certificate):
    daemon = start_daemon("--tls=0", f"--cert={certificate}")
    silent = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(200)]
    ann = join(daemon, authority)
    assert ann.line() == GREETING.format("1 user online")
    for each in silent:
        each.close()
