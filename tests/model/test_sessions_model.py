"""Somebody in a browser whose connection breaks: nothing is lost, and nothing comes twice."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import Phase
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support.properties import settings, st
from tests.support.web import said
from tests.support.web_hall import HANDSHAKE, Link, WebHall

ROOMS = ("lobby", "dev", "tea")
PATIENCE = 200
"""Seconds after which the daemon has noticed everything."""


class Page:
    """Ann's page, which follows the ten rules. Nothing that it does is known to work: what it sends
    and what it is sent may be under way when its connection breaks.
    """

    def __init__(self, hall: WebHall) -> None:
        self.hall = hall
        self.link: Link | None = None
        self.token = ""
        self.is_in = False
        """It has an answer to its hello. Before that it sends nothing else."""
        self.seen = 0
        """The number of the last frame that it has read."""
        self.ref = 0
        self.unanswered: dict[int, dict[str, object]] = {}
        self.under_way: list[bytes] = []
        self.last: dict[str, str | None] = dict.fromkeys(ROOMS)
        self.shown: dict[str, list[str]] = {room: [] for room in ROOMS}
        """The ids of the lines that it shows; empty ones where it shows that some are missing."""
        self.told: list[str] = []
        """What it was told alone, with "" where it shows that something may be missing."""
        self.answered: list[str] = []

    @property
    def is_connected(self) -> bool:
        return self.link is not None

    def connect(self) -> None:
        self.link = Link(self.hall)
        hello: dict[str, object] = {"hello": 1, "name": "ann", "rooms": self.last}
        if self.token:
            hello |= {"resume": self.token, "seen": self.seen}
        self.under_way = [HANDSHAKE, said(hello)]

    def transmit(self, frames: int) -> None:
        """Let so many of the frames that are under way arrive."""
        for frame in self.under_way[:frames]:
            assert self.link
            self.link.send(frame)
        del self.under_way[:frames]

    def send(self, request: dict[str, object]) -> None:
        if self.is_connected:
            self.under_way.append(said(request))

    def say(self, room: str, text: str) -> None:
        self.ref += 1
        self.unanswered[self.ref] = request = {"ref": self.ref, "say": text, "room": room}
        if self.is_in:
            self.send(request)

    def acknowledge(self) -> None:
        if self.is_in:
            self.send({"ack": self.seen})

    def read(self, most: int) -> None:
        """Read the next `most` bytes that the daemon has sent."""
        if self.link is None:
            return
        if (sent := self.link.transport.value()).startswith(b"HTTP/1.1 101"):
            self.link.transport.clear()
            self.link.transport.write(sent.partition(b"\r\n\r\n")[2])
        for event in [*self.link.arrived(most)]:
            self._take(event)
        if self.link.code is not None or not (self.link.is_up or self.link.transport.value()):
            self.lose(True)

    def _take(self, event: dict[str, object]) -> None:
        match event:
            case {"event": "greeting"}:
                self._begin(str(event["resume"]))
                return
            case {"event": "resumed"}:
                assert event["from"] == self.seen
                self.is_in = True
                for ref, request in self.unanswered.items():
                    if ref > event["ref"]:
                        self.send(request)
                return
            case {"event": "said" | "retold", "room": str(room), "id": str(id)}:
                self.shown[room].append(id)
                self.last[room] = id
                if event.get("ref"):
                    self.answered.append(str(event["text"]))
            case {"event": "gap", "room": str(room)}:
                self.shown[room].append("")
            case {"event": "told", "text": str(text)}:
                self.told.append(text)
            case {"event": "refused"}:
                assert "ref" not in event, event
        self.unanswered.pop(event.get("ref", 0), None)
        self.count(event)

    def count(self, event: dict[str, object]) -> None:
        """`event` is read, which was in a frame with a number if there is a session."""
        self.seen += 1

    def _begin(self, token: str) -> None:
        """A session begins."""
        self.token = token
        self.is_in = True
        self.seen = self.ref = 0
        # A person is asked whether it is to be said again. This one says no.
        self.unanswered.clear()
        self.under_way.clear()
        self.told.append("")
        for room in ROOMS:
            if self.last[room] is None:
                self.shown[room].append("")
        self.acknowledge()

    def lose(self, is_noticed: bool) -> None:
        """Lose the connection; the daemon notices that at once, or later."""
        self.under_way.clear()
        self.is_in = False
        if self.link is not None:
            self.link.answers_pings = False
            if is_noticed:
                self.link.lose()
        self.link = None


class NaivePage(Page):
    """Says that it has read what all read, up to the last such frame."""

    def __init__(self, hall: WebHall) -> None:
        super().__init__(hall)
        self.counted = 0

    def count(self, event: dict[str, object]) -> None:
        self.counted += 1
        if event["event"] in ("said", "entered", "left", "joined"):
            self.seen = self.counted

    def connect(self) -> None:
        super().connect()
        self.counted = self.seen

    def _begin(self, token: str) -> None:
        self.counted = 0
        super()._begin(token)


class SessionsModel(RuleBasedStateMachine):
    page_class = Page

    @initialize(
        resume_bytes=st.sampled_from((1000, 4000, 1 << 20)),
        history=st.sampled_from((3, 1000)),
    )
    def begin(self, resume_bytes: int, history: int) -> None:
        self.hall = WebHall(resume_bytes=resume_bytes, history=history)
        self.hall.chat.configure(self.hall.limits, ())
        self.numbers = count(1)
        self.spoken: dict[str, list[str]] = {room: [] for room in ROOMS}
        """The ids of all that was said in each room."""
        self.said: list[str] = []
        """What ann has said."""
        self.told: list[str] = []
        """What bob has told ann alone."""
        self.bob = Link(self.hall)
        self.bob.greet(name="bob", rooms=dict.fromkeys(ROOMS))
        self.read = 1
        self.page = self.page_class(self.hall)

    def hear(self) -> None:
        """Let bob read all, and note what was said."""
        for event in self.bob.read():
            self.read += 1
            match event:
                case {"event": "said", "room": str(room), "id": str(id)}:
                    self.spoken[room].append(id)
                    if event["name"] == "ann":
                        self.said.append(str(event["text"]))
                case {"event": "told", "sender": "you", "text": str(text)}:
                    self.told.append(text)
        self.bob.ask({"ack": self.read - 1})

    @rule(room=st.sampled_from(ROOMS), lines=st.integers(1, 3), size=st.sampled_from((0, 300)))
    def bob_says(self, room: str, lines: int, size: int) -> None:
        texts = [f"{next(self.numbers)}{'.' * size}" for _ in range(lines)]
        if texts:
            self.bob.ask(*[{"say": text, "room": room} for text in texts])
        self.hear()

    @rule()
    def bob_tells(self) -> None:
        self.bob.ask({"command": "msg", "argument": f"ann {next(self.numbers)}"})
        self.hear()

    @rule(room=st.sampled_from(ROOMS))
    def ann_says(self, room: str) -> None:
        self.page.say(room, f"{next(self.numbers)}")

    @rule(gets_in=st.booleans())
    def ann_connects(self, gets_in: bool) -> None:
        if not self.page.is_connected:
            self.page.connect()
        if gets_in:
            self.all_arrives(0)

    @rule(rest=st.integers(0, 2))
    def all_arrives(self, rest: int) -> None:
        """All that is under way, but for the last few frames to the daemon, and its answers."""
        for _ in range(3):
            if self.page.is_connected:
                self.page.transmit(len(self.page.under_way) - rest)
                self.hear()
                self.page.read(1 << 30)

    @rule(frames=st.integers(1, 5))
    def something_is_sent(self, frames: int) -> None:
        if self.page.is_connected:
            self.page.transmit(frames)
            self.hear()

    @rule(most=st.sampled_from((50, 300, 100_000)))
    def something_is_read(self, most: int) -> None:
        self.page.read(most)

    @rule()
    def ann_acknowledges(self) -> None:
        self.page.acknowledge()

    @rule(is_noticed=st.booleans())
    def the_connection_breaks(self, is_noticed: bool) -> None:
        self.page.lose(is_noticed)
        self.hear()

    @rule(seconds=st.sampled_from((1, 40, 61)))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.hall.wait(1)
            self.hear()

    @rule(
        room=st.sampled_from(ROOMS),
        before=st.integers(0, 3),
        most=st.integers(0, 1200),
        acknowledges=st.booleans(),
        is_noticed=st.booleans(),
        meanwhile=st.integers(0, 3),
        size=st.sampled_from((0, 300)),
        seconds=st.sampled_from((0, 0, 0, 1, 61)),
    )
    def trouble(
        self,
        room: str,
        before: int,
        most: int,
        acknowledges: bool,
        is_noticed: bool,
        meanwhile: int,
        size: int,
        seconds: int,
    ) -> None:
        """The connection breaks in the middle of something, and comes again."""
        self.ann_connects(True)
        self.ann_says(room)
        self.something_is_sent(1)
        self.bob_says(room, before, 0)
        self.bob_tells()
        self.page.read(most)
        if acknowledges:
            self.ann_acknowledges()
            self.something_is_sent(9)
        self.the_connection_breaks(is_noticed)
        self.bob_says(room, meanwhile, size)
        self.bob_tells()
        self.time_passes(seconds)
        self.ann_connects(True)

    def teardown(self) -> None:
        if hasattr(self, "page"):
            self.settle()
            self.check()

    def settle(self) -> None:
        """Let ann come to rest: all that is under way arrives."""
        for _ in range(5):
            for _ in range(10):
                if not self.page.is_connected:
                    self.page.connect()
                self.page.transmit(1000)
                self.hear()
                self.page.read(1 << 30)
            if self.page.is_in and not self.page.under_way:
                return
            self.time_passes(PATIENCE)
        raise AssertionError("ann does not get in")

    def check(self) -> None:
        page = self.page
        for room, spoken in self.spoken.items():
            shown = page.shown[room]
            ids = [id for id in shown if id]
            assert len(ids) == len({*ids}), "a line is shown twice"
            places = [spoken.index(id) for id in ids]
            assert places == sorted(places), "lines are shown in another order"
            expected = None
            for id in shown:
                place = spoken.index(id) if id else None
                assert None in (expected, place) or place == expected, "a line is not shown"
                expected = None if place is None else place + 1
            assert expected in (None, len(spoken)), "the last line is not shown"
        assert len(self.said) == len({*self.said}), "something was said twice"
        assert {*page.answered} <= {*self.said}
        assert not page.unanswered, "a request has no answer"
        told = [text for text in page.told if text]
        assert len(told) == len({*told}), "something told alone is shown twice"
        place = 0
        for text in page.told:
            if text:
                assert self.told[place] == text or page.told[page.told.index(text) - 1] == ""
                place = self.told.index(text) + 1


class NaiveModel(SessionsModel):
    page_class = NaivePage


SessionsModel.TestCase.settings = settings(max_examples=150, stateful_step_count=20)
TestSessions = SessionsModel.TestCase


def test_to_acknowledge_what_all_read_is_not_enough():
    with pytest.raises(AssertionError, match=r"is shown twice|\['from'\]"):
        run_state_machine_as_test(
            NaiveModel,
            settings=settings(max_examples=200, stateful_step_count=20, phases=[Phase.generate]),
        )
