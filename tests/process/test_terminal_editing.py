"""The line that is typed in chat-client on a terminal: never torn, and easily mended."""

from __future__ import annotations

import termios

from tests.support.clients import GREETING
from tests.support.processes import PATIENT_CLIENT

LEFT, UP, DOWN, HOME, BACKSPACE = "\x1b[D", "\x1b[A", "\x1b[B", "\x1b[H", "\x7f"


def test_half_a_line_stays_whole_below_what_arrives(ann):
    ann.type("half a li")
    ann.find("half a li")
    ann.guest.send(b"[bob] one\n[bob] two\n")
    ann.shows(f"{GREETING}[bob] one\n[bob] two\nhalf a li")
    ann.until(lambda _: ann.cursor == len("half a li"))
    ann.type("ne\n")
    ann.shows(f"{GREETING}[bob] one\n[bob] two\nhalf a line\n[You] half a line\n")
    assert ann.guest.line() == "half a line"


def test_line_that_wraps_is_not_torn_either(ann):
    typed = "word " * 50 + "end"
    ann.type(typed)
    ann.find("end")
    ann.guest.send(b"[bob] one\n")
    ann.until(lambda screen: "[bob] one" in screen and screen.endswith("end"))
    # 253 characters on 100 columns.
    assert ann.screen.removeprefix(f"{GREETING}[bob] one\n") == "\n".join(
        [typed[:100].rstrip(), typed[100:200].rstrip(), typed[200:]]
    )
    ann.type("\n")
    assert ann.guest.line() == typed


def test_line_longer_than_the_screen_is_said_whole(ann):
    typed = "".join(f"{number:05}" for number in range(1000))
    ann.type(typed)
    ann.find("00999")
    ann.guest.send(b"[bob] one\n")
    ann.until(lambda screen: "[bob] one" in screen and screen.endswith("00999"))
    ann.type("\n")
    assert ann.guest.line() == typed


def test_many_lines_that_arrive_push_it_down_whole(ann):
    ann.type("half")
    ann.find("half")
    lines = [f"[bob] {number}" for number in range(200)]
    ann.guest.send("".join(f"{line}\n" for line in lines).encode())
    ann.shows(GREETING + "".join(f"{line}\n" for line in lines) + "half")


def test_lines_as_wide_as_the_screen_or_wider_leave_it_in_its_place(ann):
    ann.type("half")
    ann.find("half")
    lines = [f"[bob] {'x' * width}{width}" for width in (91, 92, 93, 191, 192, 193)]
    for line in lines:
        ann.guest.send(f"{line}\n".encode())
        word = line.removeprefix("[bob] ")
        ann.until(lambda screen, word=word: screen.replace("\n  ", "").endswith(f"{word}\nhalf"))
    assert max(map(len, ann.screen.splitlines())) == 100


def test_wide_and_combining_characters_keep_the_cursor_where_it_belongs(ann):
    ann.type("日本語 é")
    ann.find("日本語 é")
    ann.until(lambda _: ann.cursor == 8)
    ann.guest.send("[bob] 漢字\n".encode())
    ann.shows(f"{GREETING}[bob] 漢字\n日本語 é")
    ann.type(LEFT * 3 + BACKSPACE + "\n")
    assert ann.guest.line() == "日語 é"


def test_a_character_that_is_typed_in_pieces_is_one(ann):
    for byte in "ü☃".encode():
        ann.child.ptyproc.write(bytes([byte]))
    ann.find("ü☃")
    ann.type("\n")
    assert ann.guest.line() == "ü☃"


def test_bytes_that_are_no_character_are_said_as_replacements(ann):
    ann.child.ptyproc.write(b"a\xff\xc3b\n")
    ann.find("[You] a")
    assert ann.guest.line() == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


