"""What chat-client shares with other programs: standard input, output and error."""

from __future__ import annotations

import fcntl
import os
import pty
import shlex
import shutil
import socket
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from signal import SIGINT

import pytest

from tests.support.clients import GREETING, ended
from tests.support.crowds import until
from tests.support.processes import CHAT_CLIENT, CHATCTL, PATIENCE, with_limits
from twisted_chat.descriptors import open_anew, read_some, write_some
from twisted_chat.limits import MAX_MAX_LINE

NUMBERS = 200_000
SEQ = f"seq 1 {NUMBERS} && echo done || echo failed"
"""A program that writes as fast as it can, and gives up at its first error."""

Ends = tuple[int, int]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes what a test has opened."""
    with ExitStack() as stack:
        yield stack


def pipe(opened: ExitStack) -> Ends:
    """The reading and the writing end of a pipe."""
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends


def socket_pair(opened: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two sockets that are connected to each other."""
    ours, theirs = (opened.enter_context(end) for end in socket.socketpair())
    ours.settimeout(PATIENCE)
    return ours, theirs


def sealed(opened: ExitStack) -> Ends:
    """A pipe that nobody can open anew, like that of another user."""
    ends = pipe(opened)
    os.fchmod(ends[0], 0)
    return ends


def unprivileged(command: list[str]) -> list[str]:
    """`command` without root's right to open what it likes."""
    if os.geteuid():
        return command
    if shutil.which("setpriv") is None:
        assert "CI" not in os.environ, "setpriv is not installed"
        pytest.skip("setpriv is not installed here")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]


def shell(script: str, *arguments: object) -> list[str]:
    """A shell for `script`, in which CLIENT starts a chat-client with `arguments`."""
    client = shlex.join([*CHAT_CLIENT, *map(str, arguments)])
    return ["bash", "-c", script.replace("CLIENT", client)]


def is_blocking(fd: int) -> bool:
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


def fill(fd: int) -> int:
    """Write to `fd` until it takes no more; how many bytes it took. It blocks again afterwards."""
    os.set_blocking(fd, False)
    size = 0
    try:
        while True:
            size += os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)
        return size


def unread(fd: int) -> int:
    """How many bytes wait in the pipe `fd`."""
    [size] = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    return size


# One at a time.


def test_a_pipe_is_opened_anew_with_flags_of_its_own(opened):
    ends = pipe(opened)
    for end, mode in zip(ends, (os.O_RDONLY, os.O_WRONLY), strict=True):
        own = open_anew(end, mode)
        opened.callback(os.close, own)
        assert is_blocking(end)
        assert not is_blocking(own)
        assert not os.get_inheritable(own)


def test_a_terminal_is_opened_anew_with_flags_of_its_own(opened):
    for end in pty.openpty():
        opened.callback(os.close, end)
    own = open_anew(end, os.O_WRONLY)
    opened.callback(os.close, own)
    assert os.path.samestat(os.fstat(own), os.fstat(end))
    assert (is_blocking(end), is_blocking(own)) == (True, False)


def test_files_devices_and_sockets_are_not_opened_anew(opened, tmp_path):
    """A file that is opened anew would be read from its start."""
    for path in (tmp_path / "file", os.devnull):
        with open(path, "w") as file:
            assert open_anew(file.fileno(), os.O_WRONLY) is None
    assert open_anew(socket_pair(opened)[0].fileno(), os.O_WRONLY) is None


def test_the_other_end_of_a_terminal_is_not_opened_anew(opened):
    """It would be that of a new terminal, which nobody sees."""
    master, slave = pty.openpty()
    opened.callback(os.close, master)
    opened.callback(os.close, slave)
    assert open_anew(master, os.O_WRONLY) is None


def test_what_another_program_made_non_blocking_is_waited_for(opened):
    reader, writer = pipe(opened)
    os.set_blocking(reader, False)
    # The other end writes, and reads, when this one waits already.
    with subprocess.Popen(["bash", "-c", f"sleep 0.1; echo one >&{writer}"], pass_fds=[writer]):
        assert read_some(reader, 100) == b"one\n"
    os.set_blocking(reader, True)
    filled = fill(writer)
    os.set_blocking(writer, False)
    with subprocess.Popen(
        ["bash", "-c", f"sleep 0.1; head -c {filled} <&{reader} >/dev/null"], pass_fds=[reader]
    ):
        assert write_some(writer, b"two\n") == 4


# chat-client beside a program that shares them.


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_program_on_the_same_terminal_loses_nothing(terminal, server, tmp_path, term):
    os.mkfifo(tmp_path / "go")
    script = f"CLIENT <&0 & read < {tmp_path}/go; {SEQ}; wait"
    both = terminal(shell(script, "127.0.0.1", server.port), env={"TERM": term})
    guest = server.greet()
    both.find(GREETING.strip())
    (tmp_path / "go").write_text("\n")
    both.until_raw("done")
    assert both.raw.count("\n") >= NUMBERS
    guest.send(b"[bob] hello\n")
    both.until_raw("hello")


