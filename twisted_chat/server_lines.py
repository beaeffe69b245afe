"""What a server sends, as events: JSON if it knows it, or lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.dialects import from_json, line_of, parse
from twisted_chat.events import Event, Greeting, Motd, Notice, Refused, Retold
from twisted_chat.limits import CLIENT_EVENT, CLIENT_HELD, CLIENT_LINE, FORMAT_WAIT

FORMAT = "format"
"""The command that changes what a server writes."""

ASK = f"/{FORMAT} json"
"""The command that asks a server for JSON."""

_TOPIC = re.compile(r"- \S+ (?:set the topic: .*|took the topic away)")

Item = tuple[Event, str | None]
"""An event, and the line that told of it; None: JSON did."""


class ServerLines:
    """Reads a server's lines, and hands each event on by `heard(event, line)`. `line` is what the
    server sent, or None if that was JSON.

    A server that has greeted is asked for JSON by `ask(ASK)`, because lines do not tell everything:
    a message of the day may look like an event. Its answer begins with what newcomers are told, as
    events, and ends with a notice. All that came as lines before is held back until then. The part
    of it that is told again is dropped, and the rest is handed on behind the answer: it happened
    meanwhile.

    If the server does not know JSON, or has not answered in FORMAT_WAIT seconds of `clock`, what
    was held back is handed on as it came.
    """

    def __init__(
        self,
        ask: Callable[[str], None],
        heard: Callable[[Event, str | None], None],
        clock: IReactorTime | None,
    ) -> None:
        self._ask = ask
        self._heard = heard
        self._clock = clock
        self._take = self._before_greeting
        self._held: list[Item] = []
        self._answer: list[Event] = []
        self._size = 0
        """Bytes of memory for what is held back, about."""
        self._wait: IDelayedCall | None = None

    @property
    def waits(self) -> bool:
        """Whether the server has greeted and has yet to answer."""
        return bool(self._held)

    def line(self, line: str) -> None:
        """Take `line` from the server, clean and without its end."""
        self._take(line)

    def close(self) -> None:
        """Hand on what was held back: nothing more comes."""
        if self._take == self._in_answer:
            self._end_answer()
        else:
            self._give_up()

    # What is expected of a line.

    def _before_greeting(self, line: str) -> None:
        event = parse(line)
        if not isinstance(event, Greeting):
            self._heard(event, line)
            return
        self._held.append((event, line))
        self._take = self._before_answer
        if self._clock is not None:
            self._wait = self._clock.callLater(FORMAT_WAIT, self._give_up)
        self._ask(ASK)

    def _before_answer(self, line: str) -> None:
        event, words = _read(line)
        if isinstance(event, Greeting) and words is None:
            self._answer.append(event)
            self._take = self._in_answer
        elif isinstance(event, Refused) and event.command == FORMAT:
            self._give_up()
        else:
            self._held.append((event, words))
            if self._is_full(line):
                self._give_up()

    def _in_answer(self, line: str) -> None:
        event, _ = _read(line)
        if not _ends_answer(event):
            self._answer.append(event)
        if _ends_answer(event) or self._is_full(line):
            self._end_answer()

    def _is_full(self, line: str) -> bool:
        """Note that `line` is held back. Return whether that is all that may be."""
        self._size += len(line) + CLIENT_EVENT
        return self._size >= CLIENT_HELD

    def _after_answer(self, line: str) -> None:
        self._heard(*_read(line))

    def _before_late_answer(self, line: str) -> None:
        event, words = _read(line)
        if isinstance(event, Greeting) and words is None:
            self._take = self._in_late_answer
        else:
            self._heard(event, words)

    def _in_late_answer(self, line: str) -> None:
        """Drop what was handed on as lines."""
        if _ends_answer(_read(line)[0]):
            self._take = self._after_answer

    # What becomes of what was held back.

    def _give_up(self) -> None:
        """Hand all of it on as it came."""
        self._take = self._before_late_answer
        self._hand_on(self._taken_back())

    def _end_answer(self) -> None:
        """Hand on the answer, and behind it what happened meanwhile."""
        self._take = self._after_answer
        answer, self._answer = self._answer, []
        meanwhile = list(_not_told_again(self._taken_back(), answer))
        self._hand_on([*((event, None) for event in answer), *meanwhile])

    def _taken_back(self) -> list[Item]:
        if self._wait is not None and self._wait.active():
            self._wait.cancel()
        held, self._held = self._held, []
        return held

    def _hand_on(self, items: list[Item]) -> None:
        for event, line in items:
            self._heard(event, line)


def _read(line: str) -> Item:
    """Return the event that `line` tells of, and `line` itself, or None if it is JSON. No line of
    the line format begins with a brace.
    """
    if not line.startswith("{"):
        return parse(line), line
    event = from_json(line)
    return (event if len(line) <= CLIENT_LINE else _cut(event)), None


def _cut(event: Event) -> Event:
    """Return `event` with texts of at most CLIENT_LINE characters."""
    shortened: dict[str, Any] = {}
    for each in fields(event):
        value = getattr(event, each.name)
        if isinstance(value, str) and len(value) > CLIENT_LINE:
            shortened[each.name] = f"{value[:CLIENT_LINE]}…"
    return replace(event, **shortened)


def _ends_answer(event: Event) -> bool:
    return isinstance(event, Notice) and (event.record or {}).get("format") == "json"


def _not_told_again(held: list[Item], answer: list[Event]) -> Iterator[Item]:
    """Return the part of `held`, which begins with a greeting, that `answer` does not tell again.

    What newcomers are told comes before all that happens then. So what stands before a line of it
    was told to a newcomer as well: an older line, for which there was no room in `answer`.
    """
    told = [event for event in answer if isinstance(event, Motd | Retold)]
    again = Counter(line for event in told for line in line_of(event).split("\n"))
    start = 1
    for place, (_, line) in enumerate(held):
        if line is not None and again[line]:
            again[line] -= 1
            start = place + 1
    for event, line in held[start:]:
        # The answer tells the topic that is set by now.
        if line is None or not _TOPIC.fullmatch(line):
            yield event, line
