"""What a server tells every newcomer: after a reconnect only what is new of it is shown."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.console.identity import ROOM, Identity
from twisted_chat.dialects import parse
from twisted_chat.events import LOBBY, Emoted, Event, Notice, Said
from twisted_chat.limits import CLIENT_EVENTS, INTRODUCTION, SEEN

_RETOLD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (.*)")
_LEFT_OUT = re.compile(r"\d+ older lines? left out")

Words = Said | Emoted


class Introduction:
    """Holds back what follows a greeting until it is known what of it is new.

    It is made of notices: the message of the day, the topic, and with --replay the last lines of
    the lobby. It ends with the first line of another kind, or INTRODUCTION seconds after the
    greeting. `show` shows a line that was held back; `identity`: who the client is.
    """

    def __init__(
        self, clock: IReactorTime, show: Callable[[str, Event], None], identity: Identity
    ) -> None:
        self._clock = clock
        self._show = show
        self._identity = identity
        self._is_first = True
        self._known: set[str] = set()
        """The notices of the introduction before."""
        self._notices: set[str] = set()
        self._replay: list[tuple[str, Notice]] = []
        self._end: IDelayedCall | None = None
        self._room = LOBBY
        self._seen: deque[Words] = deque(maxlen=SEEN)
        """The last words of others in the lobby, in their order."""
        self._own: deque[Words] = deque(maxlen=SEEN)
        """Those of the person: when the others heard them is not known."""
        self._names: set[str] = set()
        """What the person has been called."""

    def begin(self) -> None:
        """A server has greeted."""
        self._room = LOBBY
        self._known, self._notices = self._notices, set()
        self._end = self._clock.callLater(INTRODUCTION, self.end)

    def end(self) -> None:
        """The introduction is over: show what is new of what was held back."""
        if self._end is None:
            return
        if self._end.active():
            self._end.cancel()
        self._end = None
        self._is_first = False
        replay, self._replay = self._replay, []
        for line, notice in self._news(replay):
            self._show(line, notice)

    def said(self, text: str) -> None:
        """The person said `text`."""
        self._note(Said(self._identity.name, text))

    def lost(self, unheard: int) -> None:
        """The connection is gone. Of what the person said, the last `unheard` lines may not have
        been heard: a replay that holds them is news.
        """
        self.end()
        for _ in range(min(unheard, len(self._own))):
            self._own.pop()

    def takes(self, line: str, event: Event) -> bool:
        """Take note of `line`, which tells of `event`. Return whether it is not to be shown, or not
        yet.
        """
        if not isinstance(event, Notice):
            self.end()
            if isinstance(event, Words):
                self._note(event)
        elif room := ROOM.fullmatch(event.text):
            self._room = room[1]
        elif self._end is not None:
            return self._introduces(line, event)
        return False

    def _note(self, words: Words) -> None:
        """`words` were said, and shown."""
        if self._room != LOBBY:
            return
        if words.name == self._identity.name:
            self._names.add(words.name)
            self._own.append(words)
        else:
            self._seen.append(words)

    def _introduces(self, line: str, notice: Notice) -> bool:
        words = _words(notice)
        if words is None and not _LEFT_OUT.fullmatch(notice.text):
            self._notices.add(notice.text)
            return notice.text in self._known
        if self._is_first:
            if words is not None:
                self._note(words)
            return False
        self._replay.append((line, notice))
        if len(self._replay) == CLIENT_EVENTS:
            self.end()
        return True

    def _news(self, replay: list[tuple[str, Notice]]) -> list[tuple[str, Notice]]:
        """Return the part of `replay` that was not seen, and take note of it."""
        own = [words for words in (*self._own, *self._seen) if words.name in self._names]
        others = [
            words for _, notice in replay if (words := _words(notice)) and self._counts(words)
        ]
        seen = self._overlap(others)
        passed = 0
        news = []
        for line, notice in replay:
            words = _words(notice)
            if words is None:
                is_new = seen == 0
            elif self._counts(words):
                passed += 1
                is_new = passed > seen
            elif words in own:
                own.remove(words)
                is_new = False
            else:
                is_new = passed >= seen and words.name in self._names
            if is_new:
                news.append((line, notice))
                if words is not None:
                    (self._own if words.name in self._names else self._seen).append(words)
        return news

    def _counts(self, words: Words) -> bool:
        """Return whether `words` have a place among what was seen: those of the person have none,
        and what is ignored was not seen.
        """
        return words.name not in self._names and words.name not in self._identity.ignored

    def _overlap(self, others: list[Words]) -> int:
        """Return how many of `others`, the replayed words, are the last ones that were seen.

        What was seen last stands at the start of a replay, or all of the replay is new. Where lines
        repeat themselves the shortest overlap counts: nothing new is hidden.
        """
        seen = [words for words in self._seen if self._counts(words)]
        is_cut = len(self._seen) == SEEN
        for count in range(1, len(others) + 1):
            known = min(count, len(seen)) if is_cut else count
            if 0 < known <= len(seen) and seen[-known:] == others[count - known : count]:
                return count
        return 0


def _words(notice: Notice) -> Words | None:
    """Return the words that `notice` tells again."""
    match = _RETOLD.fullmatch(notice.text)
    event = parse(match[1]) if match else None
    return event if isinstance(event, Words) else None
