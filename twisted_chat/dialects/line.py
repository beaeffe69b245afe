"""Events as lines for people, whose words stand here and nowhere else; and lines as events."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from zope.interface import implementer

from twisted_chat.events import (
    YOU,
    Acted,
    Announced,
    Emoted,
    Entered,
    Event,
    Forgotten,
    Gap,
    Greeting,
    Joined,
    Left,
    Locked,
    Loss,
    Motd,
    MuteChanged,
    NameLost,
    Notice,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Retold,
    RoleChanged,
    Said,
    Slowed,
    Stopping,
    Told,
    Topic,
)
from twisted_chat.interfaces import IDialect
from twisted_chat.records import Role
from twisted_chat.refusal import Kind
from twisted_chat.spans import moment, span


@implementer(IDialect)
class LineDialect:
    """Writes UTF-8 lines, each ended by LF. Every line starts with the mark of its kind.

    An event becomes one line or several. It becomes nothing if people need not be told of it.
    """

    def render(self, event: Event, room: str) -> bytes:
        """Return `event` as all members in `room` read it."""
        # Half a character in one event must not cost all the others.
        return _LINES[type(event)](event, room).encode("utf-8", "replace")

    def render_to(self, event: Event, reader: object) -> bytes:
        """Return `event`, which is for `reader` alone, as that member reads it."""
        return _LINES[type(event)](event, "").encode("utf-8", "replace")


def line_of(event: Event, room: str = "") -> str:
    """Return `event` as members in `room` read it: lines, without the end of the last one."""
    return _LINES[type(event)](event, room).removesuffix("\n")


# In a room.


def _said(event: Said, room: str) -> str:
    text = event.text
    if "\n" in text:
        text = text.replace("\n", f"\n[{event.name}] ")
    return f"[{event.name}] {text}\n"


def _left(event: Left, room: str) -> str:
    # A server may leave out the room that its reader is in.
    count = event.counts.get(room, next(iter(event.counts.values()), 0))
    return _gone(event, count)


def _parted(event: Parted, room: str) -> str:
    return _gone(event, event.count)


def _gone(event: Left | Parted, count: int) -> str:
    line = f"< The user {event.name} left ({_online(count)})"
    if event.reason:
        return f"{line}, put out: {_because(event)}\n"
    return f"{_with(line, event.words)}\n"


def _because(event: Left | Parted | PutOut) -> str:
    """Return why somebody was put out: `too slow to read`, `kicked by ann: rude`."""
    by = f" by {event.by}" if event.by else ""
    return _with(f"{event.reason}{by}", event.why)


def _with(lead: str, words: str) -> str:
    """Return `lead`, and behind it somebody's `words` if there are any."""
    return f"{lead}: {words}" if words else lead


def _renamed(event: Renamed, room: str) -> str:
    if event.old == YOU:
        return f"- You are now {event.new}\n"
    return f"- {event.old} is now {event.new}\n"


def _topic(event: Topic, room: str) -> str:
    if not event.topic:
        return f"- {event.by} took the topic away\n"
    return f"- {event.by} set the topic: {event.topic}\n"


def _slowed(event: Slowed, room: str) -> str:
    return f"- {_slowing(event.by, event.seconds, f'#{event.room}')}\n"


def _locked(event: Locked, room: str) -> str:
    return f"- {event.by} {'locked' if event.locked else 'unlocked'} #{event.room}\n"


# For one reader.


def _role_changed(event: RoleChanged, room: str) -> str:
    if event.role == Role.OPERATOR:
        return "- You are an operator: /help lists more now\n"
    return "- You are no operator\n" if event.before == Role.OPERATOR else ""


def _mute_changed(event: MuteChanged, room: str) -> str:
    wait = event.until - event.time
    if wait <= 0:
        return "- You are not muted any more\n"
    return f"- You are muted{'' if wait == float('inf') else f' for {span(wait)}'}\n"


