"""The web door behind nginx, as contrib/nginx.conf has it, and people who come from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cables import Cable
from tests.support.certificates import Authority
from tests.support.nginx import daemon_options, start_nginx
from tests.support.processes import Daemon, Process, chatctl, closing_all
from tests.support.web import WebPeer

SITE = "chat.example.org"
URL = f"https://{SITE}/chat"
SECRET = "a very long passphrase indeed"
ANN, BOB = "10.0.0.2", "10.0.0.3"


class Outside:
    """People on another machine, and the daemon and nginx on this one."""

    def __init__(self, cable: Cable, daemon: Daemon, state: Path) -> None:
        self.cable = cable
        self.daemon = daemon
        self.state = state

    def curl(self, path: str, *options: str, source: str = ANN) -> list[str]:
        """Return a command that asks for `path` from `source`."""
        to = ["--cacert", str(self.state.parent / "authority.pem"), "--connect-to", "::10.0.0.1:"]
        return self.cable.there.program(
            ["curl", "-sS", "--interface", source, *to, *options, f"{URL}{path}"]
        )

    def web_socket(self, source: str = ANN, **headers: str) -> WebPeer:
        """Return a WebSocket that comes from `source`, as a browser at URL opens it."""
        peer = self.cable.there.run(
            lambda: WebPeer(("10.0.0.1", 443), tls=True, path="/chat", source=source)
        )
        self.daemon.peers.append(peer)
        peer.send(peer.request(Host=SITE, Origin=f"https://{SITE}", **headers))
        return peer

    def control(self, *arguments: str) -> None:
        done = chatctl(self.state, *arguments)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def outside(cable: Cable, tmp_path: Path) -> Iterator[Outside]:
    """Start nginx, and the daemon as the example says. Both are gone when the test ends."""
    certificate = Authority(tmp_path).certify(SITE)
    state = tmp_path / "state"
    with closing_all() as register:
        options = [*daemon_options(), "--state", str(state)]
        daemon = register(Daemon(*options, program=cable.program))
        register(start_nginx(tmp_path, certificate, cable.here.program([])))
        yield Outside(cable, daemon, state)


def output(start: Callable[..., Process], command: list[str]) -> str:
    """Return what `command` writes."""
    process = start(command)
    assert process.wait() == 0, process.err.text
    return process.out.text


def test_the_page_is_there_under_a_path(outside, start) -> None:
    html = ["-H", "Accept: text/html"]
    for path in ("/", "/lobby", "/%23favicon.ico"):
        assert "<!doctype html>" in output(start, outside.curl(path, *html)).lower()
    head = output(start, outside.curl("/-/main.js", "-D", "-", "-o", "/dev/null"))
    assert "200 OK" in head
    assert "text/javascript" in head
    head = output(start, outside.curl("", "-D", "-", "-o", "/dev/null"))
    assert f"\nLocation: {URL}/\n" in head.replace("\r", "")


def test_people_talk_through_it(outside, start) -> None:
    reader = start(outside.curl("/%23lobby", "-N", "-D", "/dev/stderr"))
    reader.err.find("^\r?$")
    ann = outside.web_socket()
    ann.ask({"hello": 1, "name": "ann"})
    ann.until("greeting")
    reader.out.find(r"^> New user ann entered \(1 user online\)$")
    ann.ask({"command": "register", "argument": SECRET, "ref": 1})
    ann.until("done", ref=1)  # TLS ends at nginx: it says so, and is believed.
    ann.ask({"command": "token", "ref": 2})
    token = record(ann.until("done", ref=2))["token"]
    bearer = f"Authorization: Bearer {token}"
    assert output(start, outside.curl("/lobby", "-H", bearer, "-d", "caf\u00e9")) == ""
    reader.out.find("^\\[ann\\] caf\u00e9$")
    for number in range(3):  # Each line comes by itself.
        ann.ask({"say": f"line {number}"})
        reader.out.find(rf"^\[ann\] line {number}$")


def record(events: list[dict[str, object]]) -> dict[str, object]:
    """Return the record of the one answer in `events`."""
    [answer] = [each["record"] for each in events if "record" in each]
    return answer


def whois(peer: WebPeer) -> object:
    """Return the address that somebody has itself."""
    peer.ask({"hello": 1}, {"command": "whois", "argument": "", "ref": 1})
    return record(peer.until("done", ref=1))["address"]


def test_everybody_has_the_address_that_nginx_sees(outside) -> None:
    fakes = {"X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66", "Forwarded": "for=1.1.1.1"}
    assert whois(outside.web_socket(ANN)) == ANN
    assert whois(outside.web_socket(BOB, **fakes)) == BOB
    assert whois(outside.web_socket(BOB, X_Forwarded_For="127.0.0.1")) == BOB


def test_a_ban_meets_who_is_meant(outside, start) -> None:
    outside.control("ban", ANN)
    banned = outside.web_socket(ANN, X_Forwarded_For="192.0.2.66")
    banned.ask({"hello": 1})
    assert "you are banned" in str(banned.until("refused")[-1]["text"])
    text = output(start, outside.curl("/lobby", "-w", "%{http_code}"))
    assert text == "you are banned, by chatctl\n403\n"
    assert whois(outside.web_socket(BOB)) == BOB


# Without nginx.


@pytest.fixture
def direct(cable: Cable) -> Iterator[Callable[..., object]]:
    """Ask who somebody at 10.0.0.2 is, who comes to the daemon itself and claims to be another:
    `direct("--proxy-from", "10.0.0.2")`.
    """
    with closing_all() as register:

        def ask(*options: str) -> object:
            daemon = register(Daemon("--web", "tcp:0", *options, program=cable.program))
            port = int(daemon.out.find(r"port (\d+) for browsers")[1])
            peer = cable.there.run(lambda: WebPeer(("10.0.0.1", port)))
            daemon.peers.append(peer)
            peer.send(peer.request(X_Forwarded_For="192.0.2.66"))
            return whois(peer)

        yield ask


def test_only_proxies_that_are_named_are_believed(direct) -> None:
    assert direct() == ANN
    assert direct("--proxy-from", "10.0.0.2") == "192.0.2.66"
    assert direct("--proxy-from", "10.0.0.0/24", "--proxy-from", "unix") == "192.0.2.66"
    assert direct("--proxy-from", "10.0.0.3") == ANN
