"""The desk: all doors hand in there what their members send."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_chat import requests
from twisted_chat.accounts import Accounts
from twisted_chat.authorisation import TYPED, Door, check
from twisted_chat.chat import Chat
from twisted_chat.commands import TABLE
from twisted_chat.commands.command import Command, Request, Table
from twisted_chat.interfaces import ICertificate
from twisted_chat.limits import SHOWN_NAME
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.passphrases import Passphrases
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.retelling import retold_before
from twisted_chat.syntax import parse, slipped_command, unescape, unmarked_login
from twisted_chat.traces import Traces

_COMMAND = re.compile(r"(?<!\S)/([a-z]+)\b")
"""A command in the text of a refusal, as it is written at the line door."""


class Desk:
    """Says lines, and runs commands if their sender may use them."""

    _log = Logger()

    def __init__(
        self,
        chat: Chat,
        passphrases: Passphrases,
        traces: Traces,
        table: Table = TABLE,
        certificate: ICertificate | None = None,
    ) -> None:
        self._chat = chat
        self._passphrases = passphrases
        self._traces = traces
        self._certificate = certificate
        self._table = table
        self.accounts = Accounts(chat.journal, passphrases, traces)
        """Who owns a name, also before entering."""

    def hand_in(self, member: Member, line: str, room: str = "") -> Deferred[None] | None:
        """Do what `member` asks with `line` (clean and not empty): run its command, about `room`,
        or say it there. If that is empty, it is the room that `member` joined first, if any.

        Return None if that is done, or a Deferred that fires when it is. The Deferred never fails,
        and can be cancelled. Do not hand in another line of `member` before it has fired.
        """
        if command := parse(line):
            return self.command(member, *command, room)
        if slipped := slipped_command(line):
            return self._start(member, "", self._refuse_secret(slipped))
        if name := unmarked_login(line):
            return self._start(member, "", self._say_if_free(member, line, room, name))
        return self._chat.say(member, unescape(line), room)

    def command(
        self, member: Member, word: str, argument: str, room: str = ""
    ) -> Deferred[None] | None:
        """Do the same for the command `word` with `argument`, about `room`."""
        if member.leaving:
            return None
        member.meter.active = self._chat.seconds()
        line = f"/{word} {argument}"
        if slipped := slipped_command(line):
            return self._start(member, "", self._refuse_secret(slipped))
        lead = member.door.lead
        command = self._table.find(word, member.door)
        if command is None:
            shown = word[:SHOWN_NAME]
            way_out = f", and //{shown} says it" if member.door in TYPED else ""
            text = f"no command {lead}{shown}: {lead}help lists them{way_out}"
            return self._start(member, shown, self._refuse(text, Kind.NO_COMMAND))
        request = self._request(member, argument, room)
        doing = self._obey(command, request, unmarked_login(line))
        return self._start(member, command.name, doing)

    def look_back(
        self, member: Member, room: str, before: str, count: int
    ) -> Deferred[None] | None:
        """Do the same for the last `count` lines of `room` that were said before the line with this
        id, or for the last of all if `before` is empty. The Done that ends the answer says whether
        older ones are kept.
        """
        if member.leaving:
            return None
        member.meter.active = self._chat.seconds()
        request = self._request(member, "", room)
        return self._start(member, "", self._look_back(request, before, count))

    def _request(self, member: Member, argument: str, room: str) -> Request:
        return Request(
            self._chat,
            self._table,
            self._passphrases,
            self._traces,
            self._certificate,
            member,
            argument,
            room,
        )

    async def _look_back(self, request: Request, before: str, count: int) -> None:
        room, chat, member = named(self._room_of(request)), self._chat, request.member
        told, more = retold_before(request.view, room, before, count, chat.limits.answer, member)
        chat.tell(member, *told)
        chat.done(member, more)

    def ask(self, member: Member, request: requests.Request) -> Deferred[None] | None:
        """Do the same for a `request` by itself. Its answer is told to nobody; a refusal is told to
        `member`.
        """
        if member.leaving:
            return None
        member.meter.active = self._chat.seconds()
        return self._start(member, "", self._ask(member, request))

    def refuse(self, member: Member, why: str, kind: Kind) -> Deferred[None] | None:
        """Do the same for something that the door itself does not take: tell `member` why."""
        if member.leaving:
            return None
        return self._start(member, "", self._refuse(why, kind))

    async def _ask(self, member: Member, request: requests.Request) -> None:
        await self._chat.ask(member, request)

    async def _say_if_free(self, member: Member, line: str, room: str, name: str) -> None:
        self._check_is_free(name)
        if eased := self._chat.say(member, unescape(line), room):
            await eased

    async def _refuse_secret(self, slipped: str) -> None:
        """Refuse a line that was meant as the command `slipped`: it would show a passphrase."""
        await self._refuse(f"that was not said: {_how_to_write(slipped)}", Kind.NOT_SAFE)

    async def _refuse(self, text: str, kind: Kind) -> None:
        raise Refusal(text, kind)

    async def _obey(self, command: Command, request: Request, name: str) -> None:
        member, door = request.member, request.member.door
        try:
            check(command.name, door, request.role, request.view.muted(member.id))
        except Refusal as refusal:
            if refusal.kind is Kind.NOT_SAFE and "PASSPHRASE" in command.arguments:
                raise Refusal(
                    f"{refusal}; if you sent a passphrase just now, change it wherever you use it",
                    refusal.kind,
                ) from refusal
            raise
        if not request.argument and command.needs_argument(door):
            raise Refusal(f"something is missing: write {door.lead}{command.usage(door)}")
        if name:
            self._check_is_free(name)
        if door is not Door.CONTROL:
            request = replace(request, room=self._room_of(request))
        await command.run(request)

    def _room_of(self, request: Request) -> str:
        """Return the name of the room that `request` is about. Raises Refusal if the asker may not
        look into it.
        """
        if not request.room:
            return request.member.room
        room = request.view.room(named(request.room)).name
        if not request.may_look_into(room):
            raise Refusal(f"you are not in #{room}", Kind.NO_ROOM)
        return room

    def _check_is_free(self, name: str) -> None:
        """Raise Refusal if `name` is registered: then a passphrase may stand behind it."""
        registration = self._chat.view.registration(named(name))
        if registration is not None:
            raise Refusal(
                f"that was not said, because {registration.name} is registered: "
                f"{_how_to_write('login')}",
                Kind.NOT_SAFE,
            )

    def _as_written_at(self, door: Door, advice: str) -> str:
        """Return `advice` with the lead of `door` before each command that `door` has."""

        def lead(match: re.Match[str]) -> str:
            command = self._table.find(match[1], door)
            is_there = command is not None and door in command.right.doors
            return f"{door.lead}{match[1]}" if is_there else match[0]

        return _COMMAND.sub(lead, advice)

    def _start(
        self, member: Member, command: str, doing: Coroutine[Deferred[Any], Any, None]
    ) -> Deferred[None] | None:
        """Begin `doing`, behind all that `member` said before. `command`: the name of the command
        that it is; empty: it is none. Return None if it is done.
        """
        done = Deferred.fromCoroutine(self._run(member, command, doing))
        return None if done.called else done

    async def _run(
        self, member: Member, command: str, doing: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        try:
            # First, what was said before is told, and has changed what is known of this member.
            if settled := self._chat.journal.settled(member.id):
                await settled
                if member.leaving:
                    doing.close()
                    return
            await doing
        except Refusal as error:
            text = self._as_written_at(member.door, str(error))
            self._chat.refuse(member, text, error.kind, command)
        except CancelledError:
            pass  # The member is gone.
        except Exception:
            what = f"{member.door.lead}{command}" if command else "that"
            self._log.failure("{what} failed", what=what)
            why = f"{what} cannot be done just now: try again later"
            self._chat.refuse(member, why, Kind.UNAVAILABLE, command)


def _how_to_write(command: str) -> str:
    return (
        f"a passphrase may be in it. Write /{command} at the very start of a line, or //{command} "
        "there to say it"
    )
