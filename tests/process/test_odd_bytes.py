"""Odd and hostile bytes, against a daemon that serves all of these tests one after the other."""

from __future__ import annotations

import re

import pytest

from tests.support.crowds import left, said
from tests.support.processes import Daemon
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
    send_in_pieces,
    unharmed,
    whole_and_in_pieces,
)

__all__ = ["_unharmed", "daemon", "listener", "peer"]  # Fixtures.


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
