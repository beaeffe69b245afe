"""Who may come in, counted without sockets."""

from __future__ import annotations

import resource

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_chat.doors import admission
from twisted_chat.doors.admission import Admission, raise_file_limit
from twisted_chat.limits import MAX_USERS, SPARE_DESCRIPTORS, Limits
from twisted_chat.networks import host_of, network_of

LOOPBACK = host_of(IPv4Address("TCP", "127.0.0.1", 1))
UNIX = host_of(UNIXAddress("/tmp/x"))
OUTSIDE = host_of(IPv4Address("TCP", "10.0.0.1", 1))
ELSEWHERE = host_of(IPv4Address("TCP", "10.0.0.2", 1))


class AdmissionTests(SynchronousTestCase):
    def test_what_counts_as_one_address(self) -> None:
        for written, network in (
            ("10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::ffff:0:0:2", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::1", "::1"),
        ):
            kind = IPv6Address if ":" in written else IPv4Address
            self.assertEqual(network_of(host_of(kind("TCP", written, 1))), network)
        self.assertEqual(network_of(UNIX), "local")

    def test_no_more_come_in_than_may_and_one_more_when_one_is_gone(self) -> None:
        door = Admission(Limits(max_users=2))
        for host in (LOOPBACK, OUTSIDE):
            self.assertIsNone(door.refusal(host))
            door.enter(host)
        why = "the chat is full (2 users): try again later"
        refusals = [str(door.refusal(host)) for host in (LOOPBACK, UNIX, ELSEWHERE)]
        self.assertEqual(refusals, [why] * 3)
        door.leave(LOOPBACK)
        self.assertIsNone(door.refusal(ELSEWHERE))

    def test_one_address_does_not_take_the_place_of_others(self) -> None:
        door = Admission(Limits(max_per_address=2))
        for _ in range(2):
            self.assertIsNone(door.refusal(OUTSIDE))
            door.enter(OUTSIDE)
        self.assertEqual(
            str(door.refusal(OUTSIDE)),
            "2 connections from 10.0.0.1 are as many as may be: close one of them first",
        )
        self.assertIsNone(door.refusal(ELSEWHERE))
        door.leave(OUTSIDE)
        self.assertIsNone(door.refusal(OUTSIDE))

    def test_loopback_and_unix_sockets_are_no_address(self) -> None:
        door = Admission(Limits(max_per_address=1))
        for host in (LOOPBACK, LOOPBACK, UNIX, UNIX):
            self.assertIsNone(door.refusal(host))
            door.enter(host)

    def test_refusals_are_logged_once_until_there_is_room_again(self) -> None:
        door = Admission(Limits(max_users=1))
        with capturedLogs() as logs:
            for _ in range(2):
                door.enter(OUTSIDE)
                for _ in range(100):
                    door.refusal(ELSEWHERE)
                door.leave(OUTSIDE)
        self.assertEqual(len(logs), 2)

    def test_addresses_that_are_gone_are_forgotten(self) -> None:
        door = Admission(Limits())
        door.enter(OUTSIDE)
        door.leave(OUTSIDE)
        self.assertEqual(dict(door._per_address), {})

    def test_the_limit_of_open_files_is_raised_and_says_how_many_fit(self) -> None:
        for soft, hard, members in (
            (1024, 4096, 4096 - SPARE_DESCRIPTORS),
            (1024, 1_000_000, MAX_USERS),
            (1024, resource.RLIM_INFINITY, MAX_USERS),
            (16, 16, 1),
        ):
            limits = [(soft, hard)]
            self.patch(admission.resource, "getrlimit", lambda which, now=limits: now[-1])
            self.patch(
                admission.resource, "setrlimit", lambda which, new, now=limits: now.append(new)
            )
            self.assertEqual(raise_file_limit(), members)
            self.assertEqual(limits[-1], (hard, hard))
