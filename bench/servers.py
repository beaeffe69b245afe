"""The servers: how each is started, which protocol it speaks, and what it cannot do."""

from __future__ import annotations

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from twisted_chat import __version__

HERE = Path(__file__).parent
START = 20.0
"""Seconds within which a server has to listen."""

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, GENERATOR_CORE = CORES[0], CORES[-1]

# The daemon as users run it: it cleans input, counts and logs. Its limits are on, but high enough
# for the load.
CHAT = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile="]
RAISED = ["--rate=1000000", "--burst=1000000", "--max-users=20000"]

WEB = "WebSocket"
TLS = "TLS"
LONGER = 105
"""Bytes by which a frame that tells of a line is longer than the line."""

NO_ROOMS = "it has one room for all"

NGIRCD_IDLE = "10,000 joins of one channel take too long"

NATS = """\
listen: 127.0.0.1:{port}
max_pending: 1GB
max_connections: 20000
"""

NGIRCD = """\
[Global]
Name = bench.invalid
Info = bench
Listen = 127.0.0.1
Ports = {port}
ServerUID = 0
ServerGID = 0
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""


@dataclass(frozen=True)
class Server:
    """How a server is run. In its command and its configuration `{port}` stands for the port,
    `{config}` for the file of the configuration, `{bin}` for the folder of the compiled programs.
    """

    name: str
    title: str
    protocol: str
    """The name of its protocol for the load generator."""
    command: list[str]
    ready: str
    """A regular expression for the line of output that says that it listens."""
    config: str = ""
    version: list[str] = field(default_factory=list)
    """The command that prints its version. Programs of this benchmark have none."""
    needs: list[str] | None = None
    """A command that fails where a library is missing; None: it needs no library."""
    cannot: dict[str, str] = field(default_factory=dict)
    """The loads under which it is not measured, and why."""
    remark: str = ""
    """What somebody who reads its figures has to know."""
    is_tls: bool = False
    """Whether it speaks TLS: by `{bin}/bench.pem`, whose key is in `{bin}/bench.key`."""
    group: str = ""
    """The heading of its table. That of servers for lines has none."""
    payload: int = 64
    """Bytes of each text that is said."""
    checkout: Path = HERE.parent
    """Where our server finds twisted_chat."""

    def found(self) -> bool:
        if self.command[0].startswith("{bin}"):
            return True
        return shutil.which(self.command[0]) is not None and (
            self.needs is None or subprocess.run(self.needs, capture_output=True).returncode == 0
        )

    def version_text(self) -> str:
        if not self.version or not self.found():
            return ""
        ran = subprocess.run(self.version, capture_output=True, text=True, timeout=10)
        found = re.search(r"\d+(\.\d+)+", ran.stdout + ran.stderr)
        return found[0] if found else ""


def environment(checkout: Path) -> dict[str, str]:
    """Return an environment in which a server runs the twisted_chat of `checkout`."""
    return {**os.environ, "PYTHONPATH": str(checkout)}


def ours(checkout: Path = HERE.parent) -> Server:
    """Return our server, as it is in `checkout`."""
    return Server(
        "chat",
        f"twisted-chat {__version__}",
        "chat",
        [*CHAT, "chat", "--host=127.0.0.1", "--port={port}", *RAISED],
        r"Chat Server started on port",
        checkout=checkout,
    )


def servers() -> list[Server]:
    """Return all servers, ours first."""
    return [
        ours(),
        Server(
            "floor-join",
            "C floor, joined",
            "lines",
            ["{bin}/floor", "{port}", "join"],
            "ready",
        ),
        Server(
            "floor-each",
            "C floor, each line sent",
            "lines",
            ["{bin}/floor", "{port}", "each"],
            "ready",
        ),
        Server(
            "redis",
            "Redis {version} pub/sub",
            "redis",
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--save", ""),
                *("--appendonly", "no", "--maxclients", "15000"),
                *("--client-output-buffer-limit", "pubsub 0 0 0"),
            ],
            "Ready to accept connections",
            version=["redis-server", "--version"],
        ),
        Server(
            "nats",
            "NATS {version}",
            "nats",
            ["nats-server", "-c", "{config}"],
            "Server is ready",
            config=NATS,
            version=["nats-server", "--version"],
        ),
        Server(
            "ngircd",
            "ngIRCd {version}",
            "irc",
            ["ngircd", "-n", "-f", "{config}"],
            r"Now listening on|Listening on",
            config=NGIRCD,
            version=["ngircd", "--version"],
            cannot={"idle": NGIRCD_IDLE},
            remark="its penalties are off, but it takes 3 lines of a member in a row, and it does "
            "not set TCP_NODELAY: several lines in flight wait for acknowledgements",
        ),
        Server(
            "ncat",
            "ncat {version} --chat",
            "ncat",
            ["ncat", "-v", "--chat", "-k", "-m", "2000", "-l", "127.0.0.1", "{port}"],
            r"Listening on",
            version=["ncat", "--version"],
            cannot={"idle": "it holds at most 1,024 connections (select)", "rooms": NO_ROOMS},
            remark="lines that come together leave as one, and it does not set TCP_NODELAY: "
            "several lines in flight wait for acknowledgements",
        ),
        Server(
            "asyncio",
            "asyncio streams",
            "lines",
            [sys.executable, str(HERE / "peers" / "asyncio_streams.py"), "{port}"],
            "ready",
            cannot={"rooms": NO_ROOMS},
        ),
        Server(
            "naive",
            f"naive Twisted {version('twisted')}",
            "lines",
            [sys.executable, str(HERE / "peers" / "naive_twisted.py"), "{port}"],
            "ready",
            cannot={"rooms": NO_ROOMS},
        ),
        *_web_servers(),
        *_tls_servers(),
    ]


_WEB_ONLY = {"open": "", "all": "", "rooms": "", "storm": ""}
"""Loads that tell nothing more about frames than about lines."""

_NOT_LONG = {"open": "", "rooms": "", "storm": "", "idle": "", "all": "", "one": ""}


def _web_servers() -> list[Server]:
    """Return the servers that speak WebSocket, and ours with lines that are as long as frames."""
    return [
        Server(
            "chat-web",
            f"twisted-chat {__version__}",
            "ws",
            [*CHAT, "chat", "--web=tcp:{port}:interface=127.0.0.1", *RAISED],
            r"Chat Server started on",
            cannot=_WEB_ONLY,
            group=WEB,
        ),
        Server(
            "websockets",
            "websockets {version}, broadcast",
            "ws",
            [sys.executable, str(HERE / "peers" / "websockets_broadcast.py"), "{port}"],
            "ready",
            version=[sys.executable, "-c", "import websockets as w; print(w.__version__)"],
            needs=[sys.executable, "-c", "import websockets.asyncio.server"],
            cannot=_WEB_ONLY,
            group=WEB,
        ),
        Server(
            "ws",
            "ws {version}",
            "ws",
            ["node", str(HERE / "peers" / "ws_broadcast.js"), "{port}"],
            "ready",
            version=["node", "-p", "require('ws/package.json').version"],
            needs=["node", "-e", "require('ws')"],
            cannot=_WEB_ONLY,
            group=WEB,
        ),
        replace(
            ours(),
            name="chat-long",
            title=f"twisted-chat {__version__}, lines as long as frames",
            cannot=_NOT_LONG,
            group=WEB,
            payload=64 + LONGER,
        ),
    ]


def _tls_servers() -> list[Server]:
    """Return the servers that speak TLS."""
    return [
        replace(
            ours(),
            name="chat-tls",
            command=[
                *(*CHAT, "chat", "--tls=tcp:{port}:interface=127.0.0.1", *RAISED),
                *("--cert={bin}/bench.pem", "--key={bin}/bench.key"),
            ],
            is_tls=True,
            group=TLS,
        ),
        Server(
            "ngircd-tls",
            "ngIRCd {version}",
            "irc",
            ["ngircd", "-n", "-f", "{config}"],
            r"Now listening on|Listening on",
            config=NGIRCD.replace("Ports = {port}\n", "Ports =\n")
            + "[SSL]\nPorts = {port}\nCertFile = {bin}/bench.pem\nKeyFile = {bin}/bench.key\n",
            version=["ngircd", "--version"],
            cannot={"idle": NGIRCD_IDLE, "rooms": "", "storm": ""},
            is_tls=True,
            group=TLS,
        ),
    ]


def compile_into(folder: Path) -> None:
    """Compile the load generator and the floor, and make a certificate. Without the headers of
    OpenSSL there is no `load-tls`. Raises CalledProcessError.
    """
    compiler = ["cc", "-O2", "-Wall", "-Wextra", "-Werror"]
    for name in ("load", "floor"):
        source, program = HERE / f"{name}.c", folder / name
        subprocess.run([*compiler, "-o", program, source], check=True)
    has_headers = b"#include <openssl/ssl.h>\n"
    if not subprocess.run(["cc", "-E", "-"], input=has_headers, capture_output=True).returncode:
        program, libraries = folder / "load-tls", ["-lssl", "-lcrypto"]
        subprocess.run([*compiler, "-DTLS", "-o", program, HERE / "load.c", *libraries], check=True)
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=bench"),
                *("-keyout", folder / "bench.key", "-out", folder / "bench.pem"),
            ],
            check=True,
            capture_output=True,
        )


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server did not start. The text says why."""


def on_core(core: int) -> None:
    """Bind this process to `core`, as `preexec_fn`. It ignores ^C, and dies with the benchmark."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, {core})
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def free_port() -> int:
    """Return a port that is free, and that the system gives to no connection until it is taken."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(min(10_000, lowest - 1), lowest)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(server: Server, folder: Path) -> Iterator[tuple[int, int]]:
    """Start `server` on its core, and kill it at the end. Yield its process id and its port."""
    port = free_port()
    config, log = folder / "config", folder / "log"
    words = {"port": port, "config": config, "bin": folder}
    config.write_text(server.config.format(**words))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [word.format(**words) for word in server.command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment(server.checkout),
            preexec_fn=lambda: on_core(SERVER_CORE),
        )
    try:
        end = time.monotonic() + START
        while not re.search(server.ready, text := log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > end:
                raise ServerFailed(f"did not start: {text.strip()[-200:]}")
            time.sleep(0.02)  # Nothing tells when a line is in a file.
        yield process.pid, port
    finally:
        process.kill()
        process.wait()
