"""What operators do."""

from __future__ import annotations

from twisted_chat.events import Announced, Forgotten, Locked, PutOut, Reason, Slowed
from twisted_chat.journal.deciding.presence import part_from
from twisted_chat.journal.people import Person, RoomState
from twisted_chat.journal.sanctions import Sanctions
from twisted_chat.journal.state import State, address_of
from twisted_chat.names import Name
from twisted_chat.networks import (
    LOCAL,
    Network,
    is_default_name,
    lies_in,
    network_in,
    network_of,
    show,
)
from twisted_chat.records import Rules, Sanction
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import (
    Announce,
    Ban,
    ForgetLine,
    ForgetLines,
    Kick,
    Lock,
    Mute,
    Slow,
    Unban,
    Unlock,
    Unmute,
)


def announce(state: State, person: Person, request: Announce) -> None:
    """Tell all in one room, or in all rooms."""
    rooms = [state.rooms.exactly(request.room)] if request.room else list(state.rooms)
    whom = f"#{rooms[0].name}" if request.room else ""
    state.audit(person, "say", whom, request.text)
    for room in rooms:
        if room.present:
            by = person.name.text
            state.happen(Announced(room.name, by, request.text, *state.stamp()), person)


def kick(state: State, person: Person, request: Kick) -> None:
    """Put somebody out."""
    kicked = state.bearer(request.name)
    if kicked is person or kicked.name.key == person.name.key:
        raise Refusal("that is you yourself: /quit leaves")
    by, why = person.name.text, request.why
    name, address = kicked.name.text, address_of(kicked)
    if request.room:
        room = state.rooms.exactly(request.room)
        if room.name not in kicked.rooms:
            raise Refusal(f"{name} is not in #{room.name}", Kind.NO_MEMBER)
        reason = Reason.KICKED.value
        state.tell(kicked, PutOut(reason, room.name, by, why, *state.stamp()))
        part_from(state, kicked, room, reason=reason, by=by, why=why)
    else:
        state.put_out(kicked, Reason.KICKED, by, why)
    state.act(person, "kick", name, why=why, address=address)


def ban(state: State, person: Person, request: Ban) -> int:
    """Return how many people were put out."""
    whom = request.whom
    network = network_in(whom.text)
    if network is not None and person.host is not None and person.host in network:
        raise Refusal(f"{show(network)} is where you are yourself: /kick NAME, or chatctl ban")
    if whom.key == person.name.key:
        raise Refusal("that is you yourself")
    if network is not None:
        whom = _of(show(network))
    by, why = person.name.text, request.why
    until = state.time + request.seconds if request.seconds else 0
    state.bans.add(Sanction(whom.text, by, why, state.time, until), whom)
    hit = state.hit(whom)
    for each in hit:
        state.put_out(each, Reason.BANNED, by, why)
    address = address_of(hit[0]) if hit and network is None else ""
    state.act(person, "ban", whom.text, seconds=request.seconds, why=why, address=address)
    return len(hit)


def unban(state: State, person: Person, request: Unban) -> None:
    """Undo a ban."""
    _lift(state, state.bans, person, "unban", request.whom)


def mute(state: State, person: Person, request: Mute) -> None:
    """Let nobody hear somebody."""
    whom = request.whom
    network = network_in(whom.text)
    if whom.key == person.name.key:
        raise Refusal("that is you yourself")
    if network is not None:
        whom = _of(show(network))
    elif is_default_name(whom.text) or whom.key in state.by_key:
        whom = state.bearer(whom).name
    until = state.time + request.seconds if request.seconds else 0
    state.mutes.add(Sanction(whom.text, person.name.text, "", state.time, until), whom)
    hit = state.hit(whom)
    for each in hit:
        state.stand(each, each.role)
    address = address_of(hit[0]) if hit and network is None else ""
    state.act(person, "mute", whom.text, seconds=request.seconds, address=address)


