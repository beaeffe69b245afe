"""The control door on a transport of strings: requests of every kind, and every way to end."""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import closing
from socket import AF_UNIX, socket
from tempfile import TemporaryDirectory

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.asking import ask
from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox, SlowJournal, TCPTransport
from twisted_chat.authorisation import Door
from twisted_chat.commands import TABLE
from twisted_chat.doors.control import NAME, ControlDoor, ControlProtocol
from twisted_chat.doors.listening import ListenError
from twisted_chat.journal.memory import MemoryJournal
from twisted_chat.limits import CONTROL_CONNECTIONS, CONTROL_WAIT, GOODBYE
from twisted_chat.members import Member
from twisted_chat.names import BadName, check_name, named
from twisted_chat.requests import Mute

PEER = UNIXAddress(None)
WHOLE = {"event": "end"}


def request(command: str, argument: str = "", room: str = "") -> bytes:
    """The line that asks for it."""
    return json.dumps({"command": command, "argument": argument, "room": room}).encode() + b"\n"


def words(event: dict[str, object]) -> str | None:
    """What people read of `event`; None: nothing."""
    return event.get("line", event.get("text"))


def attendants(table: ChatOnTheTable) -> set[str]:
    """The ids of those that came by the control door and have not left, as anybody knows them."""
    known = [table.chat._members, table.chat.journal.state.people]
    return {id for people in known for id, each in people.items() if each.door is Door.CONTROL}


class ControlDoorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lay(None)

    def lay(self, journal: MemoryJournal | None) -> None:
        self.table = ChatOnTheTable(journal)
        self.ann, self.bob = self.table.enter("ann"), self.table.enter("bob")
        self.heard()
        self.limits = self.table.limits
        self.limits.max_line = 100
        self.door = ControlDoor(self.table.entrance(), "")

    def lay_slow(self) -> None:
        """Begin anew with a journal that is slow."""
        journal = SlowJournal()
        self.lay(journal)
        journal.is_slow = True

    def heard(self) -> list[str]:
        """What bob has got since it was last asked."""
        self.table.read(self.ann)
        self.table.transcript.written.clear()
        return self.table.read(self.bob)

    def connect(self) -> ControlProtocol:
        protocol = self.door.buildProtocol(PEER)
        protocol.makeConnection(TCPTransport(peerAddress=PEER))
        return protocol

    def read(self, protocol: ControlProtocol) -> list[dict[str, object]]:
        """The events that came since it was last asked."""
        self.table.turns.run()
        return [json.loads(line) for line in protocol.transport.lines()]

    def ask(self, *lines: bytes) -> list[dict[str, object]]:
        """The whole answer to `lines`, without END."""
        protocol = self.connect()
        for line in lines:
            protocol.dataReceived(line)
        protocol.readConnectionLost()
        *events, end = self.read(protocol)
        self.assertEqual(end, WHOLE)
        self.close(protocol)
        return events

    def close(self, protocol: ControlProtocol, error: type[Exception] = ConnectionDone) -> None:
        """The connection is gone, and nothing of it is left."""
        protocol.writeConnectionLost()
        protocol.connectionLost(Failure(error()))
        self.table.turns.run()
        self.assertNotIn(protocol, self.door.connections)
        if not self.door.connections:
            self.assertEqual(self.table.clock.getDelayedCalls(), [])

    def refused(self, *lines: bytes) -> str:
        """Why `lines` were refused."""
        [event] = self.ask(*lines)
        self.assertEqual(event["event"], "refused")
        return event["text"]

    # Requests.

    def test_a_request_is_answered_in_json_with_records_and_the_connection_closed(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(request("status"))
        [event] = self.read(protocol)
        self.assertEqual((event["event"], event["record"]["users"]), ("notice", 2))
        self.assertFalse(protocol.transport.disconnecting)
        protocol.readConnectionLost()
        self.assertEqual(self.read(protocol), [WHOLE])
        self.assertTrue(protocol.transport.disconnecting)
        self.close(protocol)

    def test_who_asks_is_in_no_room_and_nobody_hears_of_it(self) -> None:
        self.ask(request("who"), request("rooms"), request("kick"), b"nonsense\n")
        self.assertEqual(self.heard(), [])
        self.assertEqual(self.table.transcript.lines, [])
        self.assertEqual(self.ask(request("status"))[0]["record"]["users"], 2)

    def test_a_request_is_understood_however_it_is_split(self) -> None:
        data = request("status") + request("ops")
        for size in (1, 3, len(data) - 1, len(data)):
            pieces = [data[at : at + size] for at in range(0, len(data), size)]
            with self.subTest(size=size):
                self.assertEqual(len(self.ask(*pieces)), 2)

    def test_the_last_line_counts_without_its_end(self) -> None:
        [event] = self.ask(request("status")[:-1])
        self.assertEqual(event["event"], "notice")

    def test_empty_lines_are_nothing(self) -> None:
        self.assertEqual(self.ask(b"\n\r\n"), [])

    def test_only_the_command_has_to_be_there(self) -> None:
        self.assertEqual(self.ask(b'{"command": "status"}'), self.ask(request("status")))

    def test_what_is_no_request_is_refused_and_the_next_is_obeyed(self) -> None:
        for line in (
            b"status",
            b"\xff\xfe{}",
            b"\x80",
            b"[" * 10_000,
            b"9" * 300,
            b'"status"',
            b"[]",
            b"{}",
            b'{"argument": "bob"}',
            b'{"command": 1}',
            b'{"command": null}',
            b'{"command": "kick", "argument": ["bob"]}',
            b'{"command": "kick", "argument": "bob", "why": "spam"}',
            request("status")[:-2],
        ):
            with self.subTest(line=line[:40]):
                self.limits.max_line = len(line)
                first, second = self.ask(line + b"\n", request("status"))
                self.assertEqual(first["event"], "refused")
                self.assertIn("that is no request: write {", first["text"])
                self.assertEqual(second["event"], "notice")

    def test_what_is_too_long_is_refused_and_the_next_is_obeyed(self) -> None:
        for line in (
            request("say", "x" * 101),
            request("say", "\N{SNOWMAN}" * 34),
            request("say", "x" * 5000),
            b"x" * 5000 + b"\n",
            b" " * 50_000 + request("status"),
        ):
            with self.subTest(line=line[:40], size=len(line)):
                first, second = self.ask(line, request("status"))
                self.assertIn("longer than 100 bytes", first["text"])
                self.assertEqual(second["event"], "notice")
        self.assertEqual(self.heard(), [])

    def test_the_longest_argument_is_taken_however_json_writes_it(self) -> None:
        for text in ("x" * 100, "\x1b" * 33, "\N{SNOWMAN}" * 33, "\N{PILE OF POO}" * 25):
            with self.subTest(text=text[:1]):
                self.assertEqual(self.ask(request("say", text))[-1]["text"], "said")

    def test_texts_are_cleaned_as_at_any_door(self) -> None:
        self.ask(request("say", " a\x1b[2J\nb\ud800\u202e "))
        [line] = self.heard()
        self.assertEqual(line, "- chatctl says: a␛[2J␊b\ufffd\ufffd\ufffd\ufffd")

    def test_a_byte_order_mark_is_dropped_and_no_passphrase_is_said(self) -> None:
        self.ask(b"\xef\xbb\xbf" + request("say", "\ufeffhello"))
        self.assertEqual(self.heard(), ["- chatctl says: hello"])
        for text in ("/login ann horse", "> /login ann horse", "register h0rse-and-cart"):
            self.assertIn("a passphrase may be in it", self.refused(request("say", text)))
        self.assertEqual(self.heard(), [])

    def test_commands_are_read_as_people_write_them(self) -> None:
        for word in ("status", "STATUS", "/status", " Status "):
            self.assertEqual(self.ask(request(word)), self.ask(request("status")))

    def test_a_room_is_named_with_its_mark_or_without(self) -> None:
        self.table.ask(self.bob, "/join dev")
        self.table.read(self.ann)
        for room in ("dev", "#dev"):
            self.assertEqual(self.ask(request("who", room=room))[0]["record"], {"count": 1})
            self.ask(request("say", "hi", room))
        self.assertEqual(self.table.read(self.bob)[-2:], ["- chatctl says: hi"] * 2)
        self.assertEqual(self.table.read(self.ann), [])
        self.assertIn("no room #nowhere", self.refused(request("lock", room="nowhere")))

    def test_every_command_of_the_table_is_answered_or_refused_by_its_right(self) -> None:
        for word, command in TABLE.by_word.items():
            with self.subTest(command=word):
                answers = self.ask(request(word, "x"))
                self.assertTrue(answers)
                is_here = Door.CONTROL in command.right.doors
                refused = f"chatctl {command.name} is for members of a room"
                self.assertEqual(refused in str(words(answers[0])), not is_here, answers)

    def test_help_and_refusals_name_commands_as_they_are_written_in_a_shell(self) -> None:
        for event in self.ask(request("help")):
            self.assertRegex(event["text"], f"^chatctl {event['record']['command']}[ :]")
        self.assertEqual(
            {event["record"]["command"] for event in self.ask(request("help"))},
            {name for name, each in TABLE.commands.items() if Door.CONTROL in each.right.doors},
        )
        self.assertEqual(
            [event["text"] for event in self.ask(request("help", "who"))],
            [
                "chatctl who: list who is here",
                "chatctl list is the same",
            ],
        )
        for answer, why in (
            (self.refused(request("frob")), "no command chatctl frob: chatctl help lists them"),
            (self.refused(request("help", "frob")), "no command chatctl frob: chatctl help"),
            (self.refused(request("kick")), "something is missing: write chatctl kick NAME [why]"),
        ):
            self.assertEqual(answer[: len(why)], why)

    def test_it_is_told_what_it_has_done_and_nobody_else_s_doings(self) -> None:
        protocol = self.connect()
        ask(self.table.chat.journal, "ann", Mute(named("bob"), 0))
        self.assertEqual(self.read(protocol), [])
        [event] = self.ask(request("kick", "bob spam"))
        self.assertEqual(words(event), "chatctl kicked bob: spam")
        self.assertEqual(
            (event["event"], event["who"], event["what"], event["whom"], event["why"]),
            ("acted", "chatctl", "kick", "bob", "spam"),
        )
        self.close(protocol)
        self.assertEqual(attendants(self.table), set())

    def test_only_the_one_who_acts_is_told_of_the_act(self) -> None:
        before, other = self.connect(), self.connect()
        other.dataReceived(request("status"))
        self.read(other)
        before.dataReceived(request("kick", "bob"))
        self.assertEqual(list(map(words, self.read(before))), ["chatctl kicked bob"])
        self.assertEqual(self.read(other), [])
        other.dataReceived(request("mute", "ann"))
        self.assertIn("chatctl muted ann", map(words, self.read(other)))
        self.assertEqual(self.read(before), [])
        for protocol in (before, other):
            self.close(protocol)
        self.assertEqual(attendants(self.table), set())

    def test_an_act_behind_an_answer_that_took_its_time_is_told_too(self) -> None:
        self.lay_slow()
        protocol = self.connect()
        protocol.dataReceived(request("who") + request("kick", "bob"))
        self.table.chat.journal.settle()
        self.assertEqual(words(self.read(protocol)[-1]), "chatctl kicked bob")
        protocol.dataReceived(request("who"))
        self.table.chat.journal.settle()
        self.read(protocol)
        ask(self.table.chat.journal, NAME, Mute(named("ann"), 0))  # It asks for nothing now.
        self.assertEqual(self.read(protocol), [])
        self.close(protocol)

    def test_nobody_can_bear_its_name(self) -> None:
        for name in (NAME, "ChatCtl"):
            with self.assertRaises(BadName):
                check_name(name)

    # Commands that take their time.

    def test_an_answer_that_takes_its_time_is_waited_for_and_what_follows_waits(self) -> None:
        self.lay_slow()
        protocol = self.connect()
        protocol.dataReceived(request("who") + request("ops") + request("rooms")[:-1])
        self.assertEqual(protocol.transport.producerState, "paused")
        protocol.readConnectionLost()
        self.table.clock.advance(10 * CONTROL_WAIT)
        self.assertEqual(self.read(protocol), [])
        self.assertEqual(len(self.table.chat.journal.waiting), 1)
        self.table.chat.journal.settle()
        self.assertEqual(
            list(map(words, self.read(protocol))),
            [
                "2 users online:",
                "ann from a unix socket in #lobby, idle 3 min 20 s",
                "bob from a unix socket in #lobby, idle 3 min 20 s",
                "there are no operators: chatctl op NAME makes one",
                "#lobby: 2 users online",
                None,
            ],
        )
        self.close(protocol)

    def test_it_is_read_again_after_such_an_answer(self) -> None:
        self.lay_slow()
        protocol = self.connect()
        protocol.dataReceived(request("who"))
        self.table.chat.journal.settle()
        self.assertEqual(protocol.transport.producerState, "producing")
        protocol.dataReceived(request("who"))
        protocol.readConnectionLost()
        self.assertNotIn(WHOLE, self.read(protocol))
        self.table.chat.journal.settle()
        self.assertEqual(self.read(protocol)[-1], WHOLE)
        self.close(protocol)

    def test_the_last_line_without_its_end_may_take_its_time_too(self) -> None:
        self.lay_slow()
        protocol = self.connect()
        protocol.dataReceived(request("who")[:-1])
        protocol.readConnectionLost()
        self.assertEqual(self.read(protocol), [])
        self.table.chat.journal.settle()
        self.assertEqual(words(self.read(protocol)[0]), "2 users online:")
        self.close(protocol)

    # The end.

    def test_who_vanishes_while_its_command_runs_leaves_nothing(self) -> None:
        self.lay_slow()
        for error in (ConnectionDone, ConnectionLost):
            protocol = self.connect()
            protocol.dataReceived(request("who") + request("say", "hi"))
            self.close(protocol, error)
        self.assertEqual(self.table.chat.journal.cancelled, 2)
        self.assertEqual(attendants(self.table), set())
        self.assertEqual(self.heard(), [])

    def test_who_vanishes_before_its_request_is_whole_is_not_obeyed(self) -> None:
        for end in (True, False):
            protocol = self.connect()
            protocol.dataReceived(request("say", "hi")[:-2])
            if end:
                protocol.readConnectionLost()
            self.close(protocol, ConnectionLost)
        self.assertEqual(self.heard(), [])

    def test_who_vanishes_after_its_request_is_obeyed_once(self) -> None:
        protocol = self.connect()
        protocol.dataReceived(request("say", "hi"))
        self.close(protocol, ConnectionLost)
        self.assertEqual(self.heard(), ["- chatctl says: hi"])

    def test_who_sends_no_request_is_told_and_closed(self) -> None:
        for before in (b"", b'{"command": ', b"x" * 5000):
            protocol = self.connect()
            self.table.clock.advance(CONTROL_WAIT / 2)
            protocol.dataReceived(before)
            self.table.clock.advance(CONTROL_WAIT / 2)
            *_, refused, end = self.read(protocol)
            self.assertEqual(refused["text"], "no request came for 20 s")
            self.assertEqual(end, WHOLE)
            self.assertTrue(protocol.transport.disconnecting)
            protocol.dataReceived(b"\n" + request("say", "hi"))
            protocol.readConnectionLost()
            self.assertEqual(self.read(protocol), [])
            self.close(protocol)
        self.assertEqual(self.heard(), [])

    def test_its_time_begins_anew_with_each_request(self) -> None:
        protocol = self.connect()
        for _ in range(3):
            self.table.clock.advance(CONTROL_WAIT - 1)
            protocol.dataReceived(request("ops"))
            self.assertEqual(len(self.read(protocol)), 1)
        self.close(protocol)

    def test_who_does_not_let_itself_be_closed_is_aborted(self) -> None:
        protocol = self.connect()
        protocol.readConnectionLost()
        self.table.turns.run()
        self.table.clock.advance(GOODBYE - 0.1)
        self.assertFalse(protocol.transport.disconnected)
        self.table.clock.advance(0.1)
        self.assertTrue(protocol.transport.disconnected)
        self.close(protocol)

    def test_who_does_not_read_is_closed_with_less_than_a_whole_answer(self) -> None:
        self.door.patience.limits.backlog = 100
        protocol = self.connect()
        protocol.transport.producer.pauseProducing()
        protocol.dataReceived(request("help"))
        self.table.turns.run()
        self.table.clock.advance(0)
        *_, refused, _ = self.read(protocol)
        self.assertEqual(
            refused, {"event": "refused", "text": "the answer was not read", "kind": "unavailable"}
        )
        self.assertTrue(protocol.transport.disconnecting)
        self.close(protocol)

    def test_one_too_many_is_told_and_has_its_turn_when_another_is_gone(self) -> None:
        others = [self.connect() for _ in range(CONTROL_CONNECTIONS)]
        self.assertIn("16 chatctl are at work already", self.refused(request("say", "hi")))
        self.assertEqual(self.heard(), [])
        self.close(others.pop())
        self.assertEqual(self.ask(request("say", "hi"))[-1]["text"], "said")
        for each in others:
            self.close(each)

    def test_when_the_daemon_stops_all_are_told_and_it_waits_for_their_end(self) -> None:
        self.lay_slow()
        idle, busy = self.connect(), self.connect()
        busy.dataReceived(request("who"))
        self.table.chat.stop()
        stopped = self.door.drain()
        for protocol in (idle, busy):
            refused = {"event": "refused", "text": "the daemon stops", "kind": "stopping"}
            self.assertEqual(self.read(protocol), [refused, WHOLE])
            self.assertNoResult(stopped)
            self.close(protocol)
        self.assertIsNone(self.successResultOf(stopped))

    def test_what_comes_of_a_command_after_that_is_told_to_nobody(self) -> None:
        self.lay_slow()
        busy = self.connect()
        busy.dataReceived(request("who"))
        stopped = self.door.drain()
        self.read(busy)
        self.table.chat.journal.settle()
        self.assertEqual(self.read(busy), [])
        self.close(busy)
        self.assertIsNone(self.successResultOf(stopped))

    def test_a_stop_waits_for_nobody_where_nobody_is(self) -> None:
        self.assertIsNone(self.successResultOf(self.door.drain()))

    def test_one_whose_way_out_breaks_is_closed_and_troubles_nobody(self) -> None:
        outbox = RecordingOutbox()
        outbox.broken = True
        broken = Member(NAME, outbox, LINES, self.table.flood.meter(""), Door.CONTROL)
        self.table.chat.arrive(broken, rooms=())
        self.table.chat.notify(broken, "x")
        self.table.chat.notify(self.bob, "y")
        self.assertEqual(self.heard(), ["- y"])
        self.assertEqual(outbox.closed, 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class Port:
    """A port that is listened on, as far as a Listener looks at it."""

    def __init__(self, stop: Deferred[None]) -> None:
        self.stop = stop

    def getHost(self) -> UNIXAddress:
        return PEER

    def stopListening(self) -> Deferred[None]:
        return self.stop


class SocketReactor(Clock):
    """Opens sockets, and looks at their modes in their first moment."""

    def __init__(self, stop: Deferred[None] | None = None) -> None:
        super().__init__()
        self.stop = stop or succeed(None)
        self.first_mode = 0

    def listenUNIX(
        self, path: str, factory: object, backlog: int, mode: int, wantPID: bool
    ) -> Port:
        with closing(socket(AF_UNIX)) as bound:
            bound.bind(path)
        self.first_mode = stat.S_IMODE(os.stat(path).st_mode)
        self.mode = mode
        return Port(self.stop)


class SocketTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = f"{self.folder}/co:n=tr\\ol.sock"

    def open(self, reactor: SocketReactor, path: str = "") -> ControlDoor:
        """A door that is open."""
        entrance = ChatOnTheTable().entrance(reactor)
        door = ControlDoor(entrance, path or self.path)
        door.open()
        return door

    def test_it_is_its_owner_s_alone_from_its_first_moment(self) -> None:
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        reactor = SocketReactor()
        door = self.open(reactor)
        self.assertEqual((reactor.first_mode, reactor.mode), (0o600, 0o600))
        self.assertEqual(os.umask(0), 0)
        self.assertIsNone(self.successResultOf(door.close()))

    def test_what_root_opens_is_the_folder_owner_s(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root can give files away")
        os.chown(self.folder, 1234, 2345)
        door = self.open(SocketReactor())
        for name in os.listdir(self.folder):
            status = os.stat(os.path.join(self.folder, name))
            self.assertEqual((status.st_uid, status.st_gid), (1234, 2345))
        self.assertIsNone(self.successResultOf(door.close()))

    def test_what_cannot_be_given_away_is_refused_in_one_line(self) -> None:
        def refuse(*arguments: object) -> None:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

        self.patch(os, "geteuid", lambda: 0)
        self.patch(os, "chown", refuse)
        with self.assertRaises(ListenError) as caught:
            self.open(SocketReactor())
        [line] = str(caught.exception).splitlines()
        self.assertIn(
            f"cannot give {self.path} to the owner of its folder: Operation not permitted: start",
            line,
        )

    def test_a_path_that_is_too_long_for_a_socket_is_refused_with_advice(self) -> None:
        folder = f"{self.folder}/{'x' * 200}"
        os.mkdir(folder)
        with self.assertRaises(ListenError) as caught:
            self.open(SocketReactor(), f"{folder}/control.sock")
        self.assertEqual(
            str(caught.exception),
            f"{folder}/control.sock is too long for the path of a socket: choose a folder with a "
            "shorter one",
        )

    def test_it_stops_also_when_its_socket_was_removed(self) -> None:
        stop: Deferred[None] = Deferred()
        door = self.open(SocketReactor(stop))
        stopped = door.close()
        stop.errback(FileNotFoundError())
        self.assertIsNone(self.successResultOf(stopped))
