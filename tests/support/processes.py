"""Real daemons, clients and sockets for the tests with processes.

Everything waits for a condition. PATIENCE is the deadline if that never comes.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.forks import Forked

CHECKOUT = Path(__file__).parent.parent.parent
PATIENCE = 90.0
"""Seconds for which a test waits for anything: more than the busiest machine needs."""

# A daemon ends by the signal that stopped it, so coverage is saved before.
_LAUNCH = "import tests.save_coverage; {}"
TWISTD = [
    sys.executable,
    "-c",
    _LAUNCH.format("from twisted.scripts.twistd import run; run()"),
    "-n",
    "--pidfile=",
    "chat",
]
TWIST = [
    sys.executable,
    "-c",
    _LAUNCH.format("from twisted.application.twist._twist import Twist; Twist.main()"),
    "--log-format=text",
    "chat",
]
CHAT_SERVER = [sys.executable, "-c", "from twisted_chat.daemon.server import main; main()"]
CHAT_CLIENT = [sys.executable, "-c", "from twisted_chat.console.program import main; main()"]
CHATCTL = [sys.executable, "-c", "from twisted_chat.chatctl import main; main()"]

_IMPORTS = {
    **dict.fromkeys(
        (TWISTD[2], TWIST[2], CHAT_SERVER[2]),
        "import confusable_homoglyphs.confusables, "
        "twisted.application.twist._twist, twisted.scripts.twistd, "
        "twisted_chat.daemon.options, twisted_chat.daemon.server, twisted_chat.doors.web.door",
    ),
    CHAT_CLIENT[2]: "import twisted_chat.console.program, twisted_chat.console.terminal",
}
"""What is imported before the fork, by the code of each program that is started by one. chatctl is
not, because it imports little.
"""


def chatctl(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run chatctl on the daemon whose state folder is `state`. Return what came of it."""
    return subprocess.run(
        [*CHATCTL, "--state", str(state), *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def ipv6_works() -> bool:
    """Return whether this machine has IPv6, if only on loopback."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6")


def with_limits(program: Sequence[str], **limits: float) -> list[str]:
    """Return `program` with other limits than limits.py has: `with_limits(TWISTD, GOODBYE=1.0)`."""
    launcher, option, code, *rest = program
    limiting = f"import twisted_chat.limits as l; vars(l).update({limits!r}); "
    if code in _IMPORTS:
        _IMPORTS[limiting + code] = limiting + _IMPORTS[code]
    return [launcher, option, limiting + code, *rest]


PATIENT_CLIENT = with_limits(
    CHAT_CLIENT,
    GREETING_WAIT=PATIENCE,
    GREETING_HINT=PATIENCE,
    GREETING_LIMIT=PATIENCE,
    ROLL_CALL=PATIENCE,
)
"""A chat-client that waits for a test, however slow the machine is."""


def hold_port() -> socket.socket:
    """Return a socket that holds a TCP port until it is closed. Programs that ask for any port do
    not get this one. A program that asks for this one can listen on it, again and again.
    """
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    holding = socket.socket(family)
    if family == socket.AF_INET6:
        holding.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holding.bind(("", 0))
    return holding


def setup_of(
    command: Sequence[str], env: Mapping[str, object] | None, options: Mapping[str, object]
) -> str | None:
    """Return the setup with which a fork is as good as `command`, started with the variables `env`
    and `options`. None: no fork is.
    """
    forks = (
        command[:2] == [sys.executable, "-c"]
        and {"TERM", "NO_COLOR"}.issuperset(env or {})
        and {"umask", "start_new_session"}.issuperset(options)
    )
    return _IMPORTS.get(command[2]) if forks else None


class Process:
    """A child process. Its standard output and error are read line by line, as they come."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path = CHECKOUT,
        env: dict[str, str] | None = None,
        **options: object,
    ) -> None:
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), **(env or {})}
        if setup := setup_of(command, env, options):
            self.child = Forked(setup, command[2:], cwd, environment, **options)
        else:
            # A job in the background of a shell ignores SIGINT, and so would its child.
            self.child = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                **options,
            )
        self.out = Lines(self.child.stdout)
        self.err = Lines(self.child.stderr)

    def write(self, data: bytes) -> None:
        """Give `data` to its standard input."""
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def end_input(self) -> None:
        """Close its standard input."""
        self.child.stdin.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send signal `number` and return the exit status."""
        self.child.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit status, once it has ended by itself and all its output is read."""
        status = self.child.wait(PATIENCE)
        self.out.join()
        self.err.join()
        return status

    def close(self) -> None:
        """Leave nothing of it behind."""
        if self.child.poll() is None:
            self.child.kill()
        self.wait()
        self.child.stdin.close()


