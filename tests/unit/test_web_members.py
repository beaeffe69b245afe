"""What members of the web door ask, and what they read then."""

from __future__ import annotations

from itertools import count, product

from twisted.trial.unittest import SynchronousTestCase

from tests.support.web import PING, TEXT, close, masked, said
from tests.support.web_hall import HANDSHAKE, THERE, Link, WebHall
from twisted_chat.commands import TABLE
from twisted_chat.limits import CLOSE_WAIT, GOODBYE, MAX_JOINED, REQUEST_WAIT, UNASKED_FRAMES
from twisted_chat.syntax import SECRET_COMMANDS

BOTH = {"lobby": None, "dev": None}
Event = dict[str, object]


def brief(events: list[Event]) -> list[tuple[object, ...]]:
    """Return the kind of each event, and what tells it from others."""
    keys = ("event", "ref", "text", "room", "more")
    return [tuple(event[key] for key in keys if key in event) for event in events]


class RequestTests(SynchronousTestCase):
    """Ann and bob are in two rooms."""

    def setUp(self) -> None:
        self.hall = WebHall()
        self.bob = Link(self.hall)
        self.bob.greet(name="bob", rooms=BOTH)
        self.ann = Link(self.hall)
        self.ann.greet(name="ann", rooms=BOTH)
        self.bob.read()

    def ask(self, *requests: Event) -> list[tuple[object, ...]]:
        """Return what ann reads of her `requests`."""
        self.ann.ask(*requests)
        return brief(self.ann.read())

    def test_what_is_said_is_read_by_its_author_in_its_place(self) -> None:
        self.bob.ask({"say": "first", "room": "dev"})
        self.ann.ask({"ref": 1, "say": "/nick eve", "room": "dev"}, {"say": "//x"})
        self.bob.ask({"ref": 1, "say": "last", "room": "dev"})
        self.assertEqual(
            brief(self.ann.read()),
            [
                ("said", "first", "dev"),
                ("said", 1, "/nick eve", "dev"),
                ("said", "//x", "lobby"),
                ("said", "last", "dev"),
            ],
        )
        self.assertEqual(
            [texts[-2] for texts in brief(self.bob.read())], ["first", "/nick eve", "//x", "last"]
        )

    def test_what_is_not_said_is_refused_with_its_number(self) -> None:
        requests: list[Event] = [
            {"say": "x", "room": "nowhere"},
            {"say": ""},
            {"say": "x" * 5000},
            {"line": "/nope"},
            {"line": " /login ann secret"},
            {"command": "kick", "argument": "bob"},
            {"command": "msg"},
            {"part": "nowhere"},
            {"history": "nowhere"},
            {"join": "!"},
            {"join": "dev"},
        ]
        for ref, request in enumerate(requests, 1):
            [refused] = self.ask({"ref": ref, **request})
            self.assertEqual(refused[:2], ("refused", ref), request)
        [refused] = self.ask({"say": ""})
        self.assertEqual(refused, ("refused", "there is nothing to say"))

    def test_what_a_person_types_is_a_command_or_is_said(self) -> None:
        self.assertEqual(
            self.ask({"ref": 1, "line": "//x", "room": "dev"}), [("said", 1, "/x", "dev")]
        )
        self.ann.ask({"ref": 2, "line": "/me waves", "room": "dev"})
        self.assertEqual(brief(self.ann.read()), [("emoted", "waves", "dev"), ("done", 2)])
        self.assertEqual(brief(self.bob.read())[-1], ("emoted", "waves", "dev"))
        [renamed, done] = self.ask({"ref": 3, "line": "/nick anna"})
        self.assertEqual((renamed[0], done), ("renamed", ("done", 3)))

    def test_an_answer_ends_with_done_and_all_of_it_has_the_number(self) -> None:
        answer = self.ask(
            {"ref": 1, "command": "who", "room": "dev"}, {"ref": 2, "command": "back"}
        )
        self.assertEqual({each[1] for each in answer[:-2]}, {1})
        self.assertEqual([each for each in answer if each[0] == "done"], [("done", 1), ("done", 2)])

    def test_without_a_number_there_is_none_in_the_answer(self) -> None:
        self.assertNotIn("done", {each[0] for each in self.ask({"command": "who"})})
        self.ann.ask({"command": "who"}, {"ref": 1, "say": "x"})
        answer = self.ann.read()
        self.assertEqual([event.get("ref") for event in answer][-2:], [None, 1])

    def test_what_others_tell_meanwhile_is_no_answer(self) -> None:
        self.bob.ask({"command": "msg", "argument": "ann psst"})
        self.ann.ask({"ref": 1, "command": "msg", "argument": "bob yes"})
        events = self.ann.read()
        self.assertEqual([event.get("ref") for event in events], [None, None, 1])

    def test_old_numbers_are_passed_over(self) -> None:
        self.assertEqual(len(self.ask({"ref": 5, "say": "a"}, {"ref": 5, "say": "b"})), 1)
        self.assertEqual(self.ask({"ref": 4, "say": "c"}), [])
        self.assertEqual(self.ask({"ref": 6, "say": "d"}), [("said", 6, "d", "lobby")])

    def test_rooms_are_joined_and_left(self) -> None:
        [joined, done] = self.ask({"ref": 1, "join": "#Tea"})
        self.assertEqual((joined[0], joined[-1], done), ("joined", "Tea", ("done", 1)))
        self.assertEqual(self.ask({"ref": 2, "part": "tea", "words": "bye"})[-1], ("done", 2))
        [parted] = [e for e in self.hall.table.transcript.lines if "Tea" in e and "left" in e]
        self.assertTrue(parted.endswith(": bye"))

    def test_what_was_said_since_a_line_is_told_to_whoever_joins_again(self) -> None:
        [first] = self.ask({"ref": 1, "say": "one", "room": "dev"})
        self.assertEqual(first[0], "said")
        self.ann.ask({"ref": 2, "say": "two", "room": "dev"})
        last = self.ann.read()[-1]["id"]
        self.ann.ask({"ref": 3, "part": "dev"})
        self.bob.ask({"say": "three", "room": "dev"})
        self.ann.read()
        self.ann.ask({"ref": 4, "join": "dev", "since": last})
        told = [event for event in self.ann.read() if event["event"] == "retold"]
        self.assertEqual([event["text"] for event in told], ["three"])
        self.ann.ask({"ref": 5, "part": "dev"}, {"ref": 6, "join": "dev", "since": "gone-1"})
        self.assertIn("gap", [event["event"] for event in self.ann.read()])

    def test_a_room_is_scrolled_back(self) -> None:
        self.bob.ask(*[{"say": f"{number}", "room": "dev"} for number in range(10)])
        ids = [event["id"] for event in self.ann.read()]
        told = self.ask({"ref": 1, "history": "dev", "before": ids[5], "count": 3})
        self.assertEqual([each[2] for each in told[:-1]], ["2", "3", "4"])
        self.assertEqual(told[-1], ("done", 1, True))
        told = self.ask({"ref": 2, "history": "#DEV", "before": ids[2], "count": 9})
        self.assertEqual(
            ([each[2] for each in told[:-1]], told[-1]), (["0", "1"], ("done", 2, False))
        )
        told = self.ask({"ref": 3, "history": "dev", "count": 1})
        self.assertEqual(([each[2] for each in told[:-1]], told[-1]), (["9"], ("done", 3, True)))
        told = self.ask({"ref": 4, "history": "dev", "before": "gone-1"})
        self.assertEqual([each[0] for each in told], ["gap", "done"])

    def test_the_frames_of_all_answers_are_counted_right(self) -> None:
        """They are counted by how they begin: nothing else in them may begin so."""
        sessions = self.hall.door.sessions.values()
        session = next(each for each in sessions if each.member.name == "ann")
        self.hall.table.appoint(session.member)
        refs = count(1)
        frames = 1  # She is in the other room.
        for command, argument in product(TABLE.commands, ("", "bob x", '{"event":"said"}')):
            if command not in ("quit", *SECRET_COMMANDS):
                self.ann.ask({"ref": next(refs), "command": command, "argument": argument})
                frames += len(self.ann.read())
        self.assertGreater(frames, next(refs))
        self.assertEqual(session.window.sent, frames)

    def test_who_quits_is_closed_in_order(self) -> None:
        self.assertEqual(self.ask({"ref": 1, "line": "/quit good night"}), [])
        self.assertEqual(self.ann.code, 1000)
        self.assertIn("words", self.bob.read()[-1])

    def test_who_is_put_out_is_told_by_whom(self) -> None:
        operator = self.hall.table.enter("op")
        self.hall.table.appoint(operator)
        self.hall.table.ask(operator, "/kick ann rude")
        put_out = self.ann.read()[-1]
        self.assertEqual((put_out["event"], put_out["by"]), ("put_out", "op"))
        self.assertEqual(self.ann.code, 4004)

    def test_who_reads_too_slowly_is_put_out_or_waited_for(self) -> None:
        for acknowledged, left in ((False, ["left"]), (True, [])):
            self.setUp()
            if acknowledged:
                self.ann.ask({"ack": 1})
                self.hall.turn()
            self.ann.transport.producer.pauseProducing()
            self.bob.ask({"say": "x"})
            self.bob.read()
            for _ in range(32):
                self.hall.wait(1)
            events = [event["event"] for event in self.bob.read() if event.get("name") == "ann"]
            self.assertEqual(events, left)
            self.assertNotIn(self.ann, self.hall.links)


