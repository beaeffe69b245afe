"""`--web`: where it listens, over TLS too, and what it is called."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.processes import CHECKOUT, TWISTD, Daemon
from tests.support.web import Refused, WebPeer

HERE = "127.0.0.1"


def ports(daemon: Daemon, count: int) -> list[int]:
    """Return the ports for browsers."""
    pattern = r"port (\d+)(?: \(TLS\))? for browsers"
    return [int(daemon.out.find(pattern)[1]) for _ in range(count)]


def test_browsers_come_in_beside_others_in_the_clear_and_over_tls(
    start_daemon: Callable[..., Daemon], tmp_path: Path
):
    daemon = start_daemon(
        *("--web", f"tcp:0:interface={HERE}", "--web", f"tls:tcp:0:interface={HERE}"),
        *("--cert", str(Authority(tmp_path).certify("chat.example.org"))),
    )
    clear, safe = ports(daemon, 2)
    people = [WebPeer((HERE, clear)), WebPeer((HERE, safe), tls=True)]
    for peer, name in zip(people, ("ann", "bob"), strict=True):
        peer.hello(name)
        peer.until("greeting")
    cid = daemon.join()
    cid.line()
    for peer, name in zip(people, ("ann", "bob"), strict=True):
        peer.ask({"ref": 1, "say": f"I am {name}"})
        assert cid.line() == f"[{name}] I am {name}"
        assert peer.until("said", name=name)[-1]["ref"] == 1
    cid.send(b"hello\n")
    for peer in people:
        assert peer.until("said", text="hello")
        peer.close()


def test_it_answers_to_the_names_that_it_is_told_and_to_those_of_its_certificate(
    start_daemon: Callable[..., Daemon], tmp_path: Path
):
    daemon = start_daemon(
        *("--web", f"tcp:0:interface={HERE}", "--web-origin", "https://proxied.example.org"),
        *("--web", f"tls:tcp:0:interface={HERE}"),
        *("--cert", str(Authority(tmp_path).certify("chat.example.org"))),
    )
    for port, tls in zip(ports(daemon, 2), (False, True), strict=True):
        for host in (HERE, "localhost", "chat.example.org", "proxied.example.org:81", "evil.test"):
            peer = WebPeer((HERE, port), tls=tls)
            peer.send(peer.request(Host=host))
            if host != "evil.test":
                peer.accepted()
            else:
                with pytest.raises(Refused) as refused:
                    peer.accepted()
                assert refused.value.status == 421
                assert "--web-origin http" in refused.value.text
            peer.close()


def test_a_page_from_elsewhere_may_not_come_even_with_a_key(start_daemon: Callable[..., Daemon]):
    [port] = ports(start_daemon("--web", f"tcp:0:interface={HERE}"), 1)
    for origin in ("http://evil.test", "null", f"https://{HERE}:{port}"):
        peer = WebPeer((HERE, port))
        peer.send(peer.request(Origin=origin))
        with pytest.raises(Refused) as refused:
            peer.accepted()
        assert refused.value.status == 403
        peer.close()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--web", "nowhere:1"], "--web nowhere:1: "),
        (["--web", "70000"], "--web 70000: a port is a whole number from 0 to 65535"),
        (["--web", "tls:0"], "needs a certificate"),
        (["--web-origin", "chat.example.org"], "--web-origin chat.example.org: write it like "),
        (["--resume-bytes", "1"], "--resume-bytes must be a whole number from 65536"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(arguments: list[str], why: str):
    process = subprocess.run(
        [*TWISTD, "--port=0", *arguments], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert process.returncode == 2
    [line] = process.stderr.splitlines()
    assert why in line


def test_without_wsproto_it_says_what_to_install():
    code = TWISTD[2]
    program = [sys.executable, "-c", f"import sys; sys.modules['wsproto'] = None; {code}"]
    process = subprocess.run(
        [*program, *TWISTD[3:], "--port=0", "--web", "0"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 2
    assert re.search(r"--web: .*pip install 'twisted-chat\[web\]'", process.stderr.strip())
