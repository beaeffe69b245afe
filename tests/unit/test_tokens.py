"""The commands for tokens: with one a program says lines in the name of an owner."""

from __future__ import annotations

import json
import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.asking import result
from tests.support.hall import Hall, RecordingStore
from twisted_chat.accounts import token_digest
from twisted_chat.authorisation import Door
from twisted_chat.limits import TOKEN_LABEL, TOKENS
from twisted_chat.names import named
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import AddToken, Post

TOKEN = re.compile(r"chat_[\w-]{32}$")


class TokenCommands(SynchronousTestCase):
    """zoe has a registered name; bob is a guest."""

    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store)
        self.zoe = self.hall.owner("zoe")
        self.bob = self.hall.come("10.0.0.2", "bob")

    def made(self, *lines: str) -> str:
        """The token in `lines`, which are an answer."""
        [line] = lines
        match = TOKEN.search(line)
        assert match, line
        return match[0]

    def can_post(self, token: str) -> bool:
        """Whether `token` says a line as zoe."""
        owner = self.hall.journal.view.token_owner(token_digest(token))
        if owner is None:
            return False
        self.assertEqual(owner.name, "zoe")
        post = Post(named("zoe"), token_digest(token), named("lobby"), "hello")
        result(self.hall.journal.ask("", post))
        return True

    def test_a_token_says_lines_in_its_owner_s_name(self) -> None:
        [answer] = self.hall.ask(self.zoe, "/token")
        self.assertIn(
            "a program says lines as zoe, until /untoken 1; it is shown only once: ", answer
        )
        self.hall.table.read(self.bob)
        self.assertTrue(self.can_post(self.made(answer)))
        self.assertEqual(self.hall.table.read(self.bob), ["[zoe] hello"])

    def test_each_token_is_another_one_and_has_the_next_number_for_its_label(self) -> None:
        tokens = [self.made(*self.hall.ask(self.zoe, "/token")) for _ in range(3)]
        self.assertEqual(len(set(tokens)), 3)
        self.hall.ask(self.zoe, "/untoken 2")
        self.hall.ask(self.zoe, "/token")
        self.assertEqual(self.hall.ask(self.zoe, "/tokens"), ["- tokens of zoe: 1, 3, 2"])

    def test_a_token_that_is_called_so_goes(self) -> None:
        old = self.made(*self.hall.ask(self.zoe, "/token the deploys"))
        new = self.made(*self.hall.ask(self.zoe, "/token the deploys"))
        self.assertEqual(self.hall.ask(self.zoe, "/tokens"), ["- tokens of zoe: the deploys"])
        self.assertEqual((self.can_post(old), self.can_post(new)), (False, True))

    def test_a_token_is_good_for_nothing_once_it_is_dropped(self) -> None:
        token = self.made(*self.hall.ask(self.zoe, "/token deploys"))
        self.assertEqual(
            self.hall.ask(self.zoe, "/untoken deploys"),
            ["- the token deploys of zoe is ended"],
        )
        self.assertFalse(self.can_post(token))
        self.assertEqual(self.hall.ask(self.zoe, "/tokens"), ["- zoe has no tokens"])

    def test_a_name_that_is_given_up_has_no_tokens_any_more(self) -> None:
        token = self.made(*self.hall.ask(self.zoe, "/token"))
        self.hall.ask(self.zoe, "/unregister")
        self.assertFalse(self.can_post(token))
        self.hall.try_out(self.zoe, "/register another passphrase")
        self.assertFalse(self.can_post(token))

    def test_tokens_outlast_the_daemon_and_only_their_digests_are_kept(self) -> None:
        token = self.made(*self.hall.ask(self.zoe, "/token"))
        kept = self.store.documents["registration"]["zoe"]
        self.assertIn(token_digest(token), kept)
        self.assertNotIn(token, kept)
        self.hall = Hall(self, self.store)
        self.assertTrue(self.can_post(token))

    def test_too_many_and_labels_too_long_are_refused(self) -> None:
        [refused] = self.hall.ask(self.zoe, f"/token {'x' * (TOKEN_LABEL + 1)}")
        self.assertIn(f"call the token by {TOKEN_LABEL} characters at most", refused)
        for _ in range(TOKENS):
            self.made(*self.hall.ask(self.zoe, "/token"))
        [refused] = self.hall.ask(self.zoe, "/token")
        self.assertIn(f"! zoe has {TOKENS} tokens, as many as may be: /untoken one first", refused)

    def test_an_unknown_label_is_refused(self) -> None:
        [refused] = self.hall.ask(self.zoe, "/untoken deploys")
        self.assertEqual(refused, "! no token of zoe is called deploys: /tokens lists them")

    def test_guests_have_no_tokens(self) -> None:
        for line in ("/token", "/tokens", "/untoken 1"):
            [refused] = self.hall.ask(self.bob, line)
            self.assertIn("is for the owner of the name", refused)

    def test_no_token_is_shown_where_somebody_could_read_along(self) -> None:
        self.zoe.door = Door.LINE
        [refused] = self.hall.ask(self.zoe, "/token")
        self.assertIn("/token needs a way in on which nobody can read along", refused)
        self.assertNotIn("passphrase", refused)

    def test_nobody_s_token_is_dropped_by_another_owner(self) -> None:
        self.hall.ask(self.zoe, "/token deploys")
        ann = self.hall.owner("ann", "10.0.0.3")
        [refused] = self.hall.ask(ann, "/untoken deploys")
        self.assertEqual(refused, "! no token of ann is called deploys: /tokens lists them")

    def test_chatctl_makes_lists_and_drops_them_for_an_owner(self) -> None:
        [answer] = self.hall.control("token", "ZOE the deploys")
        self.assertIn(
            "says lines as zoe, until chatctl untoken zoe the deploys; it is shown", answer
        )
        self.assertTrue(self.can_post(self.made(answer)))
        self.assertEqual(self.hall.control("tokens", "zoe"), ["- tokens of zoe: the deploys"])
        self.hall.control("untoken", "zoe the deploys")
        self.assertEqual(self.hall.control("tokens", "zoe"), ["- zoe has no tokens"])
        acts = [json.loads(each) for each in self.store.audited[-2:]]
        self.assertEqual(
            [(each["what"], each["whom"], each["why"]) for each in acts],
            [("token", "zoe", "the deploys"), ("untoken", "zoe", "the deploys")],
        )

    def test_chatctl_is_told_what_is_missing(self) -> None:
        for command in ("token NAME [LABEL]", "tokens NAME", "untoken NAME LABEL"):
            self.assertEqual(
                self.hall.control(command.split()[0]),
                [f"! something is missing: write chatctl {command}"],
            )
        self.assertIn("bob is not registered", self.hall.control("token", "bob")[0])
        self.assertIn("which one?", self.hall.control("untoken", "zoe")[0])

    def test_a_member_that_has_another_name_by_then_gets_no_token(self) -> None:
        asked = AddToken(named("zoe"), "x", "digest")
        self.hall.ask(self.zoe, "/nick anna")
        ann = self.hall.owner("ann", "10.0.0.3")
        refused = self.assertRaises(Refusal, result, self.hall.journal.ask(ann.id, asked))
        self.assertEqual(refused.kind, Kind.NOT_REGISTERED)
