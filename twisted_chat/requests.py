"""What members ask of the journal: values that travel, and on which all nodes decide alike.

They hold texts, numbers, truths, lists of texts, Names and Bounds, so that they can be written as
JSON and read again. What depends on a clock, on chance or on a version of Unicode is settled
before: a name comes with its key, a passphrase as a digest, a new era as a text.

`command`: the command that the request is made for. Its row in authorisation.py says who may ask
it; empty: anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from twisted_chat.limits import Bounds
from twisted_chat.names import Name


@dataclass(frozen=True, slots=True)
class Request:
    """Asks the journal for something."""

    command: ClassVar[str] = ""


# Coming and going.


@dataclass(frozen=True, slots=True)
class Arrive(Request):
    """Let the author be in the chat, and in `rooms`. The answer is its name.

    `name`: its default name. If that is taken, it gets one like it. `host`: its address; empty: it
    has none. `origin`: all members of one origin have one share. `door`: the value of a Door.

    `chosen`: a good name that it wants to have instead. It is refused if it is taken, banned or
    registered. A registered one is granted if `digest` is that of its passphrase; then another
    bearer loses it, as by a LogIn.

    A room that is not there is made: its name is good. If the author may not enter a room, it is
    told so, and is in the others.
    """

    name: Name
    host: str
    origin: str
    door: str
    rooms: tuple[Name, ...] = ()
    chosen: Name | None = None
    digest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Leave(Request):
    """Let the author be gone: with `words` of its own, or put out for `reason`."""

    words: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Join(Request):
    """Let the author be in `room` too. If there is no such room, it is made, unless there is an
    `objection`: why no new room may have that name.
    """

    command = "join"
    room: Name
    objection: str = ""


@dataclass(frozen=True, slots=True)
class Part(Request):
    """Let the author leave `room` and stay in the chat."""

    room: Name
    words: str = ""


@dataclass(frozen=True, slots=True)
class Move(Request):
    """Let the author, which is in one room at most, leave it and be in `room`. `objection`: as of
    Join.
    """

    command = "join"
    room: Name
    objection: str = ""


@dataclass(frozen=True, slots=True)
class Detach(Request):
    """Let the author, which has lost its connection, keep its name and its rooms for `seconds`, at
    most MAX_DETACHED. After that it leaves.
    """

    seconds: int


@dataclass(frozen=True, slots=True)
class Resume(Request):
    """Note that the author has a connection again."""


# Talking.


@dataclass(frozen=True, slots=True)
class Say(Request):
    """Say `text` in `room`: a line, or several joined by LF."""

    room: str
    text: str


@dataclass(frozen=True, slots=True)
class Emote(Request):
    """Tell all in `room` that the author does `text`."""

    command = "me"
    room: str
    text: str


@dataclass(frozen=True, slots=True)
class Tell(Request):
    """Tell `text` to the member called `receiver` alone. The answer is a Seen: the receiver as it
    was just before.
    """

    command = "msg"
    receiver: Name
    text: str


@dataclass(frozen=True, slots=True)
class Reply(Request):
    """Do the same for the member that last told something to the author alone."""

    command = "reply"
    text: str


@dataclass(frozen=True, slots=True)
class Rename(Request):
    """Let the author be called `name`, a good one."""

    command = "nick"
    name: Name


@dataclass(frozen=True, slots=True)
class SetAway(Request):
    """Note that the author does not listen, and why."""

    command = "away"
    why: str


@dataclass(frozen=True, slots=True)
class SetBack(Request):
    """Note that the author listens again."""

    command = "back"


@dataclass(frozen=True, slots=True)
class Ignore(Request):
    """Let the author hear nothing more of the member called `name`. The answer is that name."""

    command = "ignore"
    name: Name


@dataclass(frozen=True, slots=True)
class Unignore(Request):
    """Let the author hear `name` again. The answer is that name."""

    command = "unignore"
    name: Name


@dataclass(frozen=True, slots=True)
class SetTopic(Request):
    """Write `topic` over `room`; an empty one takes the topic away."""

    command = "topic"
    room: str
    topic: str


# Names that belong to somebody.


@dataclass(frozen=True, slots=True)
class Register(Request):
    """Let `name`, which the author bears, belong to whoever knows the passphrase of `digest`."""

    command = "register"
    name: Name
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unregister(Request):
    """Let the name of the author, its owner, belong to nobody."""

    command = "unregister"


@dataclass(frozen=True, slots=True)
class LogIn(Request):
    """Give the author, who knows the passphrase of `digest`, the registered `name`. Another bearer
    loses it. The answer is the Registration as it was before.
    """

    command = "login"
    name: Name
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoteWrong(Request):
    """Note that somebody from `origin`, in the chat or not, tried a wrong passphrase for the
    registered `name`, whose digest is `digest`. Its owner is told at the next login.
    """

    name: Name
    digest: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Post(Request):
    """Say `text`, one line, in `room` as the owner of the registered `name`, who need not be there.
    `digest`: that of the passphrase, or of a token.
    """

    name: Name
    digest: str = field(repr=False)
    room: Name
    text: str


@dataclass(frozen=True, slots=True)
class AddToken(Request):
    """Let whoever knows the token of `digest` post as the owner of `name`: the author, unless that
    is chatctl. `label`: what the owner calls the token; an older one with this label goes. If it is
    empty, the label is the first number that is free. The answer is the label.
    """

    command = "token"
    name: Name
    label: str
    digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DropToken(Request):
    """Make the token useless that the owner of `name` calls `label`. The owner is the author,
    unless that is chatctl.
    """

    command = "untoken"
    name: Name
    label: str


# What operators do.


@dataclass(frozen=True, slots=True)
class Announce(Request):
    """Say `text` to all in `room` as the daemon's own words; if `room` is empty, in all rooms."""

    command = "say"
    room: str
    text: str


