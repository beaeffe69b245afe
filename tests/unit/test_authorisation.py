"""Who may use which command where: the whole table, written out."""

from __future__ import annotations

import dataclasses
import re
from itertools import count, product

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from twisted_chat.authorisation import Door, Right, refusal
from twisted_chat.commands import TABLE
from twisted_chat.commands.command import Command, Table
from twisted_chat.commands.desk import Desk
from twisted_chat.members import Member
from twisted_chat.passphrases import Passphrases
from twisted_chat.records import Role

COLUMNS = list(product(Door, Role))
RIGHTS = """
                line  safe  prog  safe  web   safe  control
                gro   gro   gro   gro   gro   gro   gro
    help        +++   +++   +++   +++   +++   +++   +++
    who         +++   +++   +++   +++   +++   +++   +++
    quit        +++   +++   +++   +++   +++   +++   xxx
    nick        mmm   mmm   mmm   mmm   mmm   mmm   xxx
    me          mmm   mmm   mmm   mmm   mmm   mmm   xxx
    msg         mmm   mmm   mmm   mmm   mmm   mmm   xxx
    reply       mmm   mmm   mmm   mmm   mmm   mmm   xxx
    whois       +++   +++   +++   +++   +++   +++   +++
    away        mmm   mmm   mmm   mmm   mmm   mmm   xxx
    back        +++   +++   +++   +++   +++   +++   xxx
    ignore      +++   +++   +++   +++   +++   +++   xxx
    unignore    +++   +++   +++   +++   +++   +++   xxx
    join        +++   +++   +++   +++   +++   +++   xxx
    rooms       +++   +++   +++   +++   +++   +++   +++
    topic       mmm   mmm   mmm   mmm   mmm   mmm   mmm
    history     +++   +++   +++   +++   +++   +++   +++
    format      +++   +++   ppp   ppp   ppp   ppp   xxx
    register    sss   +++   sss   +++   sss   +++   xxx
    login       sss   mmm   sss   mmm   sss   mmm   xxx
    unregister  r++   r++   r++   r++   r++   r++   xxx
    token       sss   r++   sss   r++   sss   r++   r++
    tokens      r++   r++   r++   r++   r++   r++   r++
    untoken     r++   r++   r++   r++   r++   r++   r++
    kick        oo+   oo+   oo+   oo+   oo+   oo+   oo+
    ban         oo+   oo+   oo+   oo+   oo+   oo+   oo+
    unban       oo+   oo+   oo+   oo+   oo+   oo+   oo+
    bans        oo+   oo+   oo+   oo+   oo+   oo+   oo+
    mute        oo+   oo+   oo+   oo+   oo+   oo+   oo+
    unmute      oo+   oo+   oo+   oo+   oo+   oo+   oo+
    slow        oo+   oo+   oo+   oo+   oo+   oo+   oo+
    lock        oo+   oo+   oo+   oo+   oo+   oo+   oo+
    unlock      oo+   oo+   oo+   oo+   oo+   oo+   oo+
    say         ccc   ccc   ccc   ccc   ccc   ccc   oo+
    forget      ccc   ccc   ccc   ccc   ccc   ccc   oo+
    op          ccc   ccc   ccc   ccc   ccc   ccc   oo+
    deop        ccc   ccc   ccc   ccc   ccc   ccc   oo+
    ops         ccc   ccc   ccc   ccc   ccc   ccc   oo+
    names       ccc   ccc   ccc   ccc   ccc   ccc   oo+
    release     ccc   ccc   ccc   ccc   ccc   ccc   oo+
    reset       ccc   ccc   ccc   ccc   ccc   ccc   oo+
    status      ccc   ccc   ccc   ccc   ccc   ccc   oo+
"""
"""For guests, registered names and operators at each door: + may, m may unless muted; or the reason
why not. Whoever is at the control door is an operator.
"""
REASONS = {
    "x": "is for members of a room, and chatctl is in none",
    "p": "is for the line door",
    "c": "is for chatctl, on the machine that the daemon runs on",
    "s": "needs a way in on which nobody can read along: come in over TLS, or, on the daemon's own "
    "machine, over 127.0.0.1 or ::1",
    "r": "is for the owner of the name: /login NAME PASSPHRASE first",
    "o": "is for operators: /login with an operator's name first",
}
LEADS = {
    Door.LINE: "/",
    Door.SAFE_LINE: "/",
    Door.PROGRAM: "",
    Door.SAFE_PROGRAM: "",
    Door.WEB: "/",
    Door.SAFE_WEB: "/",
    Door.CONTROL: "chatctl ",
}
MUTED = "was refused: you are muted"
SENT = "; if you sent a passphrase just now, change it wherever you use it"


def as_told(reason: str, door: Door) -> str:
    """`reason` with the command in it led as it is at `door`, if it is there."""
    return reason if door is Door.CONTROL else reason.replace("/login", f"{LEADS[door]}login")


def expectations() -> dict[str, str]:
    """The row of each command, one mark for each column."""
    rows = [line.split() for line in RIGHTS.strip().splitlines()[2:]]
    return {name: "".join(marks) for name, *marks in rows}


def cases():
    for name, row in expectations().items():
        for (door, role), mark in zip(COLUMNS, row, strict=True):
            for muted in (False, True):
                reason = MUTED if muted and mark == "m" else REASONS.get(mark)
                yield name, door, role, muted, reason


