"""chatctl as a real process, on a real daemon and on what is none."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.test_state import ROOT, WITHOUT_RIGHTS
from tests.support.processes import CHATCTL, CHECKOUT, Daemon, Peer, Process, chatctl, closing_all
from twisted_chat import __version__
from twisted_chat.authorisation import Door
from twisted_chat.chatctl import Failed, ask
from twisted_chat.commands import TABLE

OFFERED = [name for name, command in TABLE.commands.items() if Door.CONTROL in command.right.doors]
STRANGER = 65534
"""The user id of nobody."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running daemon with nobody in it, which the tests leave as it was."""
    folder = tmp_path_factory.mktemp("chatctl") / "state"
    with closing_all() as register:
        register(Daemon("--state", str(folder)))
        yield folder


@pytest.fixture
def own(start_daemon: Callable[..., Daemon], tmp_path: Path) -> tuple[Daemon, Path]:
    """A daemon for one test, and its folder."""
    folder = tmp_path / "state"
    return start_daemon("--state", str(folder)), folder


def person(daemon: Daemon, name: str) -> Peer:
    """Somebody called `name` in the lobby."""
    peer = daemon.join()
    peer.send(f"/nick {name}\n".encode())
    peer.find(f"- You are now {name}")
    return peer


def told(folder: Path, *arguments: str) -> list[str]:
    """The lines that chatctl shows when all went well."""
    done = chatctl(folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def records(folder: Path, *arguments: str) -> list[dict[str, object]]:
    """The same as records."""
    return list(map(json.loads, told(folder, "--json", *arguments)))


def failed(process: Process) -> str:
    """Why chatctl failed: its only line."""
    assert process.wait() == 1
    assert process.out.text == ""
    [line] = process.err.seen
    assert line.startswith("chatctl: ")
    return line.removeprefix("chatctl: ")


def acts(folder: Path) -> list[tuple[str, str, str]]:
    """Who did what to whom, as far as it is written: all of it when the daemon has stopped."""
    entries = map(json.loads, (folder / "audit.log").read_text().splitlines())
    return [(entry["who"], entry["what"], entry["whom"]) for entry in entries]


# What it is for.


def test_it_shows_who_is_there_in_all_rooms_or_in_one(own):
    daemon, folder = own
    person(daemon, "ann")
    bob = person(daemon, "bob")
    bob.send(b"/join dev\n")
    bob.find("- You are now in #dev")
    count, *people = told(folder, "who")
    assert count == "2 users online:"
    assert [re.sub(r"\d+ s$", "N s", line) for line in people] == [
        "ann from 127.0.0.1 in #lobby, idle N s",
        "bob from 127.0.0.1 in #dev, idle N s",
    ]
    assert told(folder, "--room", "dev", "who")[0] == "1 user online:"
    assert told(folder, "who", "--room=#dev")[0] == "1 user online:"
    count, ann, bob = records(folder, "who")
    assert count == {"text": "2 users online:", "count": 2}
    assert (ann["name"], ann["room"], ann["role"], ann["away"]) == ("ann", "lobby", "guest", None)
    assert ann["address"] == "127.0.0.1"
    assert isinstance(ann["idle"], int)
    [ann] = records(folder, "whois", "ann")
    assert ann["name"] == "ann"
    assert [(room["room"], room["count"]) for room in records(folder, "rooms")] == [
        ("lobby", 1),
        ("dev", 1),
    ]
    [status] = records(folder, "status")
    assert (status["users"], status["rooms"], status["version"]) == (2, 2, __version__)
    assert set(status["counts"]) == {"lines", "refusals", "put out", "line", "control"}
    assert status["counts"]["line"]["connections"] == 2


def test_it_speaks_to_all_rooms_or_to_one(own):
    daemon, folder = own
    ann, bob = person(daemon, "ann"), person(daemon, "bob")
    bob.send(b"/join dev\n")
    bob.find("- You are now in #dev")
    assert told(folder, "say", "maintenance", "at  noon") == ["said"]
    assert told(folder, "--room", "dev", "say", "--", "--json is", "--room") == ["said"]
    assert told(folder, "say", "Grüße ☃ 👋") == ["said"]
    ann.find("- chatctl says: maintenance at  noon")
    assert ann.line() == "- chatctl says: Grüße ☃ 👋"
    bob.find("- chatctl says: maintenance at  noon")
    assert bob.lines(2) == ["- chatctl says: --json is --room", "- chatctl says: Grüße ☃ 👋"]


def test_it_puts_out_and_lets_in_again(own):
    daemon, folder = own
    ann, bob = person(daemon, "ann"), person(daemon, "bob")
    assert told(folder, "kick", "bob", "spam,", "twice") == ["chatctl kicked bob: spam, twice"]
    assert bob.rest().endswith("! you were put out: kicked by chatctl: spam, twice\n")
    ann.find("< The user bob left (1 user online), put out: kicked by chatctl: spam, twice")
    assert told(folder, "ban", "127.0.0.1", "1h", "spam")[0] == (
        "chatctl banned 127.0.0.1 for 1 h: spam"
    )
    assert ann.rest().endswith("! you were put out: banned by chatctl: spam\n")
    assert daemon.join().rest().startswith("! you are banned for ")
    [ban] = records(folder, "bans")
    assert (ban["whom"], ban["by"], ban["why"]) == ("127.0.0.1", "chatctl", "spam")
    told(folder, "unban", "127.0.0.1")
    assert told(folder, "bans") == ["nobody is banned or muted"]
    assert daemon.join().line().startswith("> Connected")
    daemon.stop()
    assert acts(folder) == [
        ("chatctl", "kick", "bob"),
        ("chatctl", "ban", "127.0.0.1"),
        ("chatctl", "unban", "127.0.0.1"),
    ]


def test_it_mutes_and_slows_and_locks(own):
    daemon, folder = own
    ann = person(daemon, "ann")
    assert told(folder, "mute", "ann", "10m") == ["chatctl muted ann for 10 min"]
    ann.find("- You are muted for 10 min")
    told(folder, "unmute", "ann")
    ann.find("- You are not muted any more")
    ann.send(b"/join dev\n")
    ann.find("- You are now in #dev")
    [slow] = records(folder, "--room", "dev", "slow", "30")
    assert (slow["what"], slow["whom"], slow["seconds"]) == ("slow", "#dev", 30)
    assert ann.line() == "- chatctl lets everybody say one line in 30 s in #dev"
    assert told(folder, "lock") == ["chatctl locked #lobby"]
    assert "locked" in daemon.join().rest()
    assert told(folder, "unlock") == ["chatctl unlocked #lobby"]
    rooms = {room["room"]: (room["slow"], room["locked"]) for room in records(folder, "rooms")}
    assert rooms == {"dev": (30, False), "lobby": (0, False)}


def test_it_makes_operators_and_makes_them_none(own):
    daemon, folder = own
    ann = person(daemon, "ann")
    ann.send(b"/register correct horse\n")
    while "ann is yours" not in ann.line():
        pass
    assert told(folder, "op", "ann") == ["chatctl made ann an operator"]
    ann.find("- You are an operator: /help lists more now")
    assert records(folder, "ops") == [{"text": "ann", "name": "ann"}]
    told(folder, "deop", "ann")
    ann.find("- You are no operator")
    assert told(folder, "ops") == ["there are no operators: chatctl op NAME makes one"]


def test_a_long_answer_comes_whole(own):
    daemon, folder = own
    ann = daemon.join()
    said = [f"{number} {'☃' * 1300}" for number in range(60)]
    ann.send("".join(f"{line}\n" for line in said).encode())
    ann.send(b"/who\n")
    while "online:" not in ann.line():
        pass
    assert [line["text"] for line in records(folder, "history", "1000")] == said


# What it refuses.


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["kick", "nobody"], "nobody here is called nobody: chatctl who lists who is"),
        (["unban", "nobody"], "just nobody: chatctl bans lists the bans"),
        (["slow", "fast"], "write chatctl slow SECONDS, from 0 "),
        (["mute", "1/2"], "1/2 is no address or network, and nobody's name"),
        (["kick"], "something is missing: write chatctl kick NAME [why]"),
        (["join", "dev"], "chatctl join is for members of a room, and chatctl is in none"),
        (["frobnicate"], "no command chatctl frobnicate: chatctl help lists them"),
        (["op", "nobody"], "nobody is not registered: its owner has to /register it first"),
        (["say", "x" * 5000], "longer than 4096 bytes"),
        (["say", "x" * 100_000], "longer than 4096 bytes"),
    ],
)
def test_what_is_refused_is_an_error(state, arguments, why):
    done = chatctl(state, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"chatctl: .*{re.escape(why)}.*\n", done.stderr)
    done = chatctl(state, "--json", *arguments)
    assert (done.returncode, done.stderr) == (1, "")
    assert why in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "which command?"),
        (["--frob", "who"], "option --frob not recognized"),
        (["say", "-x"], "option -x not recognized"),
        (["who", "--room"], "option --room requires argument"),
        (["--json=yes", "who"], "option --json must not have an argument"),
    ],
)
def test_a_wrong_option_is_refused_without_asking_anybody(tmp_path, arguments, why):
    done = chatctl(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"chatctl: {re.escape(why)}.*--help lists them.*\n", done.stderr)


