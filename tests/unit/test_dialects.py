"""The words that people read, and lines read as events; the examples are of docs/protocol.md."""

from __future__ import annotations

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import CHECKOUT
from tests.support.properties import given, st
from tests.unit.test_text import HOSTILE
from twisted_chat.dialects import LineDialect, line_of, parse
from twisted_chat.events import (
    LOBBY,
    YOU,
    Acted,
    Announced,
    Emoted,
    Entered,
    Event,
    Forgotten,
    Gap,
    Greeting,
    Joined,
    Left,
    Locked,
    Loss,
    Motd,
    MuteChanged,
    NameLost,
    Notice,
    OwnEvent,
    Parted,
    PutOut,
    Reason,
    Refused,
    Renamed,
    Retold,
    RoleChanged,
    RoomEvent,
    Said,
    Slowed,
    Stopping,
    Told,
    Topic,
)
from twisted_chat.records import Role
from twisted_chat.refusal import Kind
from twisted_chat.text import clean

LINES = LineDialect()
NOON = 1795417920.0
"""2026-11-23T07:12:00Z."""

READ_AGAIN: dict[str, Event] = {
    "> Connected to the chat server (2 users online)": Greeting(2),
    "> New user NAME entered (2 users online)": Entered("NAME", 2),
    "[NAME] TEXT": Said("NAME", "TEXT"),
    "< The user NAME left (1 user online)": Left("NAME", {"": 1}),
    "< The user NAME left (1 user online): WORDS": Left("NAME", {"": 1}, "WORDS"),
    "< The user NAME left (1 user online), put out: REASON": Left("NAME", {"": 1}, "", "REASON"),
    "* NAME TEXT": Emoted("NAME", "TEXT"),
    "[NAME -> you] TEXT": Told("NAME", YOU, "TEXT"),
    "[you -> NAME] TEXT": Told(YOU, "NAME", "TEXT"),
    "- OLD is now NEW": Renamed("OLD", "NEW"),
    "- You are now NEW": Renamed(YOU, "NEW"),
    "- TEXT": Notice("TEXT"),
    "! TEXT": Refused("TEXT"),
}
"""Lines that tell the event that they were made of."""

OTHERS: list[tuple[Event, str]] = [
    (Said("ann", "one\n\nthree"), "[ann] one\n[ann] \n[ann] three"),
    (Parted("ann", 1, "dev"), "< The user ann left (1 user online)"),
    (Parted("ann", 0, "dev", "bye"), "< The user ann left (0 user online): bye"),
    (
        Parted("ann", 2, "dev", reason="kicked", by="bob"),
        "< The user ann left (2 users online), put out: kicked by bob",
    ),
    (Topic("dev", "tea: now", "ann"), "- ann set the topic: tea: now"),
    (Topic("dev", "", "ann"), "- ann took the topic away"),
    (Slowed("dev", 90, "ann"), "- ann lets everybody say one line in 1 min 30 s in #dev"),
    (Slowed("dev", 0, "ann"), "- ann lets everybody say as much as they like in #dev"),
    (Locked("dev", True, "ann"), "- ann locked #dev"),
    (Locked("dev", False, "ann"), "- ann unlocked #dev"),
    (Announced("dev", "chatctl", "back: soon"), "- chatctl says: back: soon"),
    (Forgotten("dev", ("x-1", "x-2"), "ann"), ""),
    (
        RoleChanged(Role.OPERATOR, Role.REGISTERED),
        "- You are an operator: /help lists more now",
    ),
    (RoleChanged(Role.GUEST, Role.OPERATOR), "- You are no operator"),
    (RoleChanged(Role.REGISTERED, Role.OPERATOR), "- You are no operator"),
    (RoleChanged(Role.REGISTERED, Role.GUEST), ""),
    (RoleChanged(Role.GUEST, Role.REGISTERED), ""),
    (MuteChanged(NOON + 600, time=NOON), "- You are muted for 10 min"),
    (MuteChanged(float("inf"), time=NOON), "- You are muted"),
    (MuteChanged(0.0, time=NOON), "- You are not muted any more"),
    (NameLost("ann", Loss.LOGIN), "- somebody who knows the passphrase is ann now"),
    (NameLost("ann", Loss.RESET, "chatctl"), "- chatctl reset the passphrase of ann"),
    (
        NameLost("ann", Loss.RELEASE, "chatctl"),
        "- chatctl released the name ann: it belongs to nobody now",
    ),
    (PutOut("kicked", by="ann", why="no"), "! you were put out: kicked by ann: no"),
    (PutOut("kicked", "dev", "ann"), "! you were put out of #dev: kicked by ann"),
    (
        Joined(2, "dev"),
        "> Connected to the chat server (2 users online)\n- You are now in #dev",
    ),
    (Motd("welcome\n\nbe kind"), "- welcome\n- \n- be kind"),
    (Retold("NAME", "TEXT", False, "dev", NOON), "- 2026-11-23T07:12:00Z [NAME] TEXT"),
    (Retold("NAME", "TEXT", True, "dev", NOON), "- 2026-11-23T07:12:00Z * NAME TEXT"),
    (Gap("dev"), "- lines of #dev may be missing here: they are not kept any more"),
    (Stopping(), "- the daemon stops"),
]
"""Events whose lines tell less, or more than one event."""

