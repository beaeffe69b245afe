"""The daemon from its start to its end, with real processes: launchers, doors, transcript, stop."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.processes import (
    CHAT_CLIENT,
    CHAT_SERVER,
    PATIENCE,
    TWIST,
    TWISTD,
    Lines,
    needs_ipv6,
    with_limits,
)
from twisted_chat import __version__
from twisted_chat.limits import (
    BACKLOG,
    BURST,
    HISTORY,
    HISTORY_BYTES,
    MAX_LINE,
    MAX_PER_ADDRESS,
    MAX_ROOMS,
    MAX_USERS,
    MIN_HISTORY_BYTES,
    MOTD_LINES,
    RATE,
    REPLAY,
    STALL,
    TRANSCRIPT_WAITING,
)

LAUNCH_TWISTD = TWISTD[:3]
LAUNCHERS = {"twistd -n": TWISTD, "twist": TWIST}
GREETING = "> Connected to the chat server ({})"
STOPPING = "- the daemon stops\n"


def enter(daemon, *addresses):
    """Members that have read their greetings and each other's entries."""
    members = []
    for address in addresses or (None,):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        member = daemon.join(address, family)
        assert member.line().startswith("> Connected to the chat server (")
        for other in members:
            other.line()
        members.append(member)
    return members if addresses else members[0]


def refuses(port, address="127.0.0.1", family=socket.AF_INET):
    """Whether nobody listens on `port` at `address`, or there is no such address here."""
    try:
        with socket.socket(family) as peer:
            error = peer.connect_ex((address, port))
    except OSError as failure:
        error = failure.errno
    return error in (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def said_in_the_log(process):
    """The transcript's lines in the log that `process` wrote to its standard output."""
    return re.findall(r"^(?:.*\[chat#info\] |\t)([>\[<].*)", process.out.text, re.MULTILINE)


def hurried(program):
    """`program` with less time for goodbyes, which only costs time here."""
    return with_limits(program, GOODBYE=1.0)


# Ways to run it.


class Daemonised:
    """A twistd in the background: the command that starts it, its pid file and its log file."""

    def __init__(self, directory):
        self.pid_file = directory / "chat.pid"
        self.log_file = directory / "chat.log"
        self.program = [
            *LAUNCH_TWISTD,
            f"--pidfile={self.pid_file}",
            f"--logfile={self.log_file}",
            "chat",
        ]
        self._process = None

    def find(self):
        """Its process id. To be called when the command has ended."""
        pid = int(self.pid_file.read_text())
        self._process = os.pidfd_open(pid)
        return pid

    def wait(self):
        """Wait for its end."""
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        assert poll.poll(PATIENCE * 1000)

    def close(self):
        """Leave nothing of it behind."""
        if self._process is None and self.pid_file.exists():
            self.find()
        if self._process is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, SIGKILL)
            self.wait()
            os.close(self._process)


@pytest.fixture
def daemonised(tmp_path):
    """A twistd to be started in the background; it is gone when the test ends."""
    twistd = Daemonised(tmp_path)
    yield twistd
    twistd.close()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_it_serves_a_chat_in_the_foreground(start_daemon, launcher):
    daemon = start_daemon(program=LAUNCHERS[launcher])
    ann, bob = enter(daemon, None, None)
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"
    bob.send(b"hi\n")
    assert ann.line() == f"[{bob.name}] hi"


def test_daemonised_it_serves_a_chat_until_its_pid_is_ended(daemonised, start, tmp_path):
    starter = start([*daemonised.program, "--port=0"], cwd=tmp_path)
    assert starter.wait() == 0
    assert starter.out.text + starter.err.text == ""
    pid = daemonised.find()
    port = int(re.search(r"on port (\d+)\.", daemonised.log_file.read_text())[1])
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
        name = "{}:{}".format(*peer.getsockname())
        lines = peer.makefile("rb")
        assert lines.readline() == b"> Connected to the chat server (1 user online)\n"
        peer.sendall(b"hello\n")
        os.kill(pid, SIGTERM)
        assert lines.read() == STOPPING.encode()
    daemonised.wait()
    assert not daemonised.pid_file.exists()
    log = daemonised.log_file.read_text()
    assert re.findall(r"^(?:.*\[chat#info\] |\t)(.*)", log, re.MULTILINE) == [
        f"Chat Server started on port {port}.",
        f"> New user {name} entered (1 user online)",
        f"[{name}] hello",
        f"< The user {name} left (0 user online)",
    ]
    assert "Traceback" not in log