class Lines:
    """The lines of a stream, read in a thread; `seen` holds all that have come."""

    def __init__(self, stream: object) -> None:
        self.seen: list[str] = []
        self._next = 0
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            self._queue.put(line.decode("utf-8", "surrogateescape").removesuffix("\n"))
        self._queue.put(None)

    def find(self, pattern: str) -> re.Match[str]:
        """Wait for a line that holds `pattern`, behind those that were found before."""
        while True:
            while self._next < len(self.seen):
                self._next += 1
                if match := re.search(pattern, self.seen[self._next - 1]):
                    return match
            try:
                line = self._queue.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no line {pattern!r} comes after {self.seen}") from None
            assert line is not None, f"no line {pattern!r} in {self.seen}"
            self.seen.append(line)

    def join(self) -> None:
        """Wait for the end of the stream and read all of it."""
        self._thread.join(PATIENCE)
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.seen.append(line)
        self._stream.close()

    @property
    def text(self) -> str:
        """All lines that have come."""
        return "".join(f"{line}\n" for line in self.seen)


class Peer:
    """A bare socket in the chat."""

    def __init__(
        self,
        address: object,
        family: int = socket.AF_INET,
        receive_buffer: int | None = None,
        source: str | None = None,
    ) -> None:
        """Connect to `address`. `receive_buffer`: bytes that the system keeps for it at most; None:
        as many as usual. `source`: the address that it comes from; None: whichever fits.
        """
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self._received = b""
        self.name = ""
        """Its name in the chat, over IPv4."""
        if family == socket.AF_INET:
            self.name = "{}:{}".format(*self.socket.getsockname())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> str:
        """Return the next line, without its end."""
        while b"\n" not in self._received:
            data = self.socket.recv(65536)
            assert data, f"closed after {self._received!r}"
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        return line.decode()

    def lines(self, count: int) -> list[str]:
        """Return the next `count` lines."""
        return [self.line() for _ in range(count)]

    def find(self, line: str) -> list[str]:
        """Read up to `line`. Return the lines before it."""
        before = []
        while (got := self.line()) != line:
            before.append(got)
        return before

    def rest(self) -> str:
        """Return all that comes until the daemon closes the connection."""
        while data := self.socket.recv(65536):
            self._received += data
        rest, self._received = self._received, b""
        return rest.decode()

    def end(self) -> None:
        """Close the sending side."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanish with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


class Daemon(Process):
    """A chat daemon that is up: on a TCP port that the system chose, unless told otherwise."""

    def __init__(self, *arguments: str, program: Sequence[str] = TWISTD, **options: object) -> None:
        chosen = program is CHAT_SERVER or any(
            argument.startswith(("--listen", "--port", "--tls")) for argument in arguments
        )
        super().__init__([*program, *([] if chosen else ["--port=0"]), *arguments], **options)
        self.peers: list[Peer] = []
        try:
            where = self.out.find(
                r"Chat Server started on (?:port (\d+)(?: \([A-Z, ]+\))?|(.*))\.$"
            )
        except AssertionError as failure:
            super().close()
            raise AssertionError(f"{failure}\n{self.out.text}{self.err.text}") from None
        self.port = int(where[1] or 0)

    def join(self, address: object = None, family: int = socket.AF_INET) -> Peer:
        """Return a new peer, connected; nothing is read yet."""
        peer = Peer(address or ("127.0.0.1", self.port), family)
        self.peers.append(peer)
        return peer

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        super().close()


@contextmanager
def closing_all() -> Iterator[Callable]:
    """Yield a function that registers a process, or anything with a `close`, and returns it. At the
    end all that was registered is closed.
    """
    registered: list[Any] = []

    def register(process: Any) -> Any:
        registered.append(process)
        return process

    try:
        yield register
    finally:
        for process in reversed(registered):
            process.close()
