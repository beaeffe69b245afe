"""What no browser sends to the web door ends early, and nobody in the chat notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.certificates import Authority
from tests.support.processes import Daemon, Peer, closing_all
from tests.support.web import HTTPPeer

GET = b"GET /-/health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /lobby HTTP/1.1\r\nHost: 127.0.0.1\r\n"
WHOLE = GET + b"\r\n"
LENGTH, CHUNKED = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"

ENDED = {
    "two ways to find the end": (POST + LENGTH + CHUNKED + b"\r\n0\r\n\r\n" + WHOLE, 400),
    "two lengths": (POST + LENGTH + LENGTH + b"\r\nhello" + WHOLE, 400),
    "a length of 5000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "a coding that nobody knows": (
        POST + CHUNKED.replace(b"chunked", b"xchunked") + b"\r\n0\r\n\r\n",
        501,
    ),
    "chunks that are none": (POST + CHUNKED + b"\r\nhello\r\n\r\n" + WHOLE, 400),
    "a chunk with a bare LF": (POST + CHUNKED + b"\r\n5;a\nb\r\nhello\r\n0\r\n\r\n" + WHOLE, 400),
    "a folded line": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "lines that end with LF alone": (WHOLE.replace(b"\r", b""), 400),
    "one line that ends so": (GET + b"X: a\nContent-Length: 5\r\n\r\n" + WHOLE, 400),
    "GET with a body": (GET + LENGTH + b"\r\nhello", 400),
    "PUT": (b"PUT /lobby HTTP/1.1\r\n" + LENGTH + b"\r\nhello", 501),
    "TRACE": (WHOLE.replace(b"GET", b"TRACE"), 501),
    "CONNECT": (b"CONNECT evil.test:25 HTTP/1.1\r\nHost: evil.test\r\n\r\n", 501),
    "HTTP/0.9": (b"GET /lobby\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "IRC": (b"NICK ann\r\nUSER ann 0 * :ann\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a huge address": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", 414),
    "10,000 lines": (GET + b"X: y\r\n" * 10_000 + b"\r\n", 431),
    "a head without an end": (GET + b"X: y\r\n" * 500_000, 431),
    "a long body": (POST + b"Content-Length: 3000000\r\n\r\n" + bytes(3_000_000), 413),
    "chunks for ever": (
        POST + CHUNKED + b"\r\n" + (b"ffff\r\n" + bytes(65535) + b"\r\n") * 40,
        413,
    ),
    "thousands of requests in one": (WHOLE * 5000, 200),
    "another behind a slow one": (POST + LENGTH + b"\r\nhello" + WHOLE, 401),
}
"""What is sent, and the status of the one answer."""


@pytest.fixture(scope="module", params=["plain", "tls"])
def abused(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Daemon, int, bool]]:
    """A daemon, the port of its web door, and whether TLS is spoken there."""
    is_tls = request.param == "tls"
    where, certificate = "tcp:0:interface=127.0.0.1", []
    if is_tls:
        file = Authority(tmp_path_factory.mktemp("abuse")).certify("127.0.0.1")
        where, certificate = f"tls:{where}", ["--cert", str(file)]
    with closing_all() as register:
        daemon = register(Daemon("--web", where, *certificate))
        port = int(daemon.out.find(r"started on port (\d+).* for browsers")[1])
        yield daemon, port, is_tls
        assert not [line for line in daemon.out.seen if "Traceback" in line]


@pytest.fixture
def raw(abused: tuple[Daemon, int, bool]) -> Iterator[HTTPPeer]:
    """A connection to the web door over which nothing is sent yet."""
    _, port, is_tls = abused
    peer = HTTPPeer(("127.0.0.1", port), tls=is_tls)
    yield peer
    peer.close()


@pytest.mark.parametrize("abuse", ENDED)
def test_what_no_browser_sends_ends_early(abused, raw, abuse) -> None:
    data, status = ENDED[abuse]
    with suppress(OSError):  # The daemon may have enough before.
        raw.send(data)
    answer = rest_of(raw)
    assert answer.count("HTTP/1.1 ") <= 1, answer
    # Bytes that nobody reads any more can take the answer back.
    assert answer.startswith(f"HTTP/1.1 {status} ") or (not answer and len(data) > 100_000), answer
    members_talk(abused[0])


def rest_of(peer: Peer) -> str:
    """Return all that comes until the connection ends, in whatever way."""
    try:
        return peer.rest()
    except OSError:
        return ""


def members_talk(daemon: Daemon) -> None:
    """Two people come in and talk."""
    ann, bob = daemon.join(), daemon.join()
    ann.find(f"> New user {bob.name} entered (2 users online)")
    ann.send(b"still here?\n")
    bob.find(f"[{ann.name}] still here?")
    bob.close()
    ann.find(f"< The user {bob.name} left (1 user online)")
    ann.close()


def test_a_connection_serves_one_request_after_the_other(raw) -> None:
    head = WHOLE.replace(b"GET", b"HEAD")
    for request, status in ((WHOLE, 200), (head, 200), (POST + LENGTH + b"\r\nhello", 401)):
        raw.send(request)
        assert raw.answer(has_body=request is not head).status == status
    raw.send(WHOLE)
    assert raw.answer().body == b"ok\n"


def test_head_is_answered_without_a_body_and_without_a_word_in_the_log(abused, raw) -> None:
    paths = {"/-/health": 200, "/": 200, "/nowhere": 404, "/-/main.js": 200, "/-/nothing": 404}
    for path, status in paths.items():
        raw.send(WHOLE.replace(b"GET /-/health", f"HEAD {path}".encode()))
        assert raw.answer(has_body=False).status == status, path
    raw.send(WHOLE.replace(b"GET /-/health", b"HEAD /lobby"))
    assert raw.rest().endswith("\r\n\r\n")
    assert not [line for line in abused[0].out.seen if "HEAD" in line]


@pytest.mark.parametrize("path", [b"/", b"/-/health", b"/-/main.js", b"/robots.txt"])
def test_where_nothing_can_be_sent_that_is_told(raw, path) -> None:
    raw.send(POST.replace(b"/lobby", path) + LENGTH + b"\r\nhello")
    answer = raw.answer()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.body == b"nothing can be sent to this address\n"


def test_no_control_of_a_terminal_comes_back(raw) -> None:
    raw.send(WHOLE.replace(b"/-/health", b"/%1b[31m%00"))
    answer = raw.answer()
    assert answer.status == 404
    assert answer.body.decode().removesuffix("\n").isprintable()
