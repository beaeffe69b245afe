"""Flood control by token buckets: they delay lines and never drop one."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_chat.limits import (
    ADDRESS_SHARE,
    CHAT_SHARE,
    LONGEST_PAUSE,
    TYPED_BURST,
    TYPED_RATE,
    Limits,
)


class _Bucket:
    """Holds tokens that come in at a rate, up to a burst. It may be overdrawn.

    `full` is its whole state: the time at which it will be full again, in monotonic seconds.
    """

    __slots__ = ("full",)

    def __init__(self) -> None:
        self.full = 0.0


class Flood:
    """Limits what the daemon takes in. Each connection may spend `limits.rate` tokens a second, and
    `limits.burst` tokens at once. A rate of 0 is no limit.

    A line costs a token for each started TOKEN bytes. All connections of an address together have
    ADDRESS_SHARE times the rate and the burst of one. All connections that paste have together
    CHAT_SHARE times the rate of one, so that members with an ordinary connection can read along,
    however many paste. What a person can type is not counted there. `clock` is the reactor; its
    seconds must be monotonic.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self.limits = limits
        self.seconds = clock.seconds
        self.chat = _Bucket()
        self._addresses: dict[str, _Bucket] = {}
        self._sweep_at = 64
        self.renew()

    def renew(self) -> None:
        """Take over `limits` after a change. What was charged before stays charged."""
        self.rate, burst = self.limits.rate, self.limits.burst
        # All are seconds until a bucket is full again: one that lacks one token, an empty one, and
        # one with one token left. The last two are the same for a connection and an address.
        self.token = 1 / self.rate if self.rate else 0.0
        self.empty = burst * self.token
        self.one_left = (burst - 1) * self.token
        self.typed_empty = self.empty * TYPED_BURST / TYPED_RATE
        # The bound for a bucket that is overdrawn: nobody is to be held for long.
        self.longest = self.empty + LONGEST_PAUSE
        self.typed_longest = self.typed_empty + LONGEST_PAUSE

    def meter(self, address: str) -> Meter:
        """Return a meter for one connection from `address`."""
        return Meter(self, address)

    def bucket_of(self, address: str, now: float) -> _Bucket:
        """Return the bucket that all connections from `address` share."""
        bucket = self._addresses.get(address)
        if bucket is None:
            if len(self._addresses) >= self._sweep_at:
                # A full bucket is worth no more than a new one.
                self._addresses = {
                    known: bucket for known, bucket in self._addresses.items() if bucket.full > now
                }
                self._sweep_at = 64 + 2 * len(self._addresses)
            bucket = self._addresses[address] = _Bucket()
        return bucket


class Meter:
    """Charges one connection for what it sends, and for the answers that it asks for."""

    __slots__ = ("_address", "_flood", "_own", "_typed", "active")

    def __init__(self, flood: Flood, address: str) -> None:
        self._flood = flood
        self._address = address
        self.active = 0.0
        """When it was last charged, in monotonic seconds."""
        self._own = 0.0  # Times: when each of these two buckets will be full.
        self._typed = 0.0

    @property
    def idle(self) -> float:
        """Seconds since it was last charged."""
        return self._flood.seconds() - self.active

    def charge(self, tokens: float, only_at_once: bool = False) -> float:
        """Take `tokens`. Return for how many seconds the connection must not be read; 0: read on.
        With `only_at_once`, take the tokens only if the answer is 0.
        """
        flood = self._flood
        self.active = now = flood.seconds()
        if not flood.rate:
            return 0.0
        token = flood.token * tokens
        latest = now + flood.longest
        address = flood.bucket_of(self._address, now)
        own_full = _fill(self._own, now, token, latest)
        address_full = _fill(address.full, now, token / ADDRESS_SHARE, latest)
        typed_full = _fill(self._typed, now, token / TYPED_RATE, now + flood.typed_longest)
        wait = (own_full if own_full > address_full else address_full) - now - flood.one_left
        chat_full = flood.chat.full
        if typed_full - now > flood.typed_empty:
            typed_full = self._typed
            chat_full = _fill(chat_full, now, token / CHAT_SHARE, latest)
            wait = max(wait, chat_full - now - flood.one_left / CHAT_SHARE)
        if wait <= 0.0 or not only_at_once:
            self._own = own_full
            self._typed = typed_full
            address.full = address_full
            flood.chat.full = chat_full
        return wait if wait > 0.0 else 0.0


def _fill(full: float, now: float, more: float, latest: float) -> float:
    """Return when a bucket will be full that would be so at `full` and is charged `more` seconds.
    That is at most `latest`.
    """
    full = more + (full if full > now else now)
    return full if full < latest else latest
