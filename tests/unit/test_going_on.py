"""Somebody that comes or joins goes on reading where it had stopped."""

from __future__ import annotations

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable, RecordingOutbox
from twisted_chat.authorisation import Door
from twisted_chat.dialects import JsonDialect, from_json
from twisted_chat.events import Event, Gap, Greeting, Joined, Motd, Notice, Retold, Said, Topic
from twisted_chat.limits import ANSWER_SHARE
from twisted_chat.members import Member
from twisted_chat.names import key, named
from twisted_chat.networks import LOCAL
from twisted_chat.requests import Part

JSON = JsonDialect()


class GoingOnTests(SynchronousTestCase):
    """Ann speaks in the lobby and in #Dev, at a door with several rooms."""

    def setUp(self) -> None:
        self.sit_down()

    def sit_down(self, replay: int = 0) -> None:
        self.table = ChatOnTheTable(motd=("be kind",), replay=replay)
        self.ann = self.come("ann", lobby="", Dev="")
        self.read(self.ann)

    def member(self, name: str, **since: str) -> Member:
        """Somebody that is about to enter rooms, each with where it goes on."""
        meter = self.table.flood.meter(LOCAL)
        member = Member(name, RecordingOutbox(), JSON, meter, Door.PROGRAM)
        member.since = {key(room): id for room, id in since.items()}
        return member

    def come(self, name: str, **since: str) -> Member:
        member = self.member(name, **since)
        self.table.chat.arrive(member, [*since])
        return member

    def join(self, member: Member, room: str, since: str | None = None) -> list[Event]:
        if since is not None:
            member.since = {key(room): since}
        self.table.desk.command(member, "join", room)
        return self.read(member)

    def say(self, *texts: str, room: str = "Dev") -> None:
        for text in texts:
            self.table.chat.say(self.ann, text, room)

    def read(self, member: Member) -> list[Event]:
        return list(map(from_json, self.table.read(member)))

    def id_of(self, text: str, room: str = "Dev") -> str:
        """The id of the line that says `text`."""
        self.table.settle()
        state = self.table.journal.state
        return next(line.id for line in state.history.last(room, 1000) if line.text == text)

    def words(self, events: list[Event]) -> list[str]:
        return [event.text for event in events if isinstance(event, Retold | Said)]

    def test_it_is_told_what_came_after_the_line_that_it_has_and_then_what_comes(self) -> None:
        self.sit_down(replay=1)
        self.say("one", "two", "three")
        self.say("here", "there", room="lobby")
        self.table.desk.command(self.ann, "topic", "tea", "Dev")
        bob = self.come("bob", lobby=self.id_of("here", "lobby"), dev=self.id_of("one"))
        self.say("four")
        told = self.read(bob)
        self.assertEqual(
            [event if isinstance(event, Motd) else type(event) for event in told],
            [Greeting, Motd("be kind"), Retold, Joined, Retold, Retold, Topic, Said],
        )
        self.assertEqual(self.words(told), ["there", "two", "three", "four"])
        ids = [event.id for event in told if isinstance(event, Retold)]
        self.assertEqual(
            ids, [self.id_of("there", "lobby"), self.id_of("two"), self.id_of("three")]
        )

    def test_where_that_line_is_gone_a_gap_comes_first(self) -> None:
        self.say("one", "two")
        told = self.read(self.come("bob", Dev="gone-1"))
        self.assertEqual(told[2], Gap("Dev"))
        self.assertEqual(self.words(told), ["one", "two"])

    def test_one_that_has_read_all_is_told_nothing_again(self) -> None:
        self.sit_down(replay=2)
        self.say("one", "two")
        told = self.read(self.come("bob", dev=self.id_of("two")))
        self.assertEqual(told, [Greeting(2, "Dev", "bob"), Motd("be kind")])

    def test_one_that_has_read_nothing_is_told_what_newcomers_are_in_each_room(self) -> None:
        self.sit_down(replay=1)
        self.say("one", "two")
        self.say("here", room="lobby")
        bob = self.come("bob", lobby="", dev="")
        self.assertEqual(self.words(self.read(bob)), ["here", "two"])
        self.table.desk.ask(bob, Part(named("Dev")))
        self.assertEqual(self.words(self.join(bob, "dev")), [])

    def test_it_goes_on_in_a_room_that_it_joins(self) -> None:
        self.sit_down(replay=2)
        self.say("one", "two", "three")
        bob = self.come("bob", lobby="")
        self.read(bob)
        both = ["two", "three"]
        for since, words in ((None, []), ("", both), (self.id_of("one"), both)):
            told = self.join(bob, "DEV", since)
            self.assertIsInstance(told[0], Joined)
            self.assertEqual(self.words(told), words)
            self.table.desk.ask(bob, Part(named("Dev")))
            self.read(bob)

    def test_a_join_that_is_refused_leaves_nothing_behind(self) -> None:
        self.say("one", "two")
        bob = self.come("bob", lobby="")
        self.read(bob)
        state = self.table.journal.state
        self.table.appoint(self.ann)
        self.table.desk.command(self.ann, "lock", "", "Dev")
        self.join(bob, "dev", self.id_of("one"))
        self.table.desk.command(self.ann, "unlock", "", "Dev")
        self.read(bob)
        self.assertEqual(self.words(self.join(bob, "dev")), [])
        self.assertEqual(len(state.rooms.exactly("Dev").present), 2)

    def test_all_rooms_that_it_enters_at_once_share_what_an_answer_may_have(self) -> None:
        self.table.limits.backlog = 3000 * ANSWER_SHARE
        for number in range(100):
            self.say(f"{number:0100}")
            self.say(f"{number:0100}", room="lobby")
        bob = self.come("bob", lobby=self.id_of(f"{0:0100}", "lobby"), dev=self.id_of(f"{0:0100}"))
        told = self.read(bob)
        retold = [event for event in told if isinstance(event, Retold)]
        self.assertEqual({event.room for event in retold}, {"lobby", "Dev"})
        left_out = [event.record for event in told if isinstance(event, Notice)]
        shown = Counter(event.room for event in retold)
        self.assertEqual(
            left_out,
            [{"room": room, "left_out": 99 - shown[room]} for room in ("lobby", "Dev")],
        )
        size = sum(len(JSON.render(event, "")) for event in told)
        self.assertLess(size, 3000 + 500)
        self.assertGreater(size, 3000 - 500)

    def test_it_goes_back_page_by_page_to_the_first_line_that_is_kept(self) -> None:
        self.say(*map(str, range(50)))
        bob = self.come("bob", Dev="")
        self.read(bob)
        seen = ["49"]
        more = True
        while more:
            self.table.desk.command(bob, "history", f"before {self.id_of(seen[0])} 20", "Dev")
            *lines, end = self.read(bob)
            seen = self.words(lines) + seen
            more = end.record["more"]
        self.assertEqual(seen, [str(number) for number in range(50)])

    def test_whatever_happens_meanwhile_it_reads_each_line_once_and_in_order(self) -> None:
        for seed in range(20):
            chance = Random(seed)
            self.sit_down()
            said: dict[str, list[str]] = {"lobby": ["first"], "Dev": ["first"]}
            for room in said:
                self.say("first", room=room)
            last = {room: self.id_of("first", room) for room in said}
            heard: dict[str, list[str]] = {room: ["first"] for room in said}
            bob: Member | None = None
            for number in range(60):
                room = chance.choice([*said])
                match chance.randrange(6):
                    case 0 if bob is None:
                        bob = self.come("bob", **last)
                    case 1 if bob is not None:
                        self.table.chat.leave(bob)
                        self.note(bob, heard, last)
                        bob = None
                    case _:
                        said[room].append(str(number))
                        self.say(str(number), room=room)
            self.note(bob or self.come("bob", **last), heard, last)
            if bob is not None:
                self.table.chat.leave(bob)
                self.note(self.come("bob", **last), heard, last)
            self.assertEqual(heard, said, seed)

    def note(self, member: Member, heard: dict[str, list[str]], last: dict[str, str]) -> None:
        """Note what `member` has heard, and the last line of it in each room."""
        for event in self.read(member):
            if isinstance(event, Retold | Said):
                heard[event.room].append(event.text)
                last[event.room] = event.id
            self.assertNotIsInstance(event, Gap)