def unmute(state: State, person: Person, request: Unmute) -> None:
    """Undo a mute."""
    _lift(state, state.mutes, person, "unmute", request.whom)


def _lift(state: State, sanctions: Sanctions, by: Person, what: str, whom: Name) -> None:
    lifted = sanctions.lift(whom)
    if lifted is None:
        raise Refusal(f"there is nothing to undo for just {whom.text}: /bans lists the bans")
    for person in state.hit(Name(lifted.whom, whom.folded, whom.key)):
        state.stand(person, person.role)
    state.act(by, what, lifted.whom)


def slow(state: State, person: Person, request: Slow) -> None:
    """Let each say one line in so many seconds."""
    room = state.rooms.exactly(request.room)
    rules = room.rules
    _rule(state, room, Rules(request.seconds, rules.locked, rules.topic, rules.topic_by))
    by = person.name.text
    state.happen(Slowed(room.name, request.seconds, by, *state.stamp()), person)
    state.act(person, "slow", f"#{room.name}", seconds=request.seconds, told_in=room)


def lock(state: State, person: Person, request: Lock) -> None:
    """Let nobody new in."""
    _lock(state, person, request.room, True)


def unlock(state: State, person: Person, request: Unlock) -> None:
    """Let everybody in again."""
    _lock(state, person, request.room, False)


def _lock(state: State, person: Person, name: str, locked: bool) -> None:
    room = state.rooms.exactly(name)
    rules = room.rules
    if rules.locked == locked:
        raise Refusal(f"#{room.name} is {'locked' if locked else 'open'} already")
    _rule(state, room, Rules(rules.slow, locked, rules.topic, rules.topic_by))
    by = person.name.text
    state.happen(Locked(room.name, locked, by, *state.stamp()), person)
    state.act(person, "lock" if locked else "unlock", f"#{room.name}", told_in=room)


def _rule(state: State, room: RoomState, rules: Rules) -> None:
    state.rooms.rule(room, rules, room.topic_is_owned)


def forget_line(state: State, person: Person, request: ForgetLine) -> int:
    """Return how many lines went."""
    room = state.rooms.exactly(request.room)
    count = state.history.forget_line(room.name, request.id)
    if not count:
        raise Refusal(
            f"no line of #{room.name} has the id {request.id[:40]}: chatctl --json history "
            "shows the ids",
            Kind.NO_LINE,
        )
    _forgotten(state, person, {room.name: [request.id]})
    state.act(person, "forget", f"#{room.name}", why=request.id)
    return count


def forget_lines(state: State, person: Person, request: ForgetLines) -> int:
    """Return how many lines went."""
    whom = request.whom
    network = None if is_default_name(whom.text) else network_in(whom.text)

    def is_meant(key: str, origin: str) -> bool:
        if network is None:
            return key == whom.key
        if origin == LOCAL:
            return network.is_loopback
        place = network_in(origin)
        return place is not None and lies_in(place, network)

    by_room = state.history.forget_lines(is_meant)
    count = sum(map(len, by_room.values()))
    if not count:
        raise Refusal(_nothing_kept(whom, network), Kind.NO_LINE)
    _forgotten(state, person, by_room)
    state.act(person, "forget", whom.text if network is None else show(network))
    return count


def _nothing_kept(whom: Name, network: Network | None) -> str:
    """Return the text that refuses a ForgetLines for `whom`, a name or the `network`."""
    text = f"nothing that {whom.text} said is kept"
    kept_with = None if network is None else network_in(network_of(network.network_address))
    if network is None or kept_with in (None, network) or not lies_in(network, kept_with):
        return text
    whole = show(kept_with)
    return f"{text} apart from what others of {whole} said: chatctl forget {whole} takes out all"


def _forgotten(state: State, person: Person, by_room: dict[str, list[str]]) -> None:
    for room, ids in by_room.items():
        forgotten = Forgotten(room, tuple(ids), person.name.text, *state.stamp())
        state.happen(forgotten, person)


def _of(network: str) -> Name:
    return Name(network, network, network)
