"""What operators do: to whom, for how long, and who is told."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address, IPv6Address
from zope.interface import implementer

from tests.support.asking import ask
from tests.support.doubles import Door
from tests.support.hall import SECRET
from tests.support.moderated import HOUR, NOW, STAMP, Moderated
from tests.support.properties import given, st
from twisted_chat import delivery
from twisted_chat.events import Acted
from twisted_chat.interfaces import IFollower
from twisted_chat.journal.audit import entry, record
from twisted_chat.limits import ANSWER_SHARE, BACKLOG
from twisted_chat.names import named
from twisted_chat.networks import network_in, show
from twisted_chat.refusal import Refusal
from twisted_chat.requests import (
    Ban,
    Emote,
    Join,
    Leave,
    LogIn,
    Move,
    Part,
    Register,
    Rename,
    Say,
    SetAway,
    SetTopic,
    Tell,
    Unregister,
)
from twisted_chat.spans import moment
from twisted_chat.text import clean


@implementer(IFollower)
class Told(list):
    """Keeps what members are told, each event with the id of its reader."""

    def happened(self, event, author, deaf) -> None:
        pass

    def told(self, reader, event) -> None:
        self.append((reader, event))


class TellingTests(Moderated):
    def test_each_act_is_told_to_each_operator_once_and_stands_in_the_audit_file(self) -> None:
        for line, text, audit in (
            (
                "/kick bob go away",
                "ann kicked bob: go away",
                ["kick", "bob", 0, "go away", "10.0.0.2"],
            ),
            ("/ban bob 2h spam", "ann banned bob for 2 h: spam", ["ban", "bob", 7200, "spam"]),
            ("/ban BOB", "ann banned BOB", ["ban", "BOB", 0, ""]),
            ("/ban 10.9.0.0/16 x", "ann banned 10.9.0.0/16: x", ["ban", "10.9.0.0/16", 0, "x"]),
            ("/unban bob", "ann undid the ban of BOB", ["unban", "BOB", 0, ""]),
            ("/mute dan 90s", "ann muted dan for 1 min 30 s", ["mute", "dan", 90, "", "10.0.0.4"]),
            ("/unmute dan", "ann undid the mute of dan", ["unmute", "dan", 0, ""]),
        ):
            with self.subTest(line=line):
                read = self.act(line)
                self.assertEqual(read.ann.count(f"- {text}"), 1, read.ann)
                self.assertEqual(read.cid, [f"- {text}"])
                self.assertNotIn(f"- {text}", read.dan)
                self.check_audit(read.audit, "ann", *audit)

    def test_what_is_done_to_a_room_is_told_to_all_in_it_and_each_operator_once(self) -> None:
        for line, text, audit in (
            (
                "/slow 10",
                "ann lets everybody say one line in 10 s in #lobby",
                ["slow", "#lobby", 10, ""],
            ),
            (
                "/slow 0",
                "ann lets everybody say as much as they like in #lobby",
                ["slow", "#lobby", 0, ""],
            ),
            ("/lock", "ann locked #lobby", ["lock", "#lobby", 0, ""]),
            ("/unlock", "ann unlocked #lobby", ["unlock", "#lobby", 0, ""]),
        ):
            with self.subTest(line=line):
                read = self.act(line)
                self.assertEqual(
                    (read.ann, read.bob, read.cid, read.dan), tuple([[f"- {text}"]] * 4)
                )
                self.check_audit(read.audit, "ann", *audit)

    def test_what_chatctl_does_is_told_and_kept_as_well(self) -> None:
        self.hall.ask(self.bob, "/unregister")
        self.hall.try_out(self.bob, f"/register {SECRET}")
        for word, argument, room, text, audit in (
            ("op", "bob", "", "chatctl made bob an operator", ["op", "bob", 0, ""]),
            ("deop", "BOB", "", "chatctl made bob no operator", ["deop", "bob", 0, ""]),
            ("kick", "dan", "", "chatctl kicked dan", ["kick", "dan", 0, "", "10.0.0.4"]),
            ("lock", "", "other", "chatctl locked #other", ["lock", "#other", 0, ""]),
        ):
            with self.subTest(word=word):
                self.clear()
                self.assertEqual(self.hall.control(word, argument, room), [f"- {text}"])
                for operator in (self.ann, self.cid):
                    self.assertEqual(self.hall.table.read(operator).count(f"- {text}"), 1)
                self.check_audit(map(json.loads, self.store.audited), "chatctl", *audit)

    def test_a_name_that_is_banned_is_kept_with_the_address_that_it_had(self) -> None:
        for line, expected in (
            ("/ban BOB", {"what": "ban", "whom": "BOB", "address": "10.0.0.2"}),
            ("/ban nobody", {"what": "ban", "whom": "nobody"}),
            ("/ban 10.0.0.4", {"what": "ban", "whom": "10.0.0.4"}),
        ):
            with self.subTest(line=line):
                read = self.act(line)
                self.assertEqual(read.audit, [{"time": STAMP, "who": "ann", **expected}])

    def test_a_name_of_the_daemons_own_machine_is_kept_as_local(self) -> None:
        self.hall.come("local", "eve")
        self.assertEqual(self.act("/ban eve").audit[0]["address"], "local")

    def test_programs_read_the_address_of_a_banned_name_too(self) -> None:
        told = Told()
        self.journal.follow(told)
        ask(self.journal, "ann", Ban(named("bob"), 0, ""))
        act, *others = [event for _, event in told if isinstance(event, Acted)]
        self.assertEqual(others, [act] * 2)  # For ann, for cid and for who asked.
        self.assertEqual(record(act)["address"], "10.0.0.2")

    def check_audit(self, audit, who, what, whom, seconds, why, address="") -> None:
        expected = {"time": STAMP, "who": who, "what": what, "whom": whom}
        if address:
            expected["address"] = address
        if seconds:
            expected["seconds"] = seconds
        if why:
            expected["why"] = why
        self.assertEqual(list(audit), [expected])

    def test_what_was_refused_is_told_and_kept_nowhere(self) -> None:
        for line in (
            "/kick nobody",
            "/ban ann",
            "/ban 10.0.0.1",
            "/unban bob",
            "/kick ann",
            "/mute ann",
            "/mute 127.0.0.1:9",
            "/mute 1/2",
            "/mute bob soon",
            "/unmute bob",
            "/slow -1",
            "/slow fast",
            "/slow 100000",
            "/unlock",
        ):
            with self.subTest(line=line):
                self.refused(line)

    def test_an_operator_that_was_kicked_is_told_why_and_the_others_once(self) -> None:
        read = self.act("/kick cid enough")
        self.assertEqual(read.ann, ["- ann kicked cid: enough"])
        self.assertEqual(
            read.cid,
            [
                "! you were put out: kicked by ann: enough",
            ],
        )

    @given(st.lists(st.binary(max_size=80), min_size=3, max_size=3), st.integers(0, 10**9))
    def test_no_words_forge_a_line_or_a_field_of_the_audit_file(self, words, seconds) -> None:
        who, whom, why = map(clean, words)
        line = entry(Acted(who, "ban", whom, seconds, why, time=NOW))
        self.assertEqual(len(line.splitlines()), 1)
        expected = {"time": STAMP, "who": who, "what": "ban", "whom": whom}
        if seconds:
            expected["seconds"] = seconds
        if why:
            expected["why"] = why
        self.assertEqual(json.loads(line, object_pairs_hook=list), list(expected.items()))
        line.encode()

    def test_a_forged_reason_stays_a_reason(self) -> None:
        why = 'x", "who": "chatctl", "why": "'
        read = self.act(f"/kick bob {why}")
        self.assertEqual((read.audit[0]["who"], read.audit[0]["why"]), ("ann", why.strip()))


class ChatctlTests(Moderated):
    def test_what_it_says_is_read_in_all_rooms_or_in_one(self) -> None:
        said = "- chatctl says: be nice"
        self.assertEqual(self.hall.control("say", "be nice"), ["- said"])
        for member in (self.ann, self.cid, self.dan):
            self.assertEqual(self.hall.table.read(member), [said])
        self.hall.control("say", "be nice", "Other")
        self.assertEqual(self.hall.table.read(self.cid), [said])
        self.assertEqual(self.hall.table.read(self.dan), [])
        [answer] = self.hall.control("say", "be nice", "nowhere")
        self.assertIn("! there is no room #nowhere", answer)

    def test_what_it_says_stands_in_the_audit_file_and_is_told_once(self) -> None:
        for room, whom in (("", ""), ("Other", "#other")):
            self.clear()
            self.hall.control("say", "be nice", room)
            self.assertEqual(self.hall.table.read(self.cid), ["- chatctl says: be nice"])
            [line] = map(json.loads, self.store.audited)
            self.assertEqual(
                line,
                {"time": STAMP, "who": "chatctl", "what": "say", "whom": whom, "why": "be nice"},
            )
        self.clear()
        self.hall.control("say", "be nice", "nowhere")
        self.assertEqual(self.store.audited, [])

    def test_it_takes_one_line_out_of_the_history_of_a_room(self) -> None:
        self.hall.table.chat.say(self.bob, "one\ntwo\nthree")
        self.hall.table.settle()
        ids = [line.id for line in self.journal.view.history(named("lobby"), 3)]
        self.clear()
        self.assertEqual(
            self.hall.control("forget", f"#Lobby {ids[1]}"),
            ["- chatctl took a line out of the history of #lobby", "- 1 line is forgotten"],
        )
        self.assertEqual(self.texts("lobby"), ["one", "three"])
        self.assertEqual(self.hall.table.read(self.dan), [])
        self.assertEqual(
            self.hall.table.read(self.cid), ["- chatctl took a line out of the history of #lobby"]
        )
        [audited] = map(json.loads, self.store.audited)
        self.assertEqual((audited["what"], audited["whom"]), ("forget", "#lobby"))
        self.assertEqual([line.event.text for line in self.store.lines.values()], ["one", "three"])

    def test_it_takes_all_that_somebody_said_out_of_all_histories(self) -> None:
        for whom in ("BOB", "10.0.0.2", "10.0.0.0/30"):
            for line in ("/join lobby", "one", "/join other", "two", "/nick bo", "three"):
                self.hall.begin(self.bob, line)
            self.hall.begin(self.dan, "mine")
            self.hall.begin(self.bob, "/nick bob")
            self.clear()
            told, answer = self.hall.control("forget", whom)
            shown = whom if "/" not in whom else "10.0.0.0/30"
            self.assertEqual(told, f"- chatctl took what {shown} said out of the history")
            count = 2 if whom == "BOB" else 3
            self.assertEqual(answer, f"- {count} lines are forgotten")
            self.assertEqual(self.texts("other"), ["three"] if whom == "BOB" else [])
            self.assertEqual(set(self.texts("lobby")), {"mine"})
            self.hall.control("forget", "bo")

    def test_what_is_not_there_cannot_be_forgotten(self) -> None:
        self.hall.begin(self.bob, "one")
        for argument, why in {
            "lobby 1": "! no line of #lobby has the id 1: chatctl --json history shows the ids",
            "nowhere 1": "! there is no room #nowhere: chatctl rooms lists them",
            "zoe": "! nothing that zoe said is kept",
            "10.1.0.0/16": "! nothing that 10.1.0.0/16 said is kept",
        }.items():
            self.assertEqual(self.hall.control("forget", argument), [why])
        self.assertEqual(self.texts("lobby"), ["one"])

    def texts(self, room: str) -> list[str]:
        """What is kept of `room`."""
        return [line.text for line in self.journal.view.history(named(room), 100)]

    def test_it_lists_the_operators(self) -> None:
        self.assertEqual(self.hall.control("ops"), ["- ann", "- cid"])
        for name in ("ann", "cid"):
            self.hall.control("deop", name)
        self.assertEqual(
            self.hall.control("ops"), ["- there are no operators: chatctl op NAME makes one"]
        )

    def test_only_a_registered_name_becomes_an_operator_s(self) -> None:
        for name in ("bob", "nobody", "10.0.0.2:1", "bob bill"):
            self.assertEqual(
                self.hall.control("op", name),
                [f"! {name} is not registered: its owner has to /register it first"],
            )

    def test_an_operator_that_is_made_none_cannot_act_any_more(self) -> None:
        self.hall.control("deop", "ann")
        self.assertEqual(
            self.hall.ask(self.ann, "/kick bob"),
            ["! /kick is for operators: /login with an operator's name first"],
        )


class KickingTests(Moderated):
    def test_who_is_kicked_is_put_out_with_the_words(self) -> None:
        read = self.act("/kick BOB go away")
        self.assertEqual(
            read.dan, ["< The user bob left (2 users online), put out: kicked by ann: go away"]
        )
        self.assertEqual(read.bob, ["! you were put out: kicked by ann: go away"])
        self.assertEqual(self.bob.outbox.closed, 1)

    def test_somebody_in_another_room_is_put_out_of_the_chat(self) -> None:
        self.hall.ask(self.bob, "/join other")
        read = self.act("/kick bob")
        self.assertEqual(
            read.cid,
            [
                "< The user bob left (1 user online), put out: kicked by ann",
                "- ann kicked bob",
            ],
        )
        self.assertEqual(read.dan, [])

    def test_who_was_kicked_may_come_again(self) -> None:
        self.act("/kick bob")
        self.assertIsNone(self.closed("10.0.0.2"))
        self.assertEqual(self.hall.come("10.0.0.2", "bob").name, "bob")

    def test_what_it_had_asked_for_is_not_done_any_more(self) -> None:
        self.act("/kick bob")
        for line in ("hello", "/me waves", "/nick rob", "/msg dan hi", "/topic x", "/join other"):
            self.hall.begin(self.bob, line)
        self.hall.table.turns.run()
        self.assertEqual(self.hall.table.read(self.dan), [])

    def test_nobody_is_kicked_twice(self) -> None:
        self.act("/kick bob")
        self.assertIn("nobody here is called bob", self.refused("/kick bob"))

    def test_what_who_was_put_out_still_asks_is_refused_by_the_journal(self) -> None:
        journal = self.journal
        self.act("/kick bob")
        bob = named("bob")
        for request in (
            Rename(named("rob")),
            Move(named("other")),
            Join(named("other")),
            Part(named("lobby")),
            Say("lobby", "hello"),
            Emote("lobby", "waves"),
            Tell(named("dan"), "hello"),
            SetAway("lunch"),
            SetTopic("lobby", "tea"),
            Register(bob, "digest"),
            LogIn(bob, "digest"),
            Unregister(),
            Leave("bye"),
        ):
            with self.assertRaises(Refusal) as caught:
                ask(journal, self.bob, request)
            self.assertEqual(str(caught.exception), "you are not here any more")
        with self.assertRaises(Refusal):
            journal.view.check_register(self.bob.id)
        journal.say(self.bob.id, "lobby", "hello")
        self.assertEqual(self.hall.table.read(self.bob), [])
        self.assertEqual(self.hall.table.read(self.dan), [])


class BanningTests(Moderated):
    def come_again(self, host="10.0.0.2", name="bob") -> list[str]:
        return self.hall.ask(self.hall.come(host), f"/nick {name}")

    def test_a_banned_name_is_put_out_and_nobody_gets_it(self) -> None:
        read = self.act("/ban Bob spam")
        self.assertEqual(
            read.dan, ["< The user bob left (2 users online), put out: banned by ann: spam"]
        )
        self.assertEqual(read.bob, ["! you were put out: banned by ann: spam"])
        self.assertIn(
            "- the name Bob is banned, not where it comes from: /ban 10.0.0.2 does that", read.ann
        )
        answer = "! bob is banned, by ann: spam. Choose another name"
        self.assertEqual(self.come_again(), [answer])

    def test_whose_registered_name_is_banned_reads_for_how_long_and_why(self) -> None:
        self.act("/ban cid 1h spam")
        answer = "! cid is banned for 1 h more, by ann: spam. Choose another name"
        again = self.hall.come("10.0.0.3")
        self.assertEqual(self.hall.ask(again, "/nick cid"), [answer])
        self.assertEqual(self.hall.try_out(again, f"/login cid {SECRET}"), [answer])

    def test_one_found_dead_while_a_network_is_put_out_leaves_once(self) -> None:
        self.patch(delivery, "TURN", 1)  # Each event is delivered in the middle of what is asked.
        guests = [self.hall.come("10.9.0.1") for _ in range(3)]
        guests[2].outbox.broken = True
        self.clear()
        lines = self.hall.control("ban", "10.9.0.0/16")
        self.assertIn("10.9.0.0/16 is banned: 3 users put out", lines[-1])
        left = [line for line in self.hall.table.read(self.dan) if line.startswith("< The user")]
        self.assertEqual(len(left), 3)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_no_address_is_advised_where_all_on_this_machine_share_it(self) -> None:
        for host in ("127.0.0.1", "::1", "local"):
            for what in ("ban", "mute"):
                self.hall.come(host, "lia")
                self.assertNotIn("not where it comes from", " ".join(self.act(f"/{what} lia").ann))
                self.act(f"/un{what} lia")

    def test_look_alikes_of_a_banned_name_are_banned(self) -> None:
        self.act("/ban ill")
        for name in ("ILL", "lll", "i1l", "Ill"):
            self.assertEqual(
                self.come_again(name=name),
                [f"! {name} is banned, by ann. Choose another name"],
            )
        self.assertEqual(self.come_again(name="bill"), ["- You are now bill"])

    def test_a_name_can_be_banned_under_that_of_a_look_alike(self) -> None:
        bill = self.hall.come("10.0.0.9", "bill")
        self.act("/ban b1ll")
        self.assertEqual(bill.outbox.closed, 1)

    def test_a_ban_of_a_look_alike_takes_the_place_of_the_former_for_good(self) -> None:
        self.act("/ban bob")
        self.act("/ban B0B")
        self.assertEqual(len(self.store.documents["ban"]), 1)
        self.act("/unban bob")
        self.assertEqual(self.store.documents["ban"], {})

    def test_a_default_name_bans_its_address(self) -> None:
        for host, whom, banned, free in (
            ("10.0.0.7", "10.0.0.7:1", "10.0.0.7", "10.0.0.8"),
            ("2001:db8::7", "[2001:db8::7]:1", "2001:db8::9", "2001:db8:0:1::7"),
            ("::ffff:10.0.1.7", "10.0.1.7:2", "10.0.1.7", "10.0.1.8"),
        ):
            with self.subTest(host=host):
                self.hall.hosts.pop("10.0.1.7", None)
                one, two = self.hall.come(host), self.hall.come(host)
                if host.startswith("::ffff"):
                    two.name = "10.0.1.7:2"
                network = show(network_in(whom))
                read = self.act(f"/ban {whom} 1h")
                self.assertIn(f"- {network} is banned: 2 users put out", read.ann)
                self.assertEqual((one.outbox.closed, two.outbox.closed), (1, 1))
                self.assertEqual(self.closed(banned), "you are banned for 1 h more, by ann")
                self.assertIsNone(self.closed(free))

    def test_addresses_and_networks_are_banned_however_they_are_written(self) -> None:
        for whom, banned, free in (
            ("10.1.0.7", "10.1.0.7", "10.1.0.8"),
            ("10.2.0.0/16", "10.2.255.255", "10.3.0.0"),
            ("10.4.5.6/16", "10.4.0.0", "10.5.0.0"),
            ("10.6.0.0/255.255.0.0", "10.6.1.2", "10.7.0.0"),
            ("::ffff:10.8.0.1", "10.8.0.1", "10.8.0.2"),
            ("::ffff:10.9.0.0/112", "10.9.0.1", "10.10.0.1"),
            ("2001:db8:1::1", "2001:db8:1::ffff:ffff", "2001:db8:1:1::1"),
            ("2001:db8:2::/48", "2001:db8:2:9::1", "2001:db8:3::1"),
            ("2001:db8:4::1/128", "2001:db8:4::1", "2001:db8:4::2"),
            ("fe80::1%eth0", "fe80::1", "fe80::2"),
        ):
            with self.subTest(whom=whom):
                read = self.act(f"/ban {whom}")
                shown = show(network_in(whom))
                self.assertIn(f"- {shown} is banned: 0 user put out", read.ann)
                self.assertEqual(self.closed(banned), "you are banned, by ann")
                self.assertIsNone(self.closed(free))
                self.act(f"/unban {whom}")
                self.assertIsNone(self.closed(banned))

    def test_a_newcomer_from_a_banned_address_reads_why_and_for_how_long(self) -> None:
        door = Door()
        journal = door.factory.chat.journal
        ask(journal, "ann", Ban(named("10.0.0.0/24"), 90, "spam"))
        for peer in (IPv4Address("TCP", "10.0.0.9", 1), IPv6Address("TCP", "::ffff:10.0.0.9", 1)):
            protocol = door.connect(peer)
            self.assertEqual(
                protocol.transport.lines(),
                ["! you are banned for 1 min 30 s more, by ann: spam"],
            )
        self.assertEqual(door.said(), [])
        door.clock.advance(90)
        door.connect(IPv4Address("TCP", "10.0.0.9", 1))
        self.assertEqual(door.said(), ["> New user 10.0.0.9:1 entered (1 user online)"])

    def test_time_and_reason_are_told_apart(self) -> None:
        for rest, seconds, why in (
            ("", 0, ""),
            ("2h", 7200, ""),
            ("2h spam", 7200, "spam"),
            ("2h\tspam", 7200, "spam"),
            ("1h30m   spam  and more", 5400, "spam  and more"),
            ("spam 2h", 0, "spam 2h"),
            ("about 2hours", 0, "about 2hours"),
            ("7D", 7 * 24 * HOUR, ""),
            ("999999w" * 100, 100 * 365 * 24 * HOUR, ""),
        ):
            with self.subTest(rest=rest):
                self.act(f"/ban mallory {rest}")
                [ban] = self.journal.view.bans()
                expected = (NOW + seconds if seconds else 0, why)
                self.assertEqual((ban.until, ban.why), expected)

    def test_a_number_without_a_unit_is_no_reason(self) -> None:
        for rest in ("30", "30 spam", "0", "\u0663"):
            self.assertEqual(
                self.refused(f"/ban bob {rest}"),
                f"! {rest.split()[0]} is no time: write it like 30s, 10m, 2h or 7d",
            )

    def test_nobody_bans_itself_or_where_it_is(self) -> None:
        self.assertEqual(self.refused("/ban ANN"), "! that is you yourself")
        for whom in ("10.0.0.1", "10.0.0.1:1", "10.0.0.0/8", "0.0.0.0/0", "::ffff:10.0.0.1"):
            self.assertIn(
                "is where you are yourself: /kick NAME, or chatctl ban",
                self.refused(f"/ban {whom}"),
            )
        six = self.hall.operator("eve", "2001:db8::1")
        for whom in ("2001:db8::2", "2001:db8::/32", "::/0"):
            self.assertIn("is where you are yourself", self.hall.ask(six, f"/ban {whom}")[0])

    def test_those_on_this_machine_are_known_by_no_address(self) -> None:
        for host in ("127.0.0.1", "::1", "local"):
            with self.subTest(host=host):
                one, two = self.hall.come(host), self.hall.come(host)
                self.assertEqual(
                    self.refused(f"/ban {one.name}"),
                    f"! {one.name} has no address that could be banned: /kick it",
                )
                self.act(f"/kick {one.name}")
                self.assertEqual((one.outbox.closed, two.outbox.closed), (1, 0))

    def test_what_is_neither_a_name_nor_an_address_is_not_banned(self) -> None:
        for whom in ("10.0.0", "10.0.0.1/33", "1", "x" * 4000, "*", "10.0.0.*", "a:b"):
            answer = self.refused(f"/ban {whom}")
            self.assertLess(len(answer), 150)

    def test_chatctl_may_ban_all_the_world_but_not_itself(self) -> None:
        self.assertIn(
            "0.0.0.0/0 is banned: 4 users put out", self.hall.control("ban", "0.0.0.0/0")[-1]
        )
        self.assertEqual(list(self.hall.table.chat.everybody()), [])
        self.assertEqual(self.closed("127.0.0.1"), "you are banned, by chatctl")
        self.assertIsNone(self.closed("::1"))
        self.hall.control("unban", "0.0.0.0/0")
        self.assertIsNone(self.closed("127.0.0.1"))

    def test_a_ban_ends_by_itself(self) -> None:
        self.act("/ban 10.0.0.2 2h")
        self.act("/ban mallory 2h")
        self.clock.advance(2 * HOUR - 1)
        self.assertEqual(self.closed("10.0.0.2"), "you are banned for 1 s more, by ann")
        self.assertIn("mallory is banned", self.come_again("10.0.0.9", "mallory")[0])
        self.clock.advance(1)
        self.assertIsNone(self.closed("10.0.0.2"))
        self.assertEqual(self.come_again("10.0.0.9", "mallory"), ["- You are now mallory"])
        self.assertEqual(self.act("/bans").ann, ["- nobody is banned or muted"])
        self.assertEqual(self.store.documents["ban"], {})

    def test_unban_undoes_just_that_ban(self) -> None:
        for whom in ("10.0.0.0/24", "10.0.0.2", "bob"):
            self.hall.control("ban", whom)
        self.ann = self.hall.operator("eve", "10.1.0.1")
        self.assertEqual(self.act("/unban 10.0.0.2:77").ann, ["- eve undid the ban of 10.0.0.2"])
        self.assertEqual(self.closed("10.0.0.2"), "you are banned, by chatctl")
        self.act("/unban 10.0.0.9/24")
        self.assertIsNone(self.closed("10.0.0.2"))
        self.assertIn("bob is banned", self.come_again()[0])
        self.act("/unban BOB")
        self.assertEqual(self.come_again(), ["- You are now bob"])

    def test_what_begins_like_a_time_and_is_none_bans_nobody(self) -> None:
        for time in ("99999999999d", "10", "0s", "3rd"):
            self.assertIn("is no time", self.act(f"/ban dan {time} spam").ann[0])
        self.assertEqual(self.act("/bans").ann, ["- nobody is banned or muted"])

    def test_mutes_are_listed_with_the_bans(self) -> None:
        self.act("/ban 10.1.0.0/16")
        self.assertIn(
            "- the name cid is muted, not where it comes from: /mute 10.0.0.3 does that",
            self.act("/mute cid 10m").ann,
        )
        self.assertEqual(
            self.act("/bans").ann,
            [
                "- 10.1.0.0/16, by ann",
                f"- cid is muted until {moment(self.hall.now() + 600)}, by ann",
            ],
        )

    def test_bans_are_listed_the_newest_first(self) -> None:
        self.act("/ban 10.0.0.2 2h spam")
        self.clock.advance(1)
        self.act("/ban mallory")
        until = moment(NOW + 2 * HOUR)
        self.assertEqual(
            self.act("/bans").ann,
            ["- mallory, by ann", f"- 10.0.0.2 until {until}, by ann: spam"],
        )

    def test_a_long_list_of_bans_puts_nobody_out(self) -> None:
        for number in range(1000):
            ask(
                self.journal,
                "ann",
                Ban(named(f"10.1.{number // 256}.{number % 256}"), 0, "x" * 1000),
            )
        lines = self.act("/bans").ann
        self.assertLess(sum(map(len, lines)), BACKLOG // ANSWER_SHARE + 100)
        self.assertEqual(lines[-1], f"- and {1000 - len(lines) + 1} more, which do not fit here")
        self.assertEqual(len(self.hall.control("bans")), 1000)
