"""Peers that are no chat client, and those that speak telnet."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest

from tests.support.crowds import left, said
from tests.support.processes import Peer
from tests.support.unharmed import (
    LONG_LINE,
    MAX_LINE,
    NO_UTF8,
    UNKNOWN,
    _unharmed,
    all_heard,
    daemon,
    join,
    listener,
    peer,
    unharmed,
    whole_and_in_pieces,
)

__all__ = ["_unharmed", "daemon", "listener", "peer"]  # Fixtures.


# Who is here for something else.

HTTP = "! this is a chat and no web server: join with chat-client, nc or telnet\n"
TLS = "! this port speaks no TLS: join with plain chat-client, nc or telnet\n"
SSH = "! this port speaks no SSH: join with chat-client, nc or telnet\n"


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="chat")
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


STRANGERS = {
    "GET": (b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n", HTTP),
    "POST": (b"POST /say HTTP/1.1\r\nContent-Length: 9\r\n\r\n/quit now", HTTP),
    "POST of HTTP/1.0 with bare LF": (b"POST /say HTTP/1.0\n\ntext=hello\n", HTTP),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", HTTP),
    "method with a hyphen": (b"M-SEARCH * HTTP/1.1\r\n\r\n", HTTP),
    "GET after an empty line": (b"\r\nGET / HTTP/1.1\r\nHost: chat\r\n\r\n", HTTP),
    "long target": (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: chat\r\n\r\n", HTTP),
    "POST with a long target": (b"POST /" + b"x" * 5000 + b" HTTP/1.1\n\n/quit now", HTTP),
    "target one byte too long": (b"GET /" + b"x" * (MAX_LINE - 13) + b" HTTP/1.1\r\n\r\n", HTTP),
    "target two bytes too long": (b"GET /" + b"x" * (MAX_LINE - 12) + b" HTTP/1.1\n\nx", HTTP),
    "TLS": (client_hello(), TLS),
    "SSH": (b"SSH-2.0-OpenSSH_9.6\r\n", SSH),
    "SSH with its first packet": (b"SSH-2.0-x\r\n\0\0\1\xff\xfd\x01\x14hello\n", SSH),
}


@pytest.mark.parametrize(("data", "answer"), STRANGERS.values(), ids=STRANGERS)
@whole_and_in_pieces
def test_who_is_no_chat_client_gets_one_line_and_is_put_out_and_nothing_of_it_is_said(
    listener, peer, send, data, answer
):
    heard = send(peer, listener, data) or [listener.line()]
    assert heard == [left(peer, how=", put out: not a chat client")]
    assert peer.rest() == answer


def test_a_request_without_the_end_of_its_line_is_put_out_when_the_peer_ends_its_side(
    listener, peer
):
    peer.send(b"GET / HTTP/1.1")
    peer.end()
    assert listener.line() == left(peer, how=", put out: not a chat client")
    assert peer.rest() == HTTP


def test_a_request_is_known_whatever_the_longest_line_is(start_daemon):
    """In the odd case the version in the request line stands just at that limit."""
    daemon = start_daemon("--max-line=64")
    with unharmed(daemon):
        for length in (*range(46, 70), 100, 500):
            listener = daemon.join()
            listener.line()
            peer = join(daemon, listener)
            peer.send(b"GET /" + b"x" * length + b" HTTP/1.1\r\nHost: chat\r\n\r\n")
            assert listener.line() == left(peer, how=", put out: not a chat client")
            assert peer.rest() == HTTP
            listener.end()
            listener.rest()


def test_a_request_with_a_large_body_is_answered_before_it_is_read(listener, peer):
    body = b"/quit now\n" * 500_000
    with suppress(BrokenPipeError, ConnectionResetError):
        peer.send(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert listener.line() == left(peer, how=", put out: not a chat client")
    assert peer.line() + "\n" == HTTP


@pytest.mark.parametrize(
    "line",
    [
        "GET out",
        "GET / HTTP",
        "get / HTTP/1.1",
        "GET a life HTTP/1.1",
        "HTTP/1.1",
        "I GET HTTP/1.1",
    ],
)
def test_a_person_who_only_talks_like_a_request_is_heard(listener, peer, line):
    peer.send(f"{line}\n".encode())
    assert listener.line() == said(peer, line)


def test_a_long_first_line_that_is_no_request_after_all_is_refused_once(listener, peer):
    peer.send(b"GET /" + b"x" * 5000 + b"\nGET / HTTP/1.1\n")
    assert listener.line() == said(peer, "GET / HTTP/1.1")
    peer.send(b"/nope\n")
    assert peer.lines(2) == [LONG_LINE, UNKNOWN.format("nope")]


# Telnet.

DO_ECHO, WONT_ECHO = b"\xff\xfd\x01", b"\xff\xfc\x01"
WILL_NAWS, DONT_NAWS = b"\xff\xfb\x1f", b"\xff\xfe\x1f"
DO_MARK, WONT_MARK = b"\xff\xfd\x06", b"\xff\xfc\x06"


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (DO_ECHO, WONT_ECHO),
        (WILL_NAWS, DONT_NAWS),
        (DO_ECHO + WILL_NAWS + b"hi" + DO_ECHO + WILL_NAWS, WONT_ECHO + DONT_NAWS),
        (DO_ECHO + b"\xff\xfb\x01", WONT_ECHO + b"\xff\xfe\x01"),
        (DO_MARK + b"\n" + DO_MARK + DO_MARK, WONT_MARK * 3),
        (b"\xff\xfd\xff", b"\xff\xfc\xff"),
        (b"\xff\xfc\x01\xff\xfe\x01", b""),
        (b"\xff\xff\xfd\x01", b""),
        (b"\xff\xfa\x18\xfd\x01\xff\xff\xfd\x01\xff\xf0", b""),
        (b"\xff\xfa\x18\n" + DO_ECHO, WONT_ECHO),
        (b"\xff\n\xfd\x01" + DO_ECHO, WONT_ECHO),
        (b"x\xff\xfd\n\x01", b""),
        (b"x" * 5000 + DO_MARK, WONT_MARK),
    ],
    ids=[
        "DO",
        "WILL",
        "once for each option",
        "the same option both ways",
        "TIMING-MARK each time",
        "option 255",
        "WONT and DONT",
        "after IAC IAC",
        "inside a subnegotiation",
        "after a subnegotiation that LF ended",
        "after an IAC that LF ended",
        "DO that LF ended",
        "in a line too long",
    ],
)
@whole_and_in_pieces
def test_telnet_is_answered_once(listener, peer, send, data, answers):
    send(peer, listener, data)
    assert read_answers(peer) == answers


def test_telnet_is_answered_once_behind_a_line_too_long(listener, peer):
    peer.send(b"x" * 5000 + b"\nhi" + DO_MARK + b"\n" + DO_MARK[:2])
    assert listener.line() == said(peer, "hi")
    peer.send(DO_MARK[2:])
    assert read_answers(peer) == WONT_MARK * 2


def read_answers(peer: Peer) -> bytes:
    """What `peer` was sent, refusals apart, up to now."""
    peer.send(b"\n/nope\n")
    end = UNKNOWN.format("nope").encode() + b"\n"
    received = b""
    while not received.endswith(end):
        data = peer.socket.recv(65536)
        assert data, received
        received += data
    for refusal in (LONG_LINE, NO_UTF8):
        received = received.replace(f"{refusal}\n".encode(), b"")
    return received.removesuffix(end)


@pytest.mark.parametrize(
    "start", [b"\xff", b"\xff\xfd", b"\xff\xfa", b"\xff\xfa\x18x", b"\xff\xfax\xff"]
)
@whole_and_in_pieces
def test_a_telnet_sequence_swallows_no_line_behind_it(listener, peer, send, start):
    heard = send(peer, listener, b"a" + start + b"\nb\n")
    assert heard + all_heard(listener, peer) == [said(peer, "a"), said(peer, "b")]
