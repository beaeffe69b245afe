"""Who owns which name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from twisted.logger import Logger

from twisted_chat.journal.namesakes import Namesakes
from twisted_chat.journal.store import IStore
from twisted_chat.limits import MAX_REGISTRATIONS, REGISTRATIONS_A_DAY, WRONG_FROM
from twisted_chat.names import Name, named
from twisted_chat.networks import place
from twisted_chat.records import Registration
from twisted_chat.refusal import Kind, Refusal

_DAY = 24 * 60 * 60

_log = Logger(namespace="chat")


@dataclass(frozen=True, slots=True)
class Recent:
    """When names were registered from one place, as the store keeps it (Unix times)."""

    times: list[float]


class Registrations:
    """The names that are owned, at most `most`. `store` keeps them.

    Two of them may have one key if they were registered before a rule made them one. Then the owner
    of the older one has the name; the other can log in when that one is released.
    """

    def __init__(self, store: IStore, most: int = MAX_REGISTRATIONS) -> None:
        self._store = store
        self._most = most
        self._owned: Namesakes[Registration] = Namesakes()
        self._recent: dict[str, list[float]] = {}
        """By origin, when it registered names in the last day."""
        self._in_order: deque[tuple[float, str]] = deque()
        """The same times, each with its origin, the oldest first."""
        self._token_owners: dict[str, str] = {}
        """Whose each token is: the name by the digest."""

    def load(self, owned: Iterable[Registration], recent: dict[str, Recent], now: float) -> None:
        """Take over what was kept before; `recent` by origin. The log tells who cannot log in."""
        for registration in sorted(owned, key=lambda each: (each.since, each.name)):
            self._put(named(registration.name), registration)
            if older := self.obstacle(registration):
                _log.warn(
                    "{name} cannot log in: it looks like {older}, which was registered before: "
                    "chatctl release {older} lets it in",
                    name=registration.name,
                    older=older.name,
                )
        self._take_recent({origin: each.times for origin, each in recent.items()}, now)
        self.run_out(now)

    def get(self, name: Name) -> Registration | None:
        """Return the registration of `name` as it is written, or of one that looks like it."""
        return self._owned.get(name)

    def standing(self, key: str) -> Registration | None:
        """Return the registration whose owner bears a name with `key` when logged in."""
        return self._owned.first(key)

    def obstacle(self, registration: Registration) -> Registration | None:
        """Return the older registration because of which the owner of this one cannot log in."""
        standing = self.standing(self.key_of(registration))
        return standing if standing and standing.name != registration.name else None

    def key_of(self, registration: Registration) -> str:
        """Return the key of the registered name."""
        return self._owned.key_of(registration.name)

    def add(self, name: Name, digest: str, origin: str, now: float) -> None:
        """Let `name` belong to whoever knows the passphrase; asked for from `origin`.

        Raises Refusal if the name is owned, or if there were too many from `origin` today.
        """
        self.check(name, origin)
        registration = Registration(name.text, digest, now, last_login=now)
        self._owned.put(name, registration)
        self._recent.setdefault(origin, []).append(now)
        self._in_order.append((now, origin))
        self._keep(registration)
        self._keep_recent(origin)

    def check(self, name: Name, origin: str) -> None:
        """Raise what `add` would."""
        if self.get(name) is not None:
            raise Refusal(
                f"{name.text} is registered already: /login {name.text} PASSPHRASE takes it",
                Kind.REGISTERED,
            )
        if len(self._recent.get(origin, ())) >= REGISTRATIONS_A_DAY:
            raise Refusal(
                f"{REGISTRATIONS_A_DAY} names a day can be registered from {place(origin)}, and "
                "they have been: try again tomorrow, or ask the administrator to release one",
                Kind.TOO_MANY,
            )
        if len(self._owned) >= self._most:
            raise Refusal(f"{self._most} names are registered, as many as may be", Kind.TOO_MANY)

    def change(self, name: Name, digest: str, expires: float = 0.0) -> Registration:
        """Let the owner of `name` prove it by another passphrase from here on, which is good until
        `expires` (Unix time; 0: for ever). Raises Refusal if it has no owner.
        """
        return self._change(self._owner(name), digest=digest, expires=expires)

    def remove(self, registration: Registration) -> None:
        """Let the registered name belong to nobody."""
        self._forget_tokens(registration)
        self._owned.remove(registration.name)
        self._store.put("registration", registration.name, None)

    def release(self, name: Name) -> Registration:
        """Let `name` belong to nobody, as if it had never been registered: it does not count among
        those of the day. Returns its registration. Raises Refusal if it has no owner.
        """
        registration = self._owner(name)
        self.remove(registration)
        for origin, times in self._recent.items():
            if registration.since in times:
                times.remove(registration.since)
                self._in_order.remove((registration.since, origin))
                self._keep_recent(origin)
                break
        return registration

    def log_in(self, registration: Registration, now: float) -> None:
        """Note that the owner has logged in: wrong passphrases count anew from here on."""
        self._change(registration, last_login=now, wrong=0, wrong_at=0.0, wrong_from=[])

    def note_wrong(self, registration: Registration, origin: str, now: float) -> None:
        """Note that somebody from `origin` tried a wrong passphrase for `registration`."""
        others = [each for each in registration.wrong_from if each != origin]
        self._change(
            registration,
            wrong=registration.wrong + 1,
            wrong_at=now,
            wrong_from=[*others, origin][-WRONG_FROM:],
        )

    def set_tokens(self, registration: Registration, tokens: list[str]) -> None:
        """Let these `tokens` post in its name, by turns a label and a digest."""
        self._forget_tokens(registration)
        self._know_tokens(self._change(registration, tokens=tokens))

    def token_owner(self, digest: str) -> Registration | None:
        """Return the registration that has the token of `digest`."""
        name = self._token_owners.get(digest)
        return None if name is None else self._owned.exactly(name)

    def _know_tokens(self, registration: Registration) -> None:
        for digest in registration.digests_by_label.values():
            self._token_owners[digest] = registration.name

    def _forget_tokens(self, registration: Registration) -> None:
        for digest in registration.digests_by_label.values():
            self._token_owners.pop(digest, None)

    def set_operator(self, name: Name, operator: bool) -> Registration:
        """Let the owner of `name` be an operator or not. Raises Refusal if it has no owner."""
        return self._change(self._owner(name), operator=operator)

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._owned)

    # What runs out.

    @property
    def due(self) -> float:
        """When the next registration stops to count among those of the day; infinite: none does."""
        return self._in_order[0][0] + _DAY if self._in_order else float("inf")

    def run_out(self, now: float) -> None:
        """Let registrations that are older than a day not count any more."""
        while self.due <= now:
            time, origin = self._in_order.popleft()
            self._recent[origin].remove(time)
            self._keep_recent(origin)

    # What is kept.

    def dump(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "owned": [
                [asdict(name), asdict(registration)]
                for name, registration in zip(self._owned.names(), self._owned, strict=True)
            ],
            "recent": {origin: list(times) for origin, times in sorted(self._recent.items())},
        }

    def restore(self, dump: dict[str, Any], now: float) -> None:
        """Take over what `dump` returned."""
        for name, registration in dump["owned"]:
            self._put(Name(**name), Registration(**registration))
        self._take_recent(dump["recent"], now)

    def _take_recent(self, recent: dict[str, list[float]], now: float) -> None:
        # One that is in the future: the clock was set back.
        self._recent = {
            origin: sorted(min(time, now) for time in times) for origin, times in recent.items()
        }
        in_order = [(time, origin) for origin, times in self._recent.items() for time in times]
        self._in_order = deque(sorted(in_order))

    def _put(self, name: Name, registration: Registration) -> None:
        self._owned.put(name, registration)
        self._know_tokens(registration)

    def _owner(self, name: Name) -> Registration:
        registration = self.get(name)
        if registration is None:
            raise Refusal(
                f"{name.text} is not registered: its owner has to /register it first",
                Kind.NOT_REGISTERED,
            )
        return registration

    def _change(self, registration: Registration, **changes: Any) -> Registration:
        registration = replace(registration, **changes)
        self._owned.replace(registration.name, registration)
        self._keep(registration)
        return registration

    def _keep(self, registration: Registration) -> None:
        self._store.put("registration", registration.name, asdict(registration))

    def _keep_recent(self, origin: str) -> None:
        """Let the store have the times of `origin`, or forget it if there are none."""
        times = self._recent[origin]
        self._store.put("recent", origin, {"times": times} if times else None)
        if not times:
            del self._recent[origin]
