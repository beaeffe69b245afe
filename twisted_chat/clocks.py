"""The two clocks of a process, and what each is used for.

`seconds` is monotonic: it measures how long something takes, and nobody can set it. Timers, flood
control, slow readers, waits, idle times and the uptime use it. `now` is Unix time: it says when
something happens. Bans, mutes, registrations, history and empty rooms use it.
"""

from __future__ import annotations

from time import monotonic

from twisted.internet.base import DelayedCall, ReactorBase


def run_on_monotonic_time(reactor: object) -> None:
    """Let `reactor` measure time by the monotonic clock. The program that owns the reactor calls
    this before the reactor runs.

    Twisted's reactors use `time.time`: a wall clock that is set back keeps every timer waiting, and
    one that is set forward fires them all. Calls that are scheduled already keep the time that they
    have left. A reactor of another kind than Twisted's own stays as it is.

    Code that takes `reactor.seconds()` for the time of day is wrong afterwards. In Twisted 26.10
    that is only `HTTPFactory._updateLogDateTime`, for the dates of an access log.
    """
    if not isinstance(reactor, ReactorBase):
        return
    shift = monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        assert isinstance(call, DelayedCall)
        call.time += shift
        call.seconds = monotonic
    reactor.seconds = monotonic
