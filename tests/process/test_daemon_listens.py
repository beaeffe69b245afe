"""Where a daemon listens: addresses, endpoints, unix sockets, TLS; with real processes."""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.daemons import (
    GREETING,
    STOPPING,
    complaint,
    enter,
    in_own_network,
    own_network,
    refuses,
)
from tests.support.processes import (
    CHAT_CLIENT,
    TWISTD,
    needs_ipv6,
)

# Addresses.


def listening_ports(daemon):
    """The TCP ports on which a daemon listens, as the kernel has them."""
    process = Path(f"/proc/{daemon.child.pid}")
    sockets = {os.readlink(descriptor) for descriptor in (process / "fd").iterdir()}
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in (process / "net" / table).read_text().splitlines()[1:]
    ]
    return sorted(
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in sockets
    )


def test_port_0_picks_a_free_port_and_says_which(start_daemon):
    daemons = [start_daemon("--port", "0"), start_daemon("-p", "0")]
    assert daemons[0].port != daemons[1].port
    for daemon in daemons:
        assert listening_ports(daemon) == [daemon.port]
        enter(daemon)


def test_a_daemon_that_has_just_stopped_can_be_started_on_its_port_again(start_daemon, port):
    daemon = start_daemon(f"--port={port}")
    member = enter(daemon)
    daemon.stop()
    assert member.rest() == STOPPING
    again = start_daemon(f"--port={port}")
    assert again.port == port
    enter(again)


@needs_ipv6
def test_without_a_host_ipv4_and_ipv6_are_served_alike_and_named_each_in_its_way(daemon):
    ann = enter(daemon)
    daemon.out.find(rf"> New user {re.escape(ann.name)} entered")
    six = daemon.join(("::1", daemon.port), socket.AF_INET6)
    name = f"[::1]:{six.socket.getsockname()[1]}"
    daemon.out.find(rf"> New user {re.escape(name)} entered")
    assert six.line() == GREETING.format("2 users online")
    assert ann.line() == f"> New user {name} entered (2 users online)"
    six.send(b"hello\n")
    assert ann.line() == f"[{name}] hello"
    ann.send(b"hi\n")
    assert six.line() == f"[{ann.name}] hi"


def test_with_a_host_only_that_address_is_served(start_daemon, port):
    daemon = start_daemon("--host", "127.0.0.1", f"--port={port}")
    ann = enter(daemon)
    daemon.out.find(rf"> New user 127\.0\.0\.1:{ann.socket.getsockname()[1]} entered")
    assert refuses(daemon.port, "127.0.0.2")
    assert refuses(daemon.port, "::1", socket.AF_INET6)


@needs_ipv6
def test_an_ipv6_host_is_served_alone(start_daemon, port):
    daemon = start_daemon("--host", "::1", f"--port={port}")
    six = daemon.join(("::1", daemon.port), socket.AF_INET6)
    assert six.line() == GREETING.format("1 user online")
    assert refuses(daemon.port)


_WITHOUT_IPV6 = """
import errno, os, socket
class Socket(socket.socket):
    def __init__(self, family=-1, *arguments, **options):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        super().__init__(family, *arguments, **options)
socket.socket = Socket
"""


def test_a_kernel_that_knows_no_ipv6_is_served_over_ipv4(start_daemon, port):
    launcher, option, code, *rest = TWISTD
    program = [launcher, option, _WITHOUT_IPV6 + code, *rest]
    daemon = start_daemon(f"--port={port}", program=program)
    ann = enter(daemon)
    daemon.out.find(rf"> New user {re.escape(ann.name)} entered")
    assert refuses(daemon.port, "::1", socket.AF_INET6)


@pytest.fixture
def join_inside(start):
    """Join a daemon that is in a network of its own: `join_inside(daemon, host, port)`."""

    def join(daemon, host, port):
        enter = ["nsenter", "--preserve-credentials", "--user", "--net"]
        client = start(
            [*enter, f"--target={daemon.child.pid}", *CHAT_CLIENT, "--stay", host, str(port)]
        )
        client.out.find("Connected")

    return join


