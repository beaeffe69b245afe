"""The two clocks of a process, and who asks which.

`seconds` is monotonic: it measures how long something takes, and nobody can set it. Timers, flood
control, slow readers, waits, idle times and the uptime ask it. `now` is Unix time: it says when
something happens. Bans, mutes, registrations, history and rooms that stand empty ask it.
"""

from __future__ import annotations

from time import monotonic

from twisted.internet.base import DelayedCall, ReactorBase


def run_on_monotonic_time(reactor: object) -> None:
    """Let `reactor` measure time by the monotonic clock: to be called before it runs, by the
    program that owns it.

    Twisted's reactors ask `time.time`, so a wall clock that is set back keeps every timer waiting,
    and one that is set forward fires them all. What is scheduled already keeps its time to go.
    A reactor of another kind than Twisted's own stays as it is.

    Whatever takes `reactor.seconds()` for the time of day is wrong afterwards: in Twisted 26.10
    that is `HTTPFactory._updateLogDateTime` alone, for the dates of an access log.
    """
    if not isinstance(reactor, ReactorBase):
        return
    shift = monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        assert isinstance(call, DelayedCall)
        call.time += shift
        call.seconds = monotonic
    reactor.seconds = monotonic
