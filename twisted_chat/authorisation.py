"""Who may use which command where: the one place that all doors ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twisted_chat.events import Role


class Door(Enum):
    """How somebody came in."""

    LINE = "line"
    """TCP from elsewhere, in the clear: whoever stands in between can read along."""
    SAFE_LINE = "safe line"
    """The line door over TLS, a unix socket or loopback: nobody can."""
    CONTROL = "control"
    """The socket in the state folder: whoever can open it owns the daemon."""

    @property
    def lead(self) -> str:
        """What people there write before a command's name."""
        return "chatctl " if self is Door.CONTROL else "/"


LINES = frozenset({Door.LINE, Door.SAFE_LINE})
EVERYWHERE = frozenset(Door)
CONTROL = frozenset({Door.CONTROL})


@dataclass(frozen=True, slots=True)
class Right:
    """Who may use a command: at which `doors`, with which `role` at least.

    `secret`: its line holds a passphrase, which nobody may read on its way. `speaks`: it carries
    words to others, which a muted member may not.
    """

    doors: frozenset[Door] = LINES
    role: Role = Role.GUEST
    secret: bool = False
    speaks: bool = False


def refusal(right: Right, door: Door, role: Role, muted: bool = False) -> str | None:
    """Return why somebody with `role` at `door` may not use what `right` allows, and what to do
    about it, as words that follow the command's name; None: it may be used.
    """
    if door not in right.doors:
        if right.doors == CONTROL:
            return "is for chatctl, on the machine that the daemon runs on"
        return "is for members of a room, and chatctl is in none"
    if right.secret and door is Door.LINE:
        # Its own machine's other addresses do not do: a port forwarder may stand behind them.
        return (
            "needs a way in on which nobody can read along: come in over TLS, or, on the daemon's "
            "own machine, over 127.0.0.1 or ::1"
        )
    if role < right.role:
        if right.role is Role.OPERATOR:
            return "is for operators: /login with an operator's name first"
        return "is for the owner of the name: /login NAME PASSPHRASE first"
    if muted and right.speaks:
        return "was refused: you are muted"
    return None