class EndTests(SynchronousTestCase):
    """Connections that say nothing, or nothing that makes sense."""

    def setUp(self) -> None:
        self.hall = WebHall()

    def test_who_says_no_hello_is_closed(self) -> None:
        link = Link(self.hall)
        link.send(HANDSHAKE)
        link.answer()
        for _ in range(int(REQUEST_WAIT) + 1):
            self.hall.wait(1)
        self.assertEqual((link.read(), link.code), ([], 1008))
        self.assertEqual(self.hall.door.counts()["connections"], 0)

    def test_what_is_no_hello_closes_the_connection(self) -> None:
        for request in ({}, {"say": "x"}, {"hello": 2}, {"hello": 1, "rooms": 1}):
            link = Link(self.hall)
            link.send(HANDSHAKE)
            link.answer()
            link.ask(request)
            self.assertEqual((link.read(), link.code), ([], 4002))

    def test_what_is_no_request_closes_it_behind_the_answers_to_what_came_before(self) -> None:
        link = Link(self.hall)
        link.greet()
        link.ask({"ref": 1, "say": "x"}, {"nothing": 1}, {"say": "ghost"})
        self.assertEqual(brief(link.read()), [("said", 1, "x", "lobby")])
        self.assertEqual((link.code, link.reason[:9]), (4002, "a request"))

    def test_who_may_not_come_in_reads_why(self) -> None:
        self.hall.limits.max_users = 1
        self.assertEqual(Link(self.hall).greet(name="ann")[0]["event"], "greeting")
        late = Link(self.hall)
        [refused] = late.greet(name="bob")
        self.assertEqual((refused["kind"], late.code), ("too many", 4003))
        silent = Link(self.hall)
        silent.send(HANDSHAKE)
        silent.answer()
        for _ in range(int(GOODBYE) + 1):
            self.hall.wait(1)
        self.assertEqual((brief(silent.read())[0][0], silent.code), ("refused", 4003))

    def test_a_name_that_is_taken_is_refused(self) -> None:
        Link(self.hall).greet(name="ann")
        link = Link(self.hall)
        [refused] = link.greet(name="Ann")
        self.assertEqual((refused["kind"], link.code), ("name taken", 4003))
        self.assertEqual(self.hall.door.counts()["sessions"], 1)

    def test_a_passphrase_is_not_taken_where_others_can_read_it(self) -> None:
        link = Link(self.hall, THERE)
        [refused] = link.greet(name="ann", passphrase="correct horse")
        self.assertEqual((refused["kind"], link.code), ("not safe", 4003))

    def test_a_peer_that_answers_no_ping_is_gone(self) -> None:
        link = Link(self.hall)
        link.greet(name="ann")
        link.answers_pings = False
        for _ in range(100):
            self.hall.wait(1)
            link.read()
        self.assertEqual(link.pings, 1)
        self.assertNotIn(link, self.hall.links)

    def test_a_peer_that_answers_pings_stays(self) -> None:
        link = Link(self.hall)
        link.greet(name="ann")
        for _ in range(200):
            self.hall.wait(1)
            link.read()
        self.assertEqual(link.pings, 4)
        self.assertIn(link, self.hall.links)

    def test_pings_cost_as_much_as_lines(self) -> None:
        self.hall = WebHall(rate=10, burst=10)
        link = Link(self.hall)
        link.greet(name="ann")
        link.send(masked(PING, b"") * 50)
        self.assertEqual(link.transport.producerState, "paused")
        link.read()
        link.send(masked(TEXT, b"", fin=False) + masked(0, b"", fin=False) * 5)
        for _ in range(10):
            self.hall.wait(1)
        self.assertEqual(link.transport.producerState, "producing")

    def test_what_comes_behind_a_pause_waits_and_is_heard_even_if_its_peer_is_gone(self) -> None:
        self.hall = WebHall(rate=10, burst=10)
        bob = Link(self.hall, THERE)
        bob.greet(name="bob")
        ann = Link(self.hall)
        ann.greet(name="ann")
        ann.send(masked(PING, b"") * 50 + said({"say": "late"}))
        self.assertNotIn(("said", "late", "lobby"), brief(bob.read()))
        ann.send(said({"say": "later"}))
        for _ in range(10):
            self.hall.wait(1)
        ann.send(masked(PING, b"") * 50 + said({"say": "last"}))
        ann.lose()
        for _ in range(20):
            self.hall.wait(1)
        texts = [event["text"] for event in bob.read() if event["event"] == "said"]
        self.assertEqual(texts, ["late", "later", "last"])

    def test_of_frames_that_nobody_charges_only_so_many_are_taken(self) -> None:
        early = Link(self.hall)
        early.send(HANDSHAKE)
        early.answer()
        early.send(masked(PING, b"") * 20000)
        early.read()
        self.assertEqual(early.code, 1008)
        late = Link(self.hall)
        late.greet(name="ann")
        late.send(masked(TEXT, b"no JSON") + masked(PING, b"") * UNASKED_FRAMES + close())
        late.read()
        self.assertEqual(late.code, 4002)
        self.assertIn(late, self.hall.links)  # That it has closed, too, was not read.
        self.hall.wait(CLOSE_WAIT)
        self.assertNotIn(late, self.hall.links)

    def test_of_rooms_that_are_too_many_one_is_refused(self) -> None:
        rooms = {f"room{number}": None for number in range(1000)}
        events = [event["event"] for event in Link(self.hall).greet(rooms=rooms)]
        self.assertEqual(events, ["greeting", *["joined"] * (MAX_JOINED - 1), "refused"])
