"""A daemon that cannot start says why in one line, however it is started."""

from __future__ import annotations

import gc
import os
import re
import socket
import sys
import warnings

import pytest
from twisted.internet import reactor

from tests.support.daemons import (
    complaint,
    in_own_network,
    own_network,
)
from tests.support.processes import (
    CHAT_CLIENT,
    CHAT_SERVER,
    CHATCTL,
    CHECKOUT,
    TWIST,
    TWISTD,
)
from twisted_chat.daemon.options import Options
from twisted_chat.limits import (
    MAX_LINE,
    MOTD_LINES,
)


@pytest.fixture
def refuse_everywhere(start, daemonised, tmp_path):
    """Start it in all ways with the same arguments, from `tmp_path`; the line that all refuse with.

    `refuse_everywhere("--port", 1)`.
    """
    programs = [TWISTD, TWIST, daemonised.program]

    def refuse(*arguments):
        processes = [start([*program, *map(str, arguments)], cwd=tmp_path) for program in programs]
        line, *others = [complaint(process) for process in processes]
        assert others == [line, line]
        assert line.startswith("chat: ")
        assert not daemonised.pid_file.exists()
        return line

    return refuse


@pytest.fixture
def refuse_each(monkeypatch, capsys, tmp_path):
    """Make a daemon in this process with each of several lists of arguments, from `tmp_path`.
    Return the lines that it refuses with.

    `refuse_each(["--port=x"], ["--port=y"])`.
    """
    monkeypatch.chdir(tmp_path)

    def refuse(*variants):
        with warnings.catch_warnings():
            # What a daemon leaves open when it refuses, its process closes.
            warnings.simplefilter("ignore", ResourceWarning)
            lines = [refusal_of(variant, capsys) for variant in variants]
            gc.collect()
        return lines

    return refuse


def refusal_of(arguments, capsys):
    """Return the line with which a daemon refuses to start in this process."""
    options, before = Options(), reactor.getReaders()

    def start():
        options.parseOptions(list(map(str, arguments)))
        options.make_service(reactor)

    with pytest.raises(SystemExit) as refused:
        start()
    for opened in {*reactor.getReaders()}.difference(before):
        opened.stopListening()
    out, err = capsys.readouterr()
    assert out == ""
    # A process that ends with a text writes it to standard error.
    code = refused.value.code
    line = err.removesuffix("\n") if isinstance(code, int) else err + code
    assert line.startswith("chat: ")
    assert "\n" not in line
    return line


@pytest.fixture
def refuse_below(start, tmp_path):
    """Start a daemon below `prefix` with each of several lists of arguments, from `tmp_path`.
    Return the lines that they refuse with.
    """

    def refuse(prefix, *variants):
        processes = [start([*prefix, *TWISTD, *variant], cwd=tmp_path) for variant in variants]
        return [complaint(process) for process in processes]

    return refuse


def test_a_port_that_is_taken_is_refused(refuse_everywhere):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refuse_everywhere("--port", port)
        assert line.startswith(f"chat: --port {port}: Address already in use; something is there")


def test_an_unknown_option_is_refused(refuse_everywhere):
    assert re.search("--prot.*--help", refuse_everywhere("--prot=1"))


def test_an_argument_is_refused(refuse_each):
    [line] = refuse_each(["8888"])
    assert re.search("'8888'.*--help", line)


def test_an_address_of_another_machine_is_refused(refuse_each):
    [line] = refuse_each(["--host=192.0.2.1", "--port=0"])
    assert re.match(r"chat: --host 192\.0\.2\.1 --port 0: .*: choose another$", line)


@pytest.mark.parametrize(
    ("option", "expected", "values"),
    [
        ("--port", "from 0 to 65535", ["x", "-1", "65536", "9" * 5000]),
        ("--max-line", "from 64 to 1048576", ["63", "1048577"]),
        ("--rate", "from 0 to 1000000000", ["-1"]),
        ("--burst", "from 1 to 1000000000", ["0"]),
        ("--backlog", "from 4096 to 1073741824", ["4095"]),
        ("--stall", "from 1 to 60", ["0", "61"]),
        ("--max-users", "from 1 to 1000000", ["0", "1e3"]),
        ("--max-per-address", "from 1 to 1000000", ["0"]),
        ("--max-rooms", "from 1 to 1000000", ["0", "1000001"]),
        ("--history", "from 0 to 100000", ["-1", "100001"]),
        ("--history-bytes", "from 65536 to 68719476736", ["65535", "68719476737"]),
        ("--replay", "from 0 to 100000", ["-1", "100001"]),
    ],
)
def test_a_number_that_is_none_or_out_of_range_is_refused(refuse_each, option, expected, values):
    lines = refuse_each(*([option, value] for value in values))
    for value, line in zip(values, lines, strict=True):
        assert f"{option} must be a whole number {expected}, not {value[:40]!r}" in line


