"""`chat-client`, the process: its descriptors, its signals, its reactor and its face."""

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
    """`chat-client HOST PORT`, `chat-client ENDPOINT`."""
    for descriptor in (0, 1, 2):
        # One that is closed would be taken by the first socket, which then gets what is said.
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
            endpoint = client_endpoint(reactor, options.host, options.port)
        except ValueError as error:
            refuse_usage(f"chat-client: {error}")
        bridge = Bridge(reactor, endpoint, options, make_face(reactor))

        def interrupted() -> Deferred[object] | None:
            # A second one would only be a traceback: the end is near and bounded.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            return bridge.interrupt()

        # Not where it is ignored (nohup).
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reactor.stop))
        reactor.addSystemEventTrigger("before", "shutdown", interrupted)
        # Not before the reactor runs: until then a ^C is raised as an error, anywhere.
        running: Deferred[None] = Deferred()
        reactor.callWhenRunning(running.callback, None)
        return running.addCallback(lambda _: Deferred.fromCoroutine(bridge.run()))

    react(chat)


def _choose_face(options: Options) -> Callable[[IClientReactor], Face]:
    """How to make the face. To be called before there is a reactor: the terminal brings its own."""
    plain = options["json"] or os.environ.get("TERM", "") in ("", "dumb")
    if plain or not (os.isatty(0) and os.isatty(1)):
        return lambda reactor: Plain(reactor, options)
    # Only now: a pipe has no use for it, and it takes longer to load than all the rest.
    from twisted_chat.console.terminal import Terminal, install_reactor

    loop = install_reactor()
    return lambda reactor: Terminal(reactor, loop, options)
