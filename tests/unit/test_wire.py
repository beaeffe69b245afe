"""Frames from clients: what makes sense, and what closes the connection."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.properties import given, st
from twisted_chat.doors.web.wire import (
    Ack,
    Asked,
    BadFrame,
    Hello,
    Join,
    Line,
    Look,
    Part,
    Run,
    Say,
    read,
    read_hello,
)


class WireTests(SynchronousTestCase):
    def test_hello_says_who_comes_where(self) -> None:
        for text, hello in {
            '{"hello":1}': Hello("", "", {"lobby": ""}),
            '{"hello":1,"name":null,"rooms":{}}': Hello("", "", {"lobby": ""}),
            '{"hello":1,"name":"ann","passphrase":"x y","rooms":{"dev":"e-1","#ops":null}}': Hello(
                "ann", "x y", {"dev": "e-1", "#ops": ""}
            ),
            '{"hello":1,"resume":"t","seen":0,"new":[]}': Hello("", "", {"lobby": ""}, "t", 0),
        }.items():
            self.assertEqual(read_hello(text), hello)

    def test_requests_say_what_they_are(self) -> None:
        for text, asked in {
            '{"ack":7}': Ack(7),
            '{"ref":1,"say":"hi","room":"#dev"}': Asked(1, Say("hi"), "dev"),
            '{"say":"/nick"}': Asked(0, Say("/nick")),
            '{"ref":2,"line":"/nick bob"}': Asked(2, Line("/nick bob")),
            '{"ref":3,"command":"/WHO"}': Asked(3, Run("who", "")),
            '{"command":"msg","argument":" bob hi ","room":"dev"}': Asked(
                0, Run("msg", "bob hi"), "dev"
            ),
            '{"join":"#dev"}': Asked(0, Join("dev", "")),
            '{"join":"dev","since":"e-1"}': Asked(0, Join("dev", "e-1")),
            '{"part":"dev","words":"bye"}': Asked(0, Part("dev", "bye")),
            '{"history":"dev"}': Asked(0, Look("dev", "", 50)),
            '{"history":"dev","before":"e-9","count":3}': Asked(0, Look("dev", "e-9", 3)),
            '{"history":"dev","count":0}': Asked(0, Look("dev", "", 1)),
        }.items():
            self.assertEqual(read(text), asked)

    def test_texts_are_clean(self) -> None:
        self.assertEqual(
            read('{"say":"a\\u001b[2J\\nb\\ud800"}'), Asked(0, Say("a␛[2J␊b\ufffd\ufffd\ufffd"))
        )

    def test_what_makes_no_sense_closes_the_connection(self) -> None:
        for text in (
            *("", "x", "[]", "1", "null", "{", "[" * 100_000, "{}", '{"nothing":1}'),
            *(
                '{"say":1}',
                '{"ref":-1,"say":"x"}',
                '{"ref":1.5,"say":"x"}',
                '{"ref":true,"ack":-1}',
            ),
            *('{"ref":"1","say":"x"}', '{"ref":9007199254740992,"say":"x"}', '{"ack":"1"}'),
            *('{"room":[],"say":"x"}', '{"join":{}}', '{"history":"dev","count":-1}'),
        ):
            self.assertRaises(BadFrame, read, text)
        for text in ("", "{}", '{"hello":2}', '{"hello":1,"rooms":[]}', '{"hello":1,"name":{}}'):
            self.assertRaises(BadFrame, read_hello, text)
        self.assertRaises(BadFrame, read_hello, '{"hello":1,"rooms":{"dev":1}}')

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda each: (
                st.lists(each, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["ref", "say", "line", "ack", "join", "room", "hello", "rooms"]
                    ),
                    each,
                )
            ),
        )
    )
    def test_nothing_else_is_raised_and_reasons_fit_into_a_frame(self, value: object) -> None:
        for reading in (read, read_hello):
            try:
                reading(json.dumps(value))
            except BadFrame as fault:
                self.assertLessEqual(len(str(fault).encode()), 123)
