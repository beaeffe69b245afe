"""The promises of the whole chat, against a model of it."""

from __future__ import annotations

from collections import Counter, defaultdict, deque

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.asking import ask
from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox
from tests.support.properties import settings, st
from twisted_chat.dialects import LineDialect
from twisted_chat.events import Reason
from twisted_chat.limits import EMPTY_ROOM, TURN
from twisted_chat.members import Member
from twisted_chat.names import named
from twisted_chat.networks import LOCAL
from twisted_chat.requests import Kick
from twisted_chat.spans import moment
from twisted_chat.text import clean

# Those of one row look alike: they are one name.
LOOK_ALIKES = (("ann", "Ann", "ANN"), ("bob", "Bob", "b0b"), ("lia", "Iia", "1ia"), ("zoë",))
NAMES = [name for row in LOOK_ALIKES for name in row if not name[0].isdecimal()]
ROOMS = ["lobby", "Lobby", "#lobby", "dev", "Dev", "#dev", "tea"]
OTHER_LINES = LineDialect()
TEXTS = st.binary(min_size=1, max_size=40).map(lambda data: clean(data).strip()).filter(bool)


def key(name: str) -> str:
    for row in LOOK_ALIKES:
        if name in row:
            return row[0]
    return name.removeprefix("#").lower()


def online(count: int) -> str:
    return f"({count} user{'s' if count > 1 else ''} online)"


class Echoed(Member):
    """A member that reads what it says itself, as those of the web door do."""

    __slots__ = ("refs",)


class WitnessingOutbox(RecordingOutbox):
    """Tells when a write to it fails."""

    def __init__(self, member: Member, failed: list[Member]) -> None:
        super().__init__()
        self.member = member
        self.failed = failed

    def write(self, data: bytes) -> None:
        if self.broken and not self.member.leaving:
            self.failed.append(self.member)
        super().write(data)


class Place:
    """A room while somebody is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.people: list[Member] = []


class Kept:
    """What is kept of a room also while nobody is in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.said: list[tuple[float, str]] = []
        self.emptied: float | None = None