def test_a_program_on_the_same_pipe_loses_nothing(start, server, tmp_path):
    os.mkfifo(tmp_path / "go")
    process = start(shell(f"CLIENT <&0 & read < {tmp_path}/go; {SEQ}", "127.0.0.1", server.port))
    guest = server.greet()
    process.out.find("> Connected")
    (tmp_path / "go").write_text("\n")
    process.out.find("^done$")
    guest.send(b"[bob] hello\n")
    process.out.find("hello")
    assert process.out.seen.count("failed") == 0


def test_a_program_on_the_same_socket_loses_nothing(start, server, opened, tmp_path):
    os.mkfifo(tmp_path / "go")
    ours, theirs = socket_pair(opened)
    script = f"exec 1>&{theirs.fileno()}; CLIENT <&0 & read < {tmp_path}/go; {SEQ}"
    start(shell(script, "127.0.0.1", server.port), pass_fds=[theirs.fileno()])
    theirs.close()
    server.greet()
    with ours.makefile() as lines:
        assert lines.readline() == GREETING
        (tmp_path / "go").write_text("\n")
        shown = []
        while not shown or shown[-1] not in ("", "done\n", "failed\n"):
            shown.append(lines.readline())
    assert shown == [*(f"{number}\n" for number in range(1, NUMBERS + 1)), "done\n"]


@pytest.mark.parametrize("make", [pipe, sealed])
def test_no_flag_of_a_pipe_is_changed_also_while_it_waits(start, server, opened, make):
    (stdin, writes), (reads, stdout) = make(opened), make(opened)
    command = shell(f"exec CLIENT <&{stdin} >&{stdout} 2>&1", "127.0.0.1", server.port)
    process = start(unprivileged(command), pass_fds=[stdin, stdout])
    guest = server.greet()
    assert os.read(reads, 1000).decode() == GREETING
    os.write(writes, b"one\n")
    assert guest.line() == "one"
    assert all(map(is_blocking, (stdin, writes, reads, stdout)))
    process.child.send_signal(SIGINT)
    guest.rest()
    guest.close()
    process.wait()
    assert all(map(is_blocking, (stdin, writes, reads, stdout)))


# Where nothing can be opened anew.


def test_sockets_are_read_and_written_by_threads(start, server, opened):
    ours, theirs = socket_pair(opened)
    fd = theirs.fileno()
    process = start(shell(f"exec CLIENT <&{fd} >&{fd}", "127.0.0.1", server.port), pass_fds=[fd])
    theirs.close()
    guest = server.greet()
    ours.sendall(b"".join(b"line %d\n" % number for number in range(5000)) + b"last")
    ours.shutdown(socket.SHUT_WR)
    said = [f"line {number}" for number in range(5000)] + ["last"]
    assert guest.rest().splitlines() == said
    guest.close()
    with ours.makefile() as lines:
        assert lines.read() == GREETING + "".join(f"[You] {line}\n" for line in said)
    assert process.wait() == 0


def test_sealed_pipes_are_read_and_written_by_threads(start, server, opened):
    (stdin, writes), (reads, stdout) = sealed(opened), sealed(opened)
    command = shell(f"exec CLIENT <&{stdin} >&{stdout}", "127.0.0.1", server.port)
    process = start(unprivileged(command), pass_fds=[stdin, stdout])
    guest = server.greet()
    os.write(writes, b"one\n")
    assert guest.line() == "one"
    assert [os.read(reads, len(line)).decode() for line in (GREETING, "[You] one\n")] == [
        GREETING,
        "[You] one\n",
    ]
    process.child.send_signal(SIGINT)
    assert guest.rest() == ""
    guest.close()
    ended(process, 1)


def test_a_socket_that_nobody_reads_stops_the_flow_and_keeps_nothing_from_ending(
    start, server, opened
):
    ours, theirs = socket_pair(opened)
    quick = " ".join(shlex.quote(part) for part in with_limits(CHAT_CLIENT, GOODBYE=1.0))
    script = f"exec {quick} --stay 127.0.0.1 {server.port} >&{theirs.fileno()}"
    process = start(["bash", "-c", script], pass_fds=[theirs.fileno()])
    theirs.close()
    guest = server.greet()
    guest.socket.settimeout(0.5)  # Too short a time can only let a bad client pass.
    line = b"x" * 999 + b"\n"
    with pytest.raises(TimeoutError):
        guest.send(line * 50_000)
    process.child.send_signal(SIGINT)
    assert process.wait() == 0
    assert ours.recv(10) == GREETING.encode()[:10]


