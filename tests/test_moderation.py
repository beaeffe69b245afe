"""What operators do: to whom, for how long, and who is told."""

from __future__ import annotations

import ipaddress
import json
from types import SimpleNamespace

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.doubles import Door
from tests.hall import SECRET, Hall, RecordingStore
from tests.properties import given, settings, st
from twisted_chat import chat
from twisted_chat.admission import Admission
from twisted_chat.commands import COMMANDS
from twisted_chat.events import LOBBY, Acted, Left, Role, Rules
from twisted_chat.journal.audit import entry
from twisted_chat.journal.kept import Kept
from twisted_chat.journal.sanctions import Sanction, Sanctions
from twisted_chat.journal.store import IStore, NoStore
from twisted_chat.limits import ANSWER_SHARE, BACKLOG, MAX_SANCTIONS
from twisted_chat.names import key
from twisted_chat.networks import host_of, network_in, show
from twisted_chat.refusal import Refusal
from twisted_chat.spans import moment
from twisted_chat.text import clean

NOW = 1_000_000.0
STAMP = moment(NOW)
HOUR = 60 * 60


class Moderated(SynchronousTestCase):
    """ann and cid are operators, cid in another room; bob and dan are not."""

    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store, NOW)
        self.journal = self.hall.journal
        self.clock = self.hall.clock
        self.ann = self.hall.operator("ann", "10.0.0.1")
        self.cid = self.hall.operator("cid", "10.0.0.3")
        self.bob = self.hall.come("10.0.0.2", "bob")
        self.dan = self.hall.come("10.0.0.4", "dan")
        self.hall.ask(self.cid, "/join other")
        self.clear()

    def clear(self) -> None:
        for member in (self.ann, self.bob, self.cid, self.dan):
            self.hall.table.read(member)
        self.store.audited.clear()

    def act(self, line: str, by=None) -> SimpleNamespace:
        """What all read after ann, or `by`, has sent `line`."""
        self.clear()
        self.hall.begin(by or self.ann, line)
        return SimpleNamespace(
            ann=self.hall.table.read(self.ann),
            bob=self.hall.table.read(self.bob),
            cid=self.hall.table.read(self.cid),
            dan=self.hall.table.read(self.dan),
            audit=[json.loads(line) for line in self.store.audited],
        )

    def refused(self, line: str, by=None) -> str:
        """Why ann may not `line`; nobody else hears of it."""
        read = self.act(line, by)
        [answer] = read.ann if by is None else read.bob
        self.assertTrue(answer.startswith("! "), answer)
        self.assertEqual((read.cid, read.dan, read.audit), ([], [], []))
        return answer

    def closed(self, host: str) -> str | None:
        """Why nobody may come in from `host`."""
        return Admission(closed_to=self.journal.closed_to).refusal(ipaddress.ip_address(host))


