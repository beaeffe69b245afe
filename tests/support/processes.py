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
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import pexpect
import pyte
import pytest

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
    code = f"import twisted_chat.limits as l; vars(l).update({limits!r}); {code}"
    return [launcher, option, code, *rest]


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


class Process:
    """A child process. Its standard output and error are read line by line, as they come."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path = CHECKOUT,
        env: dict[str, str] | None = None,
        **options: object,
    ) -> None:
        # A job in the background of a shell ignores SIGINT, and so would its child.
        self.child = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(env or {})},
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


class Terminal:
    """A command on a terminal of its own. A test reads there what a person sees.

    The terminal echoes only with `echo`. Output is read only while a test waits for something.
    `env`: variables besides those of the tests; None takes a variable away.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: dict[str, str | None] | None = None,
        rows: int = 40,
        columns: int = 100,
        echo: bool = False,
    ) -> None:
        changed = {
            "PYTHONPATH": str(CHECKOUT),
            "TERM": "xterm-256color",
            "NO_COLOR": None,
            **(env or {}),
        }
        with warnings.catch_warnings():
            # From Python 3.12 on, a fork beside threads makes a warning; this child only execs.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.child = pexpect.spawn(
                command[0],
                list(command[1:]),
                cwd=str(CHECKOUT),
                env={k: v for k, v in {**os.environ, **changed}.items() if v is not None},
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                encoding="utf-8",
                echo=echo,
                timeout=PATIENCE,
                dimensions=(rows, columns),
            )
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = 0
        self._raw = StringIO()
        self.child.logfile_read = self._raw
        self._emulated = pyte.HistoryScreen(columns, rows, history=100_000)
        self._stream = pyte.Stream(self._emulated)
        self._to_show: list[str] = []
        self._found = 0

    def type(self, text: str) -> None:
        """Type `text`: "\n" is Enter, "\x03" ^C, "\x04" ^D."""
        self.child.send(text)

    def paste(self, text: str) -> None:
        """Paste `text` with bracketed paste."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, rows: int, columns: int) -> None:
        """Make the window larger or smaller."""
        self._show()
        self._emulated.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def obey(self, controls: str) -> None:
        """Let the terminal obey `controls`, as if another command had written them."""
        self._show()
        self._stream.feed(controls)

    def find(self, text: str) -> None:
        """Wait until `text` is on the screen, behind what was found before."""
        self.until(lambda screen: text in screen[self._found :], f"{text!r} is not shown")
        self._found = self.screen.index(text, self._found) + len(text)

    def shows(self, whole: str) -> None:
        """Wait until `whole` is on the screen and nothing else."""
        self.until(lambda screen: screen == whole, f"this is not shown:\n{whole}\nbut")
        self._found = len(whole)

    def until(self, condition: Callable[[str], bool], complaint: str = "") -> None:
        """Wait until the text on the screen fulfils `condition`."""
        self._until(lambda: condition(self.screen), lambda: f"{complaint}:\n{self.screen}")

    def until_raw(self, text: str) -> None:
        """Wait until `text`, which may hold controls, is in the command's output."""
        looked_at = 0

        def written() -> bool:
            nonlocal looked_at
            # Look only at new output: to search megabytes again and again takes minutes.
            self._raw.seek(max(0, looked_at - len(text)))
            new = self._raw.read()
            looked_at = self._raw.tell()
            return text in new

        self._until(written, lambda: f"{text!r} was not written")

    def _until(self, condition: Callable[[], bool], complaint: Callable[[], str]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, complaint()
            try:
                self._read(1)
            except pexpect.EOF:
                assert condition(), complaint()
                return

    def _read(self, seconds: float) -> None:
        """Read the output of some seconds. Raises pexpect.EOF at its end."""
        try:
            self._to_show.append(self.child.read_nonblocking(65536, seconds))
        except pexpect.TIMEOUT:
            return

    def _show(self) -> None:
        """Let the terminal show what was read. That is slow, so it is done only before a look."""
        self._stream.feed("".join(self._to_show))
        self._to_show.clear()

    @property
    def raw(self) -> str:
        """All output that was read so far, as it came."""
        return self._raw.getvalue()

    @property
    def screen(self) -> str:
        """The rows that a person sees when scrolling up to the start, without the blanks at their
        ends, up to the row of the cursor.
        """
        self._show()
        screen = self._emulated
        rows = [*screen.history.top, *(screen.buffer[row] for row in range(screen.lines))]
        shown = ["".join(row[x].data for x in range(screen.columns)).rstrip() for row in rows]
        last = len(screen.history.top) + screen.cursor.y
        while len(shown) > last + 1 and not shown[-1]:
            shown.pop()
        return "\n".join(shown)

    @property
    def highlighted(self) -> list[str]:
        """The pieces of text on the screen that are reverse and bold."""
        self._show()
        pieces = [""]
        for row in range(self._emulated.lines):
            for column in range(self._emulated.columns):
                cell = self._emulated.buffer[row][column]
                if cell.reverse and cell.bold:
                    pieces[-1] += cell.data
                elif pieces[-1]:
                    pieces.append("")
        return pieces[:-1]

    @property
    def cursor(self) -> int:
        """The column in which the cursor stands."""
        self._show()
        return self._emulated.cursor.x

    def wait(self) -> int:
        """Return the exit status, once it has ended by itself and all its output is read."""
        with suppress(pexpect.EOF):
            deadline = time.monotonic() + PATIENCE
            while True:
                assert time.monotonic() < deadline, f"it does not end:\n{self.screen}"
                self._read(1)
        return self.child.wait()

    def close(self) -> None:
        """Leave nothing of it behind."""
        if self.child.isalive():
            # Ask it first: the coverage of a killed process is lost.
            self.child.kill(signal.SIGTERM)
            with suppress(pexpect.EOF):
                deadline = time.monotonic() + PATIENCE
                while time.monotonic() < deadline:
                    self._read(1)
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        self.child.close()


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
    processes: list[Process | Terminal] = []

    def register(process: Process | Terminal) -> Process | Terminal:
        processes.append(process)
        return process

    try:
        yield register
    finally:
        for process in reversed(processes):
            process.close()