def test_chat_server_prints_the_bare_transcript_and_keeps_its_log_on_standard_error(
    start_daemon, port
):
    daemon = start_daemon("127.0.0.1", str(port), program=CHAT_SERVER)
    ann = enter(daemon)
    ann.send(b"hello\n")
    daemon.out.find("hello")
    assert daemon.stop(SIGINT) == 0
    assert daemon.out.seen == [
        f"Chat Server started on port {daemon.port}.",
        f"> New user {ann.name} entered (1 user online)",
        f"[{ann.name}] hello",
        f"< The user {ann.name} left (0 user online)",
        "exit",
    ]
    assert f"[chat#info] Chat Server started on port {daemon.port}." in daemon.err.text
    assert "hello" not in daemon.err.text
    assert refuses(daemon.port)


def test_chat_server_takes_the_options_too(start_daemon, tmp_path):
    motd = tmp_path / "motd"
    motd.write_text("welcome\n")
    daemon = start_daemon("--motd", str(motd), "--port=0", program=CHAT_SERVER)
    assert enter(daemon).line() == "- welcome"
    assert daemon.stop(SIGTERM) == 0


PROGRAMS = {"twistd chat": TWISTD, "twist chat": TWIST, "chat-server": CHAT_SERVER}


def test_help_explains_every_option_with_its_default_and_unit(start):
    processes = {name: start([*program, "--help"]) for name, program in PROGRAMS.items()}
    for name, process in processes.items():
        assert process.wait() == 0
        assert process.err.text == ""
        text = " ".join(process.out.text.split())
        kept = "-" if name == "chat-server" else "log"
        for explanation in (
            r"-p, --port= TCP port; 0 picks a free one and says which \[default: 8888\]",
            r"--host= Address to listen on \[default: all, IPv4 and IPv6\]",
            r"--listen= Twisted server endpoint .*Repeatable \[default: none\]",
            rf"--transcript= .*log, none, a FILE .* - for standard output \[default: {kept}\]",
            rf"--motd= FILE .* at most {MOTD_LINES} lines .*\[default: none\]",
            rf"--max-line= .*\bBYTES \[default: {MAX_LINE}\]",
            rf"--rate= LINES a second .* 0: no limit \[default: {RATE}\]",
            rf"--burst= LINES .*\[default: {BURST}\]",
            rf"--backlog= BYTES .*\[default: {BACKLOG}\]",
            rf"--stall= SECONDS .*\[default: {STALL}\]",
            rf"--max-users= Members .*\[default: {MAX_USERS}, or what .* open files allows\]",
            rf"--max-per-address= Connections .* exempt \[default: {MAX_PER_ADDRESS}\]",
            rf"--max-rooms= Rooms, .* last day \[default: {MAX_ROOMS}\]",
            r"--state= FOLDER for names, bans and history .* chatctl \[default: none\]",
            rf"--history= LINES kept of each room \[default: {HISTORY}\]",
            rf"--history-bytes= BYTES kept of all rooms, in memory \[default: {HISTORY_BYTES}\]",
            rf"--replay= LINES of the lobby .* newcomer \[default: {REPLAY}\]",
            r"--version Show the version and exit",
        ):
            assert re.search(explanation, text), name


def test_version_is_told_on_standard_output_with_status_0(start):
    for process in [start([*program, "--version"]) for program in PROGRAMS.values()]:
        assert process.wait() == 0
        assert process.out.text == f"twisted-chat {__version__}\n"
        assert process.err.text == ""


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


def in_own_network(script, *program):
    """`program` where there is only a loopback, of its own, and `script` was run before."""
    return [
        "unshare",
        "--map-root-user",
        "--net",
        "sh",
        "-ec",
        f'ip link set lo up; {script}; exec "$@"',
        "sh",
        *program,
    ]


