"""Requests are written as JSON and read again, strictly."""

from __future__ import annotations

import json
from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from tests.support.any_request import KINDS, of_kind
from tests.support.properties import given, settings, st
from twisted_chat.journal.entries import Entry, read_entry, write_entry
from twisted_chat.limits import Bounds
from twisted_chat.names import Name, named
from twisted_chat.requests import Ban, Configure, Join, Kick, LogIn, Say, Tick

ENTRY = Entry("n1", 1, 7, "n1.3", 1_700_000_000.25, Say("lobby", "čau"))


def written(entry: Entry = ENTRY) -> list:
    """What stands in the ledger for `entry`, to be changed by a test."""
    return json.loads(write_entry(entry))


class WritingTests(SynchronousTestCase):
    """What is read is what was written."""

    @settings(max_examples=300)
    @given(
        st.builds(
            Entry,
            node=st.text(),
            session=st.integers(1),
            number=st.integers(1),
            author=st.text(),
            wall=st.floats(0, 1e12),
            request=st.sampled_from(KINDS).flatmap(of_kind),
        )
    )
    def test_each_entry_is_read_as_it_was_written(self, entry: Entry) -> None:
        self.assertEqual(read_entry(write_entry(entry)), entry)

    def test_each_kind_of_request_is_read_with_all_its_fields(self) -> None:
        for kind in KINDS:
            values = [_some(each.type) for each in fields(kind)]
            entry = Entry("n1", 1, 1, "n1.1", 1.0, kind(*values))
            self.assertEqual(read_entry(write_entry(entry)), entry)

    @given(st.characters(codec=None))
    def test_each_character_can_be_said(self, character: str) -> None:
        entry = Entry("n1", 1, 1, "n1.1", 1.0, Say("lobby", character))
        self.assertEqual(read_entry(write_entry(entry)), entry)

    def test_an_entry_is_one_line_whatever_is_said(self) -> None:
        self.assertNotIn(b"\n", write_entry(Entry("n1", 1, 1, "n1.1", 1.0, Say("lobby", "a\nb"))))

    def test_what_is_as_by_default_is_not_written(self) -> None:
        entry = Entry("n1", 1, 1, "n1.1", 1.0, Join(named("dev")))
        self.assertEqual(list(written(entry)[-1]), ["room"])


class ReadingTests(SynchronousTestCase):
    """What nobody wrote is not read."""

    def assert_refused(self, parts: object, why: str) -> None:
        with self.assertRaisesRegex(ValueError, why):
            read_entry(json.dumps(parts).encode())

    def test_an_unknown_request_is_refused(self) -> None:
        for kind in ("Dance", "Request", "Name", "", 7, None, ["Say"]):
            parts = written()
            parts[-2] = kind
            self.assert_refused(parts, "there is no request")

    def test_an_unknown_field_is_refused(self) -> None:
        parts = written()
        parts[-1]["loudly"] = True
        self.assert_refused(parts, "a Say has no 'loudly'")

    def test_a_missing_field_is_refused(self) -> None:
        parts = written()
        del parts[-1]["room"]
        self.assert_refused(parts, "a Say lacks its room")

    def test_a_field_of_a_wrong_type_is_refused(self) -> None:
        whom = named("ann")
        for request, field, values in [
            (Say("lobby", "a"), "text", [None, 7, True, ["a"], {}]),
            (Ban(whom, 60, ""), "seconds", [None, "60", True, 60.0]),
            (Ban(whom, 60, ""), "whom", ["ann", [], ["ann"], [1, 2, 3], {"text": "ann"}, None]),
            (Kick(whom, "", ""), "why", [False]),
            (Configure(Bounds()), "bounds", [None, 7, [], [1, 2, 3], [1, 2, 3, True]]),
        ]:
            for value in values:
                parts = written(Entry("n1", 1, 1, "n1.1", 1.0, request))
                parts[-1][field] = value
                self.assert_refused(parts, f"has a wrong {field}")

    def test_a_wrong_head_is_refused(self) -> None:
        for position, values in enumerate(
            [[1, None], ["1", True, 1.0, 0], [None, 1.5, -1], [7, []], [1, "1", None, True]]
        ):
            for value in values:
                parts = written()
                parts[position] = value
                self.assert_refused(parts, "an entry has a wrong")

    def test_what_is_no_entry_is_refused(self) -> None:
        for parts in ({}, "Say", 7, None, [], written()[:-1], [*written(), 1]):
            self.assert_refused(parts, "an entry is not a list of its parts")

    def test_fields_that_are_no_object_are_refused(self) -> None:
        for document in ([], "lobby", None):
            self.assert_refused([*written()[:-1], document], "a Say is not an object")

    def test_what_is_no_json_is_refused(self) -> None:
        good = write_entry(ENTRY)
        for data in (b"", b"Say", good[:-1], good + b"]", b"\xff", good.replace(b".25", b"e999")):
            with self.assertRaises(ValueError):
                read_entry(data)
        for constant in (b"NaN", b"Infinity"):
            with self.assertRaises(ValueError):
                read_entry(good.replace(b"1700000000.25", constant))

    def test_an_error_does_not_show_what_is_secret(self) -> None:
        parts = written(Entry("n1", 1, 1, "n1.1", 1.0, LogIn(named("ann"), "secret")))
        parts[-1]["digest"] = ["secret"]
        with self.assertRaises(ValueError) as caught:
            read_entry(json.dumps(parts).encode())
        self.assertNotIn("secret", str(caught.exception))

    def test_a_request_without_fields_is_read(self) -> None:
        entry = Entry("n1", 1, 1, "n1", 1.0, Tick())
        self.assertEqual(read_entry(write_entry(entry)), entry)


def _some(hint: str) -> object:
    """A value of the type that is called `hint`, and no field's default."""
    return {
        "str": "some text",
        "int": 7,
        "Bounds": Bounds(1, 2, 3, 4),
        "bool": True,
        "Name": Name(*("some name",) * len(fields(Name))),
        "Name | None": named("a"),
        "tuple[Name, ...]": (named("a"), named("b")),
    }[hint]
