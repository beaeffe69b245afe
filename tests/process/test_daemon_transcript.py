"""Where a daemon's transcript goes, and what happens where it cannot; with real processes."""

from __future__ import annotations

import os
import re
import socket
from signal import SIGINT, SIGTERM

import pytest

from tests.support.crowds import until
from tests.support.daemons import (
    LAUNCH_TWISTD,
    LAUNCHERS,
    WORDS_KEPT_BACK,
    complaint,
    enter,
    hurried,
    said_in_the_log,
)
from tests.support.processes import (
    CHAT_SERVER,
    TWISTD,
    Lines,
    Peer,
)
from twisted_chat.limits import (
    MAX_LINE,
    TRANSCRIPT_WAITING,
)


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


def in_the_background(start, daemonised, tmp_path, *arguments):
    """The log of a daemonised twistd in which somebody has said `hello`, and who that was."""
    path = f"{tmp_path}/chat"
    starter = start([*daemonised.program, f"--listen=unix:{path}", *arguments])
    assert starter.wait() == 0
    pid = daemonised.find()
    peer = Peer(path, socket.AF_UNIX)
    peer.send(b"/join dev\nhello\n")
    peer.end()
    peer.rest()
    os.kill(pid, SIGTERM)
    daemonised.wait()
    peer.close()
    return daemonised.log_file.read_text()


def test_in_the_background_no_words_are_recorded_and_the_log_says_so_once(
    start, daemonised, tmp_path
):
    log = in_the_background(start, daemonised, tmp_path)
    assert log.count(WORDS_KEPT_BACK) == 1
    assert "hello" not in log
    assert "local:1" not in log


def test_in_the_background_the_log_holds_them_when_told_to(start, daemonised, tmp_path):
    log = in_the_background(start, daemonised, tmp_path, "--transcript=log")
    assert "#dev [local:1] hello" in log
    assert WORDS_KEPT_BACK not in log


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_nor_are_they_in_a_log_file_of_a_foreground(start, tmp_path, launcher):
    log = tmp_path / "log"
    program = log_apart(log)
    if launcher == "twist":
        program = [*LAUNCHERS[launcher][:-1], f"--log-file={log}", "chat"]
    path = f"{tmp_path}/chat"
    daemon = start([*program, f"--listen=unix:{path}"])
    until(lambda: log.exists() and "started on" in log.read_text())
    peer = Peer(path, socket.AF_UNIX)
    peer.send(b"hello\n")
    peer.end()
    peer.rest()
    peer.close()
    daemon.stop()
    assert log.read_text().count(WORDS_KEPT_BACK) == 1
    assert "hello" not in log.read_text()


def test_a_topic_is_in_the_transcript_of_its_room(start_daemon, tmp_path):
    path = tmp_path / "transcript"
    daemon = start_daemon("--transcript", str(path))
    ann = enter(daemon)
    ann.send(b"/topic tea\n/join dev\n/topic \x1b[31mred\n/topic -\n")
    ann.end()
    ann.rest()
    daemon.stop()
    assert [line for line in path.read_text().split("\n") if "topic" in line] == [
        f"- {ann.name} set the topic: tea",
        f"#dev - {ann.name} set the topic: ␛[31mred",
        f"#dev - {ann.name} took the topic away",
    ]


@pytest.mark.parametrize("where", ["file", "-"])
def test_times_lead_each_line_of_a_transcript(start_daemon, tmp_path, where):
    options = ["--transcript-time", f"--transcript={tmp_path / where if where == 'file' else '-'}"]
    daemon = start_daemon(*options, program=log_apart(tmp_path / "log") if where == "-" else TWISTD)
    ann = enter(daemon)
    ann.send(b"one\ntwo\n")
    ann.end()
    ann.rest()
    daemon.stop()
    text = daemon.out.text if where == "-" else (tmp_path / where).read_text()
    lines = text.removesuffix("\n").split("\n")
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"Chat Server started on port {daemon.port}.",
        f"> New user {ann.name} entered (1 user online)",
        f"[{ann.name}] one",
        f"[{ann.name}] two",
        f"< The user {ann.name} left (0 user online)",
    ]


def test_a_file_that_is_too_open_after_a_rotation_is_tightened_and_that_is_logged(
    start_daemon, tmp_path
):
    path = tmp_path / "transcript"
    daemon = start_daemon("--transcript", str(path))
    ann = enter(daemon)
    until(lambda: "entered" in path.read_text())
    path.unlink()
    path.touch()
    path.chmod(0o644)
    ann.send(b"after\n")
    daemon.out.find(f"chat#warn. {path}: others could read it: it is for its owner alone")
    ann.end()
    ann.rest()
    daemon.stop()
    assert path.read_text() == f"[{ann.name}] after\n< The user {ann.name} left (0 user online)\n"
    assert path.stat().st_mode & 0o777 == 0o600


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
