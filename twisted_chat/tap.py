"""What `twistd chat` and `twist chat` load."""

from __future__ import annotations

from typing import cast

from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.daemon.house import IChatReactor
from twisted_chat.daemon.options import Options
from twisted_chat.daemon.service import ChatService
from twisted_chat.daemon.signals import ISignalsReactor, Signals

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> ChatService:
    """Return the service: twistd and twist call this."""
    from twisted.internet import reactor

    run_on_monotonic_time(reactor)
    signals = Signals(cast(ISignalsReactor, reactor))
    service = options.make_service(cast(IChatReactor, reactor))
    signals.serve(service.reopen)
    return service
