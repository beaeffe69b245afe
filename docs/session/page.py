"""Make the picture of the page that the front page shows: `python docs/session/page.py`.

A daemon, two people in browsers and one at the line door talk; then one of the browsers is
photographed into page.png, in a window of 1000 x 560 pixels.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.support.browser import Person, chromium, site  # noqa: E402
from tests.support.processes import Daemon  # noqa: E402


def main() -> None:
    daemon = Daemon("--web", "tcp:0:interface=127.0.0.1")
    try:
        with chromium() as browser:
            play(daemon, browser)
    finally:
        daemon.close()


def play(daemon: Daemon, browser: object) -> None:
    ann, bob = (
        Person(browser.new_page(viewport={"width": 1000, "height": 560}, locale="en-GB"))
        for _ in range(2)
    )
    address = site(daemon)
    eve = daemon.join()
    eve.send(b"/nick eve\nI am here with nothing but nc\n")
    ann.come_in(address, "ann")
    bob.come_in(address, "bob")
    ann.join("dev")
    ann.open("#lobby")
    bob.say("/topic tea at five")
    ann.say("and I with nothing but a browser")
    bob.say("ann: see https://en.wikipedia.org/wiki/Netcat for what eve uses")
    ann.page.locator("#people").get_by_role("button", name="eve").click()
    ann.is_in("eve")
    eve.send(b"/me waves\n")
    bob.join("dev")
    bob.say("the build is green", "shall we release?")
    eve.send("/msg ann \u05e9\u05dc\u05d5\u05dd\n".encode())
    ann.reads("\u05e9\u05dc\u05d5\u05dd")
    ann.open("#lobby")
    ann.say("hello eve, welcome")
    ann.reads("welcome")
    ann.unread("#dev").wait_for()
    ann.page.screenshot(path=HERE / "page.png")


if __name__ == "__main__":
    main()
