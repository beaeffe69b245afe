"""The person's ignored names and away message, which the client sets again after a reconnect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted_chat.events import Emoted, Entered, Event, Notice, Refused, Renamed, Said, Told
from twisted_chat.refusal import Kind


class Preferences:
    """Knows from the server's events what the person has asked for that ends with a connection.

    Answers to the client's own requests look like answers to the person's. They can be told apart
    because the server answers in the order of the requests, and the client asks first.
    """

    def __init__(self) -> None:
        self._away: str | None = None
        """Why the person is away; None if the person is not away."""
        self._ignored: dict[str, str] = {}
        """The ignored names, by the same names in lower case."""
        self._asked: deque[tuple[str, str]] = deque()
        """The client's own requests that wait for an answer: command and argument."""
        self._absent: set[str] = set()
        """The ignored names, in lower case, that nobody had when the client asked."""
        self._send: Callable[[str], None] = to_nobody

    @property
    def ignored(self) -> list[str]:
        """The ignored names."""
        return list(self._ignored.values())

    def sent(self, command: str, argument: str) -> None:
        """Note that the person's `command` was sent."""
        if command == "unignore":
            # The server refuses it if the name is not back yet; the person wants it all the same.
            self._forget(argument)

    def greeted(self, send: Callable[[str], None]) -> None:
        """Ask the server again for all of it, by `send`."""
        self._send = send
        if self._away is not None:
            self._ask("away", self._away)
        for name in self.ignored:
            self._ask("ignore", name)

    def lost(self) -> None:
        """Note that the connection is gone, and with it all answers."""
        self._asked.clear()
        self._absent.clear()

    def takes(self, event: Event) -> bool:
        """Note `event`. Return whether it answers one of the client's own requests."""
        if self._asked and self._is_answer(*self._asked[0], event):
            self._asked.popleft()
            return True
        match event:
            case Notice(record={"away": None | str() as why, **rest}) if not rest:
                self._away = why
            case Notice(record={"name": str(name), "ignored": [*ignored]}):
                if name in ignored:
                    self._ignored[name.lower()] = name
                else:
                    self._forget(name)
            case Renamed(old, new):
                self._renamed(old, new)
            case Entered(name) | Said(name) | Emoted(name) | Told(name):
                self._is_here(name)
        return False

    def _ask(self, command: str, argument: str) -> None:
        self._asked.append((command, argument))
        self._send(f"/{command} {argument}".rstrip())

    def _is_answer(self, command: str, argument: str, event: Event) -> bool:
        match event:
            case Refused(command=refused) if refused == command:
                if event.kind is Kind.NO_MEMBER:
                    self._absent.add(argument.lower())
                return True
            case Notice(record={"away": str(), **rest}):
                return command == "away" and not rest
            case Notice(record={"name": name, "ignored": [*ignored]}):
                return command == "ignore" and name in ignored
        return False

    def _forget(self, name: str) -> None:
        self._ignored.pop(name.lower(), None)
        self._absent.discard(name.lower())

    def _renamed(self, old: str, new: str) -> None:
        # When a member takes another name, the server goes on ignoring it. But a member whose name
        # becomes its address has lost that name to its owner.
        if old.lower() in self._ignored and ":" not in new:
            self._forget(old)
            self._ignored[new.lower()] = new
        self._is_here(new)

    def _is_here(self, name: str) -> None:
        """Ignore `name` again if nobody had it before."""
        if name.lower() in self._absent:
            self._absent.discard(name.lower())
            self._ask("ignore", name)


def to_nobody(line: str) -> None:
    """Drop `line`: before the first greeting nothing is asked for."""
