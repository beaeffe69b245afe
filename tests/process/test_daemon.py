"""The daemon from its start to its end, with real processes: launchers, options, stop."""

from __future__ import annotations

import os
import re
import socket
from signal import SIGINT, SIGTERM

import pytest

from tests.support.daemons import (
    GREETING,
    LAUNCHERS,
    STOPPING,
    WORDS_KEPT_BACK,
    enter,
    hurried,
    refuses,
    said_in_the_log,
)
from tests.support.processes import (
    CHAT_SERVER,
    PATIENCE,
    TWIST,
    TWISTD,
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
)

# Ways to run it.


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
        WORDS_KEPT_BACK,
        f"Chat Server started on port {port}.",
    ]
    assert name not in log
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
        kept = "-" if name == "chat-server" else "log in the foreground, none in a log file"
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


# The message of the day, and long lines.


@pytest.mark.parametrize(
    ("motd", "lines"),
    [
        (
            b"\x1b[31mred\x07\r\n\n\xff \xe2\x80\xaeover\nno end",
            ["- ␛[31mred␇", "- ", "- \ufffd \ufffdover", "- no end"],
        ),
        ((b"x" * MAX_LINE + b"\r\n") * MOTD_LINES, [f"- {'x' * MAX_LINE}"] * MOTD_LINES),
        ("\ufeff".encode() + b"x" * MAX_LINE + b"\nlast", [f"- {'x' * MAX_LINE}", "- last"]),
        ("\ufeff".encode(), []),
        (b"", []),
    ],
    ids=["odd bytes", "as much as may be", "byte order mark", "nothing but that", "nothing"],
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


def test_a_member_that_never_reads_holds_the_end_up_for_a_bounded_time(start_daemon, tmp_path):
    path = tmp_path / "chat.sock"
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
