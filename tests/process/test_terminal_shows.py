"""How chat-client shows what arrives: colours, times, the bell, JSON, and nothing that steers."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

from tests.support.clients import GREETING, ended
from twisted_chat.limits import MAX_MAX_LINE

COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-9]|\x1b\[[0-9;]*9[0-7]")
"""A colour is set, whatever else."""

SAMPLES = (
    "[bob] hello",
    "* bob waves",
    "[bob -> you] psst",
    "- a notice",
    "! refused",
    "> New user cat entered (2 users online)",
    "< The user cat left (1 user online): bye",
    "- bob is now rob",
    "- You are now ann",
)


def greeted(person, server, *options, **more):
    """A person on a terminal, and the end of its connection at `server`; `ann` is its name."""
    ann = person(*options, "127.0.0.1", server.port, **more)
    guest = server.greet()
    guest.send(b"- You are now ann\n")
    ann.find("You are now ann")
    return ann, guest


def show(ann, guest, *lines):
    """Send `lines`, and one that is waited for."""
    guest.send("".join(f"{line}\n" for line in (*lines, "- that was all")).encode())
    ann.find("- that was all")


def test_lines_have_colours_and_their_text_is_the_same(person, server):
    ann, guest = greeted(person, server)
    show(ann, guest, *SAMPLES)
    assert len(COLOUR.findall(ann.raw)) >= 5
    ann.shows(
        f"{GREETING}- You are now ann\n"
        + "".join(f"{line}\n" for line in (*SAMPLES, "- that was all"))
    )


def test_a_name_has_the_same_colour_each_time_and_in_each_client(person, server):
    colours = set()
    for _ in range(2):
        ann, guest = greeted(person, server)
        show(ann, guest, "[bob] one", "[bob] two")
        colours.update(re.findall(r"(\x1b\[[0-9;]*m)bob", ann.raw))
    assert len(colours) == 1


def test_there_is_no_colour_when_NO_COLOR_is_set(person, server):
    ann, guest = greeted(person, server, env={"NO_COLOR": "1"})
    show(ann, guest, *SAMPLES)
    ann.type("/\t")
    ann.find("/help")
    assert not COLOUR.search(ann.raw)


def test_NO_COLOR_that_is_empty_says_nothing(person, server):
    ann, guest = greeted(person, server, env={"NO_COLOR": ""})
    show(ann, guest, *SAMPLES)
    assert COLOUR.search(ann.raw)


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_terminal_that_can_do_nothing_is_sent_no_escape_sequence(person, server, term):
    ann, guest = greeted(person, server, env={"TERM": term})
    show(ann, guest, *SAMPLES)
    ann.type("hello\n")
    assert guest.line() == "hello"
    # ^C makes a terminal forget what it has not shown yet.
    ann.find("[You] hello\n")
    ann.type("\x03")
    assert guest.rest() == ""
    guest.close()
    assert ann.wait() == 0
    assert "\x1b" not in ann.raw
    assert ann.screen.endswith("- that was all\n[You] hello\nexit\n")


# The bell.


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_bell_rings_when_somebody_else_says_your_name(person, server, term):
    ann, guest = greeted(person, server, env={"TERM": term})
    show(ann, guest, "[bob] hello", "[cat] anna", "[ann] I am ann", "- ann", "[you -> bob] ann")
    assert "\a" not in ann.raw
    for line in ("[bob] hi Ann!", "* bob waves to ANN", "[bob -> you] psst"):
        before = ann.raw.count("\a")
        show(ann, guest, line)
        ann.until(lambda _, before=before: ann.raw.count("\a") == before + 1)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_bell_is_silent_when_it_is_off(person, server, term):
    ann, guest = greeted(person, server, "--bell", "off", env={"TERM": term})
    show(ann, guest, "[bob] hi ann", "[bob -> you] psst")
    show(ann, guest)
    ann.type("\x7f")
    ann.type("\x03")
    guest.close()
    ann.wait()
    assert "\a" not in ann.raw


def test_bell_does_not_ring_in_a_pipe(client, server):
    process = client("--stay", "--nick", "ann", "127.0.0.1", server.port)
    guest = server.greet()
    guest.send(b"- You are now ann\n[bob] ann\n[bob -> you] psst\n")
    guest.close()
    process.out.find("psst")
    process.end_input()
    process.wait()
    assert "\a" not in process.out.text


def test_bell_rings_for_the_address_of_who_has_no_name(person, server):
    ann = person("127.0.0.1", server.port)
    guest = server.greet()
    host, port = guest.socket.getpeername()
    show(ann, guest, f"[bob] hello {host}:{port}", f"[bob] {host}:{port}1")
    ann.until(lambda _: ann.raw.count("\a") == 1)


# One's own name.


@pytest.mark.parametrize("no_color", ["", "1"])
def test_your_name_is_highlighted_where_it_calls_you(person, server, no_color):
    ann, guest = greeted(person, server, "--time", env={"NO_COLOR": no_color})
    before = len(COLOUR.findall(ann.raw))
    show(
        ann,
        guest,
        "[ann] I am ann",
        "- ann",
        "[cat] anna",
        "> New user ann2 entered (3 users online)",
    )
    assert ann.highlighted == []
    show(
        ann,
        guest,
        "[ann2] Ann: hi ann, ann",
        "* bob waves to ANN",
        "[bob -> you] psst, ann",
        "[you -> bob] ann",
    )
    assert ann.highlighted == ["Ann", "ann", "ann", "ANN", "ann"]
    assert "[ann2] Ann: hi ann, ann\n" in ann.screen
    if no_color:
        assert len(COLOUR.findall(ann.raw)) == before == 0
    # So it is when the line is parted into rows.
    show(ann, guest, f"[bob] {'x' * 92} ann {'y' * 80} ann")
    assert ann.highlighted[5:] == ["ann", "ann"]


def test_a_korean_name_rings_and_is_highlighted_with_what_follows_it(person, server):
    ann = person("--nick", "철수", "127.0.0.1", server.port)
    guest = server.greet()
    assert guest.line() == "/nick 철수"
    guest.send("- You are now 철수\n".encode())
    show(ann, guest, "[bob] 철수야 밥 먹자", "[bob] 김철수 안녕")
    ann.until(lambda _: ann.raw.count("\a") == 1)
    assert ann.highlighted == ["철수"]
    assert "[bob] 철수야 밥 먹자\n" in ann.screen


# The time.


def clock(begin):
    """What the clock on the wall may have read since `begin`, as a pattern."""
    minutes = int((datetime.now() - begin).total_seconds() // 60) + 1
    times = {(begin + timedelta(minutes=past)).strftime("%H:%M") for past in range(minutes + 1)}
    return f"(?:{'|'.join(times)})"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_time_leads_each_line_of_the_chat(person, server, term):
    begin = datetime.now()
    ann, guest = greeted(person, server, "--time", env={"TERM": term})
    ann.type("hello\n")
    ann.find("[You] hello")
    guest.close()
    ann.find("! the server went away; trying until it is back\n")
    ann.find("! the last line may not have been heard")
    ann.type("\x03")
    ann.wait()
    lines = [line for line in ann.screen.splitlines() if line not in ("hello", "exit")]
    assert len(lines) == 5
    for line in lines:
        assert re.match(rf"{clock(begin)} [>\-\[!] ?\w", line), line


def test_time_leads_lines_in_a_pipe(client, server):
    begin = datetime.now()
    process = client("--time", "127.0.0.1", server.port)
    guest = server.greet()
    process.write(b"hello\n")
    process.end_input()
    assert guest.rest() == "hello\n"
    guest.close()
    greeting, own = ended(process)
    assert re.fullmatch(rf"{clock(begin)} {re.escape(GREETING.strip())}", greeting)
    assert re.fullmatch(rf"{clock(begin)} \[You\] hello", own)


# JSON.


def test_json_is_one_object_for_each_event_and_for_what_you_say(client, server):
    process = client("--json", "--commands", "127.0.0.1", server.port)
    guest = server.greet()
    for line in ("[bob] grüße", "[bob -> you] psst", "- words", "! no", "- You are now ann"):
        guest.send(f"{line}\n".encode())
    process.write(b"/who\n")
    process.write("//x ☃\n".encode())
    process.end_input()
    assert guest.rest() == "/who\n//x ☃\n"
    guest.close()
    events = [json.loads(line) for line in ended(process)]
    own = {"event": "said", "name": "you", "text": "/x ☃"}
    assert own in events
    events.remove(own)
    assert events == [
        {"event": "greeting", "count": 1},
        {"event": "said", "name": "bob", "text": "grüße"},
        {"event": "told", "sender": "bob", "receiver": "you", "text": "psst"},
        {"event": "notice", "text": "words"},
        {"event": "refused", "text": "no", "kind": "bad request"},
        {"event": "renamed", "old": "you", "new": "ann"},
    ]


def test_json_tells_the_time_in_utc(client, server):
    begin = datetime.now(timezone.utc).replace(microsecond=0)
    process = client("--json", "--time", "127.0.0.1", server.port)
    guest = server.greet()
    process.end_input()
    guest.rest()
    guest.close()
    [event] = map(json.loads, ended(process))
    time = datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert begin <= time <= datetime.now(timezone.utc)
    assert event == {"event": "greeting", "count": 1}


def test_json_is_bare_on_a_terminal_and_the_clients_own_words_are_not_in_it(person, server):
    ann, guest = greeted_in_json(person, server)
    guest.send(b"[bob] hi ann\n")
    ann.find('"hi ann"')
    ann.type("hello\n")
    assert guest.line() == "hello"
    ann.type("\x04")
    assert guest.rest() == ""
    guest.close()
    assert ann.wait() == 0
    assert "\x1b" not in ann.raw
    assert "\a" not in ann.raw
    for line in ann.screen.splitlines():
        assert json.loads(line)["event"]


def test_json_runs_the_commands_that_a_person_types(person, server):
    ann, guest = greeted_in_json(person, server)
    ann.type("/login ann sesame\n //login x\n /login ann sesame\n//login\n")
    assert guest.lines(3) == ["/login ann sesame", " //login x", "//login"]
    ann.find('"text": "/login"}')
    said = [json.loads(line) for line in ann.screen.splitlines() if line.startswith("{")]
    assert [event["text"] for event in said if event["event"] == "said"] == [" //login x", "/login"]
    assert "! that was not said" in ann.screen


def greeted_in_json(person, server):
    ann = person("--json", "127.0.0.1", server.port)
    guest = server.greet()
    ann.find('"greeting"')
    return ann, guest


def test_json_leaves_the_clients_own_words_to_standard_error(client, server):
    process = client("--json", "127.0.0.1", server.port)
    guest = server.greet()
    process.write(b"x" * (MAX_MAX_LINE + 1) + b"\n")
    process.err.find(f"! a line longer than {MAX_MAX_LINE} bytes was not sent")
    process.end_input()
    assert guest.rest() == ""
    guest.close()
    assert process.wait() == 0
    assert [json.loads(line)["event"] for line in process.out.seen] == ["greeting"]


# What steers a terminal.


def test_nothing_that_a_server_sends_can_move_the_cursor_of_a_terminal(person, server):
    ann, guest = greeted(person, server)
    ann.type("half")
    ann.find("half")
    hostile = [
        b"\x1b[2J\x1b[1;1Hover it", b"\x1b]0;title\x07", b"\x9b31m", b"back\x08\x08\x08",
        b"bare\rreturn", b"<b>bold</b> &amp; \x1b[31mred", b"[x\x1b[5A] up", b"\x0b\x0c\x00",
        "\u202eevil\u2066".encode(), b"tab\there",
    ]  # fmt: skip
    guest.send(b"\n".join(hostile) + b"\n- that was all\n")
    ann.until(lambda screen: screen.endswith("- that was all\nhalf"))
    assert ann.screen.startswith(f"{GREETING}- You are now ann\n␛[2J␛[1;1Hover it\n")
    assert len(ann.screen.splitlines()) == 2 + len(hostile) + 2
    for sequence in ("\x1b[2J", "\x1b]0", "\x9b", "\a", "\x0b", "\x0c", "\x1b[5A", "\u202e"):
        assert sequence not in ann.raw


def test_flood_of_lines_is_shown_whole_and_in_order(person, server):
    ann, guest = greeted(person, server)
    ann.type("half")
    ann.find("half")
    lines = [f"[bob] line {number}" for number in range(20_000)]
    guest.send("".join(f"{line}\n" for line in [*lines, "- that was all"]).encode())
    ann.until_raw("- that was all")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", ann.raw)
    assert re.findall(r"\[bob\] line \d+(?=\r)", shown) == lines
    ann.type(" a line\n")
    assert guest.line() == "half a line"