ACTS: list[tuple[Event, str]] = [
    (Acted("ann", "ban", "10.0.0.0/8"), "ann banned 10.0.0.0/8"),
    (Acted("ann", "ban", "bob", 600, "loud: too"), "ann banned bob for 10 min: loud: too"),
    (Acted("chatctl", "deop", "bob"), "chatctl made bob no operator"),
    (Acted("chatctl", "forget", "#dev"), "chatctl took a line out of the history of #dev"),
    (Acted("chatctl", "forget", "bob"), "chatctl took what bob said out of the history"),
    (Acted("ann", "kick", "bob"), "ann kicked bob"),
    (Acted("ann", "kick", "bob", 0, "loud"), "ann kicked bob: loud"),
    (Acted("ann", "lock", "#dev"), "ann locked #dev"),
    (Acted("ann", "mute", "bob"), "ann muted bob"),
    (Acted("ann", "mute", "bob", 60), "ann muted bob for 1 min"),
    (Acted("chatctl", "op", "bob"), "chatctl made bob an operator"),
    (Acted("chatctl", "release", "bob"), "chatctl released the name bob"),
    (Acted("chatctl", "reset", "bob"), "chatctl reset the passphrase of bob"),
    (Acted("ann", "slow", "#dev", 5), "ann lets everybody say one line in 5 s in #dev"),
    (Acted("ann", "slow", "#dev"), "ann lets everybody say as much as they like in #dev"),
    (Acted("the daemon", "tell", "", 0, "the disk is full"), "the disk is full"),
    (Acted("ann", "unban", "bob"), "ann undid the ban of bob"),
    (Acted("ann", "unlock", "#dev"), "ann unlocked #dev"),
    (Acted("ann", "unmute", "bob"), "ann undid the mute of bob"),
    (Acted("ann", "unregister", "ann"), "ann gave up that name and is no operator now"),
    (Acted("ann", "paint", "#dev", 0, "red"), "ann: paint #dev: red"),
]
"""What operators did, in words."""

NAMES = st.sampled_from(["10.0.2.15:33082", "[2001:db8::1]:5", "local:1", "10.0.0.1:5~2"])
TEXTS = HOSTILE.map(lambda text: clean(text.encode()))
COUNTS = st.integers(0, 10_000)


