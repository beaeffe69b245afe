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

    `full` is its whole state: it is full again when the flood control has issued so many tokens.
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
        self.addresses: dict[str, _Bucket] = {}
        self._sweep_at = 64
        self.issued = 0.0
        """Tokens that came in until `since`, in monotonic seconds. They go on at the `rate`."""
        self.since = clock.seconds()
        self.rate = self.burst = 0

    def renew(self, now: float) -> None:
        """Go by `limits`, which have changed since the last line. What was charged before stays
        charged.
        """
        self.issued += (now - self.since) * self.rate
        self.since = now
        self.rate, self.burst = self.limits.rate, self.limits.burst
        # All are tokens until a bucket is full again: one with one token left, and an empty one.
        # The first is the same for a connection and an address.
        self.one_left = self.burst - 1
        self.typed_empty = self.burst * TYPED_BURST / TYPED_RATE
        # The bound for a bucket that is overdrawn: nobody is to be held for long.
        self.longest = self.burst + LONGEST_PAUSE * self.rate

    def meter(self, address: str) -> Meter:
        """Return a meter for one connection from `address`."""
        return Meter(self, address)

    def begin(self, address: str, issued: float) -> _Bucket:
        """Return the new bucket that all connections from `address` share."""
        if len(self.addresses) >= self._sweep_at:
            # A full bucket is worth no more than a new one.
            self.addresses = {
                known: bucket for known, bucket in self.addresses.items() if bucket.full > issued
            }
            self._sweep_at = 64 + 2 * len(self.addresses)
        bucket = self.addresses[address] = _Bucket()
        return bucket


class Meter:
    """Charges one connection for what it sends, and for the answers that it asks for."""

    __slots__ = ("_address", "_flood", "_own", "_typed", "active")

    def __init__(self, flood: Flood, address: str) -> None:
        self._flood = flood
        self._address = address
        self.active = 0.0
        """When it was last charged, in monotonic seconds."""
        self._own = 0.0  # The state of each of its own two buckets.
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
        limits = flood.limits
        if limits.rate != flood.rate or limits.burst != flood.burst:
            flood.renew(now)
        rate = flood.rate
        if not rate:
            return 0.0
        issued = flood.issued + (now - flood.since) * rate
        own, typed, chat = self._own, self._typed, flood.chat
        address = flood.addresses.get(self._address) or flood.begin(self._address, issued)
        shared = address.full
        # When each bucket is full after this.
        own_full = tokens + (own if own > issued else issued)
        shared_full = tokens / ADDRESS_SHARE + (shared if shared > issued else issued)
        typed_full = tokens / TYPED_RATE + (typed if typed > issued else issued)
        chat_full = chat.full
        over = (own_full if own_full > shared_full else shared_full) - issued - flood.one_left
        if typed_full - issued > flood.typed_empty:
            typed_full = typed
            chat_full = tokens / CHAT_SHARE + (chat_full if chat_full > issued else issued)
            over = max(over, chat_full - issued - flood.one_left / CHAT_SHARE)
        if over > 0.0:
            if only_at_once:
                return over / rate
            # A bucket that is overdrawn is bounded, and so is the pause: nobody is held for long.
            latest = issued + flood.longest
            own_full, shared_full, chat_full = (
                min(full, latest) for full in (own_full, shared_full, chat_full)
            )
            over = min(over, LONGEST_PAUSE * rate)
        self._own, self._typed = own_full, typed_full
        address.full, chat.full = shared_full, chat_full
        return over / rate if over > 0.0 else 0.0
