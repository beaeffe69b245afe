"""Rooms and conversations: several at once, unread lines, the history, people, names."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.browser.conftest import WEB
from tests.support.browser import site
from tests.support.certificates import Authority
from tests.support.processes import chatctl
from tests.support.relay import Relay


def test_unread_lines_are_counted_beside_the_room_and_in_the_title(ann, nc):
    ann.join("dev")
    nc.send(b"one\ntwo, ann\n")
    expect(ann.unread("#lobby")).to_have_text("2")
    expect(ann.page).to_have_title("(2) #dev \u2013 chat")
    expect(
        ann.page.get_by_role("button", name="#lobby, 2 unread, 1 for you", exact=True)
    ).to_be_visible()
    ann.open("#lobby")
    expect(ann.unread("#lobby")).to_be_hidden()
    expect(ann.page).to_have_title("#lobby \u2013 chat")
    # A rule stands above the first line that was unread.
    marked = ann.log.locator(".line", has=ann.page.locator(".first-unread"))
    expect(marked.locator(".text")).to_have_text("one")
    expect(ann.log.locator(".call .text")).to_have_text("two, ann")
    expect(ann.log.locator("mark")).to_have_text("ann")


def test_places_stay_side_by_side(ann, nc):
    ann.panel.get_by_role("button", name="Keep open").click()
    ann.join("dev")
    panels = ann.page.locator(".panel")
    expect(panels.get_by_role("heading")).to_have_text(["#lobby", "#dev"])
    nc.send(b"hello\n")
    expect(panels.first.locator(".row.said")).to_contain_text("hello")
    # It is seen, so it is not unread.
    expect(ann.unread("#lobby")).to_be_hidden()
    left, right = (panels.nth(index).bounding_box() for index in (0, 1))
    assert left["x"] + left["width"] <= right["x"]


def test_the_address_names_the_room(person, chat):
    ann = person()
    ann.come_in(f"{chat.site}dev", "ann")
    ann.is_in("#dev")
    ann.join("tea")
    expect(ann.page).to_have_url(f"{chat.site}tea")
    ann.page.reload()
    ann.is_connected()
    ann.is_in("#tea")
    expect(ann.page.locator("#places .name")).to_have_text(["#dev", "#tea"])
    ann.join("lobby")
    expect(ann.page).to_have_url(chat.site)
    ann.page.goto(f"{chat.site}%23robots.txt")
    ann.is_in("#robots.txt")


def test_it_works_under_a_path_of_its_own(person, chat):
    relay = Relay(int(re.search(r":(\d+)/", chat.site)[1]), "/chat")
    try:
        ann, bob = person(), person()
        bob.come_in(f"{chat.site}dev", "bob")
        ann.come_in(f"http://127.0.0.1:{relay.port}/chat/dev", "ann")
        ann.is_in("#dev")
        ann.say("from below")
        bob.reads("from below")
        ann.join("tea")
        expect(ann.page).to_have_url(f"http://127.0.0.1:{relay.port}/chat/tea")
        ann.page.reload()
        ann.is_connected()
        ann.is_in("#tea")
        ann.join("lobby")
        expect(ann.page).to_have_url(f"http://127.0.0.1:{relay.port}/chat/")
    finally:
        relay.close()


def test_a_conversation_with_one_person(ann, person, chat, nc):
    bob = person()
    bob.come_in(chat.site, "bob")
    ann.page.locator("#people").get_by_role("button", name="bob").click()
    ann.is_in("bob")
    ann.say("psst", "//x is said too")
    expect(bob.unread("ann")).to_have_text("2")
    bob.open("ann")
    assert bob.texts() == ["psst", "/x is said too"]
    bob.say("what?")
    ann.reads("what?")
    bob.say("/nick rob")
    ann.is_in("rob")
    ann.say("still there?")
    bob.reads("still there?")
    bob.say("/quit")
    ann.reads("rob left")
    ann.say("hello?")
    expect(ann.log.locator(".refused")).to_contain_text("hello?")
    # Nobody else read any of it.
    nc.send(b"/who\n")
    assert not [line for line in nc.find("- 2 users online:") if "psst" in line or "what" in line]


def test_scrolling_back_brings_the_history(person, chat, nc):
    nc.send("".join(f"line {number}\n" for number in range(450)).encode())
    nc.send(b"/who\n")
    nc.find("- 1 user online:")
    ann = person()
    ann.come_in(chat.site, "ann")
    ann.reads("line 449")
    seen = set(ann.texts())
    assert "line 0" not in seen
    ann.log.focus()
    for _ in range(100):
        ann.page.keyboard.press("PageUp")
        if "line 0" in ann.texts():
            break
        ann.page.wait_for_timeout(30)
    assert ann.texts() == [f"line {number}" for number in range(450)]
    nc.send(b"something new\n")
    jump = ann.panel.get_by_role("button", name="\u2193 1 new line", exact=True)
    # A smooth scroll that has begun does not lead away from the end.
    for _ in range(12):
        ann.page.keyboard.press("PageUp")
    jump.click()
    ann.page.wait_for_timeout(700)
    expect(ann.log.locator(".row.said").last).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_what_one_reads_stays_where_it_is_while_lines_come(person, chat, nc):
    nc.send("".join(f"line {number}\n" for number in range(300)).encode())
    nc.send(b"/who\n")
    nc.find("- 1 user online:")
    ann = person()
    ann.come_in(chat.site, "ann")
    ann.reads("line 299")
    ann.log.evaluate("log => log.scrollTop -= 1500")
    line = ann.log.locator(".row.said", has_text="line 240")
    line.scroll_into_view_if_needed()
    before = line.bounding_box()["y"]
    nc.send("".join(f"new {number}\n" for number in range(100)).encode())
    expect(ann.panel.get_by_role("button", name="\u2193 100 new lines")).to_be_visible()
    assert abs(line.bounding_box()["y"] - before) < 2


def test_a_room_that_is_left_is_closed_and_the_others_hear_it(ann, nc):
    ann.join("dev")
    nc.send(b"/join dev\n")
    ann.reads("entered (2 are here)")
    ann.panel.get_by_role("button", name="Leave #dev").click()
    ann.is_in("#lobby")
    nc.find("< The user ann left (1 user online)")
    expect(ann.page.locator("#places .name")).to_have_text(["#lobby"])


def test_the_list_of_rooms(ann, nc):
    nc.send(b"/join dev\n/topic <b>tea</b>\n")
    nc.find("- You are now in #dev")
    ann.page.get_by_role("button", name="Open a room").click()
    dialog = ann.page.get_by_role("dialog", name="Open a room")
    expect(dialog).to_contain_text("<b>tea</b>")
    dialog.get_by_role("button", name="#dev").click()
    ann.is_in("#dev")
    expect(ann.panel.locator(".topic")).to_have_text("<b>tea</b>")
    ann.page.get_by_role("button", name="Open a room").click()
    dialog.get_by_role("textbox").fill("no such!")
    dialog.get_by_role("textbox").press("Enter")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_role("textbox").fill("new")
    dialog.get_by_role("textbox").press("Enter")
    ann.is_in("#new")


def test_a_name_is_registered_and_taken_by_forms_alone(ann, person, chat, nc):
    ann.page.get_by_role("button", name="ann", exact=True).first.click()
    form = ann.page.locator("#register-form")
    form.get_by_label("A new passphrase").fill("seven blue horses")
    form.get_by_label("The same again").fill("seven red horses")
    form.get_by_role("button").click()
    expect(form.get_by_role("alert")).to_have_text("The two passphrases differ")
    form.get_by_label("The same again").fill("seven blue horses")
    form.get_by_role("button").click()
    expect(ann.page.get_by_role("dialog")).to_have_count(0)
    expect(ann.log.locator(".answer").last).to_contain_text("ann is yours")
    ann.say("/quit")
    bob = person()
    bob.come_in(chat.site)
    bob.page.locator("#name-button").click()
    form = bob.page.locator("#login-form")
    form.get_by_label("Name").fill("ann")
    form.get_by_label("Passphrase").fill("seven green horses")
    form.get_by_role("button").click()
    expect(form.get_by_role("alert")).to_contain_text("not the passphrase of ann")
    form.get_by_label("Passphrase").fill("seven blue horses")
    form.get_by_role("button").click()
    bob.is_called("ann")
    # It knows the passphrase as long as it is open, and keeps it nowhere.
    kept = bob.page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "horses" not in kept
    nc.send(b"/who\n")
    assert not [line for line in nc.find("- 2 users online:") if "horses" in line]


def test_a_name_that_is_taken_is_told_and_one_is_let_in_without(ann, person, chat):
    bob = person()
    bob.page.add_init_script(
        "localStorage.getItem('twisted-chat') ||"
        "  localStorage.setItem('twisted-chat', JSON.stringify({name: 'ann'}))"
    )
    bob.come_in(chat.site)
    form = bob.page.get_by_role("form", name="Choose a name")
    expect(form.get_by_role("alert")).to_contain_text("ann is taken")
    expect(bob.page.locator("#name-button")).to_have_text(re.compile("^127.0.0.1:"))
    form.get_by_role("textbox").fill("bob")
    form.get_by_role("button", name="Take it").click()
    bob.is_called("bob")
    assert json.loads(bob.page.evaluate("localStorage['twisted-chat']"))["name"] == "bob"


def test_over_tls_a_name_is_registered_from_anywhere(person, start_daemon, tmp_path):
    file = Authority(tmp_path).certify("127.0.0.1")
    web = "tls:tcp:0:interface=127.0.0.1"
    daemon = start_daemon("--cert", str(file), "--web", web, "--web-frame=https://wiki.example")
    address = site(daemon)
    ann = person(ignore_https_errors=True)
    answer = ann.page.goto(address)
    policy = answer.header_value("content-security-policy")
    assert policy.endswith("frame-ancestors https://wiki.example")
    ann.come_in(address, "ann")
    ann.page.locator("#name-button").click()
    form = ann.page.locator("#register-form")
    form.get_by_label("A new passphrase").fill("seven blue horses")
    form.get_by_label("The same again").fill("seven blue horses")
    form.get_by_role("button").click()
    ann.reads("ann is yours")


def test_the_page_that_others_may_read_hides_passphrases_and_says_why(person, start_daemon):
    daemon = start_daemon("--web", "tcp:0:interface=0.0.0.0")
    address = site(daemon).replace("127.0.0.1", "0.0.0.0")
    ann = person()
    ann.come_in(address, "ann")
    assert not ann.page.evaluate("isSecureContext")
    ann.page.locator("#name-button").click()
    expect(ann.page.locator("#passphrases")).to_be_hidden()
    expect(ann.page.locator("#names")).to_contain_text("without encryption")
    ann.page.keyboard.press("Escape")
    ann.page.get_by_role("button", name="Settings").click()
    expect(ann.page.get_by_label("A notification then")).to_be_hidden()
    expect(ann.page.locator("#settings")).to_contain_text("without encryption")
    ann.page.keyboard.press("Escape")
    ann.say("it works all the same")
    ann.reads("it works all the same")


def test_who_is_put_out_of_the_chat_reads_why_and_may_come_again(person, start_daemon, tmp_path):
    daemon = start_daemon(*WEB, "--state", str(tmp_path / "state"))
    address = site(daemon)
    ann, bob = person(), person()
    ann.come_in(address, "ann")
    bob.come_in(address, "bob")
    ann.page.locator("#name-button").click()
    form = ann.page.locator("#register-form")
    form.get_by_label("A new passphrase").fill("seven blue horses")
    form.get_by_label("The same again").fill("seven blue horses")
    form.get_by_role("button").click()
    expect(ann.log.locator(".answer").last).to_contain_text("ann is yours")
    assert chatctl(tmp_path / "state", "op", "ann").returncode == 0
    ann.reads("You are an operator now")
    ann.say("/kick bob be kind")
    banner = bob.page.locator("#banner")
    expect(banner).to_contain_text("You were put out of the chat.")
    expect(bob.log.locator(".refused")).to_have_text(re.compile("kicked by ann: be kind"))
    banner.get_by_role("button").click()
    bob.is_connected()
    bob.is_called("bob")
