"""The promises of the chat, where three processes share it by a ledger that is late and repeats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from tests.support.loopback import (
    DELAYS,
    Listener,
    LoopbackLedger,
    Node,
    Order,
    lay_journal,
    settle,
)
from tests.support.properties import given, settings, st
from twisted_chat.dialects import line_of
from twisted_chat.events import Emoted, Entered, Left, Parted, Said
from twisted_chat.members import Member

ASKED = st.sampled_from(
    ["{}", "{}", "{}", "/join dev", "/join lobby", "/history 1", "/nick n{}", "/me {}", "/dance"]
)
"""What a peer sends; {} is a number that nobody else sends, and it only once."""

COUNT = re.compile(r"\((\d+) users? online\)")
ANSWER = re.compile(r"! |- You |- \d{4}-|- nothing is kept")
GREETING = "> Connected "


class Peer:
    """Sends lines as a door hands them in: each when the one before is done."""

    def __init__(self, number: int, table: ChatOnTheTable, asked: Sequence[str]) -> None:
        name = f"10.0.0.{number}:1"
        self.number = number
        self.member = Member(name, RecordingOutbox(), LINES, table.flood.meter(name))
        self.sent: list[str] = []
        self._chat, self._desk = table.chat, table.desk
        self._asked = iter(asked)
        self._waits = False
        self._wait_for(self._chat.arrive(self.member))

    def _wait_for(self, waiting: Deferred[None] | None) -> None:
        self._waits = waiting is not None
        if waiting is not None:
            waiting.addCallback(lambda _: self._wait_for(None))

    def send(self) -> bool:
        """Send a line, if the one before is done. Return whether there may be more to send."""
        line = None if self._waits else next(self._asked, None)
        if line is not None:
            self.sent.append(line.format(f"{self.number}-{len(self.sent)}"))
            self._wait_for(self._desk.hand_in(self.member, self.sent[-1]))
        return self._waits or line is not None

    def leave(self) -> None:
        """Be gone, as soon as what was sent allows."""
        self._chat.leave(self.member)

    @property
    def read(self) -> list[str]:
        """The lines that it has read."""
        lines: list[str] = self.member.outbox.lines
        return lines


class Chats:
    """Three processes, each with a chat, and a fourth that only listens."""

    def __init__(self, seed: int) -> None:
        self.clock = Clock()
        self.chance = Random(seed)
        order = Order()
        self.tables: list[ChatOnTheTable] = []
        self.ledgers: list[LoopbackLedger] = []
        for node in ("n1", "n2", "n3"):
            ledger = LoopbackLedger(self.clock, order, self.chance)
            self.ledgers.append(ledger)
            journal = lay_journal(node, ledger, self.clock)
            self.tables.append(ChatOnTheTable(journal, clock=self.clock))
        witness = Node("n4", order, self.clock, self.chance)
        self.listener = witness.listener
        self.ledgers.append(witness.ledger)

    def go_on(self) -> None:
        """Let some time pass."""
        self.clock.advance(self.chance.choice(DELAYS))
        for table in self.tables:
            table.turns.run()

    def settle(self) -> None:
        """Let all that is under way arrive."""
        settle(self.clock, *self.ledgers)
        for table in self.tables:
            table.turns.run()


class ChatsOnALedgerTests(SynchronousTestCase):
    """Peers of three processes talk, each with one thing to do after the other."""

    @settings(max_examples=150)
    @given(
        st.lists(st.lists(ASKED, max_size=12), min_size=2, max_size=6),
        st.integers(0),
        st.sets(st.integers(0, 5)),
    )
    def test_the_promises_hold(
        self, all_asked: list[list[str]], seed: int, leavers: set[int]
    ) -> None:
        chats = Chats(seed)
        peers = [
            Peer(number, chats.tables[number % 3], asked) for number, asked in enumerate(all_asked)
        ]
        left = set()
        busy = list(peers)
        while busy:
            if chats.chance.random() < 0.3:
                chats.go_on()
            peer = chats.chance.choice(busy)
            if not peer.send():
                busy.remove(peer)
                if peer.number in leavers:
                    left.add(peer)
                    peer.leave()
        chats.settle()
        said = [event.text for event in chats.listener.in_rooms if isinstance(event, Said | Emoted)]
        for peer in peers:
            self.check_greeting_and_counts(peer)
            self.check_answers(peer, said)
        self.check_rooms(chats.listener, peers)
        for peer in left:
            self.assertEqual(peer.member.outbox.closed, 1)

    def check_greeting_and_counts(self, peer: Peer) -> None:
        """It is greeted first, and each count is the one before and one more or less."""
        self.assertRegex(peer.read[0], f"^{GREETING}")
        count = 0
        for line in peer.read:
            if found := COUNT.search(line):
                shown = int(found[1])
                if line.startswith("> New user "):
                    self.assertEqual(shown, count + 1, peer.read)
                elif line.startswith("< "):
                    self.assertEqual(shown, count - 1, peer.read)
                count = shown

    def check_answers(self, peer: Peer, said: list[str]) -> None:
        """What it asked was answered in the order in which it asked, and after what it had said
        before. `said`: all that was said anywhere, in the one order.
        """
        answers = iter([line for line in peer.read if ANSWER.match(line)])
        room, last_said = "lobby", ""
        for line in peer.sent:
            word, _, argument = line.partition(" ")
            if word == "/dance":
                self.assertEqual(
                    next(answers), "! no command /dance: /help lists them, and //dance says it"
                )
            elif word == "/join" and argument == room:
                self.assertEqual(next(answers), f"! you are in #{room} already")
            elif word == "/join":
                self.assertEqual(next(answers), f"- You are now in #{argument}")
                room, last_said = argument, ""
            elif word == "/nick":
                self.assertEqual(next(answers), f"- You are now {argument}")
            elif word == "/history":
                last = next(answers).split()[-1]
                if last_said:
                    self.assertGreaterEqual(said.index(last), said.index(last_said))
            else:
                last_said = argument or line
        self.assertEqual(list(answers), [])

    def check_rooms(self, listener: Listener, peers: list[Peer]) -> None:
        """It read all that happened where it was, in the one order, and nothing else."""
        expected: dict[str | None, list[str]] = {peer.member.id: [] for peer in peers}
        where: dict[str | None, str] = {}
        for event, author in zip(listener.in_rooms, listener.authors, strict=True):
            room = where.get(author)
            if isinstance(event, Left | Parted):
                del where[author]
            elif isinstance(event, Entered):
                room = event.room
            is_for_author = isinstance(event, Emoted)
            for reader, place in where.items():
                if place == room and (reader != author or is_for_author):
                    expected[reader].append(line_of(event, place))
            if isinstance(event, Entered):
                where[author] = event.room
        for peer in peers:
            read = [
                line for line in peer.read if not (ANSWER.match(line) or line.startswith(GREETING))
            ]
            self.assertEqual(read, expected[peer.member.id])
