"""The command line of `twistd chat`, `twist chat` and `chat-server`."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from importlib.util import find_spec
from typing import ClassVar, cast

from twisted.logger import Logger
from twisted.python.usage import UsageError

from twisted_chat.daemon.house import IChatReactor, freeze_program, make_service
from twisted_chat.daemon.service import ChatService
from twisted_chat.doors.admission import raise_file_limit
from twisted_chat.doors.certificates import ServerCertificate
from twisted_chat.doors.door import Entrance, IDoor
from twisted_chat.doors.listening import ListenError, Place, parse, place_for, places_for
from twisted_chat.doors.proxied import UNIX, Proxies
from twisted_chat.doors.web.heads import Heads, Site, site_in
from twisted_chat.limits import (
    BACKLOG,
    BURST,
    HISTORY,
    HISTORY_BYTES,
    MAX_BACKLOG,
    MAX_HISTORY,
    MAX_HISTORY_BYTES,
    MAX_JOINED,
    MAX_LINE,
    MAX_MAX_JOINED,
    MAX_MAX_LINE,
    MAX_MAX_ROOMS,
    MAX_MAX_USERS,
    MAX_PER_ADDRESS,
    MAX_RATE,
    MAX_RESUME_BYTES,
    MAX_ROOMS,
    MAX_STALL,
    MAX_USERS,
    MIN_BACKLOG,
    MIN_HISTORY_BYTES,
    MIN_MAX_LINE,
    MIN_RESUME_BYTES,
    MOTD_LINES,
    RATE,
    REPLAY,
    RESUME_BYTES,
    STALL,
    Limits,
)
from twisted_chat.pem import CannotUse
from twisted_chat.text import clean, whole_number
from twisted_chat.usage import PORT, OneLineOptions, split_address

_log = Logger(namespace="chat")

_OVER_TLS = "tls:"

ENDPOINTS = (
    "--listen takes a Twisted server endpoint string: tcp:8888:interface=127.0.0.1, tcp6:8888, "
    "unix:/run/chat.sock:mode=660, or systemd:domain=INET:index=0. With proxy: before it, like "
    "proxy:tcp:8890, a proxy tells where people come from. --tls takes the same, or a port, for "
    "TLS with the certificate of --cert. Nothing else is opened then, unless --port or --host is "
    "given too."
)


def _transcript(default: str | None, text: str) -> list[str | None]:
    where = "Where the transcript goes: log, none, a FILE to append to, or - for standard output"
    return ["transcript", None, default, where + text]


class DaemonOptions(OneLineOptions):
    """The options of the daemon. They check everything that can be checked without opening it."""

    program = "chat"
    synopsis = "[options]"
    longdesc = (
        "A chat that anyone can join with chat-client, nc or telnet, and with --web in a browser. "
        "It listens on all addresses of this machine unless told otherwise.\n" + ENDPOINTS
    )
    optParameters: ClassVar[list[list[str | None]]] = [
        ["port", "p", None, f"TCP port; 0 picks a free one and says which [default: {PORT}]"],
        ["host", None, None, "Address to listen on [default: all, IPv4 and IPv6]"],
        [
            "cert",
            None,
            None,
            "FILE with the certificate for --tls and those that vouch for it (PEM) [default: none]",
        ],
        ["key", None, None, "FILE with the key of --cert (PEM) [default: the FILE of --cert]"],
        [
            "client-ca",
            None,
            None,
            "FILE with certificates: over TLS only those come in for whom one of them vouches "
            "[default: everybody]",
        ],
        [
            "motd",
            None,
            None,
            f"FILE with the message of the day, at most {MOTD_LINES} lines of UTF-8 "
            "[default: none]",
        ],
        ["max-line", None, str(MAX_LINE), "Longest line that is taken, in BYTES"],
        ["rate", None, str(RATE), "LINES a second taken from each connection; 0: no limit"],
        ["burst", None, str(BURST), "LINES taken at once from each connection"],
        ["backlog", None, str(BACKLOG), "BYTES that may wait for a slow reader"],
        ["stall", None, str(STALL), "SECONDS that a byte may wait for a slow reader"],
        [
            "max-users",
            None,
            None,
            f"Members at once [default: {MAX_USERS}, or what the limit of open files allows]",
        ],
        [
            "max-per-address",
            None,
            str(MAX_PER_ADDRESS),
            "Connections of one address, or of one IPv6 /64; 127.0.0.1 and ::1 are exempt",
        ],
        ["max-rooms", None, str(MAX_ROOMS), "Rooms, with the empty ones of the last day"],
        [
            "max-joined",
            None,
            str(MAX_JOINED),
            "Rooms that one member may be in at once",
        ],
        [
            "state",
            None,
            None,
            "FOLDER for names, bans and history over restarts, and for chatctl [default: none]",
        ],
        ["history", None, str(HISTORY), "LINES kept of each room"],
        ["history-bytes", None, str(HISTORY_BYTES), "BYTES kept of all rooms, in memory"],
        ["replay", None, str(REPLAY), "LINES of the lobby told again to each newcomer"],
        [
            "resume-bytes",
            None,
            str(RESUME_BYTES),
            "BYTES kept for members of the web door who lose their connection, in memory",
        ],
    ]
    optFlags: ClassVar[list[list[str | None]]] = [
        ["transcript-time", None, "Lead each line of a FILE or of - by its time, in UTC."]
    ]
    compData: ClassVar[dict[str, object]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.listen: list[str] = []
        self.tls: list[str] = []
        self.certificate: ServerCertificate | None = None
        self.proxy_from: list[str] = []
        self.proxies = Proxies()
        self.web: list[str] = []
        self.sites: list[Site] = []
        self.frames: list[Site] = []
        self._keeps_no_words = False
        self.bare: set[str] = set()
        """The options whose values were given without the option's name."""
        self.motd: list[str] = []
        self.limits = Limits()

    def opt_listen(self, endpoint: str) -> None:
        """Twisted server endpoint to listen on: see below. Repeatable [default: none]"""
        self.listen.append(endpoint)

    def opt_tls(self, endpoint: str) -> None:
        """Port, or endpoint as of --listen, where TLS is spoken. Repeatable [default: none]"""
        self.tls.append(endpoint)

    def opt_proxy_from(self, place: str) -> None:
        """Address or network of a proxy, or unix: who is believed at places that begin with proxy:
        and by --web. Repeatable [default: this machine]
        """
        self.proxy_from.append(place)

    def opt_web(self, endpoint: str) -> None:
        """Port, or endpoint as of --listen, for browsers, and for programs that speak JSON over a
        WebSocket; with tls: before it, over TLS. Repeatable [default: none]
        """
        self.web.append(endpoint)

    def opt_web_origin(self, origin: str) -> None:
        """What the web door is called from outside, if not by an address, and sites whose pages may
        use it: https://chat.example.org. Repeatable [default: none]
        """
        self.sites.append(_site("--web-origin", origin))

    def opt_web_frame(self, origin: str) -> None:
        """Site whose pages may show the page of --web in a frame: https://wiki.example.org.
        Repeatable [default: none]
        """
        self.frames.append(_site("--web-frame", origin))

    def parseArgs(self, *arguments: str) -> None:
        if arguments:
            raise UsageError(f"no argument is expected, and {arguments[0]!r} is one")

    def postOptions(self) -> None:
        self.limits = Limits(
            max_line=self._number("max-line", MIN_MAX_LINE, MAX_MAX_LINE),
            rate=self._number("rate", 0, MAX_RATE),
            burst=self._number("burst", 1, MAX_RATE),
            backlog=self._number("backlog", MIN_BACKLOG, MAX_BACKLOG),
            stall=self._number("stall", 1, MAX_STALL),
            max_users=self._number("max-users", 1, MAX_MAX_USERS, raise_file_limit()),
            max_per_address=self._number("max-per-address", 1, MAX_MAX_USERS),
            max_rooms=self._number("max-rooms", 1, MAX_MAX_ROOMS),
            max_joined=self._number("max-joined", 1, MAX_MAX_JOINED),
            history=self._number("history", 0, MAX_HISTORY),
            history_bytes=self._number("history-bytes", MIN_HISTORY_BYTES, MAX_HISTORY_BYTES),
            replay=self._number("replay", 0, MAX_HISTORY),
            resume_bytes=self._number("resume-bytes", MIN_RESUME_BYTES, MAX_RESUME_BYTES),
        )
        self._read_certificate()
        self._read_proxies()
        self.places = [place_for(each, f"--listen {_as_typed(each)}") for each in self.listen]
        tls_places = [place for each in self.tls for place in self._tls_places(each)]
        self.web_places = [place for each in self.web for place in self._web_places(each)]
        for place in self.places + tls_places + self.web_places:
            try:
                parse(None, place)
            except ListenError as error:
                raise UsageError(str(error)) from error
        if not (self.listen or self.tls) or self["port"] is not None or self["host"] is not None:
            port = self._number("port", 0, 65535, PORT)
            self.places += places_for(self["host"], port, self._address_as_typed())
        self.places += tls_places
        for option, sites in (("web-origin", self.sites), ("web-frame", self.frames)):
            if sites and not self.web:
                raise UsageError(f"--{option} goes with --web, which says where browsers come in")
        if self.web and find_spec("wsproto") is None:
            raise UsageError("--web: install what it needs: pip install 'twisted-chat[web]'")
        self._check_transcript()
        if self["motd"] is not None:
            self.motd = _read_motd(self["motd"], self.limits.max_line)

    def _read_certificate(self) -> None:
        certificate = self["cert"]
        if not self.tls and not any(where.startswith(_OVER_TLS) for where in self.web):
            for option in ("cert", "key", "client-ca"):
                if self[option] is not None:
                    raise UsageError(
                        f"--{option} goes with --tls PORT or --web tls:PORT, which say where "
                        "TLS is spoken"
                    )
            return
        asked = "--tls" if self.tls else "--web tls:PORT"
        if certificate is None:
            raise UsageError(
                f"{asked} needs a certificate: --cert FILE --key FILE, or --cert FILE with both in "
                "it"
            )
        try:
            self.certificate = ServerCertificate(certificate, self["key"], self["client-ca"])
        except CannotUse as error:
            raise UsageError(f"{asked}: its certificate cannot be used: {error}") from error

    def _tls_places(self, where: str) -> list[Place]:
        return self._places(where, f"--tls {_as_typed(where)}", self.certificate)

    def _web_places(self, where: str) -> list[Place]:
        certificate = self.certificate if where.startswith(_OVER_TLS) else None
        return self._places(where.removeprefix(_OVER_TLS), f"--web {_as_typed(where)}", certificate)

    def _places(self, where: str, typed: str, certificate: ServerCertificate | None) -> list[Place]:
        if where.isdecimal():
            port = whole_number(where, 0, 65535)
            if port is None:
                raise UsageError(f"{typed}: a port is a whole number from 0 to 65535")
            return places_for(self["host"], port, typed, certificate)
        return [place_for(where, typed, certificate)]

    def _read_proxies(self) -> None:
        if not self.proxy_from:
            return
        has_place = any(each.lower().startswith("proxy:") for each in self.listen + self.tls)
        if not (has_place or self.web):
            raise UsageError("--proxy-from goes with --web, or a place that begins with proxy:")
        for place in self.proxy_from:
            try:
                Proxies([place])
            except ValueError as error:
                raise UsageError(
                    f"--proxy-from {_as_typed(place)}: that is neither an address nor a network "
                    f"such as 10.0.0.0/8, nor {UNIX}"
                ) from error
        self.proxies = Proxies(self.proxy_from)

    def _number(self, option: str, least: int, most: int, default: int = 0) -> int:
        value: str | None = self[option]
        if value is None:
            return default
        number = whole_number(value, least, most)
        if number is None:
            name = option.upper() if option in self.bare else f"--{option}"
            raise UsageError(
                f"{name} must be a whole number from {least} to {most}, not {value[:40]!r}"
            )
        return number

    def _address_as_typed(self) -> str:
        words = [
            f"{'' if option in self.bare else '--'}{option} {_as_typed(self[option])}"
            for option in ("host", "port")
            if self[option] is not None
        ]
        return " ".join(words) or f"--port {PORT}"

    def _check_transcript(self) -> None:
        launcher = cast("dict[str, object]", self.parent or {})
        daemonised = not (launcher.get("nodaemon", True) or launcher.get("debug"))
        where = self["transcript"]
        if where is None:
            self._keeps_no_words = daemonised or _logs_to_file(launcher)
            where = self["transcript"] = "none" if self._keeps_no_words else "log"
        if where == "-" and daemonised:
            raise UsageError("--transcript -: a daemon has no standard output, use twistd -n")
        if self["transcript-time"] and where in ("log", "none"):
            raise UsageError(
                "--transcript-time goes with --transcript FILE or -: the log has times of its own"
            )
        if where not in ("log", "none", "-"):
            # A daemon may have changed its directory when it opens the file again.
            self["transcript"] = os.path.abspath(where)

    def make_service(self, reactor: IChatReactor) -> ChatService:
        """Return the daemon that these options describe, of which a process has one. Raises
        SystemExit if it cannot start.
        """
        if self._keeps_no_words:
            _log.info(
                "what is said is not recorded, as others may read this log: --transcript FILE "
                "records it in a file, --transcript log here"
            )
        service = make_service(
            reactor,
            self.places,
            transcript=self["transcript"],
            timed=bool(self["transcript-time"]),
            motd=self.motd,
            limits=self.limits,
            program=self.program,
            state=self["state"],
            certificate=self.certificate,
            others=self._other_doors(),
            proxies=self.proxies,
        )
        freeze_program()
        return service

    def _other_doors(self) -> list[Callable[[Entrance], IDoor]]:
        """Return what makes the doors besides those for lines and for chatctl."""
        if not self.web_places:
            return []
        from twisted_chat.doors.web.door import WebDoor

        certificate = self.certificate
        names = tuple if certificate is None else lambda: certificate.names
        heads = Heads(self.proxies, self.sites, names)
        return [lambda entrance: WebDoor(entrance, self.web_places, heads, self.frames)]