def test_a_state_folder_whose_path_is_too_long_for_a_socket_is_refused(refuse_each, tmp_path):
    folder = tmp_path / ("x" * 200)
    [line] = refuse_each(["--port=0", "--state", folder])
    assert line == (
        f"chat: {folder}/control.sock is too long for the path of a socket: choose a folder with a "
        "shorter one"
    )


def test_a_state_folder_that_is_none_is_refused(refuse_each, tmp_path):
    (tmp_path / "file").touch()
    nowhere, file = refuse_each(["--port=0", "--state=missing/state"], ["--port=0", "--state=file"])
    assert nowhere == (
        f"chat: --state {tmp_path}/missing/state: No such file or directory: make its parent "
        "folder first"
    )
    assert file == f"chat: --state {tmp_path}/file: Not a directory: name a folder"


def test_an_option_without_its_value_is_refused(refuse_each):
    [line] = refuse_each(["--port"])
    assert re.search("--port requires argument.*--help", line)


def test_an_empty_path_is_refused(refuse_each):
    for option in ("--state", "--motd", "--transcript", "--listen", "--host"):
        [line] = refuse_each([f"{option}="])
        assert line.startswith(f"chat: {option} is empty: give it a value, or leave it out (")


@pytest.mark.parametrize(
    ("mode", "what"), [(0o644, "others can read it"), (0o620, "its group can write to it")]
)
def test_a_transcript_that_others_can_use_is_refused(refuse_each, tmp_path, mode, what):
    path = tmp_path / "transcript"
    path.write_text("what was said before\n")
    path.chmod(mode)
    [line] = refuse_each(["--transcript=transcript"])
    assert line == f"chat: --transcript {path}: {what}: chmod 600 {path}, or choose another file"
    assert path.read_text() == "what was said before\n"


def test_times_in_a_log_that_has_its_own_are_refused(refuse_each):
    for line in refuse_each(
        ["--transcript-time"],
        ["--transcript-time", "--transcript=log"],
        ["--transcript-time", "--transcript=none"],
    ):
        assert line.startswith("chat: --transcript-time goes with --transcript FILE or -: the log")


def test_an_endpoint_that_does_not_parse_is_refused(refuse_each):
    [line] = refuse_each(["--listen=nonsense"])
    assert re.match("chat: --listen nonsense: .*: write it like tcp:8888", line)
    values = [
        "8888",
        "tcp:http",
        "tcp:0:colour=red",
        "unix:chat.sock:mode=rw",
        "ssl:0:privateKey=missing.pem",
        "systemd:domain=INET:index=0",
    ]
    lines = refuse_each(*(["--listen", value] for value in values))
    for value, line in zip(values, lines, strict=True):
        assert line.startswith(f"chat: --listen {value}: ")
        assert "write it like" in line


def test_a_unix_socket_without_a_path_is_refused(refuse_each):
    for line in refuse_each(["--listen=unix:"], ["--listen=unix::mode=660"], ["--listen=unix"]):
        assert line.startswith("chat: --listen unix")
        assert "write it like" in line
        assert "in use" not in line


def test_a_folder_without_certificates_is_refused(refuse_each, tmp_path):
    """A bare number is a folder there, and the port would be 443."""
    (tmp_path / "a:b").mkdir()
    quoted = str(tmp_path / "a:b").replace(":", r"\:")
    for line in refuse_each(
        ["--listen=tls:8801"], ["--listen=tls:path=missing:port=0"], [f"--listen=tls:{quoted}:0"]
    ):
        assert "no certificate (*.pem) is in a folder" in line
        assert "tls:FOLDER:port=8889" in line


