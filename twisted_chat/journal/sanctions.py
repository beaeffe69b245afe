"""Bans and mutes: whom they concern, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from twisted.logger import Logger

from twisted_chat.journal.store import IStore
from twisted_chat.limits import MAX_SANCTIONS
from twisted_chat.names import Name, named
from twisted_chat.networks import Host, Network, is_default_name, network_in
from twisted_chat.records import Sanction
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.spans import span

_log = Logger(namespace="chat")


class Sanctions:
    """Those of one kind (`ban`, `mute`) that are in force. `store` keeps them."""

    def __init__(self, kind: str, store: IStore) -> None:
        self._kind = kind
        self._store = store
        self._names: dict[str, Sanction] = {}
        """By the keys of the names."""
        # By version and length of the prefix, then by the prefix: a look at a host takes a few
        # look-ups, however many networks there are.
        self._networks: dict[tuple[int, int], dict[int, Sanction]] = {}
        self.due = float("inf")
        """When the next one ends, in Unix time; infinite: none does."""

    def load(self, kept: Iterable[Sanction], now: float) -> None:
        """Take over what was kept before. Of several that concern the same by a rule that came
        later, the one that lasts longest stays, and the log tells which go.
        """
        for sanction in sorted(kept, key=lambda each: (-each.end, each.since, each.whom)):
            whom = named(sanction.whom)
            # A default name that is no network: it is somebody else's by now.
            if is_default_name(sanction.whom) and network_in(sanction.whom) is None:
                self._store.put(self._kind, sanction.whom, None)
            elif longer := self._just(whom):
                self._store.put(self._kind, sanction.whom, None)
                _log.warn(
                    "the {kind} of {whom} goes: that of {longer} holds for it too, and as long",
                    kind=self._kind,
                    whom=sanction.whom,
                    longer=longer.whom,
                )
            else:
                self._put(sanction, whom.key)
        self._find_due()
        self.run_out(now)

    def add(self, sanction: Sanction, whom: Name) -> None:
        """Put `sanction` in force against `whom`, in place of one for the same. Raises Refusal if
        they are too many.
        """
        # Not under its name as written: it may have been another of the same key.
        replaced = self.lift(whom)
        if replaced is None and len(list(self)) >= MAX_SANCTIONS:
            raise Refusal(
                f"there are {MAX_SANCTIONS} of them, as many as may be: undo some first",
                Kind.TOO_MANY,
            )
        self._put(sanction, whom.key)
        self._store.put(self._kind, sanction.whom, asdict(sanction))
        self._find_due()

    def lift(self, whom: Name) -> Sanction | None:
        """Undo what concerns just `whom`. Return what was in force, if anything."""
        lifted = self._just(whom)
        if lifted is not None:
            self._remove(lifted, whom.key)
            self._find_due()
        return lifted

    def on_name(self, key: str) -> Sanction | None:
        """Return what is in force against whoever bears a name with `key`."""
        return self._names.get(key)

    def on_host(self, host: Host) -> Sanction | None:
        """Return what is in force against members that come from `host`; of several what lasts
        longest.
        """
        if host is None:
            return None
        number = int(host)
        longest: Sanction | None = None
        for (version, length), sanctions in self._networks.items():
            if version == host.version:
                found = sanctions.get(number >> host.max_prefixlen - length)
                if found is not None and (longest is None or found.end > longest.end):
                    longest = found
        return longest

    def in_order(self) -> list[Sanction]:
        """Return all of them, the newest first; those of one moment by whom they concern."""
        return sorted(self, key=lambda sanction: (-sanction.since, sanction.whom))

    def __iter__(self) -> Iterator[Sanction]:
        yield from self._names.values()
        yield from self._hosts()

    # What runs out.

    def run_out(self, now: float) -> list[tuple[Sanction, str]]:
        """End those whose time is over. Return them, each with the key of the name that it is
        against, if it is one.
        """
        if now < self.due:
            return []
        ended = [
            (sanction, key)
            for key, sanction in [*self._names.items(), *(("", each) for each in self._hosts())]
            if 0 < sanction.until <= now
        ]
        for sanction, key in ended:
            self._remove(sanction, key)
        self._find_due()
        return ended

    def _find_due(self) -> None:
        self.due = min((sanction.end for sanction in self), default=float("inf"))

    # What is kept.

    def dump(self) -> list[Any]:
        """Return all of it as JSON has it."""
        return [
            *([key, asdict(sanction)] for key, sanction in self._names.items()),
            *(["", asdict(sanction)] for sanction in self._hosts()),
        ]

    def restore(self, dump: list[Any]) -> None:
        """Take over what `dump` returned."""
        for key, sanction in dump:
            self._put(Sanction(**sanction), key)
        self._find_due()

    def _hosts(self) -> Iterator[Sanction]:
        for sanctions in self._networks.values():
            yield from sanctions.values()

    def _just(self, whom: Name) -> Sanction | None:
        """Return the one that concerns just `whom`."""
        network = network_in(whom.text)
        if network is None:
            return self._names.get(whom.key)
        return self._networks.get(_length(network), {}).get(_prefix(network))

    def _put(self, sanction: Sanction, key: str) -> None:
        network = network_in(sanction.whom)
        if network is None:
            self._names[key] = sanction
        else:
            self._networks.setdefault(_length(network), {})[_prefix(network)] = sanction

    def _remove(self, sanction: Sanction, key: str) -> None:
        network = network_in(sanction.whom)
        if network is None:
            del self._names[key]
        else:
            of_length = self._networks[_length(network)]
            del of_length[_prefix(network)]
            if not of_length:
                del self._networks[_length(network)]
        self._store.put(self._kind, sanction.whom, None)


def terms(sanction: Sanction, now: float) -> str:
    """Return for how long from `now` on, by whom and why: what those are told whom it concerns."""
    how_long = f" for {span(sanction.until - now)} more" if sanction.until else ""
    return f"{how_long}, by {sanction.by}{f': {sanction.why}' if sanction.why else ''}"


def _length(network: Network) -> tuple[int, int]:
    return network.version, network.prefixlen


def _prefix(network: Network) -> int:
    return int(network.network_address) >> network.max_prefixlen - network.prefixlen
