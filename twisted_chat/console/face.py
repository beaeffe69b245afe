"""What chat-client shows and takes: the part that is the same on a terminal and on a pipe."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import datetime, timezone
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.console.mentions import mentions
from twisted_chat.console.secret_lines import completed
from twisted_chat.dialects import JsonDialect
from twisted_chat.events import YOU, Emoted, Event, Said, Told
from twisted_chat.limits import MAX_MAX_LINE

TOO_LONG = f"! a line longer than {MAX_MAX_LINE} bytes was not sent"


class User(Protocol):
    """To whom a face hands what comes from the person or the pipe."""

    def typed(self, line: str) -> None:
        """`line`, not empty, was typed."""

    def say(self, text: str) -> bool:
        """Say `text`, not empty, as it stands. Return False if there is no connection for it."""

    def input_ended(self) -> None:
        """Nothing more comes."""

    def output_closed(self) -> None:
        """Nobody can see any more what is shown."""

    def interrupt(self) -> Deferred[object] | None:
        """Whoever types wants to end."""

    def hold(self, why: str) -> None:
        """Pause everything that makes something to show (`why`: output)."""

    def release(self, why: str) -> None:
        """Undo `hold`."""

    def call_roll(self) -> Deferred[list[str]]:
        """Return the names of those online; empty if they cannot be had soon."""

    @property
    def name(self) -> str:
        """What the others call the person."""


class Face(ABC):
    """Where lines are shown and typed. It is held at first: nothing is typed until `resume`."""

    interactive: bool
    """Somebody types and reads: the end of input prints `exit`, and a lost server is waited for."""

    runs_commands: bool
    """Lines that begin with / are commands."""

    _log = Logger()
    _user: User

    def _complete(self, line: str) -> None:
        """Hand `line` over once the person has been asked for what it lacks."""
        Deferred.fromCoroutine(self._ask_for_rest(line)).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """Something that nobody waits for has failed: end, and tell why in the log."""
        self._log.failure("the input failed", failure=failure)
        self._user.interrupt()

    async def _ask_for_rest(self, line: str) -> None:
        try:
            whole = await completed(line, self._ask)
        except ValueError as error:
            self.tell(f"! {error}")
        else:
            if whole is not None:
                self._hand_over(whole)

    @abstractmethod
    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        """Ask the person; None: it was called off. `secret`: nobody may see the answer."""

    @abstractmethod
    def _hand_over(self, line: str) -> None:
        """Hand `line`, not empty, to the user."""

    @abstractmethod
    def start(self, user: User) -> None:
        """Take input, for `user`."""

    @abstractmethod
    def show(self, line: str, event: Event) -> None:
        """Show `line`, clean and without its end, which tells of `event`."""

    @abstractmethod
    def tell(self, line: str) -> None:
        """Show a line of the client's own."""

    @abstractmethod
    def show_exit(self) -> None:
        """Show that it ends, to somebody who types."""

    @abstractmethod
    def ring(self) -> None:
        """Ring the bell, where there is one."""

    def last_word(self, line: str) -> str:
        """`line` as it is to be written to standard error when all is over."""
        return line

    @abstractmethod
    def pause(self) -> None:
        """Hand nothing over that is typed."""

    @abstractmethod
    def resume(self) -> None:
        """Undo `pause`."""

    @abstractmethod
    def close(self) -> Deferred[object]:
        """Show nothing more. Fires when all has been shown, or given up after GOODBYE seconds."""


@implementer(IPushProducer)
class Valve:
    """Holds something back while the stream it flows into is full."""

    def __init__(self, user: User, why: str) -> None:
        self._user = user
        self._why = why

    def pauseProducing(self) -> None:
        self._user.hold(self._why)

    def resumeProducing(self) -> None:
        self._user.release(self._why)

    def stopProducing(self) -> None:
        """The stream is gone; whoever cares is told in another way."""


def clock_lead() -> str:
    """The local time of day, as `--time` puts it before a line."""
    return datetime.now().strftime("%H:%M ")


def as_json(event: Event, timed: bool) -> bytes:
    """`event` as `--json` prints it; with `timed` the time comes with it, in UTC."""
    line = JsonDialect().render(event)
    if not timed:
        return line
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({**json.loads(line), "time": now}, ensure_ascii=False).encode() + b"\n"


def calls(event: Event, name: str) -> bool:
    """Whether with `event` somebody else speaks to the person called `name`: in private, or by
    that name.
    """
    if isinstance(event, Told):
        return event.sender != YOU
    if not isinstance(event, Said | Emoted) or event.name in (name, YOU):
        return False
    return bool(mentions(event.text, name))
