"""Commands for people who talk: names, private lines, who is there, whom one does not hear."""

from __future__ import annotations

import gc
import weakref
from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable, RecordingOutbox
from tests.support.properties import given, st
from tests.unit.test_cost import CountingDialect
from tests.unit.test_text import HOSTILE
from twisted_chat.authorisation import Door
from twisted_chat.commands import TABLE
from twisted_chat.dialects import parse
from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Greeting,
    Left,
    Notice,
    Refused,
    Renamed,
    Said,
    Told,
)
from twisted_chat.limits import IGNORED, NOTICE_WIDTH
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL
from twisted_chat.text import clean


class TalkingTests(SynchronousTestCase):
    """Ann, bob and cat are in the lobby, and dan is in another room."""

    def setUp(self) -> None:
        self.table = ChatOnTheTable()
        self.ann, self.bob, self.cat, self.dan = (
            self.table.enter(name) for name in ("ann", "bob", "cat", "dan")
        )
        self.table.ask(self.dan, "/join dev")
        self.forget()

    def forget(self) -> None:
        for member in (self.ann, self.bob, self.cat, self.dan):
            self.read(member)

    def ask(self, member: Member, *lines: str) -> list[str]:
        return self.table.ask(member, *lines)

    def read(self, member: Member) -> list[str]:
        return self.table.read(member)

    def enter(self, name: str) -> Member:
        """Somebody new, whom nobody has taken notice of."""
        member = self.table.enter(name)
        self.read(member)
        self.forget()
        return member


class NickTests(TalkingTests):
    def test_all_in_the_room_read_the_new_name_and_the_renamed_reads_you(self) -> None:
        self.assertEqual(self.ask(self.ann, "/nick lia"), ["- You are now lia"])
        self.assertEqual(self.read(self.bob), ["- ann is now lia"])
        self.assertEqual(self.read(self.dan), [])
        self.assertEqual(self.table.transcript.lines[-1], "- ann is now lia")

    def test_what_is_said_before_and_after_bears_the_name_of_its_time(self) -> None:
        self.ask(self.ann, "one", "/nick lia", "two")
        self.assertEqual(self.read(self.bob), ["[ann] one", "- ann is now lia", "[lia] two"])

    def test_the_same_name_can_be_written_in_another_case(self) -> None:
        self.assertEqual(self.ask(self.ann, "/nick ANN"), ["- You are now ANN"])
        self.assertEqual(self.read(self.bob), ["- ann is now ANN"])

    def test_a_refusal_says_why(self) -> None:
        for line, why in {
            "/nick": "something is missing: write /nick NAME",
            "/nick ann": "you are ann already",
            "/nick bob": "bob is taken: choose another name",
            "/nick BOB": "BOB is taken, as bob: choose another name",
            "/nick dan": "dan is taken: choose another name",
            "/nick a b": "the name 'a b' holds ' ': take only letters, digits, _ . and -",
            "/nick 1a": "the name '1a' does not begin with a letter: put one first",
            "/nick you": "the name 'you' is kept for the chat itself: choose another name",
            "/nick 10.0.0.1:1": (
                "the name '10.0.0.1:1' does not begin with a letter: put one first"
            ),
        }.items():
            self.assertEqual(self.ask(self.ann, line), [f"! {why}"])
        self.assertEqual(self.read(self.bob), [])

    def test_a_name_is_free_once_its_bearer_left_or_has_another(self) -> None:
        self.ask(self.bob, "/nick lia")
        self.ask(self.cat, "/quit")
        self.read(self.ann)
        self.assertEqual(
            self.ask(self.ann, "/nick bob", "/nick cat"), ["- You are now bob", "- You are now cat"]
        )


