"""TLS without sockets: a client whose bytes the test carries, and a scanner."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

VERSIONS = {
    "TLS 1.0": ssl.TLSVersion.TLSv1,
    "TLS 1.1": ssl.TLSVersion.TLSv1_1,
    "TLS 1.2": ssl.TLSVersion.TLSv1_2,
    "TLS 1.3": ssl.TLSVersion.TLSv1_3,
}
"""What this machine's OpenSSL can speak, the oldest ones only at its security level 0."""


def client_context(
    version: ssl.TLSVersion | None = None, suites: str = "", certificate: object = None
) -> ssl.SSLContext:
    """Return a client that looks at nothing: it speaks `version` and `suites` alone (those of TLS
    1.2 and before), if they are given, and shows the `certificate` in a file if it is asked for it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # That is what is tested.
            context.minimum_version = context.maximum_version = version
    if suites:
        context.set_ciphers(suites)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


class Client:
    """A TLS client. What it sends is to be carried to the server, and back."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context()).wrap_bio(self._incoming, self._outgoing)

    def take(self, data: bytes) -> bytes:
        """Take `data` from the server, go on with the handshake, and return what to send."""
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    def say(self, data: bytes) -> bytes:
        """Return `data` as it is to be sent after the handshake."""
        self.tls.write(data)
        return self._outgoing.read()

    def read(self, data: bytes) -> bytes:
        """Return the text in `data`, which came from the server; b"" where there is none."""
        self._incoming.write(data)
        text = b""
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while piece := self.tls.read(65536):
                text += piece
        return text


def shake(creator: IOpenSSLServerConnectionCreator, client: Client) -> SSL.Connection:
    """Let `client` shake hands with a server, and return its side. Raises what the side raises that
    refuses: SSL.Error or ssl.SSLError.
    """
    server = creator.serverConnectionForTLS(None)
    server.set_accept_state()
    answer = b""
    while data := client.take(answer):
        server.bio_write(data)
        answer = b""
        try:
            server.do_handshake()
        except SSL.WantReadError:
            answer = server.bio_read(65536)
        else:
            return server
    raise AssertionError("the client has nothing more to say, and the server waits")


def shown_to(client: Client) -> bytes:
    """Return the certificate that `client` was shown (DER)."""
    certificate = client.tls.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def suites_taken(creator: IOpenSSLServerConnectionCreator, version: str) -> set[str]:
    """Scan a server: try all suites that OpenSSL knows for `version`, one by one, and return the
    names of those that the server takes.
    """
    taken = set()
    if version == "TLS 1.3":  # OpenSSL's clients cannot choose there.
        client = Client(client_context(VERSIONS[version]))
        shake(creator, client)
        return {str(client.tls.cipher()[0])}
    for suite in client_context(suites="ALL:COMPLEMENTOFALL:@SECLEVEL=0").get_ciphers():
        if suite["protocol"] == "TLSv1.3":
            continue
        client = Client(client_context(VERSIONS[version], f"{suite['name']}:@SECLEVEL=0"))
        try:
            shake(creator, client)
        except (SSL.Error, ssl.SSLError):
            continue
        taken.add(suite["name"])
    return taken
