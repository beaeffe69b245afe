"""Who is in the chat and where: coming under a name, several rooms, connections that were lost."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask
from tests.support.hall import Hall
from twisted_chat.authorisation import Door
from twisted_chat.limits import MAX_DETACHED, MAX_JOINED, RESET_LASTS
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.records import Role
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Detach, Join, Kick, Mute, Part, Rename, Resume, Say


class InSeveralRooms(SynchronousTestCase):
    """ann is in the lobby and in dev, bob in the lobby."""

    def setUp(self) -> None:
        self.hall = Hall(self)
        self.ann = self.arrive("ann", "lobby", "dev")
        self.bob = self.arrive("bob", "lobby")
        self.clear()

    def arrive(self, name: str = "", *rooms: str, digest: str = "") -> Member:
        """A member that came from an address of its own, and has read nothing yet."""
        port = self.hall.hosts["10.0.0.9"] = self.hall.hosts.get("10.0.0.9", 0) + 1
        member = self.hall.member(f"10.0.0.9:{port}", Door.SAFE_PROGRAM)
        self.hall.table.chat.arrive(member, rooms, name, digest)
        self.hall.table.settle()
        return member

    def ask(self, member: Member, request) -> object:
        return ask(self.hall.journal, member, request)

    def refused(self, member: Member, request) -> Refusal:
        return self.assertRaises(Refusal, self.ask, member, request)

    def read(self, member: Member) -> list[str]:
        return self.hall.table.read(member)

    def clear(self) -> None:
        for member in (self.ann, self.bob):
            self.read(member)

    def who(self, room: str) -> list[str]:
        return [seen.name for seen in self.hall.journal.view.who(named(room))]


class ArrivingTests(InSeveralRooms):
    def test_who_comes_under_a_name_is_entered_under_it_at_once(self) -> None:
        cid = self.arrive("cid", "lobby")
        self.assertEqual(cid.name, "cid")
        self.assertEqual(self.read(cid), ["> Connected to the chat server (3 users online)"])
        self.assertEqual(self.read(self.ann), ["> New user cid entered (3 users online)"])

    def test_one_that_comes_into_no_room_is_in_the_chat(self) -> None:
        cid = self.arrive("cid")
        self.assertEqual((self.read(cid), self.read(self.ann)), ([], []))
        self.assertEqual(self.hall.journal.view.find(named("cid")).rooms, ())

    def test_a_room_that_is_not_there_is_made(self) -> None:
        self.arrive("cid", "tea", "lobby")
        self.assertEqual(self.who("tea"), ["cid"])

    def test_a_room_that_is_named_twice_is_entered_once(self) -> None:
        cid = self.arrive("cid", "dev", "DEV", "dev")
        self.assertEqual(self.read(cid), ["> Connected to the chat server (2 users online)"])

    def test_who_may_not_into_a_room_is_told_so_behind_its_greeting(self) -> None:
        self.hall.control("lock", room="dev")
        cid = self.arrive("cid", "dev", "lobby")
        self.assertEqual(
            self.read(cid),
            [
                "> Connected to the chat server (3 users online)",
                "! #dev is locked: nobody new may come in just now",
            ],
        )
        self.assertEqual(self.who("dev"), ["ann"])

    def test_nobody_comes_into_more_rooms_than_may_be(self) -> None:
        cid = self.arrive("cid", *[f"room{number}" for number in range(MAX_JOINED + 1)])
        *_, refused = self.read(cid)
        self.assertEqual(
            refused, f"! you are in {MAX_JOINED} rooms, as many as may be: leave one first"
        )
        self.assertEqual(len(cid.rooms), MAX_JOINED)

    def test_a_name_that_is_taken_is_refused_and_not_made_another_one(self) -> None:
        cid = self.arrive("ANN", "lobby")
        self.assertEqual(self.read(cid), ["! ANN is taken, as ann: choose another name"])
        self.assertEqual(cid.outbox.closed, 1)
        self.assertEqual(self.who("lobby"), ["ann", "bob"])

    def test_a_banned_name_is_refused(self) -> None:
        self.hall.control("ban", "cid")
        cid = self.arrive("cid", "lobby")
        self.assertEqual(self.read(cid), ["! cid is banned, by chatctl. Choose another name"])
        self.assertEqual(self.who("lobby"), ["ann", "bob"])


class OwnersTests(InSeveralRooms):
    """zoe is registered, and an operator."""

    def setUp(self) -> None:
        super().setUp()
        self.zoe = self.hall.operator("zoe")
        self.digest = self.hall.journal.view.registration(named("zoe")).digest
        self.clear()

    def test_a_registered_name_is_refused_without_the_digest(self) -> None:
        self.hall.leave(self.zoe)
        for digest in ("", "fake"):
            guest = self.arrive("zoe", "lobby", digest=digest)
            self.assertEqual(
                self.read(guest), ["! zoe is registered: /login zoe PASSPHRASE, or another name"]
            )

    def test_the_owner_comes_with_its_role_and_as_it_writes_its_name(self) -> None:
        self.hall.leave(self.zoe)
        self.hall.control("lock", room="dev")
        self.hall.clock.advance(60)
        zoe = self.arrive("ZOE", "dev", digest=self.digest)
        self.assertEqual(
            self.read(zoe),
            [
                "> Connected to the chat server (2 users online)",
                "- You are an operator: /help lists more now",
            ],
        )
        self.assertEqual(zoe.name, "zoe")
        self.assertEqual(self.hall.journal.view.role(zoe.id), Role.OPERATOR)
        registration = self.hall.journal.view.registration(named("zoe"))
        self.assertEqual(registration.last_login, self.hall.now())

    def test_the_owner_takes_its_name_from_a_connection_that_holds_it(self) -> None:
        zoe = self.arrive("zoe", "lobby", digest=self.digest)
        self.assertEqual(zoe.name, "zoe")
        self.assertEqual(self.zoe.name, "10.0.0.1:1")
        self.assertEqual(
            self.read(self.zoe)[:2],
            [
                "- somebody who knows the passphrase is zoe now",
                "- You are now 10.0.0.1:1",
            ],
        )
        self.assertEqual(self.hall.journal.view.role(self.zoe.id), Role.GUEST)

    def test_who_came_under_a_name_and_loses_it_has_its_default_name(self) -> None:
        zoe = self.arrive("zoe", "lobby", digest=self.digest)
        self.arrive("zoe", "lobby", digest=self.digest)
        self.assertEqual(zoe.name, "10.0.0.9:3")

    def test_a_passphrase_that_has_expired_is_refused(self) -> None:
        self.hall.control("reset", "zoe", hashes=True)
        digest = self.hall.journal.view.registration(named("zoe")).digest
        self.hall.clock.advance(RESET_LASTS)
        zoe = self.arrive("zoe", "lobby", digest=digest)
        [refused] = self.read(zoe)
        self.assertIn("has expired", refused)

    def test_a_banned_name_is_refused_to_its_owner(self) -> None:
        self.hall.control("ban", "zoe")
        zoe = self.arrive("zoe", "lobby", digest=self.digest)
        self.assertEqual(self.read(zoe), ["! zoe is banned, by chatctl. Choose another name"])


class GoingAboutTests(InSeveralRooms):
    def test_words_of_one_that_parts_are_told_where_it_was(self) -> None:
        self.ask(self.bob, Join(named("dev")))
        self.clear()
        self.ask(self.bob, Part(named("Dev"), "enough"))
        self.assertEqual(self.read(self.ann), ["< The user bob left (1 user online): enough"])
        self.assertEqual(self.who("lobby"), ["ann", "bob"])

    def test_one_that_is_muted_parts_without_words_and_is_told_so(self) -> None:
        ask(self.hall.journal, "chatctl", Mute(named("bob"), 0))
        self.clear()
        self.ask(self.bob, Part(named("lobby"), "enough"))
        self.assertEqual(self.read(self.bob), ["! you are muted: you leave without words"])
        self.assertEqual(self.read(self.ann), ["< The user bob left (1 user online)"])

    def test_nobody_parts_from_where_it_is_not(self) -> None:
        self.assertEqual(self.refused(self.bob, Part(named("dev"))).kind, Kind.NO_ROOM)
        self.assertEqual(self.refused(self.bob, Part(named("nowhere"))).kind, Kind.NO_ROOM)

    def test_a_room_is_joined_once_and_not_if_no_room_may_be_called_so(self) -> None:
        self.assertEqual(self.ask(self.bob, Join(named("DEV"))), "dev")
        self.assertEqual(str(self.refused(self.bob, Join(named("dev")))), "you are in #dev already")
        refused = self.refused(self.bob, Join(named("a b"), "no room is called so"))
        self.assertEqual((str(refused), refused.kind), ("no room is called so", Kind.BAD_NAME))

    def test_one_that_is_in_no_room_moves_into_one(self) -> None:
        guest = self.hall.come("10.0.0.2")
        self.ask(guest, Part(named("lobby")))
        self.clear()
        self.assertEqual(self.hall.ask(guest, "/who"), ["! you are in no room: /join ROOM first"])
        self.assertEqual(
            self.hall.ask(guest, "/history"), ["! you are in no room: /join ROOM first"]
        )
        self.assertEqual(
            self.hall.ask(guest, "hello"),
            ["! that was not said: you are in no room: /join ROOM first"],
        )
        self.assertEqual(
            self.hall.ask(guest, "/join dev"),
            ["> Connected to the chat server (2 users online)", "- You are now in #dev"],
        )
        self.assertEqual(self.read(self.ann), [f"> New user {guest.name} entered (2 users online)"])
        self.assertEqual(self.read(self.bob), [])

    def test_who_is_put_out_of_one_room_stays_in_the_others(self) -> None:
        self.ask(self.bob, Join(named("dev")))
        operator = self.hall.operator("zoe")
        self.clear()
        self.ask(operator, Kick(named("bob"), "rude", "dev"))
        self.assertEqual(
            self.read(self.bob),
            ["! you were put out of #dev: kicked by zoe: rude"],
        )
        self.assertEqual(
            self.read(self.ann),
            ["< The user bob left (1 user online), put out: kicked by zoe: rude"],
        )
        self.assertEqual(self.who("lobby"), ["ann", "bob", "zoe"])
        refused = self.refused(operator, Kick(named("bob"), "", "dev"))
        self.assertEqual((str(refused), refused.kind), ("bob is not in #dev", Kind.NO_MEMBER))

    def test_who_leaves_several_rooms_does_not_read_of_it_itself(self) -> None:
        self.ask(self.bob, Join(named("dev")))
        self.clear()
        self.hall.leave(self.bob)
        self.assertEqual(self.read(self.bob), [])
        self.assertEqual(self.read(self.ann), ["< The user bob left (1 user online)"])


class DetachedTests(InSeveralRooms):
    def test_who_has_lost_its_connection_keeps_name_and_rooms_for_a_while(self) -> None:
        self.ask(self.ann, Detach(60))
        self.hall.clock.advance(59)
        self.hall.table.settle()
        self.assertEqual((self.who("lobby"), self.who("dev")), (["ann", "bob"], ["ann"]))
        self.assertEqual(self.refused(self.bob, Rename(named("ann"))).kind, Kind.NAME_TAKEN)
        self.assertEqual(self.read(self.bob), [])

    def test_it_leaves_when_its_time_is_over_though_nobody_asks_for_anything(self) -> None:
        self.ask(self.ann, Detach(60))
        self.hall.clock.advance(60)
        self.hall.table.settle()
        self.assertEqual(self.read(self.bob), ["< The user ann left (1 user online)"])
        self.assertEqual(self.refused(self.ann, Resume()).kind, Kind.GONE)

    def test_it_stays_if_it_has_a_connection_again(self) -> None:
        self.ask(self.ann, Detach(60))
        self.hall.clock.advance(59)
        self.ask(self.ann, Resume())
        self.hall.clock.advance(1000)
        self.ask(self.ann, Say("lobby", "hello"))
        self.assertEqual(self.read(self.bob), ["[ann] hello"])

    def test_each_time_counts_from_when_it_lost_its_connection(self) -> None:
        self.ask(self.ann, Detach(60))
        self.hall.clock.advance(59)
        self.ask(self.ann, Resume())
        self.ask(self.ann, Detach(60))
        self.hall.clock.advance(59)
        self.hall.table.settle()
        self.assertEqual(self.who("dev"), ["ann"])
        self.hall.clock.advance(1)
        self.hall.table.settle()
        self.assertEqual(self.who("lobby"), ["bob"])

    def test_no_place_is_kept_for_longer_than_may_be(self) -> None:
        for asked, kept in ((MAX_DETACHED + 1, MAX_DETACHED), (-1, 1)):
            cid = self.arrive("cid", "lobby")
            self.ask(cid, Detach(asked))
            self.hall.clock.advance(kept)
            self.hall.table.settle()
            self.assertEqual(self.who("lobby"), ["ann", "bob"])

    def test_who_is_put_out_meanwhile_is_gone(self) -> None:
        self.ask(self.ann, Detach(60))
        self.hall.control("kick", "ann")
        self.hall.clock.advance(60)
        self.hall.table.settle()
        self.assertEqual(
            self.read(self.bob),
            ["< The user ann left (1 user online), put out: kicked by chatctl"],
        )
