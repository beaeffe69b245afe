"""`chatctl`: the daemon's commands from the shell, over the socket in its state folder.

It knows no command: it hands over what it was told, and shows what comes back. It imports only what
that takes, and so starts in a few hundredths of a second.
"""

from __future__ import annotations

import getopt
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import NoReturn

from twisted_chat.descriptors import write_some

DEFAULT_STATE = "state"
"""The folder if neither --state nor CHAT_STATE names one."""

PATIENCE = 20.0
"""Seconds without a byte after which the daemon is taken not to answer."""

USAGE = """\
Usage: chatctl [options] COMMAND [ARGUMENT ...]
Have the chat daemon of a state folder obey COMMAND.
Options, which may stand anywhere before a --:
      --state=FOLDER  The folder that the daemon was started with
                      [default: $CHAT_STATE, or state]
      --room=ROOM     The room that it is about
                      [default: all for who and say, lobby for others]
      --json          Print one JSON object for each line, also for an error.
      --version       Show the version and exit.
  -h, --help          Show this and exit.
The exit status is 0, or 1 when something was not done, or 2 for a wrong command
line.
Commands:
"""

Events = list[dict[str, object]]
"""What the daemon answers, as ControlDialect has it."""


class Failed(Exception):
    """What went wrong and what to do, in one line."""


def main() -> NoReturn:
    """Obey the command line. Raises SystemExit."""
    names = ["state=", "room=", "json", "version", "help"]
    try:
        given, words = getopt.gnu_getopt(sys.argv[1:], "h", names)
    except getopt.GetoptError as error:
        _refuse_usage(f"{error} (--help lists them; what follows -- is none)")
    options = dict(given)
    for name, value in given:
        if f"{name[2:]}=" in names and not value:
            _refuse_usage(f"{name} is empty: give it a value, or leave it out")
    if "--help" in options or "-h" in options:
        print(USAGE + _commands(), end="")
        sys.exit(0)
    if "--version" in options:
        from twisted_chat import __version__

        print(f"twisted-chat {__version__}")
        sys.exit(0)
    if not words:
        _refuse_usage("which command? (--help lists them)")
    folder = options.get("--state") or os.environ.get("CHAT_STATE") or DEFAULT_STATE
    room = options.get("--room", "")
    try:
        events = ask(folder, words[0], " ".join(words[1:]), room)
    except Failed as error:
        events = [{"event": "refused", "text": str(error)}]
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.exit(_show(events, "--json" in options))


def _refuse_usage(why: str) -> NoReturn:
    print(f"chatctl: {why}", file=sys.stderr)
    sys.exit(2)


def _commands() -> str:
    """Return the commands for chatctl: how they are written, and what they do."""
    # Only here: they take ten times as long to import as all the rest.
    from textwrap import fill

    from twisted_chat.authorisation import Door, refusal
    from twisted_chat.commands import TABLE
    from twisted_chat.records import Role

    lines = (
        f"{command.usage(Door.CONTROL)}: {command.help}"
        for command in TABLE.commands.values()
        if refusal(command.right, Door.CONTROL, Role.OPERATOR) is None
    )
    return "".join(
        fill(line, 80, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
        + "\n"
        for line in lines
    )


def ask(folder: str, command: str, argument: str, room: str, patience: float = PATIENCE) -> Events:
    """Return what the daemon of `folder` answers. Raises Failed, also if it sends nothing for
    `patience` seconds.

    The current folder is another one afterwards.
    """
    request = {"command": command, "argument": argument, "room": room}
    data = json.dumps({key: _utf8(text) for key, text in request.items()}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        _connect(connection, folder)
        try:
            answer = _exchange(connection, data)
        except TimeoutError as error:
            raise Failed(
                f"the daemon of {folder} does not answer for {patience:g} s: its log may say why, "
                "and it may do yet what you asked"
            ) from error
    try:
        events: Events = list(map(json.loads, answer.splitlines()))
        if events.pop()["event"] == "end":
            return events
    except (ValueError, LookupError, TypeError):
        pass
    raise Failed(
        f"the daemon of {folder} went away before its answer was whole: its log may say why, and "
        "it may have done what you asked"
    )


def _utf8(text: str) -> str:
    """Return an argument in which U+FFFD stands for each byte that is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _connect(connection: socket.socket, folder: str) -> None:
    """Connect to the daemon of `folder`. Raises Failed."""
    try:
        # The path of a socket is bounded to a hundred bytes, and the one that is given here may be
        # longer than the daemon's: a link, or one from elsewhere.
        os.chdir(folder)
    except PermissionError as error:
        raise Failed(_no_right(folder, folder)) from error
    except OSError as error:
        raise Failed(
            f"{folder}: {error.strerror}: name the folder that the daemon was started with, by "
            "--state or CHAT_STATE"
        ) from error
    try:
        connection.connect("control.sock")
    except PermissionError as error:
        raise Failed(_no_right(folder, ".")) from error
    except FileNotFoundError as error:
        raise Failed(
            f"no daemon runs on {folder}: start it with --state {folder}, or name the folder of "
            "another by --state or CHAT_STATE"
        ) from error
    except ConnectionRefusedError as error:
        raise Failed(
            f"the daemon of {folder} has died: start it again with --state {folder}"
        ) from error
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"the daemon of {folder} takes no connection ({why}): try again") from error


def _no_right(folder: str, path: str) -> str:
    owner = "the user that the daemon runs as"
    with suppress(OSError, KeyError):
        import pwd

        owner = f"its owner, {pwd.getpwuid(os.stat(path).st_uid).pw_name}"
    return f"{folder}: this user has no right to it: run chatctl as {owner}"


def _exchange(connection: socket.socket, data: bytes) -> bytes:
    """Send `data`. Return all that comes until the connection ends, in whatever way."""
    answer = []
    # A request that is refused before it is sent gets its answer all the same.
    with suppress(ConnectionError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            answer.append(part)
    return b"".join(answer)


def _show(events: Events, as_json: bool) -> int:
    """Write `events` out; the status to end with."""
    # A reader that has stopped reading wants no words about it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    refusals = [event["text"] for event in events if event["event"] == "refused"]
    if as_json:
        # JSON is UTF-8, whatever the terminal is.
        lines = [json.dumps(_record(event), ensure_ascii=False) for event in events]
        encoding = "utf-8"
    else:
        lines = [_words(event) for event in events if event["event"] != "refused"]
        encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    try:
        _write(1, "".join(f"{line}\n" for line in lines), encoding)
    except OSError as error:
        refusals.append(f"cannot write: {error.strerror}")
        as_json = False
    if not as_json:
        with suppress(OSError):
            _write(2, "".join(f"chatctl: {text}\n" for text in refusals), encoding)
    return 1 if refusals else 0


def _words(event: dict[str, object]) -> str:
    """Return `event` for people."""
    return str(event["line"] if "line" in event else event["text"])


def _record(event: dict[str, object]) -> dict[str, object]:
    """Return `event` for programs: all its fields, and as `text` its words if it has no text."""
    values = dict(event)
    name, line, record = values.pop("event"), values.pop("line", ""), values.pop("record", None)
    text = values.pop("text", line)
    lead = {"error": text} if name == "refused" else {"text": text}
    return {**lead, **values, **(record if isinstance(record, dict) else {})}


def _write(file: int, text: str, encoding: str) -> None:
    """Write all of `text`. Nothing is left in a buffer that could fail at the very end."""
    data = text.encode(encoding, "backslashreplace")
    while data:
        data = data[write_some(file, data) :]
