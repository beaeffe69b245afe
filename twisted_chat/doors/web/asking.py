"""What comes of the requests of a member of the web door."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from twisted_chat.chat import Chat
from twisted_chat.commands.desk import Desk
from twisted_chat.doors.web.wire import Asked, Join, Line, Look, Part, Run, Say
from twisted_chat.limits import Limits
from twisted_chat.members import Member
from twisted_chat.names import key, named
from twisted_chat.refusal import Kind
from twisted_chat.requests import Part as PartRequest
from twisted_chat.syntax import parse


class Asking:
    """Does what members ask, and tells each request's `ref` with what comes of it."""

    def __init__(self, chat: Chat, desk: Desk, limits: Limits) -> None:
        self._chat = chat
        self._desk = desk
        self._limits = limits

    def obey(self, member: Member, asked: Asked) -> Deferred[None] | None:
        """Do what `member` asks. Return None if more may be asked at once, or what fires when it
        may: that never fails, and can be cancelled.
        """
        if member.leaving:
            return None
        assert member.refs is not None
        member.refs.append(asked.ref)
        answer = self._begin(member, asked)
        if _is_said(asked):
            return answer  # What is said, or why not, ends it.
        if answer is not None:
            return answer.addCallback(lambda _: self._chat.done(member))
        self._chat.done(member)
        return None

    def _begin(self, member: Member, asked: Asked) -> Deferred[None] | None:
        desk, most, room = self._desk, self._limits.max_line, asked.room
        match asked.what:
            case Say(text) | Line(text) | Run(_, text) | Part(_, text) if len(text.encode()) > most:
                why = f"a text longer than {most} bytes was not taken: send it in shorter ones"
                return desk.refuse(member, why, Kind.TOO_LONG)
            case Say("") | Line(""):
                return desk.refuse(member, "there is nothing to say", Kind.BAD_REQUEST)
            case Say(text):
                return self._chat.say(member, text, room)
            case Line(text):
                return desk.hand_in(member, text, room)
            case Run(command, argument):
                return desk.command(member, command, argument, room)
            case Join(name, since):
                member.since = {key(name): since}
                return desk.command(member, "join", name)
            case Part(name, words):
                return desk.ask(member, PartRequest(named(name), words))
            case Look(name, before, count):
                return desk.look_back(member, name, before, count)


def _is_said(asked: Asked) -> bool:
    match asked.what:
        case Say():
            return True
        case Line(text):
            return parse(text) is None
    return False