def test_a_chat_on_its_own_standard_input_is_refused(refuse_each):
    """It would mix with log and transcript, and its transport cannot be aborted."""
    for line in refuse_each(["--listen=stdio:"], ["--listen=STDIO:"]):
        assert re.match("chat: --listen (stdio|STDIO):: .*: use chat-client", line)


def test_a_proxy_behind_which_nobody_has_an_address_is_refused(refuse_each):
    """It would be greeted in the place of those who come through it, and all of them were local."""
    [line] = refuse_each(["--listen=haproxy:tcp:0"])
    assert re.match(
        "chat: --listen haproxy:tcp:0: the proxy would be greeted.*like proxy:tcp:8890", line
    )
    for line in refuse_each(
        ["--listen=HAProxy:tcp:0"],
        ["--listen=haproxy:unix:chat.sock"],
        ["--listen=haproxy:haproxy:tcp:0"],
        ["--port=0", "--listen=haproxy:tcp:0"],
    ):
        assert "the proxy would be greeted" in line


def test_an_endpoint_of_a_kind_that_may_hide_where_people_come_from_is_refused(
    refuse_below, tmp_path
):
    """As those of Tor, or of any plugin that wraps others."""
    plugins = tmp_path / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "veiled.py").write_text(
        """
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

@implementer(IPlugin, IStreamServerEndpointStringParser)
class Veiled:
    prefix = "veiled"

    def parseStreamServer(self, reactor, *arguments, **keywords):
        return serverFromString(reactor, ":".join(arguments))

veiled = Veiled()
"""
    )
    prefix = ["env", f"PYTHONPATH={tmp_path}:{CHECKOUT}"]
    for line in refuse_below(
        prefix,
        ["--listen=veiled:tcp:0"],
        ["--listen=Veiled:haproxy:tcp:0"],
        [r"--listen=ha\proxy:tcp:0"],
    ):
        assert "may not tell where people come from" in line


