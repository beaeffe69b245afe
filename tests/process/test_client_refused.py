"""chat-client where it is not wanted: put out by an operator, or without the name it asked for."""

from __future__ import annotations

import pytest

from tests.support.clients import AWAY, GREETING, piped
from tests.support.processes import PATIENT_CLIENT


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_who_is_put_out_does_not_come_back_by_itself(person, server, term):
    ann = person("127.0.0.1", server.port, env={"TERM": term})
    guest = server.greet()
    ann.find("Connected")
    guest.send(b"! you were put out: kicked by bob: so long\n")
    guest.close()
    ann.find("chat-client: you were put out: kicked by bob: so long")
    assert ann.wait() == 1
    assert "trying" not in ann.screen
    assert ann.screen.count("kicked by bob") == 1


@pytest.mark.parametrize("option", ["--stay", "--json"])
def test_a_pipe_that_is_put_out_is_told_so_once(client, server, option):
    process = client(option, "127.0.0.1", server.port)
    guest = server.greet()
    guest.send(b"! you were put out: kicked by bob: so long\n")
    assert process.wait() == 1
    assert "kicked" not in process.out.text
    assert process.err.text == "chat-client: you were put out: kicked by bob: so long\n"


BANNED = "you are banned for 59 min 58 s more: rude"


@pytest.mark.parametrize(
    "options", [[], ["--stay"], ["--json"], ["--commands"], ["--nick", "ted"], ["--no-reconnect"]]
)
def test_a_pipe_that_is_refused_at_the_door_says_nothing_and_ends_with_status_1(
    client, server, options
):
    process = piped(client(*options, "127.0.0.1", server.port), b"hello\n")
    guest = server.accept()
    guest.send(f"! {BANNED}\n".encode())
    assert guest.rest() == ""
    guest.close()
    assert process.wait() == 1
    assert process.out.text == ""
    assert process.err.text == (
        f"chat-client: cannot join 127.0.0.1 port {server.port}: {BANNED}\n"
    )


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_who_is_refused_at_the_door_reads_it_once_and_is_not_kept_waiting(person, server, term):
    ann = person("127.0.0.1", server.port, columns=200, env={"TERM": term})
    guest = server.accept()
    guest.send(f"! {BANNED}\n".encode())
    assert guest.rest() == ""
    assert ann.wait() == 1
    assert ann.screen == f"chat-client: cannot join 127.0.0.1 port {server.port}: {BANNED}\n"


def test_a_pipe_into_a_full_chat_ends_with_status_1(client, start_daemon):
    daemon = start_daemon("--max-users=1")
    daemon.join().line()
    process = piped(client("127.0.0.1", daemon.port), b"hello\n")
    assert process.wait() == 1
    assert process.out.text == ""
    assert process.err.text == (
        f"chat-client: cannot join 127.0.0.1 port {daemon.port}: "
        "the chat is full (1 user): try again later\n"
    )


def test_who_is_refused_on_coming_back_goes_on_trying(person, server):
    ann = person("127.0.0.1", server.port)
    guest = server.greet()
    ann.shows(GREETING)
    guest.close()
    guest = server.accept()
    guest.send(f"! {BANNED}\n".encode())
    assert guest.rest() == ""
    server.greet()
    ann.shows(f"{GREETING}{AWAY}! {BANNED}\n{GREETING}")


def pipe_of_ted(start, server):
    """A pipe that wants to say hello as ted, and how the server sees it, asked for that name."""
    process = start([*PATIENT_CLIENT, "--nick", "ted", "127.0.0.1", str(server.port)])
    process.write(b"hello\n")
    process.end_input()
    guest = server.greet()
    assert guest.line() == "/nick ted"
    return process, guest


def test_a_pipe_that_does_not_get_its_name_says_nothing(start, server):
    process, guest = pipe_of_ted(start, server)
    guest.send(b"! ted is taken: choose another name\n")
    assert process.wait() == 1
    assert guest.rest() == ""
    assert process.err.text == (
        "chat-client: nothing was said: ted is taken: choose another name\n"
    )


def test_a_pipe_speaks_under_the_name_that_it_asked_for(start, server):
    process, guest = pipe_of_ted(start, server)
    guest.send(b"> New user bob entered (2 users online)\n- You are now ted\n")
    assert guest.line() == "hello"
    guest.close()
    assert process.wait() == 0
    assert process.out.seen[-2:] == ["- You are now ted", "[You] hello"]