class TellingTests(Moderated):
    def test_each_act_is_told_to_each_operator_once_and_stands_in_the_audit_file(self) -> None:
        for line, text, audit in (
            ("/kick bob go away", "ann kicked bob: go away", ["kick", "bob", 0, "go away"]),
            ("/ban bob 2h spam", "ann banned bob for 2 h: spam", ["ban", "bob", 7200, "spam"]),
            ("/ban BOB", "ann banned BOB", ["ban", "BOB", 0, ""]),
            ("/ban 10.9.0.0/16 x", "ann banned 10.9.0.0/16: x", ["ban", "10.9.0.0/16", 0, "x"]),
            ("/unban bob", "ann undid the ban of BOB", ["unban", "BOB", 0, ""]),
            ("/mute dan 90s", "ann muted dan for 1 min 30 s", ["mute", "dan", 90, ""]),
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
            ("kick", "dan", "", "chatctl kicked dan", ["kick", "dan", 0, ""]),
            ("lock", "", "other", "chatctl locked #other", ["lock", "#other", 0, ""]),
        ):
            with self.subTest(word=word):
                self.clear()
                self.assertEqual(self.hall.control(word, argument, room), [f"- {text}"])
                for operator in (self.ann, self.cid):
                    self.assertEqual(self.hall.table.read(operator).count(f"- {text}"), 1)
                self.check_audit(map(json.loads, self.store.audited), "chatctl", *audit)

    def check_audit(self, audit, who, what, whom, seconds, why) -> None:
        expected = {"time": STAMP, "who": who, "what": what, "whom": whom}
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
        line = entry(Acted(NOW, who, "ban", whom, seconds, why, "x"))
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
        for asked in (
            journal.rename(self.bob, "rob"),
            journal.move(self.bob, "other"),
            journal.tell(self.bob, "dan", "hello"),
            journal.set_away(self.bob, "lunch"),
            journal.set_topic(self.bob, "tea"),
            journal.may_register(self.bob),
            journal.register(self.bob, "digest"),
            journal.unregister(self.bob),
        ):
            self.assertIn("you are not here any more", str(self.failureResultOf(asked, Refusal)))
        self.clear()
        journal.leave(self.bob, Left("", 0))
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
        self.patch(chat, "TURN", 1)  # Each event is delivered in the middle of what is asked.
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
        self.successResultOf(journal.ban("ann", "10.0.0.0/24", 90, "spam", None))
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
                [ban] = self.successResultOf(self.journal.bans())
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
        for whom in ("10.0.0", "10.0.0.1/33", "1", "x" * 4000, "admin", "*", "10.0.0.*", "a:b"):
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
                f"- cid is muted until {moment(self.hall.clock.seconds() + 600)}, by ann",
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
            self.journal.ban("ann", f"10.1.{number // 256}.{number % 256}", 0, "x" * 1000, None)
        lines = self.act("/bans").ann
        self.assertLess(sum(map(len, lines)), BACKLOG // ANSWER_SHARE + 100)
        self.assertEqual(lines[-1], f"- and {1000 - len(lines) + 1} more, which do not fit here")
        self.assertEqual(len(self.hall.control("bans")), 1000)


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
        self.assertEqual(list(self.successResultOf(self.journal.history(LOBBY, 10))), [])

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
        self.assertEqual(len(self.successResultOf(self.journal.mutes())), 1)
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
        said = [each.text for _, each in self.successResultOf(self.journal.history(LOBBY, 10))]
        self.assertEqual(said, ["one", "five"])

    def test_what_one_does_counts_as_well(self) -> None:
        self.act("/slow 10")
        self.assertEqual(self.hall.ask(self.bob, "/me waves"), ["* bob waves"])
        self.assertIn("that was not said", self.hall.ask(self.bob, "hello")[0])
        self.assertIn("that was not said", self.hall.ask(self.bob, "/me waves")[0])
        self.assertIn("that was not said", self.hall.ask(self.bob, "/topic bread")[0])

    def test_a_clock_that_was_set_back_holds_nobody(self) -> None:
        self.act("/slow 10")
        self.hall.ask(self.bob, "hello")
        self.bob.spoke += HOUR
        self.assertEqual(self.hall.ask(self.bob, "hello"), [])

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
        self.assertEqual(self.bob.room.name, "other")

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
        bans = self.successResultOf(hall.journal.bans())
        self.assertEqual(bans, self.successResultOf(self.journal.bans()))
        self.assertEqual({ban.whom for ban in bans}, {"10.0.0.2", "2001:db8::/32", "mallory"})
        self.assertEqual(self.successResultOf(hall.journal.operators()), ["ann", "cid"])
        self.assertEqual(
            hall.journal.closed_to(host_of(IPv4Address("TCP", "10.0.0.2", 1))),
            "you are banned for 2 h more, by ann: spam",
        )
        ann = hall.come("10.0.0.1")
        self.assertIn("is registered", hall.ask(ann, "/nick ANN")[0])
        hall.try_out(ann, f"/login ann {SECRET}")
        self.assertIs(ann.standing.role, Role.OPERATOR)
        self.assertEqual(ann.room.rules, Rules(10, False, "be kind", "ann"))
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
        self.assertEqual(
            {room.name for room in self.successResultOf(hall.journal.rooms())}, {LOBBY, "other"}
        )

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
        self.assertIsNone(hall.journal.closed_to(None))
        self.assertEqual(self.successResultOf(hall.journal.bans()), [])
        self.assertEqual(self.successResultOf(hall.journal.operators()), [])
        for name in ("ann", "bob", "dan"):
            member = hall.come(name=name)
            self.assertEqual(member.name, name)
            self.assertEqual(hall.ask(member, "hello"), [])
        self.assertIsNotNone(self.successResultOf(hall.journal.registration("cid")))

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


ARGUMENTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["ann", "bob", "other", "#lobby", "10.0.0.2", "10.0.0.2:1", "127.0.0.1:1", "::1",
             "::/0", "fe80::1%x", "1/2", "2h", "0s", "0", "10", "\u0663", "-", "/", ":", "[", "]",
             "~", "%"]
        ),
        st.text(max_size=30).map(lambda text: clean(text.encode("utf-8", "replace"))),
    ),
    max_size=4,
).map(" ".join)  # fmt: skip


