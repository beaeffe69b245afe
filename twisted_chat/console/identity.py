"""The client's name, room and ignored names in the chat, which it takes up after a reconnect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_chat.console.mentions import mentions
from twisted_chat.console.preferences import Preferences, to_nobody
from twisted_chat.events import LOBBY, YOU, Event, Greeting, Joined, Notice, Refused, Renamed
from twisted_chat.limits import NAME_AGAIN, NAME_AGAIN_FOR
from twisted_chat.refusal import Kind
from twisted_chat.syntax import parse

_TAKING = ("nick", "login", "")
"""The commands that take a name. No line tells which command was refused."""


def joined(event: Event) -> str:
    """Return the room in which the client is, if `event` tells that it is in another one now."""
    return event.room if isinstance(event, Joined) else ""


class Identity:
    """Knows from the server's events which name, login, room, away message and ignored names the
    client has got.

    `nick`: the name that `--nick` asks for; None: it asks for no name. All of it is kept in memory
    only.
    """

    def __init__(self, clock: IReactorTime, nick: str | None) -> None:
        self._clock = clock
        self._wanted = nick or ""
        self._had = False
        self.room = LOBBY
        """Where the client is."""
        self._wanted_room = LOBBY
        self._login: tuple[str, str] | None = None
        self._tried = ""
        self._address = ""
        self._send: Callable[[str], None] = to_nobody
        self._answer_due = False
        self._refusal: str | None = None
        self._next: IDelayedCall | None = None
        self._until = 0.0
        self._preferences = Preferences()

    @property
    def name(self) -> str:
        """The name by which the others know the client, as far as it knows."""
        return self._wanted if self._had else self._address

    def sent(self, line: str) -> None:
        """Note that the person's command `line` was sent."""
        command, argument = parse(line) or ("", "")
        if command == "login":
            self._tried = "".join(argument.split(None, 1)[1:])  # Split as the server does.
        elif command == "register":
            self._tried = argument
        else:
            self._preferences.sent(command, argument)

    @property
    def ignored(self) -> list[str]:
        """The names that the client ignores."""
        return self._preferences.ignored

    def greeted(self, greeting: Greeting, address: str, send: Callable[[str], None]) -> None:
        """Take up, by `send`, what the client had before. The server has greeted it, and knows it
        by its `address` unless the greeting says otherwise.
        """
        self._address = greeting.name or address
        self.room = greeting.room or LOBBY
        self._send = send
        self._until = self._clock.seconds() + NAME_AGAIN_FOR
        self._refusal = None
        self._ask()
        self._preferences.greeted(send)
        if self._wanted_room != self.room:
            send(f"/join {self._wanted_room}")

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._stop_asking()
        self._preferences.lost()

    def _stop_asking(self) -> None:
        self._answer_due = False
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def heard(self, event: Event) -> bool:
        """Note `event`, which the server sent. Return whether to show it."""
        if self._preferences.takes(event):
            return False
        if isinstance(event, Renamed) and event.old == YOU:
            self._renamed(event.new)
        elif isinstance(event, Refused) and self._answer_due and event.command in _TAKING:
            return self._refused(event)
        elif room := joined(event):
            self.room = self._wanted_room = room
        elif isinstance(event, Notice) and event.record:
            self._noticed(event.record)
        return True

    def _noticed(self, record: Mapping[str, object]) -> None:
        match record:
            case {"owned": str(name)}:
                self._stop_asking()
                self._login = (name, self._tried) if self._tried else None
            case {"owned": None}:
                self._login = None

    def _renamed(self, name: str) -> None:
        self._stop_asking()
        # The server calls a client without a name by its address.
        self._had = ":" not in name
        self._wanted = name if self._had else ""
        if self._login is not None and self._login[0].casefold() != name.casefold():
            self._login = None

    def _ask(self) -> None:
        self._next = None
        if self._login is not None:
            name, self._tried = self._login
            self._send(f"/login {name} {self._tried}")
        elif self._wanted:
            self._send(f"/nick {self._wanted}")
        # Only a client that had the name before can have a lost connection that still has it.
        self._answer_due = self._had

    def _refused(self, refused: Refused) -> bool:
        """Note that the name was refused. Return whether to show it: not the same refusal again."""
        if self._is_forgotten(refused):
            # A daemon without a state folder has restarted: the name is free to take.
            self._login = self._refusal = None
            self._ask()
            return True
        known = refused.text == self._refusal
        if self._refusal is not None and not known:
            return True
        self._refusal = refused.text
        self._answer_due = False
        if self._clock.seconds() + NAME_AGAIN <= self._until:
            self._next = self._clock.callLater(NAME_AGAIN, self._ask)
        return not known

    def _is_forgotten(self, refused: Refused) -> bool:
        """Return whether the refusal says that the client's name is not registered."""
        return (
            refused.kind is Kind.NOT_REGISTERED
            and self._login is not None
            and bool(mentions(refused.text, self._login[0]))
        )