class Options(DaemonOptions):
    """The options of `twistd chat` and `twist chat`."""

    optParameters: ClassVar[list[list[str | None]]] = [
        _transcript(None, " [default: log in the foreground, none in a log file]")
    ]


class ServerOptions(DaemonOptions):
    """The options of `chat-server`, which takes address and port also without --host and --port."""

    program = "chat-server"
    synopsis = "[options] [HOST] [PORT] | [options] HOST:PORT"
    longdesc = (
        "The chat daemon in the foreground: its transcript on standard output, its log on "
        "standard error (on a terminal only warnings), ^C ends it. Without HOST it listens on all "
        "addresses.\n" + ENDPOINTS
    )
    optParameters: ClassVar[list[list[str | None]]] = [
        _transcript("-", ""),
        ["log", None, None, "FILE to append the log to; standard error gets warnings then"],
    ]
    optFlags: ClassVar[list[list[str | None]]] = [
        ["verbose", None, "Show all of the log on standard error, also on a terminal."]
    ]

    def postOptions(self) -> None:
        super().postOptions()
        if self["log"] == "-":
            raise UsageError("--log -: name a FILE; --verbose shows the log on standard error")

    def parseArgs(self, *arguments: str) -> None:
        if len(arguments) > 2:
            raise UsageError(f"only HOST and PORT are expected, and {arguments[2]!r} is one more")
        if "" in arguments:
            raise UsageError("HOST or PORT is empty: give it a value, or leave it out")
        host, port = [*arguments, None, None][:2]
        if host is not None and port is None:
            host, port = (None, host) if host.isdecimal() else split_address(host)
        elif host is not None and host.isdecimal():
            raise UsageError(f"{host!r} is no address: HOST comes first, then PORT")
        for name, value in (("host", host), ("port", port)):
            if value is None:
                continue
            if self[name] is not None:
                raise UsageError(f"--{name} {self[name]} and {value!r}: give only one")
            self[name] = value
            self.bare.add(name)