def test_the_help_names_every_command_with_a_daemon_and_without(state, tmp_path):
    lines = told(state, "help")
    assert [line.split()[1].rstrip(":") for line in lines] == OFFERED
    usage = told(tmp_path, "--help")
    shown = "\n".join(usage[usage.index("Commands:") + 1 :]).replace("\n      ", " ")
    assert [line.removeprefix("chatctl ") for line in lines] == [
        line.strip() for line in shown.splitlines()
    ]
    assert max(map(len, usage)) <= 80
    assert told(tmp_path, "--version") == [f"twisted-chat {__version__}"]


# Where the daemon is.


def test_the_folder_is_named_by_an_option_a_variable_or_is_state(state, start, tmp_path):
    for command, options in (
        (["--state", "state", "ops"], {"cwd": state.parent, "env": {"CHAT_STATE": str(tmp_path)}}),
        (["ops", f"--state={state}"], {}),
        (["ops"], {"env": {"CHAT_STATE": str(state)}}),
        (["ops"], {"cwd": state.parent}),
    ):
        process = start([*CHATCTL, *command], **options)
        assert process.wait() == 0, process.err.text
        assert process.out.text.startswith("there are no operators")


def test_the_socket_is_its_owner_s_alone(state):
    mode = os.stat(state / "control.sock").st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_who_has_no_right_is_told_whose_it_is(start_daemon, start, tmp_path, mode):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    if ROOT:
        os.chown(folder, STRANGER, STRANGER)
        owner = "nobody"
    start_daemon("--state", str(folder))
    if not ROOT:
        (folder if mode == 0o700 else folder / "control.sock").chmod(0)
    process = start([*WITHOUT_RIGHTS, *CHATCTL, "--state", str(folder), "op", "ann"])
    assert failed(process) == (
        f"{folder}: this user has no right to it: run chatctl as its owner, {owner}"
    )
    folder.chmod(0o700)


