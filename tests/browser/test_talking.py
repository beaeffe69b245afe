"""People in browsers talk with each other and with people at other doors."""

from __future__ import annotations

import json

from playwright.sync_api import expect


def test_two_browsers_and_nc_talk(ann, person, chat, nc):
    bob = person()
    bob.come_in(chat.site, "bob")
    nc.send(b"/nick eve\nhello from a terminal\n")
    ann.reads("hello from a terminal")
    bob.reads("hello from a terminal")
    ann.say("hello from a browser")
    bob.reads("hello from a browser")
    nc.find("[ann] hello from a browser")
    bob.say("/me waves")
    nc.find("* bob waves")
    ann.reads("bob waves")
    # One's own line comes back in its place, and is not shown as on its way any more.
    assert ann.texts() == ["hello from a terminal", "hello from a browser"]
    expect(ann.page.locator(".sent")).to_have_count(0)
    expect(ann.page.locator("#people-list li")).to_have_text(["annyou", "bob", "eve"])
    bob.say("/quit see you")
    nc.find("< The user bob left (2 users online): see you")
    ann.reads("bob left: see you")
    expect(ann.page.locator("#people-list li")).to_have_text(["annyou", "eve"])
    expect(bob.page.locator("#banner")).to_contain_text("You left the chat")
    bob.page.get_by_role("button", name="Come in again").click()
    bob.is_connected()
    bob.is_called("bob")


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</div></body><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "&lt;b&gt; &amp; \"'`${alert(1)}",
    "javascript:alert(1) data:text/html,<script>alert(1)</script>",
    'https://example.org/"onmouseover=alert(1)//<b>',
    "\u05d0\u05d1\u05d2 [ann] admin \u200f: hello",
    "a" + "\u0301" * 200,
    "\u202eevil\u2066",
    "x" * 4000,
    "__proto__ constructor toString",
]


def test_hostile_texts_topics_names_and_words_do_nothing(ann, chat, nc):
    before = ann.page.evaluate("document.querySelectorAll('script, style, img, iframe').length")
    for number, text in enumerate(HOSTILE):
        nc.send(f"{number} {text}\n/topic {text[:200]}\n/me {text}\n".encode())
    nc.send(b"/nick __proto__\n/nick constructor\n/msg ann <b>psst</b>\n")
    nc.send(b"the end\n/quit <img src=x onerror=alert(1)>\n")
    ann.reads("left: <img src=x onerror=alert(1)>")
    shown = ann.texts()
    assert len(shown) == len(HOSTILE) + 1
    for number in (0, 1, 2, 3, 4, 9, 10):
        assert shown[number] == f"{number} {HOSTILE[number]}"
    assert before == ann.page.evaluate(
        "document.querySelectorAll('script, style, img, iframe').length"
    )
    links = ann.log.locator("a").evaluate_all("links => links.map(each => [each.href, each.rel])")
    assert {rel for _, rel in links} == {"noopener noreferrer"}
    assert {href for href, _ in links} == {"https://example.org/"}
    assert not ann.page.evaluate(
        "[...document.querySelectorAll('#panels *')].some("
        "  each => each.getAttributeNames().some(name => name.startsWith('on')))"
    )
    ann.open("constructor")
    ann.reads("<b>psst</b>")
    # It still works.
    ann.open("#lobby")
    ann.say("I am well")
    ann.reads("I am well")


def test_nothing_is_asked_of_anybody_else(person, chat):
    ann = person()
    asked = []
    ann.page.on("request", lambda request: asked.append(request.url))
    ann.page.on("websocket", lambda socket: asked.append(socket.url.replace("ws:", "http:")))
    ann.come_in(chat.site, "ann")
    ann.say("look at https://example.org/picture.png")
    ann.reads("picture.png")
    assert asked
    assert {url for url in asked if not url.startswith(chat.site)} == set()


def test_times_and_days_are_those_of_the_reader(person, chat, nc):
    nc.send(b"what time is it\n")
    tokyo = person(timezone_id="Asia/Tokyo", locale="de-DE")
    tokyo.come_in(chat.site, "ken")
    tokyo.reads("what time is it")
    time = tokyo.log.locator(".row.said time")
    shown, moment = time.inner_text(), time.get_attribute("datetime")
    hour = (int(moment[11:13]) + 9) % 24
    assert shown == f"{hour:02}:{moment[14:16]}"
    assert time.get_attribute("title")


def test_text_runs_in_its_own_direction(ann, nc):
    nc.send("\u05e9\u05dc\u05d5\u05dd\nhello\n".encode())
    ann.reads("hello")
    directions = ann.log.locator(".row.said .text").evaluate_all(
        "texts => texts.map(each => getComputedStyle(each).direction)"
    )
    assert directions == ["rtl", "ltr"]


def test_a_draft_survives_a_reload_and_a_passphrase_is_never_kept(ann):
    ann.field.fill("half a thought")
    ann.page.reload()
    ann.is_connected()
    expect(ann.field).to_have_value("half a thought")
    ann.field.fill("")
    ann.field.press_sequentially("/login ")
    expect(ann.page.get_by_role("dialog", name="Your name")).to_be_visible()
    ann.page.keyboard.type("ann sesame")
    ann.page.keyboard.press("Escape")
    expect(ann.field).to_have_value("")
    # This one slips, and the daemon refuses it.
    ann.say(r"\login ann sesame")
    expect(ann.log.locator(".refused")).to_contain_text("a passphrase may be in it")
    expect(ann.log).not_to_contain_text("sesame")
    ann.field.press("ArrowUp")
    expect(ann.field).not_to_have_value(r"\login ann sesame")
    ann.field.fill("x /login ann sesame")
    ann.page.evaluate("dispatchEvent(new Event('pagehide'))")
    kept = ann.page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "sesame" not in kept


def test_a_paste_of_many_lines_is_said_line_by_line(ann, nc):
    lines = [f"line {number}" for number in range(300)]
    ann.field.fill("\n".join(lines))
    expect(ann.panel.get_by_role("button", name="Send 300 lines")).to_be_visible()
    ann.field.press("Enter")
    ann.reads("line 299")
    nc.find("[ann] line 0")
    assert nc.lines(299) == [f"[ann] {line}" for line in lines[1:]]
    assert ann.texts()[-200:] == lines[-200:]


def test_what_is_too_long_is_refused_and_the_rest_goes_on(ann, nc):
    ann.say("x" * 5000)
    expect(ann.log.locator(".refused")).to_have_count(1)
    ann.say("y" * 500_000)
    expect(ann.log.locator(".refused")).to_have_count(2)
    ann.say("short")
    nc.find("[ann] short")
    expect(ann.page.locator(".sent")).to_have_count(0)


def test_nothing_is_kept_in_cookies(ann):
    assert ann.page.context.cookies() == []
    state = ann.page.evaluate("JSON.stringify(Object.keys(localStorage))")
    assert json.loads(state) == ["twisted-chat"]
