"""Shows and takes lines for chat-client: the part that is the same on a terminal and on a pipe."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from time import time
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.console.mentions import mentions
from twisted_chat.console.secret_lines import completed
from twisted_chat.dialects import record
from twisted_chat.events import YOU, Emoted, Event, Said, Told
from twisted_chat.limits import MAX_MAX_LINE
from twisted_chat.spans import moment

TOO_LONG = f"! a line longer than {MAX_MAX_LINE} bytes was not sent"


class User(Protocol):
    """Takes the input of the person or the pipe from a face."""

    def typed(self, line: str) -> None:
        """Take `line`, which was typed and is not empty."""

    def say(self, text: str) -> bool:
        """Say `text`, not empty, as it stands. Return False if there is no connection."""

    def input_ended(self) -> None:
        """Note that no more input comes."""

    def output_closed(self) -> None:
        """Note that nobody can see what is shown."""

    def interrupt(self) -> Deferred[object] | None:
        """End, because the person wants to."""

    def hold(self, why: str) -> None:
        """Pause everything that makes lines to show, for the reason `why`."""

    def release(self, why: str) -> None:
        """Undo `hold` with the same reason."""

    def call_roll(self) -> Deferred[list[str]]:
        """Return the names of the members online; an empty list if they cannot be had soon."""

    @property
    def name(self) -> str:
        """The name by which the others know the person."""


class Face(ABC):
    """Shows lines and takes typed ones. It is paused at first: it takes nothing until `resume`."""

    interactive: bool
    """Whether a person types and reads: then the end of input prints `exit`, and a lost server is
    waited for.
    """

    runs_commands: bool
    """Whether lines that begin with / are commands."""

    _log = Logger()
    _user: User

    def _complete(self, line: str) -> None:
        """Ask the person for what `line` lacks, then hand it over."""
        Deferred.fromCoroutine(self._ask_for_rest(line)).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """Log the failure of something that nobody waits for, and end."""
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
        """Ask the person `question`. The result fires with the answer, or with None if the person
        called it off. `secret`: show the answer nowhere.
        """

    @abstractmethod
    def _hand_over(self, line: str) -> None:
        """Hand `line`, not empty, to the user."""

    @abstractmethod
    def start(self, user: User) -> None:
        """Begin to take input for `user`."""

    @abstractmethod
    def show(self, lines: Sequence[str], event: Event) -> None:
        """Show `lines`, clean and without their ends, which tell people of `event`."""

    @abstractmethod
    def tell(self, line: str) -> None:
        """Show `line`, one of the client's own."""

    @abstractmethod
    def enter_room(self, room: str) -> None:
        """Show that the person is in `room`, where there is a prompt."""

    @abstractmethod
    def show_exit(self) -> None:
        """Show a person that the client ends."""

    @abstractmethod
    def ring(self) -> None:
        """Ring the bell, if there is one."""

    def last_word(self, line: str) -> str:
        """Return `line` in the form for standard error, where it is written after `close`."""
        return line

    @abstractmethod
    def pause(self) -> None:
        """Hand over no typed line until `resume`."""

    @abstractmethod
    def resume(self) -> None:
        """Undo `pause`."""

    @abstractmethod
    def close(self) -> Deferred[object]:
        """Take nothing more to show. The result fires when all has been shown, or after GOODBYE
        seconds.
        """


@implementer(IPushProducer)
class Valve:
    """Holds `user` back, for the reason `why`, while the stream that it writes to is full."""

    def __init__(self, user: User, why: str) -> None:
        self._user = user
        self._why = why

    def pauseProducing(self) -> None:
        self._user.hold(self._why)

    def resumeProducing(self) -> None:
        self._user.release(self._why)

    def stopProducing(self) -> None:
        """Do nothing: the user learns in another way that the stream is gone."""


def clock_lead() -> str:
    """Return the local time of day in the form in which `--time` puts it before a line."""
    return datetime.now().strftime("%H:%M ")


def as_json(event: Event, timed: bool) -> bytes:
    """Return `event` as `--json` prints it. With `timed` it has a time, in UTC: when it happened,
    or if the server does not tell that, when it was read.
    """
    values = record(event)
    if timed:
        values["time"] = moment(getattr(event, "time", 0.0) or time())
    return f"{json.dumps(values, ensure_ascii=False)}\n".encode()


def calls(event: Event, name: str) -> bool:
    """Return whether in `event` somebody else speaks to the person called `name`: in private, or by
    that name.
    """
    if isinstance(event, Told):
        return event.sender != YOU
    if not isinstance(event, Said | Emoted) or event.name in (name, YOU):
        return False
    return bool(mentions(event.text, name))