def _name_lost(event: NameLost, room: str) -> str:
    match event.cause:
        case Loss.LOGIN:
            return f"- somebody who knows the passphrase is {event.name} now\n"
        case Loss.RESET:
            return f"- {event.by} reset the passphrase of {event.name}\n"
        case Loss.RELEASE:
            return f"- {event.by} released the name {event.name}: it belongs to nobody now\n"


def _put_out(event: PutOut, room: str) -> str:
    where = f" of #{event.room}" if event.room else ""
    return f"! you were put out{where}: {_because(event)}\n"


def _joined(event: Joined, room: str) -> str:
    return f"{_greeted(event.count)}- You are now in #{event.room}\n"


def _motd(event: Motd, room: str) -> str:
    return "".join([f"- {line}\n" for line in event.text.split("\n")])


def _retold(event: Retold, room: str) -> str:
    author = f"* {event.name}" if event.emoted else f"[{event.name}]"
    return f"- {moment(event.time)} {author} {event.text}\n"


def _gap(event: Gap, room: str) -> str:
    return f"- lines of #{event.room} may be missing here: they are not kept any more\n"


# What operators did.


def _acted(event: Acted, room: str) -> str:
    text = _ACTS.get(event.what, _acted_otherwise)(event)
    return f"- {text}\n"


def _how_long(event: Acted) -> str:
    return f" for {span(event.seconds)}" if event.seconds else ""


def _slowing(by: str, seconds: int, where: str) -> str:
    much = f"one line in {span(seconds)}" if seconds else "as much as they like"
    return f"{by} lets everybody say {much} in {where}"


def _forgot(event: Acted) -> str:
    if event.whom.startswith("#"):
        return f"{event.who} took a line out of the history of {event.whom}"
    return f"{event.who} took what {event.whom} said out of the history"


def _acted_otherwise(event: Acted) -> str:
    """Tell of a command that this version does not know."""
    return _with(f"{event.who}: {event.what} {event.whom}".rstrip(), event.why)


_ACTS: Mapping[str, Callable[[Acted], str]] = {
    "ban": lambda act: _with(f"{act.who} banned {act.whom}{_how_long(act)}", act.why),
    "deop": lambda act: f"{act.who} made {act.whom} no operator",
    "forget": _forgot,
    "kick": lambda act: _with(f"{act.who} kicked {act.whom}", act.why),
    "lock": lambda act: f"{act.who} locked {act.whom}",
    "mute": lambda act: f"{act.who} muted {act.whom}{_how_long(act)}",
    "op": lambda act: f"{act.who} made {act.whom} an operator",
    "release": lambda act: f"{act.who} released the name {act.whom}",
    "reset": lambda act: f"{act.who} reset the passphrase of {act.whom}",
    "slow": lambda act: _slowing(act.who, act.seconds, act.whom),
    "tell": lambda act: act.why,
    "unban": lambda act: f"{act.who} undid the ban of {act.whom}",
    "unlock": lambda act: f"{act.who} unlocked {act.whom}",
    "unmute": lambda act: f"{act.who} undid the mute of {act.whom}",
    "unregister": lambda act: f"{act.who} gave up that name and is no operator now",
}

# Not functools.singledispatch: it takes longer than all the rest of a delivery.
_LINES: dict[type[Event], Callable[[Any, str], str]] = {
    Entered: lambda event, room: f"> New user {event.name} entered ({_online(event.count)})\n",
    Said: _said,
    Emoted: lambda event, room: f"* {event.name} {event.text}\n",
    Left: _left,
    Parted: _parted,
    Renamed: _renamed,
    Topic: _topic,
    Slowed: _slowed,
    Locked: _locked,
    Announced: lambda event, room: f"- {event.by} says: {event.text}\n",
    Forgotten: lambda event, room: "",  # Operators read who did it; the lines stay on screens.
    Told: lambda event, room: f"[{event.sender} -> {event.receiver}] {event.text}\n",
    RoleChanged: _role_changed,
    MuteChanged: _mute_changed,
    NameLost: _name_lost,
    PutOut: _put_out,
    Acted: _acted,
    Greeting: lambda event, room: _greeted(event.count),
    Joined: _joined,
    Motd: _motd,
    Retold: _retold,
    Gap: _gap,
    Stopping: lambda event, room: "- the daemon stops\n",
    Notice: lambda event, room: f"- {event.text}\n",
    Refused: lambda event, room: f"! {event.text}\n",
}


