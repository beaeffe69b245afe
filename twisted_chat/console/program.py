"""The process of `chat-client`: its descriptors, signals, reactor and face."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_chat.bridge import Bridge, IClientReactor
from twisted_chat.clocks import run_on_monotonic_time
from twisted_chat.console.face import Face
from twisted_chat.console.lookup import Lookup
from twisted_chat.console.options import Options
from twisted_chat.console.plain import Plain
from twisted_chat.endpoints import client_endpoint
from twisted_chat.usage import refuse_usage


def main() -> None:
    """Run `chat-client HOST PORT` or `chat-client ENDPOINT`."""
    for descriptor in (0, 1, 2):
        # The first socket would take the number of a closed one, and get what is meant for it.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    options = Options()
    options.parseOptions(sys.argv[1:])
    make_face = _choose_face(options)

    def chat(reactor: IClientReactor) -> Deferred[None]:
        run_on_monotonic_time(reactor)
        reactor.installNameResolver(Lookup(reactor))
        try:
            endpoint = client_endpoint(reactor, options.host, options.port, options.trust)
        except ValueError as error:
            refuse_usage(f"chat-client: {error}")
        bridge = Bridge(reactor, endpoint, options, make_face(reactor))

        def interrupted() -> Deferred[object] | None:
            # The end comes within a bounded time: a second signal would only show a traceback.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            return bridge.interrupt()

        # Left alone if it is ignored (nohup).
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reactor.stop))
        reactor.addSystemEventTrigger("before", "shutdown", interrupted)
        # Only once the reactor runs: until then ^C raises an error anywhere.
        running: Deferred[None] = Deferred()
        reactor.callWhenRunning(running.callback, None)
        return running.addCallback(lambda _: Deferred.fromCoroutine(bridge.run()))

    react(chat)


def _choose_face(options: Options) -> Callable[[IClientReactor], Face]:
    """Return what makes the face. Call it before a reactor is installed: the terminal installs its
    own.
    """
    plain = options["json"] or os.environ.get("TERM", "") in ("", "dumb")
    if plain or not (os.isatty(0) and os.isatty(1)):
        return lambda reactor: Plain(reactor, options)
    # Imported only now: a pipe does not need it, and it takes longer to load than all the rest.
    from twisted_chat.console.terminal import Terminal, install_reactor

    loop = install_reactor()
    return lambda reactor: Terminal(reactor, loop, options)