class SayingTests(TalkingTests):
    def test_me_is_told_to_all_in_the_room_the_author_too(self) -> None:
        self.assertEqual(self.ask(self.ann, "/me waves"), ["* ann waves"])
        self.assertEqual(self.read(self.bob), ["* ann waves"])
        self.assertEqual(self.read(self.dan), [])
        self.assertEqual(self.table.transcript.lines[-1], "* ann waves")

    def test_a_private_line_is_told_to_both_ends_and_to_nobody_else(self) -> None:
        self.assertEqual(self.ask(self.ann, "/msg Dan it is late"), ["[you -> dan] it is late"])
        self.assertEqual(self.read(self.dan), ["[ann -> you] it is late"])
        self.assertEqual(self.read(self.bob), [])
        self.assertNotIn("late", str(self.table.transcript.lines))

    def test_a_private_line_keeps_its_place_among_what_is_said(self) -> None:
        self.ask(self.ann, "one", "/msg bob two", "three")
        self.ask(self.bob, "four")
        self.assertEqual(self.read(self.bob), [])
        self.assertEqual(self.read(self.ann), ["[bob] four"])
        self.table.desk.hand_in(self.bob, "five")
        self.ask(self.ann, "one", "/msg bob two", "three")
        self.assertEqual(self.read(self.bob), ["[ann] one", "[ann -> you] two", "[ann] three"])

    def test_a_private_line_that_cannot_be_told_is_refused(self) -> None:
        for line, why in {
            "/msg": "something is missing: write /msg NAME text",
            "/msg bob": "nothing was sent: write /msg NAME text",
            "/msg lia hello": "nobody here is called lia: /who lists who is",
            "/msg ANN hello": "that is you: nobody but you would read it",
            "/reply": "something is missing: write /reply text",
            "/reply hello": (
                "nobody who is here has sent you a private line: /msg NAME text begins"
            ),
        }.items():
            self.assertEqual(self.ask(self.ann, line), [f"! {why}"])

    def test_a_reply_goes_to_who_wrote_last_whatever_its_name_is_now(self) -> None:
        self.ask(self.cat, "/msg ann one")
        self.ask(self.bob, "/msg ann two", "/nick lia", "/nick mia", "/join dev")
        self.ask(self.cat, "/nick bob")
        self.read(self.ann)
        self.assertEqual(self.ask(self.ann, "/reply hello"), ["[you -> mia] hello"])
        self.assertEqual(self.read(self.bob)[-1], "[ann -> you] hello")

    def test_a_reply_is_refused_once_who_wrote_is_gone_and_goes_to_no_stranger(self) -> None:
        self.ask(self.bob, "/msg ann one", "/quit")
        stranger = self.enter("bob")
        self.read(self.ann)
        [line] = self.ask(self.ann, "/reply secret")
        self.assertTrue(line.startswith("! nobody who is here has sent you a private line"))
        self.assertEqual(self.read(stranger), [])

    def test_whoever_gets_a_reply_can_reply(self) -> None:
        self.ask(self.ann, "/msg bob one")
        self.ask(self.bob, "/reply two")
        self.read(self.ann)
        self.assertEqual(self.ask(self.ann, "/reply three"), ["[you -> bob] three"])

    def test_quit_says_its_words_to_the_room_alone(self) -> None:
        self.assertEqual(self.ask(self.ann, "/quit  see you  "), [])
        self.assertEqual(self.ann.outbox.closed, 1)
        self.assertEqual(self.read(self.bob), ["< The user ann left (2 users online): see you"])
        self.assertEqual(self.read(self.dan), [])