class ChatModel(RuleBasedStateMachine):
    """The chat beside a model that delivers each event at once, to one member after the other.

    Promise 1, one order, and 2, exactly once: each member's lines are the model's, private ones,
    answers and refusals among them, and it gets them in one write a turn. 3, the count: it is the
    model's, that of the room. 4, the greeting and the one Left: the model gives nothing before the
    one and nothing after the other, and a closed outbox that is written to fails. 7: a line that
    holds somebody's words starts with the mark and the name that the model puts there.

    The model hears of each event before the chat does, so that both know of the same ones when a
    turn is full.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = ChatOnTheTable(motd=("welcome",))
        delivery = self.table.chat.delivery
        self.flush, delivery.flush = delivery.flush, self.flush_once_each
        self.places: dict[str, Place] = {}
        self.kept = {"lobby": Kept("lobby")}
        self.where: dict[Member, Place] = {}
        self.names: dict[Member, str] = {}
        self.ignored: defaultdict[Member, dict[str, str]] = defaultdict(dict)
        self.wrote_last: dict[Member, Member] = {}
        self.away: dict[Member, str] = {}
        self.gone: list[Member] = []
        self.broken: list[Member] = []
        self.failed: list[Member] = []
        self.expected: dict[Member, list[str]] = {}
        self.transcripts: defaultdict[str, list[str]] = defaultdict(list)
        self.entered = 0

    # What the model does.

    def gets(self, member: Member, line: str) -> None:
        self.expected[member].append(line)

    def all_get(self, place: Place, line: str, but: Member | None = None, by: str = "") -> None:
        """Nobody hears words `by` whom it ignores."""
        lead = "" if place.name == "lobby" else f"#{place.name} "
        self.transcripts[place.name].append(lead + line)
        for member in place.people:
            if member is not but and key(by) not in self.ignored[member]:
                self.gets(member, line)

    def all_hear(self, author: Member, line: str) -> None:
        """`author` says it, and reads it only if it hears itself."""
        but = None if isinstance(author, Echoed) else author
        self.all_get(self.where[author], line, but, self.names[author])

    def comes(self, member: Member, room: str, notice: str) -> None:
        kept = self.kept.setdefault(key(room), Kept(room.removeprefix("#")))
        kept.emptied = None
        place = self.places.setdefault(key(room), Place(kept.name))
        count = online(len(place.people) + 1)
        self.all_get(place, f"> New user {self.names[member]} entered {count}")
        place.people.append(member)
        self.where[member] = place
        self.gets(member, f"> Connected to the chat server {count}")
        self.gets(member, f"- {notice.format(kept.name)}")
        if kept.topic:
            self.gets(member, f"- {kept.topic}")

    def goes(self, member: Member, ending: str = "") -> None:
        place = self.where.pop(member)
        place.people.remove(member)
        count = online(len(place.people))
        self.all_get(place, f"< The user {self.names[member]} left {count}{ending}")
        if not place.people:
            room = key(place.name)
            del self.places[room]
            kept = self.kept[room]
            kept.emptied = self.table.now()
            if not kept.topic and not kept.said and room != "lobby":
                del self.kept[room]

    def leaves(self, member: Member, ending: str = "") -> None:
        self.goes(member, ending)
        self.gone.append(member)
        del self.names[member]
        self.ignored.pop(member, None)
        self.wrote_last = {
            reader: writer
            for reader, writer in self.wrote_last.items()
            if member not in (reader, writer)
        }

    def called(self, name: str) -> Member | None:
        return next((m for m, each in self.names.items() if key(each) == key(name)), None)

    def keep(self, member: Member, line: str) -> None:
        self.kept[key(self.where[member].name)].said.append((self.table.now(), line))

    # How both are brought together.

    def flush_once_each(self) -> None:
        before = {member: len(member.outbox.written) for member in self.expected}
        self.flush()
        for member, writes in before.items():
            assert len(member.outbox.written) <= writes + 1

    def ask(self, member: Member, line: str) -> None:
        self.table.desk.hand_in(member, line)
        self.table.settle()
        self.who_failed_goes()

    def who_failed_goes(self) -> None:
        """A flush finds out; who got nothing in it is not found."""
        for member in self.failed:
            self.leaves(member, ", put out: its connection failed")
        self.failed.clear()

    def somebody(self, data: st.DataObject) -> Member:
        return data.draw(st.sampled_from(list(self.names)))

    def some_name(self, data: st.DataObject) -> str:
        """One that somebody has, or now and then another, which may look like one."""
        return data.draw(st.sampled_from([*list(self.names.values()) * 9, *NAMES]))

    # What happens.

    @initialize(names=st.permutations(NAMES), turns=st.booleans())
    def some_are_here_already(self, names: list[str], turns: bool) -> None:
        for name in names[:3]:
            self.enter(same_address=False, hears_itself=False)
            if self.called(name) is None:
                self.take_name(list(self.names)[-1], name)
        if turns:
            self.turn()

    @rule(same_address=st.booleans(), hears_itself=st.booleans())
    def enter(self, same_address: bool, hears_itself: bool) -> None:
        if not same_address:
            self.entered += 1
        name = asked = f"10.0.0.1:{self.entered}"
        number = 1
        while name in self.names.values():
            number += 1
            name = f"{asked}~{number}"
        dialect = (LINES, OTHER_LINES)[self.entered % 2]
        kind = Echoed if hears_itself else Member
        member = kind(asked, RecordingOutbox(), dialect, self.table.flood.meter(LOCAL))
        member.outbox = WitnessingOutbox(member, self.failed)
        if hears_itself:
            member.refs = deque()
        self.names[member] = name
        self.expected[member] = []
        self.comes(member, "lobby", "welcome")
        self.table.chat.arrive(member)
        self.table.settle()

    @precondition(lambda self: self.names)
    @rule(data=st.data(), said=st.lists(TEXTS, min_size=1))
    def say(self, data: st.DataObject, said: list[str]) -> None:
        member = self.somebody(data)
        for text in said:
            line = f"[{self.names[member]}] {text}"
            self.all_hear(member, line)
            self.keep(member, line)
        self.table.chat.say(member, "\n".join(said))
        self.table.settle()

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def say_so_much_that_the_turn_is_flushed_early(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        line = f"[{self.names[member]}] {'x' * TURN}"
        self.all_hear(member, line)
        self.keep(member, line)
        self.table.chat.say(member, "x" * TURN)
        self.table.settle()
        self.who_failed_goes()

    @precondition(lambda self: self.names)
    @rule(data=st.data(), text=TEXTS)
    def emote(self, data: st.DataObject, text: str) -> None:
        member = self.somebody(data)
        line = f"* {self.names[member]} {text}"
        self.all_get(self.where[member], line, by=self.names[member])
        self.keep(member, line)
        self.ask(member, f"/me {text}")

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        self.take_name(self.somebody(data), data.draw(st.sampled_from(NAMES)))

    def take_name(self, member: Member, new: str) -> None:
        old = self.names[member]
        holder = self.called(new)
        if new == old:
            self.gets(member, f"! you are {old} already")
        elif holder not in (None, member):
            looks = "" if self.names[holder] == new else f", as {self.names[holder]}"
            self.gets(member, f"! {new} is taken{looks}: choose another name")
        else:
            self.all_get(self.where[member], f"- {old} is now {new}", but=member)
            self.gets(member, f"- You are now {new}")
            self.names[member] = new
            if key(old) != key(new):
                for ignored in self.ignored.values():
                    if ignored.pop(key(old), None):
                        ignored[key(new)] = new
                self.ignored[member].pop(key(new), None)
        self.ask(member, f"/nick {new}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), room=st.sampled_from(ROOMS))
    def join(self, data: st.DataObject, room: str) -> None:
        member = self.somebody(data)
        place = self.where[member]
        if key(room) == key(place.name):
            self.gets(member, f"! you are in #{place.name} already")
        else:
            self.goes(member)
            self.comes(member, room, "You are now in #{}")
        self.ask(member, f"/join {room}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), topic=st.sampled_from(["tea", "is now bob"]))
    def set_topic(self, data: st.DataObject, topic: str) -> None:
        member = self.somebody(data)
        place = self.where[member]
        kept = self.kept[key(place.name)]
        line = f"{self.names[member]} set the topic: {topic}"
        if kept.topic.endswith(f": {topic}"):
            self.gets(member, f"! that is what stands over #{place.name} already")
        else:
            kept.topic = line
            self.all_get(place, f"- {line}")
        self.ask(member, f"/topic {topic}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), text=TEXTS)
    def tell(self, data: st.DataObject, text: str) -> None:
        sender = self.somebody(data)
        name = self.some_name(data)
        receiver = self.called(name)
        self.told(sender, name, receiver, text)
        self.ask(sender, f"/msg {name} {text}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), text=TEXTS)
    def reply(self, data: st.DataObject, text: str) -> None:
        sender = self.somebody(data)
        receiver = self.wrote_last.get(sender)
        if receiver is None:
            why = "nobody who is here has sent you a private line: /msg NAME text begins"
            self.gets(sender, f"! {why}")
        else:
            self.told(sender, self.names[receiver], receiver, text)
        self.ask(sender, f"/reply {text}")

    def told(self, sender: Member, name: str, receiver: Member | None, text: str) -> None:
        if receiver is None:
            self.gets(sender, f"! nobody here is called {name}: /who lists who is")
        elif receiver is sender:
            self.gets(sender, "! that is you: nobody but you would read it")
        else:
            its_name = self.names[receiver]
            if key(self.names[sender]) in self.ignored[receiver]:
                why = f"{its_name} did not get that: {its_name} ignores you"
                self.gets(sender, f"! {why}")
            else:
                self.gets(receiver, f"[{self.names[sender]} -> you] {text}")
                self.gets(sender, f"[you -> {its_name}] {text}")
                self.wrote_last[receiver] = sender

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def ignore(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        name = self.some_name(data)
        other = self.called(name)
        if other is None:
            answer = f"! nobody here is called {name}: /who lists who is"
        elif other is member:
            answer = "! that is you: others would still hear you"
        else:
            its_name = self.names[other]
            way_out = f"/unignore {its_name} ends it"
            if key(its_name) in self.ignored[member]:
                answer = f"! you ignore {its_name} already: {way_out}"
            else:
                answer = f"- You ignore {its_name}: {way_out}"
                self.ignored[member][key(its_name)] = its_name
        self.gets(member, answer)
        self.ask(member, f"/ignore {name}")

    @precondition(lambda self: any(self.ignored.values()))
    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from([each for each in self.names if self.ignored[each]]))
        each = data.draw(st.sampled_from(sorted(self.ignored[member])))
        name = self.ignored[member].pop(each)
        self.gets(member, f"- You hear {name} again")
        self.ask(member, f"/unignore {name}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), count=st.integers(1, 9))
    def look_back(self, data: st.DataObject, count: int) -> None:
        member = self.somebody(data)
        place = self.where[member]
        said = self.kept[key(place.name)].said[-count:]
        if not said:
            self.gets(member, f"- nothing is kept of what was said in #{place.name}")
        # One that fills a turn is as much as an answer may hold.
        left_out = max((n for n, (_, line) in enumerate(said, 1) if len(line) >= TURN), default=0)
        if left_out:
            lines = "line" if left_out == 1 else "lines"
            self.gets(member, f"- {left_out} older {lines} left out")
        for time, line in said[left_out:]:
            self.gets(member, f"- {moment(time)} {line}")
        self.ask(member, f"/history {count}")

    @precondition(lambda self: self.names)
    @rule(data=st.data(), refused=st.booleans())
    def answer(self, data: st.DataObject, refused: bool) -> None:
        member = self.somebody(data)
        if refused:
            self.table.chat.refuse(member, "not so")
        else:
            self.table.chat.notify(member, "so")
        self.gets(member, "! not so" if refused else "- so")

    @precondition(lambda self: self.names)
    @rule(
        data=st.data(),
        reason=st.sampled_from([None, *Reason]),
        words=st.sampled_from(["", "bye", "(0 user online)"]),
    )
    def leave(self, data: st.DataObject, reason: Reason | None, words: str) -> None:
        member = self.somebody(data)
        name = self.names[member]
        if reason is None:
            self.leaves(member, f": {words}" if words else "")
            self.ask(member, f"/quit {words}")
        elif reason is Reason.KICKED:
            reads = f"kicked by op: {words}" if words else "kicked by op"
            self.gets(member, f"! you were put out: {reads}")
            self.leaves(member, f", put out: {reads}")
            ask(self.table.chat.journal, "op", Kick(named(name), words))
        else:
            self.leaves(member, f", put out: {reason.value}")
            self.table.chat.leave(member, reason=reason)
            self.table.settle()

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def ask_after_the_end(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from(self.gone))
        self.table.chat.say(member, "ghost")
        self.table.desk.hand_in(member, "/me ghost")
        self.table.chat.notify(member, "ghost")
        self.table.chat.leave(member, "ghost")

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def break_an_outbox(self, data: st.DataObject) -> None:
        member = self.somebody(data)
        member.outbox.broken = True
        self.broken.append(member)

    @rule(seconds=st.sampled_from([1, EMPTY_ROOM]))
    def time_passes(self, seconds: int) -> None:
        self.table.clock.advance(seconds)
        latest = self.table.now() - EMPTY_ROOM
        for name, kept in list(self.kept.items()):
            if kept.emptied is not None and kept.emptied <= latest and name != "lobby":
                del self.kept[name]

    @rule()
    def turn(self) -> None:
        while self.table.turns.waiting:
            self.table.turns.turn()
            self.who_failed_goes()

    @invariant()
    def everybody_got_what_the_model_says(self) -> None:
        if self.table.turns.waiting:
            return
        transcripts = defaultdict(list)
        for line in self.table.transcript.lines:
            transcripts[line[1 : line.index(" ")] if line[0] == "#" else "lobby"].append(line)
        assert transcripts == self.transcripts
        for member, expected in self.expected.items():
            if member not in self.broken:
                assert member.outbox.lines == expected
        for member in self.gone:
            assert member.outbox.closed == 1
        assert {member: member.name for member in self.table.chat.everybody()} == self.names
        rooms = self.table.chat._rooms
        assert {name: list(room.members) for name, room in rooms.items()} == {
            place.name: place.people for place in self.places.values()
        }
        for room in rooms.values():
            assert room.dialects == Counter(member.dialect for member in room.members)

    def teardown(self) -> None:
        self.turn()
        self.everybody_got_what_the_model_says()


ChatModel.TestCase.settings = settings(max_examples=150, stateful_step_count=50)


ChatModelTests = ChatModel.TestCase
