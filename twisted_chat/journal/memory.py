"""The memory journal: order and whole-chat decisions of a chat that one process holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

from twisted.internet.defer import Deferred, execute, succeed
from zope.interface import implementer

from twisted_chat.events import (
    LOBBY,
    Acted,
    Decision,
    Emoted,
    Entered,
    Left,
    Moved,
    Notice,
    Reason,
    Renamed,
    Role,
    Rules,
    Said,
    Standing,
    Told,
)
from twisted_chat.interfaces import IAuthor, IJournal, RoomSeen, Seen
from twisted_chat.journal.audit import entry
from twisted_chat.journal.history import History
from twisted_chat.journal.kept import Kept
from twisted_chat.journal.registrations import Registration, Registrations
from twisted_chat.journal.rooms import KeptRoom, Rooms
from twisted_chat.journal.sanctions import Sanction, Sanctions
from twisted_chat.journal.store import IStore, NoStore
from twisted_chat.limits import (
    HISTORY,
    HISTORY_BYTES,
    MAX_ROOMS,
    MAX_TOPIC,
    RESET_LASTS,
    SHOWN_NAME,
)
from twisted_chat.names import check_room, key
from twisted_chat.networks import LOCAL, Host, is_default, network_in, show
from twisted_chat.refusal import Refusal
from twisted_chat.spans import span


class _Presence:
    """A member, as the whole chat knows it."""

    __slots__ = ("author", "away", "default", "host", "name", "room", "standing")

    def __init__(self, author: IAuthor, name: str, host: Host, room: KeptRoom) -> None:
        self.author = author
        self.name = self.default = name
        self.host = host
        self.room = room
        self.away: str | None = None
        self.standing = Standing()


@implementer(IJournal)
class MemoryJournal:
    """Orders requests as they come: each is applied before its call returns.

    `now` is the wall clock, in Unix time. What has to outlast the process goes to `store`, and what
    that had kept is taken over. See limits.py for the bounds.
    """

    def __init__(
        self,
        now: Callable[[], float],
        store: IStore | None = None,
        max_rooms: int = MAX_ROOMS,
        history: int = HISTORY,
        history_bytes: int = HISTORY_BYTES,
    ) -> None:
        self._now = now
        self._store = store or NoStore()
        self.lasting = self._store.lasting
        self._follow: Callable[[str, object, Decision], None]
        self._by_author: dict[object, _Presence] = {}
        self._by_key: dict[str, _Presence] = {}
        self._history = History(self._store, history, history_bytes)
        self._rooms = Rooms(self._store, self._history, max_rooms)
        self._registrations = Registrations(self._store)
        self._bans = Sanctions("ban", self._store)
        self._mutes = Sanctions("mute", self._store)
        kept = self._store.load(Kept)
        self._store.watch(self._trouble)
        self._rooms.load(kept.rooms.values(), kept.lines, now())
        self._registrations.load(kept.registrations.values(), kept.recent)
        self._bans.load(kept.bans.values())
        self._mutes.load(kept.mutes.values())

    def follow(self, follower: Callable[[str, object, Decision], None]) -> None:
        self._follow = follower

    # What members do.

    def enter(self, author: object, name: str, host: Host) -> None:
        granted = self._free(name)
        room = self._rooms.lobby
        presence = _Presence(cast(IAuthor, author), granted, host, room)
        self._by_author[author] = presence
        self._by_key[key(granted)] = presence
        self._rooms.enter(room, presence)
        self._follow(LOBBY, author, Entered(granted, len(room.present)))
        self._tell_rules(presence)
        self._stand(presence, Role.GUEST)

    def _free(self, name: str) -> str:
        """`name`, or one like it where that is taken: one peer address can be there twice, through
        two ports of ours, or again before its former connection was found dead.
        """
        free = name
        number = 1
        while key(free) in self._by_key:
            number += 1
            free = f"{name}~{number}"
        return free

    def leave(self, author: object, event: Left) -> None:
        if presence := self._by_author.get(author):
            self._put_out(presence, event)

    def say(self, author: IAuthor, room: str, event: Said | Emoted) -> None:
        self._history.add(room, self._now(), event, author.origin)
        self._follow(room, author, event)

    def rename(self, author: object, name: str) -> Deferred[None]:
        return execute(self._rename, author, name)

    def _rename(self, author: object, name: str) -> None:
        presence = self._present(author)
        if name == presence.name:
            raise Refusal(f"you are {name} already")
        if key(name) != key(presence.name):
            self._check_not_banned(name)
            if owned := self._registrations.get(name):
                raise Refusal(
                    f"{name} is registered: /login {owned.name} PASSPHRASE, or another name"
                )
        self._take(presence, name)

    def _take(self, presence: _Presence, name: str) -> None:
        """Give `presence` the name, if nobody has it."""
        if presence.author not in self._by_author:
            return  # It went while others were told something.
        holder = self._by_key.get(key(name))
        if holder is not None and holder is not presence:
            looks = "" if holder.name == name else f", as {holder.name}"
            raise Refusal(f"{name} is taken{looks}: choose another name")
        del self._by_key[key(presence.name)]
        self._by_key[key(name)] = presence
        old, presence.name = presence.name, name
        self._follow(presence.room.name, presence.author, Renamed(old, name))
        if key(old) != key(name):
            self._stand(presence, Role.GUEST)

    def _check_not_banned(self, name: str) -> None:
        now = self._now()
        if ban := self._bans.on_name(name, now):
            raise Refusal(f"{name} is banned{ban.terms(now)}. Choose another name")

    def move(self, author: object, room: str) -> Deferred[None]:
        return execute(self._move, author, room)

    def _move(self, author: object, name: str) -> None:
        presence = self._present(author)
        self._rooms.sweep(self._now())
        # A room that is kept may have a name that would be refused by now.
        room = self._rooms.find(name.removeprefix("#"))
        if room is presence.room:
            raise Refusal(f"you are in #{room.name} already")
        if room is None:
            room = self._rooms.make(check_room(name), presence.author.origin)
        elif room.rules.locked and presence.standing.role < Role.OPERATOR:
            raise Refusal(f"#{room.name} is locked: nobody new may come in just now")
        origin = presence.room
        self._rooms.leave(origin, presence, self._now())
        self._rooms.enter(room, presence)
        presence.room = room
        self._follow(
            room.name,
            presence.author,
            Moved(presence.name, origin.name, len(origin.present), len(room.present)),
        )
        self._tell_rules(presence)

    def tell(self, author: object, receiver: str, text: str) -> Deferred[Seen]:
        return execute(self._tell, author, receiver, text)

    def _tell(self, author: object, receiver: str, text: str) -> Seen:
        sender = self._present(author)
        found = self._find(receiver)
        if found is sender:
            raise Refusal("that is you: nobody but you would read it")
        self._follow(sender.room.name, sender.author, Told(sender.name, found.name, text))
        return self._seen(found)

    def set_away(self, author: object, why: str | None) -> Deferred[None]:
        return execute(self._set_away, author, why)

    def _set_away(self, author: object, why: str | None) -> None:
        self._present(author).away = why

    def set_topic(self, author: object, topic: str) -> Deferred[None]:
        return execute(self._set_topic, author, topic)

    def _set_topic(self, author: object, topic: str) -> None:
        presence = self._present(author)
        is_owned = presence.standing.role >= Role.REGISTERED
        self._write_over(presence.room, presence.name, topic, is_owned)

    def _write_over(self, room: KeptRoom, by: str, topic: str, is_owned: bool) -> None:
        if topic == room.rules.topic:
            raise Refusal(f"that is what stands over #{room.name} already")
        if len(topic) > MAX_TOPIC:
            raise Refusal(
                f"that topic has {len(topic)} characters: take {MAX_TOPIC} of them at most"
            )
        rules = replace(room.rules, topic=topic, topic_by=by)
        self._rule(room, rules, topic_is_owned=is_owned and bool(topic))

    # What members see.

    def who(self, room: str | None) -> Deferred[list[Seen]]:
        return execute(self._who, room)

    def _who(self, room: str | None) -> list[Seen]:
        present: Iterable[_Presence] = self._by_author.values()
        if room is not None:
            present = self._rooms.get(room).present
        return [self._seen(presence) for presence in present]

    def find(self, name: str) -> Deferred[Seen]:
        return execute(lambda: self._seen(self._find(name)))

    def rooms(self) -> Deferred[list[RoomSeen]]:
        self._rooms.sweep(self._now())
        rooms = [
            RoomSeen(room.name, len(room.present), room.rules)
            for room in self._rooms
            if room.present or room.name == LOBBY or room.rules.locked or room.rules.slow
        ]
        return succeed(sorted(rooms, key=lambda room: -room.count))

    def room(self, name: str) -> Deferred[RoomSeen]:
        return execute(self._room, name)

    def _room(self, name: str) -> RoomSeen:
        room = self._rooms.get(name)
        return RoomSeen(room.name, len(room.present), room.rules)

    def history(self, room: str, count: int) -> Deferred[Sequence[tuple[float, Said | Emoted]]]:
        return execute(lambda: self._history.last(self._rooms.get(room).name, count))

    def _find(self, name: str) -> _Presence:
        presence = self._by_key.get(key(name))
        if presence is None:
            raise Refusal(f"nobody here is called {name[:SHOWN_NAME]}: /who lists who is")
        return presence

    def _seen(self, presence: _Presence) -> Seen:
        return Seen(
            presence.name,
            presence.room.name,
            presence.author.idle,
            presence.away,
            presence.standing.role,
            presence.host,
        )

    # Names that belong to somebody.

    def registration(self, name: str) -> Deferred[Registration | None]:
        return succeed(self._registrations.get(name))

    def may_register(self, author: object) -> Deferred[None]:
        return execute(self._may_register, author)

    def _may_register(self, author: object) -> None:
        presence = self._present(author)
        if is_default(presence.name):
            raise Refusal(
                "take a name first: /nick NAME, then /register PASSPHRASE keeps it for you"
            )
        if presence.standing.role < Role.REGISTERED:  # Who owns it may change its passphrase.
            self._registrations.check(presence.name, presence.author.origin, self._now())

    def register(self, author: object, digest: str) -> Deferred[None]:
        return execute(self._register, author, digest)

    def _register(self, author: object, digest: str) -> None:
        self._may_register(author)
        presence = self._present(author)
        if owned := self._owned_by(presence):
            self._registrations.change(owned.name, digest)
            return
        self._registrations.add(presence.name, digest, presence.author.origin, self._now())
        self._stand(presence, Role.REGISTERED)

    def unregister(self, author: object) -> Deferred[None]:
        return execute(self._unregister, author)

    def _unregister(self, author: object) -> None:
        presence = self._present(author)
        was_operator = presence.standing.role >= Role.OPERATOR
        if owned := self._owned_by(presence):
            self._registrations.remove(owned.name)
        self._stand(presence, Role.GUEST)
        if was_operator:
            name = presence.name
            self._act(name, "unregister", name, f"{name} gave up that name and is no operator now")

    def log_in(self, author: object, registration: Registration) -> Deferred[Registration]:
        return execute(self._log_in, author, registration)

    def _log_in(self, author: object, registration: Registration) -> Registration:
        presence = self._present(author)
        name = registration.name
        owned = self._registrations.get(name)
        if owned is None or owned.digest != registration.digest:
            raise Refusal(f"{name} has changed hands meanwhile: try again")
        if older := self._registrations.obstacle(owned):
            raise Refusal(
                f"{name} cannot log in: it looks like {older.name}, which was registered before. "
                "Take another name, or ask the administrator to release one of them"
            )
        now = self._now()
        if 0 < owned.expires <= now:
            raise Refusal(
                f"that passphrase of {name} has expired: ask the administrator for another"
            )
        self._check_not_banned(name)
        self._registrations.log_in(name, now)
        holder = self._by_key.get(key(name))
        if holder is not None and holder is not presence:
            # Its owner came in another way; perhaps this connection is long dead.
            self._take_away(holder, f"somebody who knows the passphrase is {holder.name} now")
        if presence.name != name:
            self._take(presence, name)
        self._stand(presence, owned.role)
        return owned

    def note_wrong(self, author: IAuthor, registration: Registration) -> Deferred[None]:
        return execute(self._note_wrong, author, registration)

    def _note_wrong(self, author: IAuthor, registration: Registration) -> None:
        owned = self._registrations.get(registration.name)
        if owned is not None and owned.digest == registration.digest:
            self._registrations.note_wrong(owned.name, author.origin, self._now())

    def _owned_by(self, presence: _Presence) -> Registration | None:
        """Return the registration that `presence` has proved to own."""
        if presence.standing.role < Role.REGISTERED:
            return None
        return self._registrations.standing(presence.name)

    def _holder(self, registration: Registration) -> _Presence | None:
        """Return whoever bears the registered name. One that an older one stands in the way of is
        borne by nobody: whoever is called so bears the older one.
        """
        if self._registrations.obstacle(registration):
            return None
        return self._by_key.get(key(registration.name))

    def _present(self, author: object) -> _Presence:
        """`author`. Raises Refusal if it has been put out since it asked."""
        presence = self._by_author.get(author)
        if presence is None:
            raise Refusal("you are not here any more")
        return presence

    def _take_away(self, holder: _Presence, why: str) -> None:
        """Let `holder` have its default name again, after it was told `why`."""
        self._follow(holder.room.name, holder.author, Notice(why))
        self._take(holder, self._free(holder.default))

    # What operators do.

    def closed_to(self, host: Host) -> str | None:
        now = self._now()
        if ban := self._bans.on_host(host, now):
            return f"you are banned{ban.terms(now)}"
        if self._rooms.lobby.rules.locked:
            return "the chat is locked: nobody new may come in just now, try again later"
        return None

    def announce(self, by: str, room: str | None, text: str) -> Deferred[None]:
        return execute(self._announce, by, room, text)

    def _announce(self, by: str, name: str | None, text: str) -> None:
        rooms = list(self._rooms) if name is None else [self._rooms.get(name)]
        # In the audit file alone: operators read it as all do.
        whom = "" if name is None else f"#{rooms[0].name}"
        self._store.audit(entry(Acted(self._now(), by, "say", whom, 0, text, "")))
        for room in rooms:
            if room.present:
                self._follow(room.name, None, Notice(f"{by} says: {text}"))

    def kick(self, by: str, name: str, why: str) -> Deferred[None]:
        return execute(self._kick, by, name, why)

    def _kick(self, by: str, name: str, why: str) -> None:
        presence = self._find(name)
        if key(name) == key(by):
            raise Refusal("that is you yourself: /quit leaves")
        reason = _with_why(f"{Reason.KICKED.value} by {by}", why)
        self._put_out(presence, Left("", 0, reason=reason))
        text = _with_why(f"{by} kicked {presence.name}", why)
        self._act(by, "kick", presence.name, text, why=why, address=_address(presence))

    def ban(self, by: str, whom: str, seconds: int, why: str, spare: Host) -> Deferred[int]:
        return execute(self._ban, by, whom, seconds, why, spare)

    def _ban(self, by: str, whom: str, seconds: int, why: str, spare: Host) -> int:
        network = network_in(whom)
        if network is not None and spare is not None and spare in network:
            raise Refusal(f"{show(network)} is where you are yourself: /kick NAME, or chatctl ban")
        if key(whom) == key(by):
            raise Refusal("that is you yourself")
        whom = whom if network is None else show(network)
        now = self._now()
        self._bans.add(Sanction(whom, by, why, now, now + seconds if seconds else 0), now)
        reason = _with_why(f"{Reason.BANNED.value} by {by}", why)
        hit = self._hit(whom)
        for presence in hit:
            self._put_out(presence, Left("", 0, reason=reason))
        how_long = f" for {span(seconds)}" if seconds else ""
        text = _with_why(f"{by} banned {whom}{how_long}", why)
        address = _address(*hit) if network is None else ""
        self._act(by, "ban", whom, text, seconds=seconds, why=why, address=address)
        return len(hit)

    def unban(self, by: str, whom: str) -> Deferred[None]:
        return execute(self._lift, self._bans, by, "unban", whom)

    def bans(self) -> Deferred[list[Sanction]]:
        return succeed(self._bans.in_force(self._now()))

    def mute(self, by: str, whom: str, seconds: int) -> Deferred[None]:
        return execute(self._mute, by, whom, seconds)

    def _mute(self, by: str, whom: str, seconds: int) -> None:
        network = network_in(whom)
        if key(whom) == key(by):
            raise Refusal("that is you yourself")
        if network is not None:
            whom = show(network)
        elif is_default(whom) or key(whom) in self._by_key:
            whom = self._find(whom).name
        now = self._now()
        self._mutes.add(Sanction(whom, by, "", now, now + seconds if seconds else 0), now)
        self._restand(whom)
        how_long = f" for {span(seconds)}" if seconds else ""
        address = _address(*self._hit(whom)) if network is None else ""
        text = f"{by} muted {whom}{how_long}"
        self._act(by, "mute", whom, text, seconds=seconds, address=address)

    def mutes(self) -> Deferred[list[Sanction]]:
        return succeed(self._mutes.in_force(self._now()))

    def unmute(self, by: str, whom: str) -> Deferred[None]:
        return execute(self._lift, self._mutes, by, "unmute", whom)

    def _lift(self, sanctions: Sanctions, by: str, what: str, whom: str) -> None:
        lifted = sanctions.lift(whom)
        if lifted is None:
            raise Refusal(f"there is nothing to undo for just {whom}: /bans lists the bans")
        self._restand(lifted.whom)
        self._act(by, what, lifted.whom, f"{by} undid the {what[2:]} of {lifted.whom}")

    def slow(self, by: str, room: str, seconds: int) -> Deferred[None]:
        return execute(self._slow, by, room, seconds)

    def _slow(self, by: str, name: str, seconds: int) -> None:
        room = self._rooms.get(name)
        self._rule(room, replace(room.rules, slow=seconds))
        text = f"{by} lets everybody say one line in {span(seconds)} in #{room.name}"
        if not seconds:
            text = f"{by} lets everybody say as much as they like in #{room.name}"
        self._act(by, "slow", f"#{room.name}", text, seconds=seconds, room=room.name)

    def lock(self, by: str, room: str, locked: bool) -> Deferred[None]:
        return execute(self._lock, by, room, locked)

    def _lock(self, by: str, name: str, locked: bool) -> None:
        room = self._rooms.get(name)
        if room.rules.locked == locked:
            raise Refusal(f"#{room.name} is {'locked' if locked else 'open'} already")
        self._rule(room, replace(room.rules, locked=locked))
        what = "locked" if locked else "unlocked"
        text = f"{by} {what} #{room.name}"
        self._act(by, what.removesuffix("ed"), f"#{room.name}", text, room=room.name)

    def set_topic_of(self, by: str, room: str, topic: str) -> Deferred[None]:
        return execute(self._set_topic_of, by, room, topic)

    def _set_topic_of(self, by: str, name: str, topic: str) -> None:
        room = self._rooms.get(name)
        self._write_over(room, by, topic, is_owned=True)
        # In the audit file alone: operators who are there read it as all do.
        self._store.audit(entry(Acted(self._now(), by, "topic", f"#{room.name}", 0, topic, "")))

    def set_operator(self, by: str, name: str, operator: bool) -> Deferred[None]:
        return execute(self._set_operator, by, name, operator)

    def _set_operator(self, by: str, name: str, operator: bool) -> None:
        registration = self._registrations.set_operator(name, operator)
        holder = self._holder(registration)
        if holder is not None:
            self._stand(holder, registration.role)
        text = f"{by} made {registration.name} {'an operator' if operator else 'no operator'}"
        self._act(by, "op" if operator else "deop", registration.name, text)

    def registrations(self) -> Deferred[list[tuple[Registration, Registration | None]]]:
        by_name = sorted(self._registrations, key=lambda each: each.name)
        return succeed([(each, self._registrations.obstacle(each)) for each in by_name])

    def release(self, by: str, name: str) -> Deferred[None]:
        return execute(self._release, by, name)

    def _release(self, by: str, name: str) -> None:
        registration = self._registrations.get(name)
        holder = None if registration is None else self._holder(registration)
        released = self._registrations.release(name).name
        if holder is not None:
            text = f"{by} released the name {released}: it belongs to nobody now"
            self._follow(holder.room.name, holder.author, Notice(text))
            self._stand(holder, Role.GUEST)
        self._act(by, "release", released, f"{by} released the name {released}")

    def reset(self, by: str, name: str, digest: str) -> Deferred[Registration]:
        return execute(self._reset, by, name, digest)

    def _reset(self, by: str, name: str, digest: str) -> Registration:
        registration = self._registrations.change(name, digest, self._now() + RESET_LASTS)
        holder = self._holder(registration)
        if holder is not None:
            self._take_away(holder, f"{by} reset the passphrase of {registration.name}")
        text = f"{by} reset the passphrase of {registration.name}"
        self._act(by, "reset", registration.name, text)
        return registration

    # What is decided, told and kept.

    def _put_out(self, presence: _Presence, event: Left) -> None:
        """Let `presence` be gone, unless it is.

        As everywhere all is decided before the follower hears of it: it may find others dead then,
        and ask for their leaving, before it comes back.
        """
        if self._by_author.pop(presence.author, None) is None:
            return
        room = presence.room
        del self._by_key[key(presence.name)]
        if is_default(presence.name) and network_in(presence.name) is None:
            # The next one who is called so is somebody else.
            self._mutes.lift(presence.name)
        self._rooms.leave(room, presence, self._now())
        left = replace(event, name=presence.name, count=len(room.present))
        self._follow(room.name, presence.author, left)

    def _stand(self, presence: _Presence, role: Role) -> None:
        """Let `presence` have `role`, and be mute as long as its name and its host are."""
        now = self._now()
        mutes = (self._mutes.on_name(presence.name, now), self._mutes.on_host(presence.host, now))
        until = max((mute.end for mute in mutes if mute is not None), default=0.0)
        standing = Standing(role, until)
        if standing != presence.standing:
            presence.standing = standing
            self._follow(presence.room.name, presence.author, standing)

    def _hit(self, whom: str) -> list[_Presence]:
        """Whoever is `whom`, a name or a network."""
        network = network_in(whom)
        if network is None:
            presence = self._by_key.get(key(whom))
            return [] if presence is None else [presence]
        return [
            presence
            for presence in self._by_author.values()
            if presence.host is not None and presence.host in network
        ]

    def _restand(self, whom: str) -> None:
        for presence in self._hit(whom):
            self._stand(presence, presence.standing.role)

    def _act(
        self,
        by: str,
        what: str,
        whom: str,
        text: str,
        seconds: int = 0,
        why: str = "",
        room: str = "",
        address: str = "",
    ) -> None:
        act = Acted(self._now(), by, what, whom, seconds, why, text, room, address)
        self._store.audit(entry(act))
        self._follow(room or LOBBY, None, act)

    def _trouble(self, text: str) -> None:
        act = Acted(self._now(), "the daemon", "tell", "", 0, "", text)
        self._follow(LOBBY, None, act)

    def _rule(self, room: KeptRoom, rules: Rules, topic_is_owned: bool | None = None) -> None:
        """Let `rules` hold in `room`. `topic_is_owned`: as before if None."""
        is_owned = room.topic_is_owned if topic_is_owned is None else topic_is_owned
        self._rooms.rule(room, rules, is_owned)
        self._follow(room.name, None, rules)

    def _tell_rules(self, presence: _Presence) -> None:
        if presence.room.rules != Rules():
            self._follow(presence.room.name, presence.author, presence.room.rules)


def _address(bearer: _Presence | None = None) -> str:
    """Where the bearer of a name comes from; "": nobody bears it."""
    if bearer is None:
        return ""
    return LOCAL if bearer.host is None else str(bearer.host)


def _with_why(text: str, why: str) -> str:
    return f"{text}: {why}" if why else text
