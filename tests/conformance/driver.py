"""How the suite uses a door.

A door brings a driver: a `Driver`, and the `Guest` that it connects. The suite connects guests,
lets them say and ask, and compares what they read with what is promised. It sees only `Read`
values: a driver turns what its door writes into those, and nothing else of the door is looked at.

A driver is added to DRIVERS in drivers.py. Then all tests run over it, but for those that a fact
about the door excludes. Each fact is an attribute of `Driver`:

`is_for_people`: people write at it, so that commands begin with a slash and a text that begins with
one can be said nonetheless. (test_rules.py: slashes)
`hears_after_end`: a peer can end its side and still be written to, as over TCP. (test_ends.py)
`may_hold_line_ends`: what is said may hold an LF or a CR, as in a frame. (test_rules.py)
`has_address`: guests come from an address, which can be banned, and have a share of it. Over a unix
socket they have none. (test_limits.py)
`knows_this_machine`: guests of the daemon's own machine have no share, as it knows where they are.
Behind a proxy it is only told so. (test_limits.py)
`is_safe`: nobody can read along, wherever a guest comes from. (test_rules.py)
`has_several_rooms`: a guest may be in several rooms. (test_several_rooms.py)
`loses_unread`: what a guest sent last may be lost if it vanishes while something is written to it:
over TLS, where guests read what they say themselves. (test_ends.py)
`knows_names`: a guest can say when it connects what it wants to be called. (test_names_at_entry.py)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twisted_chat.doors.door import Entrance, IDoor
from twisted_chat.doors.listening import Place
from twisted_chat.events import LOBBY


@dataclass(frozen=True)
class Read:
    """One event as a guest has read it.

    `kind` is one of KINDS. `name`: whose it is. `text`: its words. `count`: the number of members
    in the room just after it, where the event says it.

    At doors with several rooms: `room`: where it happened. `counts`: the members just after it in
    each room of the guest that left. `id`: that of what was said. None of them is compared.
    """

    kind: str
    name: str = ""
    text: str = ""
    count: int = 0
    room: str = field(default="", compare=False)
    counts: Mapping[str, int] = field(default_factory=dict, compare=False)
    id: str = field(default="", compare=False)


KINDS = {
    "greeting": "count: with the guest itself",
    "entered": "name, count",
    "left": "name, count; text: its own words, or `put out: why`",
    "joined": "room, count: of a further room, with the guest itself; only with several rooms",
    "parted": "name, room, count; text: as of left; only with several rooms",
    "said": "name, text",
    "emoted": "name, text",
    "told": "name: who told it to this guest alone; text",
    "telling": "name: whom this guest told it alone; text",
    "renamed": "name: the old one, YOU where the guest itself was renamed; text: the new one",
    "notice": "text",
    "refused": "text",
}

YOU = "you"


class Gone(Exception):
    """The daemon has closed the connection, and all is read."""


class Guest(ABC):
    """One connection to the door under test. All waiting is bounded by PATIENCE."""

    name = ""
    """The name in the chat, once the suite has given it one."""

    # What a driver has to give.

    @abstractmethod
    def say(self, *texts: str, room: str = "") -> None:
        """Say each of `texts`, all in one packet, in `room` if the guest is in several."""

    @abstractmethod
    def command(self, word: str, argument: str = "", room: str = "") -> None:
        """Use the command `word`, such as nick; about `room` if the guest is in several."""

    def join(self, room: str, since: str = "") -> None:
        """Be in `room` too, and read first what was said there after the line with the id `since`,
        if that is given. Only at doors with several rooms.
        """
        raise AssertionError("the door has one room, by its driver")

    def part(self, room: str, words: str = "") -> None:
        """Be in `room` no longer. Only at doors with several rooms."""
        raise AssertionError("the door has one room, by its driver")

    @abstractmethod
    def read(self) -> Read:
        """Return the next event, or raise Gone. A guest that does not call it reads nothing."""

    @abstractmethod
    def end(self) -> None:
        """End this side: nothing more is sent, and what comes is read."""

    @abstractmethod
    def reset(self) -> None:
        """Vanish with a reset. What was sent before has been sent."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection, also after `end` or `reset`."""

    # What the suite makes of it.

    def until(self, kind: str, name: str | None = None, text: str | None = None) -> list[Read]:
        """Read up to an event of `kind`, of `name` and with `text` if they are given. Return all
        that was read, with that event as the last.
        """
        events = []
        while True:
            events.append(event := self.read())
            if event.kind == kind and name in (None, event.name) and text in (None, event.text):
                return events

    def meet(self, name: str) -> None:
        """Read up to the event by which somebody is called `name`: it came so, or is renamed."""
        while True:
            event = self.read()
            if event.kind == "entered" and event.name == name:
                return
            if event.kind == "renamed" and event.text == name:
                return

    def next(self, kind: str) -> Read:
        """Read up to an event of `kind`, and return it."""
        return self.until(kind)[-1]

    def rest(self) -> list[Read]:
        """Read until the daemon closes the connection."""
        events = []
        try:
            while True:
                events.append(self.read())
        except Gone:
            return events


class Driver(ABC):
    """A door under test."""

    name: str
    """What tests are called by."""
    door = "line"
    """The name of the door under test."""
    is_for_people = True
    hears_after_end = True
    may_hold_line_ends = False
    has_address = True
    knows_this_machine = True
    is_safe = False
    has_several_rooms = False
    knows_names = False
    loses_unread = False

    def others(self, folder: Path, host: str) -> Sequence[Callable[[Entrance], IDoor]]:
        """Return what makes the door, if it is neither that for lines nor that for chatctl. It is
        to listen at `host`, an address of this machine, or in `folder`.
        """
        return []

    def places(self, folder: Path, host: str) -> list[Place]:
        """Return where the line door is to listen, if that is the one under test: at `host`, an
        address of this machine, or in `folder`.
        """
        return []

    @abstractmethod
    def connect(
        self,
        folder: Path,
        host: str,
        port: int,
        small: bool,
        name: str = "",
        rooms: Sequence[str] = (LOBBY,),
    ) -> Guest:
        """Return a guest that has connected to `host` at `port`, the first one that the door names
        in its places, or to what the door has made in `folder`. It may be refused.

        `small`: as little as possible waits for it in the system when it does not read. `name`:
        what it wants to be called, where the door knows names. `rooms`: where it wants to be, where
        the door has several rooms.
        """
