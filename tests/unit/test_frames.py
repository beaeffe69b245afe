"""Events as frames of a WebSocket: whole, countable, and shared."""

from __future__ import annotations

import json
from typing import cast, get_args

from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from tests.support.properties import given, st
from tests.unit.test_dialects import NOON
from tests.unit.test_json import MADE
from tests.unit.test_text import HOSTILE
from twisted_chat.dialects.frames import EVENT, FramesDialect, behind, frame
from twisted_chat.dialects.json_lines import record
from twisted_chat.events import Answer, Done, Event, Greeting, Notice, Said
from twisted_chat.interfaces import IReader

FRAMES = FramesDialect()
EVENTS = st.one_of(*MADE.values()).filter(
    lambda event: "event" not in (record(event).get("record") or ())
)
"""Of events without any record that has the key of events: no command makes one."""

SAID = Said("ann", "hi", "dev", NOON, "e7", 12)


class Reader:
    """A member that resumes by `token`."""

    name = "ann"
    token = "secret"


READER = cast(IReader, Reader())


def read(data: bytes) -> list[dict[str, object]]:
    """Return what a client reads in `data`."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(data)
    texts = [event.data for event in client.events() if isinstance(event, TextMessage)]
    return [json.loads(text) for text in texts]


class FramesTests(SynchronousTestCase):
    @given(EVENTS)
    def test_each_event_is_one_frame_with_its_json(self, event: Event) -> None:
        data = FRAMES.render(event, "dev")
        self.assertEqual(read(data), [json.loads(json.dumps(record(event)))])
        self.assertEqual(data.count(EVENT), 1)

    def test_what_is_said_in_several_lines_is_as_many_frames(self) -> None:
        data = FRAMES.render(Said("ann", "a\nb\nc", "dev", NOON, "e7", 12), "dev")
        self.assertEqual([each["text"] for each in read(data)], ["a", "b", "c"])
        self.assertEqual([each["id"] for each in read(data)], ["e7-12", "e7-13", "e7-14"])

    def test_an_answer_has_the_number_of_its_request(self) -> None:
        data = FRAMES.render_to(Answer(SAID, 7), READER)
        self.assertEqual(read(data), [{**record(SAID), "ref": 7}])
        [told] = read(FRAMES.render_to(Answer(Notice("x", {"count": 2}), 8), READER))
        self.assertEqual((told["text"], told["record"], told["ref"]), ("x", {"count": 2}, 8))

    def test_what_ends_an_answer_says_whether_more_is_kept(self) -> None:
        data = b"".join(FRAMES.render_to(Done(3, more), READER) for more in (None, True, False))
        self.assertEqual(
            read(data),
            [
                {"event": "done", "ref": 3},
                {"event": "done", "ref": 3, "more": True},
                {"event": "done", "ref": 3, "more": False},
            ],
        )

    @given(EVENTS)
    def test_a_greeting_alone_has_what_its_reader_resumes_by(self, event: Event) -> None:
        [told] = read(FRAMES.render_to(event, READER))
        self.assertEqual(told.get("resume"), "secret" if isinstance(event, Greeting) else None)

    def test_each_length_has_its_header(self) -> None:
        for size in (0, 100, 125, 126, 127, 65535, 65536, 70000):
            empty = len(frame({"event": ""})) - 2
            data = frame({"event": "x" * max(0, size - empty)})
            [told] = read(data)
            self.assertEqual(told["event"], "x" * max(0, size - empty))

    @given(st.lists(HOSTILE, max_size=5), st.lists(st.integers(0, 3), max_size=5))
    def test_frames_are_counted_and_cut_whatever_they_hold(
        self, texts: list[str], places: list[int]
    ) -> None:
        """Also if somebody says what a frame begins with."""
        texts += [EVENT.decode(), '{"event":"said"}', "x" * 200, "y" * 70_000][: len(places)]
        frames = [FRAMES.render(Said("ann", text, "dev", NOON, "e7", 1), "dev") for text in texts]
        texts = [line for text in texts for line in text.split("\n")]
        data = b"".join(frames)
        self.assertEqual(data.count(EVENT), len(texts))
        for count in range(len(texts) + 1):
            rest = read(behind(data, count))
            self.assertEqual(len(rest), len(texts) - count)
        self.assertEqual(behind(data, len(texts)), b"")

    def test_every_event_is_known(self) -> None:
        known = {*MADE} | {Answer, Done}
        self.assertEqual(known, {*get_args(Event)})