def have_namespaces():
    with suppress(FileNotFoundError):
        return not subprocess.run(in_own_network("true", "true"), capture_output=True).returncode
    return False


own_network = pytest.mark.skipif(
    not have_namespaces(),
    reason="needs util-linux, iproute2, and the right to make a network namespace (unshare -rn)",
)


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


# The transcript.


def log_apart(log):
    """A twistd in the foreground that writes its log to the file `log`."""
    return [*LAUNCH_TWISTD, "-n", "--pidfile=", f"--logfile={log}", "chat"]


def test_the_transcript_is_in_the_log_by_default(daemon):
    ann = enter(daemon)
    ann.send(b"hello {braces} %s\n")
    ann.close()
    daemon.out.find("left")
    daemon.stop()
    assert daemon.out.text.count("Chat Server started on") == 1
    assert said_in_the_log(daemon) == [
        f"> New user {ann.name} entered (1 user online)",
        f"[{ann.name}] hello {{braces}} %s",
        f"< The user {ann.name} left (0 user online)",
    ]


def test_with_transcript_none_nothing_said_is_kept(start_daemon):
    daemon = start_daemon("--transcript", "none")
    ann, bob = enter(daemon, None, None)
    ann.send(b"secret\n")
    assert bob.line() == f"[{ann.name}] secret"
    daemon.stop()
    assert "secret" not in daemon.out.text + daemon.err.text
    assert ann.name not in daemon.out.text + daemon.err.text


def test_a_transcript_file_holds_the_bare_bytes_and_is_appended_to(start_daemon, tmp_path):
    path = tmp_path / "transcript"
    expected = ""
    for text in ("grüß dich \x1b[31m".encode(), b"tab\there"):
        # A wide umask: the mode must be the daemon's own doing.
        daemon = start_daemon("--transcript", str(path), umask=0)
        ann = enter(daemon)
        ann.send(text + b"\r\n")
        ann.end()
        assert ann.rest() == ""
        daemon.stop()
        expected += (
            f"Chat Server started on port {daemon.port}.\n"
            f"> New user {ann.name} entered (1 user online)\n"
            f"[{ann.name}] {text.decode()}\n".replace("\x1b", "␛")
            + f"< The user {ann.name} left (0 user online)\n"
        )
        assert path.read_bytes() == expected.encode()
        assert path.stat().st_mode & 0o777 == 0o600
        assert ann.name not in daemon.out.text


def follow(start, path):
    """A process that prints the lines of the file `path` as they come."""
    return start(["tail", "--follow=descriptor", "--lines=+1", str(path)])


def test_a_transcript_file_that_was_moved_away_is_opened_anew(start_daemon, start, tmp_path):
    path, old = tmp_path / "transcript", tmp_path / "transcript.1"
    daemon = start_daemon("--transcript", "transcript", cwd=tmp_path)
    ann = enter(daemon)
    follow(start, path).out.find("entered")
    path.rename(old)
    ann.send(b"after\n")
    ann.end()
    ann.rest()
    daemon.stop()
    assert old.read_text() == (
        f"Chat Server started on port {daemon.port}.\n"
        f"> New user {ann.name} entered (1 user online)\n"
    )
    assert path.read_text() == (f"[{ann.name}] after\n< The user {ann.name} left (0 user online)\n")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_transcript_that_cannot_be_written_is_reported_once_and_the_chat_goes_on(start_daemon):
    daemon = start_daemon("--transcript", "/dev/full")
    daemon.out.find("transcript lines are lost: /dev/full: No space left on device")
    ann, bob = enter(daemon, None, None)
    for text in ("one", "two"):
        ann.send(f"{text}\n".encode())
        assert bob.line() == f"[{ann.name}] {text}"
    assert daemon.stop() == -SIGTERM
    assert daemon.out.text.count("/dev/full") == 1
    assert "Traceback" not in daemon.out.text