def test_where_there_is_no_daemon_it_says_what_to_do(start, tmp_path):
    file = tmp_path / "file"
    file.touch()
    missing = tmp_path / "missing"
    deep = tmp_path / ("x" * 200)  # The path of a socket could not be as long.
    deep.mkdir()
    for folder, why in (
        (missing, f"{missing}: No such file or directory: name the folder that the daemon was"),
        (file, f"{file}: Not a directory: name the folder that the daemon was started with"),
        (tmp_path, f"no daemon runs on {tmp_path}: start it with --state {tmp_path}, or name"),
        (deep, f"no daemon runs on {deep}: start it with"),
    ):
        assert failed(start([*CHATCTL, "--state", str(folder), "who"])).startswith(why)
    done = chatctl(missing, "--json", "who")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["error"].startswith(f"{missing}: No such file")
    process = start([*CHATCTL, "who"], cwd=tmp_path)
    assert failed(process).startswith("state: No such file or directory")


def test_where_the_daemon_was_killed_it_says_so_until_there_is_a_new_one(own, start_daemon, start):
    daemon, folder = own
    daemon.child.kill()
    daemon.child.wait()
    line = failed(start([*CHATCTL, "--state", str(folder), "who"]))
    assert line == f"the daemon of {folder} has died: start it again with --state {folder}"
    start_daemon("--state", str(folder))
    assert told(folder, "who") == ["0 user online:"]


def test_a_daemon_that_stops_tells_who_has_not_asked_yet_and_takes_its_socket_away(own):
    daemon, folder = own
    waiting = daemon.join(str(folder / "control.sock"), socket.AF_UNIX)
    waiting.send(b'{"command": "status"}\n')
    assert "twisted-chat" in waiting.line()
    assert daemon.stop() == -signal.SIGTERM
    refused, end = map(json.loads, waiting.rest().splitlines())
    assert refused == {"event": "refused", "text": "the daemon stops", "kind": "stopping"}
    assert end == {"event": "end"}
    assert not (folder / "control.sock").exists()