class SeeingTests(TalkingTests):
    def test_who_lists_those_in_the_room_with_who_is_idle_and_away(self) -> None:
        self.table.clock.advance(150)
        self.ask(self.bob, "/away")
        self.ask(self.cat, "/away lunch")
        self.table.clock.advance(59)
        self.assertEqual(
            self.ask(self.bob, "/who"),
            ["- 3 users online:", "- ann (idle 3 min 29 s), bob (away), cat (away)"],
        )
        self.table.clock.advance(1)
        self.assertEqual(
            self.ask(self.bob, "/who")[1],
            "- ann (idle 3 min 30 s), bob (away), cat (idle 1 min; away)",
        )
        self.assertEqual(self.ask(self.dan, "/who"), ["- 1 user online:", "- dan"])

    def test_who_is_bounded_and_says_that_there_are_more(self) -> None:
        for number in range(10_000):
            # Of another daemon that shares the journal: nobody has to read what they read.
            self.table.bring(f"{'é' * 20}{number}")
        self.forget()
        lines = self.ask(self.ann, "/who")
        self.assertEqual(lines[0], "- 10003 users online:")
        named = ", ".join(line[2:].removesuffix(",") for line in lines[1:-1]).split(", ")
        left_out = 10_003 - len(named)
        self.assertEqual(lines[-1], f"- and {left_out} more, who do not fit here")
        self.assertTrue(all(len(line) < NOTICE_WIDTH + 50 for line in lines))
        shown = len("\n".join(lines[1:-1]).encode())
        share = self.table.limits.answer
        self.assertTrue(share - 2 * NOTICE_WIDTH < shown < share, (shown, share))

    def test_whois_shows_an_address_to_its_bearer_and_to_operators_alone(self) -> None:
        member = Member(
            "eve",
            RecordingOutbox(),
            self.ann.dialect,
            self.table.flood.meter(LOCAL),
            host=ip_address("10.0.0.9"),
        )
        self.table.chat.arrive(member)
        self.table.clock.advance(5)
        self.forget()
        self.read(member)
        self.assertEqual(self.ask(self.ann, "/whois EVE"), ["- eve in #lobby, idle 5 s"])
        whole = ["- eve from 10.0.0.9 in #lobby, idle 0 s"]
        self.assertEqual(self.ask(member, "/whois"), whole)
        self.assertEqual(self.ask(member, "/whois eve"), whole)
        self.table.appoint(self.bob)
        self.assertEqual(self.ask(self.bob, "/whois eve"), whole)
        self.assertEqual(
            self.ask(self.ann, "/whois"), ["- ann from a unix socket in #lobby, idle 0 s"]
        )

    def test_whois_says_where_somebody_is_and_why_it_is_away(self) -> None:
        self.ask(self.dan, "/away lunch")
        self.assertEqual(
            self.ask(self.ann, "/whois dan"), ["- dan in #dev, idle 0 s", "- dan is away: lunch"]
        )
        self.assertEqual(
            self.ask(self.ann, "/whois lia"), ["! nobody here is called lia: /who lists who is"]
        )

    def test_what_whois_tells_programs_has_no_address_either(self) -> None:
        told: list[Notice] = []
        self.table.chat.delivery.tell = lambda member, event: told.append(event)
        self.table.desk.hand_in(self.ann, "/whois bob")
        self.table.desk.hand_in(self.ann, "/whois ann")
        self.assertNotIn("address", told[0].record)
        self.assertIn("address", told[1].record)

    def test_who_writes_to_somebody_away_is_told_why_and_nobody_else_is(self) -> None:
        self.assertEqual(self.ask(self.ann, "/away lunch at one"), ["- You are away: lunch at one"])
        self.assertEqual(self.read(self.bob), [])
        self.assertEqual(
            self.ask(self.bob, "/msg ann hello"),
            ["[you -> ann] hello", "- ann is away: lunch at one"],
        )
        self.assertEqual(self.read(self.ann), ["[bob -> you] hello"])
        self.assertEqual(self.ask(self.ann, "/away"), ["- You are away"])
        self.assertEqual(
            self.ask(self.bob, "/msg ann hello"), ["[you -> ann] hello", "- ann is away"]
        )
        self.assertEqual(self.ask(self.ann, "/back")[-1], "- You are back")
        self.assertEqual(self.ask(self.bob, "/msg ann hello"), ["[you -> ann] hello"])