@dataclass(frozen=True, slots=True)
class Kick(Request):
    """Put the bearer of `name` out of `room`, or if that is empty, out of the chat."""

    command = "kick"
    name: Name
    why: str
    room: str = ""


@dataclass(frozen=True, slots=True)
class Ban(Request):
    """Put out and keep out `whom`, a name or a network, for `seconds` (0: until it is undone). The
    answer is how many members were put out.
    """

    command = "ban"
    whom: Name
    seconds: int
    why: str


@dataclass(frozen=True, slots=True)
class Unban(Request):
    """Undo the ban of just `whom`."""

    command = "unban"
    whom: Name


@dataclass(frozen=True, slots=True)
class Mute(Request):
    """Let nobody hear `whom`, a name or a network, for `seconds` (0: until it is undone)."""

    command = "mute"
    whom: Name
    seconds: int


@dataclass(frozen=True, slots=True)
class Unmute(Request):
    """Undo the mute of just `whom`."""

    command = "unmute"
    whom: Name


@dataclass(frozen=True, slots=True)
class Slow(Request):
    """Let each member say one line in `seconds` in `room`; 0: as many as it likes."""

    command = "slow"
    room: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Lock(Request):
    """Let nobody new into `room`."""

    command = "lock"
    room: str


@dataclass(frozen=True, slots=True)
class Unlock(Request):
    """Let everybody into `room` again."""

    command = "unlock"
    room: str


@dataclass(frozen=True, slots=True)
class ForgetLine(Request):
    """Take the line `id` out of the history of `room`. The answer is how many lines went."""

    command = "forget"
    room: str
    id: str


@dataclass(frozen=True, slots=True)
class ForgetLines(Request):
    """Take all that `whom`, a name or a network, said out of all histories. The answer is how many
    lines went.
    """

    command = "forget"
    whom: Name


@dataclass(frozen=True, slots=True)
class SetOperator(Request):
    """Make the owner of `name` an operator."""

    command = "op"
    name: Name


@dataclass(frozen=True, slots=True)
class UnsetOperator(Request):
    """Make the owner of `name` no operator."""

    command = "deop"
    name: Name


@dataclass(frozen=True, slots=True)
class Release(Request):
    """Let `name` belong to nobody, and not count among the names that were registered today. Its
    bearer is told, keeps it and is a guest.
    """

    command = "release"
    name: Name


@dataclass(frozen=True, slots=True)
class Reset(Request):
    """Let the owner of `name` prove it only by the passphrase of `digest`, for RESET_LASTS seconds.
    The bearer of the name loses it. The answer is its Registration.
    """

    command = "reset"
    name: Name
    digest: str = field(repr=False)


# What nodes ask.


@dataclass(frozen=True, slots=True)
class Begin(Request):
    """Begin a journal without what was decided before: ids are of this `era` from here on. If no
    other one has begun before, `bounds` hold, those of its node.
    """

    era: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Configure(Request):
    """Let `bounds` hold from here on. What is past them goes if it can: lines of the history, and
    empty rooms. Nobody is put out of a room.
    """

    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Tick(Request):
    """Let run out what is due. Each request does so first; this one asks for nothing else."""


@dataclass(frozen=True, slots=True)
class Dismiss(Request):
    """Let all members of a node be gone: it stops."""

    node: str