@own_network
def test_a_machine_on_which_ipv6_is_switched_off_is_served_over_ipv4(start_daemon, join_inside):
    off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
    daemon = start_daemon(program=in_own_network(off, *TWISTD))
    join_inside(daemon, "127.0.0.1", daemon.port)
    daemon.out.find(r"> New user 127\.0\.0\.1:\d+ entered")


@own_network
def test_a_machine_on_which_ipv6_sockets_take_no_ipv4_serves_both(start_daemon, join_inside):
    apart = "echo 1 > /proc/sys/net/ipv6/bindv6only"
    # One and the same port: nobody has it where nobody else is.
    daemon = start_daemon("--port=4321", program=in_own_network(apart, *TWISTD))
    join_inside(daemon, "127.0.0.1", 4321)
    daemon.out.find(r"> New user 127\.0\.0\.1:\d+ entered")
    join_inside(daemon, "::1", 4321)
    daemon.out.find(r"> New user \[::1\]:\d+ entered")


@own_network
def test_the_port_is_8888_unless_told_otherwise(start, join_inside):
    process = start(in_own_network("true", *TWISTD))
    process.out.find(r"Chat Server started on port 8888\.")
    join_inside(process, "127.0.0.1", 8888)
    process.stop()
    assert process.out.text.count("started on") == 1


@own_network
def test_a_host_beside_listen_opens_the_default_port_there_too(start):
    process = start(in_own_network("true", *TWISTD, "--listen=tcp:7777", "--host=127.0.0.1"))
    process.out.find(r"Chat Server started on port 7777\.")
    process.out.find(r"Chat Server started on port 8888\.")
    assert listening_ports(process) == [7777, 8888]


def started_on(daemon):
    """What a stopped daemon said it was listening on."""
    return re.findall(r"Chat Server started on (.*)\.\n", daemon.out.text)


def test_listen_tcp_opens_that_port_and_not_the_default_one(start_daemon):
    daemon = start_daemon("--listen", "tcp:0:interface=127.0.0.1")
    enter(daemon)
    assert listening_ports(daemon) == [daemon.port]
    daemon.stop()
    assert started_on(daemon) == [f"port {daemon.port}"]


@needs_ipv6
def test_listen_tcp6_names_its_peers_like_every_door(start_daemon):
    daemon = start_daemon("--listen", "tcp6:0")
    six = daemon.join(("::1", daemon.port), socket.AF_INET6)
    daemon.out.find(rf"> New user \[::1\]:{six.socket.getsockname()[1]} entered")
    four = daemon.join()
    daemon.out.find(rf"> New user {re.escape(four.name)} entered")


def test_listen_twice_opens_both_into_one_room(start_daemon):
    daemon = start_daemon("--listen=tcp:0", "--listen=tcp:0:interface=127.0.0.1")
    other = int(daemon.out.find(r"Chat Server started on port (\d+)\.")[1])
    assert listening_ports(daemon) == sorted([daemon.port, other])
    ann, bob = enter(daemon, None, ("127.0.0.1", other))
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"


def test_listen_and_port_open_both(start_daemon, tmp_path):
    path = str(tmp_path / "chat.sock")
    daemon = start_daemon(f"--listen=unix:{path}", "--port=0")
    port = int(daemon.out.find(r"Chat Server started on port (\d+)\.")[1])
    ann, bob = enter(daemon, path, ("127.0.0.1", port))
    ann.send(b"hello\n")
    assert bob.line() == "[local:1] hello"
    daemon.stop()
    assert started_on(daemon) == [f"unix:{path}", f"port {port}"]


