"""Events as JSON: each is written whole and read again, and nothing that is read can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import cast, get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import CHECKOUT
from tests.support.properties import given, st
from tests.unit.test_dialects import ACTS, NOON, OTHERS, READ_AGAIN
from tests.unit.test_text import HOSTILE
from twisted_chat.dialects import ControlDialect, JsonDialect, from_json
from twisted_chat.dialects.json_lines import EVENTS
from twisted_chat.events import (
    Acted,
    Announced,
    Emoted,
    Entered,
    Event,
    Forgotten,
    Gap,
    Greeting,
    Joined,
    Left,
    Locked,
    Loss,
    Motd,
    MuteChanged,
    NameLost,
    Notice,
    OwnEvent,
    Parted,
    PutOut,
    Refused,
    Renamed,
    Retold,
    RoleChanged,
    RoomEvent,
    Said,
    Slowed,
    Stopping,
    Told,
    Topic,
)
from twisted_chat.records import Role
from twisted_chat.refusal import Kind
from twisted_chat.text import clean

JSON = JsonDialect()
CONTROL = ControlDialect()
SAID = Said("ann", "hi", "dev", NOON, "e7", 12)

TEXT = HOSTILE.map(lambda text: clean(text.encode()))
LINES = st.lists(TEXT, min_size=1, max_size=4).map("\n".join)
COUNT = st.integers(0, 2**53 - 1)
TIME = st.floats(0, 253402300799)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)
RECORD = st.none() | st.dictionaries(TEXT, VALUES, min_size=1)
ERA = st.just("") | st.from_regex(r"[0-9a-z-]{0,8}[0-9a-z]", fullmatch=True)


@st.composite
def decided(draw: st.DrawFn, kind: type, *values: st.SearchStrategy) -> object:
    """An event of `kind` that the journal decided."""
    era = draw(ERA)
    time, number = draw(TIME), draw(COUNT) if era else 0
    return kind(*map(draw, values), time=time, era=era, number=number)


MADE: Mapping[type, st.SearchStrategy] = {
    Entered: decided(Entered, TEXT, COUNT, TEXT),
    Said: decided(Said, TEXT, TEXT, TEXT),
    Emoted: decided(Emoted, TEXT, TEXT, TEXT),
    Left: decided(Left, TEXT, st.dictionaries(TEXT, COUNT, max_size=4), *4 * (TEXT,)),
    Parted: decided(Parted, TEXT, COUNT, *5 * (TEXT,)),
    Renamed: decided(Renamed, TEXT, TEXT, TEXTS),
    Topic: decided(Topic, TEXT, TEXT, TEXT),
    Slowed: decided(Slowed, TEXT, COUNT, TEXT),
    Locked: decided(Locked, TEXT, st.booleans(), TEXT),
    Announced: decided(Announced, TEXT, TEXT, TEXT),
    Forgotten: decided(Forgotten, TEXT, TEXTS, TEXT),
    Told: decided(Told, TEXT, TEXT, TEXT),
    RoleChanged: decided(RoleChanged, st.sampled_from(Role), st.sampled_from(Role)),
    MuteChanged: decided(MuteChanged, TIME | st.just(float("inf"))),
    NameLost: decided(NameLost, TEXT, st.sampled_from(Loss), TEXT),
    PutOut: decided(PutOut, TEXT, TEXT, TEXT, TEXT),
    Acted: decided(Acted, TEXT, TEXT, TEXT, COUNT, TEXT, TEXT),
    Greeting: st.builds(Greeting, COUNT, TEXT, TEXT, COUNT, st.booleans()),
    Joined: st.builds(Joined, COUNT, TEXT, TEXT, COUNT, st.booleans()),
    Motd: st.builds(Motd, LINES),
    Retold: st.builds(Retold, TEXT, TEXT, st.booleans(), TEXT, TIME, TEXT),
    Gap: st.builds(Gap, TEXT),
    Stopping: st.builds(Stopping),
    Notice: st.builds(Notice, TEXT, RECORD),
    Refused: st.builds(Refused, TEXT, st.sampled_from(Kind), TEXT),
}


def whole(event: Event) -> list[object]:
    """All fields of `event`, also those that do not count when events are compared."""
    return [type(event), *(getattr(event, each.name) for each in fields(event))]


def read(data: bytes) -> dict[str, object]:
    """The one object in `data`."""
    [line] = data.decode().split("\n")[:-1]
    return cast(dict[str, object], json.loads(line))


class JsonDialectTests(SynchronousTestCase):
    def test_there_is_a_name_for_each_event(self) -> None:
        self.assertEqual({*EVENTS.values()}, {*get_args(RoomEvent), *get_args(OwnEvent)})
        self.assertEqual({*MADE}, {*EVENTS.values()})

    @given(st.one_of(*MADE.values()))
    def test_what_is_written_is_one_line_and_is_read_as_the_same_event(self, event: Event) -> None:
        data = JSON.render(event, "lobby")
        self.assertTrue(data.endswith(b"\n"))
        self.assertEqual(data.count(b"\n"), 1)
        self.assertEqual(whole(from_json(data.decode()[:-1])), whole(event))
        self.assertEqual(JSON.render_to(event, None), data)

    def test_each_event_has_what_there_is_to_know_of_it(self) -> None:
        for event, line in (
            (
                SAID,
                '{"event": "said", "room": "dev", "name": "ann", "text": "hi", '
                '"time": 1795417920.0, "id": "e7-12"}',
            ),
            (Said("ann", "grüße"), '{"event": "said", "name": "ann", "text": "grüße"}'),
            (
                Left("ann", {"lobby": 2, "dev": 0}, time=NOON, era="e7", number=1),
                '{"event": "left", "name": "ann", "counts": {"lobby": 2, "dev": 0}, "words": "", '
                '"reason": "", "by": "", "why": "", "time": 1795417920.0, "id": "e7-1"}',
            ),
            (
                PutOut("kicked", by="ann", why="rude"),
                '{"event": "put_out", "reason": "kicked", "by": "ann", "why": "rude"}',
            ),
            (
                Retold("ann", "hi", False, "dev", NOON, "e7-12"),
                '{"event": "retold", "room": "dev", "name": "ann", "text": "hi", "emoted": false, '
                '"time": 1795417920.0, "id": "e7-12"}',
            ),
            (
                RoleChanged(Role.OPERATOR, Role.GUEST),
                '{"event": "role", "role": "operator", "before": "guest"}',
            ),
            (MuteChanged(0.0), '{"event": "mute", "until": 0.0}'),
            (MuteChanged(float("inf")), '{"event": "mute", "until": null}'),
            (Motd("be\nkind"), '{"event": "motd", "text": "be\\nkind"}'),
            (Notice("5", {"n": 5}), '{"event": "notice", "text": "5", "record": {"n": 5}}'),
            (Notice("no"), '{"event": "notice", "text": "no"}'),
            (
                Refused("no", Kind.NO_MEMBER),
                '{"event": "refused", "text": "no", "kind": "no such member"}',
            ),
        ):
            self.assertEqual(JSON.render(event, "lobby").decode(), f"{line}\n")

    def test_what_is_said_in_several_lines_is_as_many_events_each_with_its_id(self) -> None:
        data = JSON.render(Said("ann", "a\n\nc", "dev", NOON, "e7", 12), "dev")
        said = [from_json(line) for line in data.decode().split("\n")[:-1]]
        self.assertEqual(
            list(map(whole, said)),
            [
                whole(Said("ann", text, "dev", NOON, "e7", 12 + number))
                for number, text in enumerate(("a", "", "c"))
            ],
        )

    def test_half_a_character_costs_no_other_event(self) -> None:
        self.assertEqual(read(JSON.render(Said("ann", "a\udcff"), "dev"))["text"], "a?")


class DocumentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = (CHECKOUT / "docs" / "protocol.md").read_text()

    def test_each_event_is_written_as_it_stands_in_the_document(self) -> None:
        examples = re.findall(r"^\| `(\{.*?\})` \|", self.page, re.MULTILINE)
        names = []
        for line in examples:
            event = from_json(line)
            self.assertEqual(JSON.render(event, "dev").decode(), f"{line}\n")
            names.append(json.loads(line)["event"])
        self.assertEqual(sorted(names), sorted(EVENTS))

    def test_the_document_names_every_kind_of_refusal(self) -> None:
        kinds = " ".join(self.page.partition("The `kind` of a refusal")[2].split())
        for kind in Kind:
            self.assertIn(f"`{kind.value}`", kinds)


class ControlDialectTests(SynchronousTestCase):
    def test_the_words_are_there_wherever_they_are_not_the_text(self) -> None:
        for event, words in [
            *OTHERS,
            *ACTS,
            *((event, line) for line, event in READ_AGAIN.items()),
        ]:
            if not isinstance(event, Said):
                values = read(CONTROL.render_to(event, None))
                self.assertEqual(
                    values.get("line", values.get("text")),
                    words.removeprefix("- ").removeprefix("! "),
                )

    def test_there_is_nothing_else_in_them(self) -> None:
        for event, _ in [*OTHERS, *ACTS]:
            if not isinstance(event, Said):
                values = read(CONTROL.render_to(event, None))
                values.pop("line", None)
                self.assertEqual(values, read(JSON.render_to(event, None)))


class FromJsonTests(SynchronousTestCase):
    def test_what_is_no_object_is_a_notice_that_holds_it(self) -> None:
        for line in (
            *("", "[ann] hi", "{", "{]", '"said"', "null", "[]", "\ufeff{}"),
            *("1" * 5000, "[" * 100_000),
        ):
            self.assertEqual(from_json(line), Notice(line))

    def test_an_unknown_event_is_a_notice_that_holds_all_of_it(self) -> None:
        for values in (
            {"event": "edited", "text": "ann is now bob"},
            {"event": ["said"]},
            {"text": "x"},
            {"event": "said", "name": "ann"},
            {"event": "said", "name": "ann", "text": 5},
            {"event": "left", "name": "ann", "counts": {"lobby": -1}},
            {"event": "left", "name": "ann", "counts": [1]},
            {"event": "entered", "name": "ann", "count": True},
            {"event": "entered", "name": "ann", "count": 10**400},
            {"event": "retold", "name": "ann", "text": "", "emoted": False, "time": 1e300},
            {"event": "mute", "until": -1},
            {"event": "role", "role": "king", "before": "guest"},
            {"event": "forgotten", "room": "dev", "by": "ann", "ids": "e7-1"},
            {"event": "locked", "room": "dev", "by": "ann", "locked": 1},
        ):
            line = json.dumps(values)
            self.assertEqual(from_json(line), Notice(line, values))

    def test_unknown_fields_are_passed_over_and_missing_ones_are_not_needed(self) -> None:
        said = Said("ann", "hi")
        for line in (
            '{"event": "said", "name": "ann", "text": "hi"}',
            '{"text": "hi", "era": "x", "number": 5, "loud": true, "name": "ann", "event": "said"}',
            '{"event": "said", "name": "ann", "text": "hi", "time": NaN, "id": 5, "room": null}',
            '{"event": "said", "name": "ann", "text": "hi", "time": 1e999, "id": "5"}',
            '{"event": "said", "name": "ann", "text": "hi", "time": true, "id": "x-007"}',
        ):
            self.assertEqual(whole(from_json(line)), whole(said))
        self.assertEqual(
            from_json('{"event": "refused", "text": "no", "kind": "too blue"}'),
            Refused("no", Kind.BAD_REQUEST),
        )
        self.assertEqual(
            from_json('{"event": "notice", "text": "no", "record": [5]}'), Notice("no")
        )

    def test_no_text_can_pose_as_something_else(self) -> None:
        escapes = r"\u001b[2J\u202e\ud800\n- x"
        seen = "␛[2J\ufffd\ufffd\ufffd\ufffd␊- x"
        self.assertEqual(
            from_json(f'{{"event": "said", "name": "{escapes}", "text": "{escapes}"}}'),
            Said(seen, seen),
        )
        self.assertEqual(
            from_json(rf'{{"event": "motd", "text": "{escapes}"}}'),
            Motd(seen.replace("␊", "\n")),
        )
        notice = from_json(r'{"event": "notice", "text": "", "record": {"\u009b": ["\u007f"]}}')
        self.assertEqual(notice, Notice("", {"\ufffd": ["␡"]}))
        self.assertEqual(from_json("\x1b[2J"), Notice("␛[2J"))

    @given(st.text() | st.dictionaries(st.sampled_from([*EVENTS]), VALUES).map(json.dumps))
    def test_it_never_fails(self, line: str) -> None:
        self.assertIsInstance(from_json(line), Event)

    @given(st.sampled_from([*EVENTS]), st.data())
    def test_an_event_with_anything_in_its_fields_is_survived(
        self, name: str, data: st.DataObject
    ) -> None:
        names = [*(each.name for each in fields(EVENTS[name])), "id"]
        odd = VALUES | st.floats() | st.text()
        values = data.draw(st.dictionaries(st.sampled_from(names), odd))
        event = from_json(json.dumps({**values, "event": name}))
        self.assertIsInstance(event, Event)
        CONTROL.render(event, "lobby")