def test_a_transcript_file_that_can_be_written_again_tells_how_much_it_lacks(
    start_daemon, start, tmp_path
):
    directory, away = tmp_path / "logs", tmp_path / "away"
    directory.mkdir()
    path = directory / "transcript"
    daemon = start_daemon("--transcript", str(path))
    ann = enter(daemon)
    follow(start, path).out.find("entered")
    directory.rename(away)
    ann.send(b"lost\n")
    daemon.out.find("transcript lines are lost: .*No such file or directory")
    away.rename(directory)
    ann.send(b"kept\n")
    ann.end()
    ann.rest()
    daemon.stop()
    assert path.read_text() == (
        f"Chat Server started on port {daemon.port}.\n"
        f"> New user {ann.name} entered (1 user online)\n"
        "- lines lost here: 1\n"
        f"[{ann.name}] kept\n"
        f"< The user {ann.name} left (0 user online)\n"
    )


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_transcript_dash_is_bare_on_standard_output(start_daemon, launcher, tmp_path):
    program = LAUNCHERS[launcher]
    if launcher == "twist":
        program = [*program[:-1], f"--log-file={tmp_path / 'log'}", "chat"]
    else:
        program = log_apart(tmp_path / "log")
    daemon = start_daemon("--transcript=-", program=program)
    ann = enter(daemon)
    ann.send("grüß dich\n".encode())
    ann.end()
    ann.rest()
    daemon.stop()
    assert daemon.out.seen == [
        f"Chat Server started on port {daemon.port}.",
        f"> New user {ann.name} entered (1 user online)",
        f"[{ann.name}] grüß dich",
        f"< The user {ann.name} left (0 user online)",
    ]
    assert ann.name not in (tmp_path / "log").read_text()


def test_transcript_dash_is_refused_when_daemonised(daemonised, start):
    assert "use twistd -n" in complaint(start([*daemonised.program, "--transcript=-"]))


@pytest.fixture
def unread(request, start_daemon, tmp_path):
    """A chat-server whose standard output goes into a pipe, and our end of it, not read yet.

    As a parameter: another program.
    """
    program = getattr(request, "param", CHAT_SERVER)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as end:
        # Its log comes where the harness reads: on standard output.
        shell = ["sh", "-c", 'exec "$@" 3>&1 >"$0" 2>&3', str(pipe), *program]
        daemon = start_daemon("--port=0", "--rate=0", program=shell)
        os.set_blocking(end.fileno(), True)
        try:
            yield daemon, end
        finally:
            daemon.close()  # Who reads from that end in a thread has to be let go before it closes.


def say_more_than_can_wait(ann, bob):
    """Say as much as the transcript may hold, and what a pipe takes besides; how many lines."""
    line = b"x" * MAX_LINE + b"\n"
    rounds = TRANSCRIPT_WAITING // len(line) // 100 + 2
    for _ in range(rounds):
        ann.send(line * 100)
        assert bob.lines(100) == [f"[{ann.name}] {'x' * MAX_LINE}"] * 100
    return rounds * 100


def test_a_standard_output_that_nobody_reads_never_blocks_the_chat(unread):
    daemon, end = unread
    ann, bob = enter(daemon, None, None)
    said = say_more_than_can_wait(ann, bob)
    transcript = Lines(end)
    transcript.find(r"^- lines lost here: \d+$")
    read_again = None
    while not read_again:
        # What was just read counts as waiting for a moment more, so this may be lost, and told.
        ann.send(b"read again\n")
        said += 1
        read_again = transcript.find(r"^- lines lost here: \d+$|\] (read again)$")[1]
    for member in (ann, bob):
        member.close()  # Or their goodbyes would take their time.
    assert daemon.stop(SIGINT) == 0
    transcript.join()
    kept = sum(line.startswith(f"[{ann.name}]") for line in transcript.seen)
    lost = sum(map(int, re.findall(r"^- lines lost here: (\d+)$", transcript.text, re.MULTILINE)))
    assert kept + lost == said
    assert transcript.seen[-1] == "exit"


hurry = pytest.mark.parametrize("unread", [hurried(CHAT_SERVER)], ids=["hurried"], indirect=True)


@hurry
def test_a_standard_output_that_nobody_reads_never_blocks_the_end(unread):
    daemon, _ = unread
    say_more_than_can_wait(*enter(daemon, None, None))
    assert daemon.stop(SIGINT) == 0
    assert "the transcript's last lines are lost: standard output takes none" in daemon.out.text
    assert "Traceback" not in daemon.out.text


