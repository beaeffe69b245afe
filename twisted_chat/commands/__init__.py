"""The table of commands: from it parsing, help, authorisation and their tests are made."""

from __future__ import annotations

from twisted_chat.commands import accounts, formats, manual, moderation, rooms, talking
from twisted_chat.commands.command import Command, Table

TABLE = Table(
    Command("help", "[command]", "list the commands", manual.show_help),
    Command("who", "", "list who is here", talking.who, ("names", "list")),
    Command("quit", "[words]", "leave, with words if you like", talking.leave, aliases=("exit",)),
    Command("nick", "NAME", "take a name", talking.nick, ("name",)),
    Command("me", "text", "say what you do", talking.me),
    Command("msg", "NAME text", "tell one person", talking.msg),
    Command("reply", "text", "tell who told you something last", talking.reply),
    Command("whois", "[NAME]", "what is known of somebody", talking.whois),
    Command("away", "[why]", "you do not listen for a while", talking.away),
    Command("back", "", "you listen again", talking.back),
    Command("ignore", "[NAME]", "hear nothing more of somebody", talking.ignore),
    Command("unignore", "NAME", "hear somebody again", talking.unignore),
    Command("join", "ROOM", "go to another room; lobby is the first", rooms.join),
    Command("rooms", "", "list the rooms and their topics", rooms.rooms),
    Command(
        "topic",
        "[text]",
        "show the room's topic, or set it; - takes it away",
        rooms.topic,
        control_arguments="[ROOM] [text]",
    ),
    Command(
        "history",
        "[N | after ID]",
        "show the last N lines said here, or those after one with an id",
        rooms.history,
    ),
    Command("format", "json|line", "write what you get as JSON or as lines", formats.change),
    Command(
        "register",
        "PASSPHRASE",
        "keep your name for you alone, or change its passphrase",
        accounts.register,
    ),
    Command(
        "login",
        "NAME PASSPHRASE",
        "take a name that is yours",
        accounts.login,
    ),
    Command(
        "unregister",
        "",
        "keep your name no longer",
        accounts.unregister,
    ),
    Command("kick", "NAME [why]", "put somebody out", moderation.kick),
    Command(
        "ban",
        "NAME|ADDRESS|NETWORK [TIME] [why]",
        "put out and keep out; TIME is like 30m, 2h or 7d",
        moderation.ban,
    ),
    Command("unban", "NAME|ADDRESS|NETWORK", "undo a ban", moderation.unban),
    Command("bans", "", "list the bans and the mutes", moderation.bans),
    Command(
        "mute",
        "NAME|ADDRESS|NETWORK [TIME]",
        "let nobody hear somebody",
        moderation.mute,
    ),
    Command("unmute", "NAME|ADDRESS|NETWORK", "undo a mute", moderation.unmute),
    Command(
        "slow",
        "SECONDS",
        "let each say one line in SECONDS here; 0 ends it",
        moderation.slow,
    ),
    Command("lock", "", "let nobody new into this room", moderation.lock),
    Command("unlock", "", "let everybody in again", moderation.unlock),
    Command("say", "text", "tell all, or all in one room", moderation.say),
    Command(
        "forget",
        "ROOM ID|NAME|ADDRESS|NETWORK",
        "take one line, or all that somebody said, out of the history",
        moderation.forget,
    ),
    Command("op", "NAME", "make a registered name an operator", moderation.op),
    Command("deop", "NAME", "let an operator be one no longer", moderation.deop),
    Command("ops", "", "list the operators", moderation.ops),
    Command("names", "[PATTERN]", "list the registered names", accounts.names),
    Command("release", "NAME", "let a registered name be nobody's", accounts.release),
    Command("reset", "NAME", "make a passphrase for an owner", accounts.reset),
    Command("status", "", "how the daemon is", moderation.status),
)
"""All commands, in the order in which help lists them."""
