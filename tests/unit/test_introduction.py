"""What chat-client shows of an introduction that it has seen before, and what it asks for again."""

from __future__ import annotations

from unittest import TestCase

from twisted.internet.task import Clock

from tests.support.properties import given, st
from twisted_chat.console.identity import Identity
from twisted_chat.console.introduction import Introduction
from twisted_chat.console.line_answers import LineAnswers
from twisted_chat.console.preferences import Preferences
from twisted_chat.dialects import line_of, parse
from twisted_chat.events import Event, Greeting, Joined, Motd, Retold, Said, Topic
from twisted_chat.limits import CLIENT_EVENTS, INTRODUCTION, SEEN

TIME = "- 2026-11-23T07:12:00Z"


def retold(*lines: str) -> list[str]:
    return [f"{TIME} {line}" for line in lines]


class IntroductionCase(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.shown: list[str] = []
        self.identity = Identity(self.clock, None)
        self.answers = LineAnswers()
        self.introduction = Introduction(
            self.clock, lambda lines, _: self.shown.extend(lines), self.identity
        )
        self.identity.greeted(Greeting(1), "10.0.0.1:1", lambda _: None)
        self.introduction.begin()

    def hear(self, *items: str | Event) -> None:
        """The server sends lines, and events as JSON."""
        for item in items:
            event = parse(item) if isinstance(item, str) else item
            meaning = self.answers.read(event) if isinstance(item, str) else item
            lines = [item] if isinstance(item, str) else line_of(item, "lobby").split("\n")
            if self.identity.heard(meaning) and not self.introduction.takes(lines, event, meaning):
                self.shown.extend(lines)

    def say(self, *texts: str) -> None:
        for text in texts:
            self.introduction.end()
            self.introduction.said(text)

    def come_back(self, *items: str | Event, unheard: int = 0) -> list[str]:
        """What is shown of `items`, which follow the greeting after a break."""
        self.identity.lost()
        self.introduction.lost(unheard)
        self.shown.clear()
        self.identity.greeted(Greeting(1), "10.0.0.1:2", lambda _: None)
        self.introduction.begin()
        self.hear(*items)
        self.clock.advance(INTRODUCTION)
        return self.shown


class IntroductionTests(IntroductionCase):
    def test_the_first_one_is_shown_whole_and_at_once(self) -> None:
        lines = ["- welcome", "- 3 older lines left out", *retold("[bob] one", "* bob waves")]
        self.hear(*lines)
        self.assertEqual(self.shown, lines)

    def test_the_message_of_the_day_is_shown_once_and_what_is_new_in_it(self) -> None:
        self.hear("- welcome", "- be kind")
        self.assertEqual(self.come_back("- welcome", "- be kind"), [])
        self.assertEqual(self.come_back("- welcome", "- be quick"), ["- be quick"])
        self.assertEqual(self.come_back("- be quick", "- be kind"), ["- be kind"])

    def test_it_ends_with_the_first_line_of_another_kind(self) -> None:
        self.hear("- welcome")
        self.assertEqual(
            self.come_back("- welcome", "[bob] hi", "- welcome"), ["[bob] hi", "- welcome"]
        )

    def test_it_ends_when_the_person_sends_something(self) -> None:
        self.hear("- welcome")
        self.come_back("- welcome")
        self.introduction.end()
        self.hear("- welcome")
        self.assertEqual(self.shown, ["- welcome"])

    def test_it_ends_after_a_while(self) -> None:
        self.hear("- welcome")
        self.come_back("- welcome")
        self.hear("- welcome")
        self.assertEqual(self.shown, ["- welcome"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_was_seen_live_or_replayed_is_not_shown_again(self) -> None:
        self.hear(*retold("[bob] one", "* bob two"), "[bob] three", "* kim four")
        news = retold("[bob] five", "* kim six")
        replay = retold("[bob] one", "* bob two", "[bob] three", "* kim four")
        self.assertEqual(self.come_back(*replay, *news), news)
        self.assertEqual(self.come_back(*replay[2:], *news), [])
        more = retold("[bob] seven")
        self.assertEqual(self.come_back("- 3 older lines left out", *news[1:], *more), more)

    def test_what_follows_is_shown_after_the_replay(self) -> None:
        self.hear("[bob] one")
        self.assertEqual(
            self.come_back(*retold("[bob] one", "[bob] two"), "[bob] three"),
            [*retold("[bob] two"), "[bob] three"],
        )

    def test_all_of_a_replay_is_new_where_nothing_of_it_was_seen(self) -> None:
        self.hear("[bob] one", "[bob] ok")
        replay = ["- 9 older lines left out", *retold("[kim] two", "[bob] ok", "[kim] three")]
        self.assertEqual(self.come_back(*replay), replay)

    def test_where_lines_repeat_themselves_nothing_new_is_hidden(self) -> None:
        self.hear("[bob] ok")
        self.assertEqual(self.come_back(*retold("[bob] ok", "[bob] ok")), retold("[bob] ok"))

    def test_what_the_person_said_was_seen_wherever_it_stands(self) -> None:
        self.hear("- You are now ann")
        self.say("hello")
        self.hear("[bob] hi", "* ann waves")
        replay = retold("[bob] hi", "[ann] hello", "* ann waves", "[ann] hello", "[kim] new")
        self.assertEqual(self.come_back(*replay), retold("[ann] hello", "[kim] new"))
        self.assertEqual(self.come_back(*replay), [])

    def test_what_was_said_under_that_name_before_the_client_came_is_seen_once(self) -> None:
        self.hear(*retold("[ann] before"), "- You are now ann")
        self.say("hello")
        self.assertEqual(self.come_back(*retold("[ann] before", "[ann] hello")), [])

    def test_a_line_that_may_not_have_been_heard_is_news_where_it_was(self) -> None:
        self.hear("- You are now ann")
        self.say("one")
        self.hear("[bob] hi")
        self.say("two", "three")
        replay = retold("[ann] one", "[bob] hi", "[ann] two")
        self.assertEqual(self.come_back(*replay, unheard=2), retold("[ann] two"))
        self.assertEqual(self.come_back(*replay), [])

    def test_what_is_said_in_other_rooms_is_in_no_replay_of_the_lobby(self) -> None:
        self.hear("[bob] one", "> Connected to the chat server (1 user online)")
        self.hear("- You are now in #dev", "[kim] elsewhere")
        self.say("me too")
        self.assertEqual(
            self.come_back(*retold("[bob] one", "[kim] elsewhere")), retold("[kim] elsewhere")
        )

    def test_what_ignored_people_said_is_not_replayed(self) -> None:
        self.hear("[bob] one", "- You ignore kim: /unignore kim ends it", "[bob] two")
        self.assertEqual(
            self.come_back(*retold("[bob] one", "[kim] x", "[bob] two", "[kim] y", "[bob] three")),
            retold("[bob] three"),
        )

    def test_a_replay_without_an_end_is_not_kept_in_memory(self) -> None:
        self.hear("- welcome")
        lines = retold(*(f"[bob] {number}" for number in range(3 * CLIENT_EVENTS)))
        self.come_back()
        self.introduction.begin()
        self.hear(*lines)
        self.assertEqual(self.shown, lines)

    @given(
        st.lists(st.sampled_from("abc"), max_size=2 * SEEN),
        st.lists(st.sampled_from("abc"), max_size=10),
        st.integers(1, 2 * SEEN),
    )
    def test_nothing_new_is_ever_hidden(self, seen: list[str], new: list[str], kept: int) -> None:
        self.setUp()
        self.hear(*(f"[bob] {text}" for text in seen))
        replay = retold(*(f"[bob] {text}" for text in [*seen, *new][-kept - len(new) :]))
        news = retold(*(f"[bob] {text}" for text in new))
        shown = self.come_back(*replay)
        self.assertEqual(shown[len(shown) - len(news) :], news)


class EventsTests(IntroductionCase):
    """The same where the server speaks JSON."""

    def test_the_first_one_is_shown_whole_and_at_once(self) -> None:
        self.hear(Motd("welcome\nbe kind"), Retold("bob", "one", False, "lobby", 0.0))
        self.assertEqual(self.shown, ["- welcome", "- be kind", "- 1970-01-01T00:00:00Z [bob] one"])

    def test_what_is_new_of_the_message_of_the_day_and_the_topic_is_shown(self) -> None:
        tea, milk = Topic("lobby", "tea", "ann"), Topic("lobby", "milk", "ann")
        self.hear(Motd("welcome\nbe kind"), tea)
        self.assertEqual(self.come_back(Motd("welcome\nbe kind"), tea), [])
        self.assertEqual(
            self.come_back(Motd("welcome\nbe quick"), milk),
            ["- be quick", "- ann set the topic: milk"],
        )

    def test_what_was_seen_live_or_replayed_is_not_shown_again(self) -> None:
        one = Retold("bob", "one", False, "lobby", 1.0)
        two = Retold("bob", "two", True, "lobby", 2.0)
        three = Retold("bob", "three", False, "lobby", 3.0)
        self.hear(one, "* bob two", Said("kim", "four", "lobby", 4.0))
        four = Retold("kim", "four", False, "lobby", 4.0)
        self.assertEqual(self.come_back(one, two, four, three), [line_of(three)])

    def test_what_is_said_in_other_rooms_is_in_no_replay_of_the_lobby(self) -> None:
        self.hear(Said("bob", "one", "lobby"), Joined(1, "dev"), Said("kim", "elsewhere", "dev"))
        elsewhere = Retold("kim", "elsewhere", False, "lobby", 1.0)
        self.assertEqual(
            self.come_back(Retold("bob", "one", False, "lobby", 0.0), elsewhere),
            [line_of(elsewhere)],
        )


class PreferencesTests(TestCase):
    def setUp(self) -> None:
        self.preferences = Preferences()
        self.sent: list[str] = []
        self.preferences.greeted(self.sent.append)

    def takes(self, line: str) -> bool:
        return self.preferences.takes(LineAnswers().read(parse(line)))

    def hear(self, *lines: str) -> None:
        for line in lines:
            self.assertFalse(self.takes(line), line)

    def come_back(self) -> list[str]:
        """What is asked for after a break."""
        self.preferences.lost()
        self.sent.clear()
        self.preferences.greeted(self.sent.append)
        return self.sent

    def test_nothing_is_asked_for_that_the_person_did_not_get(self) -> None:
        self.hear(
            "! /away was refused: you are muted", "- You ignore nobody", "- You hear bob again"
        )
        self.assertEqual(self.come_back(), [])

    def test_being_away_is_asked_for_until_the_person_is_back(self) -> None:
        self.hear("- You are away: lunch: soup")
        self.assertEqual(self.come_back(), ["/away lunch: soup"])
        self.assertTrue(self.takes("- You are away: lunch: soup"))
        self.hear("- You are away")
        self.assertEqual(self.come_back(), ["/away"])
        self.assertTrue(self.takes("- You are away"))
        self.hear("- You are back")
        self.assertEqual(self.come_back(), [])

    def test_the_ignored_are_asked_for_until_they_are_heard_again(self) -> None:
        self.hear(
            "- You ignore bob: /unignore bob ends it",
            "- You ignore kim: /unignore kim ends it",
            "- You ignore bob, kim",
        )
        self.assertEqual(self.come_back(), ["/ignore bob", "/ignore kim"])
        self.assertTrue(self.takes("- You ignore bob: /unignore bob ends it"))
        self.assertTrue(self.takes("! that is you: others would still hear you"))
        self.hear("! that is you: others would still hear you", "- You hear bob again")
        self.assertEqual(self.come_back(), ["/ignore kim"])

    def test_the_persons_own_requests_are_answered_visibly_after_the_clients(self) -> None:
        self.hear("- You are away: lunch", "- You ignore bob: /unignore bob ends it")
        self.come_back()
        self.hear("- You are now ann", "! ann is taken")
        for answer in ("- You are away: lunch", "- You ignore bob: /unignore bob ends it"):
            self.assertTrue(self.takes(answer))
            self.hear(answer)

    def test_a_server_that_knows_no_such_command_is_asked_in_silence(self) -> None:
        self.hear("- You are away", "- You ignore bob: /unignore bob ends it")
        self.come_back()
        self.assertTrue(self.takes("! no command /away: /help lists them, and //away says it"))
        self.assertTrue(self.takes("! no command /ignore: /help lists them, and //ignore says it"))

    def test_who_is_not_back_yet_is_ignored_as_soon_as_it_is(self) -> None:
        for line in (
            "> New user Bob entered (2 users online)",
            "- 10.0.0.1:3 is now Bob",
            "[Bob] hello",
            "* Bob waves",
            "[Bob -> you] hello",
        ):
            self.setUp()
            self.hear("- You ignore Bob: /unignore Bob ends it")
            self.come_back()
            self.assertTrue(self.takes("! nobody here is called Bob: /who lists who is"))
            self.sent.clear()
            self.hear("[kim] Bob", line)
            self.assertEqual(self.sent, ["/ignore Bob"])
            self.assertTrue(self.takes("- You ignore Bob: /unignore Bob ends it"))
            self.hear(line)
            self.assertEqual(self.sent, ["/ignore Bob"])

    def test_who_is_not_back_can_be_heard_again(self) -> None:
        self.hear("- You ignore Bob: /unignore Bob ends it")
        self.come_back()
        self.assertTrue(self.takes("! nobody here is called Bob: /who lists who is"))
        self.preferences.sent("unignore", "bob")
        self.sent.clear()
        self.hear("[Bob] hello")
        self.assertEqual(self.come_back(), [])

    def test_ignoring_follows_a_new_name_but_no_address(self) -> None:
        self.hear("- You ignore bob: /unignore bob ends it", "- bob is now rob")
        self.assertEqual(self.come_back(), ["/ignore rob"])
        self.takes("- You ignore rob: /unignore rob ends it")
        self.hear("- rob is now 10.0.0.1:3", "- kim is now tim")
        self.assertEqual(self.come_back(), ["/ignore rob"])
