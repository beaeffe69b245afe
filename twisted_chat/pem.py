"""Certificates and keys in PEM files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class CannotUse(Exception):
    """A certificate, a key or a name cannot be used. The text says why in one line."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is in TLS: a certificate with its key, and the `chain` of certificates that
    vouch for it, without the root.
    """

    certificate: x509.Certificate
    key: PrivateKeyTypes
    chain: list[x509.Certificate]


def identity_in(certificate: str, key: str | None) -> Identity:
    """Return what is in the files called `certificate`, which holds the chain too, and `key`; None:
    the key is in the file of the certificate. Raises CannotUse.
    """
    own, *chain = certificates_in(certificate)
    where = certificate if key is None else key
    try:
        private = load_pem_private_key(_read(where), None)
    except (ValueError, TypeError) as error:
        # For a key with a passphrase it depends on the format which of the two is raised.
        raise CannotUse(f"{where}: no private key (PEM, without a passphrase)") from error
    if private.public_key() != own.public_key():
        raise CannotUse(f"{where}: that is not the key of {certificate}")
    return Identity(own, private, chain)


def roots_in(path: str) -> list[x509.Certificate]:
    """Return the certificates in the file, or in the `.pem` files of the folder, at `path`. Raises
    CannotUse, also where there is no certificate.
    """
    if not os.path.isdir(path):
        return certificates_in(path)
    files = sorted(Path(path).glob("*.pem"))
    if not files:
        raise CannotUse(f"{path}: no certificate (*.pem) is in that folder")
    return [certificate for file in files for certificate in certificates_in(str(file))]


def certificates_in(path: str) -> list[x509.Certificate]:
    """Return the certificates in the file at `path`, at least one. Raises CannotUse."""
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise CannotUse(f"{path}: no certificate (PEM)") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CannotUse(f"{path}: {error.strerror}") from error


def host_names(certificate: x509.Certificate) -> list[str]:
    """Return the names of hosts that `certificate` is for: `*.` may lead one."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.value.get_values_for_type(x509.DNSName)