class TableTests(SynchronousTestCase):
    def test_each_command_has_a_row(self) -> None:
        self.assertEqual(list(expectations()), list(TABLE.commands))

    def test_each_right_is_as_the_table_has_it(self) -> None:
        for name, door, role, muted, reason in cases():
            with self.subTest(command=name, door=door, role=role, muted=muted):
                why = refusal(TABLE.commands[name].right, door, role, muted)
                self.assertEqual(why and why[0], reason)

    def test_a_command_that_says_nothing_else_is_for_all_members(self) -> None:
        for door, role in COLUMNS:
            reason = REASONS["x"] if door is Door.CONTROL else None
            why = refusal(Right(), door, role)
            self.assertEqual(why and why[0], reason)


class DeskTests(SynchronousTestCase):
    """The desk asks the table before anything else, whichever way a command comes in."""

    def setUp(self) -> None:
        self.ran: list[str] = []
        self.table = ChatOnTheTable()
        recording = Table(*map(self.recording, TABLE))
        self.desk = Desk(
            self.table.chat, Passphrases(self.table.clock), self.table.traces, recording
        )
        self.numbers = count(1)

    def recording(self, command: Command) -> Command:
        async def run(request) -> None:
            self.ran.append(command.name)

        return dataclasses.replace(command, run=run)

    def member(self, door: Door, role: Role, muted: bool) -> Member:
        """A member that has come in; whoever is at the control door is an operator there."""
        name = "chatctl" if door is Door.CONTROL else f"10.0.0.1:{next(self.numbers)}"
        member = Member(name, RecordingOutbox(), LINES, self.table.flood.meter("x"), door)
        self.table.chat.arrive(member, ("lobby",) if door is not Door.CONTROL else ())
        self.table.settle()
        person = self.table.chat.journal.state.people[member.id]
        person.role = role
        person.muted_until = self.table.now() + 60 if muted else 0.0
        self.table.read(member)
        return member

    def test_what_may_not_be_is_answered_and_not_done(self) -> None:
        for name, door, role, muted, reason in cases():
            for word in (name, *TABLE.commands[name].aliases):
                if TABLE.find(word, door) is not TABLE.commands[name]:
                    continue  # `names` is a command of chatctl, and another word for `who`.
                with self.subTest(word=word, door=door, role=role, muted=muted):
                    self.ran.clear()
                    member = self.member(door, role, muted)
                    self.assertIsNone(self.desk.command(member, word, "x y z", "lobby"))
                    lead = LEADS[door]
                    if reason == REASONS["s"] and name != "token":  # Its line holds no secret.
                        reason += SENT
                    refused = [f"! {lead}{name} {as_told(reason, door)}"] if reason else []
                    self.assertEqual(self.table.read(member), refused)
                    self.assertEqual(self.ran, [] if reason else [name])

    def test_lines_are_asked_about_like_everything_else(self) -> None:
        for name, door, role, muted, reason in cases():
            if door is not Door.CONTROL and TABLE.find(name, door) is TABLE.commands[name]:
                with self.subTest(command=name, door=door, role=role, muted=muted):
                    self.ran.clear()
                    member = self.member(door, role, muted)
                    self.assertIsNone(self.desk.hand_in(member, f"/{name.upper()} x y z"))
                    self.assertEqual(len(self.table.read(member)), int(reason is not None))
                    self.assertEqual(self.ran, [] if reason else [name])

    def test_whether_something_is_missing_is_only_told_to_who_may(self) -> None:
        for name, door, role, muted, reason in cases():
            if TABLE.commands[name].arguments and not TABLE.commands[name].arguments.startswith(
                "["
            ):
                member = self.member(door, role, muted)
                self.desk.command(member, name, "", "")
                [line] = self.table.read(member)
                reason = reason and as_told(reason, door)
                self.assertIn(reason or "something is missing: write", line)
        self.assertEqual(self.ran, [])

    def test_a_mute_that_is_over_refuses_nothing(self) -> None:
        member = self.member(Door.LINE, Role.GUEST, True)
        self.table.clock.advance(60)
        self.desk.hand_in(member, "/me waves")
        self.assertEqual(self.ran, ["me"])

    def test_help_lists_just_what_may_be_used(self) -> None:
        for (door, role), muted in product(COLUMNS, (False, True)):
            member = self.member(door, role, muted)
            self.table.desk.command(member, "help", "", "")
            listed = re.findall(rf"^- {LEADS[door]}(\w+)", "\n".join(self.table.read(member)), re.M)
            may = {
                name
                for name, at, who, mute, reason in cases()
                if (at, who, mute, reason) == (door, role, muted, None)
            }
            self.assertEqual(set(listed), may)

    def test_help_explains_what_may_be_used_and_why_other_commands_may_not(self) -> None:
        for name, door, role, muted, reason in cases():
            command = TABLE.commands[name]
            if TABLE.find(name, door) is command:
                with self.subTest(command=name, door=door, role=role, muted=muted):
                    member = self.member(door, role, muted)
                    self.table.desk.command(member, "help", name, "")
                    lead = LEADS[door]
                    explained = f"- {lead}{command.usage(door)}: {command.help}"
                    refused = f"! {lead}{name} {as_told(reason or '', door)}"
                    self.assertEqual(self.table.read(member)[0], refused if reason else explained)

    def test_words_for_commands_are_told_apart(self) -> None:
        words = [
            word for command in TABLE.commands.values() for word in (command.name, *command.aliases)
        ]
        self.assertEqual([word for word in set(words) if words.count(word) > 1], ["names"])
        self.assertEqual(set(words), set(TABLE.by_word))
        for door in Door:
            name = "names" if door is Door.CONTROL else "who"
            self.assertIs(TABLE.find("names", door), TABLE.commands[name])
