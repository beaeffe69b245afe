"""The command line of chat-client."""

from __future__ import annotations

from typing import ClassVar

from twisted.python.usage import UsageError

from twisted_chat.text import whole_number
from twisted_chat.tls import Trust
from twisted_chat.usage import PORT, TLS_PORT, OneLineOptions, is_decoded, is_ipv6, split_address

INSECURE = (
    "--insecure: nobody has looked whose server this is, and whoever is in between can read and "
    "change everything"
)
"""What is told at each start with that option."""

_ENDPOINTS = ("ssl", "tcp", "tls", "unix")
"""Words that begin an endpoint string and are not taken as a host."""


class Options(OneLineOptions):
    """The command line of chat-client."""

    program = "chat-client"
    synopsis = "[options] HOST[:PORT] | HOST PORT | ENDPOINT"
    longdesc = (
        f"Join the chat at HOST and PORT [default: {PORT}, with --tls {TLS_PORT}], or at a Twisted "
        "client endpoint such as tls:HOST:PORT, unix:PATH or tcp:HOST:PORT. An IPv6 address with a "
        f"port is written [::1]:{PORT}. On a terminal ^C or ^D ends it; what comes through a pipe "
        "is said, line by line, and at its end the client leaves. Options may stand anywhere "
        "before a --."
    )
    optFlags: ClassVar[list[list[str | None]]] = [
        ["time", None, "Lead each line by the time of day."],
        [
            "json",
            None,
            "Print one JSON object for each event; run typed commands.",
        ],
        ["stay", None, "Stay in the room when the pipe has ended."],
        ["commands", None, "Run lines of the pipe that begin with / as commands."],
        ["no-reconnect", None, "End with status 1 when the server goes away."],
        ["tls", None, "Speak TLS: nobody can read along, and the server proves that it is HOST."],
        ["insecure", None, "With TLS: take whoever answers for HOST."],
    ]
    optParameters: ClassVar[list[list[str | None]]] = [
        ["nick", None, None, "The name to take."],
        [
            "ca",
            None,
            None,
            "With TLS: FILE or folder with the certificates to trust [default: the system's].",
        ],
        ["cert", None, None, "With TLS: FILE with your own certificate, if the server wants one."],
        ["key", None, None, "FILE with the key of --cert [default: the FILE of --cert]."],
        ["bell", None, "on", "Ring the terminal's bell when your name is said: on or off."],
    ]

    def parseArgs(self, *arguments: str) -> None:
        if not 1 <= len(arguments) <= 2:
            raise UsageError("tell it where to go: chat-client HOST PORT")
        self.host = arguments[0]
        self.port: int | None = None
        if len(arguments) == 1 and _is_endpoint(self.host):
            return
        if len(arguments) == 1:
            self.host, port = split_address(self.host)
            if port is None and self.host.isdecimal():
                raise UsageError(f"{self.host} is a port: write chat-client HOST {self.host}")
        else:
            port = arguments[1]
            self.host = self.host.removeprefix("[").removesuffix("]")
            if ":" in self.host and not is_ipv6(self.host):
                raise UsageError(f"HOST must be without a port if PORT follows, not {self.host!r}")
        if not self.host:
            raise UsageError("HOST is empty: tell it where to go")
        if port is None:
            port = str(TLS_PORT if self["tls"] else PORT)
        self.port = whole_number(port, 1, 65535)
        if self.port is None:
            raise UsageError(f"PORT must be a number from 1 to 65535, not {port[:40]!r}")

    def postOptions(self) -> None:
        if self["bell"] not in ("on", "off"):
            raise UsageError(f"--bell must be on or off, not {self['bell']!r}")
        if self["nick"] is not None and not is_decoded(self["nick"]):
            raise UsageError(f"--nick must be UTF-8, not {self['nick']!r}")
        # On the server's line, more than one word would not be read as a name.
        if self["nick"] is not None and self["nick"].split() != [self["nick"]]:
            raise UsageError(f"--nick must be a name without blanks, not {self['nick']!r}")

        self._check_tls()

    def _check_tls(self) -> None:
        is_string = self.port is None and self.host.lower().startswith("tls:")
        if self["tls"] and self.port is None and not is_string:
            raise UsageError(f"--tls goes with HOST and PORT, not with {self.host!r}")
        if not (self["tls"] or is_string):
            for option in ("ca", "cert", "key", "insecure"):
                if self[option]:
                    raise UsageError(f"--{option} goes with --tls")
        if self["insecure"] and self["ca"] is not None:
            raise UsageError("--insecure trusts whoever answers, and --ca does not: give only one")
        if self["key"] is not None and self["cert"] is None:
            raise UsageError("--key goes with --cert, whose key it is")

    @property
    def trust(self) -> Trust | None:
        """Whom to trust over TLS; None: TLS is spoken only where an endpoint string says so."""
        if not self["tls"] and self.port is not None:
            return None
        return Trust(self["ca"], self["cert"], self["key"], bool(self["insecure"]))

    @property
    def where(self) -> str:
        """The server in the words of the command line."""
        return self.host if self.port is None else f"{self.host} port {self.port}"


def _is_endpoint(text: str) -> bool:
    """Return whether `text` is an endpoint string and not HOST or HOST:PORT."""
    kind, colon, rest = text.partition(":")
    if kind.lower() in _ENDPOINTS:
        return bool(colon)
    return bool(colon) and not (rest.isdecimal() or text.startswith("[") or is_ipv6(text))
