"""What the command lines of daemon and client have in common."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.python.usage import Options, UsageError

from twisted_chat import __version__


class OneLineOptions(Options):
    """A wrong option ends the process with one line and status 1, not with Twisted's page of usage
    or its traceback. `program`: what that line begins with.
    """

    program: str

    def opt_version(self) -> None:
        """Show the version and exit."""
        print(f"twisted-chat {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"{self.program}: {error} (--help lists the options)") from error
