"""Lines with a passphrase: which part of them may be shown, and what to ask the person for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from twisted_chat.syntax import (
    BEHIND,
    BLANK,
    NO_BLANK,
    SECRET,
    SECRET_COMMANDS,
    compiled,
    may_name_secret_command,
    parse,
    slipped_command,
    unmarked_login,
)

# The passphrase stands behind the command; in /login behind the name.
_SECRET = rf"(?s)(?P<shown>{SECRET}{BEHIND}{BLANK}*(?(login){NO_BLANK}+{BLANK}+))(?P<secret>.*)"

Ask = Callable[[str, bool], Awaitable["str | None"]]
"""Asks the person a question; the second argument says whether the answer is secret. The result is
None if the person called it off.
"""


def is_secret(line: str) -> bool:
    """Return whether `line` is, or was meant to be, a command with a passphrase."""
    command = parse(line)
    return (command is not None and command[0] in SECRET_COMMANDS) or bool(slipped_command(line))


def may_be_secret(line: str) -> bool:
    """Return whether `line` may hold a passphrase: then it must not be kept. That includes
    `login NAME …`: only the server knows whether NAME is registered. If it is not, the line is a
    sentence.
    """
    return is_secret(line) or bool(unmarked_login(line))


def masked(line: str) -> str:
    """Return `line` with `*` in place of each character of a passphrase."""
    if not may_name_secret_command(line):
        return line
    match = compiled(_SECRET).fullmatch(line)
    return match["shown"] + re.sub(".", "*", match["secret"]) if match else line


def lacks_passphrase(line: str) -> bool:
    """Return whether `line` is a command that still lacks its passphrase."""
    command, argument = parse(line) or ("", "")
    return (command == "register" and not argument) or (
        command == "login" and len(argument.split(None, 1)) < 2
    )


async def completed(line: str, ask: Ask) -> str | None:
    """Ask the person for what `line`, which `lacks_passphrase`, lacks, and return it complete.

    Return None if the person called it off. Raises ValueError, with a line to show, if the two
    passphrases differ.
    """
    command, argument = parse(line) or ("", "")
    if command == "login" and not argument:
        argument = (await ask("Name: ", False) or "").strip()
        if not argument:
            return None
    passphrase = await ask("Passphrase: ", True)
    if not passphrase:
        return None
    if command == "register":
        again = await ask("Passphrase again: ", True)
        if again is None:
            return None
        if again != passphrase:
            raise ValueError("the passphrases differ, and nothing was sent: /register asks again")
    return f"/{command} {argument} {passphrase}" if argument else f"/{command} {passphrase}"
