"""Asks the server who is online, unseen by the person."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from twisted.internet.defer import Deferred

from twisted_chat.events import Event, Notice, Refused
from twisted_chat.syntax import parse

WHO = ("who", "names", "list")
"""The command and its other names."""


class RollCalls:
    """Takes the answers to the client's own `/who` out of the server's events, however late they
    come. Answers to the person's `/who` look the same. Only their order tells them apart: the
    server answers in the order of the requests.
    """

    def __init__(self) -> None:
        self._asked: deque[RollCall | None] = deque()
        """The requests without an answer; None stands for one of the person's."""
        self._answering: RollCall | None = None

    def sent(self, line: str) -> None:
        """Note that the person's command `line` was sent."""
        command = parse(line)
        if command is not None and command[0] in WHO:
            self._asked.append(None)

    def call(self) -> RollCall:
        """Note that the client's own `/who` was sent. Return it, to wait for its answer."""
        roll_call = RollCall()
        self._asked.append(roll_call)
        return roll_call

    def lost(self) -> None:
        """Note that the connection is gone, and with it all answers."""
        for roll_call in (self._answering, *self._asked):
            if roll_call is not None:
                roll_call.give_up()
        self._answering = None
        self._asked.clear()

    def takes(self, event: Event) -> bool:
        """Return whether `event` belongs to an answer to the client's own `/who`: then it must not
        be shown.
        """
        match event:
            case Refused(command=command) if command in WHO:
                self._begin_answer()
                is_own = self._answering is not None
                self._end_answer()
                return is_own
            case Notice(record={"members": [*members]}):
                return self._take(event.record or {}, members)
        return False

    def _take(self, record: Mapping[str, object], members: list[object]) -> bool:
        """Take a part of an answer: its header, which has a `count`, some of the members, or how
        many of them are left out.
        """
        count = record.get("count")
        if isinstance(count, int):
            self._begin_answer()
            if self._answering is not None:
                self._answering.missing = count
        roll_call = self._answering
        if roll_call is None:
            return False
        named = [member.get("name") for member in members if isinstance(member, dict)]
        roll_call.take([name for name in named if isinstance(name, str)])
        if roll_call.missing <= 0 or "left_out" in record:
            self._end_answer()
        return True

    def _begin_answer(self) -> None:
        self._end_answer()
        self._answering = self._asked.popleft() if self._asked else None

    def _end_answer(self) -> None:
        if self._answering is not None:
            self._answering.give_up()
            self._answering = None


class RollCall:
    """One `/who` of the client's own."""

    def __init__(self) -> None:
        self.answered: Deferred[list[str]] = Deferred()
        """Fires with the names, or after `give_up` with those that have come."""
        self.missing = 0
        """How many names are still to come."""
        self._names: list[str] = []

    def take(self, names: list[str]) -> None:
        """Note that `names` are online."""
        self._names += names
        self.missing -= len(names)

    def give_up(self) -> None:
        """Stop waiting for names."""
        if not self.answered.called:
            self.answered.callback(self._names)
