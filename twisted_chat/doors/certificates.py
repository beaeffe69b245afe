"""The certificate that the daemon shows over TLS. A renewed one is shown from the next connection
on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from datetime import datetime
from time import time

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IDelayedCall,
    IOpenSSLServerConnectionCreator,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from twisted_chat.interfaces import ICertificate
from twisted_chat.limits import EXPIRY_LOOK, EXPIRY_NEAR
from twisted_chat.pem import CannotUse, certificates_in, host_names, identity_in

_log = Logger(namespace="chat")

_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""The cipher suites of TLS 1.2: with forward secrecy and authenticated encryption (RFC 9325, 4.2).
All suites of TLS 1.3 have both.
"""

_OPTIONS = (
    SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_CIPHER_SERVER_PREFERENCE
    # Connections last long, and a resumed one would show no certificate of the client.
    | SSL.OP_NO_TICKET
)

_Stamp = Sequence[tuple[int, ...]]


@implementer(IOpenSSLServerConnectionCreator, ICertificate)
class ServerCertificate:
    """Shows a certificate to whoever connects: TLS 1.2 and up, modern suites only.

    `certificate`: path of a PEM file with the certificate, followed by those that vouch for it.
    `key`: path of a PEM file with its key; None: it is in the file of the certificate. `clients`:
    path of a PEM file; nobody gets through without a certificate for which one in it vouches. None:
    everybody does. Raises CannotUse.

    The files are looked at when somebody connects, and taken if they have changed; connections that
    are there stay as they are. Where the new files cannot be used, what was taken before stays, and
    the log says why, once for each change.
    """

    def __init__(
        self, certificate: str, key: str | None = None, clients: str | None = None
    ) -> None:
        # A daemon may change its directory.
        self._certificate = os.path.abspath(certificate)
        self._key = None if key is None else os.path.abspath(key)
        self._clients = None if clients is None else os.path.abspath(clients)
        self._stamp = self._look()
        self._ends: datetime
        self.names: Sequence[str] = ()
        """The names of hosts that it is for, as it has them: `*.` may lead one."""
        self._context = self._load()

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLServerConnectionCreator."""
        self.refresh()
        return SSL.Connection(self._context)

    def refresh(self) -> None:
        """Take the files if they have changed."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._context = self._load()
        except CannotUse as error:
            _log.error(
                "the new certificate is not taken, and the one before stays: {why}", why=str(error)
            )
        else:
            _log.info(
                "the certificate {file} is taken anew: it expires on {day}",
                file=self._certificate,
                day=f"{self._ends:%Y-%m-%d}",
            )

    # ICertificate.

    @property
    def ends(self) -> float:
        return self._ends.timestamp()

    def warning(self, now: float) -> str:
        if self.ends - now > EXPIRY_NEAR:
            return ""
        verb = "expires" if self.ends > now else "has expired"
        return f"the certificate {self._certificate} {verb} on {self._ends:%Y-%m-%d}: renew it"

    def _look(self) -> _Stamp:
        """Return what differs if a file is another one, or has changed."""
        stamps: list[tuple[int, ...]] = []
        for path in (self._certificate, self._key, self._clients):
            try:
                file = os.stat(path or self._certificate)
            except OSError:
                stamps.append((0,))
            else:
                stamps.append((file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns))
        return stamps

    def _load(self) -> SSL.Context:
        """Return what connections are made of, from the files as they are now. Raises CannotUse."""
        for path in (self._certificate, self._key, self._clients):
            if path is not None and _is_endless(path):
                raise CannotUse(f"{path}: that is no file")
        own = identity_in(self._certificate, self._key)
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(_SUITES)
        context.set_options(_OPTIONS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        try:
            context.use_certificate(own.certificate)
            for each in own.chain:
                context.add_extra_chain_cert(each)
            # It raises TypeError for the kinds of keys that it does not know.
            context.use_privatekey(own.key)  # type: ignore[arg-type]
            if self._clients is not None:
                certificates_in(self._clients)
                context.load_verify_locations(self._clients)
                context.load_client_ca(self._clients.encode())
                context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        except (SSL.Error, TypeError) as error:
            # Such as one whose key is too short.
            raise CannotUse(f"{self._certificate}: TLS takes no such certificate") from error
        self._ends = own.certificate.not_valid_after_utc
        self.names = host_names(own.certificate)
        return context


class Reminder:
    """Logs once a day that `certificate` expires soon, from `start` to `stop`."""

    def __init__(
        self,
        certificate: ServerCertificate,
        reactor: IReactorTime,
        now: Callable[[], float] = time,
    ) -> None:
        self._certificate = certificate
        self._reactor = reactor
        self._now = now
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Look at the certificate now, and every EXPIRY_LOOK seconds."""
        self._certificate.refresh()
        if warning := self._certificate.warning(self._now()):
            _log.warn("{text}", text=warning)  # `warning` is a field of Twisted's own.
        self._next = self._reactor.callLater(EXPIRY_LOOK, self.start)

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None


def _is_endless(path: str) -> bool:
    """Return whether reading `path` may never end, and nobody could talk meanwhile: a pipe, a
    device.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
