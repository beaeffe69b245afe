"""Bans and mutes: whom they concern, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from twisted.logger import Logger

from twisted_chat.journal.store import IStore
from twisted_chat.limits import MAX_SANCTIONS
from twisted_chat.names import key
from twisted_chat.networks import Host, Network, is_default, network_in
from twisted_chat.refusal import Refusal
from twisted_chat.spans import span

_log = Logger(namespace="chat")


@dataclass(frozen=True, slots=True)
class Sanction:
    """`whom`: a name, or a network as `show` has it. `until`: Unix time; 0: until it is undone."""

    whom: str
    by: str
    why: str
    since: float
    until: float

    @property
    def end(self) -> float:
        """When it ends, to be compared with others: Unix time, or infinite."""
        return self.until or float("inf")

    def terms(self, now: float) -> str:
        """For how long from `now` on, by whom and why: what is told to who is concerned."""
        how_long = f" for {span(self.until - now)} more" if self.until else ""
        return f"{how_long}, by {self.by}{f': {self.why}' if self.why else ''}"


class Sanctions:
    """Those of one kind (`ban`, `mute`) that are in force. `store` keeps them."""

    def __init__(self, kind: str, store: IStore) -> None:
        self._kind = kind
        self._store = store
        self._names: dict[str, Sanction] = {}
        # By version and length of the prefix, then by the prefix: a look at a host takes a few
        # look-ups, however many networks there are.
        self._networks: dict[tuple[int, int], dict[int, Sanction]] = {}

    def load(self, kept: Iterable[Sanction]) -> None:
        """Take over what was kept before. Of several that concern the same by a rule that came
        later, the one that lasts longest stays, and the log tells which go.
        """
        for sanction in sorted(kept, key=lambda each: (-each.end, each.since, each.whom)):
            # A default name that is no network: it is somebody else's by now.
            if is_default(sanction.whom) and network_in(sanction.whom) is None:
                self._store.put(self._kind, sanction.whom, None)
            elif longer := self._just(sanction.whom):
                self._store.put(self._kind, sanction.whom, None)
                _log.warn(
                    "the {kind} of {whom} goes: that of {longer} holds for it too, and as long",
                    kind=self._kind,
                    whom=sanction.whom,
                    longer=longer.whom,
                )
            else:
                self._put(sanction)

    def add(self, sanction: Sanction, now: float) -> None:
        """Put `sanction` in force, in place of one for the same. Raises Refusal if they are too
        many.
        """
        self._sweep(now)
        # Not under its name as written: it may have been another of the same key.
        replaced = self.lift(sanction.whom)
        if replaced is None and len(list(self)) >= MAX_SANCTIONS:
            raise Refusal(f"there are {MAX_SANCTIONS} of them, as many as may be: undo some first")
        self._put(sanction)
        self._store.put(self._kind, sanction.whom, asdict(sanction))

    def lift(self, whom: str) -> Sanction | None:
        """Undo what concerns just `whom`: what was in force, if anything."""
        lifted = self._just(whom)
        if lifted is not None:
            network = network_in(whom)
            if network is None:
                del self._names[key(whom)]
            else:
                del self._networks[_length(network)][_prefix(network)]
            self._store.put(self._kind, lifted.whom, None)
        return lifted

    def on_name(self, name: str, now: float) -> Sanction | None:
        """What is in force against whoever bears `name`."""
        return _in_force(self._names.get(key(name)), now) if self._names else None

    def on_host(self, host: Host, now: float) -> Sanction | None:
        """What is in force against whoever comes from `host`; of several what lasts longest."""
        if host is None:
            return None
        number = int(host)
        longest: Sanction | None = None
        for (version, length), sanctions in self._networks.items():
            if version == host.version:
                found = _in_force(sanctions.get(number >> host.max_prefixlen - length), now)
                if found is not None and (longest is None or found.end > longest.end):
                    longest = found
        return longest

    def in_force(self, now: float) -> list[Sanction]:
        """Return all of them, the newest first; those of one moment by whom they concern."""
        self._sweep(now)
        return sorted(self, key=lambda sanction: (-sanction.since, sanction.whom))

    def __iter__(self) -> Iterator[Sanction]:
        yield from self._names.values()
        for sanctions in self._networks.values():
            yield from sanctions.values()

    def _just(self, whom: str) -> Sanction | None:
        """Return the one that concerns just `whom`."""
        network = network_in(whom)
        if network is None:
            return self._names.get(key(whom))
        return self._networks.get(_length(network), {}).get(_prefix(network))

    def _put(self, sanction: Sanction) -> None:
        network = network_in(sanction.whom)
        if network is None:
            self._names[key(sanction.whom)] = sanction
        else:
            self._networks.setdefault(_length(network), {})[_prefix(network)] = sanction

    def _sweep(self, now: float) -> None:
        for sanction in list(self):
            if _in_force(sanction, now) is None:
                self.lift(sanction.whom)


def _in_force(sanction: Sanction | None, now: float) -> Sanction | None:
    return sanction if sanction is not None and not 0 < sanction.until <= now else None


def _length(network: Network) -> tuple[int, int]:
    return network.version, network.prefixlen


def _prefix(network: Network) -> int:
    return int(network.network_address) >> network.max_prefixlen - network.prefixlen
