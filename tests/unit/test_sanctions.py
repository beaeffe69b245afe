"""Rights, bans and mutes against a model, and with arguments of all kinds."""

from __future__ import annotations

import ipaddress
import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import SECRET, Hall, RecordingStore
from tests.support.properties import given, settings, st
from twisted_chat.commands import TABLE
from twisted_chat.journal.sanctions import Sanctions
from twisted_chat.journal.saved import SavedState
from twisted_chat.journal.store import NoStore
from twisted_chat.limits import MAX_SANCTIONS
from twisted_chat.names import key, named
from twisted_chat.networks import network_in, show
from twisted_chat.records import Role, Sanction
from twisted_chat.refusal import Refusal
from twisted_chat.text import clean

INF = float("inf")

ARGUMENTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["ann", "bob", "other", "#lobby", "10.0.0.2", "10.0.0.2:1", "127.0.0.1:1", "::1",
             "::/0", "fe80::1%x", "1/2", "2h", "0s", "0", "10", "\u0663", "-", "/", ":", "[", "]",
             "~", "%"]
        ),
        st.text(max_size=30).map(lambda text: clean(text.encode("utf-8", "replace"))),
    ),
    max_size=4,
).map(" ".join)  # fmt: skip


class OddArgumentsTests(SynchronousTestCase):
    @settings(max_examples=100)
    @given(st.sampled_from(sorted(TABLE.commands)), ARGUMENTS, st.booleans())
    def test_no_argument_is_too_odd_for_any_command(self, name, argument, by_chatctl) -> None:
        hall = Hall(self, RecordingStore())
        ann = hall.operator("ann", "10.0.0.1")
        bob = hall.come("10.0.0.2", "bob")
        hall.come("127.0.0.1")
        hall.table.read(ann)
        if by_chatctl:
            hall.control(name, argument)
        elif hall.begin(ann, f"/{name} {argument}") is not None:
            hall.clock.hear()
        hall.table.turns.run()
        for member in (ann, bob):
            for line in hall.table.read(member):
                self.assertNotIn("cannot be done just now", line)
        for document in hall.journal.state.store.audited:
            json.loads(document)
        Hall(self, hall.journal.state.store)
        hall.vault.close()


STEPS = st.one_of(
    st.builds("come {}".format, st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "local"])),
    st.builds("{} {}".format, st.integers(0, 3), st.sampled_from(["leave"])),
    st.builds(
        "{} /{} {}".format,
        st.integers(0, 3),
        st.sampled_from(["nick", "login", "unregister", "register"]),
        st.sampled_from(["ill", "LLL", "bob", "B0B", "cid"]),
    ),
    st.builds(
        "chatctl {} {}".format,
        st.sampled_from(["op", "deop", "ban", "unban", "mute", "unmute", "kick"]),
        st.sampled_from(
            ["ill", "LLL", "bob", "b0b", "cid", "10.0.0.1", "2001:db8::/32", "local:1"]
        ),
    ),
    st.builds("pass {}".format, st.sampled_from([10, 1000, 100_000])),
    st.just("restart"),
)


class RightsTests(SynchronousTestCase):
    """Whatever people and operators do, rights are where names, bans and mutes put them."""

    @settings(max_examples=80)
    @given(st.lists(STEPS, max_size=30))
    def test_rights_come_and_go_with_names(self, steps) -> None:
        hall = Hall(self, RecordingStore())
        members = []
        for step in steps:
            who, _, what = step.partition(" ")
            if who == "come":
                members.append(hall.come(what))
            elif who == "chatctl":
                word, _, argument = what.partition(" ")
                if word in ("ban", "mute"):
                    argument += " 20m"
                hall.control(word, argument)
            elif who == "pass":
                hall.clock.advance(float(what))
            elif who == "restart":
                hall.vault.close()
                hall, members = Hall(self, hall.journal.state.store, hall.clock.seconds()), []
            elif int(who) < len(members):
                member = members[int(who)]
                if what == "leave":
                    hall.table.chat.leave(member)
                elif not member.leaving:
                    line = f"/register {SECRET}" if "register " in what else f"{what} {SECRET}"
                    if what.startswith(("/nick", "/unregister")):
                        line = what
                    if hall.begin(member, line) is not None:
                        hall.clock.hear()
            hall.table.turns.run()
            members = [member for member in members if not member.leaving]
            self.check(hall, members)
        hall.vault.close()

    def check(self, hall: Hall, members) -> None:
        view, state = hall.journal.view, hall.journal.state
        self.assertEqual(set(hall.table.chat.everybody()), set(members))
        self.assertEqual(len({key(member.name) for member in members}), len(members))
        for member in members:
            owned = view.registration(named(member.name))
            role = Role.GUEST if owned is None else owned.role
            self.assertEqual(view.role(member.id), role)
            self.assertEqual(view.find(named(member.name)).host, member.host)
            self.assertIsNone(state.bans.on_name(key(member.name)))
            mutes = (
                state.mutes.on_name(key(member.name)),
                state.mutes.on_host(member.host),
            )
            self.assertEqual(view.muted(member.id), any(mutes))


