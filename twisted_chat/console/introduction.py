"""The lines that a server sends to every newcomer. After a reconnect only new ones are shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.console.identity import Identity, joined
from twisted_chat.events import LOBBY, Emoted, Event, Motd, Notice, Retold, Said, Topic
from twisted_chat.limits import CLIENT_EVENTS, INTRODUCTION, SEEN

Introducing = Motd | Topic | Retold | Notice
"""The message of the day, the topic, and with --replay the last lines of the lobby. A server that
knows only lines makes notices of the first two.
"""


class Words(NamedTuple):
    """Something that somebody said, or does (`emoted`)."""

    name: str
    text: str
    emoted: bool


Shown = tuple[Sequence[str], Event, "Words | None"]
"""An event, its lines for people, and what it retells."""


class Introduction:
    """Holds back the events after a greeting until it is known which of them are new.

    The first event that is not Introducing ends the introduction, or INTRODUCTION seconds after the
    greeting. `show` shows what was held back; `identity` knows the client's name.
    """

    def __init__(
        self, clock: IReactorTime, show: Callable[[Sequence[str], Event], None], identity: Identity
    ) -> None:
        self._clock = clock
        self._show = show
        self._identity = identity
        self._is_first = True
        self._known: set[str] = set()
        """The lines of the introduction before this one, but for those of the replay."""
        self._lines: set[str] = set()
        self._replay: list[Shown] = []
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
        self._known, self._lines = self._lines, set()
        self._end = self._clock.callLater(INTRODUCTION, self.end)

    def end(self) -> None:
        """End the introduction: show what was held back and is new."""
        if self._end is None:
            return
        if self._end.active():
            self._end.cancel()
        self._end = None
        self._is_first = False
        replay, self._replay = self._replay, []
        for lines, event, _ in self._news(replay):
            self._show(lines, event)

    def said(self, text: str) -> None:
        """Note that the person said `text`."""
        self._note(Words(self._identity.name, text, emoted=False))

    def lost(self, unheard: int) -> None:
        """Note that the connection is gone. The last `unheard` lines of the person may not have
        been heard: if a replay holds them, they are new.
        """
        self.end()
        for _ in range(min(unheard, len(self._own))):
            self._own.pop()

    def takes(self, lines: Sequence[str], event: Event, meaning: Event) -> bool:
        """Note `event`, of which `lines` tell people, and which is to be understood as `meaning`.
        Return True if it must not be shown, or not yet.
        """
        if room := joined(meaning):
            self._room = room
        if not isinstance(meaning, Introducing):
            self.end()
            if isinstance(meaning, Said | Emoted):
                self._note(Words(meaning.name, meaning.text, isinstance(meaning, Emoted)))
        elif self._end is not None:
            return self._introduces(lines, event, meaning)
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

    def _introduces(self, lines: Sequence[str], event: Event, meaning: Introducing) -> bool:
        words = None
        if isinstance(meaning, Retold):
            words = Words(meaning.name, meaning.text, meaning.emoted)
        elif not (isinstance(meaning, Notice) and "left_out" in (meaning.record or {})):
            return self._is_known(lines, event)
        if self._is_first:
            if words is not None:
                self._note(words)
            return False
        self._replay.append((lines, event, words))
        if len(self._replay) == CLIENT_EVENTS:
            self.end()
        return True

    def _is_known(self, lines: Sequence[str], event: Event) -> bool:
        """Note `lines`, and show those that are new if not all of them are."""
        self._lines.update(lines)
        news = [line for line in lines if line not in self._known]
        if isinstance(event, Motd) and 0 < len(news) < len(lines):
            self._show(news, Motd("\n".join(line.removeprefix("- ") for line in news)))
            return True
        return not news

    def _news(self, replay: list[Shown]) -> list[Shown]:
        """Return the part of `replay` that was not seen, and note that it was."""
        own = [words for words in (*self._own, *self._seen) if words.name in self._names]
        others = [words for _, _, words in replay if words and self._counts(words)]
        seen = self._overlap(others)
        passed = 0
        news = []
        for lines, event, words in replay:
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
                news.append((lines, event, words))
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