def test_a_line_is_mended_with_the_usual_keys(ann):
    for keys, said in (
        (f"first{UP}{DOWN}\n", "first"),  # Nothing stands above it yet.
        (f"ac{LEFT}b\n", "abc"),
        (f"bc{HOME}a\n", "abc"),
        (f"abd{BACKSPACE}c\n", "abc"),
        (f"abc{LEFT}\x04\n", "ab"),
        ("junk\x15abc\n", "abc"),
        ("abc junk\x17\n", "abc "),
    ):
        ann.type(keys)
        assert ann.guest.line() == said


def test_lines_typed_before_come_back_with_the_up_key(ann):
    for line in ("one", "two", "/nosuch x"):
        ann.type(f"{line}\n")
        assert ann.guest.line() == line
    ann.find("/nosuch x")
    # Until a key is shown the editor may still be busy with the line before.
    ann.type("x")
    ann.until(lambda screen: screen.endswith("\nx"))
    ann.type("\x7f")
    for keys, shown in ((UP, "/nosuch x"), (UP, "two"), (UP, "one"), (DOWN, "two")):
        ann.type(keys)
        ann.until(lambda screen, shown=shown: screen.endswith(f"\n{shown}"))
    ann.type(" again\n")
    assert ann.guest.line() == "two again"


def test_what_is_typed_before_the_greeting_is_said_after_it(person, server):
    ann = person("127.0.0.1", server.port, program=PATIENT_CLIENT)
    guest = server.accept()
    ann.type("early\n")
    ann.find("early")
    guest.greet()
    ann.shows(f"early\n{GREETING}[You] early\n")
    assert guest.line() == "early"


def test_what_is_typed_before_the_greeting_is_said_also_when_that_is_all(person, server):
    ann = person("127.0.0.1", server.port, program=PATIENT_CLIENT)
    guest = server.accept()
    ann.type("early\n\x04")
    ann.find("early")
    guest.greet()
    assert guest.rest() == "early\n"
    guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"early\n{GREETING}[You] early\nexit\n"


def test_a_window_of_another_size_shows_the_line_whole(ann):
    ann.type("x" * 50)
    ann.find("x" * 50)
    ann.resize(12, 30)
    ann.guest.send(b"[bob] narrow\n")
    ann.until(lambda screen: screen.endswith("[bob] narrow\n" + "x" * 30 + "\n" + "x" * 20))
    ann.type("\n")
    assert ann.guest.line() == "x" * 50


def test_interrupt_shows_as_on_any_terminal_that_echoes(person, server):
    ann = person("127.0.0.1", server.port, echo=True)
    guest = server.greet()
    ann.shows(GREETING)
    ann.type("half\x03")
    ann.find("half^Cexit")
    guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}half^Cexit\n"


def test_second_interrupt_and_what_is_typed_while_it_ends_show_nothing(ann):
    ann.type("\x03")
    ann.shows(f"{GREETING}exit\n")
    ann.type("late\n\x03")
    assert ann.guest.rest() == ""
    ann.guest.close()
    assert ann.wait() == 0
    assert ann.screen == f"{GREETING}exit\n"


def test_the_terminal_is_left_as_it_was(ann):
    assert not termios.tcgetattr(ann.child.fileno())[3] & termios.ICANON
    ann.type("\x03")
    ann.guest.close()
    ann.find("exit")
    ann.until_raw("\x1b[?2004l")
    ann.wait()
    for on, off in (("[?2004h", "[?2004l"), ("[?25l", "[?25h"), ("[?7l", "[?7h")):
        assert ann.raw.rfind(f"\x1b{on}") < ann.raw.rindex(f"\x1b{off}")


def test_suspending_it_loses_nothing(ann):
    # A process that nobody could continue is not stopped.
    ann.type("half\x1a")
    ann.type("way\n")
    assert ann.guest.line() == "halfway"


def test_quoted_line_end_ends_a_line(ann):
    ann.type("one\x11\ntwo\n")
    assert ann.guest.lines(2) == ["one", "two"]
