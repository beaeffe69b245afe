"""Lines of owners that need not be there, and the tokens that let programs post them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import ask, result
from tests.support.hall import Hall, RecordingStore
from twisted_chat.limits import MAX_SLOW, TOKEN_LABEL, TOKENS
from twisted_chat.names import named
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import (
    AddToken,
    DropToken,
    Ignore,
    Lock,
    Mute,
    Post,
    Register,
    Say,
    SetOperator,
    Slow,
    Unmute,
)


class Posting(SynchronousTestCase):
    """zoe is registered and here, in the room dev; bob is in the lobby."""

    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store)
        self.journal = self.hall.journal
        self.zoe = self.hall.owner("zoe")
        self.hall.ask(self.zoe, "/join dev")
        self.digest = self.journal.view.registration(named("zoe")).digest
        self.bob = self.hall.come("10.0.0.2", "bob")

    def post(self, text: str, digest: str = "", room: str = "lobby", name: str = "zoe") -> None:
        post = Post(named(name), digest or self.digest, named(room), text)
        result(self.journal.ask("", post))

    def refused(self, text: str, digest: str = "", room: str = "lobby", name: str = "zoe") -> Kind:
        return self.assertRaises(Refusal, self.post, text, digest, room, name).kind

    def control(self, request) -> None:
        ask(self.journal, "chatctl", request)

    def read(self, member) -> list[str]:
        return self.hall.table.read(member)


class PostTests(Posting):
    def test_all_in_the_room_read_what_an_owner_posts(self) -> None:
        self.post("hello")
        self.assertEqual(self.read(self.bob), ["[zoe] hello"])
        self.assertEqual(self.read(self.zoe), [])

    def test_the_owner_reads_it_too_where_it_is_there(self) -> None:
        self.post("hello", room="DEV")
        self.assertEqual(self.read(self.zoe), ["[zoe] hello"])

    def test_the_owner_need_not_be_in_the_chat(self) -> None:
        self.hall.leave(self.zoe)
        self.post("hello", name="ZOE")
        self.assertEqual(self.read(self.bob)[-1], "[zoe] hello")

    def test_it_is_in_the_history_and_in_the_share_of_the_owner(self) -> None:
        self.post("hello")
        [line] = self.journal.view.history(named("lobby"), 10)
        self.assertEqual((line.name, line.text), ("zoe", "hello"))
        [kept] = self.store.lines.values()
        self.assertEqual(kept.origin, "name:zoe")

    def test_what_proves_nothing_is_refused(self) -> None:
        self.assertEqual(self.refused("hello", "fake"), Kind.WRONG_PASSPHRASE)
        self.assertEqual(self.refused("hello", name="bob"), Kind.WRONG_PASSPHRASE)
        self.assertEqual(self.read(self.bob), [])

    def test_a_room_that_is_not_there_is_refused(self) -> None:
        self.assertEqual(self.refused("hello", room="nowhere"), Kind.NO_ROOM)

    def test_an_owner_that_is_muted_posts_nothing_whether_it_is_here_or_not(self) -> None:
        self.control(Mute(named("zoe"), 0))
        self.assertEqual(self.refused("hello"), Kind.MUTED)
        self.hall.leave(self.zoe)
        self.assertEqual(self.refused("hello"), Kind.MUTED)
        self.control(Unmute(named("zoe")))
        self.post("hello")

    def test_an_owner_whose_address_is_muted_posts_nothing_while_it_is_here(self) -> None:
        self.control(Mute(named("10.0.0.1"), 0))
        self.assertEqual(self.refused("hello"), Kind.MUTED)

    def test_a_banned_owner_posts_nothing(self) -> None:
        self.hall.control("ban", "zoe")
        self.assertEqual(self.refused("hello"), Kind.BANNED)

    def test_in_a_locked_room_those_post_that_could_speak_there(self) -> None:
        self.control(Lock("lobby"))
        self.control(Lock("dev"))
        self.assertEqual(self.refused("hello"), Kind.LOCKED)
        self.post("hello", room="dev")
        self.control(SetOperator(named("zoe")))
        self.hall.leave(self.zoe)
        self.post("hello")

    def test_nobody_hears_an_owner_that_it_ignores(self) -> None:
        ask(self.journal, self.bob, Ignore(named("zoe")))
        self.post("hello")
        self.assertEqual(self.read(self.bob), [])

    def test_a_slow_room_is_slow_for_what_is_posted_and_said_together(self) -> None:
        self.control(Slow("dev", 60))
        self.read(self.zoe)
        self.post("one", room="dev")
        self.assertEqual(self.refused("two", room="dev"), Kind.SLOW)
        ask(self.journal, self.zoe, Say("dev", "three"))
        [posted, refused] = self.read(self.zoe)
        self.assertEqual(posted, "[zoe] one")
        self.assertTrue(refused.startswith("! that was not said: everybody says one line in 1 min"))
        self.hall.clock.advance(60)
        ask(self.journal, self.zoe, Say("dev", "four"))
        self.assertEqual(self.refused("five", room="dev"), Kind.SLOW)
        self.hall.clock.advance(60)
        self.post("six", room="dev")

    def test_a_slow_room_is_slow_for_an_owner_that_is_not_here(self) -> None:
        self.hall.leave(self.zoe)
        self.control(Slow("lobby", 60))
        self.post("one")
        self.assertEqual(self.refused("two"), Kind.SLOW)
        self.hall.clock.advance(60)
        self.post("three")

    def test_it_is_forgotten_when_somebody_posted_before_the_slowest_room_would_ask(self) -> None:
        self.hall.ask(self.bob, "/join dev")
        for room in ("lobby", "dev"):
            self.control(Slow(room, 60))
        self.hall.leave(self.zoe)
        self.post("one")
        self.hall.clock.advance(MAX_SLOW)
        self.post("two", room="dev")
        self.assertEqual(list(self.journal.state.posted), [("zoe", "dev")])

    def test_an_operator_is_not_slowed(self) -> None:
        self.control(SetOperator(named("zoe")))
        self.control(Slow("lobby", 60))
        self.post("one")
        self.post("two")


class TokenTests(Posting):
    def add(self, label: str, digest: str) -> None:
        ask(self.journal, self.zoe, AddToken(named("zoe"), label, digest))

    def test_a_token_posts_until_it_is_dropped(self) -> None:
        self.add("deploys", "token 1")
        self.post("hello", "token 1")
        self.assertEqual(self.read(self.bob), ["[zoe] hello"])
        ask(self.journal, self.zoe, DropToken(named("zoe"), "deploys"))
        self.assertEqual(self.refused("hello", "token 1"), Kind.WRONG_PASSPHRASE)

    def test_a_token_takes_the_place_of_one_that_is_called_so(self) -> None:
        self.add("deploys", "token 1")
        self.add("deploys", "token 2")
        self.assertEqual(self.refused("hello", "token 1"), Kind.WRONG_PASSPHRASE)
        self.post("hello", "token 2")

    def test_an_owner_has_so_many_tokens(self) -> None:
        for number in range(TOKENS):
            self.add(f"t{number}", f"token {number}")
        refused = self.assertRaises(Refusal, self.add, "more", "token")
        self.assertEqual(refused.kind, Kind.TOO_MANY)
        self.add("t0", "another")
        self.post("hello", "another")

    def test_a_label_is_short(self) -> None:
        self.add("x" * TOKEN_LABEL, "token")
        refused = self.assertRaises(Refusal, self.add, "x" * (TOKEN_LABEL + 1), "token")
        self.assertEqual(refused.kind, Kind.TOO_LONG)

    def test_a_token_that_is_not_there_is_not_dropped(self) -> None:
        self.assertRaises(Refusal, ask, self.journal, self.zoe, DropToken(named("zoe"), "deploys"))

    def test_who_owns_no_name_has_no_token(self) -> None:
        refused = self.assertRaises(
            Refusal, ask, self.journal, self.bob, AddToken(named("bob"), "x", "token")
        )
        self.assertEqual(refused.kind, Kind.NOT_ALLOWED)

    def test_tokens_are_kept_with_the_name(self) -> None:
        self.add("deploys", "token 1")
        again = Hall(self, self.store)
        again.come("10.0.0.3", "cid")
        post = Post(named("zoe"), "token 1", named("lobby"), "hello")
        result(again.journal.ask("", post))

    def test_another_passphrase_leaves_the_tokens_and_a_reset_takes_them(self) -> None:
        self.add("deploys", "token 1")
        ask(self.journal, self.zoe, Register(named("zoe"), "another"))
        self.post("hello", "token 1")
        self.hall.control("reset", "zoe", hashes=True)
        self.assertEqual(self.refused("hello", "token 1"), Kind.WRONG_PASSPHRASE)
