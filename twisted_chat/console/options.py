"""The command line of chat-client."""

from __future__ import annotations

from typing import ClassVar

from twisted.python.usage import UsageError

from twisted_chat.text import whole_number
from twisted_chat.usage import OneLineOptions


class Options(OneLineOptions):
    """The command line of chat-client."""

    program = "chat-client"
    synopsis = "[options] HOST PORT | [options] ENDPOINT"
    longdesc = (
        "Join the chat at HOST and PORT, or at a Twisted client endpoint such as tcp:HOST:PORT, "
        "tls:HOST:PORT or unix:PATH. On a terminal ^C or ^D ends it; what comes through a pipe is "
        "said, line by line, and at its end the client leaves. Options may stand anywhere before a "
        "--."
    )
    optFlags: ClassVar[list[list[str | None]]] = [
        ["time", None, "Lead each line by the time of day."],
        ["json", None, "Print one JSON object for each event; who types has --commands with it."],
        ["stay", None, "Stay in the room when the pipe has ended."],
        ["commands", None, "Run lines of the pipe that begin with / as commands."],
        ["no-reconnect", None, "End with status 1 when the server goes away."],
    ]
    optParameters: ClassVar[list[list[str | None]]] = [
        ["nick", None, None, "The name to take."],
        ["bell", None, "on", "Ring the terminal's bell when your name is said: on or off."],
    ]

    def parseArgs(self, *arguments: str) -> None:
        if not 1 <= len(arguments) <= 2:
            raise UsageError("tell it where to go: chat-client HOST PORT")
        self.host = arguments[0]
        self.port: int | None = None
        if len(arguments) == 2:
            self.port = whole_number(arguments[1], 1, 65535)
            if self.port is None:
                shown = arguments[1][:40]
                raise UsageError(f"PORT must be a number from 1 to 65535, not {shown!r}")

    def postOptions(self) -> None:
        if self["bell"] not in ("on", "off"):
            raise UsageError(f"--bell must be on or off, not {self['bell']!r}")
        # What is not one word would be something else than a name on the server's line.
        if self["nick"] is not None and self["nick"].split() != [self["nick"]]:
            raise UsageError(f"--nick must be a name without blanks, not {self['nick']!r}")

    @property
    def where(self) -> str:
        """The server as the person named it."""
        return self.host if self.port is None else f"{self.host} port {self.port}"
