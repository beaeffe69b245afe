"""Certificates that a test makes, and a server that shows them."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tests.support.clients import GREETING, UNKNOWN
from tests.support.processes import PATIENCE

DAY = datetime.timedelta(days=1)


class Authority:
    """Makes certificates, as files in `folder`. Its own certificate is `self.file`."""

    def __init__(self, folder: Path, name: str = "authority", ends: float = 10) -> None:
        self.folder = folder
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(name, self._key.public_key(), [], -10, ends, ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(self._certificate))

    def certify(
        self,
        *hosts: str,
        begins: float = -1,
        ends: float = 1,
        purpose: x509.ObjectIdentifier = x509.ExtendedKeyUsageOID.SERVER_AUTH,
        key: PrivateKeyTypes | None = None,
    ) -> Path:
        """Return a file with a key and a certificate for `hosts` (names or addresses). It is good
        from `begins` to `ends`, in days from now. Without hosts it has no subjectAltName.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign("chat", key.public_key(), hosts, begins, ends, purpose=purpose)
        file = self.folder / f"{certificate.serial_number}.key"
        file.write_bytes(_pem(certificate) + key_pem(key))
        return file

    def _sign(self, name, key, hosts, begins, ends, ca=False, purpose=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * DAY)
            .not_valid_after(now + ends * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    if host.startswith("mailto:"):
        return x509.UniformResourceIdentifier(host)
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKeyTypes, passphrase: bytes = b"") -> bytes:
    """Return `key` as PEM."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


class TLSServer:
    """Greets each client that completes the handshake, and reads until that quits.

    `names`: the hosts that clients have asked for (SNI).
    """

    def __init__(self, certificate: Path, clients: Path | None = None, most: object = None) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        if most is not None:
            self.context.maximum_version = most
        if clients is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda connection, name, context: self.names.append(name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            with peer, suppress(OSError):
                peer.settimeout(PATIENCE)
                with self.context.wrap_socket(peer, server_side=True) as connection:
                    connection.sendall(f"{GREETING}{UNKNOWN}".encode())
                    while (data := connection.recv(65536)) and b"/quit\n" not in data:
                        pass

    def close(self) -> None:
        # Without this the thread that accepts would not wake.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