class IgnoringTests(TalkingTests):
    def test_who_ignores_hears_nothing_said_done_or_told_and_all_else(self) -> None:
        self.assertEqual(
            self.ask(self.ann, "/ignore Bob"), ["- You ignore bob: /unignore bob ends it"]
        )
        self.assertEqual(
            self.ask(self.bob, "one", "/me two", "/msg ann three"),
            ["* bob two", "! ann did not get that: ann ignores you"],
        )
        self.assertEqual(self.ask(self.cat, "four"), ["[bob] one", "* bob two"])
        self.ask(self.bob, "/quit bye")
        self.assertEqual(
            self.read(self.ann), ["[cat] four", "< The user bob left (2 users online): bye"]
        )
        self.assertEqual(
            self.ask(self.ann, "/reply hello"),
            ["! nobody who is here has sent you a private line: /msg NAME text begins"],
        )

    def test_it_begins_and_ends_in_the_middle_of_a_turn(self) -> None:
        for member, line in (
            (self.bob, "one"),
            (self.ann, "/ignore bob"),
            (self.bob, "two"),
            (self.cat, "three"),
            (self.bob, "four"),
            (self.ann, "/unignore bob"),
            (self.bob, "five"),
        ):
            self.table.desk.hand_in(member, line)
            self.table.settle()
        self.assertEqual(
            self.read(self.ann),
            [
                "[bob] one",
                "- You ignore bob: /unignore bob ends it",
                "[cat] three",
                "- You hear bob again",
                "[bob] five",
            ],
        )

    def test_it_follows_the_ignored_from_name_to_name_and_from_room_to_room(self) -> None:
        self.ask(self.ann, "/ignore bob", "/join dev")
        self.ask(self.bob, "/nick lia", "/nick mia", "/join dev")
        self.read(self.ann)
        self.ask(self.bob, "hello")
        self.assertEqual(self.read(self.ann), [])
        self.assertEqual(self.ask(self.ann, "/ignore"), ["- You ignore mia"])
        self.assertEqual(self.ask(self.ann, "/unignore MIA"), ["- You hear mia again"])
        self.ask(self.bob, "hello")
        self.assertEqual(self.read(self.ann), ["[mia] hello"])

    def test_it_outlasts_that_the_ignored_or_who_ignores_has_another_connection(self) -> None:
        self.ask(self.ann, "/ignore bob")
        self.ask(self.bob, "/quit")
        bob = self.enter("bob")
        self.ask(bob, "hello")
        self.assertEqual(self.read(self.ann), [])
        # Who ignores takes it along to no other connection.
        self.ask(self.ann, "/quit")
        ann = self.enter("ann")
        self.ask(bob, "hello")
        self.assertEqual(self.read(ann), ["[bob] hello"])

    def test_names_are_shown_as_people_write_them(self) -> None:
        self.ask(self.bob, "/nick Bill")
        self.read(self.ann)
        self.ask(self.ann, "/ignore b1ll", "/ignore dan")
        self.assertEqual(self.ask(self.ann, "/ignore"), ["- You ignore Bill, dan"])
        self.assertEqual(self.ask(self.ann, "/unignore bill"), ["- You hear Bill again"])

    def test_who_takes_the_name_that_it_ignores_hears_itself(self) -> None:
        self.ask(self.ann, "/ignore bob")
        self.ask(self.bob, "/quit")
        self.read(self.ann)
        self.assertEqual(self.ask(self.ann, "/nick BOB", "/me waves")[-1], "* BOB waves")
        self.assertEqual(self.ask(self.ann, "/ignore"), ["- You ignore nobody"])

    def test_refusals_say_why(self) -> None:
        self.ask(self.ann, "/ignore bob")
        for line, why in {
            "/ignore ann": "that is you: others would still hear you",
            "/ignore lia": "nobody here is called lia: /who lists who is",
            "/ignore BOB": "you ignore bob already: /unignore bob ends it",
            "/unignore": "something is missing: write /unignore NAME",
            "/unignore cat": "you do not ignore cat: /ignore lists whom you do",
        }.items():
            self.assertEqual(self.ask(self.ann, line), [f"! {why}"])

    def test_so_many_names_can_be_ignored_and_no_more(self) -> None:
        for number in range(IGNORED):
            self.table.desk.hand_in(self.table.enter(f"10.0.0.1:{number}"), "hello")
            self.ask(self.ann, f"/ignore 10.0.0.1:{number}")
        self.assertEqual(
            self.ask(self.ann, "/ignore bob"),
            [f"! you ignore {IGNORED} names, as many as may be: /unignore some first"],
        )
        self.ask(self.ann, "/unignore 10.0.0.1:7")
        self.assertEqual(
            self.ask(self.ann, "/ignore bob"), ["- You ignore bob: /unignore bob ends it"]
        )

    def test_only_who_ignores_pays(self) -> None:
        dialect = CountingDialect()
        others = [self.table.enter(f"m{number}") for number in range(50)]
        everybody = [self.ann, self.bob, self.cat, *others]
        for member in everybody:
            member.switch(dialect)
        self.table.chat._dialect = dialect
        self.ask(self.ann, "/ignore bob")
        for member in everybody:
            self.read(member)
        dialect.rendered = 0
        self.ask(self.bob, "one")
        self.assertEqual(dialect.rendered, 1)
        self.assertEqual(self.ann.outbox.written, [])
        rest = [member for member in everybody if member not in (self.ann, self.bob)]
        self.assertEqual(len({id(member.outbox.written[0]) for member in rest}), 1)
        for member in everybody:
            self.read(member)
        # What others say is nobody's own copy.
        self.ask(self.cat, "two")
        rest = [member for member in everybody if member is not self.cat]
        self.assertEqual(
            len({id(member.outbox.written[0]) for member in rest if member is not self.ann}), 1
        )
        self.assertIs(self.ann.outbox.written[0], self.bob.outbox.written[0])

    def test_nothing_is_left_of_who_has_left(self) -> None:
        self.ask(self.bob, "/ignore ann", "/msg cat hello")
        self.ask(self.cat, "/ignore bob", "/msg ann hello")
        self.ask(self.cat, "/msg bob hello", "/join dev", "/away")
        self.ask(self.ann, "/msg bob hello", "/msg cat hello")
        gone = [weakref.ref(each.outbox) for each in (self.bob, self.cat)]
        self.ask(self.bob, "/quit")
        self.ask(self.cat, "/quit")
        self.bob = self.cat = self.ann
        gc.collect()
        self.assertEqual([each() for each in gone], [None, None])


