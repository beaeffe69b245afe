"""Lines that hold a passphrase: what of them may be seen, and what is still to be asked for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from twisted_chat.syntax import (
    BEHIND,
    BLANK,
    NO_BLANK,
    SECRET,
    SECRET_COMMANDS,
    parse,
    slipped_command,
    unmarked_login,
)

# The passphrase is what stands behind the command, of /login behind the name as well.
_SECRET = re.compile(
    rf"(?P<shown>{SECRET}{BEHIND}{BLANK}*(?(login){NO_BLANK}+{BLANK}+))(?P<secret>.*)", re.DOTALL
)

Ask = Callable[[str, bool], Awaitable["str | None"]]
"""Asks the person: the question, and whether the answer is secret. None: it was called off."""


def is_secret(line: str) -> bool:
    """Whether `line` is, or was meant to be, a command with a passphrase."""
    command = parse(line)
    return (command is not None and command[0] in SECRET_COMMANDS) or bool(slipped_command(line))


def may_be_secret(line: str) -> bool:
    """Whether `line` may hold a passphrase, and so is kept nowhere. Only the server knows about
    `login NAME …`, because it is a sentence where nobody has that name.
    """
    return is_secret(line) or bool(unmarked_login(line))


def masked(line: str) -> str:
    """`line` as it may be seen: as long as it is, with `*` for each character of a passphrase."""
    match = _SECRET.fullmatch(line)
    return match["shown"] + re.sub(".", "*", match["secret"]) if match else line


def lacks_passphrase(line: str) -> bool:
    """Whether `line` is a command whose passphrase is still to be asked for."""
    command, argument = parse(line) or ("", "")
    return (command == "register" and not argument) or (
        command == "login" and len(argument.split(None, 1)) < 2
    )


async def completed(line: str, ask: Ask) -> str | None:
    """`line`, which `lacks_passphrase`, with what the person is asked for.

    None if it was called off. Raises ValueError, to be shown, if two passphrases differ.
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
