"""Odd and hostile bytes, against a daemon that serves all of these tests one after the other."""

from __future__ import annotations

import re
import resource
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from signal import SIGTERM

import pytest

from tests.support.crowds import asleep, is_delivered, left, said, until, users
from tests.support.processes import PATIENCE, Daemon, Peer, closing_all

MAX_LINE = 4096
"""Bytes: the daemon's default."""

LONG_LINE = f"! a line longer than {MAX_LINE} bytes was not said: send it in shorter lines"
NO_UTF8 = "! that was no UTF-8, and others see \ufffd in it: set your terminal or program to UTF-8"
UNKNOWN = "! no command /{0}: /help lists them, and //{0} says it"
ODD_IN_LOG = re.compile("Traceback|Unhandled|Unable to format|disabling observer")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One daemon for the whole file, which has to stand all of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with closing_all() as register:
        daemon = register(Daemon())
        yield daemon
        assert daemon.stop() == -SIGTERM
        assert daemon.err.text == ""
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True)
def _unharmed(daemon: Daemon) -> Iterator[None]:
    with unharmed(daemon):
        yield


@contextmanager
def unharmed(daemon: Daemon) -> Iterator[None]:
    """In the end the log holds no error, and newcomers are greeted with the right count."""
    logged = len(daemon.out.seen)
    yield
    for peer in daemon.peers:
        peer.close()
    daemon.peers.clear()
    first = daemon.join()
    count = int(re.fullmatch(r"> Connected .* \((\d+) users? online\)", first.line())[1])
    while count > 1:
        if (line := first.line()).startswith("< "):
            count -= 1
            assert f" left ({users(count)} online)" in line
    second = daemon.join()
    assert second.line() == "> Connected to the chat server (2 users online)"
    second.end()
    assert all(line.startswith("- ") for line in second.rest().splitlines())
    first.end()
    first.rest()
    daemon.out.find(re.escape(f"< The user {first.name} left (0 user online)"))
    assert [line for line in daemon.out.seen[logged:] if ODD_IN_LOG.search(line)] == []


@pytest.fixture
def listener(daemon: Daemon) -> Peer:
    """A member with nothing odd about it, whose room it is before anybody else comes."""
    listener = daemon.join()
    assert listener.line() == "> Connected to the chat server (1 user online)"
    return listener


@pytest.fixture
def peer(daemon: Daemon, listener: Peer) -> Peer:
    """The second member, of which the listener has heard."""
    return join(daemon, listener)


def join(daemon: Daemon, listener: Peer, count: int = 2) -> Peer:
    """A member of whose entering `listener` has read."""
    peer = daemon.join()
    assert peer.line() == f"> Connected to the chat server ({users(count)} online)"
    listener.find(f"> New user {peer.name} entered ({users(count)} online)")
    return peer


def all_heard(listener: Peer, peer: Peer) -> list[str]:
    """All lines that came to `listener` of what `peer` has sent so far."""
    peer.send(b"\nthat is all\n")
    return listener.find(said(peer, "that is all"))


def send_whole(peer: Peer, listener: Peer, data: bytes) -> list[str]:
    peer.send(data)
    return []


def send_in_pieces(peer: Peer, listener: Peer, data: bytes) -> list[str]:
    """Send `data` byte by byte, or its first and last 100 bytes if it is long, each byte in a
    packet that the daemon reads before the next is sent. Gives what `listener` heard meanwhile.
    """
    pieces = [data[index : index + 1] for index in range(len(data))]
    if len(data) > 300:
        pieces[100:-100] = [data[100:-100]]
    heard = []
    for piece in pieces:
        with suppress(BrokenPipeError, ConnectionResetError):  # It may have been put out.
            peer.send(piece)
        # The daemon reads all that is there before it answers.
        listener.send(b"/read\n")
        heard += listener.find(UNKNOWN.format("read"))
    return heard


whole_and_in_pieces = pytest.mark.parametrize("send", [send_whole, send_in_pieces])


# What is said.

CONTROLS = bytes(set(range(1, 0x20)) - {0x09, 0x0A})

