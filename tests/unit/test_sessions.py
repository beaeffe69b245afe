"""Members of the web door go on over another connection."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.web_hall import HANDSHAKE, THERE, Link, WebHall
from twisted_chat.limits import DETACHED, UNREAD

BOTH = {"lobby": None, "dev": None}


def texts(events: list[dict[str, object]]) -> list[object]:
    return [event.get("text") for event in events]


def kinds(events: list[dict[str, object]]) -> list[object]:
    return [event["event"] for event in events]


class BrokenSession:
    """Cannot go on."""

    is_safe = True

    async def go_on_over(self, *_: object) -> bool:
        raise ZeroDivisionError


class SessionTests(SynchronousTestCase):
    """Ann loses her connection, and bob speaks."""

    def setUp(self) -> None:
        self.begin()

    def begin(self, **limits: int) -> None:
        self.hall = WebHall(**limits)
        self.bob = Link(self.hall)
        self.bob.greet(name="bob", rooms=BOTH)
        self.ann = Link(self.hall)
        self.token = self.ann.greet(name="ann", rooms=BOTH)[0]["resume"]
        self.bob.read()
        self.heard: list[dict[str, object]] = []

    def say(self, *lines: str, room: str = "lobby") -> None:
        self.bob.ask(*[{"say": line, "room": room} for line in lines])
        self.heard += self.bob.read()

    def resume(self, seen: int, rooms: object = None, **more: object) -> list[dict[str, object]]:
        """Let ann come again. Return what she reads."""
        self.ann = Link(self.hall)
        return self.ann.greet(name="ann", rooms=rooms or BOTH, resume=self.token, seen=seen, **more)

    def others_read(self) -> list[object]:
        """What bob has read of ann's coming and going."""
        heard, self.heard = self.heard + self.bob.read(), []
        return [event["event"] for event in heard if event.get("name") == "ann"]

    def people(self) -> list[str]:
        return [seen.name for seen in self.hall.chat.view.who(None)]

    def test_who_is_lost_again_before_it_goes_on_is_away_and_no_ghost(self) -> None:
        self.ann.ask({"ack": 0})
        again = Link(self.hall)
        again.send(HANDSHAKE)
        again.answer()
        again.ask({"hello": 1, "resume": self.token, "seen": 0})
        again.lose()
        self.hall.turn()
        self.hall.wait(DETACHED + 1)
        self.assertEqual(self.people(), ["bob"])

    def test_who_comes_again_reads_on_behind_what_it_has_read(self) -> None:
        self.ann.ask({"ack": 0})
        self.say("one", "two")
        self.assertEqual(texts(self.ann.read())[-2:], ["one", "two"])
        self.ann.lose()
        self.say("three", room="dev")
        events = self.resume(2)
        self.assertEqual(
            (events[0], texts(events[1:])),
            ({"event": "resumed", "from": 2, "ref": 0}, ["two", "three"]),
        )
        self.say("four")
        self.assertEqual(texts(self.ann.read()), ["four"])
        self.assertEqual(self.others_read(), [])

    def test_frames_are_counted_one_by_one_however_they_came(self) -> None:
        self.ann.ask({"ack": 0}, {"ref": 1, "command": "who"}, {"ref": 2, "say": "me"})
        self.say("one", "two", room="dev")
        self.say("three")
        before = self.ann.read()
        self.ann.lose()
        # Frame 1 told that she is in the other room.
        for seen in range(1, len(before) + 2):
            self.assertEqual(self.resume(seen)[1:], before[seen - 1 :])
            self.ann.lose()

    def test_who_does_not_come_again_leaves_after_a_while(self) -> None:
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.ann.lose()
        self.hall.wait(DETACHED - 1)
        self.assertEqual((self.others_read(), self.people()), ([], ["bob", "ann"]))
        self.assertEqual(self.hall.door.counts()["connections"], 1)
        self.hall.wait(1.5)
        self.assertEqual((self.others_read(), self.people()), (["left"], ["bob"]))
        self.assertEqual(kinds(self.resume(1))[0], "greeting")
        self.assertEqual(self.hall.door.counts()["sessions"], 2)

    def test_one_that_has_acknowledged_nothing_leaves_with_its_connection(self) -> None:
        self.ann.lose()
        self.hall.turn()
        self.assertEqual((self.others_read(), self.people()), (["left"], ["bob"]))

    def test_one_that_closes_in_order_leaves_with_its_connection(self) -> None:
        for code in (1000, None):
            self.begin()
            self.ann.ask({"ack": 0})
            self.ann.close(code)
            self.hall.turn()
            self.assertEqual(self.others_read(), ["left"])

    def test_one_that_closes_otherwise_may_come_again(self) -> None:
        for code in (1001, 4000):
            self.begin()
            self.ann.ask({"ack": 0})
            self.ann.close(code)
            self.hall.turn()
            self.assertEqual(self.others_read(), [])
            self.assertEqual(kinds(self.resume(1)), ["resumed"])

    def test_the_older_connection_is_closed_for_good(self) -> None:
        self.ann.ask({"ack": 1})
        self.hall.turn()
        older = self.ann
        self.assertEqual(kinds(self.resume(1)), ["resumed"])
        older.ask({"say": "ghost"})
        self.assertEqual((older.read(), older.code), ([], 4001))
        older.lose()
        self.say("one")
        self.assertEqual(texts(self.ann.read()), ["one"])
        self.assertEqual(self.others_read(), [])

    def test_also_one_that_has_acknowledged_nothing_goes_on_while_its_connection_is_there(
        self,
    ) -> None:
        self.say("one")
        self.assertEqual(kinds(self.resume(0)), ["resumed", "joined", "said"])

    def test_requests_that_were_heard_are_not_done_again(self) -> None:
        self.ann.ask({"ack": 1}, {"ref": 1, "say": "one"}, {"ref": 2, "say": "two"})
        self.ann.lose()
        resumed, *rest = self.resume(1)
        self.assertEqual(resumed["ref"], 2)
        self.assertEqual([event["ref"] for event in rest], [1, 2])
        self.ann.ask({"ref": 2, "say": "two"}, {"ref": 3, "say": "three"})
        self.assertEqual(texts(self.ann.read()), ["three"])
        self.assertEqual(texts(self.bob.read()), ["one", "two", "three"])

    def test_what_came_before_the_loss_is_heard_at_its_rate(self) -> None:
        self.begin(rate=10, burst=3)
        self.hall.wait(60)
        self.ann.ask({"ack": 1}, *[{"ref": n, "say": str(n)} for n in range(1, 9)])
        self.ann.lose()
        resumed, *_ = self.resume(1)
        self.assertEqual(resumed["ref"], 8)
        for _ in range(60):
            self.hall.wait(1)
        self.assertEqual([text for text in texts(self.bob.read()) if text], list("12345678"))

    # Where frames are not kept.

    def test_where_frames_are_missing_it_is_greeted_anew_and_nobody_reads_of_it(self) -> None:
        self.begin(resume_bytes=2000)
        self.ann.ask({"ack": 1})
        self.say("one")
        last = self.ann.read()[-1]["id"]
        older = self.ann
        self.say(*["x" * 100] * 30, room="dev")
        self.bob.ask({"command": "msg", "argument": "ann psst"})
        self.say("two")
        events = self.resume(2, {"lobby": last, "dev": None})
        self.assertEqual(older.code, None)
        older.read()
        self.assertEqual(older.code, 4001)
        self.assertEqual(kinds(events), ["greeting", "retold", "joined", "notice"])
        self.assertEqual(events[0]["resume"], self.token)
        self.assertEqual(events[1]["text"], "two")
        self.assertIn("alone", events[3]["text"])
        self.assertEqual(self.others_read(), [])
        self.say("three")
        self.assertEqual(texts(self.ann.read()), ["three"])
        self.ann.ask({"ack": 4})
        self.hall.turn()
        self.ann.lose()
        self.assertEqual(kinds(self.resume(4)), ["resumed"])

    def test_a_gap_is_told_where_the_history_is_gone_too(self) -> None:
        self.begin(resume_bytes=2000)
        self.ann.ask({"ack": 1})
        self.say(*["x" * 100] * 30)
        events = self.resume(1, {"lobby": "nothing-7", "dev": None})
        self.assertEqual(kinds(events)[:2], ["greeting", "gap"])
        self.assertEqual(texts(events)[2:-2], ["x" * 100] * 30)

    def test_without_a_connection_it_leaves_when_frames_are_dropped(self) -> None:
        self.begin(resume_bytes=4000)
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.ann.lose()
        self.say(*["x" * 100] * 40)
        self.assertEqual(self.others_read(), ["left"])

    def test_one_member_keeps_as_much_as_may_wait_for_it(self) -> None:
        self.begin(backlog=5000)
        self.ann.ask({"ack": 1})
        for _ in range(40):
            self.say("x" * 100)
            self.ann.read()
        session = self.hall.door.sessions[self.token]
        self.assertTrue(4000 < session.window.size <= 5000)
        self.assertEqual(session.window.size, sum(map(len, session.window.after(0))))

    def test_one_that_acknowledges_nothing_keeps_little(self) -> None:
        for _ in range(100):
            self.say("x" * 2000)
            self.ann.read()
        self.assertLessEqual(self.hall.door.sessions[self.token].window.size, UNREAD)
        self.assertLessEqual(self.hall.door.kept.size, 2 * UNREAD)

    def test_what_is_kept_is_counted_to_the_byte(self) -> None:
        self.ann.ask({"ack": 1})
        self.bob.ask({"ack": 1})
        for number in range(20):
            self.say(f"line {number}", room="dev")
        count = len(self.ann.read())
        windows = [session.window for session in self.hall.door.sessions.values()]
        self.assertEqual(self.hall.door.kept.size, sum(window.size for window in windows))
        self.ann.ask({"ack": count - 3})
        self.bob.close()
        self.hall.turn()
        self.ann.ask({"ack": count + 2})
        self.hall.turn()
        self.assertEqual(self.hall.door.kept.size, windows[1].size)

    # Who may.

    def test_an_unknown_token_is_a_new_hello(self) -> None:
        self.token = "guess"
        self.assertEqual(kinds(self.resume(0)), ["refused"])
        self.assertEqual(self.ann.code, 4003)

    def test_a_wrong_number_closes_the_connection_for_good(self) -> None:
        for number in (5, 2**52):
            self.begin()
            self.ann.ask({"ack": 0}, {"ack": number})
            self.assertEqual((self.ann.read(), self.ann.code), ([], 4002))
            self.assertEqual(self.others_read(), ["left"])

    def test_one_that_cannot_go_on_because_of_a_fault_is_closed_and_the_fault_logged(self) -> None:
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.hall.door.sessions[self.token] = BrokenSession()
        self.assertEqual((self.resume(1), self.ann.code), ([], 1011))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_members_without_a_connection_count(self) -> None:
        self.begin(max_users=2)
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.ann.lose()
        [refused] = Link(self.hall).greet(name="cid")
        self.assertEqual(refused["text"], "the chat is full (2 users): try again later")
        # There is no further place for its connection.
        self.assertEqual(kinds(self.resume(1)), ["resumed"])
        self.bob.lose()
        self.hall.turn()
        self.assertEqual(kinds(Link(self.hall).greet(name="cid"))[0], "greeting")
        self.ann.close()
        self.ann.lose()
        self.hall.turn()
        self.assertEqual(kinds(Link(self.hall).greet(name="dan"))[0], "greeting")

    def test_who_is_banned_meanwhile_does_not_come_again(self) -> None:
        link = Link(self.hall, THERE)
        token = link.greet(name="eve")[0]["resume"]
        link.ask({"ack": 0})
        self.hall.turn()
        link.lose()
        operator = self.hall.table.enter("op")
        self.hall.table.appoint(operator)
        self.hall.table.ask(operator, "/ban 10.0.0.7")
        link = Link(self.hall, THERE)
        [refused] = link.greet(resume=token, seen=0)
        self.assertTrue(refused["text"].startswith("you are banned"))
        self.assertEqual(link.code, 4003)

    def test_what_nobody_could_read_is_not_gone_on_with_where_others_can(self) -> None:
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.ann = Link(self.hall, THERE)
        events = self.ann.greet(name="anna", resume=self.token, seen=1)
        self.assertEqual(kinds(events), ["greeting"])

    def test_when_the_daemon_stops_those_without_a_connection_leave_too(self) -> None:
        self.ann.ask({"ack": 1})
        self.hall.turn()
        self.ann.lose()
        stopped = self.hall.chat.stop()
        self.hall.turn()
        self.assertEqual((self.bob.code, self.people()), (None, []))
        self.assertEqual(kinds(self.bob.read()), ["stopping"])
        self.assertEqual(self.bob.code, 1001)
        self.successResultOf(stopped)
        self.assertEqual(self.hall.door.counts()["sessions"], 0)
        self.assertEqual(self.hall.door.kept.size, 0)
