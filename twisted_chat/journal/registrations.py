"""Who owns which name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace

from twisted_chat.events import Role
from twisted_chat.journal.store import IStore
from twisted_chat.limits import MAX_REGISTRATIONS, REGISTRATIONS_A_DAY
from twisted_chat.names import key
from twisted_chat.networks import LOCAL
from twisted_chat.refusal import Refusal

_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Registration:
    """`name` belongs to who knows the passphrase that `digest` was made from."""

    name: str
    digest: str = field(repr=False)
    since: float
    operator: bool = False

    @property
    def role(self) -> Role:
        """What it gives its owner the right to."""
        return Role.OPERATOR if self.operator else Role.REGISTERED


@dataclass(frozen=True, slots=True)
class Recent:
    """When names were registered from one place, as the store keeps it (Unix times)."""

    times: list[float]


class Registrations:
    """The names that are owned. `store` keeps them."""

    def __init__(self, store: IStore) -> None:
        self._store = store
        self._owned: dict[str, Registration] = {}
        self._recent: dict[str, list[float]] = {}
        self._sweep_at = 64

    def load(self, owned: Iterable[Registration], recent: dict[str, Recent]) -> None:
        """Take over what was kept before; `recent` by origin."""
        self._owned = {key(registration.name): registration for registration in owned}
        self._recent = {origin: list(each.times) for origin, each in recent.items()}

    def get(self, name: str) -> Registration | None:
        """The registration of `name`, or of one that looks like it."""
        return self._owned.get(key(name))

    def add(self, name: str, digest: str, origin: str, now: float) -> None:
        """Let `name` belong to who knows the passphrase; asked for from `origin`.

        Raises Refusal if the name is owned, or if there were too many from `origin` today.
        """
        self.check(name, origin, now)
        registration = Registration(name, digest, now)
        self._owned[key(name)] = registration
        self._recent.setdefault(origin, []).append(now)
        self._keep(registration)
        self._store.put("recent", origin, {"times": self._recent[origin]})

    def change(self, name: str, digest: str) -> None:
        """Let who owns `name` prove it by another passphrase from here on."""
        registration = replace(self._owned[key(name)], digest=digest)
        self._owned[key(name)] = registration
        self._keep(registration)

    def remove(self, name: str) -> None:
        """Let `name` belong to nobody."""
        if registration := self._owned.pop(key(name), None):
            self._store.put("registration", registration.name, None)

    def set_operator(self, name: str, operator: bool) -> Registration:
        """Make the owner of `name` an operator, or no longer. Raises Refusal if it has none."""
        registration = self.get(name)
        if registration is None:
            raise Refusal(f"{name} is not registered: its owner has to /register it first")
        registration = replace(registration, operator=operator)
        self._owned[key(name)] = registration
        self._keep(registration)
        return registration

    def operators(self) -> list[str]:
        """The names of all operators."""
        return [each.name for each in self._owned.values() if each.operator]

    def _keep(self, registration: Registration) -> None:
        self._store.put("registration", registration.name, asdict(registration))

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
            where = "this machine" if origin == LOCAL else origin
            raise Refusal(
                f"{REGISTRATIONS_A_DAY} names a day can be registered from {where}, and they "
                "have been: try again tomorrow"
            )
        if len(self._owned) >= MAX_REGISTRATIONS:
            raise Refusal(f"{MAX_REGISTRATIONS} names are registered, as many as may be")

    def _forget_old(self, origin: str, now: float) -> None:
        """Let registrations from `origin` that are older than a day not count any more."""
        times = self._recent.get(origin)
        if times is None:
            return
        # One that is in the future: the clock was set back.
        kept = [time for time in times if now - _DAY < time <= now + _DAY]
        if kept:
            self._recent[origin] = kept
        else:
            del self._recent[origin]
            self._store.put("recent", origin, None)
