"""What the head of an HTTP request says about who sent it, and how much of that is believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.internet.interfaces import IAddress
from twisted.web.http_headers import Headers

from twisted_chat.doors.proxied import Proxies
from twisted_chat.networks import Host, claimed_address, host_in, host_of, is_local, origin_of

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}
_FORWARDING = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"),
    *("Forwarded", "Via"),
)


class Unwelcome(Exception):
    """A request is not served: str() is why, and what to do; `code` is the status of HTTP."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Site:
    """Where a page is served from, as browsers compare it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def site_in(origin: str) -> Site | None:
    """Return the site that `origin` names, such as `https://chat.example.org`; None: none."""
    scheme, separator, authority = origin.lower().partition("://")
    if not separator or scheme not in _PORTS:
        return None
    return _site(scheme, authority)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request. `host`: where from; `origin`: what counts as one address with it.
    `is_safe`: nobody can read along, or it is on this machine.
    """

    host: Host
    origin: str
    is_safe: bool


class Heads:
    """Judges heads of requests.

    `names`: returns the names that the certificates are for; in one that begins with `*.` that
    stands for one label. `sites`: what else the daemon is called by browsers, and whose pages may
    use it. `proxies`: whose word about forwarded requests is taken.
    """

    def __init__(
        self,
        proxies: Proxies,
        sites: Collection[Site] = (),
        names: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._proxies = proxies
        self._sites = frozenset(sites)
        self._names = names

    def visitor(self, peer: IAddress, user: int | None, is_tls: bool, headers: Headers) -> Visitor:
        """Return who sent a request with `headers` on a connection from `peer`, that the `user` of
        this machine made if that is known. Raises Unwelcome.
        """
        host = host_of(peer)
        is_here = is_local(host) and not any(map(headers.hasHeader, _FORWARDING))
        scheme = "https" if is_tls else "http"
        if self._proxies.are_at(peer):
            scheme = _last(headers, "X-Forwarded-Proto").lower() or scheme
            host = self._forwarded_for(headers, host)
        if scheme not in _PORTS:
            raise Unwelcome(400, "X-Forwarded-Proto is http or https")
        served = self._served(scheme, headers)
        self._check_origin(served, headers)
        is_safe = scheme == "https" or (is_here and _is_loopback(served.host))
        return Visitor(host, origin_of(host, user), is_safe)

    def sharing(self, headers: Headers) -> Mapping[str, str]:
        """Return what an answer to a request with `headers` says of pages of other sites: those of
        `sites` may read it.
        """
        if not self._sites:
            return {}
        origins = headers.getRawHeaders("Origin", [])
        allowed = len(origins) == 1 and site_in(origins[0]) in self._sites
        # What is kept for one site is not for another.
        vary = {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": origins[0], **vary} if allowed else vary

    def _forwarded_for(self, headers: Headers, peer: Host) -> Host:
        """Return the last address of X-Forwarded-For that is not that of a proxy. It never counts
        as this machine, also if it says so.
        """
        values = headers.getRawHeaders("X-Forwarded-For", [])
        host = peer
        for text in reversed([each.strip() for value in values for each in value.split(",")]):
            claimed = host_in(text)
            if claimed is None:
                raise Unwelcome(400, "X-Forwarded-For holds something that is no address")
            host = host_of(claimed_address(claimed, 0))
            if not self._proxies.have(host):
                break
        return host

    def _served(self, scheme: str, headers: Headers) -> Site:
        """Return what the sender calls this site. Raises Unwelcome for a name that is not ours:
        anybody can let one lead here, and a page from there would be taken for one of ours.
        """
        values = headers.getRawHeaders("Host", [])
        served = _site(scheme, values[0].lower()) if len(values) == 1 else None
        if served is None:
            raise Unwelcome(400, "there has to be one Host, with a name or an address")
        if not self._is_ours(served):
            raise Unwelcome(
                421,
                f"this chat is not called {served.host}: if it is, start it with "
                f"--web-origin {served}",
            )
        return served

    def _is_ours(self, served: Site) -> bool:
        host = served.host
        if host == "localhost" or _address(host) is not None:
            return True
        names = {name.lower() for name in self._names()}
        if host in names or f"*.{host.partition('.')[2]}" in names:
            return True
        return any(site.host == host for site in self._sites)

    def _check_origin(self, served: Site, headers: Headers) -> None:
        """Refuse what a page of another site sends."""
        for value in headers.getRawHeaders("Origin", []):
            site = site_in(value)
            if site is None or (site != served and site not in self._sites):
                raise Unwelcome(
                    403,
                    f"pages from {value[:100]} may not use this chat: if they are its own, start "
                    "it with --web-origin and what they come from",
                )


def _site(scheme: str, authority: str) -> Site | None:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    return Site(scheme, match[1].removesuffix("."), int(match[2] or _PORTS[scheme]))


def _address(host: str) -> Host:
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _last(headers: Headers, name: str) -> str:
    """Return the last of the values of a header that is a list; empty: there is none."""
    return ",".join(headers.getRawHeaders(name, [])).rpartition(",")[2].strip()