class OddArgumentsTests(SynchronousTestCase):
    @settings(max_examples=300)
    @given(st.sampled_from(sorted(COMMANDS)), ARGUMENTS, st.booleans())
    def test_no_argument_is_too_odd_for_any_command(self, name, argument, by_chatctl) -> None:
        hall = Hall(self, RecordingStore())
        ann = hall.operator("ann", "10.0.0.1")
        bob = hall.come("10.0.0.2", "bob")
        hall.come("127.0.0.1")
        hall.table.read(ann)
        if by_chatctl:
            hall.control(name, argument)
        elif hall.begin(ann, f"/{name} {argument}") is not None:
            hall.clock.hear()
        hall.table.turns.run()
        for member in (ann, bob):
            for line in hall.table.read(member):
                self.assertNotIn("cannot be done just now", line)
        for document in hall.journal._store.audited:
            json.loads(document)
        Hall(self, hall.journal._store)
        hall.vault.close()


STEPS = st.one_of(
    st.builds("come {}".format, st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "local"])),
    st.builds("{} {}".format, st.integers(0, 3), st.sampled_from(["leave"])),
    st.builds(
        "{} /{} {}".format,
        st.integers(0, 3),
        st.sampled_from(["nick", "login", "unregister", "register"]),
        st.sampled_from(["ill", "LLL", "bob", "B0B", "cid"]),
    ),
    st.builds(
        "chatctl {} {}".format,
        st.sampled_from(["op", "deop", "ban", "unban", "mute", "unmute", "kick"]),
        st.sampled_from(
            ["ill", "LLL", "bob", "b0b", "cid", "10.0.0.1", "2001:db8::/32", "local:1"]
        ),
    ),
    st.builds("pass {}".format, st.sampled_from([10, 1000, 100_000])),
    st.just("restart"),
)


class RightsTests(SynchronousTestCase):
    """Whatever people and operators do, rights are where names, bans and mutes put them."""

    @settings(max_examples=150)
    @given(st.lists(STEPS, max_size=30))
    def test_rights_come_and_go_with_names(self, steps) -> None:
        hall = Hall(self, RecordingStore())
        members = []
        for step in steps:
            who, _, what = step.partition(" ")
            if who == "come":
                members.append(hall.come(what))
            elif who == "chatctl":
                word, _, argument = what.partition(" ")
                if word in ("ban", "mute"):
                    argument += " 20m"
                hall.control(word, argument)
            elif who == "pass":
                hall.clock.advance(float(what))
            elif who == "restart":
                hall.vault.close()
                hall, members = Hall(self, hall.journal._store, hall.clock.seconds()), []
            elif int(who) < len(members):
                member = members[int(who)]
                if what == "leave":
                    hall.table.chat.leave(member)
                elif not member.leaving:
                    line = f"/register {SECRET}" if "register " in what else f"{what} {SECRET}"
                    if what.startswith(("/nick", "/unregister")):
                        line = what
                    if hall.begin(member, line) is not None:
                        hall.clock.hear()
            hall.table.turns.run()
            members = [member for member in members if not member.leaving]
            self.check(hall, members)
        hall.vault.close()

    def check(self, hall: Hall, members) -> None:
        now = hall.clock.seconds()
        journal = hall.journal
        self.assertEqual(set(hall.table.chat.everybody()), set(members))
        self.assertEqual(len({key(member.name) for member in members}), len(members))
        for member in members:
            owned = self.successResultOf(journal.registration(member.name))
            self.assertEqual(member.standing.role, Role.GUEST if owned is None else owned.role)
            self.assertEqual(self.successResultOf(journal.find(member.name)).host, member.host)
            self.assertIsNone(journal._bans.on_name(member.name, now))
            mutes = (
                journal._mutes.on_name(member.name, now),
                journal._mutes.on_host(member.host, now),
            )
            self.assertEqual(member.standing.muted_until > now, any(mutes))


