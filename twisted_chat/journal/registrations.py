"""Who owns which name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from twisted.logger import Logger

from twisted_chat.events import Role
from twisted_chat.journal.namesakes import Namesakes
from twisted_chat.journal.store import IStore
from twisted_chat.limits import MAX_REGISTRATIONS, REGISTRATIONS_A_DAY, WRONG_FROM
from twisted_chat.networks import place
from twisted_chat.refusal import Refusal

_DAY = 24 * 60 * 60

_log = Logger(namespace="chat")


@dataclass(frozen=True, slots=True)
class Registration:
    """`name` belongs to whoever knows the passphrase that `digest` was made from.

    Times are Unix time. `since`: when it was registered. `expires`: until when the passphrase is
    good; 0: for ever. `last_login`: 0 if nobody knows. `wrong`: how many wrong passphrases were
    tried since then, the last at `wrong_at`, from `wrong_from`: the last few origins, the newest
    last.
    """

    name: str
    digest: str = field(repr=False)
    since: float
    operator: bool = False
    expires: float = 0.0
    last_login: float = 0.0
    wrong: int = 0
    wrong_at: float = 0.0
    wrong_from: list[str] = field(default_factory=list)

    @property
    def role(self) -> Role:
        """What it gives its owner the right to."""
        return Role.OPERATOR if self.operator else Role.REGISTERED


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
        self._sweep_at = 64

    def load(self, owned: Iterable[Registration], recent: dict[str, Recent]) -> None:
        """Take over what was kept before; `recent` by origin. The log tells who cannot log in."""
        for registration in sorted(owned, key=lambda each: (each.since, each.name)):
            self._owned.put(registration.name, registration)
            if older := self.obstacle(registration):
                _log.warn(
                    "{name} cannot log in: it looks like {older}, which was registered before: "
                    "chatctl release {older} lets it in",
                    name=registration.name,
                    older=older.name,
                )
        self._recent = {origin: list(each.times) for origin, each in recent.items()}

    def get(self, name: str) -> Registration | None:
        """Return the registration of `name` as it is written, or of one that looks like it."""
        return self._owned.get(name)

    def standing(self, name: str) -> Registration | None:
        """Return the registration whose owner bears `name` when logged in."""
        return self._owned.first(name)

    def obstacle(self, registration: Registration) -> Registration | None:
        """Return the older registration because of which the owner of this one cannot log in."""
        standing = self.standing(registration.name)
        return standing if standing and standing.name != registration.name else None

    def add(self, name: str, digest: str, origin: str, now: float) -> None:
        """Let `name` belong to whoever knows the passphrase; asked for from `origin`.

        Raises Refusal if the name is owned, or if there were too many from `origin` today.
        """
        self.check(name, origin, now)
        registration = Registration(name, digest, now, last_login=now)
        self._owned.put(name, registration)
        self._recent.setdefault(origin, []).append(now)
        self._keep(registration)
        self._keep_recent(origin)

    def change(self, name: str, digest: str, expires: float = 0.0) -> Registration:
        """Let the owner of `name` prove it by another passphrase from here on, which is good until
        `expires` (Unix time; 0: for ever). Raises Refusal if it has no owner.
        """
        return self._change(name, digest=digest, expires=expires)

    def remove(self, name: str) -> None:
        """Let `name` belong to nobody."""
        if registration := self.get(name):
            self._owned.remove(registration.name)
            self._store.put("registration", registration.name, None)

    def release(self, name: str) -> Registration:
        """Let `name` belong to nobody, as if it had never been registered: it does not count among
        those of the day. Returns its registration. Raises Refusal if it has no owner.
        """
        registration = self._owner(name)
        self.remove(name)
        for origin, times in self._recent.items():
            if registration.since in times:
                times.remove(registration.since)
                self._keep_recent(origin)
                break
        return registration

    def log_in(self, name: str, now: float) -> None:
        """The owner of `name` has logged in: wrong passphrases count from here on."""
        self._change(name, last_login=now, wrong=0, wrong_at=0.0, wrong_from=[])

    def note_wrong(self, name: str, origin: str, now: float) -> None:
        """Somebody from `origin` tried a wrong passphrase for `name`."""
        registration = self._owner(name)
        others = [each for each in registration.wrong_from if each != origin]
        self._change(
            name,
            wrong=registration.wrong + 1,
            wrong_at=now,
            wrong_from=[*others, origin][-WRONG_FROM:],
        )

    def set_operator(self, name: str, operator: bool) -> Registration:
        """Let the owner of `name` be an operator or not. Raises Refusal if it has no owner."""
        return self._change(name, operator=operator)

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._owned)

    def _owner(self, name: str) -> Registration:
        registration = self.get(name)
        if registration is None:
            raise Refusal(f"{name} is not registered: its owner has to /register it first")
        return registration

    def _change(self, name: str, **changes: Any) -> Registration:
        registration = replace(self._owner(name), **changes)
        self._owned.put(registration.name, registration)
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

    def check(self, name: str, origin: str, now: float) -> None:
        """Raises what `add` would."""
        if self.get(name) is not None:
            raise Refusal(f"{name} is registered already: /login {name} PASSPHRASE takes it")
        self._forget_old(origin, now)
        # Of the others too, but not at each look: there may be a hundred thousand.
        if len(self._recent) >= self._sweep_at:
            for known in list(self._recent):
                self._forget_old(known, now)
            self._sweep_at = 64 + 2 * len(self._recent)
        if len(self._recent.get(origin, ())) >= REGISTRATIONS_A_DAY:
            raise Refusal(
                f"{REGISTRATIONS_A_DAY} names a day can be registered from {place(origin)}, and "
                "they have been: try again tomorrow, or ask the administrator to release one"
            )
        if len(self._owned) >= self._most:
            raise Refusal(f"{self._most} names are registered, as many as may be")

    def _forget_old(self, origin: str, now: float) -> None:
        """Let registrations from `origin` that are older than a day not count any more."""
        times = self._recent.get(origin)
        if times is None:
            return
        # One that is in the future: the clock was set back.
        kept = [time for time in times if now - _DAY < time <= now + _DAY]
        self._recent[origin] = kept
        if not kept:
            self._keep_recent(origin)
