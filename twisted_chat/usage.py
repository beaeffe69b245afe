"""What the command lines of daemon and client have in common."""

from __future__ import annotations

import getopt
import sys
from collections.abc import Sequence

from twisted.python.usage import Options, UsageError

from twisted_chat import __version__


class OneLineOptions(Options):
    """Options that may stand anywhere before a `--`. A wrong one ends the process with one line and
    status 1, not with Twisted's page of usage or its traceback. `program`: what that line begins
    with.
    """

    program: str

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
            raise SystemExit(f"{self.program}: {error} (--help lists the options)") from error

    def _options_first(self, arguments: list[str]) -> list[str]:
        """`arguments` as Twisted takes them: it would take none for an option that stands behind
        one that is no option. Raises UsageError.
        """
        if arguments[-2:-1] == ["--_shell-completion"]:
            return arguments  # Twisted's own, and no option in its list.
        try:
            options, others = getopt.gnu_getopt(arguments, self.shortOpt, self.longOpt)
        except getopt.GetoptError as error:
            raise UsageError(str(error)) from error
        ordered: list[str] = []
        for name, value in options:
            ordered += [name, value] if self._takes_value(name) else [name]
        return [*ordered, "--", *others]

    def _takes_value(self, option: str) -> bool:
        if option.startswith("--"):
            return f"{option[2:]}=" in self.longOpt
        return f"{option[1:]}:" in self.shortOpt