def _logs_to_file(launcher: dict[str, object]) -> bool:
    """Return whether twistd or twist, by its options, logs to a place where others may read it
    later.
    """
    return bool(
        launcher.get("syslog")
        or launcher.get("logfile") not in (None, "-")
        or launcher.get("logFile") not in (None, sys.stdout, sys.stderr)
    )


def _site(option: str, origin: str) -> Site:
    """Return the site that is called `origin`. Raises UsageError."""
    site = site_in(origin)
    if site is None:
        raise UsageError(
            f"{option} {_as_typed(origin)}: write it like https://chat.example.org, with a port if "
            "it is not that of the scheme, and with nothing behind that"
        )
    return site


def _as_typed(value: str) -> str:
    """Return `value` as it was typed, quoted if a reader could take it for something else."""
    return value if value.isprintable() and value.strip() == value != "" else repr(value)


def _read_motd(path: str, max_line: int) -> list[str]:
    """Return the lines of the message of the day, clean. Raises UsageError."""
    most = MOTD_LINES * (max_line + 2)
    try:
        with open(path, "rb") as file:
            data = file.read(len(BOM_UTF8) + most + 1).removeprefix(BOM_UTF8)
    except OSError as error:
        raise UsageError(f"--motd {path}: {error.strerror}") from error
    lines = [line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n")]
    # The mark of little-endian UTF-32 begins with that of UTF-16.
    is_utf16 = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    is_too_long = len(data) > most or len(lines) > MOTD_LINES or max(map(len, lines)) > max_line
    if not is_utf16 and is_too_long:
        raise UsageError(
            f"--motd {path}: at most {MOTD_LINES} lines of at most {max_line} bytes are shown"
        )
    if is_utf16 or b"\0" in data:
        raise UsageError(
            f"--motd {path}: this is no UTF-8 but something like UTF-16: save it as UTF-8"
        )
    return [clean(line) for line in lines] if data else []
