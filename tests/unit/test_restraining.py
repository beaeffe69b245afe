"""What operators keep people from: mutes, slow rooms, locks; and what of it all lasts."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address
from zope.interface.verify import verifyObject

from tests.support.hall import SECRET, Hall
from tests.support.moderated import HOUR, Moderated
from twisted_chat.events import (
    LOBBY,
)
from twisted_chat.journal.store import IStore
from twisted_chat.names import named
from twisted_chat.networks import host_of
from twisted_chat.records import Role, Rules


class MutingTests(Moderated):
    SPEAKING = (
        ("hello", "! that was not said: you are muted"),
        ("/me waves", "! /me was refused: you are muted"),
        ("/msg dan hi", "! /msg was refused: you are muted"),
        ("/reply hi", "! /reply was refused: you are muted"),
        ("/nick rude-word", "! /nick was refused: you are muted"),
        ("/topic rude", "! /topic was refused: you are muted"),
        ("/away rude", "! /away was refused: you are muted"),
    )

    def assert_muted(self, member) -> None:
        for line, why in self.SPEAKING:
            self.assertEqual(self.hall.ask(member, line), [why])

    def assert_heard(self, member) -> None:
        self.clear()
        self.assertEqual(self.hall.ask(member, "hello"), [])
        self.assertEqual(self.hall.table.read(self.dan), [f"[{member.name}] hello"])

    def test_nobody_hears_who_is_muted(self) -> None:
        self.hall.ask(self.dan, "/msg bob hi")
        self.assertEqual(self.act("/mute bob").bob, ["- You are muted"])
        self.assert_muted(self.bob)
        self.hall.table.chat.say(self.bob, "one\ntwo")
        self.assertEqual(self.hall.table.read(self.bob), ["! that was not said: you are muted"])
        self.assertEqual(self.hall.table.read(self.dan), [])
        self.assertEqual(list(self.journal.view.history(named(LOBBY), 10)), [])

    def test_who_is_muted_may_listen_ask_and_leave_without_words(self) -> None:
        self.act("/mute bob")
        for line in (
            "/who",
            "/help",
            "/whois dan",
            "/rooms",
            "/back",
            "/ignore dan",
            "/join other",
        ):
            self.assertFalse([each for each in self.hall.ask(self.bob, line) if each[0] == "!"])
        self.clear()
        self.hall.begin(self.bob, "/quit rude words")
        self.assertIn("! you are muted: you leave without words", self.hall.table.read(self.bob))
        self.assertEqual(self.hall.table.read(self.cid), ["< The user bob left (1 user online)"])

    def test_a_muted_name_is_muted_also_when_nobody_bears_it_yet(self) -> None:
        self.hall.leave(self.bob)
        self.assertEqual(self.act("/mute bob").ann, ["- ann muted bob"])
        self.bob = self.hall.come("10.0.0.2", "bob")
        self.assert_muted(self.bob)

    def test_who_is_muted_takes_no_other_name_that_it_owns(self) -> None:
        self.act("/mute bob")
        self.assertEqual(
            self.hall.ask(self.bob, f"/login cid {SECRET}"), ["! /login was refused: you are muted"]
        )
        self.assert_muted(self.bob)

    def test_a_mute_ends_by_itself_and_is_told_only_once(self) -> None:
        self.assertEqual(self.act("/mute bob 10m").bob, ["- You are muted for 10 min"])
        self.clock.advance(599)
        self.assert_muted(self.bob)
        self.clock.advance(1)
        self.assert_heard(self.bob)
        self.assertEqual(self.hall.ask(self.bob, "/nick rob"), ["- You are now rob"])

    def test_unmute_lets_one_speak_again(self) -> None:
        self.act("/mute bob")
        self.assertEqual(self.act("/unmute BOB").bob, ["- You are not muted any more"])
        self.assert_heard(self.bob)

    def test_a_second_mute_takes_the_place_of_the_first(self) -> None:
        self.act("/mute bob")
        self.assertEqual(self.act("/mute bob 10m").bob, ["- You are muted for 10 min"])
        self.clock.advance(600)
        self.assert_heard(self.bob)

    def test_a_muted_name_is_muted_whoever_bears_it(self) -> None:
        self.act("/mute bob")
        self.hall.leave(self.bob)
        self.bob = self.hall.come("10.0.0.9", "B0B")
        self.assert_muted(self.bob)

    def test_an_address_is_muted_also_when_it_comes_again(self) -> None:
        guest = self.hall.come("10.0.0.7")
        self.act(f"/mute {guest.name}")
        self.assert_muted(guest)
        self.hall.leave(guest)
        self.assert_muted(self.hall.come("10.0.0.7"))
        self.assert_heard(self.hall.come("10.0.0.8"))

    def test_a_network_is_muted_with_all_who_are_there(self) -> None:
        guest = self.hall.come("2001:db8::7")
        self.act("/mute 2001:db8::/32")
        self.assert_muted(guest)
        self.assert_muted(self.hall.come("2001:db8:ffff::1"))
        self.act("/unmute 2001:db8::/32")
        self.assert_heard(guest)

    def test_of_several_mutes_the_longest_holds(self) -> None:
        for first, second in (
            ("10.0.0.0/24 10m", "10.0.0.7 1h"),
            ("10.0.0.7 1h", "10.0.0.0/24 10m"),
        ):
            with self.subTest(first=first):
                guest = self.hall.come("10.0.0.7")
                self.act(f"/mute {first}")
                self.act(f"/mute {second}")
                self.clock.advance(HOUR - 1)
                self.assert_muted(guest)
                self.clock.advance(1)
                self.assert_heard(guest)

    def test_those_on_this_machine_are_muted_one_by_one_as_long_as_they_are_there(self) -> None:
        for host in ("127.0.0.1", "::1", "local"):
            with self.subTest(host=host):
                one, two = self.hall.come(host), self.hall.come(host)
                self.act(f"/mute {one.name}")
                self.assert_muted(one)
                self.assert_heard(two)
                self.act(f"/unmute {one.name}")
                self.assert_heard(one)
                self.act(f"/mute {one.name}")
                self.hall.leave(one)
                self.hall.hosts[host] = 0
                again = self.hall.come(host)
                self.assertEqual(again.name, one.name)
                self.assert_heard(again)

    def test_a_mute_of_who_has_the_former_name_of_another_outlasts_that_one(self) -> None:
        one = self.hall.come("local")
        self.hall.ask(one, "/nick lia")
        self.hall.hosts["local"] -= 1
        two = self.hall.come("local")
        self.act(f"/mute {two.name}")
        self.hall.leave(one)
        self.assertEqual(len(self.journal.view.mutes()), 1)
        self.assert_muted(two)

    def test_a_muted_operator_can_undo_it(self) -> None:
        self.act("/mute ann", self.cid)
        self.assertIn("- ann undid the mute of ann", self.act("/unmute ann").ann)

    def test_a_time_that_is_none_is_refused(self) -> None:
        for text in ("soon", "10", "10m please", "m"):
            self.assertEqual(
                self.refused(f"/mute bob {text}"),
                f"! {text} is no time: write it like 30s, 10m, 2h or 7d",
            )


class SlowTests(Moderated):
    def test_of_a_paste_the_first_line_is_said_and_the_others_are_refused(self) -> None:
        self.act("/slow 10")
        self.hall.table.chat.say(self.bob, "one\ntwo\nthree")
        self.assertEqual(
            self.hall.table.read(self.bob)[-1],
            "! 2 lines were not said: everybody says one line in 10 s here, you again in 10 s",
        )
        self.assertEqual(self.hall.table.read(self.dan)[-1], "[bob] one")
        self.clock.advance(4)
        self.assertEqual(
            self.hall.ask(self.bob, "four"),
            ["! that was not said: everybody says one line in 10 s here, you again in 6 s"],
        )
        self.clock.advance(6)
        self.assertEqual(self.hall.ask(self.bob, "five"), [])
        said = [each.text for each in self.journal.view.history(named(LOBBY), 10)]
        self.assertEqual(said, ["one", "five"])

    def test_what_one_does_counts_as_well(self) -> None:
        self.act("/slow 10")
        self.assertEqual(self.hall.ask(self.bob, "/me waves"), ["* bob waves"])
        self.assertIn("that was not said", self.hall.ask(self.bob, "hello")[0])
        self.assertIn("that was not said", self.hall.ask(self.bob, "/me waves")[0])
        self.assertIn("that was not said", self.hall.ask(self.bob, "/topic bread")[0])

    def test_each_member_waits_for_itself_and_operators_do_not(self) -> None:
        self.act("/slow 10")
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.assertEqual(self.hall.ask(self.dan, "hello"), [])
        for _ in range(3):
            self.assertEqual(self.hall.ask(self.ann, "hello"), [])
            self.assertEqual(self.hall.ask(self.ann, "/me waves"), ["* ann waves"])

    def test_a_paste_of_an_operator_is_said_whole(self) -> None:
        self.act("/slow 10")
        self.hall.table.chat.say(self.ann, "one\ntwo\nthree")
        self.assertEqual(
            self.hall.table.read(self.dan)[-3:], ["[ann] one", "[ann] two", "[ann] three"]
        )

    def test_it_holds_in_that_room_alone_and_no_longer_than_it_is_slow(self) -> None:
        self.act("/slow 1h")
        self.hall.ask(self.bob, "hello")
        self.act("/slow 10")
        self.clock.advance(10)
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.hall.ask(self.bob, "/join other")
        for _ in range(3):
            self.assertEqual(self.hall.ask(self.bob, "hello"), [])
        self.hall.ask(self.bob, "/join lobby")
        self.assertIn("that was not said", self.hall.ask(self.bob, "hello")[0])
        self.act("/slow 0")
        for _ in range(3):
            self.assertEqual(self.hall.ask(self.bob, "hello"), [])

    def test_what_is_no_number_of_seconds_is_refused(self) -> None:
        for text in ("-1", "1.5", "fast", "86401", "9" * 4000, "٣", "10 20", "2d"):
            self.assertIn("write /slow SECONDS", self.refused(f"/slow {text}"))


class LockingTests(Moderated):
    def test_a_locked_lobby_lets_nobody_new_in_who_is_told_why(self) -> None:
        self.act("/lock")
        why = "the chat is locked: nobody new may come in just now, try again later"
        self.assertEqual(self.closed("10.9.9.9"), why)
        self.assertEqual(self.closed("127.0.0.1"), why)
        self.assertEqual(self.hall.ask(self.bob, "still here"), [])
        self.assertEqual(self.refused("/lock"), "! #lobby is locked already")
        self.act("/unlock")
        self.assertIsNone(self.closed("10.9.9.9"))
        self.assertEqual(self.refused("/unlock"), "! #lobby is open already")

    def test_a_locked_room_lets_operators_in_alone(self) -> None:
        self.act("/lock", self.cid)
        self.assertIsNone(self.closed("10.9.9.9"))
        self.assertEqual(
            self.hall.ask(self.bob, "/join OTHER"),
            ["! #other is locked: nobody new may come in just now"],
        )
        self.assertEqual(
            self.hall.ask(self.ann, "/join other")[0].split(" (")[0],
            "> Connected to the chat server",
        )
        self.act("/unlock")
        self.hall.ask(self.bob, "/join other")
        self.assertEqual(self.bob.room, "other")

    def test_a_locked_room_stays_locked_when_all_have_left_it(self) -> None:
        self.act("/lock", self.cid)
        self.hall.ask(self.cid, "/join lobby")
        self.assertIn("#other is locked", self.hall.ask(self.bob, "/join other")[0])


class LastingTests(Moderated):
    def again(self) -> Hall:
        """The daemon after a restart."""
        return Hall(self, self.store, self.clock.seconds())

    def test_the_store_is_one(self) -> None:
        verifyObject(IStore, self.store)

    def test_all_that_was_decided_is_back(self) -> None:
        self.act("/topic be kind")
        self.act("/slow 10")
        self.act("/lock", self.cid)
        self.act("/topic quiet", self.cid)
        self.act("/ban 10.0.0.2 2h spam")
        self.act("/ban 2001:db8::/32")
        self.act("/ban mallory 1h")
        self.act("/ban nobody")
        self.act("/unban nobody")
        self.act("/mute dan 1h")
        self.act("/mute 10.7.0.0/16")
        hall = self.again()
        bans = hall.journal.view.bans()
        self.assertEqual(bans, self.journal.view.bans())
        self.assertEqual({ban.whom for ban in bans}, {"10.0.0.2", "2001:db8::/32", "mallory"})
        self.assertEqual(hall.control("ops"), ["- ann", "- cid"])
        self.assertEqual(
            str(hall.journal.view.closed_to(host_of(IPv4Address("TCP", "10.0.0.2", 1)))),
            "you are banned for 2 h more, by ann: spam",
        )
        ann = hall.come("10.0.0.1")
        self.assertIn("is registered", hall.ask(ann, "/nick ANN")[0])
        hall.try_out(ann, f"/login ann {SECRET}")
        self.assertIs(hall.journal.view.role(ann.id), Role.OPERATOR)
        self.assertEqual(hall.journal.view.rules(ann.room), Rules(10, False, "be kind", "ann"))
        dan = hall.come("10.0.0.4")
        self.assertIn("locked", hall.ask(dan, "/join other")[0])
        hall.ask(dan, "/nick Dan")
        self.assertEqual(hall.ask(dan, "hello"), ["! that was not said: you are muted"])
        guest = hall.come("10.7.1.1")
        self.assertEqual(hall.ask(guest, "hello"), ["! that was not said: you are muted"])
        self.assertIn("is banned", hall.ask(ann, "/nick mallory")[0])
        hall.clock.advance(HOUR)
        self.assertEqual(hall.ask(dan, "hello"), [])
        self.assertEqual(hall.ask(ann, "/nick mallory")[0], "- You are now mallory")
        self.assertEqual({room.name for room in hall.journal.view.rooms()}, {LOBBY, "other"})

    def test_an_operator_who_gives_up_the_name_is_told_of_and_written_down(self) -> None:
        read = self.act("/unregister")
        self.assertEqual(read.cid, ["- ann gave up that name and is no operator now"])
        self.assertNotIn("- ann gave up that name and is no operator now", read.ann)
        entry = json.loads(self.store.audited[-1])
        self.assertEqual((entry["who"], entry["what"], entry["whom"]), ("ann", "unregister", "ann"))

    def test_what_was_undone_is_not_back(self) -> None:
        self.act("/lock")
        self.act("/unlock")
        self.act("/slow 10")
        self.act("/slow 0")
        self.act("/ban bob")
        self.act("/ban B0B")
        self.act("/unban bob")
        self.act("/mute dan")
        self.act("/unmute dan")
        self.hall.ask(self.ann, "/unregister")
        self.hall.control("deop", "cid")
        hall = self.again()
        self.assertIsNone(hall.journal.view.closed_to(None))
        self.assertEqual(hall.journal.view.bans(), [])
        self.assertIn("there are no operators", hall.control("ops")[0])
        for name in ("ann", "bob", "dan"):
            member = hall.come(name=name)
            self.assertEqual(member.name, name)
            self.assertEqual(hall.ask(member, "hello"), [])
        self.assertIsNotNone(hall.journal.view.registration(named("cid")))

    def test_names_of_the_day_still_count(self) -> None:
        for number in range(4):
            member = self.hall.owner(f"more{'x' * number}", "10.0.0.1")
            self.hall.ask(member, "/unregister")
        hall = self.again()
        late = hall.come("10.0.0.1", "late")
        self.assertIn("5 names a day", hall.ask(late, f"/register {SECRET}")[0])
        hall.clock.advance(24 * HOUR)
        self.assertIn("late is yours", hall.try_out(late, f"/register {SECRET}")[0])

    def test_a_mute_of_somebody_without_a_name_on_this_machine_is_not_back(self) -> None:
        guest = self.hall.come("127.0.0.1")
        self.act(f"/mute {guest.name}")
        self.assertEqual(len(self.store.documents["mute"]), 1)
        hall = self.again()
        self.assertEqual(hall.ask(hall.come("127.0.0.1"), "hello"), [])
        self.assertEqual(self.store.documents["mute"], {})