@hurry
def test_a_standard_output_that_is_closed_ends_neither_the_chat_nor_its_good_end(unread):
    daemon, end = unread
    end.close()
    ann, bob = enter(daemon, None, None)
    ann.send(b"hello\n")
    assert bob.line() == f"[{ann.name}] hello"
    daemon.out.find("transcript lines are lost: standard output: Broken pipe")
    assert daemon.stop(SIGINT) == 0
    assert daemon.out.text.count("Broken pipe") == 1
    assert "Traceback" not in daemon.out.text


# The message of the day, and long lines.


@pytest.mark.parametrize(
    ("motd", "lines"),
    [
        (
            b"\x1b[31mred\x07\r\n\n\xff \xe2\x80\xaeover\nno end",
            ["- ␛[31mred␇", "- ", "- \ufffd \ufffdover", "- no end"],
        ),
        ((b"x" * MAX_LINE + b"\r\n") * MOTD_LINES, [f"- {'x' * MAX_LINE}"] * MOTD_LINES),
        (b"", []),
    ],
    ids=["odd bytes", "as much as may be", "nothing"],
)
def test_the_message_of_the_day_follows_the_greeting(start_daemon, tmp_path, motd, lines):
    (tmp_path / "motd").write_bytes(motd)
    daemon = start_daemon("--motd", "motd", cwd=tmp_path)
    ann = daemon.join()
    bob = daemon.join()
    bob.send(b"hello\n")
    assert ann.line() == GREETING.format("1 user online")
    assert ann.lines(len(lines)) == lines
    assert ann.line() == f"> New user {bob.name} entered (2 users online)"
    assert bob.line() == GREETING.format("2 users online")
    assert bob.lines(len(lines)) == lines
    assert ann.line() == f"[{bob.name}] hello"


def test_a_line_of_max_line_bytes_passes_and_a_longer_one_is_refused_once(start_daemon):
    daemon = start_daemon("--max-line", "100")
    ann, bob = enter(daemon, None, None)
    whole = "ü" * 50
    for end in (b"\n", b"\r\n"):
        ann.send(whole.encode() + end)
        assert bob.line() == f"[{ann.name}] {whole}"
        ann.send(b"x" + whole.encode() + end + b"short\n")
        assert ann.line().startswith("! a line longer than 100 bytes was not said")
        assert bob.line() == f"[{ann.name}] short"
    bob.send(b"bye\n")
    assert ann.line() == f"[{bob.name}] bye"


# The end.


@pytest.mark.parametrize(
    ("launcher", "number"), [("twistd -n", SIGTERM), ("twistd -n", SIGINT), ("twist", SIGTERM)]
)
def test_what_was_said_before_a_signal_is_heard_before_the_end(start_daemon, launcher, number):
    # A slow machine needs longer to read what was sent before.
    daemon = start_daemon(program=with_limits(LAUNCHERS[launcher], HEAR_OUT=PATIENCE))
    ann, bob = enter(daemon, None, None)
    long = [f"{index} {'x' * 1000}" for index in range(200)]
    short = [f"line {index}" for index in range(20)]
    ann.send("".join(f"{text}\n" for text in long).encode())
    bob.send("".join(f"{text}\n" for text in short).encode())
    bob.send(b"the last, without its end")
    bob.end()
    late = daemon.join()
    late.send(b"just in time\n")
    status = daemon.stop(number)
    # Each program's own way to end, not ours.
    assert status == -number
    by_ann, by_bob, by_late = (
        [f"[{name}] {text}" for text in texts]
        for name, texts in (
            (ann.name, long),
            (bob.name, [*short, "the last, without its end"]),
            (late.name, ["just in time"]),
        )
    )
    transcript = said_in_the_log(daemon)
    for name, lines in ((ann.name, by_ann), (bob.name, by_bob), (late.name, by_late)):
        assert [line for line in transcript if line.startswith(f"[{name}]")] == lines
    left = [re.sub(r".*\((.*) online\)", r"\1", line) for line in transcript if line[0] == "<"]
    assert left == ["2 users", "1 user", "0 user"]
    assert transcript[-1].endswith("left (0 user online)")
    heard = ann.rest()
    assert [line for line in heard.split("\n") if line.startswith("[")] == [*by_bob, *by_late]
    assert heard.endswith(STOPPING)
    assert late.rest().endswith(STOPPING)