def test_a_socket_whose_reader_has_gone_ends_it_quietly(start, server, opened):
    ours, theirs = socket_pair(opened)
    script = f"exec CLIENT --stay 127.0.0.1 {server.port} >&{theirs.fileno()}"
    process = start(shell(script), pass_fds=[theirs.fileno()])
    theirs.close()
    guest = server.greet()
    assert ours.recv(1000).decode() == GREETING
    ours.close()
    guest.send(b"[bob] one\n[bob] two\n")
    assert ended(process) == []


def test_a_terminal_of_another_user_is_typed_into_and_shown_on(terminal, server):
    script = "chmod 0 $(tty); exec CLIENT"
    ann = terminal(unprivileged(shell(script, "127.0.0.1", server.port)))
    guest = server.greet()
    ann.shows(GREETING)
    ann.type("half\x1a")  # Nobody could continue it: it is not stopped.
    ann.type("way\n")
    assert guest.line() == "halfway"
    ann.shows(f"{GREETING}halfway\n[You] halfway\n")
    ann.type("\x03")
    assert guest.rest() == ""
    guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}halfway\n[You] halfway\nexit\n"


# All kinds of input.


def test_nothing_of_the_input_is_read_before_it_can_be_said(start, nobody, tmp_path):
    (tmp_path / "in").write_text("one\ntwo\n")
    process = start(shell(f"(CLIENT; cat) < {tmp_path}/in", "127.0.0.1", nobody))
    assert process.wait() == 0
    assert process.out.seen == ["one", "two"]
    assert "nobody listens there" in process.err.text


def test_the_rest_of_a_file_that_was_begun_is_said(start, server, tmp_path):
    (tmp_path / "in").write_text("one\ntwo\nthree\n")
    script = f"(read; read; CLIENT) < {tmp_path}/in"
    process = start(shell(script, "127.0.0.1", server.port))
    guest = server.greet()
    assert guest.rest() == "three\n"
    guest.close()
    assert process.wait() == 0


def test_no_input_at_all_ends_at_once(start, server):
    process = start(shell("CLIENT < /dev/null", "127.0.0.1", server.port))
    guest = server.greet()
    assert guest.rest() == ""
    guest.close()
    assert ended(process) == [GREETING.strip()]


def test_a_pipe_with_a_name_ends_although_its_writer_had_gone_before(start, server, tmp_path):
    """An end that came before a pipe is opened anew is not told to who waits for it there."""
    os.mkfifo(tmp_path / "in")
    script = f"(echo one > {tmp_path}/in) & exec 5< {tmp_path}/in; wait; exec CLIENT <&5"
    process = start(shell(script, "127.0.0.1", server.port))
    guest = server.greet()
    assert guest.rest() == "one\n"
    guest.close()
    assert ended(process) == [GREETING.strip(), "[You] one"]


def test_input_is_read_only_as_fast_as_the_server_takes_it(start, server, opened):
    ours, theirs = socket_pair(opened)
    script = f"exec CLIENT <&{theirs.fileno()}"
    start(shell(script, "127.0.0.1", server.port), pass_fds=[theirs.fileno()])
    theirs.close()
    server.greet()
    ours.settimeout(0.5)  # Too short a time can only let a bad client pass.
    with pytest.raises(TimeoutError):
        ours.sendall((b"x" * 999 + b"\n") * 50_000)


# Standard error.


def test_a_full_standard_error_keeps_no_line_from_being_shown(start, server, opened):
    reads, stderr = pipe(opened)
    filled = fill(stderr)
    script = f"exec CLIENT --stay 2>&{stderr}"
    process = start(shell(script, "127.0.0.1", server.port), pass_fds=[stderr])
    guest = server.greet()
    process.write(b"x" * (MAX_MAX_LINE + 1) + b"\nnext\n")
    assert guest.line() == "next"
    process.out.find("next")
    guest.send(b"[bob] hello\n")
    process.out.find("hello")
    with open(os.dup(reads), "rb") as errors:
        errors.read(filled)
        assert errors.readline().startswith(b"! a line longer than")
    process.child.send_signal(SIGINT)
    assert guest.rest() == ""
    guest.close()
    assert process.wait() == 0


# chatctl.


def test_chatctl_waits_for_an_output_that_another_program_made_non_blocking(opened):
    reads, stdout = pipe(opened)
    room = fill(stdout)
    assert len(os.read(reads, room)) == room
    os.set_blocking(stdout, False)
    folder = "x" * (room + 10_000)
    with subprocess.Popen([*CHATCTL, "--json", "--state", folder, "who"], stdout=stdout) as process:
        # Nothing is read before it has filled the pipe.
        until(lambda: unread(reads) >= room)
        error = b""
        while not error.endswith(b"\n"):
            error += os.read(reads, room)
        assert folder.encode() in error
        assert process.wait(PATIENCE) == 1
