"""How chat-client comes back to a server, as its clock tells."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import TestCase

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.support.clients import AWAY, GREETING, UNHEARD, UNHEARD_LINES, UNKNOWN
from tests.unit.test_json import JSON
from tests.unit.test_server_lines import DONE
from twisted_chat.bridge import Bridge
from twisted_chat.client import NO_FORMAT
from twisted_chat.console.face import Face, User
from twisted_chat.console.options import Options
from twisted_chat.events import (
    YOU,
    Entered,
    Event,
    Greeting,
    Joined,
    Left,
    Motd,
    Notice,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Retold,
    RoleChanged,
    Said,
    Stopping,
    Topic,
)
from twisted_chat.limits import (
    FORMAT_WAIT,
    GOODBYE,
    GREETING_HINT,
    GREETING_LIMIT,
    GREETING_WAIT,
    LASTED,
)
from twisted_chat.records import Role
from twisted_chat.refusal import Kind
from twisted_chat.server_lines import ASK

PAUSES = (1, 2, 4, 8, 16, 30, 30)
"""Seconds from the loss of a connection, or a failed try, to the next one; a part of a second
comes on top, by chance.
"""


class Paper(Face):
    """A face that keeps what it is shown."""

    runs_commands = True

    def __init__(self, interactive: bool) -> None:
        self.interactive = interactive
        self.shown: list[str] = []
        self.events: list[Event] = []
        self.rooms: list[str] = []
        self.held = True

    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        return succeed(None)

    def _hand_over(self, line: str) -> None:
        pass

    def start(self, user: User) -> None:
        pass

    def show(self, lines: Sequence[str], event: Event) -> None:
        self.shown.extend(lines)
        self.events.append(event)

    def tell(self, line: str) -> None:
        self.shown.append(line)

    def enter_room(self, room: str) -> None:
        self.rooms.append(room)

    def show_exit(self) -> None:
        pass

    def ring(self) -> None:
        pass

    def pause(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False

    def close(self) -> Deferred[object]:
        return succeed(None)


class BridgeCase(TestCase):
    interactive = True
    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.face = Paper(self.interactive)
        options = Options()
        options.parseOptions([*self.options, "127.0.0.1", "8888"])
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 8888)
        self.bridge = Bridge(self.reactor, endpoint, options, self.face)
        self.ends: list[object] = []
        Deferred.fromCoroutine(self.bridge.run()).addBoth(self.ends.append)
        self.tries = 0
        self.connect()
        self.addCleanup(self.close, self.bridge, self.reactor)

    def close(self, bridge: Bridge, reactor: MemoryReactorClock) -> None:
        """Let it end, which takes the end of its connection."""
        bridge.output_closed()
        reactor.advance(0)
        if self.is_connected and self.bridge is bridge:
            self.lose()

    def next_try(self):
        """The factory of the next connection that is tried."""
        self.tries += 1
        self.assertEqual(len(self.reactor.tcpClients), self.tries)
        return self.reactor.tcpClients[-1][2]

    def connect(self) -> None:
        self.protocol: Protocol = self.next_try().buildProtocol(None)
        self.protocol.makeConnection(StringTransport())
        self.is_connected = True

    def hear(self, line: str) -> None:
        self.protocol.dataReceived(line.encode())

    def greet(self, more: str = "") -> None:
        """A server that knows only lines greets, and sends `more`."""
        self.hear(GREETING)
        self.assertEqual(self.sent(), f"{ASK}\n")
        self.hear(more + UNKNOWN)

    def hear_json(self, *events: Event) -> None:
        """A server that knows JSON sends `events`."""
        for event in events:
            self.hear(JSON.render(event, "lobby").decode())

    def greet_in_json(self, *more: Event) -> None:
        """A server that knows JSON greets, and tells newcomers `more`."""
        self.hear(GREETING)
        self.assertEqual(self.sent(), f"{ASK}\n")
        self.hear_json(Greeting(1, "lobby", "10.0.0.1:5"), *more, DONE)

    def lose(self, reason: Exception | None = None) -> None:
        self.is_connected = False
        self.protocol.connectionLost(Failure(reason or ConnectionDone()))

    def sent(self) -> str:
        """What was sent since it was last asked for."""
        transport = self.protocol.transport
        sent: str = transport.value().decode()
        transport.clear()
        return sent

    def last_word(self) -> str:
        """The line with which it has ended, after the connection is closed."""
        self.reactor.advance(0)
        if not self.ends:
            self.assertTrue(self.protocol.transport.disconnecting)
            self.lose()
        [end] = self.ends
        assert isinstance(end, Failure)
        end.trap(SystemExit)
        line: str = end.value.code
        return line


class ComingBackTests(BridgeCase):
    def setUp(self) -> None:
        super().setUp()
        self.greet()
        self.lose()

    def pass_time(self, pause: int) -> None:
        """There is a next try after that many seconds and the part of one, and none before."""
        self.reactor.advance(pause - 0.01)
        self.assertEqual(len(self.reactor.tcpClients), self.tries)
        self.reactor.advance(1.02)

    def test_the_pauses_grow_as_long_as_there_is_no_server(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.next_try().clientConnectionFailed(None, Failure(ConnectionRefusedError()))

    def test_the_pauses_grow_as_long_as_it_is_refused_at_the_door(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.hear("! you are banned\n")
            self.assertTrue(self.protocol.transport.disconnecting)
            self.lose()
        self.assertEqual(self.face.shown, [GREETING.strip(), AWAY.strip(), "! you are banned"])

    def test_each_reason_is_shown_once_whatever_its_numbers(self) -> None:
        reasons = [
            "you are banned for 1 min 1 s more: rude",
            "you are banned for 57 s more: rude",
            "the chat is full (10000 users): try again later",
            "the chat is full (1 user): try again later",
            "you are banned for 20 s more: rude",
        ]
        for pause, reason in zip(PAUSES, reasons, strict=False):
            self.pass_time(pause)
            self.connect()
            self.hear(f"! {reason}\n")
            self.lose()
        self.assertEqual(
            self.face.shown[2:], [f"! {reasons[0]}", f"! {reasons[2]}", f"! {reasons[4]}"]
        )

    def test_the_pauses_grow_as_long_as_it_is_not_greeted(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.lose()
        self.assertEqual(self.face.shown, [GREETING.strip(), AWAY.strip()])

    def test_the_pauses_grow_as_long_as_a_server_greets_and_goes(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.greet()
            self.lose()
        self.assertEqual(self.face.shown, [GREETING.strip(), AWAY.strip()] * (len(PAUSES) + 1))

    def test_a_connection_that_lasts_makes_the_pauses_short_again(self) -> None:
        for _ in range(2):
            for pause in PAUSES[:4]:
                self.pass_time(pause)
                self.connect()
                self.greet()
                if pause == PAUSES[3]:
                    self.reactor.advance(LASTED)
                self.lose()

    def test_a_connection_that_lasts_without_a_greeting_does_not(self) -> None:
        for pause in PAUSES[:4]:
            self.pass_time(pause)
            self.connect()
            self.reactor.advance(LASTED)
            self.lose()

    def test_a_server_that_is_back_and_does_not_greet_is_waited_for(self) -> None:
        self.pass_time(1)
        self.connect()
        self.reactor.advance(GREETING_WAIT)
        self.assertEqual(self.face.shown[2:], ["! the server is back, but has not greeted yet"])
        self.reactor.advance(10 * GREETING_LIMIT)
        self.greet()
        self.assertEqual(self.face.shown[3:], [GREETING.strip()])

    def test_while_the_output_is_full_a_new_connection_is_not_read_either(self) -> None:
        self.bridge.hold("output")
        self.pass_time(1)
        self.connect()
        self.assertEqual(self.protocol.transport.producerState, "paused")
        self.bridge.release("output")
        self.assertEqual(self.protocol.transport.producerState, "producing")

    def test_another_server_in_its_place_is_told_once_and_tried_again(self) -> None:
        for pause in PAUSES:
            self.pass_time(pause)
            self.connect()
            self.hear("HTTP/1.1 502 Bad Gateway\r\n")
            self.assertTrue(self.protocol.transport.disconnecting)
            self.lose()
        self.assertEqual(self.face.shown[2:], ["! a web server answers there and no chat"])

    def test_lines_after_the_last_thing_that_was_heard_are_counted_at_a_break(self) -> None:
        told = {0: [], 1: [f"! {UNHEARD}"], 2: [f"! {UNHEARD_LINES.format(2)}"]}
        for count, lines in told.items():
            self.pass_time(1)
            self.connect()
            self.greet()
            self.bridge.typed("heard")
            self.bridge.typed("/who")
            self.hear("[bob] hello\n")
            for number in range(count):
                self.bridge.typed(str(number))
            self.reactor.advance(LASTED)
            self.face.shown.clear()
            self.lose()
            self.assertEqual(self.face.shown, [AWAY.strip(), *lines])

    def test_a_person_who_leaves_a_dead_server_reads_what_it_may_not_have_heard(self) -> None:
        self.pass_time(1)
        self.connect()
        self.greet()
        self.bridge.typed("hello")
        self.bridge.input_ended()
        self.reactor.advance(GOODBYE)
        self.assertEqual(
            self.last_word(),
            f"chat-client: the connection broke; {UNHEARD}",
        )


class NoReconnectTests(BridgeCase):
    options = ("--no-reconnect",)

    def test_it_ends_with_what_may_not_have_been_heard(self) -> None:
        self.greet()
        self.bridge.typed("hello")
        self.lose()
        self.assertEqual(self.last_word(), f"chat-client: the server went away; {UNHEARD}")


class NoGreetingTests(BridgeCase):
    """On a terminal."""

    def test_the_person_is_asked_after_a_while_and_what_is_typed_is_held(self) -> None:
        self.reactor.advance(GREETING_WAIT - 0.1)
        self.assertEqual(self.face.shown, [])
        self.reactor.advance(0.1)
        self.assertEqual(
            self.face.shown,
            ["! no greeting yet: is this a chat? perhaps TLS: try --tls"],
        )
        self.reactor.advance(10 * GREETING_LIMIT)
        self.assertTrue(self.face.held)
        self.assertEqual(self.sent(), "")
        self.greet()
        self.assertFalse(self.face.held)
        self.assertEqual(self.face.shown[1:], [GREETING.strip()])

    def test_a_notice_before_the_greeting_means_wait(self) -> None:
        self.hear("- the chat is full: you are the third in line\n")
        self.reactor.advance(10 * GREETING_LIMIT)
        self.assertEqual(self.face.shown, ["- the chat is full: you are the third in line"])
        self.assertTrue(self.face.held)
        self.greet()
        self.assertFalse(self.face.held)

    def test_a_blank_line_says_nothing(self) -> None:
        self.hear("\n \n")
        self.assertEqual(self.face.shown, [])
        self.assertFalse(self.protocol.transport.disconnecting)

    def test_nothing_is_sent_to_a_server_that_has_not_greeted_by_leaving_it(self) -> None:
        self.bridge.interrupt()
        self.reactor.advance(0)
        self.assertTrue(self.protocol.transport.disconnecting)
        self.lose()
        self.assertEqual(self.sent(), "")
        self.assertEqual(self.ends, [None])

    def test_who_leaves_is_asked_nothing_more_however_long_the_connection_takes_to_close(
        self,
    ) -> None:
        self.bridge.interrupt()
        self.reactor.advance(GREETING_WAIT)
        self.assertEqual(self.face.shown, [])


class NoGreetingForAPipeTests(BridgeCase):
    interactive = False
    options = ("--nick", "ann")
    CANNOT = "chat-client: cannot join 127.0.0.1 port 8888: "

    def test_it_gives_up_after_a_bounded_wait(self) -> None:
        self.reactor.advance(GREETING_HINT - 0.1)
        self.assertEqual(self.face.shown, [])
        self.reactor.advance(0.1)
        self.assertEqual(
            self.face.shown, ["! no greeting yet: is this a chat? perhaps TLS: try --tls"]
        )
        self.reactor.advance(GREETING_LIMIT - GREETING_HINT - 0.1)
        self.assertFalse(self.protocol.transport.disconnecting)
        self.reactor.advance(0.1)
        self.assertEqual(
            self.last_word(),
            f"{self.CANNOT}no greeting in 20 s: is this a chat? perhaps TLS: try --tls",
        )
        self.assertEqual(self.sent(), "")
        self.assertTrue(self.face.held)

    def test_a_server_that_is_no_chat_is_called_by_its_name(self) -> None:
        for first, what in {
            "SSH-2.0-OpenSSH_9.9\r\n": "an SSH server answers there and no chat",
            "220 mx.example ESMTP\r\n": "a mail or FTP server answers there and no chat",
            "220-mx.example\r\n220 hello\r\n": "a mail or FTP server answers there and no chat",
            "* OK IMAP4rev1\r\n": "a mail or FTP server answers there and no chat",
            "HTTP/1.1 400 Bad Request\r\n\r\n": "a web server answers there and no chat",
            "\x15\x03\x01\x00\x02\x02\x46\n": "that is a TLS port: try --tls",
            "[bob] hello\n": ("no chat answers there: instead of a greeting it sent '[bob] hello'"),
            f"{'x' * 100}\n": (
                f"no chat answers there: instead of a greeting it sent '{'x' * 60}…'"
            ),
        }.items():
            with self.subTest(first=first):
                self.setUp()
                self.hear(first)
                self.assertEqual(self.last_word(), f"{self.CANNOT}{what}")
                self.assertEqual(self.sent(), "")
                self.assertEqual(self.face.shown, [])

    def test_first_bytes_without_a_line_end_are_looked_at_when_the_server_goes(self) -> None:
        self.hear("\x15\x03\x01\x00\x02\x02\x46")
        self.protocol.readConnectionLost()
        self.assertEqual(self.last_word(), f"{self.CANNOT}that is a TLS port: try --tls")

    def test_a_server_that_closes_without_a_word_is_doubted(self) -> None:
        self.lose()
        self.assertEqual(
            self.last_word(),
            f"{self.CANNOT}it closed the connection without a greeting: is this a chat? "
            "perhaps TLS: try --tls",
        )

    def test_so_is_one_that_breaks_the_connection_off_as_a_tls_port_does(self) -> None:
        self.lose(ConnectionLost())
        self.assertIn("is this a chat? perhaps TLS: try --tls", self.last_word())

    def test_a_notice_before_the_greeting_means_wait(self) -> None:
        self.hear("- wait\n")
        self.reactor.advance(10 * GREETING_LIMIT)
        self.assertEqual(self.ends, [])
        self.greet()
        self.assertEqual(self.sent(), "/nick ann\n")

    def test_nothing_is_said_before_the_name_is_granted(self) -> None:
        self.greet()
        self.assertEqual(self.sent(), "/nick ann\n")
        self.reactor.advance(GREETING_HINT)
        self.assertEqual(self.face.shown[1:], [])
        self.reactor.advance(GREETING_LIMIT - GREETING_HINT)
        self.assertTrue(self.face.held)
        self.assertEqual(
            self.last_word(),
            "chat-client: nothing was said: the server does not answer to /nick ann",
        )
        self.assertEqual(self.sent(), "")


class StayingPipeTests(BridgeCase):
    interactive = False
    options = ("--nick", "ann", "--stay")

    def test_it_comes_back_although_its_name_is_still_taken(self) -> None:
        self.greet("- You are now ann\n")
        self.bridge.input_ended()
        self.lose()
        self.reactor.advance(2)
        self.connect()
        self.greet()
        self.assertEqual(self.sent(), "/nick ann\n")
        self.hear("! ann is taken\n[bob] hello\n")
        self.assertEqual(self.face.shown[-2:], ["! ann is taken", "[bob] hello"])
        self.assertEqual(self.ends, [])


class JsonTests(BridgeCase):
    def test_a_person_reads_the_same_lines(self) -> None:
        self.greet_in_json(Motd("welcome\nbe kind"), Topic("lobby", "tea", "ann"))
        self.assertEqual(
            self.face.shown,
            [GREETING.strip(), "- welcome", "- be kind", "- ann set the topic: tea"],
        )
        self.face.shown.clear()
        self.hear_json(
            Entered("bob", 2, "lobby"),
            Said("bob", "hi", "lobby"),
            Retold("bob", "hi", False, "lobby", 0.0),
            RoleChanged(Role.REGISTERED, Role.GUEST),
            Parted("bob", 1, "lobby"),
            Left("kim", {"dev": 5, "lobby": 3}),
            Refused("no", Kind.NO_ROOM),
            Stopping(),
        )
        self.assertEqual(
            self.face.shown,
            [
                "> New user bob entered (2 users online)",
                "[bob] hi",
                "- 1970-01-01T00:00:00Z [bob] hi",
                "< The user bob left (1 user online)",
                "< The user kim left (3 users online)",
                "! no",
                "- the daemon stops",
            ],
        )
        self.assertIn(RoleChanged(Role.REGISTERED, Role.GUEST), self.face.events)

    def test_what_is_typed_is_held_until_the_server_has_answered(self) -> None:
        self.hear(GREETING)
        self.assertTrue(self.face.held)
        self.assertEqual(self.face.shown, [])
        self.hear_json(Greeting(1, "lobby"), DONE)
        self.assertFalse(self.face.held)

    def test_a_server_that_has_greeted_is_not_doubted_until_it_answers(self) -> None:
        self.reactor.advance(GREETING_WAIT - 0.1)
        self.hear(GREETING)
        self.reactor.advance(0.2)
        self.assertEqual(self.face.shown, [])
        self.reactor.advance(FORMAT_WAIT)
        self.assertEqual(self.face.shown, [GREETING.strip()])

    def test_no_message_of_the_day_passes_for_an_event(self) -> None:
        self.hear(f"{GREETING}- You are now bob\n- You are now in #dev\n")
        self.hear_json(
            Greeting(1, "lobby", "10.0.0.1:5"), Motd("You are now bob\nYou are now in #dev"), DONE
        )
        self.assertEqual(
            self.face.shown, [GREETING.strip(), "- You are now bob", "- You are now in #dev"]
        )
        self.assertEqual((self.bridge.name, self.face.rooms), ("10.0.0.1:5", []))

    def test_to_go_to_another_room_is_one_line_and_shows_in_the_prompt(self) -> None:
        self.greet_in_json()
        self.face.shown.clear()
        self.hear_json(Joined(2, "dev"), Left("kim", {"dev": 1, "lobby": 3}))
        self.assertEqual(
            self.face.shown,
            ["- You are now in #dev (2 users online)", "< The user kim left (1 user online)"],
        )
        self.hear_json(Joined(3, "lobby"))
        self.assertEqual(self.face.rooms, ["dev", "lobby"])

    def test_a_server_of_lines_shows_the_room_in_the_prompt_too(self) -> None:
        self.greet()
        self.hear(f"{GREETING}- You are now in #dev\n")
        self.assertEqual(self.face.shown, [GREETING.strip()] * 2 + ["- You are now in #dev"])
        self.assertEqual(self.face.rooms, ["dev"])

    def test_after_a_break_it_goes_to_the_room_again_and_the_prompt_tells_where_it_is(self) -> None:
        self.greet_in_json()
        self.hear_json(Joined(1, "dev"), Renamed(YOU, "ann", ("dev",)))
        self.reactor.advance(LASTED)
        self.lose()
        self.reactor.advance(2)
        self.connect()
        self.greet_in_json()
        self.assertEqual(self.sent(), "/nick ann\n/join dev\n")
        self.assertEqual(self.face.rooms, ["dev", "lobby"])
        self.hear_json(Joined(1, "dev"))
        self.assertEqual(self.face.rooms, ["dev", "lobby", "dev"])

    def test_nobody_changes_the_format_behind_the_back_of_the_client(self) -> None:
        self.greet_in_json()
        for number, line in enumerate(("/format line", "/FORMAT json", "/format"), 2):
            self.bridge.typed(line)
            self.assertEqual(self.face.shown[1:], [f"! {NO_FORMAT}"] * (number - 1))
        self.assertEqual(self.sent(), "")
        self.bridge.typed("//format line")
        self.assertEqual(self.sent(), "//format line\n")

    def test_who_is_put_out_does_not_come_back(self) -> None:
        self.greet_in_json()
        self.hear_json(Refused("you were put out: says a refusal"))
        self.hear_json(PutOut("kicked", "dev", "bob"))
        self.assertEqual(
            self.face.shown[1:],
            ["! you were put out: says a refusal", "! you were put out of #dev: kicked by bob"],
        )
        self.hear_json(PutOut("kicked", by="bob", why="so long"))
        self.assertEqual(self.last_word(), "chat-client: you were put out: kicked by bob: so long")

    def test_a_line_that_may_hold_a_passphrase_is_shown_once_it_is_known_to_be_said(self) -> None:
        self.greet_in_json()
        for kind in (Kind.NOT_SAFE, Kind.MUTED):
            self.bridge.typed("login ann secret")
            self.assertEqual(self.sent(), "login ann secret\n/who\n")
            self.hear_json(Refused("nothing of it", kind))
            self.answer_roll_call()
        self.bridge.typed("login by hand, please")
        self.answer_roll_call()
        self.assertEqual(
            self.face.shown[1:],
            ["! nothing of it", "! nothing of it", "[You] login by hand, please"],
        )

    def answer_roll_call(self) -> None:
        self.hear_json(
            Notice("", {"count": 1, "members": []}),
            Notice("", {"members": [{"name": "10.0.0.1:5"}]}),
        )
