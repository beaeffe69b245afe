"""What signals do to a daemon, with real processes: none costs anything that was said."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import termios
from signal import SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU

import pytest

from tests.support.crowds import until
from tests.support.daemons import LAUNCH_TWISTD, LAUNCHERS, STOPPING, hurried
from tests.support.processes import (
    CHAT_SERVER,
    CHECKOUT,
    PATIENCE,
    TWISTD,
    Peer,
    chatctl,
    closing_all,
)
from twisted_chat.limits import MAX_LINE

PROGRAMS = {**LAUNCHERS, "chat-server": CHAT_SERVER}
any_program = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


def holds(path, text=""):
    """Whether the file `path` is there and holds `text`."""
    return path.exists() and text in path.read_text()


class Members:
    """The two first members of the daemon that was started with `options_for(folder)`."""

    def __init__(self, folder):
        until(lambda: holds(folder / "transcript", "started on"))
        self.ann, self.bob = (Peer(f"{folder}/chat", socket.AF_UNIX) for _ in range(2))
        assert self.ann.lines(2)[1] == "> New user local:2 entered (2 users online)"
        assert self.bob.line() == "> Connected to the chat server (2 users online)"

    def say(self, text):
        """Ann says `text`, and bob hears it."""
        self.ann.send(f"{text}\n".encode())
        assert self.bob.line() == f"[local:1] {text}"

    def hear_the_end(self):
        assert self.ann.rest() == self.bob.rest() == STOPPING

    def close(self):
        self.ann.close()
        self.bob.close()


def options_for(folder):
    """Let a daemon have its socket, its transcript and its state in `folder`."""
    return [
        f"--listen=unix:{folder}/chat",
        f"--transcript={folder}/transcript",
        f"--state={folder}/state",
    ]


@pytest.fixture
def serve(start, tmp_path):
    """Start a daemon without a terminal: the process, and its members."""
    with closing_all() as register:

        def serve(program, *arguments, **options):
            command = [*program, *options_for(tmp_path), *arguments]
            process = start(command, start_new_session=True, **options)
            return process, register(Members(tmp_path))

        yield serve


def signals(pid, kind):
    """The signals that a process handles (`SigCgt`) or ignores (`SigIgn`)."""
    with open(f"/proc/{pid}/status") as file:
        mask = int(re.search(rf"^{kind}:\s+(\w+)$", file.read(), re.MULTILINE)[1], 16)
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


def rotate(path):
    """Move the file `path` away, as logrotate does; where it is then."""
    moved = path.with_name(f"{path.name}.1")
    path.rename(moved)
    return moved


# SIGHUP opens files again.


@any_program
def test_a_hang_up_opens_transcript_and_audit_file_again(serve, tmp_path, program):
    transcript, audit = tmp_path / "transcript", tmp_path / "state" / "audit.log"
    daemon, members = serve(program)
    members.say("before")
    assert chatctl(tmp_path / "state", "say", "hello").returncode == 0
    until(lambda: holds(transcript, "before") and holds(audit, "hello"))
    old, old_audit = rotate(transcript), rotate(audit)
    before = old.read_bytes(), old_audit.read_bytes()
    daemon.child.send_signal(SIGHUP)
    # Nobody has to say anything for that.
    until(lambda: transcript.exists() and audit.exists())
    assert transcript.stat().st_mode & audit.stat().st_mode & 0o777 == 0o600
    members.bob.line()
    members.say("after")
    assert chatctl(tmp_path / "state", "say", "again").returncode == 0
    until(lambda: transcript.read_text() == "[local:1] after\n" and holds(audit, "again"))
    assert (old.read_bytes(), old_audit.read_bytes()) == before
    assert daemon.stop() in (-SIGTERM, 0)
    assert "Traceback" not in daemon.out.text + daemon.err.text


def test_hang_ups_in_a_flood_lose_no_line(serve, tmp_path):
    transcript = tmp_path / "transcript"
    daemon, members = serve(TWISTD, "--rate=0")
    files = [transcript]
    for round in range(20):
        members.ann.send(b"".join(b"%d %d\n" % (round, number) for number in range(200)))
        files.append(transcript.rename(tmp_path / f"transcript.{round}"))
        daemon.child.send_signal(SIGHUP)
        until(transcript.exists)
        members.bob.lines(200)
    daemon.stop()
    text = "".join(path.read_text() for path in [*files[1:], transcript])
    said = [line for line in text.split("\n") if line.startswith("[")]
    assert said == [f"[local:1] {round} {n}" for round in range(20) for n in range(200)]


def test_a_daemonised_twistd_opens_its_transcript_again(daemonised, terminal, tmp_path):
    transcript, path = tmp_path / "transcript", f"{tmp_path}/chat"
    # From a terminal: it has lost none when it has none any more.
    starter = terminal([*daemonised.program, f"--listen=unix:{path}", f"--transcript={transcript}"])
    assert starter.wait() == 0
    pid = daemonised.find()
    peer = Peer(path, socket.AF_UNIX)
    until(lambda: holds(transcript, "entered"))
    rotate(transcript)
    os.kill(pid, SIGHUP)
    until(transcript.exists)
    peer.send(b"after\n")
    until(lambda: holds(transcript, "[local:1] after\n"))
    os.kill(pid, SIGTERM)
    daemonised.wait()
    peer.close()


def test_chat_server_opens_its_log_again(serve, tmp_path):
    log = tmp_path / "log"
    daemon, _ = serve(CHAT_SERVER, f"--log={log}", umask=0)
    old = rotate(log)
    daemon.child.send_signal(SIGHUP)
    until(log.exists)
    assert daemon.stop() == 0
    assert "Received SIGTERM" in log.read_text()
    assert "Received SIGTERM" not in old.read_text()
    assert "Chat Server started" in old.read_text()
    assert log.stat().st_mode & old.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_opened_again_goes_on_where_it_was(serve, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "log"
    daemon, members = serve(CHAT_SERVER, f"--log={log}")
    log.rename(tmp_path / "aside")
    folder.rmdir()
    daemon.child.send_signal(SIGHUP)
    daemon.err.find("chat#error. the log is not opened again: .*No such file or directory")
    members.say("hello")
    assert daemon.stop() == 0
    assert daemon.err.text.count("log lines are lost") == 1


@any_program
def test_who_is_told_to_ignore_it_does(serve, tmp_path, program):
    daemon, members = serve(["nohup", *program])
    assert SIGHUP in signals(daemon.child.pid, "SigIgn")
    daemon.child.send_signal(SIGHUP)
    members.say("still here")


@any_program
def test_one_that_comes_while_it_starts_does_not_end_it(start, tmp_path, program):
    # By an exec, so that it has slow imports before it.
    daemon = start(["env", *program, *options_for(tmp_path)], start_new_session=True)
    until(lambda: SIGHUP in signals(daemon.child.pid, "SigCgt") or daemon.child.poll() is not None)
    daemon.child.send_signal(SIGHUP)
    until(lambda: holds(tmp_path / "transcript", "started on"))
    assert daemon.stop() in (-SIGTERM, 0)


@any_program
def test_a_sigterm_that_comes_as_soon_as_it_serves_ends_it_well(start, tmp_path, program):
    daemon = start([*program, *options_for(tmp_path)], start_new_session=True)
    until(lambda: SIGTERM in signals(daemon.child.pid, "SigCgt") or daemon.child.poll() is not None)
    assert daemon.stop() == (0 if program is CHAT_SERVER else -SIGTERM)
    assert "Received SIGTERM" in daemon.out.text + daemon.err.text
    assert not (tmp_path / "chat").exists()


# A terminal that is gone.


class OnTerminal:
    """A daemon that leads a session on a terminal, or whose shell does."""

    def __init__(self, folder, program, shell=()):
        self._folder = folder
        self._terminal, theirs = os.openpty()
        self.child = subprocess.Popen(
            [*shell, *program, *options_for(folder)],
            cwd=CHECKOUT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.members = Members(folder)

    def drop(self):
        """Let the terminal be gone, as with a connection that breaks."""
        os.close(self._terminal)
        self._terminal = None

    def ends_well(self):
        """See that it leaves nothing unsaid and nothing behind."""
        self.members.hear_the_end()
        until(lambda: holds(self._folder / "transcript", "(0 user online)"))
        assert (
            (self._folder / "transcript")
            .read_text()
            .endswith(
                "[local:1] the last words\n"
                "< The user local:1 left (1 user online)\n"
                "< The user local:2 left (0 user online)\n"
            )
        )
        left = (self._folder / name for name in ("chat", "state/control.sock", "state/chat.db-wal"))
        until(lambda: not any(map(os.path.exists, left)))

    def close(self):
        self.members.close()
        self.child.kill()
        self.child.wait()
        if self._terminal is not None:
            self.drop()


@pytest.fixture
def on_terminal(tmp_path):
    """Start a daemon on a terminal: `on_terminal(TWISTD)`. It is gone when the test ends."""
    with closing_all() as register:
        yield lambda *arguments: register(OnTerminal(tmp_path, *arguments))


@any_program
def test_a_terminal_that_is_gone_ends_the_daemon_as_sigterm_does(on_terminal, program):
    daemon = on_terminal(program)
    daemon.members.say("the last words")
    daemon.drop()
    daemon.ends_well()
    assert daemon.child.wait(PATIENCE) == (0 if program is CHAT_SERVER else -SIGTERM)


def test_its_pid_file_goes_with_it(on_terminal, tmp_path):
    pid_file = tmp_path / "pid"
    daemon = on_terminal([*LAUNCH_TWISTD, "-n", f"--pidfile={pid_file}", "chat"])
    assert int(pid_file.read_text()) == daemon.child.pid
    daemon.drop()
    daemon.child.wait(PATIENCE)
    assert not pid_file.exists()


IN_THE_FOREGROUND = ["sh", "-c", '"$@"; true', "sh"]


@any_program
def test_so_it_does_below_a_shell_whose_terminal_is_gone(on_terminal, program):
    daemon = on_terminal(program, IN_THE_FOREGROUND)
    daemon.members.say("the last words")
    daemon.drop()
    daemon.ends_well()


def test_so_it_does_when_its_shell_dies(on_terminal):
    daemon = on_terminal(TWISTD, IN_THE_FOREGROUND)
    daemon.members.say("the last words")
    daemon.child.kill()
    daemon.ends_well()


def test_a_hang_up_on_a_terminal_that_is_still_there_ends_nothing(on_terminal, tmp_path):
    daemon = on_terminal(TWISTD)
    transcript = tmp_path / "transcript"
    until(lambda: holds(transcript, "entered"))
    rotate(transcript)
    daemon.child.send_signal(SIGHUP)
    until(transcript.exists)
    daemon.members.say("still here")


# Other signals.


@any_program
def test_signals_that_mean_something_to_other_daemons_do_nothing(serve, program):
    daemon, members = serve(program)
    for number in (SIGUSR1, SIGUSR2):
        daemon.child.send_signal(number)
        log = daemon.err if program is CHAT_SERVER else daemon.out
        log.find(f"{number.name} does nothing: SIGHUP opens files again, SIGTERM ends the daemon")
    members.say("still here")


def test_twistd_rotates_its_own_log_file_at_sigusr1(start, tmp_path):
    log = tmp_path / "log"
    program = [*LAUNCH_TWISTD, "-n", "--pidfile=", f"--logfile={log}", "chat", "--port=0"]
    daemon = start([*program, "--transcript=log"], start_new_session=True)
    until(lambda: log.exists() and "started on port" in log.read_text())
    daemon.child.send_signal(SIGUSR1)
    until((tmp_path / "log.1").exists)
    assert daemon.stop() == -SIGTERM


@pytest.mark.parametrize("number", [SIGQUIT, SIGALRM, SIGXCPU], ids=lambda number: number.name)
@any_program
def test_what_would_end_it_at_once_ends_it_well(serve, tmp_path, program, number):
    daemon, members = serve(program)
    members.say("the last words")
    assert daemon.stop(number) == (0 if program is CHAT_SERVER else -SIGTERM)
    members.hear_the_end()
    assert "< The user local:2 left (0 user online)" in (tmp_path / "transcript").read_text()
    assert not (tmp_path / "chat").exists()
    assert "Traceback" not in daemon.out.text + daemon.err.text


@any_program
def test_while_it_stops_a_second_signal_cuts_nothing_short(serve, tmp_path, program):
    daemon, members = serve(hurried(program), "--rate=0")
    # Ann holds the end up: she does not read.
    line = b"x" * (MAX_LINE - 1) + b"\n"
    for _ in range(100):
        members.bob.send(line)
    members.say("the last words")
    daemon.child.send_signal(SIGTERM)
    until(lambda: SIGTERM in signals(daemon.child.pid, "SigIgn"))
    for number in (SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM):
        daemon.child.send_signal(number)
    assert daemon.wait() == (0 if program is CHAT_SERVER else -SIGTERM)
    assert members.bob.rest() == STOPPING
    assert (tmp_path / "transcript").read_text().endswith("left (0 user online)\n")
    assert "Traceback" not in daemon.out.text + daemon.err.text
