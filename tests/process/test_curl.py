"""curl at the web door: reading a room as it goes, and saying lines with a token."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, Daemon, Peer, Process, chatctl, closing_all

SECRET = "a very long passphrase indeed"
WIKI = "https://wiki.example.org"
RESERVED = ("favicon.ico", "sw.js", "apple-touch-icon.png", "lobby/x", "-/nothing")


class Chat:
    """A daemon with a line door and a web door, and zoe, who owns a name there."""

    def __init__(self, daemon: Daemon, state: Path) -> None:
        self.daemon = daemon
        self.state = state
        self.web = int(daemon.out.find(r"Chat Server started on port (\d+) for browsers")[1])
        self.zoe = self.person("zoe")
        self.zoe.send(f"/register {SECRET}\n".encode())
        self.zoe.line()
        self.token = self.make_token("zoe")

    def person(self, name: str) -> Peer:
        """Return somebody called `name` in the lobby."""
        peer = self.daemon.join()
        peer.send(f"/nick {name}\n".encode())
        peer.find(f"- You are now {name}")
        return peer

    def control(self, *arguments: str) -> str:
        done = chatctl(self.state, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_token(self, name: str) -> str:
        return json.loads(self.control("--json", "token", name))["token"]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.web}/{path}"

    def curl(self, path: str, *options: str, data: bytes = b"") -> tuple[int, str]:
        """Return the status of the answer, and its text."""
        done = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", *options, self.url(path)],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
        )
        text, _, status = done.stdout.decode().rpartition("\n")
        return int(status), text.removesuffix("\n")

    def say(self, path: str, *options: str, token: str = "", data: bytes = b"") -> tuple[int, str]:
        bearer = f"Authorization: Bearer {token or self.token}"
        return self.curl(path, "-H", bearer, *options, data=data)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    state = tmp_path_factory.mktemp("curl") / "state"
    with closing_all() as register:
        daemon = register(Daemon("--web", "tcp:0:interface=127.0.0.1", "--state", str(state)))
        yield Chat(daemon, state)


@pytest.fixture
def own(tmp_path: Path, start_daemon: Callable[..., Daemon]) -> Chat:
    """A chat for one test, which pages of WIKI may use."""
    web = ("--web", "tcp:0:interface=127.0.0.1", "--web-origin", WIKI)
    return Chat(start_daemon(*web, "--state", str(tmp_path / "s")), tmp_path / "s")


@pytest.fixture
def bob(chat: Chat) -> Iterator[Peer]:
    """Somebody in the lobby."""
    peer = chat.person("bob")
    yield peer
    peer.close()


def heads(chat: Chat, path: str, *options: str) -> dict[str, str]:
    """Return the headers of an answer, by their names in lower case."""
    _, text = chat.curl(path, "-D", "-", "-o", "/dev/null", *options)
    lines = [line.split(": ", 1) for line in text.splitlines() if ": " in line]
    return {name.lower(): value for name, value in lines}


@pytest.fixture
def reading(chat: Chat, start: Callable[..., Process]) -> Callable[..., Process]:
    """Start a curl that reads along: `reading("lobby")`. It has begun when this returns."""

    def read(path: str, *options: str, at: Chat = chat) -> Process:
        process = start(["curl", "-sSN", "-D", "/dev/stderr", *options, at.url(path)])
        process.err.find("^\r?$")
        return process

    return read


# Reading.


def test_it_reads_what_is_said_as_it_comes(chat, bob, reading) -> None:
    for options in ([], ["-0"], ["--http1.1", "-H", "Accept: */*"]):
        reader = reading("lobby", *options)
        bob.send("hello \N{GRINNING FACE}\n".encode())
        reader.out.find("^\\[bob\\] hello \N{GRINNING FACE}$")
        reader.close()


def test_a_reader_is_not_counted_and_nobody_is_told(chat, bob, reading) -> None:
    reading("lobby")
    bob.send(b"/who\n")
    lines = bob.find("- zoe, bob")
    assert not any("127.0.0.1" in line for line in lines), lines


@pytest.mark.parametrize("path", ["LOBBY", "%23lobby"])
def test_a_room_is_found_by_what_names_it(chat, bob, reading, path) -> None:
    reader = reading(path)
    bob.send(b"/me waves\n")
    reader.out.find(r"^\* bob waves$")


def test_a_room_that_is_not_there_is_404(chat) -> None:
    status, text = chat.curl("nowhere")
    assert (status, text) == (404, "there is no room #nowhere: /rooms lists them")


@pytest.mark.parametrize("path", RESERVED)
def test_what_is_no_room_is_404(chat, path) -> None:
    assert chat.curl(path)[0] == 404


def test_a_locked_room_is_not_read_and_a_reader_is_put_out_of_one(own, reading) -> None:
    reader = reading("lobby", at=own)
    own.control("lock")
    assert reader.wait() == 0
    assert "locked" in reader.out.seen[-1]
    status, text = own.curl("lobby")
    assert status == 503
    assert text == "the chat is locked: nobody new may come in just now, try again later"


def test_the_head_lets_nothing_keep_the_lines(chat) -> None:
    head = heads(chat, "lobby", "-I")
    assert {name: head[name] for name in ("connection", "content-type", "vary")} == {
        "connection": "close",
        "content-type": "text/plain; charset=utf-8",
        "vary": "Accept",
    }
    assert head["x-accel-buffering"] == "no"
    assert head["cache-control"] == "no-store"
    assert head["x-content-type-options"] == "nosniff"


def test_a_browser_gets_the_page_at_the_same_address(chat) -> None:
    head = heads(chat, "lobby", "-H", "Accept: text/html")
    assert head["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in head["vary"]


def test_curl_is_told_at_the_front_what_it_can_do(chat) -> None:
    status, text = chat.curl("")
    assert status == 200
    assert "/lobby" in text


def test_a_reader_that_ends_its_side_is_gone(own) -> None:
    reader = bare_reader(own)
    reader.end()
    assert reader.rest() == ""


def test_a_reader_that_goes_on_sending_is_cut_off(own) -> None:
    reader = bare_reader(own)
    with pytest.raises(ConnectionError):
        send_for_ever(reader)


def test_readers_that_vanish_leave_their_places(own) -> None:
    for _ in range(3):
        bare_reader(own).reset()
    while web_connections(own) != 0:
        pass


def bare_reader(chat: Chat) -> Peer:
    """Return a socket that reads along in the lobby, behind the head of its answer."""
    reader = chat.daemon.join(("127.0.0.1", chat.web))
    reader.send(f"GET /lobby HTTP/1.1\r\nHost: 127.0.0.1:{chat.web}\r\n\r\n".encode())
    reader.find("\r")
    return reader


def send_for_ever(peer: Peer) -> None:
    while True:
        peer.send(bytes(65536))


def web_connections(chat: Chat) -> int:
    """Return how many connections the web door has."""
    return json.loads(chat.control("--json", "status"))["counts"]["web"]["connections"]


def test_it_is_told_when_the_daemon_stops(own, reading) -> None:
    reader = reading("lobby", at=own)
    own.daemon.stop()
    assert reader.wait() == 0
    assert reader.out.seen[-1] == "- the daemon stops"


def test_a_reader_that_is_banned_is_told_so_and_gone(tmp_path, start_daemon, start) -> None:
    address = "127.0.0.2"
    daemon = start_daemon("--web", "tcp:0:interface=127.0.0.1", "--state", str(tmp_path / "s"))
    own = Chat(daemon, tmp_path / "s")
    reader = start(["curl", "-sSN", "-D", "/dev/stderr", "--interface", address, own.url("lobby")])
    reader.err.find("^\r?$")
    own.control("ban", address)
    while reader.child.poll() is None:
        own.zoe.send(b"still here?\n")
        try:
            reader.child.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    assert reader.wait() == 0
    assert "you are banned" in reader.out.seen[-1]
    status, text = own.curl("lobby", "--interface", address)
    assert (status, "you are banned" in text) == (403, True)


# Saying.


def test_an_owner_says_a_line_with_its_token(chat, bob) -> None:
    assert chat.say("lobby", "-d", "the build is green") == (204, "")
    bob.find("[zoe] the build is green")


def test_whoever_owns_the_token_need_not_be_there(own) -> None:
    bob = own.person("bob")
    own.zoe.send(b"/quit\n")
    bob.find("< The user zoe left (1 user online)")
    assert own.say("lobby", "-d", "hello") == (204, "")
    bob.find("[zoe] hello")


@pytest.mark.parametrize(
    "options",
    [
        ["--data-binary", "@-"],
        ["-d", "@-"],
        ["-H", "Content-Type: text/plain; charset=utf-8", "--data-binary", "@-"],
        ["-H", "Transfer-Encoding: chunked", "--data-binary", "@-"],
        ["-H", "Expect: 100-continue", "--data-binary", "@-"],
        ["-0", "--data-binary", "@-"],
    ],
    ids=lambda options: " ".join(options),
)
def test_the_text_is_said_as_it_stands(chat, bob, options) -> None:
    text = "/me & +%20 \N{GRINNING FACE} \x1b[31m"
    assert chat.say("lobby", *options, data=text.encode()) == (204, "")
    bob.find("[zoe] /me & +%20 \N{GRINNING FACE} \N{SYMBOL FOR ESCAPE}[31m")


def test_each_line_of_a_text_is_said(chat, bob) -> None:
    assert chat.say("lobby", "--data-binary", "@-", data=b"one\r\n\ntwo\n") == (204, "")
    bob.find("[zoe] one")
    assert bob.line() == "[zoe] two"


def test_json_holds_a_text(chat, bob) -> None:
    kind = "Content-Type: application/json"
    assert chat.say("lobby", "-H", kind, "-d", '{"text": "caf\\u00e9 \\ud800"}') == (204, "")
    bob.find("[zoe] café " + 3 * "\N{REPLACEMENT CHARACTER}")
    for body in ("{", "[]", '{"text": 1}', "[" * 20000):
        status, text = chat.say("lobby", "-H", kind, "--data-binary", "@-", data=body.encode())
        assert (status, text) == (400, 'that is no JSON object with a text: {"text": "hello"}')


def test_without_a_token_nothing_is_said(chat) -> None:
    for header in ("X: y", "Authorization: Basic eDp5", "Authorization: Bearer"):
        status, text = chat.curl("lobby", "-H", header, "-d", "hello")
        assert status == 401
        assert "a token is missing: /token makes one" in text
    assert heads(chat, "lobby", "-d", "hello")["www-authenticate"] == "Bearer"


def test_a_token_that_is_nobody_s_says_nothing(own) -> None:
    assert own.say("lobby", "-d", "hello", token="chat_nothing")[0] == 401
    own.control("untoken", "zoe", "1")
    assert own.say("lobby", "-d", "hello")[0] == 401


def test_what_cannot_be_said_is_refused_with_the_reason(chat) -> None:
    assert chat.say("nowhere", "-d", "hello") == (
        404,
        "there is no room #nowhere: /rooms lists them",
    )
    assert chat.say("lobby", "--data-binary", "@-", data=b"\xff\xfe") == (
        400,
        "the text is not UTF-8",
    )
    assert chat.say("lobby", "-d", "") == (400, "there is no text in it")
    status, text = chat.say("lobby", "-F", "text=hello")
    assert (status, text.startswith("send the text as text/plain")) == (415, True)
    status, text = chat.say("lobby", "--data-binary", "@-", data=b"x" * 4097)
    assert (status, text) == (413, "a line of more than 4096 bytes was not said: send it in parts")


def test_a_muted_owner_is_not_heard(own) -> None:
    own.control("mute", "zoe")
    assert own.say("lobby", "-d", "hello") == (403, "that was not said: you are muted")


def test_a_large_body_is_refused_before_it_is_read(chat) -> None:
    for encoding in ([], ["-H", "Transfer-Encoding: chunked"]):
        status, text = chat.say("lobby", *encoding, "--data-binary", "@-", data=b"x" * 3_000_000)
        assert status == 413
        assert "bytes are taken here" in text


def test_other_sites_pages_can_do_nothing_here(chat) -> None:
    other = ["-H", "Origin: https://elsewhere.example"]
    assert chat.say("lobby", *other, "-d", "hello")[0] == 403
    assert chat.curl("lobby", *other)[0] == 403
    head = heads(chat, "lobby", *other, "-X", "OPTIONS")
    assert not [name for name in head if name.startswith("access-control")]


def test_pages_of_a_site_that_is_named_can_read_and_say(own) -> None:
    wiki = ["-H", f"Origin: {WIKI}"]
    for path, *options in (
        ("lobby", "-I"),
        ("lobby", "-d", "hello"),
        ("nowhere",),
        ("-/health",),
        ("-/main.js",),
        ("lobby", "-H", "Content-Type: text/plain", "-d", "x" * 100_000),
    ):
        status, text = own.curl(path, "-D", "-", "-o", "/dev/null", *wiki, *options)
        assert f"\nAccess-Control-Allow-Origin: {WIKI}\r\n" in text, (path, options, status)
        assert "\nVary: Origin\r\n" in text
    assert own.say("lobby", *wiki, "-d", "hello") == (204, "")


def test_a_browser_that_asks_before_is_told_what_such_a_page_may_send(own) -> None:
    asked = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"]
    head = heads(own, "lobby", *asked, "-H", f"Origin: {WIKI}")
    assert head["access-control-allow-origin"] == WIKI
    assert head["access-control-allow-headers"] == "Authorization, Content-Type"
    assert head["access-control-allow-methods"] == "GET, HEAD, POST"
    assert "access-control-allow-credentials" not in head
    for other in ([], ["-H", "Origin: https://elsewhere.example"], ["-H", "Origin: null"]):
        head = heads(own, "lobby", *asked, *other)
        assert not [name for name in head if name.startswith("access-control")]
    assert own.curl("lobby", *asked, "-H", f"Origin: {WIKI}") == (204, "")
    assert own.curl("lobby", "-X", "OPTIONS", "-H", f"Origin: {WIKI}")[0] == 405