def _greeted(count: int) -> str:
    return f"> Connected to the chat server ({_online(count)})\n"


def users(count: int) -> str:
    """Return `count` in the words of the protocol: `0 user`, `1 user`, `2 users`."""
    return f"{count} user" if count in (0, 1) else f"{count} users"


def _online(count: int) -> str:
    return f"{users(count)} online"


_COUNT = r"\((\d+) users? online\)"
_GREETING = re.compile(rf"> Connected to the chat server {_COUNT}")
_ENTERED = re.compile(rf"> New user (\S+) entered {_COUNT}")
_LEFT = re.compile(rf"< The user (\S+) left {_COUNT}(?:, put out: (.*)|: (.*))?")
_SAID = re.compile(r"\[(\S+)\] (.*)")
_TOLD = re.compile(r"\[(\S+) -> (\S+)\] (.*)")
_EMOTED = re.compile(r"\* (\S+) (.*)")
_RENAMED = re.compile(r"- (\S+) is now (\S+)")
_YOU_RENAMED = re.compile(r"- You are now (\S+)")
_BY = re.compile(r"(kicked|banned) by (\S+)(?:: (.+))?")

_PUT_OUT = "you were put out: "
_COMMAND = re.compile(r"(?:no command )?/([A-Za-z]+)\b")
_KINDS = (
    ("that was not said: you are muted", Kind.MUTED),
    ("that was not said", Kind.NOT_SAFE),
    ("no command /", Kind.NO_COMMAND),
    ("nobody here is called ", Kind.NO_MEMBER),
    ("nobody has registered ", Kind.NOT_REGISTERED),
)
"""How refusals begin of which a client needs to know the kind."""


def parse(line: str) -> Event:
    """Return the event that `line`, clean and without its end, tells of.

    Never fails: a line of an unknown kind becomes a Notice with the whole line as its text. No line
    tells which room it is about: `room` stays empty.
    """
    if match := _SAID.fullmatch(line):
        return Said(match[1], match[2])
    if match := _ENTERED.fullmatch(line):
        return Entered(match[1], int(match[2]))
    if match := _LEFT.fullmatch(line):
        reason, by, why = _cause(match[3] or "")
        return Left(match[1], {"": int(match[2])}, match[4] or "", reason, by, why)
    if match := _GREETING.fullmatch(line):
        return Greeting(int(match[1]))
    if match := _TOLD.fullmatch(line):
        return Told(match[1], match[2], match[3])
    if match := _EMOTED.fullmatch(line):
        return Emoted(match[1], match[2])
    if match := _RENAMED.fullmatch(line):
        return Renamed(match[1], match[2])
    if match := _YOU_RENAMED.fullmatch(line):
        return Renamed(YOU, match[1])
    if line.startswith("! "):
        return _refused(line[2:])
    return Notice(line.removeprefix("- "))


def _cause(text: str) -> tuple[str, str, str]:
    """Return the `reason`, `by` and `why` that `_because` made `text` of."""
    match = _BY.fullmatch(text)
    return (match[1], match[2], match[3] or "") if match else (text, "", "")


def _refused(text: str) -> PutOut | Refused:
    # No member can write a line that begins like a refusal.
    if text.startswith(_PUT_OUT):
        reason, by, why = _cause(text.removeprefix(_PUT_OUT))
        return PutOut(reason, "", by, why)
    kind = next((kind for lead, kind in _KINDS if text.startswith(lead)), Kind.BAD_REQUEST)
    command = _COMMAND.match(text)
    return Refused(text, kind, command[1].lower() if command else "")
