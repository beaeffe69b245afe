"""chat-client where it is not wanted: put out by an operator, or without the name it asked for."""

from __future__ import annotations

import pytest

from tests.processes import PATIENT_CLIENT


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


def test_a_pipe_that_does_not_get_its_name_says_nothing(start, server):
    process = start([*PATIENT_CLIENT, "--nick", "ted", "127.0.0.1", str(server.port)])
    process.write(b"hello\n")
    process.end_input()
    guest = server.greet()
    assert guest.line() == "/nick ted"
    guest.send(b"! ted is taken: choose another name\n")
    assert process.wait() == 1
    assert guest.rest() == ""
    assert process.err.text == (
        "chat-client: nothing was said: ted is taken: choose another name\n"
    )


def test_a_pipe_speaks_under_the_name_that_it_asked_for(start, server):
    process = start([*PATIENT_CLIENT, "--nick", "ted", "127.0.0.1", str(server.port)])
    process.write(b"hello\n")
    process.end_input()
    guest = server.greet()
    assert guest.line() == "/nick ted"
    guest.send(b"> New user bob entered (2 users online)\n- You are now ted\n")
    assert guest.line() == "hello"
    guest.close()
    assert process.wait() == 0
    assert process.out.seen[-2:] == ["- You are now ted", "[You] hello"]
