"""The lines that a server sends to every newcomer. After a reconnect only new ones are shown."""

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
    """Holds back the lines after a greeting until it is known which of them are new.

    They are notices: the message of the day, the topic, and with --replay the last lines of the
    lobby. The first line of another kind ends the introduction, or INTRODUCTION seconds after the
    greeting. `show` shows a line that was held back; `identity` knows the client's name.
    """

    def __init__(
        self, clock: IReactorTime, show: Callable[[str, Event], None], identity: Identity
    ) -> None:
        self._clock = clock
        self._show = show
        self._identity = identity
        self._is_first = True
        self._known: set[str] = set()
        """The notices of the introduction before this one."""
        self._notices: set[str] = set()
        self._replay: list[tuple[str, Notice]] = []
        self._end: IDelayedCall | None = None
        self._room = LOBBY
        self._seen: deque[Words] = deque(maxlen=SEEN)
        """The last words of others in the lobby, in their order."""
        self._own: deque[Words] = deque(maxlen=SEEN)
        """The last words of the person. When the others heard them is not known."""
        self._names: set[str] = set()
        """The names that the person has had."""

    def begin(self) -> None:
        """Begin an introduction: a server has greeted."""
        self._room = LOBBY
        self._known, self._notices = self._notices, set()
        self._end = self._clock.callLater(INTRODUCTION, self.end)

    def end(self) -> None:
        """End the introduction: show those lines that were held back and are new."""
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
        """Note that the person said `text`."""
        self._note(Said(self._identity.name, text))

    def lost(self, unheard: int) -> None:
        """Note that the connection is gone. The last `unheard` lines of the person may not have
        been heard: if a replay holds them, they are new.
        """
        self.end()
        for _ in range(min(unheard, len(self._own))):
            self._own.pop()

    def takes(self, line: str, event: Event) -> bool:
        """Note `line`, which tells of `event`. Return True if it must not be shown, or not yet."""
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
        """Note that `words` were said and shown."""
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
        """Return the part of `replay` that was not seen, and note that it was."""
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
        """Return whether `words` have a place in the order of the words that were seen. The words
        of the person have no place, and ignored ones were not seen.
        """
        return words.name not in self._names and words.name not in self._identity.ignored

    def _overlap(self, others: list[Words]) -> int:
        """Return how many of the first `others`, the replayed words, were seen.

        Either a replay begins with the words that were seen last, or all of it is new. If lines
        repeat themselves, the shortest overlap counts, so that nothing new is hidden.
        """
        seen = [words for words in self._seen if self._counts(words)]
        is_cut = len(self._seen) == SEEN
        for count in range(1, len(others) + 1):
            known = min(count, len(seen)) if is_cut else count
            if 0 < known <= len(seen) and seen[-known:] == others[count - known : count]:
                return count
        return 0


def _words(notice: Notice) -> Words | None:
    """Return the words that `notice` retells; None if it retells nothing."""
    match = _RETOLD.fullmatch(notice.text)
    event = parse(match[1]) if match else None
    return event if isinstance(event, Words) else None
