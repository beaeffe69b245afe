"""The line format, in both directions; the examples are those of docs/protocol.md."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES
from tests.support.processes import CHECKOUT
from tests.support.properties import given, st
from tests.unit.test_text import HOSTILE
from twisted_chat.dialects import parse
from twisted_chat.events import (
    YOU,
    Emoted,
    Entered,
    Greeting,
    Left,
    Notice,
    Reason,
    Refused,
    Renamed,
    Said,
    Told,
)
from twisted_chat.text import clean

EXAMPLES = {
    "> Connected to the chat server (2 users online)": Greeting(2),
    "> New user NAME entered (2 users online)": Entered("NAME", 2),
    "[NAME] TEXT": Said("NAME", "TEXT"),
    "< The user NAME left (1 user online)": Left("NAME", 1),
    "< The user NAME left (1 user online): WORDS": Left("NAME", 1, "WORDS"),
    "< The user NAME left (1 user online), put out: REASON": Left("NAME", 1, "", "REASON"),
    "* NAME TEXT": Emoted("NAME", "TEXT"),
    "[NAME -> you] TEXT": Told("NAME", YOU, "TEXT"),
    "[you -> NAME] TEXT": Told(YOU, "NAME", "TEXT"),
    "- OLD is now NEW": Renamed("OLD", "NEW"),
    "- You are now NEW": Renamed(YOU, "NEW"),
    "- TEXT": Notice("TEXT"),
    "! TEXT": Refused("TEXT"),
}
NAMES = st.sampled_from(["10.0.2.15:33082", "[2001:db8::1]:5", "local:1", "10.0.0.1:5~2"])
TEXTS = HOSTILE.map(lambda text: clean(text.encode()))
COUNTS = st.integers(0, 10_000)


class LineDialectTests(SynchronousTestCase):
    def test_each_example_of_the_document_is_written_and_read_as_it_stands_there(self) -> None:
        document = (CHECKOUT / "docs" / "protocol.md").read_text()
        for line, event in EXAMPLES.items():
            self.assertIn(f"| `{line}` |", document)
            self.assertEqual(LINES.render(event), f"{line}\n".encode())
            self.assertEqual(parse(line), event)

    def test_the_document_names_every_reason(self) -> None:
        document = (CHECKOUT / "docs" / "protocol.md").read_text()
        for reason in Reason:
            self.assertIn(f"`{reason.value}`", document)

    def test_counts_read_as_they_always_did(self) -> None:
        for count, words in ((0, "0 user"), (1, "1 user"), (2, "2 users"), (10, "10 users")):
            line = f"< The user NAME left ({words} online)"
            self.assertEqual(LINES.render(Left("NAME", count)), f"{line}\n".encode())
            self.assertEqual(parse(line), Left("NAME", count))

    def test_a_line_of_no_known_kind_is_a_notice(self) -> None:
        for line in ("* NAME", "", "[NAME]text", "> New user", "-x"):
            self.assertEqual(parse(line), Notice(line))

    @given(
        st.one_of(
            st.builds(Greeting, COUNTS),
            st.builds(Entered, NAMES, COUNTS),
            st.builds(Said, NAMES, TEXTS),
            st.builds(Left, NAMES, COUNTS, words=TEXTS),
            st.builds(Left, NAMES, COUNTS, reason=TEXTS),
            st.builds(Emoted, NAMES, TEXTS),
            st.builds(Renamed, NAMES, NAMES),
            st.builds(Told, NAMES, NAMES, TEXTS),
            st.builds(Notice, TEXTS),
            st.builds(Refused, TEXTS),
        )
    )
    def test_what_is_written_is_one_line_and_is_read_as_the_same_event(self, event: object) -> None:
        line = LINES.render(event).decode()
        self.assertTrue(line.endswith("\n"))
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(parse(line[:-1]), event)
