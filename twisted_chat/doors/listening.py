"""Where the daemon listens: endpoints that are opened at once, or refused in one line."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import stat
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IFileDescriptor,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorUNIX,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_chat.limits import LISTEN_BACKLOG, VANISHED
from twisted_chat.sockets import keep_alive, set_if_known

_log = Logger(namespace="chat")

_KINDS = ("tcp", "tcp6", "ssl", "tls", "unix", "systemd")
"""The kinds of endpoints that tell where a peer comes from as soon as it has connected."""

_TLS_KINDS = ("ssl", "tls")
"""Those of them that speak TLS, with a certificate that is never renewed."""

_HINTS = {
    errno.EADDRINUSE: "something is there already: stop it, or choose another",
    errno.EACCES: "this user has no right to it: choose another",
    errno.EADDRNOTAVAIL: "that is no address of this machine: choose another",
}


class ListenError(Exception):
    """An endpoint cannot be listened on. The text says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: an endpoint string. Errors call it `typed`, as somebody has written it. With
    a `certificate` TLS is spoken there. `is_proxied`: a proxy tells first where a connection comes
    from.
    """

    typed: str
    endpoint: str
    certificate: IOpenSSLServerConnectionCreator | None = None
    is_proxied: bool = False

    @property
    def kind(self) -> str:
        """The kind of the endpoint, in lower case: `tcp`."""
        return self.endpoint.partition(":")[0].lower()

    @property
    def is_tls(self) -> bool:
        """Whether TLS is spoken there."""
        return self.certificate is not None or self.kind in _TLS_KINDS


def place_for(
    description: str, typed: str, certificate: IOpenSSLServerConnectionCreator | None = None
) -> Place:
    """Return where to listen by `description`: an endpoint string, which may stand behind `proxy:`.
    `typed` and `certificate`: see Place.
    """
    kind, _, rest = description.partition(":")
    is_proxied = kind.lower() == "proxy"
    return Place(typed, rest if is_proxied else description, certificate, is_proxied)


def places_for(
    host: str | None,
    port: int,
    typed: str,
    certificate: IOpenSSLServerConnectionCreator | None = None,
) -> list[Place]:
    """Return where to listen on TCP `port` at `host`; if it is None, at all addresses.
    `certificate`: see Place.
    """
    return [
        Place(
            typed,
            f"tcp:{port}:interface={quoteStringArgument(interface)}:backlog={LISTEN_BACKLOG}",
            certificate,
        )
        for interface in (_all_interfaces() if host is None else [host])
    ]


def _all_interfaces() -> list[str]:
    """Return the wildcard addresses that cover IPv4 and IPv6 on this machine."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            only_ipv6 = probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            probe.bind(("::", 0))
    except OSError:
        return ["0.0.0.0"]
    return ["::", "0.0.0.0"] if only_ipv6 else ["::"]


class Listener:
    """An endpoint on which the daemon listens."""

    def __init__(self, place: Place, port: IListeningPort, lock: int | None) -> None:
        self._place = place
        self._port = port
        self._lock = lock

    def __str__(self) -> str:
        """Return `port 8888`, or the endpoint string if it is no TCP port; `port 8889 (TLS)`."""
        number = getattr(self._port.getHost(), "port", None)
        where = self._place.endpoint if number is None else f"port {number}"
        kinds = ["PROXY"] * self._place.is_proxied + ["TLS"] * self._place.is_tls
        return f"{where} ({', '.join(kinds)})" if kinds else where

    async def stop(self) -> None:
        """Accept no more connections."""
        stopped: Awaitable[object] = maybeDeferred(self._port.stopListening)
        try:
            await stopped
        except FileNotFoundError:
            pass  # Somebody has removed the socket.
        except OSError as error:
            _log.warn("{where} is left behind: {reason}", where=self, reason=_one_line(error))
        if self._lock is not None:
            os.close(self._lock)


def listen(reactor: IReactorUNIX, factory: IProtocolFactory, place: Place) -> Listener:
    """Listen on the endpoint of `place`, at once. Raises ListenError."""
    locking = _UnixSockets(reactor)
    endpoint = parse(locking if place.kind == "unix" else reactor, place)
    results: list[IListeningPort | Failure] = []
    endpoint.listen(factory).addBoth(results.append)
    if not results:
        raise ListenError(f"{place.typed}: it does not start at once")
    [result] = results
    if isinstance(result, Failure):
        raise ListenError(f"{place.typed}: {_why(result)}")
    if isinstance(result.getHost(), IPv4Address | IPv6Address):
        with socket.socket(fileno=os.dup(cast(IFileDescriptor, result).fileno())) as listening:
            # systemd hands over a number, and Twisted would misread the peers' addresses.
            if listening.family == socket.AF_UNIX:
                raise ListenError(f"{place.typed}: the socket is a unix socket: write domain=UNIX")
            _find_vanished_peers(listening)
    return Listener(place, result, locking.lock)