TEXTS = {
    "LF": (b"hello", "hello"),
    "CRLF": (b"hello\r", "hello"),
    "one CR is the line's end, not two": (b"hello\r\r", "hello␍"),
    "CR inside": (b"safe\rforged", "safe␍forged"),
    "CR first": (b"\r[bob] hi", "␍[bob] hi"),
    "TAB": (b"\ta\tb\t", "\ta\tb\t"),
    "blanks": (b"  a  b  ", "  a  b  "),
    "ESC": (b"\x1b[31mred\x1b]0;title\x07", "␛[31mred␛]0;title␇"),
    "C0": (b"a" + CONTROLS + b"z", "a␁␂␃␄␅␆␇␈␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟z"),
    "keys first": (b"\x08\x7f\x0c\x15\x17\x1b[Ahi", "␈␡␌␕␗␛[Ahi"),
    "DEL": (b"a\x7fz", "a␡z"),
    "C1": ("".join(map(chr, range(0x80, 0xA0))).encode(), "\ufffd" * 32),
    "NEL": ("a\x85z".encode(), "a\ufffdz"),
    "C1 as bytes": (b"a\x9b31mz", "a\ufffd31mz"),
    "bidi": ("a\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069z".encode(), "a" + "\ufffd" * 9 + "z"),
    "separators": ("a\u2028b\u2029c".encode(), "a\ufffdb\ufffdc"),
    "right to left": ("שלום مرحبا".encode(), "שלום مرحبا"),
    "emoji": ("👩\u200d👩\u200d👧 🇩🇪 1\ufe0f\u20e3".encode(), "👩\u200d👩\u200d👧 🇩🇪 1\ufe0f\u20e3"),
    "8 marks": (("e" + "\u0301" * 8 + "x").encode(), "e" + "\u0301" * 8 + "x"),
    "9 marks": (("e" + "\u0301" * 9 + "x").encode(), "e" + "\u0301" * 8 + "x"),
    "zalgo": (("e\u0301\u0489\u20dd" * 1 + "\u0336" * 900 + "x").encode(), "e\u0301\u0489\u20dd" + "\u0336" * 5 + "x"),
    "marks first": (("\u0301" * 30).encode(), "\u0301" * 8),
    "Latin-1": ("été".encode("latin-1"), "\ufffdt\ufffd"),
    "cut character": (b"caf\xc3", "caf\ufffd"),
    "cut emoji": (b"\xf0\x9f\x98x", "\ufffdx"),
    "continuation": (b"\x80\xbf", "\ufffd\ufffd"),
    "overlong slash": (b"\xc0\xafquit", "\ufffd\ufffdquit"),
    "overlong LF": (b"a\xc0\x8ab\xe0\x80\x8ac", "a\ufffd\ufffdb\ufffd\ufffd\ufffdc"),
    "surrogates": (b"\xed\xa0\xbd\xed\xb8\x80", "\ufffd" * 6),
    "past U+10FFFF": (b"\xf4\x90\x80\x80", "\ufffd" * 4),
    "byte order mark": ("\ufeffhi".encode(), "hi"),
    "byte order marks": ("\ufeff\ufeffhi\ufeff".encode(), "\ufeffhi\ufeff"),
    "byte order mark and longest line": ("\ufeff".encode() + b"x" * MAX_LINE, "x" * MAX_LINE),
    "longest line": (b"x" * MAX_LINE, "x" * MAX_LINE),
    "longest line, CRLF": (b"x" * MAX_LINE + b"\r", "x" * MAX_LINE),
    # Not to be taken for anybody else's line, whatever it imitates.
    "as if Entered": (b"> New user x entered (9 users online)", "> New user x entered (9 users online)"),
    "as if Said": (b"] [bob] hi", "] [bob] hi"),
    "as if Left": (b"< The user x left (0 user online)", "< The user x left (0 user online)"),
    "as if refused": (b"! the daemon stops", "! the daemon stops"),
    "as if a notice": (b"- the daemon stops", "- the daemon stops"),
    "as if You": (b"[You] hi", "[You] hi"),
    # Not to be taken for a format, by the log either.
    "braces": (b"{0} {} {line} {log_source!r:>9} {a.b[c]} }{", "{0} {} {line} {log_source!r:>9} {a.b[c]} }{"),
    "percent": (b"%s %(line)s %n %", "%s %(line)s %n %"),
    "backslash": (rb"\n \x1b \N{DIGIT ONE}", r"\n \x1b \N{DIGIT ONE}"),
    # Not to be taken for a command.
    "comment": (b"/* x", "/* x"),
    "double slash and blank": (b"// x", "// x"),
    "slash and digit": (b"/1", "/1"),
    "slash": (b"/", "/"),
    "slash and blank": (b"/ who", "/ who"),
    "slash and other letter": ("/été".encode(), "/été"),
    "slash and control": (b"/\1who", "/␁who"),
    "slash not first": (b" /who", " /who"),
    "doubled slash": (b"//x", "/x"),
    "doubled slash and command": (b"//quit now", "/quit now"),
    # Telnet.
    "telnet commands": (b"\xff\xf1a\xff\xf6b\xff\xfc\x01c\xff\xfe\x01d", "abcd"),
    "telnet option with an odd number": (b"a\xff\xfc\xffb", "ab"),
    "telnet subnegotiation": (b"a\xff\xfa\x18\x00xterm\xff\xffx\xff\xf0b", "ab"),
    "telnet with a CR": (b"a\xff\xfa\x18b\rc\xff\rd", "a␍c␍d"),
    "telnet in a character": (b"\xc3\xff\xf1\xa9", "é"),
    "telnet in a command": (b"/\xff\xf1/x", "/x"),
    "IAC IAC": (b"a\xff\xffb", "a\ufffdb"),
    "IAC IAC and a command": (b"\xff\xff\xfb\x01", "\ufffd\ufffd␁"),
    "IAC last": (b"a\xff", "a"),
    "DO last": (b"a\xff\xfd", "a"),
    "subnegotiation without end": (b"a\xff\xfa\x18bcd", "a"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "text"), TEXTS.values(), ids=TEXTS)
