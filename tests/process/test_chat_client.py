"""chat-client as a real process: on a pipe, over all ways, and against servers that misbehave."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Callable
from signal import SIGINT

import pytest

from tests.support.clients import (
    GREETING,
    GREETING_BESIDE_BOB,
    UNHEARD,
    UNHEARD_LINES,
    Guest,
    ended,
    heard,
    name_of_newcomer,
    piped,
)
from tests.support.processes import CHAT_CLIENT, Daemon, Process, needs_ipv6
from twisted_chat import __version__
from twisted_chat.client import NO_FORMAT
from twisted_chat.console.options import Options
from twisted_chat.limits import CLIENT_LINE
from twisted_chat.usage import WRONG_USAGE


@pytest.fixture
def pipe(client: Callable[..., Process], shared_daemon: Daemon) -> Callable[..., Process]:
    """Pipe bytes through a chat-client into the shared room: `pipe(b"done\\n", "--stay")`."""

    def pipe(data: bytes, *options: str) -> Process:
        return piped(client(*options, "127.0.0.1", shared_daemon.port), data)

    return pipe


# On a pipe.


def test_pipe_is_said_whole_and_ends_well(pipe, bob):
    assert ended(pipe(b"done\n")) == [GREETING_BESIDE_BOB.strip(), "[You] done"]
    assert heard(bob) == ["done"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\n\none\n\n", ["one"]),
        (b"", []),
        (b"/who\n//x\n///x\n/* x\n/\n", ["/who", "//x", "///x", "/* x", "/"]),
        ("grüße ☃\n".encode(), ["grüße ☃"]),
        ("\ufeffone\r\n\ufefftwo\r\n".encode(), ["one", "\ufefftwo"]),
        (b"\x1b[2J\xff\x00\n", ["␛[2J\N{REPLACEMENT CHARACTER}␀"]),
        (b"\x05\x01\n", ["␅␁"]),
    ],
    ids=[
        *("no last newline", "CRLF", "empty lines", "nothing", "slashes", "UTF-8", "mark"),
        "odd bytes",
        "first bytes of another protocol",
    ],
)
def test_pipe_is_said_as_it_stands(pipe, bob, data, said):
    assert ended(pipe(data)) == [GREETING_BESIDE_BOB.strip(), *(f"[You] {line}" for line in said)]
    assert heard(bob) == said


def test_pipe_shows_no_passphrase_to_anybody(pipe, bob):
    """Without --commands its lines are words, and a server would say them."""
    process = pipe("/login ann horse\n /register horse\n\uff0flogin ann horse\ndone\n".encode())
    assert process.wait() == 0
    assert process.out.text == f"{GREETING_BESIDE_BOB}[You] done\n"
    refusal = "! that was not said: a passphrase may be in it. Lines are commands with --commands\n"
    assert process.err.text == refusal * 3
    assert heard(bob) == ["done"]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "JSON"])
def test_pipe_reads_one_format_whatever_it_asks_for(pipe, options):
    process = pipe(b"/format line\n//format line\n/away\n", "--commands", *options)
    assert process.wait() == 0
    said, away = process.out.text.splitlines()[1:]
    if options:
        said, away = (json.loads(line)["text"] for line in (said, away))
    assert said.removeprefix("[You] ") == "/format line"
    assert away.removeprefix("- ") == "You are away"
    assert process.err.text == f"! {NO_FORMAT}\n"


def test_login_without_its_slash_is_shown_once_it_is_clear_that_it_was_said(client, server):
    process = piped(client("--stay", "127.0.0.1", server.port), b"login ann horse\nlogin page x\n")
    guest = server.greet()
    assert guest.lines(4) == ["login ann horse", "/who", "login page x", "/who"]
    guest.send(b"! that was not said, because ann is registered\n- 1 user online:\n- ann\n")
    guest.send(b"- 1 user online:\n- ann\n")
    process.out.find(r"^\[You\] login page x$")
    assert "[You] login ann" not in process.out.text
    assert "1 user online:" not in process.out.text


def test_pipe_of_many_lines_arrives_whole_and_in_order(start_daemon, client):
    daemon = start_daemon("--rate=0")
    bob = daemon.join()
    bob.line()
    lines = [f"line {number}" for number in range(20000)]
    process = client("127.0.0.1", daemon.port)
    process.write("".join(f"{line}\n" for line in lines).encode())
    process.end_input()
    assert heard(bob) == lines
    assert ended(process)[1:] == [f"[You] {line}" for line in lines]


def test_pipe_runs_commands_when_told_to(pipe, bob):
    shown = ended(pipe(b"/who\n//x\n/quit see you\n", "--commands"))
    name = name_of_newcomer(bob)
    assert bob.lines(2) == [f"[{name}] /x", f"< The user {name} left (1 user online): see you"]
    assert sorted(shown) == sorted(
        [
            GREETING_BESIDE_BOB.strip(),
            "- 2 users online:",
            f"- {bob.name}, {name}",
            "[You] /x",
        ]
    )


def test_pipe_stays_in_the_room_when_told_to(pipe, bob):
    process = pipe(b"here\n", "--stay")
    name = name_of_newcomer(bob)
    assert bob.line() == f"[{name}] here"
    bob.send(b"good\n")
    process.out.find("good")
    assert process.stop(SIGINT) == 0
    assert bob.line() == f"< The user {name} left (1 user online)"
    assert process.err.text == ""


def test_pipe_of_a_file_is_said_into_a_file(start, shared_daemon, bob, tmp_path):
    (tmp_path / "in").write_text("one\ntwo\n")
    shell = f"{shlex.join(CHAT_CLIENT)} 127.0.0.1 {shared_daemon.port} < {tmp_path}/in"
    process = start(["bash", "-c", f"{shell} > {tmp_path}/out"])
    assert ended(process) == []
    assert heard(bob) == ["one", "two"]
    assert (tmp_path / "out").read_text() == f"{GREETING_BESIDE_BOB}[You] one\n[You] two\n"


def test_pipe_says_its_lines_also_when_it_has_no_output_at_all(start, shared_daemon, bob):
    shell = f"{shlex.join(CHAT_CLIENT)} 127.0.0.1 {shared_daemon.port} >&- 2>&-"
    assert ended(piped(start(["bash", "-c", shell]), b"one\n")) == []
    assert heard(bob) == ["one"]


def test_it_ends_quietly_when_nobody_reads_its_output(start, shared_daemon, bob):
    process = piped(start(into_head("--stay", "127.0.0.1", shared_daemon.port)), b"")
    name = name_of_newcomer(bob)
    process.out.find("closed")
    # It learns that nobody reads when it has something to show.
    bob.send(b"anybody?\n")
    assert bob.line() == f"< The user {name} left (1 user online)"
    assert ended(process) == [GREETING_BESIDE_BOB.strip(), "closed"]


def into_head(*arguments: object) -> list[str]:
    """A command that runs chat-client, reads only the first line of its output, and says then that
    nobody reads it any more.
    """
    client = shlex.join([*CHAT_CLIENT, *map(str, arguments)])
    return ["bash", "-c", f"set -o pipefail; {client} | (head -1; exec <&-; echo closed)"]


def test_pipe_tells_how_many_lines_it_handed_over_when_the_connection_breaks(client, server):
    process = client("127.0.0.1", server.port)
    guest = server.greet()
    process.write(b"one\ntwo\nthree\n")
    assert guest.lines(3) == ["one", "two", "three"]
    guest.reset()
    ended(process, 1)
    assert process.err.text == (
        "chat-client: the connection broke; lines handed over to the server: 3; "
        f"{UNHEARD_LINES.format(3)}\n"
    )


def test_pipe_that_has_ended_is_not_taken_when_the_connection_breaks_then(client, server):
    process = piped(client("127.0.0.1", server.port), b"one\ntwo\n")
    guest = server.greet()
    assert guest.rest() == "one\ntwo\n"
    guest.reset()
    ended(process, 1)
    assert process.err.seen[0].endswith(f"to the server: 2; {UNHEARD_LINES.format(2)}")


def test_pipe_is_not_taken_when_the_server_closes_before_its_end(client, server):
    process = client("127.0.0.1", server.port)
    guest = server.greet()
    process.write(b"one\n")
    assert guest.line() == "one"
    guest.send(b"[bob] two\n")
    process.out.find("two")
    process.write(b"three\n")
    assert guest.line() == "three"
    guest.close()
    ended(process, 1)
    assert process.err.seen[0].endswith(f"handed over to the server: 2; {UNHEARD}")


def test_interrupted_pipe_ends_with_status_1_and_tells_how_far_it_came(client, server):
    process = client("127.0.0.1", server.port)
    guest = server.greet()
    process.write(b"one\n")
    guest.line()
    guest.send(b"[bob] two\n")
    process.out.find("two")
    process.child.send_signal(SIGINT)
    ended(process, 1)
    assert process.err.text == "chat-client: interrupted; lines handed over to the server: 1\n"


# What servers send.


def test_over_long_line_from_the_server_is_cut_in_the_display(client, server):
    process = client("127.0.0.1", server.port)
    guest = server.greet()
    guest.send(b"x" * 200_000 + b"\nshort\n")
    process.out.find("short")
    process.write(b"still there\n")
    assert guest.line() == "still there"
    process.end_input()
    assert guest.rest() == ""
    guest.close()
    _, cut, short, mine = ended(process)
    assert cut == "x" * CLIENT_LINE + "…"
    assert (short, mine) == ("short", "[You] still there")


def test_nothing_that_a_server_sends_can_steer_the_terminal(client, server):
    process = piped(client("127.0.0.1", server.port), b"")
    guest = server.greet()
    guest.send(
        b"> Connected \x1b[2J\x1b]0;title\x07 to \x00 it\n"
        b"[x] \xc2\x9b31m \x9b31m \x90q \x7f \x08 \x0b\x0c\n"
        b"bare\rreturn\r\n"
        b"\xff\xfe\xc3 \xed\xa0\x80 \xf4\x90\x80\x80\n"
        b"tab\there\n" + "\u202eevil\u2066\u2069\u2028\u2029\u0085\n".encode() + b"\x1b[A last"
    )
    guest.close()
    shown = ended(process)
    assert len(shown) == 8
    assert "tab\there" in shown
    for character in "".join(shown).replace("\t", ""):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"), shown
        assert unicodedata.bidirectional(character) not in ("RLO", "LRI", "PDI"), shown


def test_client_whose_output_is_not_read_stops_reading_the_server(person, server):
    """So it needs no memory for it."""
    person("127.0.0.1", server.port)
    guest = server.greet()
    guest.socket.settimeout(0.5)  # Too short a time can only let a bad client pass.
    line = b"x" * 999 + b"\n"
    with pytest.raises(TimeoutError):
        guest.send(line * 50_000)


# Other ways to the server.


def test_pipe_goes_through_a_unix_socket(client, start_daemon, tmp_path):
    daemon = start_daemon("--listen", f"unix:{tmp_path}/chat")
    assert ended(piped(client(f"unix:{tmp_path}/chat"), b"one\n")) == [
        GREETING.strip(),
        "[You] one",
    ]
    daemon.out.find(r"\[local:1\] one$")


@needs_ipv6
def test_pipe_goes_over_ipv6(client, shared_daemon, bob):
    assert ended(piped(client("::1", shared_daemon.port), b"one\n"))[1:] == ["[You] one"]
    assert heard(bob) == ["one"]


def test_pipe_goes_through_tls_whole(client, tls_daemon, tmp_path):
    lines = [f"line {number}" for number in range(5000)]
    process = client(f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem")
    piped(process, "".join(f"{line}\n" for line in lines).encode())
    assert ended(process) == [GREETING.strip(), *(f"[You] {line}" for line in lines)]
    tls_daemon.out.find("left")
    assert re.findall(r"\] (line \d+)$", tls_daemon.out.text, re.MULTILINE) == lines


def test_answers_come_through_tls_before_it_ends(client, tls_daemon, tmp_path):
    process = client(
        "--commands", f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem"
    )
    shown = ended(piped(process, b"/who\n" + b"x" * 5000 + b"\n"))
    assert "- 1 user online:" in shown
    assert [line[:21] for line in shown if line.startswith("!")] == ["! a line longer than "]


def test_terminal_talks_through_tls(person, tls_daemon, tmp_path):
    ann = person(f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem")
    ann.find("online)")
    ann.type("Hello\n")
    tls_daemon.out.find(r"\] Hello$")
    ann.type("\x03")
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}Hello\n[You] Hello\nexit\n"


def test_interrupted_pipe_ends_through_tls_too(client, tls_daemon, tmp_path):
    process = client(f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem")
    process.write(b"one\n")
    tls_daemon.out.find(r"\] one$")
    process.child.send_signal(SIGINT)
    ended(process, 1)
    tls_daemon.out.find("left")


def test_it_ends_quietly_through_tls_too_when_nobody_reads_its_output(start, tls_daemon, tmp_path):
    where = f"tls:127.0.0.1:{tls_daemon.port}:trustRoots={tmp_path}/authority.pem"
    process = start(into_head("--stay", where))
    process.out.find("closed")
    process.write(b"one\ntwo\n")
    assert ended(process) == [GREETING.strip(), "closed"]
    tls_daemon.out.find("left")


def test_certificate_that_nobody_vouches_for_is_refused_in_one_line(client, tls_daemon):
    process = piped(client(f"tls:127.0.0.1:{tls_daemon.port}"), b"secret\n")
    assert ended(process, 1) == []
    assert re.fullmatch(
        r"chat-client: cannot join tls:\S+: nobody .* vouches for its certificate: .*\n",
        process.err.text,
    )
    tls_daemon.stop()
    assert "secret" not in tls_daemon.out.text


# What goes wrong at the start.

UNKNOWN_HOST = "fe80::1%nosuch"
"""The resolver knows that there is no such host without asking a server."""


BAD_COMMAND_LINES = [
    ([], "tell it where to go"),
    (["127.0.0.1", "8888", "lobby"], "tell it where to go"),
    (["--nosuch", "127.0.0.1", "8888"], "--nosuch"),
    (["127.0.0.1", "0"], "PORT must be a number from 1 to 65535, not '0'"),
    (["127.0.0.1", "9" * 5000], "PORT must be a number from 1 to 65535, not '9999"),
    (["127.0.0.1", "65536"], "not '65536'"),
    (["127.0.0.1", "x"], "not 'x'"),
    (["127.0.0.1", ""], "not ''"),
    (["127.0.0.1", "٣"], "not '٣'"),
    (["127.0.0.1", "\udcb1\udce8"], "PORT must be a number"),
    (["8888"], "8888 is a port: write chat-client HOST 8888"),
    (["::1:8888"], "write [::1:8888] or [::1]:8888"),
    (["127.0.0.1:8888", "8888"], "HOST must be without a port"),
    ([""], "HOST is empty"),
    (["", "8888"], "HOST is empty"),
    (["--bell", "loud", "127.0.0.1", "8888"], "--bell must be on or off, not 'loud'"),
    (["--bell", "\udcb1\udce8", "127.0.0.1", "8888"], "--bell must be on or off"),
    (["--nick", "ann marie", "127.0.0.1", "8888"], "not 'ann marie'"),
    (["--nick", "ann\n/quit", "127.0.0.1", "8888"], "--nick must be a name"),
    (["--nick", "", "127.0.0.1", "8888"], "--nick is empty"),
    (["--nick", "\udcb1\udce8", "127.0.0.1", "8888"], r"--nick must be UTF-8, not '\udcb1\udce8'"),
]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [pytest.param(*each, id=" ".join(each[0]) or "nothing") for each in BAD_COMMAND_LINES],
)
def test_bad_command_line_is_one_clear_line(capsys, arguments, complaint):
    options = Options()
    with pytest.raises(SystemExit) as refused:
        options.parseOptions(arguments)
    assert refused.value.code == WRONG_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("chat-client: ")
    assert complaint in line


BAD_STARTS = [
    BAD_COMMAND_LINES[0],
    BAD_COMMAND_LINES[-1],
    (["127.0.0.1:x"], "is no endpoint"),
    (["nosuch:127.0.0.1"], "is no endpoint"),
    (["tcp:127.0.0.1:x"], "is no endpoint"),
    (["tcp:127.0.0.1:65536"], "65536"),
    ([UNKNOWN_HOST, "8888"], "unknown host"),
    (["a..b", "8888"], "a..b"),
    (["\udcb1\udce8", "8888"], r"cannot reach \udcb1\udce8 port 8888: invalid hostname"),
    (["tcp:\udcb1\udce8:8888"], "unknown host"),
    (["tls:\udcb1\udce8:8888"], "is no name of a host"),
    (["unix:/nosuch/\udcb1\udce8"], "No such file"),
    (["unix:nosuch/chat"], "No such file"),
]


def test_bad_start_is_one_clear_line(start):
    # All run at once: most of their time is Python's start.
    clients = [start([*CHAT_CLIENT, *arguments]) for arguments, _ in BAD_STARTS]
    for client, (arguments, complaint) in zip(clients, BAD_STARTS, strict=True):
        assert client.wait() != 0, arguments
        assert client.out.text == "", arguments
        [line] = client.err.seen
        assert line.startswith("chat-client: ")
        assert complaint in line, arguments


@pytest.mark.parametrize("options", [[], ["--no-reconnect"]], ids=["plain", "no-reconnect"])
def test_nobody_listening_is_one_clear_line_on_a_terminal_too(person, client, nobody, options):
    ann = person(*options, "127.0.0.1", nobody)
    process = piped(client(*options, "127.0.0.1", nobody), b"one\n")
    complaint = (
        f"chat-client: cannot reach 127.0.0.1 port {nobody}: "
        "nobody listens there (connection refused)\n"
    )
    assert ended(process, 1) == []
    assert process.err.text == complaint
    assert ann.wait() == 1
    assert ann.screen == complaint


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (
            Guest.close,
            r"it closed the connection without a greeting: is this a chat\? perhaps TLS: "
            "try --tls",
        ),
        (Guest.reset, ".*[cC]onnection.*"),
    ],
    ids=["close", "reset"],
)
def test_server_that_hangs_up_at_once_is_one_clear_line(person, server, end, why):
    ann = person("127.0.0.1", server.port, columns=250)
    end(server.accept())
    assert ann.wait() == 1
    # A reset may be there before the client has looked whether it is connected.
    tried = f"cannot {'join' if end is Guest.close else '(join|reach)'} 127.0.0.1"
    assert re.fullmatch(f"chat-client: {tried} port {server.port}: {why}\n", ann.screen)


def test_options_are_taken_behind_the_address_too(client, server):
    process = piped(client("127.0.0.1", server.port, "--nick", "ann", "--json"), b"")
    guest = server.greet()
    assert guest.line() == "/nick ann"
    guest.send(b"- You are now ann\n")
    assert guest.rest() == ""
    guest.close()
    assert ended(process) == [
        '{"event": "greeting", "count": 1}',
        '{"event": "renamed", "old": "you", "new": "ann"}',
    ]


def test_help_explains_itself_on_standard_output(client):
    process = piped(client("--help"), b"")
    shown = "\n".join(ended(process))
    for word in ("HOST PORT", "ENDPOINT", "--stay", "--commands", "--no-reconnect", "^C"):
        assert word in shown


def test_version_is_told_on_standard_output(client):
    assert ended(piped(client("--version"), b"")) == [f"twisted-chat {__version__}"]