def test_a_port_that_systemd_has_opened_is_served(start_daemon):
    systemd = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='chat'); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    with socket.create_server(("127.0.0.1", 0)) as opened:
        program = [sys.executable, "-Sc", systemd, str(opened.fileno()), *TWISTD]
        daemon = start_daemon(
            "--listen=systemd:domain=INET:index=0", program=program, pass_fds=[opened.fileno()]
        )
        assert daemon.port == opened.getsockname()[1]
    ann = enter(daemon)
    daemon.out.find(rf"> New user {re.escape(ann.name)} entered")


# Unix sockets.


@pytest.fixture
def path(tmp_path):
    """Where a unix socket can be."""
    return tmp_path / "chat.sock"


def test_peers_of_a_unix_socket_are_named_by_number(start_daemon, path):
    daemon = start_daemon("--listen", f"unix:{path}:mode=660")
    assert path.stat().st_mode & 0o777 == 0o660
    ann, bob = enter(daemon, str(path), str(path))
    ann.send(b"hello\n")
    assert bob.line() == "[local:1] hello"
    ann.close()
    assert bob.line() == "< The user local:1 left (1 user online)"
    bob.send(b"still here\n")
    daemon.out.find(r"\[local:2\] still here")


def test_a_unix_socket_is_gone_after_a_clean_stop(start_daemon, path):
    daemon = start_daemon("--listen", f"unix:{path}")
    [member] = enter(daemon, str(path))
    daemon.stop()
    assert member.rest() == STOPPING
    assert not path.exists()


def test_the_socket_of_a_killed_daemon_is_taken_over(start_daemon, path):
    start_daemon("--listen", f"unix:{path}").stop(SIGKILL)
    assert path.is_socket()
    daemon = start_daemon("--listen", f"unix:{path}")
    enter(daemon, str(path))


def test_the_socket_of_a_living_daemon_is_not_taken_over(start_daemon, start, path):
    daemon = start_daemon("--listen", f"unix:{path}")
    line = complaint(start([*TWISTD, f"--listen=unix:{path}"]))
    assert f"unix:{path}: Address already in use" in line
    enter(daemon, str(path))


# TLS.


@pytest.fixture
def certificate(tmp_path):
    """Paths of a private key and of its self-signed certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "key.pem", tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    unprotected = serialization.NoEncryption()
    paths[0].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption_algorithm=unprotected)
    )
    paths[1].write_bytes(certificate.public_bytes(pem))
    return paths


@pytest.fixture
def tls(start_daemon, certificate):
    """A daemon on TLS, and a function that joins it."""
    key, certificate = certificate
    daemon = start_daemon("--listen", f"ssl:0:privateKey={key}:certKey={certificate}")
    context = ssl.create_default_context(cafile=str(certificate))

    def join():
        peer = daemon.join()
        peer.socket = context.wrap_socket(peer.socket, server_hostname="localhost")
        return peer

    return daemon, join


def test_over_tls_members_talk_until_the_daemon_stops(tls):
    daemon, join = tls
    ann = join()
    assert ann.line() == GREETING.format("1 user online")
    bob = join()
    assert bob.line() == GREETING.format("2 users online")
    assert ann.line() == f"> New user {bob.name} entered (2 users online)"
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"
    bob.send("grüß dich\n".encode())
    assert ann.line() == f"[{bob.name}] grüß dich"
    daemon.child.send_signal(SIGTERM)
    for member in (ann, bob):
        # Ends by TLS's own goodbye, which waits for ours: with less, recv would raise SSLEOFError.
        assert member.rest() == STOPPING
        member.close()
    assert daemon.wait() == -SIGTERM


def test_over_tls_a_line_is_heard_whose_author_goes_at_once(tls):
    daemon, join = tls
    for with_goodbye in (True, False):
        peer = join()
        peer.line()
        peer.send(b"first\nover and out\n")
        if with_goodbye:
            peer.socket.unwrap()
        peer.close()
        daemon.out.find(rf"\[{re.escape(peer.name)}\] over and out")
        daemon.out.find(rf"< The user {re.escape(peer.name)} left \(0 user online\)")
    daemon.stop()
    assert "Traceback" not in daemon.out.text
