"""What Tab completes in chat-client on a terminal, and what it asks the server for that."""

from __future__ import annotations

import asyncio

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from twisted.internet.defer import succeed

from tests.support.clients import GREETING
from tests.support.processes import CHAT_CLIENT, with_limits
from twisted_chat.authorisation import Door
from twisted_chat.commands import TABLE
from twisted_chat.console.completion import ChatCompleter, Names


def answer(ann, *lines):
    """Answer the client's own `/who`."""
    assert ann.guest.line() == "/who"
    ann.guest.send("".join(f"- {line}\n" for line in lines).encode())


def test_tab_completes_a_command_at_the_start_of_the_line(ann):
    ann.type("/he\t")
    ann.until(lambda screen: screen.endswith("\n/help"))
    ann.type("who\n")
    assert ann.guest.line() == "/help who"


def test_tab_shows_the_commands_to_choose_from_and_goes_through_them(ann):
    ann.type("/w\t")
    ann.until(lambda screen: "/who" in screen and "/whois" in screen)
    ann.type("\t\t")
    ann.until(lambda screen: "\n/whois \n" in screen or "\n/whois\n" in screen)
    ann.type("ann\n")
    assert ann.guest.line() == "/whois ann"


def test_tab_offers_every_command_and_alias_of_the_line_door_and_none_of_chatctl():
    names = ChatCompleter(Names(), lambda: succeed([]))
    offered = set()

    async def complete():
        async for completion in names.get_completions_async(Document("/"), CompleteEvent()):
            offered.add(completion.text)

    asyncio.run(complete())
    expected = {name for name, each in TABLE.by_word.items() if Door.LINE in each.right.doors}
    assert offered == {f"/{name} " for name in expected - {"format"}}
    assert {"/kick ", "/exit ", "/names "} <= offered
    assert not offered & {"/op ", "/deop ", "/ops ", "/say ", "/status "}


def test_names_of_disputed_width_in_the_menu_leave_the_cursor_where_it_belongs(ann):
    ann.type("ab \t")
    answer(ann, "3 users online:", "काकी, कीका, ann")
    # This terminal draws no vowel signs.
    ann.until(lambda screen: "    क क\n    क क" in screen)
    ann.until(lambda _: ann.cursor == 3)
    ann.type("x\n")
    assert ann.guest.line() == "ab x"


def test_tab_completes_a_name_of_who_is_online_and_shows_nothing_of_how_it_knows(ann):
    ann.type("hello bo\t")
    answer(ann, "4 users online:", "10.0.0.1:3333, bob (idle 5 min), cat (away),", "ann")
    ann.shows(f"{GREETING}hello bob")
    ann.type("!\n")
    assert ann.guest.line() == "hello bob !"
    ann.find("[You] hello bob !")
    assert "users online:" not in ann.screen


def test_tab_ignores_case_and_mends_it(ann):
    ann.type("AN\t")
    answer(ann, "1 user online:", "ann")
    ann.until(lambda screen: screen.endswith("\nann"))


def test_tab_offers_names_first_and_then_addresses(ann):
    ann.type("hi \t")
    answer(ann, "4 users online:", "10.0.0.1:3333, local:1, zoe, bob")
    names = ("bob", "zoe", "10.0.0.1:3333", "local:1")
    ann.until(lambda screen: all(name in screen for name in names))
    places = [ann.screen.index(name) for name in names]
    assert places == sorted(places)
    ann.type("\t\t")
    ann.until(lambda screen: "hi zoe" in screen)
    ann.type("\n")
    assert ann.guest.line() == "hi zoe "


def test_what_comes_while_names_are_asked_for_is_shown_as_ever(ann):
    ann.type("hello bo\t")
    assert ann.guest.line() == "/who"
    ann.guest.send(b"[bob] one\n- ann set the topic: two, three\n- 2 users online:\n")
    ann.guest.send(b"[bob] four\n- cat is now kit\n- bob, kit\n- five, six\n")
    ann.shows(
        f"{GREETING}[bob] one\n- ann set the topic: two, three\n[bob] four\n"
        "- cat is now kit\n- five, six\nhello bob"
    )


def test_names_that_events_told_of_are_known_when_the_server_gives_none(ann):
    ann.guest.send(b"> New user bob entered (2 users online)\n[cat] hi\n")
    ann.guest.send(b"< The user cat left (1 user online)\n")
    ann.find("cat left")
    ann.type("hello \t")
    assert ann.guest.line() == "/who"
    ann.guest.send(b"! /who cannot be done just now: try again later\n")
    ann.until(lambda screen: screen.endswith("\nhello bob"))
    assert "just now" not in ann.screen


def test_tab_gives_up_on_a_server_that_does_not_answer(ann):
    ann.type("x\t")
    assert ann.guest.line() == "/who"
    ann.type("y\n")
    assert ann.guest.line() == "xy"


def test_a_refusal_of_something_else_does_not_keep_the_names_away(ann):
    ann.type("one\nhello bo\t")
    assert ann.guest.lines(2) == ["one", "/who"]
    ann.guest.send(b"! slow mode: wait 3 s\n- 2 users online:\n- ann, bob\n")
    ann.until(lambda screen: screen.endswith("\n! slow mode: wait 3 s\nhello bob"))
    assert "users online:" not in ann.screen


def test_an_answer_that_comes_too_late_is_not_shown_but_that_to_the_persons_own_is(person, server):
    ann = person("127.0.0.1", server.port, program=with_limits(CHAT_CLIENT, ROLL_CALL=0.1))
    guest = server.greet()
    guest.send(b"[bob] hi\n")
    ann.find("[bob] hi")
    ann.type("hello b\t")
    assert guest.line() == "/who"
    # Who waits no longer has the names that events told of.
    ann.until(lambda screen: screen.endswith("\nhello bob"))
    ann.type("\x15/who\n")
    assert guest.line() == "/who"
    guest.send(b"- 3 users online:\n- ann, bob,\n- cat\n- 2 users online:\n- ann, bob\n")
    ann.find("/who\n- 2 users online:\n- ann, bob\n")
    assert "3 users" not in ann.screen
    assert "cat" not in ann.screen


def test_a_who_of_the_persons_own_is_shown(ann):
    ann.type("/who\n")
    assert ann.guest.line() == "/who"
    ann.guest.send(b"- 1 user online:\n- ann\n")
    ann.find("- 1 user online:\n- ann\n")


def test_tab_completes_no_passphrase(ann):
    ann.type("/login ann b\t")
    ann.until(lambda screen: screen.endswith("\n/login ann *"))
    ann.type("ob")
    ann.until(lambda screen: screen.endswith("\n/login ann ***"))
    ann.type("\n")
    assert ann.guest.line() == "/login ann bob"


def test_tab_knows_names_also_while_the_server_is_away(ann):
    ann.guest.send(b"[bob] hi\n")
    ann.find("[bob] hi")
    ann.guest.close()
    ann.find("! the server went away")
    ann.type("hello b\t")
    ann.until(lambda screen: screen.endswith("\nhello bob"))


def test_what_is_typed_while_names_are_asked_for_is_completed_in_the_end(ann):
    ann.type("hello \t")
    assert ann.guest.line() == "/who"
    ann.type("b\t")
    ann.until(lambda screen: screen.endswith("\nhello b"))
    ann.guest.send(b"- 2 users online:\n- ann, bob\n")
    answer(ann, "2 users online:", "ann, bob")
    ann.until(lambda screen: screen.endswith("\nhello bob"))
