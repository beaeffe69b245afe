"""TLS for clients: which servers to trust, and a sentence that says why there is no connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import cast

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from service_identity import VerificationError
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)
from service_identity.pyopenssl import extract_patterns
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, ISystemHandle
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_chat.limits import SHOWN_NAMES
from twisted_chat.pem import CannotUse, identity_in, roots_in
from twisted_chat.text import clean


class TLSFailure(Exception):
    """TLS did not come about, or broke. The text says why: a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a client trusts over TLS, and how it shows who it is itself.

    `roots`: path of a PEM file, or of a folder with `.pem` files, that holds the certificates to
    trust; None: those that the system trusts. `certificate`: path of a PEM file with the client's
    own certificate, followed by those that vouch for it; None: it has none. `key`: path of a PEM
    file with the certificate's key; None: it is in the file of the certificate. `is_blind`: take
    whoever answers for the right server.
    """

    roots: str | None = None
    certificate: str | None = None
    key: str | None = None
    is_blind: bool = False


def _options(trusting: Trust) -> CertificateOptions:
    """Return how Twisted makes connections with that. Raises CannotUse."""
    trust = platformTrust()
    if trusting.roots is not None:
        trust = trustRootFromCertificates(
            [Certificate(X509.from_cryptography(each)) for each in roots_in(trusting.roots)]
        )
    if trusting.certificate is None:
        return CertificateOptions(trustRoot=trust)
    own = identity_in(trusting.certificate, trusting.key)
    return CertificateOptions(
        trustRoot=trust,
        # pyOpenSSL takes cryptography's objects and warns of its own X509; Twisted's types lag
        # behind.
        privateKey=own.key,  # type: ignore[arg-type]
        certificate=own.certificate,  # type: ignore[arg-type]
        extraCertChain=own.chain,  # type: ignore[arg-type]
    )


@implementer(IOpenSSLClientConnectionCreator)
class Verifier:
    """Makes TLS connections that only `host`, a name or an address, can answer.

    The server's certificate must lead to one that `trust` holds (RFC 5280), and must name `host` in
    its subjectAltName (RFC 9525). Otherwise the connection is lost with a TLSFailure that says why.
    Nothing of that is looked at where the trust is blind. Raises CannotUse, also for a host that
    cannot be a name.
    """

    def __init__(self, host: str, trust: Trust) -> None:
        self._host = host
        self._options = _options(trust)
        self._is_blind = trust.is_blind
        self._name = b""
        """The name that the server is asked for (SNI); empty: `host` is an address."""
        self._id: DNS_ID | IPAddress_ID
        try:
            self._id = IPAddress_ID(str(ip_address(host.partition("%")[0])))
        except ValueError:
            # A dot at the end of a name concerns DNS only.
            try:
                self._name = host.removesuffix(".").encode("idna")
            except UnicodeError as error:
                raise CannotUse(f"{host!r} is no name of a host") from error
            self._id = DNS_ID(self._name.decode())

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        connection = self._options.clientConnectionForTLS(tlsProtocol)
        if self._name:
            connection.set_tlsext_host_name(self._name)
        if self._is_blind:
            connection.set_verify(SSL.VERIFY_NONE)
        else:
            connection.set_verify(SSL.VERIFY_PEER, partial(self._judge, tlsProtocol))
        return connection

    def _judge(
        self,
        protocol: TLSMemoryBIOProtocol,
        connection: SSL.Connection,
        certificate: X509,
        code: int,
        depth: int,
        ok: int,
    ) -> bool:
        """Return whether `certificate` is good. OpenSSL calls this for each certificate, from the
        root to the server's own, and for each fault that it has found itself.
        """
        try:
            why = "" if ok else _fault(certificate.to_cryptography(), code, depth)
            if ok and depth == 0:
                why = self._misnamed(certificate)
        except Exception:  # Raised into C, it would be lost.
            why = "its certificate is malformed"
        if why:
            protocol.failVerification(Failure(TLSFailure(why)))
        return not why

    def _misnamed(self, certificate: X509) -> str:
        """Return why `certificate` is not for this host; "" if it is."""
        patterns = extract_patterns(certificate)
        if not patterns:
            return (
                "its certificate names no host (it has no subjectAltName, which has replaced the "
                "common name): the server needs a new one"
            )
        try:
            verify_service_identity(patterns, [self._id], [])
        except VerificationError:
            return f"its certificate is for {_names(patterns)}, not for {self._host}"
        return ""


_CODES = SSL.X509VerificationCodes
_UNKNOWN_AUTHORITY = {
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT,
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN,
    _CODES.ERR_CERT_UNTRUSTED,
}


def _fault(certificate: x509.Certificate, code: int, depth: int) -> str:
    whose = "its certificate" if depth == 0 else "the certificate of its authority"
    if code == _CODES.ERR_CERT_HAS_EXPIRED:
        return f"{whose} expired on {_day(certificate.not_valid_after_utc)}"
    if code == _CODES.ERR_CERT_NOT_YET_VALID:
        return (
            f"{whose} is not valid before {_day(certificate.not_valid_before_utc)}: is the clock "
            "of this machine right?"
        )
    if code in _UNKNOWN_AUTHORITY:
        return (
            "nobody whom this machine trusts vouches for its certificate: if you have the one of "
            "its authority, trust it by --ca FILE (tls:HOST:PORT:trustRoots=FILE)"
        )
    if code == _CODES.ERR_INVALID_PURPOSE:
        return f"{whose} is not made for servers"
    return f"{whose} is not valid (OpenSSL's error {code})"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _names(patterns: Sequence[CertificatePattern]) -> str:
    """Return the hosts that a certificate is for: SHOWN_NAMES of them, and how many more."""
    names = []
    for pattern in patterns:
        if isinstance(pattern, DNSPattern):
            names.append(clean(pattern.pattern))
        elif isinstance(pattern, IPAddressPattern):
            names.append(str(pattern.pattern))
    shown = ", ".join(names[:SHOWN_NAMES])
    if (more := len(names) - SHOWN_NAMES) > 0:
        return f"{shown} and {more} more"
    return shown or "no host"


_NO_TLS = "it does not speak TLS there: try it without TLS, or another port"
_WANTS_CERTIFICATE = (
    "it wants a certificate of yours: --cert FILE --key FILE "
    "(tls:HOST:PORT:certificate=FILE:privateKey=FILE)"
)
_SENTENCES = {
    "wrong version number": _NO_TLS,
    "unknown protocol": _NO_TLS,
    "packet length too long": _NO_TLS,
    "record layer failure": _NO_TLS,
    "http request": _NO_TLS,
    "certificate required": _WANTS_CERTIFICATE,
    "alert handshake failure": f"it agrees to no way of TLS, or {_WANTS_CERTIFICATE}",
    "alert unknown ca": "it does not trust who vouches for your certificate",
    "alert bad certificate": "it refuses your certificate",
    "alert certificate expired": "your certificate has expired",
    "alert certificate unknown": "it refuses your certificate",
    "alert protocol version": "it speaks no version of TLS that is safe",
    "unsupported protocol": "it speaks no version of TLS that is safe",
    "unrecognized name": "it has no certificate for that name",
}
"""A part of OpenSSL's name for a fault of TLS, and the sentence that says what it means."""


def explained(reason: Failure, transport: ISystemHandle) -> Failure:
    """Return why the TLS `transport` was lost: a TLSFailure if TLS was the reason."""
    if isinstance(reason.value, SSL.Error):
        return Failure(TLSFailure(_sentence(reason.value)))
    # Not by IHandshakeListener: with it, Twisted's endpoints forget IHalfCloseableProtocol.
    connection = cast(SSL.Connection, transport.getHandle())
    is_shaken = connection.get_peer_finished() is not None
    if not is_shaken and reason.check(ConnectionDone, ConnectionLost):
        return Failure(TLSFailure("it closed the connection before TLS began"))
    return reason


def _sentence(error: SSL.Error) -> str:
    """Return what `error` means. It holds a list of texts, the oldest first, or a number and a
    text.
    """
    texts = [
        entry if isinstance(entry, str) else str(entry[-1])
        for argument in error.args
        for entry in (argument if isinstance(argument, list) else [argument])
    ]
    for text in texts:
        for part, sentence in _SENTENCES.items():
            if part in text.lower():
                return sentence
    return f"TLS failed ({texts[-1]})" if texts else "TLS failed"