def test_a_member_that_never_reads_holds_the_end_up_for_a_bounded_time(start_daemon, path):
    daemon = start_daemon(f"--listen=unix:{path}", "--port=0", program=hurried(TWISTD))
    port = int(daemon.out.find(r"Chat Server started on port (\d+)\.")[1])
    # A unix socket, because its buffer is small and does not grow.
    stuck, ann, bob = enter(daemon, str(path), ("127.0.0.1", port), ("127.0.0.1", port))
    line = b"x" * MAX_LINE + b"\n"
    for _ in range(15):
        ann.send(line * 10)
        bob.lines(10)
    daemon.child.send_signal(SIGTERM)
    assert ann.rest() == bob.rest() == STOPPING
    assert daemon.wait() == -SIGTERM
    assert said_in_the_log(daemon)[-3:] == [
        "< The user local:1 left (2 users online)",
        f"< The user {ann.name} left (1 user online)",
        f"< The user {bob.name} left (0 user online)",
    ]
    assert STOPPING not in stuck.rest()
    assert "Traceback" not in daemon.out.text


# Rooms and what is kept of them.


def answers(member, command, last):
    """The lines that `member` reads after `command`, up to the one that is or ends with `last`."""
    member.send(f"{command}\n".encode())
    lines = [member.line()]
    while not lines[-1].endswith(last):
        lines.append(member.line())
    return lines


def test_with_max_rooms_one_more_is_refused_until_another_is_free(start_daemon):
    ann, bob = enter(start_daemon("--max-rooms", "2"), None, None)
    answers(ann, "/join dev", "- You are now in #dev")
    bob.line()
    [line] = answers(bob, "/join more", "/rooms")
    assert line == "! there are 2 rooms, as many as may be: join one of /rooms"
    answers(bob, "/join dev", "- You are now in #dev")


def test_with_history_only_so_many_lines_are_kept_of_each_room(start_daemon):
    ann = enter(start_daemon("--history", "2"))
    ann.send(b"one\ntwo\nthree\n")
    shown = answers(ann, "/history", "] three")
    assert [line.rpartition("] ")[2] for line in shown] == ["two", "three"]


def test_with_history_0_nothing_is_kept(start_daemon, tmp_path):
    ann = enter(start_daemon("--history", "0", "--state", str(tmp_path / "state")))
    ann.send(b"one\n")
    assert answers(ann, "/history", "#lobby") == ["- nothing is kept of what was said in #lobby"]


def test_with_history_bytes_what_is_oldest_is_forgotten(start_daemon):
    options = ["--rate=0", "--history-bytes", str(MIN_HISTORY_BYTES)]
    ann = enter(start_daemon(*options))
    long = "x" * 4000
    for number in range(40):
        ann.send(f"{number} {long}\n".encode())
    shown = answers(ann, "/history 40", f"] 39 {long}")
    # A notice holds a line, and says that it was cut; what matters is how many there are.
    assert 0 < len(shown) < MIN_HISTORY_BYTES / len(long) + 1


def test_with_replay_newcomers_read_the_last_lines(start_daemon):
    daemon = start_daemon("--replay", "1")
    ann = enter(daemon)
    ann.send(b"one\ntwo\n")
    answers(ann, "/history", "] two")
    greeting, line = daemon.join().lines(2)
    assert greeting == GREETING.format("2 users online")
    assert line.endswith(f"Z [{ann.name}] two")


# Bad starts.


def complaint(process):
    """The one line with which a process refuses to start."""
    assert process.wait() not in (0, None)
    assert process.out.text == ""
    [line] = process.err.seen
    assert "Traceback" not in line
    return line


