"""What is a command, what is said, and what each command does."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import ChatOnTheTable, FailingJournal
from tests.support.processes import CHECKOUT
from tests.support.properties import given, st
from twisted_chat.authorisation import CONTROL, Door, refusal
from twisted_chat.commands import TABLE
from twisted_chat.records import Role
from twisted_chat.syntax import escape, parse, unescape


class ParsingTests(SynchronousTestCase):
    def test_a_slash_and_a_letter_start_a_command_up_to_a_blank(self) -> None:
        for line, command in {
            "/who": ("who", ""),
            "/WHO": ("who", ""),
            "/quit  see you  ": ("quit", "see you"),
            "/quit\tbye": ("quit", "bye"),
            "/who,": ("who,", ""),
            "/x/y": ("x/y", ""),
        }.items():
            self.assertEqual(parse(line), command)

    def test_other_lines_are_said(self) -> None:
        for line in ("hello", "", "/", "//", "/* x", "// x", "/1", "/é", "//x", "a /who", " /who"):
            self.assertIsNone(parse(line))

    def test_one_of_several_slashes_before_a_letter_is_dropped(self) -> None:
        for line, said in {
            "//x": "/x",
            "///x": "//x",
            "// x": "// x",
            "/* x": "/* x",
            "x//y": "x//y",
        }.items():
            self.assertEqual(unescape(line), said)

    @given(st.text(st.sampled_from("/ax \té1")) | st.text())
    def test_every_text_can_be_said(self, text: str) -> None:
        self.assertIsNone(parse(escape(text)))
        self.assertEqual(unescape(escape(text)), text)


class ObeyingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = ChatOnTheTable()
        self.ann, self.bob = self.table.enter("ann"), self.table.enter("bob")
        self.table.read(self.ann)
        self.table.read(self.bob)

    def ask(self, line: str) -> list[str]:
        self.table.desk.hand_in(self.ann, line)
        return self.table.read(self.ann)

    def test_what_is_no_command_is_said_to_the_others(self) -> None:
        self.assertEqual(self.ask("//quit"), [])
        self.assertEqual(self.table.read(self.bob), ["[ann] /quit"])

    def test_a_passphrase_behind_a_blank_is_not_said(self) -> None:
        for line in (
            "  /register correct horse",
            "\t/LOGIN ann correct horse",
            "/ login ann correct horse",
            "\xa0/login ann correct horse",
            "\ufeff/login ann correct horse",
            "␀/login ann correct horse",
        ):
            [answer] = self.ask(line)
            self.assertRegex(
                answer, "^! that was not said: a passphrase may be in it. Write /(register|login)"
            )
        self.ask(" /me too")
        self.assertEqual(self.table.read(self.bob), ["[ann]  /me too"])

    def test_an_unknown_command_is_refused_and_not_said(self) -> None:
        self.assertEqual(
            self.ask("/frobnicate x"),
            ["! no command /frobnicate: /help lists them, and //frobnicate says it"],
        )
        self.assertEqual(self.table.read(self.bob), [])

    def test_a_long_unknown_command_is_not_repeated_whole(self) -> None:
        [line] = self.ask("/" + "x" * 4000)
        self.assertLess(len(line), 150)

    def test_help_lists_every_command_of_the_table_that_one_may_use(self) -> None:
        self.assertEqual(
            self.ask("/help"),
            [
                *(
                    f"- /{command.usage(Door.LINE)}: {command.help}"
                    for command in TABLE.commands.values()
                    if refusal(command.right, Door.LINE, Role.GUEST) is None
                ),
                "- //word: say /word",
            ],
        )

    def test_the_documents_name_every_command(self) -> None:
        for document in ("docs/commands.md", "docs/protocol.md"):
            text = (CHECKOUT / document).read_text()
            for command in TABLE.commands.values():
                if Door.LINE in command.right.doors:
                    self.assertIn(f"`/{command.name}", text)
        text = (CHECKOUT / "docs" / "commands.md").read_text().replace("\\|", "|")
        for command in TABLE.commands.values():
            if command.right.doors == CONTROL:
                self.assertIn(f"`chatctl {command.usage(Door.CONTROL)}`", text)

    def test_who_lists_all_names_in_the_order_of_entering(self) -> None:
        self.assertEqual(self.ask("/who"), ["- 2 users online:", "- ann, bob"])

    def test_who_wraps_a_long_list_and_loses_no_name(self) -> None:
        names = ["ann", "bob"]
        for number in range(100):
            names.append(self.table.enter(f"10.0.0.{number}:33082").name)
        self.table.read(self.ann)
        count, *lines = self.ask("/who")
        self.assertEqual(count, "- 102 users online:")
        self.assertGreater(len(lines), 3)
        self.assertTrue(all(len(line) < 450 for line in lines))
        self.assertEqual(" ".join(line[2:] for line in lines), ", ".join(names))

    def test_who_says_so_when_the_journal_cannot_tell(self) -> None:
        self.table = ChatOnTheTable(FailingJournal(time.time))
        self.ann = self.table.enter("ann")
        self.assertEqual(self.ask("/who")[-1], "! /who cannot be done just now: try again later")
        self.assertEqual(len(self.flushLoggedErrors(ConnectionError)), 1)

    def test_quit_leaves_with_words_or_without(self) -> None:
        self.ask("/quit see you")
        self.assertEqual(self.ann.outbox.closed, 1)
        self.assertEqual(
            self.table.read(self.bob), ["< The user ann left (1 user online): see you"]
        )
        self.table.desk.hand_in(self.bob, "/quit")
        self.table.turns.run()
        self.assertEqual(
            self.table.transcript.lines[-1],
            "< The user bob left (0 user online)",
        )