def test_a_text_arrives_behind_its_authors_name_and_in_the_log_made_safe(
    daemon, listener, peer, data, text
):
    peer.send(data + b"\n")
    assert listener.line() == said(peer, text)
    assert all_heard(listener, peer) == []
    daemon.out.find(rf"[ \t]{re.escape(said(peer, text))}$")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\0b", "a␀b"),
        (b"\0", "␀"),
        (b"\1", "␁"),
        (b"a\r\0b", "a␍␀b"),
        (b"\xef\xbb\xbfa", "\ufeffa"),
    ],
)
def test_what_cannot_begin_a_first_line_is_text_in_a_later_one(listener, peer, data, text):
    peer.send(b"hi\n" + data + b"\n")
    assert listener.lines(2) == [said(peer, "hi"), said(peer, text)]


@pytest.mark.parametrize(
    "data",
    [b"", b"\r", b"\n\n\r\n", b"\xff\xf1", b"\xff\xfa\x18x\xff\xf0\r"],
    ids=["LF", "CRLF", "several", "telnet command", "telnet subnegotiation"],
)
def test_an_empty_line_is_nothing(listener, peer, data):
    peer.send(data + b"\n")
    assert all_heard(listener, peer) == []


@pytest.mark.parametrize(
    "first", [b"S", b"SS", b"SSH", b"ssh-x", b"SSH is slow", b"\x15", b"\x17\x03", b"x\x16\x03\x01"]
)
@whole_and_in_pieces
def test_a_first_line_that_only_begins_like_another_protocol_is_said(listener, peer, send, first):
    heard = send(peer, listener, first + b"\nSSH-2.0-x\n")
    assert heard + all_heard(listener, peer) == [
        said(peer, "".join(chr(0x2400 + byte) if byte < 0x20 else chr(byte) for byte in first)),
        said(peer, "SSH-2.0-x"),
    ]


def test_bytes_are_put_together_whatever_packets_they_come_in(listener, peer):
    data = "é😀\r\n\xff".encode().replace(b"\xc3\xbf", b"\xff\xfb\x03\xff\xfa\x18x\xff\xf0")
    data += b"\xff\xffa\xff\xf1b\r\n\n//x\r\nSSH-\nGET / HTTP/1.1\n"
    assert send_in_pieces(peer, listener, data) + all_heard(listener, peer) == [
        said(peer, text) for text in ("é😀", "\ufffdab", "/x", "SSH-", "GET / HTTP/1.1")
    ]


