"""chat-client and servers that are no chat: nothing is said before a greeting."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.certificates import Authority
from tests.support.clients import GREETING, piped
from tests.support.processes import CHAT_CLIENT, PATIENCE, Process, with_limits

HURRIED = with_limits(CHAT_CLIENT, GREETING_LIMIT=1.0, GREETING_WAIT=1.0, GREETING_HINT=0.5)
"""A client that gives a silent server up soon, which only a server that is no chat notices."""
SILENT = "no greeting in 1 s: is this a chat? perhaps TLS: try --tls"


@pytest.fixture
def web_server() -> Iterator[int]:
    """The port of a real web server, which waits for a request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(PATIENCE)
    server.server_close()


WAYS = pytest.mark.parametrize(
    "options",
    [[], ["--nick", "ann"], ["--json"], ["--stay"], ["--commands"]],
    ids=lambda options: " ".join(options) or "plain",
)
NAMED_OR_NOT = pytest.mark.parametrize("options", [[], ["--nick", "ann"]], ids=["plain", "named"])


@pytest.fixture
def say(start: Callable[..., Process]) -> Callable[..., Process]:
    """Pipe two lines into a chat-client: `say("127.0.0.1", port)`."""
    return lambda *arguments: piped(start([*HURRIED, *map(str, arguments)]), b"hello\n/who\n")


def refused(process: Process) -> str:
    """Why a pipe that said nothing ended with status 1."""
    assert process.wait() == 1
    assert process.out.text == ""
    *hints, line = process.err.seen
    assert len(hints) <= 1
    assert all(hint.startswith("! no greeting yet: is this a chat?") for hint in hints)
    lead, why = line.split(": cannot join ", 1)
    assert lead == "chat-client"
    return why.split(": ", 1)[1]


@NAMED_OR_NOT
def test_nothing_is_said_to_a_web_server(say, web_server, options):
    assert refused(say(*options, "127.0.0.1", web_server)) == SILENT


@WAYS
def test_nothing_is_said_to_a_server_that_takes_all_and_says_nothing(say, server, options):
    process = say(*options, "127.0.0.1", server.port)
    guest = server.accept()
    assert refused(process) == SILENT
    assert guest.rest() == ""


SSH = b"SSH-2.0-OpenSSH_9.9\r\n"
AN_SSH_SERVER = "an SSH server answers there and no chat"


@WAYS
def test_nothing_is_said_to_an_ssh_server(say, server, options):
    process = say(*options, "127.0.0.1", server.port)
    guest = server.accept()
    guest.send(SSH)
    assert refused(process) == AN_SSH_SERVER
    assert guest.rest() == ""


@pytest.mark.parametrize(
    ("banner", "what"),
    [
        (b"220 mx.example ESMTP\r\n", "a mail or FTP server answers there and no chat"),
        (b"J\0\0\0\n9.0.1", "no chat answers there: instead of a greeting it sent 'J␀␀␀'"),
    ],
    ids=["SMTP", "a database"],
)
def test_nothing_is_said_to_other_servers_that_speak_first(say, server, banner, what):
    process = say("--nick", "ann", "127.0.0.1", server.port)
    guest = server.accept()
    guest.send(banner)
    assert refused(process) == what
    assert guest.rest() == ""


@NAMED_OR_NOT
def test_nothing_is_said_in_the_clear_to_the_daemons_own_tls_port(say, tls_daemon, options):
    assert refused(say(*options, "127.0.0.1", tls_daemon.port)) == SILENT
    tls_daemon.stop()
    assert "hello" not in tls_daemon.out.text


def test_behind_tls_there_is_no_other_tls_port_to_think_of(say, server, tmp_path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certify("127.0.0.1"))
    process = say(f"tls:127.0.0.1:{server.port}:trustRoots={authority.file}")
    with context.wrap_socket(server.accept().socket, server_side=True) as guest:
        assert refused(process) == "no greeting in 1 s: is this a chat?"
        assert guest.recv(1) == b""


def test_nor_is_there_one_behind_a_unix_socket(say, tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/chat")
        listening.listen()
        assert refused(say(f"unix:{tmp_path}/chat")) == "no greeting in 1 s: is this a chat?"


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_what_is_typed_before_the_greeting_is_held_and_said_after_it(person, server, term):
    ann = person("127.0.0.1", server.port, program=HURRIED, env={"TERM": term})
    guest = server.accept()
    ann.type("hello\n")
    ann.find("! no greeting yet: is this a chat? perhaps TLS: try --tls")
    ann.type("/who\n")
    assert "[You]" not in ann.screen
    guest.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        guest.socket.recv(1)
    guest.socket.settimeout(PATIENCE)
    guest.greet()
    assert guest.lines(2) == ["hello", "/who"]
    ann.find(f"{GREETING}[You] hello")


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_person_reads_at_once_what_answers_there(person, server, term):
    ann = person("127.0.0.1", server.port, columns=200, env={"TERM": term})
    guest = server.accept()
    guest.send(SSH)
    assert ann.wait() == 1
    assert ann.screen == (
        f"chat-client: cannot join 127.0.0.1 port {server.port}: {AN_SSH_SERVER}\n"
    )
    assert guest.rest() == ""


def test_a_server_may_say_before_the_greeting_why_one_has_to_wait(start, server):
    process = piped(start([*HURRIED, "127.0.0.1", str(server.port)]), b"hello\n")
    guest = server.accept()
    guest.send(b"- you are the third in line\n")
    process.out.find("- you are the third in line")
    # Too short a time can only let a bad client pass.
    guest.socket.settimeout(1)
    with pytest.raises(socket.timeout):
        guest.socket.recv(1)
    guest.socket.settimeout(PATIENCE)
    guest.greet()
    assert guest.rest() == "hello\n"
    guest.close()
    assert process.wait() == 0