networks = st.one_of(
    st.builds(
        lambda bits, length: ipaddress.ip_network((bits << 24, length), strict=False),
        st.integers(0, 7),
        st.integers(0, 32),
    ),
    st.builds(
        lambda bits, length: ipaddress.ip_network((bits << 62, length), strict=False),
        st.integers(0, 7),
        st.integers(0, 128),
    ),
).filter(lambda network: network.version == 4 or network.network_address.ipv4_mapped is None)
NAMES = ("ann", "ANN", "bob", "B0B", "cid", "c1d")
whoms = st.one_of(networks.map(show), st.sampled_from(NAMES))
hosts = st.one_of(
    st.integers(0, 8 << 24).map(ipaddress.IPv4Address),
    st.integers(0, 8 << 62).map(ipaddress.IPv6Address),
    st.builds(lambda network: network.network_address, networks),
    st.none(),
)


class NetworksTests(SynchronousTestCase):
    @given(networks)
    def test_a_network_is_read_as_it_is_shown(self, network) -> None:
        self.assertEqual(network_in(show(network)), network)

    def test_it_is_shown_as_people_write_it(self) -> None:
        for text in ("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/64", "2001:db8::1/128"):
            self.assertEqual(show(network_in(text)), text)


class SanctionsTests(SynchronousTestCase):
    @settings(max_examples=100)
    @given(
        st.lists(
            st.tuples(st.sampled_from(["add", "add", "add", "lift"]), whoms, st.integers(0, 5)),
            max_size=12,
        ),
        st.lists(hosts, max_size=6),
    )
    def test_they_concern_whom_a_list_of_networks_does(self, steps, seen) -> None:
        store = RecordingStore()
        sanctions = Sanctions("ban", store)
        model: dict[object, Sanction] = {}
        for now, (what, whom, length) in enumerate(steps, 1):
            sanctions.run_out(now)
            model = {each: s for each, s in model.items() if not 0 < s.until <= now}
            network = network_in(whom)
            same = key(whom) if network is None else network
            if what == "add":
                sanction = Sanction(whom, "ann", "", now, now + length if length else 0)
                sanctions.add(sanction, named(whom))
                model[same] = sanction
            else:
                self.assertEqual(sanctions.lift(named(whom)), model.pop(same, None))
            for again in (sanctions, self.loaded(store, now), self.restored(sanctions)):
                self.compare(again, model, seen)

    def loaded(self, store: RecordingStore, now: float) -> Sanctions:
        again = Sanctions("ban", NoStore())
        again.load(store.load(SavedState).bans.values(), now)
        return again

    def restored(self, sanctions: Sanctions) -> Sanctions:
        again = Sanctions("ban", NoStore())
        again.restore(json.loads(json.dumps(sanctions.dump())))
        return again

    def compare(self, sanctions, model, seen) -> None:
        for host in seen:
            ends = [
                sanction.end
                for network, sanction in model.items()
                if not isinstance(network, str)
                and host is not None
                and network.version == host.version
                and host in network
            ]
            found = sanctions.on_host(host)
            self.assertEqual(found.end if found else 0, max(ends, default=0))
        for name in NAMES:
            self.assertEqual(sanctions.on_name(key(name)), model.get(key(name)))
        self.assertCountEqual(sanctions, model.values())
        newest_first = [(-each.since, each.whom) for each in sanctions.in_order()]
        self.assertEqual(newest_first, sorted((-each.since, each.whom) for each in model.values()))
        self.assertEqual(sanctions.due, min((each.end for each in model.values()), default=INF))

    def test_each_is_told_of_once_when_it_ends(self) -> None:
        sanctions = Sanctions("ban", RecordingStore())
        for_ever = Sanction("cid", "ann", "", 1, 0)
        network, name = Sanction("10.0.0.1", "ann", "", 1, 5), Sanction("B0B", "ann", "", 1, 7)
        for sanction in (network, name, for_ever):
            sanctions.add(sanction, named(sanction.whom))
        self.assertEqual(sanctions.run_out(4), [])
        self.assertEqual(sanctions.run_out(6), [(network, "")])
        self.assertEqual(sanctions.run_out(7), [(name, key("bob"))])
        self.assertEqual(sanctions.run_out(1e12), [])
        self.assertEqual(list(sanctions), [for_ever])

    def test_there_are_only_so_many_and_the_same_again_is_not_one_more(self) -> None:
        sanctions = Sanctions("ban", NoStore())
        first = ipaddress.ip_address("10.0.0.0")
        kept = [
            Sanction(str(first + number), "ann", "", 1, 5 if number else 0)
            for number in range(MAX_SANCTIONS)
        ]
        sanctions.load(kept, 1)
        mallory = Sanction("mallory", "ann", "", 1, 0)
        with self.assertRaises(Refusal) as caught:
            sanctions.add(mallory, named("mallory"))
        self.assertIn("10000 of them, as many as may be", str(caught.exception))
        sanctions.add(Sanction("10.0.0.9", "bob", "", 1, 0), named("10.0.0.9"))
        sanctions.run_out(6)
        sanctions.add(mallory, named("mallory"))
        self.assertEqual(
            {sanction.whom for sanction in sanctions},
            {"10.0.0.0", "10.0.0.9", "mallory"},
        )
