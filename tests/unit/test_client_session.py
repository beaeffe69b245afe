"""A session of `twisted_chat.client`, on a transport of the test."""

from __future__ import annotations

import socket
from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clients import GREETING, UNKNOWN
from tests.support.doubles import TCPTransport
from tests.support.properties import given, st
from tests.unit.test_json import JSON
from tests.unit.test_server_lines import DONE
from twisted_chat import syntax
from twisted_chat.client import Session
from twisted_chat.events import (
    Entered,
    Event,
    Greeting,
    Left,
    Motd,
    Notice,
    PutOut,
    Refused,
    Said,
)
from twisted_chat.limits import CLIENT_EVENTS, CLIENT_LINE
from twisted_chat.server_lines import ASK
from twisted_chat.text import clean

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


class PlainTransport(TCPTransport):
    """A TCPTransport with nothing between it and a socket."""

    def __init__(self, handle: socket.socket) -> None:
        super().__init__()
        self._handle = handle

    def getHandle(self) -> socket.socket:
        return self._handle


class SessionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket = socket.socket()
        self.addCleanup(self.socket.close)
        self.session, self.transport = self.join()

    def join(self) -> tuple[Session, PlainTransport]:
        session, transport = Session(), PlainTransport(self.socket)
        session.makeConnection(transport)
        return session, transport

    def lose(self, reason: type[Exception] = ConnectionDone) -> None:
        """The connection is gone, as Twisted tells it."""
        self.session.connectionLost(Failure(reason()))

    def next(self) -> Deferred[Event]:
        """Wait for the next event."""
        return self.start(self.session.__anext__())

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        return Deferred.fromCoroutine(coroutine)

    def read(self) -> Event:
        """The next event, which is there already."""
        return self.successResultOf(self.next())

    # Writing.

    def test_say_sends_a_line(self) -> None:
        self.session.say("grüße")
        self.assertEqual(self.transport.value(), "grüße\n".encode())

    @given(st.text(st.sampled_from("/ax \t1")) | LINE)
    def test_say_says_any_one_line_text_and_never_runs_a_command(self, text: str) -> None:
        session, transport = self.join()
        session.say(text)
        line = transport.value().decode()[:-1]
        self.assertIsNone(syntax.parse(line))
        self.assertEqual(syntax.unescape(line), clean(text.encode()))

    def test_say_doubles_the_slash_of_what_would_be_a_command(self) -> None:
        self.session.say("/quit")
        self.session.say("/* a comment */")
        self.assertEqual(self.transport.lines(), ["//quit", "/* a comment */"])

    def test_more_than_one_line_is_neither_said_nor_run(self) -> None:
        for text in ("a\nb", "a\r", "\n", "/who\n/quit"):
            for send in (self.session.say, self.session.command):
                self.assertRaises(ValueError, send, text)
        self.assertEqual(self.transport.value(), b"")

    def test_what_utf_8_cannot_hold_is_neither_said_nor_run(self) -> None:
        for send in (self.session.say, self.session.command):
            self.assertRaises(ValueError, send, "/nick \udcb1\udce8")
        self.assertEqual(self.transport.value(), b"")

    def test_command_sends_it_as_it_is(self) -> None:
        self.session.command("/quit so long")
        self.assertEqual(self.transport.lines(), ["/quit so long"])

    def test_command_refuses_what_is_no_command_and_what_the_session_uses_itself(self) -> None:
        for line in ("who", "//who", "/ who", "", "/", "/format line", "/Format json"):
            self.assertRaises(ValueError, self.session.command, line)
        self.assertEqual(self.transport.value(), b"")

    def test_nothing_can_be_said_after_the_end(self) -> None:
        for end in (self.session.finish, self.session.readConnectionLost, self.lose):
            self.session, self.transport = self.join()
            end = getattr(self, end.__name__, None) or getattr(self.session, end.__name__)
            end()
            self.assertRaises(ConnectionError, self.session.say, "too late")
            self.assertRaises(ConnectionError, self.session.command, "/who")
            self.assertEqual(self.transport.value(), b"")

    # Reading.

    def test_each_kind_of_line_is_an_event(self) -> None:
        for line, event in {
            f"{GREETING}{UNKNOWN}".strip(): Greeting(1),
            "> New user 10.0.2.15:33082 entered (2 users online)": Entered("10.0.2.15:33082", 2),
            "[[2001:db8::1]:33082] [x] hi": Said("[2001:db8::1]:33082", "[x] hi"),
            "< The user local:1 left (0 user online)": Left("local:1", {"": 0}),
            "< The user ann left (1 user online): bye: all": Left("ann", {"": 1}, words="bye: all"),
            "< The user ann left (1 user online), put out: too slow to read": Left(
                "ann", {"": 1}, reason="too slow to read"
            ),
            "- the daemon stops": Notice("the daemon stops"),
            "! no command /x": Refused("no command /x"),
            "whatever else": Notice("whatever else"),
            "": Notice(""),
        }.items():
            self.session.dataReceived(f"{line}\n".encode())
            self.assertEqual(self.read(), event)

    def test_a_server_that_knows_json_is_asked_for_it_and_tells_all(self) -> None:
        self.session.dataReceived(GREETING.encode())
        self.assertEqual(self.transport.lines(), [ASK])
        waiting = self.next()
        events = [
            Greeting(1, "lobby", "10.0.0.1:5"),
            Motd("ann set the topic: lies"),
            DONE,
            Said("ann", "x" * CLIENT_LINE, "lobby"),
            Said("ann", "\N{REPLACEMENT CHARACTER}" * 2 * CLIENT_LINE, "lobby"),
            PutOut("kicked"),
        ]
        for event in events[:3]:
            self.assertNoResult(waiting)
            self.session.dataReceived(JSON.render(event, "lobby"))
        self.assertEqual(self.successResultOf(waiting), events[0])
        self.session.dataReceived(b"".join(JSON.render(event, "lobby") for event in events[3:]))
        cut = "\N{REPLACEMENT CHARACTER}" * CLIENT_LINE + "…"
        self.assertEqual(
            [self.read() for _ in range(4)],
            [events[1], events[3], Said("ann", cut, "lobby"), events[5]],
        )

    def test_events_come_in_their_order_however_the_stream_is_cut(self) -> None:
        for size in (1, 2, 5, 1000):
            data = "[ann] grüße\r\n[bob] 2\n- 3\n".encode()
            for start in range(0, len(data), size):
                self.session.dataReceived(data[start : start + size])
            self.assertEqual(
                [self.read(), self.read(), self.read()],
                [Said("ann", "grüße"), Said("bob", "2"), Notice("3")],
            )

    def test_reader_waits_until_there_is_an_event(self) -> None:
        waiting = self.next()
        self.assertNoResult(waiting)
        self.session.dataReceived(b"- now\n")
        self.assertEqual(self.successResultOf(waiting), Notice("now"))

    def test_control_characters_of_the_server_do_not_reach_the_reader(self) -> None:
        self.session.dataReceived(b"[ann] \x1b[2J\xff\n")
        self.assertEqual(self.read(), Said("ann", "␛[2J\N{REPLACEMENT CHARACTER}"))

    def test_over_long_line_is_cut_and_the_next_is_whole(self) -> None:
        self.session.dataReceived(b"- " + b"x" * 200_000 + b"\n- next\n")
        self.assertEqual(self.read(), Notice("x" * (CLIENT_LINE - 2) + "…"))
        self.assertEqual(self.read(), Notice("next"))

    # The end.

    def test_iteration_ends_when_the_server_closes(self) -> None:
        waiting = self.next()
        self.session.dataReceived(b"- one\n- two")
        self.session.readConnectionLost()
        self.assertTrue(self.transport.disconnecting)
        self.lose()
        self.assertEqual(self.successResultOf(waiting), Notice("one"))
        self.assertEqual(self.read(), Notice("two"))
        for _ in range(2):
            self.failureResultOf(self.next(), StopAsyncIteration)

    def test_reader_that_waits_learns_of_the_end(self) -> None:
        for reason, raised in {
            ConnectionDone: StopAsyncIteration,
            ConnectionLost: ConnectionLost,
        }.items():
            self.session, self.transport = self.join()
            waiting = self.next()
            self.lose(reason)
            self.failureResultOf(waiting, raised)

    def test_broken_connection_is_raised_after_the_events_that_came_before(self) -> None:
        self.session.dataReceived(b"- one\n")
        self.lose(ConnectionLost)
        self.assertEqual(self.read(), Notice("one"))
        for _ in range(2):
            self.failureResultOf(self.next(), ConnectionLost)

    def test_close_ends_our_side_and_returns_when_the_connection_is_gone(self) -> None:
        closing = self.start(self.session.close())
        self.assertTrue(self.transport.half_closed)
        self.assertFalse(self.transport.disconnecting)
        self.session.writeConnectionLost()
        self.assertNoResult(closing)
        self.session.dataReceived(b"- an\n- answer\n")
        self.session.readConnectionLost()
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(closing)
        self.lose()
        self.successResultOf(closing)
        self.assertEqual([self.read(), self.read()], [Notice("an"), Notice("answer")])
        self.failureResultOf(self.next(), StopAsyncIteration)

    def test_close_of_a_wrapped_connection_asks_the_server_to_end_it(self) -> None:
        """TLS has no half-close, and its own goodbye would cut off answers that still wait."""
        session, transport = Session(), TCPTransport()
        session.makeConnection(transport)
        session.say("last words")
        self.start(session.close())
        self.assertEqual(transport.value(), b"last words\n/quit\n")
        self.assertFalse(transport.disconnecting)

    def test_close_can_be_called_again_and_after_the_end(self) -> None:
        closing = [self.start(self.session.close()) for _ in range(2)]
        self.lose()
        for each in closing:
            self.successResultOf(each)
        self.successResultOf(self.start(self.session.close()))

    # Flow control.

    def test_server_is_not_read_while_too_many_events_wait(self) -> None:
        lines = [f"- {number}\n" for number in range(CLIENT_EVENTS)]
        self.session.dataReceived("".join(lines[:-1]).encode())
        self.assertEqual(self.transport.producerState, "producing")
        self.session.dataReceived(lines[-1].encode())
        self.assertEqual(self.transport.producerState, "paused")
        for number in range(CLIENT_EVENTS):
            self.assertEqual(self.transport.producerState, "paused")
            self.assertEqual(self.read(), Notice(str(number)))
        self.assertEqual(self.transport.producerState, "producing")

    def test_what_had_come_when_the_reading_stopped_is_not_lost(self) -> None:
        count = 3 * CLIENT_EVENTS + 7
        self.session.dataReceived("".join(f"- {number}\n" for number in range(count)).encode())
        self.lose()
        self.assertEqual(
            [self.read() for _ in range(count)], [Notice(str(number)) for number in range(count)]
        )
        self.failureResultOf(self.next(), StopAsyncIteration)

    def test_closing_session_is_read_to_its_end_although_events_wait(self) -> None:
        """Otherwise it would never learn that the server has closed the connection."""
        self.session.dataReceived(b"- x\n" * 3 * CLIENT_EVENTS)
        closing = self.start(self.session.close())
        self.assertEqual(self.transport.producerState, "producing")
        self.session.dataReceived(b"- x\n" * 3 * CLIENT_EVENTS)
        self.assertEqual(self.transport.producerState, "producing")
        self.lose()
        self.successResultOf(closing)
        for _ in range(6 * CLIENT_EVENTS):
            self.assertEqual(self.read(), Notice("x"))
        self.failureResultOf(self.next(), StopAsyncIteration)
