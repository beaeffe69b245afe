"""chat-client on a terminal and the daemon, as they are together."""

from __future__ import annotations

from signal import SIGKILL, SIGTERM

import pytest

from tests.support.clients import GREETING


@pytest.fixture
def ann(person, daemon):
    """ann on a terminal, alone in the room."""
    ann = person("--nick", "ann", "127.0.0.1", daemon.port)
    ann.find("- You are now ann")
    return ann


@pytest.fixture
def bob(daemon, ann):
    """bob, who came after ann."""
    bob = daemon.join()
    bob.send(b"/nick bob\n")
    bob.find("- You are now bob")
    ann.find("is now bob")
    return bob


def test_the_bell_and_private_lines(ann, bob):
    bob.send(b"/msg ann psst\nhi Ann\n")
    ann.find("[bob -> you] psst\n[bob] hi Ann")
    ann.until_raw("\a")
    ann.type("/msg bob yes?\n")
    ann.find("[you -> bob] yes?")
    bob.find("[ann -> you] yes?")
    assert "[You]" not in ann.screen


def test_tab_knows_who_is_here(ann, bob):
    ann.type("hello b\t")
    ann.until(lambda screen: screen.endswith("\nhello bob"))
    ann.type("there\n")
    ann.find("[You] hello bob there")
    assert "online:" not in ann.screen
    bob.find("[ann] hello bob there")


def test_another_room_is_one_line_and_shows_in_the_prompt(ann, bob):
    ann.type("/join dev\n")
    ann.until(lambda screen: screen.endswith("- You are now in #dev (1 user online)\n#dev"))
    bob.find("< The user ann left (1 user online)")
    assert ann.screen.count("Connected") == 1
    ann.type("half a li")
    ann.until(lambda screen: screen.endswith("\n#dev half a li"))
    bob.send(b"/join dev\n")
    ann.until(
        lambda screen: screen.endswith("\n> New user bob entered (2 users online)\n#dev half a li")
    )
    ann.type("ne\n/join lobby\n")
    bob.find("[ann] half a line")
    ann.find("[You] half a line")
    ann.until(lambda screen: screen.endswith("- You are now in #lobby (1 user online)\n"))


def test_no_message_of_the_day_poses_as_an_event(person, start_daemon, tmp_path):
    motd = tmp_path / "motd"
    motd.write_text("You are now root\nYou are now in #secret\nann is now bob\n")
    ann = person("127.0.0.1", start_daemon("--motd", str(motd)).port)
    ann.until(
        lambda screen: (
            screen == f"{GREETING}- You are now root\n- You are now in #secret\n- ann is now bob\n"
        )
    )


def test_every_command_that_tab_offers_is_one(ann):
    ann.type("/unreg\t")
    ann.until(lambda screen: screen.endswith("\n/unregister"))
    ann.type("\n")
    ann.find("! ")
    assert "no command" not in ann.screen


def test_a_name_is_registered_and_taken_again(ann):
    ann.type("/register\ncorrect horse battery\ncorrect horse battery\n")
    ann.find("- ann is yours")
    ann.type("/nick kit\n")
    ann.find("- You are now kit")
    ann.type("/login ann\ncorrect horse battery\n")
    ann.find("- You are logged in as ann")
    assert "horse" not in ann.raw
    assert "[You]" not in ann.screen


def test_name_and_room_are_taken_again_when_the_daemon_is_back(person, start_daemon, port):
    first = start_daemon(f"--port={port}")
    ann = person("127.0.0.1", port)
    ann.find("online)")
    ann.type("/nick ann\n/join dev\n")
    ann.find("- You are now in #dev")
    first.stop(SIGKILL)
    ann.find("! the server went away; trying until it is back")
    start_daemon(f"--port={port}")
    ann.find("- You are now ann")
    ann.find("- You are now in #dev")


def test_ignoring_and_being_away_outlast_the_daemon_and_nothing_is_shown_twice(
    person, start_daemon, port, tmp_path
):
    (tmp_path / "motd").write_text("welcome\n")
    options = (
        f"--port={port}",
        f"--motd={tmp_path}/motd",
        f"--state={tmp_path}/state",
        "--replay=10",
    )
    first = start_daemon(*options)
    ann = person("127.0.0.1", port)
    ann.find("- welcome")
    bob = first.join()
    bob.send(b"/nick bob\nhello\n")
    ann.find("[bob] hello")
    ann.type("/ignore bob\n/away lunch\nmine\n")
    ann.find("- You are away: lunch")
    while not bob.line().endswith("] mine"):
        pass
    first.stop()
    ann.find("! the server went away; trying until it is back")
    second = start_daemon(*options)
    ann.find("online)")
    bob = second.join()
    bob.send(b"/nick bob\n")
    bob.find("- You are now bob")
    ann.find("is now bob")
    ann.type("/who\n")
    ann.find("(away)")
    bob.send(b"unheard\n/quit\n")
    ann.find("< The user bob left")
    assert "unheard" not in ann.screen
    assert ann.screen.count("- welcome") == 1
    assert ann.screen.count("hello") == 1
    assert ann.screen.count("] mine") == 1
    assert ann.screen.count("You are away") == 1
    assert ann.screen.count("You ignore bob") == 1
    assert "nobody here" not in ann.screen


def test_name_is_taken_again_from_a_daemon_that_has_forgotten_its_owner(person, start_daemon, port):
    first = start_daemon(f"--port={port}")
    ann = person("--nick", "ann", "127.0.0.1", port)
    ann.find("- You are now ann")
    ann.type("/register correct horse\n")
    ann.find("- ann is yours")
    first.stop(SIGKILL)
    ann.find("! the server went away; trying until it is back")
    start_daemon(f"--port={port}")
    ann.find("! nobody has registered ann")
    ann.find("- You are now ann")


def test_a_signal_to_end_leaves_the_chat_and_the_terminal_well(ann, bob):
    ann.type("half")
    ann.find("half")
    ann.child.kill(SIGTERM)
    assert ann.wait() == 0
    assert ann.screen.endswith("exit\n")
    bob.find("< The user ann left (1 user online)")


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_the_session_of_the_readme_is_the_same_on_each_terminal(person, daemon, term):
    ann = person("127.0.0.1", daemon.port, env={"TERM": term}, echo=True)
    ann.shows(GREETING)
    ann.type("Hello\n")
    ann.find("[You] Hello")
    bob = daemon.join()
    ann.find("New user")
    bob.send(b"World\n")
    ann.find("World")
    bob.close()
    shown = (
        "> Connected to the chat server (1 user online)\n"
        "Hello\n"
        "[You] Hello\n"
        f"> New user {bob.name} entered (2 users online)\n"
        f"[{bob.name}] World\n"
        f"< The user {bob.name} left (1 user online)\n"
    )
    ann.shows(shown)
    ann.type("\x03")
    assert ann.wait() == 0
    assert ann.screen == f"{shown}^Cexit\n"
