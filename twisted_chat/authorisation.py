"""Who may use which command where: the one table that the journal judges by.

Commands and doors look into it too, but only to answer sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twisted_chat.records import Role
from twisted_chat.refusal import Kind, Refusal


class Door(Enum):
    """The ways in, as far as rights depend on them."""

    LINE = "line"
    """TCP from elsewhere, in the clear: whoever stands in between can read along."""
    SAFE_LINE = "safe line"
    """The line door over TLS, a unix socket or loopback: nobody can."""
    PROGRAM = "program"
    """A door for programs, which may be in several rooms. Whoever stands in between can read along.
    """
    SAFE_PROGRAM = "safe program"
    """The same where nobody can."""
    WEB = "web"
    """The web door, for people in a browser and for programs: they may be in several rooms. Whoever
    stands in between can read along.
    """
    SAFE_WEB = "safe web"
    """The same where nobody can."""
    CONTROL = "control"
    """The socket in the state folder: whoever can open it owns the daemon."""

    @property
    def safe(self) -> Door:
        """The same door where nobody can read along."""
        return _SAFE.get(self, self)

    @property
    def lead(self) -> str:
        """What is written there before a command's name in texts."""
        return _LEADS.get(self, "/")

    @property
    def has_one_room(self) -> bool:
        """Whether a member there leaves its room where it joins another one."""
        return self in LINES


_SAFE = {
    Door.LINE: Door.SAFE_LINE,
    Door.PROGRAM: Door.SAFE_PROGRAM,
    Door.WEB: Door.SAFE_WEB,
}
_LEADS = {Door.CONTROL: "chatctl ", Door.PROGRAM: "", Door.SAFE_PROGRAM: ""}

LINES = frozenset({Door.LINE, Door.SAFE_LINE})
PROGRAMS = frozenset({Door.PROGRAM, Door.SAFE_PROGRAM})
WEB = frozenset({Door.WEB, Door.SAFE_WEB})
TYPED = LINES | WEB
"""Where people type lines, so that one that begins with a slash may be a command."""
MEMBERS = LINES | PROGRAMS | WEB
CONTROL = frozenset({Door.CONTROL})
EVERYWHERE = MEMBERS | CONTROL


@dataclass(frozen=True, slots=True)
class Right:
    """Who may use a command: at which `doors`, with which `role` at least.

    `secret`: its line or its answer holds a secret, which nobody may read on its way. `speaks`: it
    carries words to others, which a muted member may not.
    """

    doors: frozenset[Door] = MEMBERS
    role: Role = Role.GUEST
    secret: bool = False
    speaks: bool = False


_MEMBERS = Right()
_SPEAKING = Right(speaks=True)
_ANYWHERE = Right(EVERYWHERE)
_OPERATOR = Right(EVERYWHERE, Role.OPERATOR)
_CHATCTL = Right(CONTROL, Role.OPERATOR)

RIGHTS = {
    "help": _ANYWHERE,
    "who": _ANYWHERE,
    "quit": _MEMBERS,
    "nick": _SPEAKING,
    "me": _SPEAKING,
    "msg": _SPEAKING,
    "reply": _SPEAKING,
    "whois": _ANYWHERE,
    "away": _SPEAKING,
    "back": _MEMBERS,
    "ignore": _MEMBERS,
    "unignore": _MEMBERS,
    "join": _MEMBERS,
    "rooms": _ANYWHERE,
    "topic": Right(EVERYWHERE, speaks=True),
    "history": _ANYWHERE,
    "format": Right(LINES),
    "register": Right(secret=True),
    # Or a muted member would take another name by it, and be heard.
    "login": Right(secret=True, speaks=True),
    "unregister": Right(role=Role.REGISTERED),
    # The answer holds what posts in the owner's name.
    "token": Right(EVERYWHERE, Role.REGISTERED, secret=True),
    "tokens": Right(EVERYWHERE, Role.REGISTERED),
    "untoken": Right(EVERYWHERE, Role.REGISTERED),
    "kick": _OPERATOR,
    "ban": _OPERATOR,
    "unban": _OPERATOR,
    "bans": _OPERATOR,
    "mute": _OPERATOR,
    "unmute": _OPERATOR,
    "slow": _OPERATOR,
    "lock": _OPERATOR,
    "unlock": _OPERATOR,
    "say": _CHATCTL,
    "forget": _CHATCTL,
    "op": _CHATCTL,
    "deop": _CHATCTL,
    "ops": _CHATCTL,
    "names": _CHATCTL,
    "release": _CHATCTL,
    "reset": _CHATCTL,
    "status": _CHATCTL,
}
"""By the names of the commands."""


def check(command: str, door: Door, role: Role, muted: bool = False) -> None:
    """Raise Refusal unless a member with `role` at `door` may use `command`."""
    if why := refusal(RIGHTS[command], door, role, muted):
        text, kind = why
        raise Refusal(f"{door.lead}{command} {text}", kind)


def refusal(right: Right, door: Door, role: Role, muted: bool = False) -> tuple[str, Kind] | None:
    """Return why a member with `role` at `door` may not use what `right` allows, and what to do
    about it, as words that follow the command's name; None: it may be used.
    """
    if door not in right.doors:
        if right.doors == CONTROL:
            return "is for chatctl, on the machine that the daemon runs on", Kind.NOT_ALLOWED
        if door is Door.CONTROL:
            return "is for members of a room, and chatctl is in none", Kind.NOT_ALLOWED
        return "is for the line door", Kind.NOT_ALLOWED
    if right.secret and door is not door.safe:
        # Its own machine's other addresses do not do: a port forwarder may stand behind them.
        return (
            "needs a way in on which nobody can read along: come in over TLS, or, on the daemon's "
            "own machine, over 127.0.0.1 or ::1",
            Kind.NOT_SAFE,
        )
    if role < right.role:
        if right.role is Role.OPERATOR:
            return "is for operators: /login with an operator's name first", Kind.NOT_ALLOWED
        return "is for the owner of the name: /login NAME PASSPHRASE first", Kind.NOT_ALLOWED
    if muted and right.speaks:
        return "was refused: you are muted", Kind.MUTED
    return None