class HelpTests(TalkingTests):
    def test_help_lists_what_a_guest_may_use_and_no_other(self) -> None:
        lines = self.ask(self.ann, "/help")
        self.assertEqual(lines[-1], "- //word: say /word")
        listed = [line.split()[1].rstrip(":").removeprefix("/") for line in lines[:-1]]
        self.assertEqual(
            listed,
            [
                *("help", "who", "quit", "nick", "me", "msg", "reply", "whois", "away", "back"),
                *("ignore", "unignore", "join", "rooms", "topic", "history", "format"),
            ],
        )

    def test_help_lists_more_for_an_operator(self) -> None:
        self.table.appoint(self.ann)
        lines = "\n".join(self.ask(self.ann, "/help"))
        self.assertIn("- /kick NAME [why]: put somebody out", lines)
        self.assertNotIn("/status", lines)

    def test_help_of_one_command_has_its_aliases(self) -> None:
        for asked in ("/help who", "/help /NAMES", "/help list"):
            self.assertEqual(
                self.ask(self.ann, asked),
                ["- /who: list who is here", "- /names is the same", "- /list is the same"],
            )
        self.assertEqual(
            self.ask(self.ann, "/help frobnicate"), ["! no command /frobnicate: /help lists them"]
        )

    def test_what_people_try_does_what_they_mean(self) -> None:
        for line in ("/names", "/list", "/LIST"):
            self.assertEqual(self.ask(self.ann, line)[0], "- 3 users online:")
        self.assertEqual(self.ask(self.ann, "/name lia"), ["- You are now lia"])
        self.assertEqual(self.ask(self.ann, "/exit bye"), [])
        self.assertEqual(self.read(self.bob)[-1], "< The user lia left (2 users online): bye")

    def test_a_command_that_misses_its_argument_says_how_it_is_written(self) -> None:
        for member in (self.ann, self.bob):
            self.table.appoint(member)
        for command in TABLE.commands.values():
            if command.arguments and not command.arguments.startswith("["):
                lines = self.ask(self.ann, f"/{command.name}", f"/{command.name}  ")
                if "chatctl" in lines[0] or "read along" in lines[0]:
                    continue
                self.assertEqual(
                    lines,
                    [f"! something is missing: write /{command.usage(Door.LINE)}"] * 2,
                    command,
                )
        self.assertEqual(self.read(self.bob), [])


