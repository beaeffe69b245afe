"""Commands on terminals, as people see them."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import StringIO

import pexpect
import pyte
from ptyprocess import PtyProcess

from tests.support.forks import fork
from tests.support.processes import CHECKOUT, PATIENCE, setup_of


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
        environment = {k: v for k, v in {**os.environ, **changed}.items() if v is not None}
        settings = {"encoding": "utf-8", "echo": echo, "timeout": PATIENCE}
        if setup := setup_of(command, env, {}):
            self.child = pexpect.spawn(None, **settings)
            ours, theirs = os.openpty()
            self.child.ptyproc, self.child.child_fd = PtyProcess(0, ours), ours
            self.child.setwinsize(rows, columns)
            self.child.setecho(echo)
            pid = fork(setup, command[2:], [theirs] * 3, CHECKOUT, environment, -1, True)
            os.close(theirs)
            self.child.pid = self.child.ptyproc.pid = pid
            self.child.terminated = self.child.closed = False
        else:
            with warnings.catch_warnings():
                # From Python 3.12 on, a fork beside threads makes a warning; this child only execs.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.child = pexpect.spawn(
                    command[0],
                    list(command[1:]),
                    cwd=str(CHECKOUT),
                    env=environment,
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                    dimensions=(rows, columns),
                    **settings,
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
