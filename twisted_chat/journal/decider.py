"""What comes of each request: a function of what was decided before, the request and its time.

Nothing here asks a clock, chance, the order of a set or which machine it is. So the same requests
with the same times in the same order lead to the same decisions and the same state everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_chat.authorisation import check
from twisted_chat.events import Said
from twisted_chat.journal.deciding import accounts, arrival, moderation, presence, talking
from twisted_chat.journal.people import Person
from twisted_chat.journal.state import Happened, State, ToOne
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import (
    AddToken,
    Announce,
    Arrive,
    Ban,
    Begin,
    Configure,
    Detach,
    Dismiss,
    DropToken,
    Emote,
    ForgetLine,
    ForgetLines,
    Ignore,
    Join,
    Kick,
    Leave,
    Lock,
    LogIn,
    Move,
    Mute,
    NoteWrong,
    Part,
    Post,
    Register,
    Release,
    Rename,
    Reply,
    Request,
    Reset,
    Resume,
    Say,
    SetAway,
    SetBack,
    SetOperator,
    SetTopic,
    Slow,
    Tell,
    Tick,
    Unban,
    Unignore,
    Unlock,
    Unmute,
    Unregister,
    UnsetOperator,
)


class Decider:
    """Decides requests one after the other, each at once."""

    def __init__(self, state: State) -> None:
        self.state = state

    def decide(self, author: str, request: Request, wall: float, node: str = "") -> Any:
        """Decide what `author`, a member's id, asks at the wall time `wall` of its node. Return the
        answer.

        What comes of it is added to `state.decided`. Raises Refusal; then too something may have
        come of it: what is due runs out first.
        """
        state = self.state
        state.advance(wall, node)
        try:
            if by_node := _BY_NODES.get(type(request)):
                return by_node(state, author, request)
            person = state.people.get(author)
            if person is None:
                raise Refusal("you are not here any more", Kind.GONE)
            person.active = state.time
            if request.command:
                check(request.command, person.door, person.role, person.muted_until > 0)
            return _BY_MEMBERS[type(request)](state, person, request)
        finally:
            state.find_due()

    def say(self, author: str, room: str, text: str, wall: float) -> Said | None:
        """Decide a Say, and return what is said, which is not added to `state.decided` but comes
        first; None: nothing is said.
        """
        state = self.state
        if wall < state.time or wall >= state.due or state.walls:
            state.advance(wall)
        else:
            state.time = wall
        person = state.people.get(author)
        if person is None:
            return None  # It has read why it is gone.
        person.active = state.time
        return talking.say(state, person, room, text)

    def take(self) -> list[Happened | ToOne]:
        """Return what was decided and not taken yet, in its order."""
        decided, self.state.decided = self.state.decided, []
        return decided


def _begin(state: State, author: str, request: Begin) -> None:
    if not state.era:
        state.bind(request.bounds)
    state.era = request.era


def _configure(state: State, author: str, request: Configure) -> None:
    state.bind(request.bounds)


def _nothing(state: State, author: str, request: Tick) -> None:
    """Do nothing: what is due has run out already."""


def _dismiss(state: State, author: str, request: Dismiss) -> None:
    presence.dismiss(state, request)


def _note_wrong(state: State, author: str, request: NoteWrong) -> None:
    accounts.note_wrong(state, request)


def _post(state: State, author: str, request: Post) -> None:
    accounts.post(state, request)


def _say(state: State, person: Person, request: Say) -> None:
    position = len(state.decided)
    if said := talking.say(state, person, request.room, request.text):
        deaf = talking.deaf_to(state, person.name.key)
        state.decided.insert(position, Happened(said, person.id, deaf))


_BY_NODES: dict[type[Request], Callable[[State, str, Any], Any]] = {
    Arrive: arrival.arrive,
    Begin: _begin,
    Configure: _configure,
    Dismiss: _dismiss,
    NoteWrong: _note_wrong,
    Post: _post,
    Tick: _nothing,
}

_BY_MEMBERS: dict[type[Request], Callable[[State, Person, Any], Any]] = {
    AddToken: accounts.add_token,
    Announce: moderation.announce,
    Ban: moderation.ban,
    Detach: presence.detach,
    DropToken: accounts.drop_token,
    Emote: talking.emote,
    ForgetLine: moderation.forget_line,
    ForgetLines: moderation.forget_lines,
    Ignore: talking.ignore,
    Join: presence.join,
    Kick: moderation.kick,
    Leave: presence.leave,
    Lock: moderation.lock,
    LogIn: accounts.log_in,
    Move: presence.move,
    Mute: moderation.mute,
    Part: presence.part,
    Register: accounts.register,
    Release: accounts.release,
    Rename: talking.rename,
    Reply: talking.reply,
    Reset: accounts.reset,
    Resume: presence.resume,
    Say: _say,
    SetAway: talking.set_away,
    SetBack: talking.set_back,
    SetOperator: accounts.set_operator,
    SetTopic: talking.set_topic,
    Slow: moderation.slow,
    Tell: talking.tell,
    Unban: moderation.unban,
    Unignore: talking.unignore,
    Unlock: moderation.unlock,
    Unmute: moderation.unmute,
    Unregister: accounts.unregister,
    UnsetOperator: accounts.unset_operator,
}
