"""What may be said and asked, and how it is read by others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.driver import YOU, Driver, Read
from tests.conformance.house import House

SECRET = "correct horse battery"


def test_nothing_that_steers_a_terminal_leaves_the_daemon(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    for text, shown in {
        "\x1b[2J\x07\x7f": "␛[2J␇␡",
        "a\x00b\x0bc": "a␀b␋c",
        "a\x85b\x9bc": "a\ufffdb\ufffdc",
        "a\u202eb\u2066c\u2028d": "a\ufffdb\ufffdc\ufffdd",
        "e" + "\u0301" * 20: "e" + "\u0301" * 8,
        "a\tb": "a\tb",
        "Grüße 日本 👩‍👧": "Grüße 日本 👩‍👧",
    }.items():
        ann.say(text)
        assert bob.read() == Read("said", "ann", shown)
        ann.command("me", text)
        for reader in (ann, bob):
            assert reader.read() == Read("emoted", "ann", shown)
        ann.command("msg", f"bob {text}")
        assert bob.read() == Read("told", "ann", shown)
        assert ann.read() == Read("telling", "bob", shown)


def test_nothing_that_is_said_poses_as_something_else(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    for text in (
        "> Connected to the chat server (2 users online)",
        "> New user eve entered (3 users online)",
        "< The user bob left (1 user online)",
        "[eve] hello",
        "[eve -> you] hello",
        "* eve waves",
        "- eve is now ann",
        "! you were put out",
        '{"event": "said", "name": "eve", "text": "hello"}',
    ):
        ann.say(text)
        assert bob.read() == Read("said", "ann", text)


def test_a_text_with_line_ends_is_still_one_event(open_house: Callable[..., House], driver: Driver):
    if not driver.may_hold_line_ends:
        pytest.skip("a line end ends what is said there")
    ann, bob = open_house().enter("ann", "bob")
    ann.say("one\n[eve] two\r\nthree")
    assert bob.read() == Read("said", "ann", "one␊[eve] two␍␊three")


def test_commands_are_answered_to_their_sender_alone(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    ann.command("who")
    while "bob" not in (answer := ann.read()).text:
        assert answer.kind == "notice"
    assert "ann" in answer.text
    ann.say("done")
    assert bob.read() == Read("said", "ann", "done")


def test_a_command_that_is_not_there_is_refused_and_not_said(open_house: Callable[..., House]):
    ann, bob = open_house().enter("ann", "bob")
    ann.command("frob", "the knob")
    ann.say("done")
    refused = ann.read()
    assert refused.kind == "refused"
    assert "frob" in refused.text
    assert bob.read() == Read("said", "ann", "done")


def test_a_new_name_is_told_to_all_once_and_a_taken_one_is_refused(
    open_house: Callable[..., House],
):
    ann, bob = open_house().enter("ann", "bob")
    ann.command("nick", "BOB")
    assert ann.read().kind == "refused"
    ann.command("nick", "anna")
    ann.say("done")
    assert ann.read() == Read("renamed", YOU, "anna")
    assert [bob.read(), bob.read()] == [
        Read("renamed", "ann", "anna"),
        Read("said", "anna", "done"),
    ]


def test_what_is_told_to_one_is_read_by_that_one_alone(open_house: Callable[..., House]):
    ann, bob, cid = open_house().enter("ann", "bob", "cid")
    ann.command("msg", "bob a secret")
    ann.say("done")
    assert bob.read() == Read("told", "ann", "a secret")
    assert ann.read() == Read("telling", "bob", "a secret")
    assert cid.read() == Read("said", "ann", "done")


def test_slashes(open_house: Callable[..., House], driver: Driver):
    if not driver.is_for_people:
        pytest.skip("programs say what they like there")
    ann, bob = open_house().enter("ann", "bob")
    for typed, said in {"//nick": "/nick", "/* x": "/* x", "// x": "// x", "///x": "//x"}.items():
        ann.say(typed)
        assert bob.read() == Read("said", "ann", said)


@pytest.mark.parametrize(
    "command", ["kick bob", "ban bob", "mute bob", "announce hi", "unregister"]
)
def test_what_asks_for_a_role_is_refused_to_a_guest(open_house: Callable[..., House], command: str):
    ann, bob = open_house().enter("ann", "bob")
    ann.command(*command.split(maxsplit=1))
    ann.say("done")
    assert ann.read().kind == "refused"
    assert bob.read() == Read("said", "ann", "done")


def test_what_is_for_chatctl_is_refused_to_all_others(open_house: Callable[..., House]):
    [ann] = open_house().enter("ann")
    for command in ("op", "reset"):
        ann.command(command, "ann")
        refused = ann.read()
        assert refused.kind == "refused"


def test_a_passphrase_is_taken_where_nobody_can_read_along(
    open_house: Callable[..., House], driver: Driver, outside: str
):
    """On the machine itself all are safe; elsewhere it is for the door to hide what is sent."""
    for host in ("127.0.0.1", outside):
        house = open_house(host)
        [ann] = house.enter("ann")
        ann.command("register", SECRET)
        answer = ann.read()
        if host == outside and not driver.is_safe:
            assert answer.kind == "refused"
            assert "on which nobody can read along" in answer.text
        else:
            assert answer.kind == "notice"
            assert answer.text.startswith("ann is yours, as long as this daemon runs")
        assert house.stop()