# Answers that go wrong.


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket in the place of the daemon's, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("control.sock")
        listening.listen(1)
        yield listening


def test_a_daemon_that_does_not_answer_is_not_waited_for_for_ever(impostor, tmp_path):
    with pytest.raises(Failed, match=rf"^the daemon of {tmp_path} does not answer for 0.05 s: "):
        ask(str(tmp_path), "who", "", "", patience=0.05)


def test_a_daemon_that_takes_no_connection_is_told_of(impostor, tmp_path):
    impostor.listen(0)
    with socket.socket(socket.AF_UNIX) as first:
        first.connect("control.sock")
        with pytest.raises(Failed, match=rf"^the daemon of {tmp_path} takes no connection \(Res"):
            ask(str(tmp_path), "who", "", "", patience=0.05)


WHOLE = b'{"event": "notice", "text": "x"}\n{"event": "end"}\n'


@pytest.mark.parametrize(
    "answer", [b"", WHOLE[:20], WHOLE[:33], WHOLE[:-3], b"SSH-2.0\n", b"[]\n", b"{}\n", b"1\n"]
)
def test_an_answer_that_is_not_whole_is_none(impostor, start, tmp_path, answer):
    process = start([*CHATCTL, "--state", str(tmp_path), "who"])
    connection, _ = impostor.accept()
    connection.sendall(answer)
    connection.close()  # Perhaps with a request that nobody has read: that is a reset.
    assert failed(process).startswith(f"the daemon of {tmp_path} went away before its answer")


def test_an_answer_that_comes_before_the_request_is_one(impostor, start, tmp_path):
    process = start([*CHATCTL, "--state", str(tmp_path), "who"])
    connection, _ = impostor.accept()
    connection.sendall(WHOLE)
    connection.close()
    assert process.wait() == 0
    assert process.out.seen == ["x"]


def test_it_is_ended_by_control_c_without_words(impostor, start, tmp_path):
    process = start([*CHATCTL, "--state", str(tmp_path), "who"])
    connection, _ = impostor.accept()
    with connection:
        assert connection.recv(100)
        assert process.stop(signal.SIGINT) == 128 + signal.SIGINT
    assert process.err.text == process.out.text == ""


# What it writes to.


def test_what_the_terminal_cannot_show_is_shown_by_its_number(own, start):
    daemon, folder = own
    ann = daemon.join()
    ann.send("☃\n/who\n".encode())
    while "online:" not in ann.line():
        pass
    options = {"env": {"PYTHONIOENCODING": "ascii"}}
    command = [*CHATCTL, "--state", str(folder), "history"]
    process = start(command, **options)
    assert process.wait() == 0
    assert process.out.text.endswith("] \\u2603\n")
    process = start([*command, "--json"], **options)
    assert process.wait() == 0
    assert json.loads(process.out.text)["text"] == "☃"
    process = start([*command[:-1], "kick", "☃"], **options)
    assert failed(process).startswith("nobody here is called \\u2603")


def test_arguments_that_are_no_text_become_some(state, start):
    process = start([*CHATCTL, "--state", str(state), b"kick", b"a\xff\xc3\xa9"])
    assert failed(process).startswith("nobody here is called a\N{REPLACEMENT CHARACTER}é:")


@pytest.mark.parametrize(
    ("redirection", "status", "words"),
    [
        ("| :", 0, ""),
        ("> /dev/full", 1, "chatctl: cannot write: No space left on device\n"),
        (">&-", 1, "chatctl: cannot write: Bad file descriptor\n"),
        ("> /dev/full 2>&-", 1, ""),
    ],
    ids=["nobody reads", "full", "closed", "both"],
)
def test_where_it_cannot_write_it_says_so_once(state, start, redirection, status, words):
    command = '"$0" "$@" ' + redirection
    process = start(["bash", "-c", command, *CHATCTL, "--state", str(state), "help"])
    assert process.wait() == status
    assert (process.out.text, process.err.text) == ("", words)


def test_it_starts_without_what_only_the_daemon_needs():
    code = (
        "import sys, twisted_chat.chatctl\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('twisted', 'zope')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
