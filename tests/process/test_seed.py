"""The protocol that the project started from, to the byte, with real processes."""

from __future__ import annotations

from signal import SIGINT

from tests.support.processes import CHAT_CLIENT, CHAT_SERVER


def test_the_session_that_people_know_is_the_same_to_the_byte(start_daemon, start):
    daemon = start_daemon("127.0.0.1", "0", program=CHAT_SERVER)
    ann = start([*CHAT_CLIENT, "--stay", "127.0.0.1", str(daemon.port)])
    name = daemon.out.find(r"> New user (\S+) entered")[1]
    ann.out.find("Connected")
    bob = daemon.join()
    ann.out.find("New user")
    assert bob.line() == "> Connected to the chat server (2 users online)"
    bob.send(b"World\n")
    ann.out.find("World")
    ann.write(b"Hello\n")
    assert bob.line() == f"[{name}] Hello"
    bob.close()
    ann.out.find("left")
    ann.end_input()
    assert ann.stop(SIGINT) == 0
    daemon.out.find("0 user")
    assert daemon.stop(SIGINT) == 0
    assert ann.out.text == (
        "> Connected to the chat server (1 user online)\n"
        f"> New user {bob.name} entered (2 users online)\n"
        f"[{bob.name}] World\n"
        "[You] Hello\n"
        f"< The user {bob.name} left (1 user online)\n"
    )
    assert daemon.out.text == (
        f"Chat Server started on port {daemon.port}.\n"
        f"> New user {name} entered (1 user online)\n"
        f"> New user {bob.name} entered (2 users online)\n"
        f"[{bob.name}] World\n"
        f"[{name}] Hello\n"
        f"< The user {bob.name} left (1 user online)\n"
        f"< The user {name} left (0 user online)\n"
        "exit\n"
    )