@pytest.fixture
def refuse_everywhere(start, daemonised, tmp_path):
    """Start it in all ways with the same arguments, from `tmp_path`; the line that all refuse with.

    `refuse_everywhere("--port", 1)`.
    """
    programs = [TWISTD, TWIST, daemonised.program]

    def refuse(*arguments):
        processes = [start([*program, *map(str, arguments)], cwd=tmp_path) for program in programs]
        line, *others = [complaint(process) for process in processes]
        assert others == [line, line]
        assert line.startswith("chat: ")
        assert not daemonised.pid_file.exists()
        return line

    return refuse


@pytest.fixture
def refuse_each(start, tmp_path):
    """Start a daemon with each of several lists of arguments; the lines that they refuse with.

    `refuse_each(["--port=x"], ["--port=y"], prefix=WITHOUT_RIGHTS)`.
    """

    def refuse(*variants, prefix=()):
        processes = [
            start([*prefix, *TWISTD, *map(str, variant)], cwd=tmp_path) for variant in variants
        ]
        return [complaint(process) for process in processes]

    return refuse


def test_a_port_that_is_taken_is_refused(refuse_everywhere):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refuse_everywhere("--port", port)
        assert re.search(rf"\b{port}\b.*Address already in use.*--port", line)


def test_an_unknown_option_is_refused(refuse_everywhere):
    assert re.search("--prot.*--help", refuse_everywhere("--prot=1"))


def test_an_argument_is_refused(refuse_each):
    [line] = refuse_each(["8888"])
    assert re.search("'8888'.*--help", line)


def test_an_address_of_another_machine_is_refused(refuse_each):
    [line] = refuse_each(["--host=192.0.2.1", "--port=0"])
    assert re.search(r"192\.0\.2\.1.*--host", line)


@pytest.mark.parametrize(
    ("option", "expected", "values"),
    [
        ("--port", "from 0 to 65535", ["x", "-1", "65536", "", "9" * 5000]),
        ("--max-line", "from 64 to 1048576", ["63", "1048577"]),
        ("--rate", "from 0 to 1000000000", ["-1"]),
        ("--burst", "from 1 to 1000000000", ["0"]),
        ("--backlog", "from 4096 to 1073741824", ["4095"]),
        ("--stall", "from 1 to 60", ["0", "61"]),
        ("--max-users", "from 1 to 1000000", ["0", "1e3"]),
        ("--max-per-address", "from 1 to 1000000", ["0"]),
        ("--max-rooms", "from 1 to 1000000", ["0", "1000001"]),
        ("--history", "from 0 to 100000", ["-1", "100001"]),
        ("--history-bytes", "from 65536 to 68719476736", ["65535", "68719476737"]),
        ("--replay", "from 0 to 100000", ["-1", "100001"]),
    ],
)
def test_a_number_that_is_none_or_out_of_range_is_refused(refuse_each, option, expected, values):
    lines = refuse_each(*([option, value] for value in values))
    for value, line in zip(values, lines, strict=True):
        assert f"{option} must be a whole number {expected}, not {value[:40]!r}" in line


def test_a_state_folder_whose_path_is_too_long_for_a_socket_is_refused(refuse_each, tmp_path):
    folder = tmp_path / ("x" * 200)
    [line] = refuse_each(["--port=0", "--state", folder])
    assert line == (
        f"chat: {folder}/control.sock is too long for the path of a socket: choose a folder with a "
        "shorter one"
    )


def test_a_state_folder_that_is_none_is_refused(refuse_each, tmp_path):
    (tmp_path / "file").touch()
    nowhere, file = refuse_each(["--port=0", "--state=missing/state"], ["--port=0", "--state=file"])
    assert nowhere == (
        f"chat: --state {tmp_path}/missing/state: No such file or directory: make the folder that "
        "it is to be in first"
    )
    assert file == f"chat: --state {tmp_path}/file: Not a directory: name a folder"


def test_an_option_without_its_value_is_refused(refuse_each):
    [line] = refuse_each(["--port"])
    assert re.search("--port requires argument.*--help", line)


def test_an_endpoint_that_does_not_parse_is_refused(refuse_everywhere, refuse_each):
    assert re.search("'nonsense'.* write it like tcp:8888", refuse_everywhere("--listen=nonsense"))
    values = [
        "",
        "8888",
        "tcp:http",
        "tcp:0:colour=red",
        "unix:chat.sock:mode=rw",
        "ssl:0:privateKey=missing.pem",
        "systemd:domain=INET:index=0",
    ]
    lines = refuse_each(*(["--listen", value] for value in values))
    for value, line in zip(values, lines, strict=True):
        assert repr(value) in line
        assert "write it like" in line


