"""Traces of what members do with passphrases, in the daemon's log."""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_chat.limits import LOGGED_A_MINUTE, LOGGED_A_MINUTE_IN_ALL
from twisted_chat.members import Member

_log = Logger(namespace="chat")

_MINUTE = 60.0


class Traces:
    """Logs one line for each act: `wrong passphrase: name=ann from=192.0.2.7`.

    The form of the lines is fixed, because programs such as fail2ban read them. A name is logged
    only if it is registered: any other may be a passphrase in the wrong place. In a minute it logs
    LOGGED_A_MINUTE lines of one origin, LOGGED_A_MINUTE_IN_ALL of all, and at the minute's end how
    many were left out of which origins.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._ends = 0.0
        """When the current minute ends, in monotonic seconds."""
        self._acts: Counter[str] = Counter()
        self._logged = 0
        self._left_out: Counter[str] = Counter()
        self._telling: IDelayedCall | None = None

    def note(self, act: str, member: Member, name: str = "-") -> None:
        """Log that `member` did `act`. `name`: the registered name that was concerned; "-": none
        was.
        """
        now = self._reactor.seconds()
        if now >= self._ends and self._telling is None:
            self._begin_minute()
            self._ends = now + _MINUTE
        self._acts[member.origin] += 1
        if self._acts[member.origin] > LOGGED_A_MINUTE or self._logged >= LOGGED_A_MINUTE_IN_ALL:
            self._left_out[member.origin] += 1
            if self._telling is None:
                self._telling = self._reactor.callLater(self._ends - now, self._tell)
            return
        self._logged += 1
        where = member.host or member.origin
        _log.info("{act}: name={name} from={where}", act=act, name=name, where=where)

    def stop(self) -> None:
        """Log at once what was left out in the current minute."""
        if self._telling is not None:
            self._telling.cancel()
            self._tell()

    def _tell(self) -> None:
        self._telling = None
        whose = self._left_out.most_common(LOGGED_A_MINUTE)
        for origin, count in whose:
            _log.info("{count} lines left out: from={where}", count=count, where=origin)
        if rest := self._left_out.total() - sum(count for _, count in whose):
            _log.info("{count} lines left out: from={where}", count=rest, where="others")
        self._begin_minute()

    def _begin_minute(self) -> None:
        self._acts.clear()
        self._left_out.clear()
        self._logged = 0
