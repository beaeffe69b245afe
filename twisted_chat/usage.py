"""The parts that the command lines of daemon and client have in common."""

from __future__ import annotations

import getopt
import re
import sys
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import NoReturn

from twisted.python.usage import Options, UsageError

from twisted_chat import __version__

PORT = 8888
"""The TCP port of the chat if no other is given."""

TLS_PORT = 8889
"""The TCP port where TLS is spoken if no other is given."""

WRONG_USAGE = 2
"""The exit status for a wrong command line, the same as in getopt(1) and Python's argparse."""


class OneLineOptions(Options):
    """Options that may stand anywhere before a `--`.

    A wrong one ends the process with one line and status WRONG_USAGE, not with Twisted's page of
    usage or its traceback. `program`: the start of that line. `synopsis`: the arguments that the
    program takes, for the help.
    """

    program: str
    synopsis: str

    def __init__(self) -> None:
        super().__init__()
        # Twisted shows the help of an option as it stands in a docstring, with the lines' indents.
        self.docs = {option: " ".join(text.split()) for option, text in self.docs.items()}

    def getSynopsis(self) -> str:
        """Return the first line of the help, which begins with `Usage:`."""
        if self.parent is not None:  # The line begins with twistd's own synopsis.
            return super().getSynopsis()
        return f"Usage: {self.program} {self.synopsis}"

    def opt_help(self) -> None:
        """Show this and exit."""
        print(self)
        raise SystemExit(0)

    opt_h = opt_help

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"twisted-chat {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(
                self._options_first(sys.argv[1:] if options is None else list(options))
            )
        except UsageError as error:
            refuse_usage(f"{self.program}: {error} (--help lists the options)")

    def _options_first(self, arguments: list[str]) -> list[str]:
        """Return `arguments` with all options first, because Twisted stops looking for options at
        the first argument that is not an option. Raises UsageError.
        """
        if arguments[-2:-1] == ["--_shell-completion"]:
            return arguments  # Twisted's own option, which is not in its list.
        try:
            options, others = getopt.gnu_getopt(arguments, self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise UsageError(str(error)) from error
        ordered: list[str] = []
        for name, value in options:
            if self._takes_value(name) and not value:
                raise UsageError(f"{name} is empty: give it a value, or leave it out")
            ordered += [name, value] if self._takes_value(name) else [name]
        return [*ordered, "--", *others]

    def _takes_value(self, option: str) -> bool:
        if option.startswith("--"):
            return f"{option[2:]}=" in self.longOpt
        return f"{option[1:]}:" in self.shortOpt


def refuse_usage(line: str) -> NoReturn:
    """End the process with `line` on standard error and status WRONG_USAGE. Raises SystemExit."""
    if sys.stderr is not None:  # It is None if its descriptor was closed at the start.
        print(line, file=sys.stderr)
    raise SystemExit(WRONG_USAGE)


def split_address(text: str) -> tuple[str, str | None]:
    """Return host and port of HOST, HOST:PORT, [HOST] or [HOST]:PORT, as they are written. The port
    is None if `text` has no port. Raises UsageError.
    """
    if match := _BRACKETED.fullmatch(text):
        return match[1], match[2]
    if not is_ipv6(text):
        host, colon, port = text.partition(":")
        return host, port if colon else None
    shorter, _, last = text.rpartition(":")
    if last.isdecimal() and is_ipv6(shorter):
        raise UsageError(
            f"{text} can be an address, or an address and a port: write [{text}] or "
            f"[{shorter}]:{last}"
        )
    return text, None


def is_decoded(argument: str) -> bool:
    """Return whether Python could decode a command-line argument. Bytes that it could not decode
    stand in it as surrogates, which only make sense in the name of a file.
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Return whether `text` is an IPv6 address, perhaps with a zone (`fe80::1%eth0`)."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::(.*))?", re.DOTALL)
