"""The table of commands: from it parsing, help, authorisation and their tests are made."""

from __future__ import annotations

from twisted_chat.authorisation import CONTROL, EVERYWHERE, LINES, Door, Right
from twisted_chat.commands import accounts, moderation, rooms, talking
from twisted_chat.commands.command import Command, Request
from twisted_chat.events import Role

_ANYWHERE = Right(EVERYWHERE)
_SPEAKING = Right(LINES, speaks=True)
_OPERATOR = Right(EVERYWHERE, Role.OPERATOR)
_SECRET = Right(LINES, secret=True)
# Or a muted member would take another name by it, and be heard.
_SECRET_AND_SPEAKING = Right(LINES, secret=True, speaks=True)
_CHATCTL = Right(CONTROL, Role.OPERATOR)


async def _help(request: Request) -> None:
    # Here, and not with the others: it reads the table.
    from twisted_chat.commands.manual import show_help

    await show_help(request)


_TABLE = (
    Command("help", "[command]", "list the commands", _help, _ANYWHERE),
    Command("who", "", "list who is here", talking.who, _ANYWHERE, ("names", "list")),
    Command("quit", "[words]", "leave, with words if you like", talking.leave, aliases=("exit",)),
    Command("nick", "NAME", "take a name", talking.nick, _SPEAKING, ("name",)),
    Command("me", "text", "say what you do", talking.me, _SPEAKING),
    Command("msg", "NAME text", "tell one person", talking.msg, _SPEAKING),
    Command("reply", "text", "tell who told you something last", talking.reply, _SPEAKING),
    Command("whois", "[NAME]", "what is known of somebody", talking.whois, _ANYWHERE),
    Command("away", "[why]", "you do not listen for a while", talking.away, _SPEAKING),
    Command("back", "", "you listen again", talking.back),
    Command("ignore", "[NAME]", "hear nothing more of somebody", talking.ignore),
    Command("unignore", "NAME", "hear somebody again", talking.unignore),
    Command("join", "ROOM", "go to another room; lobby is the first", rooms.join),
    Command("rooms", "", "list the rooms and their topics", rooms.rooms, _ANYWHERE),
    Command(
        "topic",
        "[text]",
        "show the room's topic, or set it; - takes it away",
        rooms.topic,
        Right(EVERYWHERE, speaks=True),
        control_arguments="[ROOM] [text]",
    ),
    Command("history", "[N]", "show the last N lines said here", rooms.history, _ANYWHERE),
    Command(
        "register",
        "PASSPHRASE",
        "keep your name for you alone, or change its passphrase",
        accounts.register,
        _SECRET,
    ),
    Command(
        "login",
        "NAME PASSPHRASE",
        "take a name that is yours",
        accounts.login,
        _SECRET_AND_SPEAKING,
    ),
    Command(
        "unregister",
        "",
        "keep your name no longer",
        accounts.unregister,
        Right(LINES, Role.REGISTERED),
    ),
    Command("kick", "NAME [why]", "put somebody out", moderation.kick, _OPERATOR),
    Command(
        "ban",
        "NAME|ADDRESS|NETWORK [TIME] [why]",
        "put out and keep out; TIME is like 30m, 2h or 7d",
        moderation.ban,
        _OPERATOR,
    ),
    Command("unban", "NAME|ADDRESS|NETWORK", "undo a ban", moderation.unban, _OPERATOR),
    Command("bans", "", "list the bans and the mutes", moderation.bans, _OPERATOR),
    Command(
        "mute",
        "NAME|ADDRESS|NETWORK [TIME]",
        "let nobody hear somebody",
        moderation.mute,
        _OPERATOR,
    ),
    Command("unmute", "NAME|ADDRESS|NETWORK", "undo a mute", moderation.unmute, _OPERATOR),
    Command(
        "slow",
        "SECONDS",
        "let each say one line in SECONDS here; 0 ends it",
        moderation.slow,
        _OPERATOR,
    ),
    Command("lock", "", "let nobody new into this room", moderation.lock, _OPERATOR),
    Command("unlock", "", "let everybody in again", moderation.unlock, _OPERATOR),
    Command("say", "text", "tell all, or all in one room", moderation.say, _CHATCTL),
    Command("op", "NAME", "make a registered name an operator", moderation.op, _CHATCTL),
    Command("deop", "NAME", "let an operator be one no longer", moderation.deop, _CHATCTL),
    Command("ops", "", "list the operators", moderation.ops, _CHATCTL),
    Command("names", "[PATTERN]", "list the registered names", accounts.names, _CHATCTL),
    Command("release", "NAME", "let a registered name be nobody's", accounts.release, _CHATCTL),
    Command("reset", "NAME", "make a passphrase for an owner", accounts.reset, _CHATCTL),
    Command("status", "", "how the daemon is", moderation.status, _CHATCTL),
)

COMMANDS = {command.name: command for command in _TABLE}
"""All commands by their names."""

BY_WORD = COMMANDS | {alias: command for command in _TABLE for alias in command.aliases}
"""All commands by all that people write for them."""


def find(word: str, door: Door) -> Command | None:
    """Return the command that `word` means at `door`; None: there is none. `names` is a command of
    chatctl, and for everybody else another word for `who`.
    """
    command = COMMANDS.get(word)
    if command is not None and door in command.right.doors:
        return command
    return BY_WORD.get(word)