@pytest.mark.parametrize(
    ("data", "heard"),
    [
        (b"hi", ["hi"]),
        (b"one\ntwo", ["one", "two"]),
        (b"hi\r", ["hi"]),
        (b"caf\xc3", ["caf\ufffd"]),
        (b"a\xff\xfa\x18b", ["a"]),
        (b"S", ["S"]),
        (b"SSH", ["SSH"]),
        (b"GET out", ["GET out"]),
        (b"\r", []),
        (b"", []),
    ],
)
def test_the_last_line_is_heard_without_its_end_when_the_peer_ends_its_side(
    listener, peer, data, heard
):
    peer.send(data)
    peer.end()
    assert peer.rest() == (NO_UTF8 + "\n" if b"\xc3" in data else "")
    assert listener.find(left(peer)) == [said(peer, text) for text in heard]


@pytest.mark.parametrize(
    ("data", "answer", "how"),
    [
        (b"/who", "- 2 users online:\n- {listener}, {peer}\n", ""),
        (b"/nope", UNKNOWN.format("nope") + "\n", ""),
        (b"/quit so long", "", ": so long"),
        (b"x" * (MAX_LINE + 2), LONG_LINE + "\n", ""),
        (b"x" * 100_000, LONG_LINE + "\n", ""),
    ],
    ids=["who", "unknown", "quit", "too long", "much too long"],
)
def test_the_last_line_is_answered_without_its_end_before_the_daemon_closes(
    listener, peer, data, answer, how
):
    peer.send(data)
    peer.end()
    assert peer.rest() == answer.format(listener=listener.name, peer=peer.name)
    assert listener.line() == left(peer, how=how)


# Lines that are too long.


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("size", [MAX_LINE + 1, MAX_LINE + 2, MAX_LINE + 3, 65536, 200_000])
def test_a_line_too_long_is_refused_once_and_the_next_is_heard(listener, peer, size, end):
    peer.send(b"x" * size + end + b"still here" + end + b"/nope" + end)
    assert listener.line() == said(peer, "still here")
    assert peer.lines(2) == [LONG_LINE, UNKNOWN.format("nope")]


@whole_and_in_pieces
def test_lines_too_long_and_lines_of_the_right_length_may_alternate(listener, peer, send):
    data = b"".join(b"y" * 5000 + b"\r\n" + b"line %d\n" % number for number in range(20))
    heard = send(peer, listener, data) + all_heard(listener, peer)
    assert heard == [said(peer, f"line {number}") for number in range(20)]
    peer.send(b"/nope\n")
    assert peer.find(UNKNOWN.format("nope")) == [LONG_LINE] * 20


def test_a_line_of_10_mb_is_refused_once_and_takes_no_memory(start_daemon):
    daemon = start_daemon("--rate", "0")
    with unharmed(daemon):
        listener = daemon.join()
        listener.line()
        peer = join(daemon, listener)
        peer.send(b"x" * 1_000_000 + b"\n")  # What one such line costs once, for all to come.
        assert peer.line() == LONG_LINE
        before = peak_memory(daemon)
        peer.send(b"x" * 10_000_000 + b"\nstill here\n")
        assert listener.line() == said(peer, "still here")
        peer.send(b"/nope\n")
        assert peer.lines(2) == [LONG_LINE, UNKNOWN.format("nope")]
        assert peak_memory(daemon) - before < 1_000_000


def peak_memory(daemon: Daemon) -> int:
    """The most bytes that the daemon ever held in memory."""
    with open(f"/proc/{daemon.child.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


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


# Commands.


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"/nope", "nope"),
        (b"/nope [bob] hi", "nope"),
        (b"/who2", "who2"),
        (b"/help,", "help,"),
        (b"/nope\tx", "nope"),
        (b"/x/y", "x/y"),
        (b"/{0}%s", None),
        (b"/x{0}%s", "x{0}%s"),
        (b"/x\x1b[2J", "x␛[2j"),
        (b"/x" + b"y" * 500, "x" + "y" * 23),
    ],
)
def test_an_unknown_command_is_refused_and_not_said(listener, peer, line, name):
    peer.send(line + b"\n")
    if name is None:
        assert listener.line() == said(peer, line.decode())
    else:
        assert peer.line() == UNKNOWN.format(name)
    assert all_heard(listener, peer) == []


# Who vanishes.


