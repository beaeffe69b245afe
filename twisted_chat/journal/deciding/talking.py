"""What people say, and whom they hear."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_chat.authorisation import Door
from twisted_chat.events import YOU, Emoted, Refused, Renamed, Said, Told, Topic
from twisted_chat.journal.deciding.presence import check_free, check_not_banned, is_registered
from twisted_chat.journal.people import Person, RoomState
from twisted_chat.journal.state import State
from twisted_chat.limits import IGNORED, MAX_SLOW, MAX_TOPIC, SHOWN_NAME
from twisted_chat.names import Name
from twisted_chat.networks import is_default_name
from twisted_chat.records import Registration, Role, Rules, Seen
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import (
    Emote,
    Ignore,
    Rename,
    Reply,
    SetAway,
    SetBack,
    SetTopic,
    Tell,
    Unignore,
)
from twisted_chat.spans import span


def say(state: State, person: Person, room_name: str, text: str) -> Said | None:
    """Return what `person` said in a room, which is kept; None: it is not said. It is told why."""
    room = person.rooms.get(room_name)
    if room is None:
        state.tell(person, Refused(f"that was not said: {_not_in(room_name)}", Kind.NO_ROOM))
        return None
    if person.muted_until:
        state.tell(person, Refused("that was not said: you are muted", Kind.MUTED))
        return None
    if room.rules.slow and person.role < Role.OPERATOR:
        text = _as_slowly(state, person, room, text)
        if not text:
            return None
    # Not by `stamp`: nearly all that is decided comes this way.
    number = state.number + 1
    lines = 1 + text.count("\n")
    state.number += lines
    state.said += lines
    name = person.name
    said = Said(name.text, text, room_name, state.time, state.era, number)
    state.history.add(said, person.origin, name.key)
    return said


def say_as_owner(state: State, owned: Registration, room: RoomState, text: str) -> None:
    """Let all in `room` hear `text`, one line, of the owner of a name. Mutes, and the rules of the
    room, hold for it as if it were there. Raises Refusal.
    """
    key = state.registrations.key_of(owned)
    bearer = state.holder(owned)
    if state.mutes.on_name(key) or (bearer is not None and bearer.muted_until):
        raise Refusal("that was not said: you are muted", Kind.MUTED)
    if owned.role < Role.OPERATOR:
        is_there = bearer is not None and room.name in bearer.rooms
        if room.rules.locked and not is_there:
            raise Refusal(f"#{room.name} is locked: nobody new may speak there", Kind.LOCKED)
        if room.rules.slow:
            _post_slowly(state, key, bearer, room)
    state.said += 1
    said = Said(owned.name, text, room.name, *state.stamp())
    state.history.add(said, f"name:{key}", key)
    state.happen(said, None, deaf_to(state, key))


def _post_slowly(state: State, key: str, bearer: Person | None, room: RoomState) -> None:
    """Let the owner of the name with `key` say one line where each waits between two. Raises
    Refusal if it has to wait.
    """
    posted = state.posted
    lasts = [posted.get((key, room.name), float("-inf"))]
    if bearer is not None:
        lasts.append(bearer.spoke.get(room.name, float("-inf")))
    last = max(lasts)
    if state.time < last + room.rules.slow:
        raise _too_fast(room, last, state.time, 1)
    # The oldest stand first, and no room lets anybody wait for longer.
    while posted and posted[oldest := next(iter(posted))] + MAX_SLOW <= state.time:
        del posted[oldest]
    posted.pop((key, room.name), None)
    posted[key, room.name] = state.time
    if bearer is not None:
        bearer.spoke = {**bearer.spoke, room.name: state.time}


def _as_slowly(state: State, person: Person, room: RoomState, text: str) -> str:
    """Return as much of `text` as may be said in a slow room: its first line, or nothing. The rest
    is refused.
    """
    first, *others = text.split("\n")
    try:
        wait_for_turn(state, person, room, 1 + len(others))
    except Refusal as refusal:
        state.tell(person, Refused(str(refusal), refusal.kind))
        return ""
    if others:
        # Behind the first one, which is told when this returns.
        too_fast = _too_fast(room, state.time, state.time, len(others))
        state.tell(person, Refused(str(too_fast), too_fast.kind))
    return first


def wait_for_turn(state: State, person: Person, room: RoomState, lines: int = 1) -> None:
    """Let `person` say one line where each waits between two. Raises Refusal, of so many `lines`,
    if it has to wait.
    """
    slow = room.rules.slow
    if slow and person.role < Role.OPERATOR:
        if state.time < person.spoke.get(room.name, float("-inf")) + slow:
            raise _too_fast(room, person.spoke[room.name], state.time, lines)
        person.spoke = {**person.spoke, room.name: state.time}


def _too_fast(room: RoomState, last: float, now: float, lines: int) -> Refusal:
    slow = room.rules.slow
    wait = last + slow - now
    what = "that was not said" if lines == 1 else f"{lines} lines were not said"
    return Refusal(
        f"{what}: everybody says one line in {span(slow)} here, you again in {span(wait + 0.5)}",
        Kind.SLOW,
    )


def _not_in(room_name: str) -> str:
    if not room_name:
        return "you are in no room: /join ROOM first"
    return f"you are not in #{room_name[:SHOWN_NAME]}"


def _room_of(person: Person, name: str) -> RoomState:
    room = person.rooms.get(name)
    if room is None:
        raise Refusal(_not_in(name), Kind.NO_ROOM)
    return room


def emote(state: State, person: Person, request: Emote) -> None:
    """Let all in the room read what `person` does."""
    room = _room_of(person, request.room)
    wait_for_turn(state, person, room)
    emoted = Emoted(person.name.text, request.text, room.name, *state.stamp())
    state.history.add(emoted, person.origin, person.name.key)
    state.happen(emoted, person, deaf_to(state, person.name.key))


def deaf_to(state: State, key: str) -> tuple[str, ...]:
    """Return the ids of those that do not want to hear whoever bears the name with `key`."""
    return tuple([each.id for each in state.ignorers.get(key, ())])


def tell(state: State, person: Person, request: Tell) -> Seen:
    """Return what there is to know of the receiver."""
    return _tell(state, person, state.bearer(request.receiver), request.text)


def reply(state: State, person: Person, request: Reply) -> Seen:
    """Return what there is to know of the receiver."""
    if person.correspondent is None:
        raise Refusal(
            "nobody who is here has sent you a private line: /msg NAME text begins", Kind.NO_MEMBER
        )
    receiver = state.by_key[person.correspondent]
    return _tell(state, person, receiver, request.text)


def _tell(state: State, sender: Person, receiver: Person, text: str) -> Seen:
    if receiver is sender:
        raise Refusal("that is you: nobody but you would read it")
    name = receiver.name.text
    if sender.name.key in receiver.ignored:
        raise Refusal(f"{name} did not get that: {name} ignores you", Kind.IGNORED)
    stamp = state.stamp()
    state.tell(receiver, Told(sender.name.text, YOU, text, *stamp))
    write_to(state, receiver, sender.name.key)
    state.tell(sender, Told(YOU, name, text, *stamp))
    return receiver.seen


def write_to(state: State, person: Person, key: str) -> None:
    """Let the bearer of the name with `key` be the one that `person` replies to."""
    if person.correspondent is not None:
        state.correspondents.discard(person.correspondent, person)
    person.correspondent = key
    state.correspondents.add(key, person)


def rename(state: State, person: Person, request: Rename) -> None:
    """Let `person` be called otherwise."""
    name = request.name
    if name.text == person.name.text:
        raise Refusal(f"you are {name.text} already")
    if name.key != person.name.key:
        check_not_banned(state, name)
        if owned := state.registrations.get(name):
            raise is_registered(name.text, owned.name)
    take_name(state, person, name)


def take_name(state: State, person: Person, name: Name) -> None:
    """Give `person` the name. Raises Refusal if somebody has it."""
    check_free(state, name, person)
    old, person.name = person.name, name
    del state.by_key[old.key]
    state.by_key[name.key] = person
    state.happen(Renamed(old.text, name.text, tuple(person.rooms), *state.stamp()), person)
    if old.key != name.key:
        for other in state.correspondents.rename(old.key, name.key):
            other.correspondent = name.key
        # Somebody that lost its name to the owner is not whom others wanted to ignore.
        if not is_default_name(name.text):
            _let_ignorers_follow(state, person, old.key)
        state.stand(person, Role.GUEST)


def _let_ignorers_follow(state: State, person: Person, old: str) -> None:
    """Let those that ignored the name with the key `old` ignore `person` under its new name."""
    name = person.name
    for other in state.ignorers.rename(old, name.key):
        other.ignored = {**_without(other.ignored, old), name.key: name.text}
    if name.key in person.ignored:  # Nobody ignores oneself.
        person.ignored = _without(person.ignored, name.key)
        state.ignorers.discard(name.key, person)


def _without(names: Mapping[str, str], key: str) -> Mapping[str, str]:
    return {each: name for each, name in names.items() if each != key}


def set_away(state: State, person: Person, request: SetAway) -> None:
    """Let `person` not listen: nobody is told until they ask."""
    person.away = request.why


def set_back(state: State, person: Person, request: SetBack) -> None:
    """Let `person` listen again."""
    person.away = None


def ignore(state: State, person: Person, request: Ignore) -> str:
    """Return the name of the person that is not heard any more."""
    ignored = state.bearer(request.name)
    name = ignored.name
    if ignored is person:
        raise Refusal("that is you: others would still hear you")
    if name.key in person.ignored:
        raise Refusal(f"you ignore {name.text} already: /unignore {name.text} ends it")
    if len(person.ignored) >= IGNORED:
        raise Refusal(
            f"you ignore {IGNORED} names, as many as may be: /unignore some first", Kind.TOO_MANY
        )
    person.ignored = {**person.ignored, name.key: name.text}
    state.ignorers.add(name.key, person)
    return name.text


def unignore(state: State, person: Person, request: Unignore) -> str:
    """Return the name that is heard again."""
    name = person.ignored.get(request.name.key)
    if name is None:
        text = request.name.text
        shown = text if len(text) <= SHOWN_NAME else f"{text[:SHOWN_NAME]}…"
        raise Refusal(f"you do not ignore {shown}: /ignore lists whom you do", Kind.NO_MEMBER)
    person.ignored = _without(person.ignored, request.name.key)
    state.ignorers.discard(request.name.key, person)
    return name


def set_topic(state: State, person: Person, request: SetTopic) -> str:
    """Return the name of the room."""
    if person.door is Door.CONTROL:
        room = state.rooms.exactly(request.room)
        _check_topic(room, request.topic)
        write_over(state, room, person, request.topic)
        state.audit(person, "topic", f"#{room.name}", request.topic)
        return room.name
    room = _room_of(person, request.room)
    _check_topic(room, request.topic)
    if request.topic:
        wait_for_turn(state, person, room)
    write_over(state, room, person, request.topic)
    return room.name


def _check_topic(room: RoomState, topic: str) -> None:
    """Raise Refusal if `topic` may not stand over `room`. This uses up nobody's turn."""
    if topic == room.rules.topic:
        raise Refusal(f"that is what stands over #{room.name} already")
    if len(topic) > MAX_TOPIC:
        raise Refusal(
            f"that topic has {len(topic)} characters: take {MAX_TOPIC} of them at most",
            Kind.TOO_LONG,
        )


def write_over(state: State, room: RoomState, person: Person, topic: str) -> None:
    """Let `topic` stand over `room`."""
    rules = room.rules
    by = person.name.text
    is_owned = person.role >= Role.REGISTERED and bool(topic)
    state.rooms.rule(room, Rules(rules.slow, rules.locked, topic, by), is_owned)
    state.happen(Topic(room.name, topic, by, *state.stamp()), person)
