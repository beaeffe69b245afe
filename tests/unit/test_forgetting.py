"""`chatctl forget`: lines go out of the history for good."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import Hall, RecordingStore
from twisted_chat.members import Member
from twisted_chat.names import named


class ForgettingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = RecordingStore()
        self.hall = Hall(self, self.store)

    def say(self, host: str, *lines: str, name: str | None = None) -> Member:
        member = self.hall.come(host, name)
        for line in lines:
            self.hall.ask(member, line)
        return member

    def kept(self) -> list[str]:
        return [line.text for line in self.hall.journal.view.history(named("lobby"), 100)]

    def test_one_line_goes_by_its_id_also_out_of_the_middle_of_several(self) -> None:
        ann = self.say("10.0.0.1", name="ann")
        self.hall.table.chat.say(ann, "one\ntwo\nthree")
        ids = {line.text: line.id for line in self.hall.journal.view.history(named("lobby"), 100)}
        self.assertEqual(
            self.hall.control("forget", f"#Lobby {ids['two']}")[-1], "- 1 line is forgotten"
        )
        self.assertEqual(self.kept(), ["one", "three"])
        self.assertEqual(
            self.hall.control("forget", ids["one"], room="lobby")[-1], "- 1 line is forgotten"
        )
        self.assertEqual(self.kept(), ["three"])
        again = self.hall.control("forget", f"lobby {ids['two']}")
        self.assertIn(f"no line of #lobby has the id {ids['two']}", again[0])

    def test_all_that_somebody_said_goes_by_the_name_it_was_said_under(self) -> None:
        self.say("10.0.0.1", "one", "/nick lia", "two", "/me waves", name="ann")
        self.say("10.0.0.2", "three", name="bob")
        self.assertEqual(self.hall.control("forget", "ANN")[-1], "- 1 line is forgotten")
        self.assertEqual(self.hall.control("forget", "lia")[-1], "- 2 lines are forgotten")
        self.assertEqual(self.kept(), ["three"])
        self.assertEqual(self.hall.control("forget", "lia"), ["! nothing that lia said is kept"])

    def test_all_that_came_from_an_address_goes_and_nothing_else(self) -> None:
        self.say("10.0.0.1", "one", name="ann")
        self.say("10.0.0.2", "two")
        self.say("127.0.0.1", "three")
        self.hall.control("forget", "10.0.0.0/31")
        self.assertEqual(self.kept(), ["two", "three"])
        self.hall.control("forget", "127.0.0.1")
        self.assertEqual(self.kept(), ["two"])

    def test_what_is_kept_of_a_whole_network_alone_goes_by_that_network(self) -> None:
        self.say("fe80::1%eth0", "one")
        self.say("fe80::2%eth0", "two")
        self.assertEqual(
            self.hall.control("forget", "fe80::1%eth0"),
            [
                "! nothing that fe80::1%eth0 said is kept apart from what others of fe80::/64 "
                "said: chatctl forget fe80::/64 takes out all"
            ],
        )
        self.hall.control("forget", "[fe80::1%eth0]:1")
        self.assertEqual(self.kept(), ["two"])
        self.hall.control("forget", "fe80::/64")
        self.assertEqual(self.kept(), [])
        self.assertEqual(
            self.hall.control("forget", "fe80::/64"), ["! nothing that fe80::/64 said is kept"]
        )

    def test_a_default_name_stands_for_what_was_said_under_it_alone(self) -> None:
        one = self.say("10.0.0.1", "one")
        self.say("10.0.0.1", "two")
        self.hall.control("forget", one.name)
        self.assertEqual(self.kept(), ["two"])

    def test_nothing_of_it_is_left_in_the_store_and_the_audit_file_tells_who_did_it(self) -> None:
        self.say("10.0.0.1", "one", "two", name="ann")
        self.hall.control("forget", "ann")
        self.assertEqual(self.store.lines, {})
        self.assertIn('"what": "forget", "whom": "ann"', self.store.audited[-1])

    def test_nobody_at_the_line_door_may_do_it(self) -> None:
        ann = self.hall.operator()
        self.assertIn("is for chatctl", self.hall.ask(ann, "/forget bob")[0])
