"""What chat-server shows, on a terminal and elsewhere, and where its log goes."""

from __future__ import annotations

import os
from signal import SIGTERM

import pytest

from tests.support.daemons import complaint
from tests.support.processes import CHAT_SERVER, Peer


@pytest.fixture
def screen(terminal, port):
    """Start chat-server on a terminal, and let somebody say Hello: `screen("--verbose")`."""

    def start(*arguments):
        shown = terminal([*CHAT_SERVER, *arguments, "127.0.0.1", str(port)], echo=True)
        shown.find(f"Chat Server started on port {port}.")
        peer = Peer(("127.0.0.1", port))
        peer.send(b"Hello\n")
        peer.end()
        peer.rest()
        peer.close()
        shown.find(f"< The user {peer.name} left (0 user online)")
        shown.type("\x03")
        assert shown.wait() == 0
        shown.session = (
            f"Chat Server started on port {port}.\n"
            f"> New user {peer.name} entered (1 user online)\n"
            f"[{peer.name}] Hello\n"
            f"< The user {peer.name} left (0 user online)\n"
            "^Cexit\n"
        )
        return shown

    return start


def test_a_terminal_shows_the_bare_transcript_and_exit(screen):
    shown = screen()
    assert shown.screen == shown.session


def test_a_terminal_shows_warnings(screen, tmp_path):
    (tmp_path / "chat.db").touch()
    (tmp_path / "chat.db").chmod(0o644)
    shown = screen(f"--state={tmp_path}")
    assert "chat.db: others could read it" in shown.screen.replace("\n", "")
    assert "#info" not in shown.screen


def test_a_terminal_shows_the_log_with_verbose(screen):
    shown = screen("--verbose")
    assert "[chat#info] Chat Server started on port" in shown.screen
    assert "Received SIGINT" in shown.screen


def test_a_log_file_holds_the_log_and_the_terminal_the_transcript(screen, tmp_path):
    log = tmp_path / "log"
    shown = screen(f"--log={log}")
    assert shown.screen == shown.session
    assert "[chat#info] Chat Server started on port" in log.read_text()
    assert "Received SIGINT" in log.read_text()
    assert "Hello" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_terminal_shows_the_log_if_the_transcript_is_in_it(screen):
    assert "] Hello" in screen("--transcript=log").screen


def test_with_a_log_file_standard_error_gets_warnings_alone(start_daemon, tmp_path):
    log = tmp_path / "log"
    log.touch()
    log.chmod(0o644)
    daemon = start_daemon("--port=0", f"--log={log}", program=CHAT_SERVER)
    assert daemon.stop(SIGTERM) == 0
    [line] = daemon.err.seen
    assert f"chat#warn] {log}: others could read it: it is for its owner alone" in line
    assert line in log.read_text()


def test_a_log_that_cannot_be_written_is_told_once_and_the_chat_goes_on(start_daemon):
    daemon = start_daemon("--port=0", "--log=/dev/full", program=CHAT_SERVER)
    peer = daemon.join()
    assert peer.line() == "> Connected to the chat server (1 user online)"
    daemon.err.find("chat#error. log lines are lost: /dev/full: No space left on device")
    assert daemon.stop(SIGTERM) == 0
    assert daemon.err.text.count("/dev/full") == 1


def test_a_log_that_cannot_be_opened_is_refused(start, tmp_path):
    for where, why in (
        (f"{tmp_path}/missing/log", "No such file or directory"),
        (str(tmp_path), "Is a directory"),
    ):
        line = complaint(start([*CHAT_SERVER, "--port=0", f"--log={where}"]))
        assert line == f"chat-server: --log {where}: {why}"
    line = complaint(start([*CHAT_SERVER, "--port=0", "--log=-"]))
    assert line.startswith("chat-server: --log -: name a FILE; --verbose shows the log on standard")


def test_a_pipe_is_refused_as_a_log_which_it_could_hold_up(start, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    line = complaint(start([*CHAT_SERVER, "--port=0", f"--log={tmp_path}/pipe"]))
    assert line == f"chat-server: --log {tmp_path}/pipe: a pipe can be full: name a file"
    os.close(reader)
