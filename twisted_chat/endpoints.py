"""Where a client goes: a host and a port, or an endpoint string."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint

from twisted_chat.pem import CannotUse
from twisted_chat.tls import Trust, Verifier


def client_endpoint(
    reactor: object, host: str, port: int | None, trust: Trust | None = None
) -> IStreamClientEndpoint:
    """Return the endpoint at `host` and `port`: over TLS with `trust`, if it is given. If `port` is
    None, `host` is an endpoint string, and `trust` is for what a `tls:` string does not say itself.
    Raises ValueError with one line that repeats what is wrong.

    `tls:` strings have the same options as Twisted's: timeout, bindAddress, certificate,
    privateKey, trustRoots (which may also be a file) and endpoint.
    """
    try:
        if port is None:
            return _endpoint(reactor, host, trust or Trust())
        plain = HostnameEndpoint(reactor, host, port)
        return plain if trust is None else wrapClientTLS(Verifier(host, trust), plain)
    except CannotUse as error:
        # It names a file, or what it does not take for a host.
        where = f"{host!r}: " if port is None else ""
        raise ValueError(f"{where}{error}") from error
    except Exception as error:  # Endpoint parsers are plugins and may raise anything.
        raise ValueError(
            f"{host!r} is no endpoint: write it like tcp:HOST:PORT, tls:HOST:PORT or unix:PATH"
        ) from error


def _endpoint(reactor: object, description: str, trust: Trust) -> IStreamClientEndpoint:
    kind = description.partition(":")[0].lower()
    if kind == "ssl":
        raise CannotUse("ssl: does not look whose certificate it is: write tls:HOST:PORT")
    if kind == "tls":
        (_, *words), options = _parse(description)
        return _tls(reactor, trust, *words, **options)
    return cast(IStreamClientEndpoint, clientFromString(reactor, description))


def _tls(
    reactor: object,
    trust: Trust,
    host: str,
    port: str,
    timeout: str = "30",
    bindAddress: str | None = None,
    certificate: str | None = None,
    privateKey: str | None = None,
    trustRoots: str | None = None,
    endpoint: str | None = None,
) -> IStreamClientEndpoint:
    """Return a TLS endpoint. What follows `trust` is called as in Twisted's strings. With
    `endpoint`, `host` is only the name that the certificate must be for.
    """
    if endpoint is None:
        source = None if bindAddress is None else (bindAddress, 0)
        inner: IStreamClientEndpoint = HostnameEndpoint(
            reactor, host, int(port), float(timeout), source
        )
    else:
        inner = _endpoint(reactor, endpoint, trust)
    if trustRoots is not None:
        trust = replace(trust, roots=trustRoots)
    if certificate is not None:
        trust = replace(trust, certificate=certificate, key=privateKey)
    return wrapClientTLS(Verifier(host, trust), inner)


def _parse(description: str) -> tuple[list[str], dict[str, str]]:
    """Return the words and the options of an endpoint string, in which a backslash quotes the next
    character. Raises ValueError.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    field = ""
    name: str | None = None
    characters = iter(description + ":")
    for character in characters:
        if character == "\\":
            field += next(characters)
        elif character == "=" and name is None:
            field, name = "", field
        elif character != ":":
            field += character
        else:
            if name is None:
                words.append(field)
            else:
                options[name] = field
            field, name = "", None
    if field or name is not None:
        raise ValueError("it ends with a backslash")
    return words, options
