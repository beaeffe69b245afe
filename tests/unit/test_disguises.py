"""Whoever is meant is found in any disguise of the name, and nobody can come in one."""

from __future__ import annotations

from tests.support.moderated import Moderated

DISGUISES = (
    "ｂｏｂ",
    "ｂoｂ",
    "\U0001d41b\U0001d428\U0001d41b",
    "\u24d1\u24de\u24d1",
    "ᵇᵒᵇ",
    "ＢＯＢ",
)


class DisguiseTests(Moderated):
    def test_nobody_takes_a_disguise_of_a_name(self) -> None:
        for name in DISGUISES:
            [answer] = self.act(f"/nick {name}", self.dan).dan
            self.assertRegex(answer, "^! .* in special forms: write '(bob|BOB)'$")

    def test_people_are_found_by_any_disguise_of_their_names(self) -> None:
        for name in DISGUISES:
            [answer] = self.act(f"/whois {name}").ann[:1]
            self.assertTrue(answer.startswith("- bob "), answer)
            self.assertIn("[ann -> you] psst", self.act(f"/msg {name} psst").bob)

    def test_a_ban_of_a_name_holds_for_its_disguises_and_the_other_way_round(self) -> None:
        self.act("/ban ｂｏｂ 1h")
        self.assertTrue(self.bob.leaving)
        for name in ("bob", "BOB", "b0b"):
            [answer] = self.act(f"/nick {name}", self.dan).dan
            self.assertTrue(answer.startswith(f"! {name} is banned for "), answer)
        self.act("/unban \u24d1\u24de\u24d1")
        self.act("/nick bob", self.dan)
        self.assertEqual(self.dan.name, "bob")

    def test_a_mute_of_a_disguise_is_one_of_who_bears_the_name(self) -> None:
        read = self.act("/mute ᵇᵒᵇ 1h")
        self.assertIn("- You are muted for 1 h", read.bob)
        self.assertIn("- You are not muted any more", self.act("/unmute ＢＯＢ").bob)

    def test_a_kick_of_a_disguise_is_one_of_who_bears_the_name(self) -> None:
        self.act("/kick ｂｏｂ")
        self.assertTrue(self.bob.leaving)

    def test_a_name_that_no_rule_allows_any_more_can_be_banned(self) -> None:
        for name in ("ᏣᎳᎩ", "root", "\u0391\u039d\u0391"):
            self.act(f"/ban {name}")
            self.assertIn(f"- {name}, by ann", self.act("/bans").ann)

    def test_what_can_be_nobody_s_name_is_not_banned(self) -> None:
        for name in ("#tea", "a@b", "10.0.0.256", "１０", "x" * 25):
            self.assertIn("nobody's name", self.refused(f"/ban {name}"))
