"""What the page does when its connection, the daemon or the tab goes away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from socket import AF_UNIX

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WEB
from tests.support.browser import Person, site
from tests.support.processes import Daemon
from tests.support.relay import Relay


@pytest.fixture
def relay(chat: Daemon) -> Iterator[Relay]:
    """A network that leads to `chat`."""
    relay = Relay(int(re.search(r":(\d+)/", chat.site)[1]))
    yield relay
    relay.close()


@pytest.fixture
def far(person: Callable[..., Person], relay: Relay) -> Person:
    """Somebody called far, who comes over that network."""
    far = person()
    far.come_in(f"http://127.0.0.1:{relay.port}/", "far")
    return far


def is_cut_off(person: Person) -> None:
    """Wait until the page says loudly that there is no connection."""
    alert = person.page.get_by_role("alert").filter(has_text="Disconnected")
    expect(alert).to_be_visible()
    expect(person.page.locator("#phase")).to_have_text("not connected")


def comes_back(person: Person) -> None:
    """Wait until the page is connected again, and says so."""
    person.is_connected()
    expect(person.page.locator("#banner")).to_be_hidden()


def test_what_was_said_meanwhile_is_shown_once_and_what_was_written_is_said_once(far, relay, nc):
    nc.send(b"before\n")
    far.reads("before")
    for turn in range(3):
        relay.cut()
        is_cut_off(far)
        nc.send(f"meanwhile {turn}\n/me waves {turn}\n".encode())
        far.say(f"written {turn}")
        expect(far.page.locator(".sent")).to_have_count(1)
        relay.mend()
        comes_back(far)
        far.reads(f"written {turn}")
        far.reads(f"waves {turn}")
        expect(far.page.locator(".sent")).to_have_count(0)
    said = [text for turn in range(3) for text in (f"meanwhile {turn}", f"written {turn}")]
    assert far.texts() == ["before", *said]
    nc.send(b"/who\n")
    read = nc.find("- 2 users online:")
    assert [line for line in read if line.startswith("[far]")] == [
        f"[far] written {turn}" for turn in range(3)
    ]
    # Nobody is told that far left and came again.
    assert [line for line in read if line.startswith(("<", ">"))] == []


def test_a_network_that_is_gone_without_a_word_is_noticed_and_nothing_is_lost(far, relay, nc):
    relay.swallow()
    far.say("is anybody here?")
    nc.send(b"meanwhile\n")
    # The browser tells the page when the device has a network again.
    relay.mend()
    far.page.context.set_offline(True)
    far.page.context.set_offline(False)
    far.page.evaluate("dispatchEvent(new Event('online'))")
    is_cut_off(far)
    comes_back(far)
    far.reads("is anybody here?")
    far.reads("meanwhile")
    assert sorted(far.texts()) == ["is anybody here?", "meanwhile"]
    nc.find("[far] is anybody here?")


def test_a_long_paste_is_said_whole_although_it_is_delayed(far, nc):
    lines = [f"line {number}" for number in range(1500)]
    far.field.fill("\n".join(lines))
    far.field.press("Enter")
    expect(far.panel).to_contain_text(re.compile(r"and \d+ more"))
    nc.find("[far] line 0")
    assert nc.lines(1499) == [f"[far] {line}" for line in lines[1:]]
    far.reads("line 1499")
    expect(far.page.locator(".sent")).to_have_count(0)
    expect(far.page.locator("#banner")).to_be_hidden()


def test_its_pauses_grow_and_end_when_the_person_wants_it(far, relay, nc):
    relay.cut()
    is_cut_off(far)
    expect(far.page.locator("#banner-seconds")).to_have_text(
        re.compile(r"Next try in ([5-9]|1\d) s")
    )
    relay.mend()
    far.page.get_by_role("button", name="Try now").click()
    comes_back(far)
    far.say("here again")
    nc.find("[far] here again")


def test_a_reload_goes_on_where_the_page_was(far, chat, nc):
    nc.send(b"one\n")
    far.reads("one")
    far.join("dev")
    nc.send(b"two\n")
    expect(far.unread("#lobby")).to_have_text("1")
    far.page.reload()
    far.is_connected()
    far.is_in("#dev")
    far.is_called("far")
    nc.send(b"three\n")
    expect(far.unread("#lobby")).to_have_text("2")
    far.open("#lobby")
    assert far.texts() == ["one", "two", "three"]
    expect(far.page.locator("#people-list bdi")).to_have_text(["far", nc.name])
    nc.send(b"/who\n")
    read = nc.find("- 2 users online:")
    assert [line for line in read if line.startswith(("<", ">"))] == []


def test_another_tab_with_the_same_session_takes_it_over_for_good(far, chat, nc):
    far.page.evaluate("dispatchEvent(new Event('pagehide'))")
    with far.page.expect_popup() as popup:
        far.page.evaluate("window.open(location.href)")
    copy = Person(popup.value)
    copy.is_connected()
    copy.is_called("far")
    expect(far.page.locator("#banner")).to_contain_text("goes on in another window")
    copy.say("from the copy")
    nc.find("[far] from the copy")
    far.page.get_by_role("button", name="Use it here").click()
    far.is_connected()
    expect(far.page.locator("#name-button")).not_to_have_text("far")
    copy.say("still here")
    nc.find("[far] still here")


def test_after_a_restart_it_comes_back_and_has_missed_nothing(person, start_daemon, port, tmp_path):
    arguments = (
        *("--web", f"tcp:{port}:interface=127.0.0.1", "--listen", f"unix:{tmp_path}/lines.sock"),
        *("--state", str(tmp_path / "state")),
    )
    daemon = start_daemon(*arguments)
    ann = person()
    ann.come_in(f"http://127.0.0.1:{port}/", "ann")
    ann.join("dev")
    ann.say("before")
    ann.reads("before")
    daemon.stop()
    is_cut_off(ann)
    ann.say("into the void")
    daemon = start_daemon(*arguments)
    nc = daemon.join(f"{tmp_path}/lines.sock", AF_UNIX)
    nc.send(b"/join dev\nafter\n/who\n")
    nc.find("- local:1")
    comes_back(ann)
    ann.is_called("ann")
    ann.reads("after")
    assert ann.texts() == ["before", "after"]
    # Nobody knows whether the old daemon heard this: the person decides.
    sent = ann.page.locator(".sent")
    expect(sent).to_contain_text("into the void may not have been heard")
    sent.get_by_role("button", name="Send again").click()
    nc.find("[ann] into the void")
    expect(sent).to_have_count(0)
    expect(ann.page.locator("#people-list bdi")).to_have_text(["ann", "local:1"])


def test_a_registered_name_comes_back_after_a_restart_as_long_as_the_page_is_open(
    person, start_daemon, port, tmp_path
):
    arguments = (
        *("--web", f"tcp:{port}:interface=127.0.0.1"),
        *("--state", str(tmp_path / "state")),
    )
    daemon = start_daemon(*arguments)
    ann = person()
    ann.come_in(f"http://127.0.0.1:{port}/", "ann")
    ann.page.locator("#name-button").click()
    form = ann.page.locator("#register-form")
    form.get_by_label("A new passphrase").fill("seven blue horses")
    form.get_by_label("The same again").fill("seven blue horses")
    form.get_by_role("button").click()
    ann.reads("ann is yours")
    daemon.stop()
    is_cut_off(ann)
    daemon = start_daemon(*arguments)
    comes_back(ann)
    ann.is_called("ann")
    ann.say("/whois")
    ann.reads("ann from 127.0.0.1 in #lobby, registered")
    # The passphrase is not shown for another name.
    ann.say("/nick bea")
    ann.is_called("bea")
    daemon.stop()
    is_cut_off(ann)
    start_daemon(*arguments)
    comes_back(ann)
    ann.is_called("bea")


def test_lines_that_nobody_keeps_any_more_are_told_as_a_gap(person, start_daemon):
    daemon = start_daemon(*WEB, "--history=20", "--resume-bytes=65536")
    address = site(daemon)
    relay = Relay(int(re.search(r":(\d+)/", address)[1]))
    try:
        far = person()
        far.come_in(f"http://127.0.0.1:{relay.port}/", "far")
        nc = daemon.join()
        nc.send(b"before\n")
        far.reads("before")
        relay.cut()
        is_cut_off(far)
        # That is more than is kept for far, who leaves, and more lines than the history keeps.
        nc.send("".join(f"line {number} {'x' * 3000}\n" for number in range(50)).encode())
        nc.find("< The user far left (1 user online)")
        relay.mend()
        comes_back(far)
        far.reads("line 49")
        far.is_called("far")
        assert [text[:7] for text in far.texts()] == [
            "before",
            *[f"line {n}" for n in range(30, 50)],
        ]
        rows = far.log.locator(".row:is(.said, .gap)").all_inner_texts()
        assert "Lines are missing here" in rows[1]
    finally:
        relay.close()


def test_a_tab_in_the_background_counts_what_is_unread_and_tells_who_is_called(person, chat, nc):
    ann = person(permissions=["notifications"])
    ann.page.add_init_script(
        "window.shown = []; window.Notification = class {"
        "  static permission = 'granted'; static requestPermission = async () => 'granted';"
        "  constructor(title, options) { window.shown.push([title, options.body]); } };"
        "window.sounds = 0; window.AudioContext = class extends AudioContext {"
        "  createOscillator() { window.sounds += 1; return super.createOscillator(); } }"
    )
    ann.come_in(chat.site, "ann")
    in_the_background(ann)
    nc.send(b"hello\nann: are you there?\n")
    expect(ann.page).to_have_title("(2) #lobby \u2013 chat")
    # Both are off at first.
    assert ann.page.evaluate("[shown, sounds]") == [[], 0]
    in_the_foreground(ann)
    expect(ann.page).to_have_title("#lobby \u2013 chat")
    marked = ann.log.locator(".line", has=ann.page.locator(".first-unread"))
    expect(marked.locator(".text")).to_have_text("hello")
    ann.page.get_by_role("button", name="Settings").click()
    ann.page.get_by_label("A notification then").check()
    ann.page.get_by_label("A sound").check()
    ann.page.keyboard.press("Escape")
    sounds = ann.page.evaluate("sounds")
    in_the_background(ann)
    nc.send("/msg ann psst\n\u00e4h, ann\nplanning\n".encode())
    expect(ann.page).to_have_title("(3) #lobby \u2013 chat")
    assert ann.page.evaluate("shown") == [
        [nc.name, "psst"],
        [f"{nc.name} in #lobby", "\u00e4h, ann"],
    ]
    assert ann.page.evaluate("sounds") == sounds + 2


def in_the_background(person: Person) -> None:
    """Let the tab be hidden, as browsers do it: it draws nothing more."""
    person.page.evaluate(
        "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
        "document.hasFocus = () => false;"
        "window.drawing = window.requestAnimationFrame; window.toDraw = [];"
        "window.requestAnimationFrame = run => window.toDraw.push(run);"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def in_the_foreground(person: Person) -> None:
    """Let somebody look at the tab again."""
    person.page.evaluate(
        "delete document.visibilityState; delete document.hasFocus;"
        "window.requestAnimationFrame = window.drawing; window.toDraw.forEach(window.drawing);"
        "document.dispatchEvent(new Event('visibilitychange'));"
        "window.dispatchEvent(new Event('focus'))"
    )