class PosingTests(SynchronousTestCase):
    """Promise 7, for each kind of line that carries somebody's words."""

    @given(
        HOSTILE
        | st.sampled_from(
            [
                "is now bob",
                "x\n- You are now bob",
                "] [bob] hello",
                "-> you] hello",
                "(2 users online)",
                ", put out: kicked",
                ": , put out: kicked by bob",
                "- You are now bob",
                "* bob waves",
                "bob set the topic: free beer",
                "2026-11-23T07:12:00Z [bob] hello",
            ]
        )
    )
    def test_whatever_somebody_writes_is_read_as_its_own(self, text: str) -> None:
        table = ChatOnTheTable()
        ann, bob = table.enter("ann"), table.enter("bob")
        table.read(ann), table.read(bob)
        for command, event_of in {
            "//": lambda words: Said("ann", f"/{words}"),
            "/me ": lambda words: Emoted("ann", words),
            "/msg bob ": lambda words: Told("ann", YOU, words),
            "/topic ": lambda words: Notice(f"ann set the topic: {words}"),
            "/away ": None,
            "/quit ": lambda words: Left("ann", {"": 1}, words),
        }.items():
            line = clean(f"{command}{text}".encode())
            words = line.removeprefix(command).strip()
            if not words or (command, words) == ("/topic ", "-"):  # Which takes the topic away.
                continue
            if command == "//":
                table.chat.say(ann, f"/{words}")
            else:
                table.desk.hand_in(ann, line)
            got = list(map(parse, table.read(bob)))
            if event_of is not None:
                self.assertEqual(got, [event_of(words)])
            for event in map(parse, table.read(ann)):
                self.assertNotIsInstance(event, Said | Renamed | Left | Entered | Greeting)
                if isinstance(event, Told):
                    self.assertEqual(event.sender, YOU)
            if command == "/away ":
                for ask in ("/msg ann hello", "/whois ann"):
                    table.desk.hand_in(bob, ask)
                    self.assertEqual(
                        list(map(parse, table.read(bob)))[-1], Notice(f"ann is away: {words}")
                    )
                table.read(ann)
        cat = table.enter("cat")
        table.read(cat), table.read(bob)
        for ask in ("/history", "/rooms", "/topic", "/who", "/join dev", "/join lobby"):
            table.desk.hand_in(bob, ask)
            for line in table.read(bob):
                event = parse(line)
                self.assertIsInstance(event, Notice | Greeting)
                if isinstance(event, Notice):
                    self.assertEqual(event.text, line[2:])
        for event in map(parse, table.read(cat)):
            self.assertIsInstance(event, Left | Entered)
            self.assertEqual(event.name, "bob")

    @given(HOSTILE, st.sampled_from(sorted(TABLE.commands.keys() - {"quit", "register", "login"})))
    def test_no_answer_repeats_anything_as_if_others_had_written_it(
        self, text: str, name: str
    ) -> None:
        table = ChatOnTheTable()
        ann = table.enter("ann")
        table.appoint(ann)
        table.read(ann)
        for line in (f"/{name} {text}", f"/{text}", f"/msg {text}", f"/join #{text}"):
            table.desk.hand_in(ann, clean(line.encode()))
            for answer in table.read(ann):
                event = parse(answer)
                if isinstance(event, Notice):
                    self.assertEqual(answer, f"- {event.text}")
                elif isinstance(event, Renamed):
                    self.assertEqual(event, Renamed(YOU, ann.name))
                elif isinstance(event, Emoted):
                    self.assertEqual(event.name, ann.name)
                else:
                    self.assertIsInstance(event, Refused | Greeting)