@pytest.mark.parametrize(("family", "domain"), [("AF_UNIX", "INET"), ("AF_INET", "UNIX")])
def test_a_socket_of_systemd_that_is_of_another_domain_is_refused(start, family, domain):
    """Of its peers the addresses would be misread."""
    systemd = (
        "import os, socket, sys; opened = socket.socket(getattr(socket, sys.argv[1])); "
        "opened.bind('' if sys.argv[1] == 'AF_UNIX' else ('127.0.0.1', 0)); opened.listen(); "
        "os.dup2(opened.fileno(), 3); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='chat'); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    where = f"--listen=systemd:domain={domain}:index=0"
    process = start([sys.executable, "-Sc", systemd, family, *TWISTD, where])
    assert complaint(process).startswith(f"chat: --listen systemd:domain={domain}:index=0: ")


def test_an_endpoint_that_cannot_be_opened_is_refused(refuse_each, tmp_path):
    (tmp_path / "file").touch()
    missing, taken, too_long, high = refuse_each(
        ["--listen=unix:missing/chat.sock"],
        ["--listen=unix:file"],
        [f"--listen=unix:{'x' * 200}"],
        ["--listen=tcp:70000"],
    )
    assert "unix:missing/chat.sock: No such file or directory" in missing
    assert "unix:file: " in taken
    assert "--port" not in taken
    assert "path too long" in too_long
    assert "0-65535" in high
    assert (tmp_path / "file").is_file()


WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
"""Takes root's rights from a program."""


@own_network
def test_a_port_that_only_root_may_open_is_refused(refuse_below):
    [line] = refuse_below(in_own_network("true", *WITHOUT_RIGHTS), ["--port=80"])
    assert re.match(r"chat: --port 80: Permission denied", line)


def test_files_and_sockets_without_the_right_to_them_are_refused(refuse_below, tmp_path):
    (tmp_path / "motd").touch(0)
    (tmp_path / "transcript").touch(0o400)
    (tmp_path / "locked").mkdir(0o500)
    motd, transcript, unix = refuse_below(
        [] if os.geteuid() else WITHOUT_RIGHTS,
        ["--motd=motd"],
        ["--transcript=transcript"],
        ["--listen=unix:locked/chat.sock"],
    )
    assert "--motd motd: Permission denied" in motd
    assert re.search("--transcript .*transcript: Permission denied", transcript)
    assert "unix:locked/chat.sock: Permission denied" in unix
    assert "--port" not in unix


def test_a_message_of_the_day_that_cannot_be_shown_is_refused(refuse_each, tmp_path):
    (tmp_path / "many").write_bytes(b"x\n" * (MOTD_LINES + 1))
    (tmp_path / "long").write_bytes(b"x" * 65)
    missing, directory, many, long, endless = refuse_each(
        ["--motd=missing"],
        ["--motd", tmp_path],
        ["--motd", "many"],
        ["--motd", "long", "--max-line=64"],
        ["--motd", "/dev/zero"],
    )
    assert "--motd missing: No such file or directory" in missing
    assert f"--motd {tmp_path}: Is a directory" in directory
    for line, most in ((many, MAX_LINE), (long, 64), (endless, MAX_LINE)):
        assert f"at most {MOTD_LINES} lines of at most {most} bytes" in line


def test_a_message_of_the_day_that_is_no_utf8_is_refused(refuse_each, tmp_path):
    encodings = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")
    for encoding in encodings:
        (tmp_path / encoding).write_bytes("Grüße\r\n日本\r\n".encode(encoding))
    # However long it is: its encoding is what has to be mended first.
    (tmp_path / "long").write_text("x\n" * 1000, "utf-16")
    for line in refuse_each(*(["--motd", name] for name in (*encodings, "long"))):
        assert re.search("this is no UTF-8 but something like UTF-16: save it as UTF-8", line)


def test_a_transcript_that_cannot_be_opened_is_refused(refuse_everywhere, refuse_each, tmp_path):
    line = refuse_everywhere("--transcript=missing/transcript")
    assert re.search("--transcript .*missing/transcript: No such file or directory", line)
    os.mkfifo(tmp_path / "pipe")
    directory, pipe = refuse_each(["--transcript", tmp_path], ["--transcript=pipe"])
    assert f"--transcript {tmp_path}: Is a directory" in directory
    assert f"--transcript {tmp_path / 'pipe'}: " in pipe


def test_chat_server_refuses_a_bad_start_in_one_line_too(start):
    variants = [
        (["127.0.0.1", "x"], 2, "PORT must be a whole number from 0 to 65535, not 'x'"),
        ([""], 2, "HOST or PORT is empty: give it a value, or leave it out"),
        (["", "0"], 2, "HOST or PORT is empty: give it a value, or leave it out"),
        (["127.0.0.1", ""], 2, "HOST or PORT is empty: give it a value, or leave it out"),
        (["127.0.0.1", "0", "more"], 2, "only HOST and PORT are expected, and 'more' is one more"),
        (["--host=::1", "127.0.0.1"], 2, "--host ::1 and '127.0.0.1': give only one"),
        (["192.0.2.1", "0"], 1, "host 192.0.2.1 port 0: Cannot assign requested address"),
        (["192.0.2.1:0"], 1, "host 192.0.2.1 port 0: Cannot assign requested address"),
        (["0", "--state=missing/state"], 1, "--state "),
        (["0", "--transcript=missing/file"], 1, "--transcript "),
    ]
    processes = [start([*CHAT_SERVER, *arguments]) for arguments, _, _ in variants]
    for process, (_, status, why) in zip(processes, variants, strict=True):
        assert complaint(process).startswith(f"chat-server: {why}")
        assert process.wait() == status


def test_the_bare_port_of_chat_server_that_is_taken_is_named_as_it_was_typed(start):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        process = start([*CHAT_SERVER, str(port)])
        assert complaint(process).startswith(f"chat-server: port {port}: Address already in use; ")


def test_a_wrong_command_line_ends_with_2_and_what_cannot_be_done_with_1(start, daemonised):
    """However it is started; twistd's own options are its own affair."""
    for program in (TWISTD, TWIST, daemonised.program):
        wrong = start([*program, "--nosuch"])
        not_done = start([*program, "--host=192.0.2.1"])
        assert (wrong.wait(), not_done.wait()) == (2, 1)


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("program", [TWISTD, TWIST, CHAT_SERVER, CHAT_CLIENT, CHATCTL])
def test_every_program_has_help_that_begins_with_usage(start, program, option):
    process = start([*program, option])
    assert process.wait() == 0
    assert process.out.text.startswith("Usage: ")
    assert len(process.out.seen) > 10
    assert process.err.text == ""
