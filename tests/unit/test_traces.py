"""What is done with passphrases leaves a line each in the log, and a guesser only a few."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, RecordingOutbox
from tests.support.hall import SECRET, Hall
from twisted_chat.authorisation import Door
from twisted_chat.flood import Flood
from twisted_chat.limits import LOGGED_A_MINUTE, LOGGED_A_MINUTE_IN_ALL, Limits
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL
from twisted_chat.traces import Traces


def texts(logs) -> list[str]:
    return [eventAsText(each, includeTimestamp=False, includeSystem=False) for each in logs]


class AccountTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.hall = Hall(self)

    def test_each_act_is_one_line_with_its_name_and_address(self) -> None:
        with capturedLogs() as logs:
            ann = self.hall.owner("ann", "10.0.0.1")
            self.hall.try_out(ann, "/register another secret")
            self.hall.leave(ann)
            bob = self.hall.come("2001:db8::7")
            self.hall.try_out(bob, "/login ANN wrong")
            self.hall.clock.advance(1)
            self.hall.try_out(bob, "/login ann another secret")
            self.hall.control("reset", "ann", hashes=True)
            self.hall.control("release", "ann")
            cid = self.hall.owner("cid", "uid:1000")
            self.hall.ask(cid, "/unregister")
            self.hall.ask(cid, "hello")
        self.assertEqual(
            texts(logs),
            [
                "register: name=ann from=10.0.0.1",
                "new passphrase: name=ann from=10.0.0.1",
                "wrong passphrase: name=ann from=2001:db8::7",
                "login: name=ann from=2001:db8::7",
                "reset: name=ann from=chatctl",
                "release: name=ann from=chatctl",
                "register: name=cid from=uid:1000",
                "unregister: name=cid from=uid:1000",
            ],
        )
        self.assertEqual({each["log_namespace"] for each in logs}, {"chat"})

    def test_what_stands_in_place_of_a_name_is_not_logged(self) -> None:
        """It may be a passphrase."""
        self.hall.leave(self.hall.owner("ann"))
        bob = self.hall.come("127.0.0.1")
        with capturedLogs() as logs:
            self.hall.ask(bob, f"/login {SECRET.replace(' ', '-')} ann")
        self.assertEqual(texts(logs), ["unknown name: name=- from=127.0.0.1"])
        self.assertNotIn("horse", repr(logs))

    def test_what_is_refused_for_another_reason_is_no_wrong_passphrase(self) -> None:
        self.hall.leave(self.hall.owner("ann"))
        bob = self.hall.come("10.0.0.2", "bob")
        with capturedLogs() as logs:
            self.hall.ask(bob, "/register short")
            self.hall.ask(bob, "/login ann")
            self.hall.ask(bob, "/unregister")
        self.assertEqual(texts(logs), [])


class RateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.traces = Traces(self.clock)

    def note(self, origin: str = LOCAL, count: int = 1) -> list[str]:
        """What is logged while `count` acts from `origin` are noted."""
        member = Member(
            "ann",
            RecordingOutbox(),
            LINES,
            Flood(self.clock, Limits()).meter(""),
            Door.LINE,
            None,
            origin,
        )
        with capturedLogs() as logs:
            for _ in range(count):
                self.traces.note("login", member)
        return texts(logs)

    def after(self, seconds: float) -> list[str]:
        with capturedLogs() as logs:
            self.clock.advance(seconds)
        return texts(logs)

    def test_a_guesser_leaves_a_few_lines_a_minute_and_how_many_were_left_out(self) -> None:
        for _ in range(3):
            self.assertEqual(len(self.note("10.0.0.1", 500)), LOGGED_A_MINUTE)
            self.assertEqual(len(self.note("10.0.0.2")), 1)
            self.assertEqual(self.after(59.9), [])
            self.assertEqual(self.note("10.0.0.1"), [])
            left_out = 501 - LOGGED_A_MINUTE
            self.assertEqual(self.after(0.1), [f"{left_out} lines left out: from=10.0.0.1"])

    def test_a_minute_in_which_nothing_is_left_out_says_no_more(self) -> None:
        for _ in range(5):
            self.assertEqual(len(self.note(count=LOGGED_A_MINUTE)), LOGGED_A_MINUTE)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertEqual(self.after(60), [])

    def test_many_addresses_together_fill_no_disk_either(self) -> None:
        logged = [line for each in range(3000) for line in self.note(str(each))]
        self.assertEqual(len(logged), LOGGED_A_MINUTE_IN_ALL)
        self.note("worst", 5)
        *some, rest = self.after(60)
        self.assertEqual(some[0], "5 lines left out: from=worst")
        self.assertEqual(len(some), LOGGED_A_MINUTE)
        left_out = 3000 - LOGGED_A_MINUTE_IN_ALL - (LOGGED_A_MINUTE - 1)
        self.assertEqual(rest, f"{left_out} lines left out: from=others")
        self.assertEqual(len(self.note("10.0.0.1")), 1)

    def test_a_daemon_that_stops_says_what_it_had_left_out(self) -> None:
        self.note(count=LOGGED_A_MINUTE + 1)
        with capturedLogs() as logs:
            self.traces.stop()
            self.traces.stop()
        self.assertEqual(texts(logs), ["1 lines left out: from=local"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