@pytest.mark.parametrize("moment", ["before it is let in", "after it has read a part"])
def test_a_reset_in_the_middle_of_the_greeting_is_one_entered_and_one_left(
    start_daemon, tmp_path, moment
):
    motd = tmp_path / "motd"
    motd.write_bytes((b"x" * 4000 + b"\n") * 50)
    daemon = start_daemon("--motd", str(motd))
    with unharmed(daemon):
        listener = daemon.join()
        listener.lines(51)
        with socket.socket() as raw:
            # So small that most of the greeting cannot leave.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.settimeout(PATIENCE)
            if moment == "before it is let in":
                with asleep(daemon):
                    raw.connect(("127.0.0.1", daemon.port))
                    name = "{}:{}".format(*raw.getsockname())
                    raw.close()
            else:
                raw.connect(("127.0.0.1", daemon.port))
                name = "{}:{}".format(*raw.getsockname())
                assert raw.recv(20) == b"> Connected to the c"
                raw.close()
        assert listener.lines(2) == [
            f"> New user {name} entered (2 users online)",
            f"< The user {name} left (1 user online)",
        ]
        # The newcomers of the end are greeted with more than a line.
        daemon.peers.remove(listener)
        listener.end()
        listener.rest()
        listener.close()


LINES = {
    "one line": [b"hi\n"],
    "a line without its end": [b"hi\nho"],
    "only a line without its end": [b"ho"],
    "S": [b"S"],
    "60 KB": [b"line %06d" % number + b"x" * 50 + b"\n" for number in range(60_000 // 62)],
    "60 KB of long lines": [b"%d" % number + b"x" * 3990 + b"\n" for number in range(15)],
}


@pytest.mark.parametrize("others_talk", [False, True], ids=["alone", "while others talk"])
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_what_was_sent_before_a_reset_is_heard(daemon, listener, peer, lines, others_talk):
    data = b"".join(lines)
    texts = data.removesuffix(b"\n").decode().split("\n")
    with asleep(daemon):
        if others_talk:
            listener.send(b"hello\n" * 100)
        peer.send(data)
        until(lambda: is_delivered(peer))
        peer.reset()
    assert listener.find(left(peer)) == [said(peer, text) for text in texts]


def test_what_was_sent_before_a_reset_is_heard_also_of_who_was_not_let_in_yet(daemon, listener):
    with asleep(daemon):
        peer = daemon.join()
        peer.send(b"hi\nho")
        peer.reset()
    assert listener.lines(4) == [
        f"> New user {peer.name} entered (2 users online)",
        said(peer, "hi"),
        said(peer, "ho"),
        left(peer),
    ]


def hear_them_go(listener: Peer, number: int) -> None:
    """Read until `number` members have entered and left, each once and each count right."""
    present = set()
    entered = gone = 0
    while gone < number:
        mark, name, verb, count = re.fullmatch(
            r"([<>]) (?:New|The) user (\S+) (\w+) \((.*) online\)", listener.line()
        ).groups()
        if mark == ">":
            assert (verb, name in present) == ("entered", False)
            present.add(name)
            entered += 1
        else:
            assert verb == "left"
            present.remove(name)
            gone += 1
        assert count == users(1 + len(present))
    assert (entered, present) == (number, set())


@pytest.mark.parametrize("moment", ["in the room", "before they are let in"])
def test_10000_connections_that_vanish_at_once_leave_one_by_one(daemon, listener, moment):
    for _ in range(10):
        if moment == "in the room":
            vanish(daemon, 1000)
        else:
            with asleep(daemon):
                vanish(daemon, 1000)
        hear_them_go(listener, 1000)
    listener.send(b"/who\n")
    assert listener.lines(2) == ["- 1 user online:", f"- {listener.name}"]


def vanish(daemon: Daemon, number: int) -> None:
    """Connect `number` peers and reset them all."""
    for vanishing in [daemon.join() for _ in range(number)]:
        vanishing.reset()


def test_1000_members_that_vanish_in_the_same_moment_leave_one_by_one(daemon, listener):
    peers = [daemon.join() for _ in range(1000)]
    for count, peer in enumerate(peers, 2):
        assert listener.line() == f"> New user {peer.name} entered ({users(count)} online)"
    with asleep(daemon):
        for peer in peers:
            peer.reset()
    names = {peer.name for peer in peers}
    for count in range(1000, 0, -1):
        name = re.fullmatch(rf"< The user (\S+) left \({users(count)} online\)", listener.line())[1]
        names.remove(name)
    listener.send(b"/who\n")
    assert listener.lines(2) == ["- 1 user online:", f"- {listener.name}"]