def _find_vanished_peers(listening: socket.socket) -> None:
    """Let the kernel give up peers that answer nothing, even if nothing is sent to them: tcp(7).

    The options are set on the listening socket. Linux gives them to each connection that it
    accepts, so they work also if something wraps the connection, such as TLS.
    """
    keep_alive(listening)
    set_if_known(listening, "TCP_USER_TIMEOUT", VANISHED * 1000)


def parse(reactor: object, place: Place) -> IStreamServerEndpoint:
    """Return the endpoint of `place`. Raises ListenError."""
    kind = place.kind
    if kind == "stdio":
        raise ListenError(f"{place.typed}: a daemon cannot listen there: use chat-client")
    if kind == "haproxy":
        # Until its header has come, which is after the greeting, getPeer() is the proxy.
        raise ListenError(
            f"{place.typed}: the proxy would be greeted, and all behind it taken for local people "
            "whom no ban hits: write it with proxy in place of haproxy, like proxy:tcp:8890"
        )
    if place.is_proxied and kind in (*_TLS_KINDS, "proxy"):
        raise ListenError(
            f"{place.typed}: behind proxy: stands the endpoint that the proxy connects to: write "
            "--listen proxy:tcp:8890, or, where it passes TLS on, --tls proxy:tcp:8890"
        )
    if place.certificate is not None and kind in _TLS_KINDS:
        raise ListenError(f"{place.typed}: that is TLS by itself: write it like tcp:8889")
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, place.endpoint)
    except Exception as error:  # Endpoint parsers are plugins, and raise what they like.
        raise ListenError(
            f"{place.typed}: no endpoint that works here ({_one_line(error)}): "
            "write it like tcp:8888, tcp:8888:interface=127.0.0.1 or unix:/run/chat.sock"
        ) from error
    if kind not in _KINDS:
        raise ListenError(
            f"{place.typed}: an endpoint of this kind may not tell where people come from, so that "
            f"no ban would hit them: listen on one of {_listed(_KINDS)}"
        )
    first = _first_field(place.endpoint)
    if kind == "unix" and not first:
        # Twisted would take the current folder.
        raise ListenError(f"{place.typed}: it names no file: write it like unix:/run/chat.sock")
    if kind == "tls" and not any(Path(first).glob("*.pem")):
        # Twisted would listen, on port 443 by default, and shake hands with nobody.
        raise ListenError(
            f"{place.typed}: no certificate (*.pem) is in a folder {first!r}: write it like "
            "tls:FOLDER:port=8889, or take ssl:8889:privateKey=KEY.pem:certKey=CERT.pem"
        )
    return endpoint


def _first_field(description: str) -> str:
    """Return what follows the kind in an endpoint string: the path of a unix socket, or the folder
    of the certificates. A backslash quotes what follows it.
    """
    match = re.match(r"[^:]*:(?:(?:address|path)=)?((?:\\.|[^:\\])*)", description)
    return re.sub(r"\\(.)", r"\1", match[1]) if match else ""


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _why(failure: Failure) -> str:
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    assert cause is not None
    hint = _HINTS.get(cause.errno or 0) if isinstance(cause, OSError) else None
    return _one_line(cause) if hint is None else f"{_one_line(cause)}; {hint}"


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    return " ".join(str(error).split()) or type(error).__name__


class _UnixSockets:
    """A reactor that opens unix sockets under a lock of ours.

    Twisted's own lock is a process id. A killed daemon leaves it behind, and in a container another
    process soon has that id. Our lock ends with its process, so a socket that was left behind can
    be taken over.
    """

    def __init__(self, reactor: IReactorUNIX) -> None:
        self._reactor = reactor
        self.lock: int | None = None

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int,
        mode: int,
        wantPID: bool,
    ) -> IListeningPort:
        """Listen as IReactorUNIX says, whatever `wantPID` is. Raises CannotListenError."""
        path = os.path.abspath(address)
        try:
            lock = os.open(f"{path}.flock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_stale_socket(path)
                # No factory can have the type that Twisted declares here.
                port: IListeningPort = self._reactor.listenUNIX(
                    path,
                    factory,  # type: ignore[arg-type]
                    backlog,
                    mode,
                    False,
                )
            except BaseException:
                os.close(lock)
                raise
        except BlockingIOError as error:
            in_use = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            raise CannotListenError(None, path, in_use) from error
        except OSError as error:
            raise CannotListenError(None, path, error) from error
        self.lock = lock
        return port


def _remove_stale_socket(path: str) -> None:
    """Remove the socket at `path` if nobody listens on it."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except FileNotFoundError:
        pass
    except ConnectionRefusedError:
        os.unlink(path)