networks = st.one_of(
    st.builds(
        lambda bits, length: ipaddress.ip_network((bits << 24, length), strict=False),
        st.integers(0, 7),
        st.integers(0, 32),
    ),
    st.builds(
        lambda bits, length: ipaddress.ip_network((bits << 62, length), strict=False),
        st.integers(0, 7),
        st.integers(0, 128),
    ),
).filter(lambda network: network.version == 4 or network.network_address.ipv4_mapped is None)
NAMES = ("ann", "ANN", "bob", "B0B", "cid", "c1d")
whoms = st.one_of(networks.map(show), st.sampled_from(NAMES))
hosts = st.one_of(
    st.integers(0, 8 << 24).map(ipaddress.IPv4Address),
    st.integers(0, 8 << 62).map(ipaddress.IPv6Address),
    st.builds(lambda network: network.network_address, networks),
    st.none(),
)


class NetworksTests(SynchronousTestCase):
    @given(networks)
    def test_a_network_is_read_as_it_is_shown(self, network) -> None:
        self.assertEqual(network_in(show(network)), network)

    def test_it_is_shown_as_people_write_it(self) -> None:
        for text in ("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/64", "2001:db8::1/128"):
            self.assertEqual(show(network_in(text)), text)


class SanctionsTests(SynchronousTestCase):
    @settings(max_examples=200)
    @given(
        st.lists(
            st.tuples(st.sampled_from(["add", "add", "add", "lift"]), whoms, st.integers(0, 5)),
            max_size=12,
        ),
        st.lists(hosts, max_size=6),
    )
    def test_they_concern_whom_a_list_of_networks_does(self, steps, seen) -> None:
        store = RecordingStore()
        sanctions = Sanctions("ban", store)
        model: dict[object, Sanction] = {}
        for now, (what, whom, length) in enumerate(steps, 1):
            model = {each: s for each, s in model.items() if not 0 < s.until <= now}
            network = network_in(whom)
            same = key(whom) if network is None else network
            if what == "add":
                sanction = Sanction(whom, "ann", "", now, now + length if length else 0)
                sanctions.add(sanction, now)
                model[same] = sanction
            else:
                lifted, was = sanctions.lift(whom), model.pop(same, None)
                if lifted is None or not 0 < lifted.until <= now:
                    self.assertEqual(lifted, was)
            for again in (sanctions, self.loaded(store)):
                self.compare(again, model, seen, now)

    def loaded(self, store: RecordingStore) -> Sanctions:
        again = Sanctions("ban", NoStore())
        again.load(store.load(Kept).bans.values())
        return again

    def compare(self, sanctions, model, seen, now) -> None:
        for host in seen:
            ends = [
                sanction.until or float("inf")
                for network, sanction in model.items()
                if not isinstance(network, str)
                and host is not None
                and network.version == host.version
                and host in network
            ]
            found = sanctions.on_host(host, now)
            self.assertEqual(found.end if found else 0, max(ends, default=0))
        for name in NAMES:
            self.assertEqual(sanctions.on_name(name, now), model.get(key(name)))
        self.assertEqual(
            sorted(map(repr, sanctions.in_force(now))), sorted(map(repr, model.values()))
        )

    def test_there_are_only_so_many_and_the_same_again_is_not_one_more(self) -> None:
        sanctions = Sanctions("ban", NoStore())
        first = ipaddress.ip_address("10.0.0.0")
        for number in range(MAX_SANCTIONS):
            sanctions._put(Sanction(str(first + number), "ann", "", 1, 5 if number else 0))
        with self.assertRaises(Refusal) as caught:
            sanctions.add(Sanction("mallory", "ann", "", 1, 0), 1)
        self.assertIn("10000 of them, as many as may be", str(caught.exception))
        sanctions.add(Sanction("10.0.0.9", "bob", "", 1, 0), 1)
        sanctions.add(Sanction("mallory", "ann", "", 1, 0), 6)
        self.assertEqual(
            {sanction.whom for sanction in sanctions.in_force(6)},
            {"10.0.0.0", "10.0.0.9", "mallory"},
        )