class LineDialectTests(SynchronousTestCase):
    def test_there_are_words_for_each_event(self) -> None:
        seen = {type(event) for event in READ_AGAIN.values()}
        seen |= {type(event) for event, _ in [*OTHERS, *ACTS]}
        self.assertEqual(seen, {*get_args(RoomEvent), *get_args(OwnEvent)})

    def test_each_example_of_the_document_is_written_and_read_as_it_stands_there(self) -> None:
        document = (CHECKOUT / "docs" / "protocol.md").read_text()
        for line, event in READ_AGAIN.items():
            self.assertIn(f"| `{line}` |", document)
            self.assertEqual(LINES.render(event, ""), f"{line}\n".encode())
            self.assertEqual(parse(line), event)

    def test_each_event_has_its_words(self) -> None:
        for event, words in OTHERS:
            lines = f"{words}\n".encode() if words else b""
            self.assertEqual(LINES.render(event, "dev"), lines)
            self.assertEqual(LINES.render_to(event, None), lines)
            self.assertEqual(line_of(event, "dev"), words)

    def test_operators_read_what_others_did(self) -> None:
        for event, words in ACTS:
            self.assertEqual(LINES.render_to(event, None), f"- {words}\n".encode())

    def test_who_leaves_several_rooms_leaves_each_with_its_own_count(self) -> None:
        left = Left("ann", {LOBBY: 2, "dev": 0}, "bye")
        for room, count in ((LOBBY, "2 users"), ("dev", "0 user")):
            line = f"< The user ann left ({count} online): bye\n"
            self.assertEqual(LINES.render(left, room), line.encode())

    def test_half_a_character_costs_no_other_event(self) -> None:
        self.assertEqual(LINES.render(Said("ann", "a\udcffb"), LOBBY), b"[ann] a?b\n")
        self.assertEqual(LINES.render_to(Notice("a\udcffb"), None), b"- a?b\n")

    def test_the_document_names_every_reason(self) -> None:
        document = (CHECKOUT / "docs" / "protocol.md").read_text()
        for reason in Reason:
            self.assertIn(f"`{reason.value}`", document)

    def test_counts_read_as_they_always_did(self) -> None:
        for count, words in ((0, "0 user"), (1, "1 user"), (2, "2 users"), (10, "10 users")):
            line = f"< The user NAME left ({words} online)"
            self.assertEqual(line_of(Left("NAME", {"dev": count}), "dev"), line)
            self.assertEqual(parse(line), Left("NAME", {"": count}))

    def test_refusals_are_read_with_the_kinds_that_clients_need(self) -> None:
        for line, kind in {
            "! no command /format: /help lists them": Kind.NO_COMMAND,
            "! nobody here is called bob: /who lists who is": Kind.NO_MEMBER,
            "! that was not said: you are muted": Kind.MUTED,
            "! that was not said, because bob is registered: write": Kind.NOT_SAFE,
            "! whatever": Kind.BAD_REQUEST,
        }.items():
            event = parse(line)
            assert isinstance(event, Refused)
            self.assertEqual((event.text, event.kind), (line[2:], kind))
        self.assertEqual(parse("! you were put out: too slow"), PutOut("too slow"))

    def test_a_line_of_no_known_kind_is_a_notice(self) -> None:
        for line in ("* NAME", "", "[NAME]text", "> New user", "-x"):
            self.assertEqual(parse(line), Notice(line))

    @given(
        st.one_of(
            st.builds(Greeting, COUNTS),
            st.builds(Entered, NAMES, COUNTS),
            st.builds(Said, NAMES, TEXTS),
            st.builds(Left, NAMES, st.fixed_dictionaries({"": COUNTS}), words=TEXTS),
            st.builds(Left, NAMES, st.fixed_dictionaries({"": COUNTS}), reason=TEXTS),
            st.builds(
                PutOut,
                st.sampled_from(("kicked", "banned")),
                st.just(""),
                NAMES,
                st.just("") | TEXTS,
            ),
            st.builds(Emoted, NAMES, TEXTS),
            st.builds(Renamed, NAMES, NAMES),
            st.builds(Told, NAMES, NAMES, TEXTS),
            st.builds(Notice, TEXTS),
            st.builds(Refused, TEXTS),
        )
    )
    def test_what_is_written_is_one_line_and_is_read_as_the_same_event(self, event: Event) -> None:
        line = LINES.render(event, "").decode()
        self.assertTrue(line.endswith("\n"))
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(parse(line[:-1]), event)
