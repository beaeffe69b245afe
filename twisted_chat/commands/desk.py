"""Where all doors hand in what their members send."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_chat.authorisation import Door, refusal
from twisted_chat.chat import Chat
from twisted_chat.commands import find
from twisted_chat.commands.command import Command, Request
from twisted_chat.limits import SHOWN_NAME
from twisted_chat.member import Member
from twisted_chat.names import BadName
from twisted_chat.passphrases import Passphrases
from twisted_chat.refusal import Refusal
from twisted_chat.syntax import parse, slipped_command, unescape, unmarked_login
from twisted_chat.traces import Traces

_COMMAND = re.compile(r"(?<!\S)/([a-z]+)\b")
"""A command in an advice, as it is written for people at the line door."""


class Desk:
    """Says lines, and runs commands as far as their sender may use them."""

    _log = Logger()

    def __init__(
        self,
        chat: Chat,
        passphrases: Passphrases,
        traces: Traces,
        find: Callable[[str, Door], Command | None] = find,
    ) -> None:
        self._chat = chat
        self._passphrases = passphrases
        self._traces = traces
        self._find = find

    def hand_in(self, member: Member, line: str) -> Deferred[None] | None:
        """Do what `member` asks with `line` (clean and not empty): run its command or say it.

        Return None if that is done, or a Deferred that fires when it is. It never fails, and can be
        cancelled.
        Until then no further line of `member` is to be handed in.
        """
        if command := parse(line):
            room = "" if member.room is None else member.room.name
            return self.command(member, *command, room=room)
        if self._refuses_secret(member, line):
            return None
        if name := unmarked_login(line):
            return self._start(member, "that", self._say_if_free(member, line, name))
        self._chat.say(member, unescape(line))
        return None

    def command(self, member: Member, word: str, argument: str, room: str) -> Deferred[None] | None:
        """The same for the command `word` with `argument`, about `room` ("": about none)."""
        if member.leaving:
            return None
        member.meter.active = self._chat.seconds()
        line = f"/{word} {argument}"
        if self._refuses_secret(member, line):
            return None
        lead = member.door.lead
        command = self._find(word, member.door)
        if command is None:
            shown = word[:SHOWN_NAME]
            way_out = "" if member.door is Door.CONTROL else f", and //{shown} says it"
            self._chat.refuse(member, f"no command {lead}{shown}: {lead}help lists them{way_out}")
            return None
        muted = member.standing.muted_until > self._chat.now()
        if why := refusal(command.right, member.door, member.standing.role, muted):
            if command.right.secret and member.door is Door.LINE:
                why += "; if you sent a passphrase just now, change it wherever you use it"
            self._chat.refuse(member, f"{lead}{command.name} {why}")
            return None
        if not argument and command.arguments and not command.arguments.startswith("["):
            self._chat.refuse(
                member, f"something is missing: write {lead}{command.usage(member.door)}"
            )
            return None
        request = Request(self._chat, self._passphrases, self._traces, member, argument, room)
        doing = self._obey(command, request, unmarked_login(line))
        return self._start(member, f"{lead}{command.name}", doing)

    def _refuses_secret(self, member: Member, line: str) -> bool:
        """Refuse `line` if it would show a passphrase to others. Return whether it would."""
        if slipped := slipped_command(line):
            self._chat.refuse(member, f"that was not said: {_how_to_write(slipped)}")
        return bool(slipped)

    async def _say_if_free(self, member: Member, line: str, name: str) -> None:
        await self._check_is_free(name)
        self._chat.say(member, unescape(line))

    async def _obey(self, command: Command, request: Request, name: str) -> None:
        if name:
            await self._check_is_free(name)
        await command.run(request)

    async def _check_is_free(self, name: str) -> None:
        """Raises Refusal if somebody has registered `name`: what follows it may be a passphrase."""
        registration = await self._chat.journal.registration(name)
        if registration is not None:
            raise Refusal(
                f"that was not said, because {registration.name} is registered: "
                f"{_how_to_write('login')}"
            )

    def _as_written_at(self, door: Door, advice: str) -> str:
        """`advice` with the commands in it led as they are at `door`, where it has them."""

        def lead(match: re.Match[str]) -> str:
            command = self._find(match[1], door)
            is_there = command is not None and door in command.right.doors
            return f"{door.lead}{match[1]}" if is_there else match[0]

        return _COMMAND.sub(lead, advice)

    def _start(
        self, member: Member, what: str, doing: Coroutine[Deferred[Any], Any, None]
    ) -> Deferred[None] | None:
        """Begin `doing` what `member` wants, which `what` names to it; None if it is done."""
        done = Deferred.fromCoroutine(self._run(member, what, doing))
        return None if done.called else done

    async def _run(
        self, member: Member, what: str, doing: Coroutine[Deferred[Any], Any, None]
    ) -> None:
        try:
            await doing
        except (Refusal, BadName) as error:
            self._chat.refuse(member, self._as_written_at(member.door, str(error)))
        except CancelledError:
            pass  # Whoever asked is gone.
        except Exception:
            self._log.failure("{what} failed", what=what)
            self._chat.refuse(member, f"{what} cannot be done just now: try again later")


def _how_to_write(command: str) -> str:
    return (
        f"a passphrase may be in it. Write /{command} at the very start of a line, or //{command} "
        "there to say it"
    )