def test_a_chat_on_its_own_standard_input_is_refused(refuse_each):
    """It would mix with log and transcript, and its transport cannot be aborted."""
    [line] = refuse_each(["--listen=stdio:"])
    assert "stdio:" in line


def test_an_endpoint_that_cannot_be_opened_is_refused(refuse_each, tmp_path):
    (tmp_path / "file").touch()
    missing, taken, too_long, high = refuse_each(
        ["--listen=unix:missing/chat.sock"],
        ["--listen=unix:file"],
        [f"--listen=unix:{'x' * 200}"],
        ["--listen=tcp:70000"],
    )
    assert "unix:missing/chat.sock: No such file or directory" in missing
    assert "unix:file: " in taken
    assert "--port" not in taken
    assert "path too long" in too_long
    assert "0-65535" in high
    assert (tmp_path / "file").is_file()


WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
"""Takes root's rights from a program."""


@own_network
def test_a_port_that_only_root_may_open_is_refused(refuse_each):
    [line] = refuse_each(["--port=80"], prefix=in_own_network("true", *WITHOUT_RIGHTS))
    assert re.search(r"tcp:80:.*Permission denied.*--port", line)


def test_files_and_sockets_without_the_right_to_them_are_refused(refuse_each, tmp_path):
    (tmp_path / "motd").touch(0)
    (tmp_path / "transcript").touch(0o400)
    (tmp_path / "locked").mkdir(0o500)
    motd, transcript, unix = refuse_each(
        ["--motd=motd"],
        ["--transcript=transcript"],
        ["--listen=unix:locked/chat.sock"],
        prefix=[] if os.geteuid() else WITHOUT_RIGHTS,
    )
    assert "--motd motd: Permission denied" in motd
    assert re.search("cannot write the transcript to .*transcript: Permission denied", transcript)
    assert "unix:locked/chat.sock: Permission denied" in unix
    assert "--port" not in unix


def test_a_message_of_the_day_that_cannot_be_shown_is_refused(
    refuse_everywhere, refuse_each, tmp_path
):
    (tmp_path / "many").write_bytes(b"x\n" * (MOTD_LINES + 1))
    (tmp_path / "long").write_bytes(b"x" * 65)
    assert "--motd missing: No such file or directory" in refuse_everywhere("--motd=missing")
    directory, many, long, endless = refuse_each(
        ["--motd", tmp_path],
        ["--motd", "many"],
        ["--motd", "long", "--max-line=64"],
        ["--motd", "/dev/zero"],
    )
    assert f"--motd {tmp_path}: Is a directory" in directory
    for line, most in ((many, MAX_LINE), (long, 64), (endless, MAX_LINE)):
        assert f"at most {MOTD_LINES} lines of at most {most} bytes" in line


def test_a_transcript_that_cannot_be_opened_is_refused(refuse_everywhere, refuse_each, tmp_path):
    line = refuse_everywhere("--transcript=missing/transcript")
    assert re.search("transcript to .*missing/transcript: No such file or directory", line)
    os.mkfifo(tmp_path / "pipe")
    directory, pipe = refuse_each(["--transcript", tmp_path], ["--transcript=pipe"])
    assert f"cannot write the transcript to {tmp_path}: Is a directory" in directory
    assert f"cannot write the transcript to {tmp_path / 'pipe'}: " in pipe


def test_chat_server_refuses_a_bad_start_in_one_line_too(start):
    variants = [
        (["127.0.0.1", "x"], "--port must be a whole number from 0 to 65535, not 'x'"),
        (["127.0.0.1", "0", "more"], "'more' is one more"),
        (["--host=::1", "127.0.0.1"], "give only one"),
        (["192.0.2.1", "0"], "no address of this machine"),
    ]
    processes = [start([*CHAT_SERVER, *arguments]) for arguments, _ in variants]
    for process, (_, why) in zip(processes, variants, strict=True):
        assert why in complaint(process)
