"""Who does not read, or not fast enough, harms nobody else; nor does what it said get lost."""

from __future__ import annotations

import re
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.support.crowds import (
    as_bytes,
    asleep,
    gather,
    guest,
    held_by_kernel,
    is_delivered,
    left,
    narrow_socket,
    numbered,
    said,
    until,
)
from tests.support.doubles import ANN, BOB, Door, Kernel, SocketTransport
from tests.support.processes import Daemon, Peer
from tests.unit.test_outbox import Reactor
from twisted_chat.doors.line import ChatProtocol
from twisted_chat.limits import MAX_LINE, RATE

MIB = 1024 * 1024
BACKLOG = MIB
"""Bytes: the daemon's default."""

BURST, TOKENS = 1000, 16
"""Tokens that a connection has at once by default, and what a line of 4,000 bytes costs."""

TICK = 0.01
"""Seconds."""

HELD = 100_000
"""Bytes that kernels hold for who is slow to read."""

LINES_AT_ONCE = 16
"""As many lines of 4,000 bytes as the reactor reads at once."""

TOO_SLOW = ", put out: too slow to read"


def memory(daemon: Daemon, what: str) -> int:
    """Bytes of the daemon's memory: `VmRSS` now, `VmHWM` the most it ever had."""
    status = Path(f"/proc/{daemon.child.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024


def waiting_when_put_out(daemon: Daemon, peer: Peer) -> int:
    """How many bytes waited for `peer` when it was put out, as the log says."""
    return int(
        daemon.out.find(
            rf"{re.escape(peer.name)} is put out: too slow to read, (\d+) bytes wait for it"
        )[1]
    )


# Who is put out.


def test_who_never_reads_is_put_out_and_the_others_get_every_line(start_daemon):
    daemon = start_daemon("--rate", "0")
    ann, bob, deaf = daemon.join(), daemon.join(), daemon.join()
    gather(ann, bob)
    entered = f"> New user {deaf.name} entered (3 users online)"
    assert [ann.line(), bob.line()] == [entered] * 2
    deaf_is_out = left(deaf, 2, TOO_SLOW)
    before = memory(daemon, "VmRSS")

    heard_of_it = {ann: 0, bob: 0}
    for start in range(0, 20_000, 128):
        for author, hearer, first in [(ann, bob, start), (bob, ann, start + 64)]:
            texts = [f"{number:06}".ljust(1000, "x") for number in range(first, first + 64)]
            author.send(as_bytes(texts))
            heard = hearer.lines(64)
            while deaf_is_out in heard:
                heard.remove(deaf_is_out)
                heard += hearer.lines(1)
                heard_of_it[hearer] += 1
            assert heard == [said(author, text) for text in texts]

    assert heard_of_it == {ann: 1, bob: 1}
    assert memory(daemon, "VmHWM") - before < 24 * MIB
    assert BACKLOG < waiting_when_put_out(daemon, deaf) < 2 * BACKLOG
    assert daemon.join().line() == "> Connected to the chat server (3 users online)"
    with suppress(ConnectionResetError):
        deaf.rest()


def test_who_takes_nothing_for_the_stall_is_put_out_and_who_goes_on_reading_is_not(start_daemon):
    backlog = 256 * MIB
    daemon = start_daemon("--rate", "0", "--stall", "2", "--backlog", str(backlog))
    ann, bob = guest(daemon), guest(daemon)
    slow = guest(daemon, raw=narrow_socket())
    gather(ann, bob, slow)
    said_so_far: list[str] = []
    heard: list[str] = []

    def talk() -> list[str]:
        """Say some lines, of which `slow` reads as many: an eighth of a MiB waits that the kernel
        does not take. Gives who has left, as `bob` read it.
        """
        behind = held_by_kernel(daemon, slow) // 1000 + 128
        read: list[str] = []
        for _ in range(16):
            texts = [f"{number:06}".ljust(1000, "x") for number in range(32)]
            ann.send(as_bytes(texts))
            said_so_far.extend(texts)
            read += bob.find(said(ann, texts[-1]))
            heard.extend(slow.lines(max(0, len(said_so_far) - len(heard) - behind)))
        return [line for line in read if line[0] == "<"]

    # Two times the stall at least, through all of which something waits for `slow`.
    for _ in range(2):
        deaf = guest(daemon, raw=narrow_socket())
        while not (gone := talk()):
            pass
        assert gone == [left(deaf, 3, TOO_SLOW)]
        assert 0 < waiting_when_put_out(daemon, deaf) < backlog

    ann.send(b"that is all\n")
    heard += slow.find(said(ann, "that is all"))
    assert [line for line in heard if line[0] == "["] == [said(ann, text) for text in said_so_far]


# Who is not.


@pytest.mark.parametrize("number", [2, 8, 20])
def test_a_reader_of_16_mbit_a_second_stays_however_many_paste(number):
    """On a clock: no machine can be relied on to read as fast at each moment."""
    clock = Reactor()
    door = Door(MAX_LINE, RATE, clock=clock)
    clock.advance(1_000_000)
    with Kernel() as kernel:
        kernel.room = HELD
        reader = door.connect(ANN, SocketTransport(kernel, ANN))
        bob = door.connect(BOB)
        pasters = [door.connect(IPv4Address("TCP", f"10.0.1.{each}", 1)) for each in range(number)]
        pasted = dict.fromkeys(pasters, 0)

        def pass_time(seconds: float) -> None:
            """Let all who paste send as fast as they are let, and `reader` read."""
            for _ in range(round(seconds / TICK)):
                clock.advance(TICK)
                # A line saves nothing up while it is idle.
                kernel.room = min(kernel.room + round(2_000_000 * TICK), HELD)
                for writer in list(clock.writers):
                    writer.doWrite()
                while ready := [each for each in pasters if is_read(each)]:
                    for paster in ready:
                        first = pasted[paster]
                        pasted[paster] += LINES_AT_ONCE
                        paster.dataReceived(as_bytes(map(long_line, range(first, pasted[paster]))))
                    door.turn()
                for each in (bob, *pasters):
                    each.transport.clear()

        pass_time(4)
        bob.dataReceived(b"are you there?\n")
        pass_time(1)
        assert not reader.transport.disconnecting
        heard = kernel.taken.decode().split("\n")
        for protocol in (reader, bob, *pasters):
            protocol.connectionLost(Failure(ConnectionDone()))

    assert f"[{name_of(bob)}] are you there?" in heard
    assert len([line for line in heard if line.startswith("> New user")]) == 1 + number
    for paster in pasters:
        lead = f"[{name_of(paster)}] "
        texts = [line.removeprefix(lead) for line in heard if line.startswith(lead)]
        assert len(texts) > BURST // TOKENS
        # The last one may be on its way.
        assert texts[:-1] == [long_line(index) for index in range(len(texts) - 1)]
    assert not [line for line in heard if line[:1] == "<"]


def long_line(number: int) -> str:
    return f"{number:06}".ljust(3999, "x")


def name_of(protocol: ChatProtocol) -> str:
    peer = protocol.transport.getPeer()
    return f"{peer.host}:{peer.port}"


def is_read(protocol: ChatProtocol) -> bool:
    """Whether the daemon reads what it sends."""
    return protocol.transport.producerState == "producing"


# Who vanishes.


@pytest.mark.parametrize(
    ("options", "number", "at_once"),
    [(["--rate", "0"], 5000, True), (["--rate", "0"], 5000, False), ([], 1500, False)],
    ids=["in one packet with the reset", "before the reset", "while it is delayed"],
)
def test_what_was_said_before_a_reset_is_heard_also_of_who_had_bytes_waiting(
    start_daemon, options, number, at_once
):
    daemon = start_daemon(*options)
    ann, bob = guest(daemon, "127.0.0.2"), guest(daemon, "127.0.0.3")
    deaf = guest(daemon, "127.0.0.4", narrow_socket())
    gather(ann, bob, deaf)
    talk = [f"{index:06}".ljust(4000, "x") for index in range(60)]
    ann.send(as_bytes(talk))
    assert bob.lines(60) == [said(ann, text) for text in talk]
    assert held_by_kernel(daemon, deaf) < 60 * 4000
    texts = numbered(number)
    with asleep(daemon) if at_once else nullcontext():
        deaf.send(as_bytes(texts))
        until(lambda: is_delivered(deaf))
        deaf.reset()
    assert bob.find(left(deaf, 2)) == [said(deaf, text) for text in texts]
    assert ann.find(left(deaf, 2)) == [said(deaf, text) for text in texts]
    ann.send(b"bye\n")
    assert bob.line() == said(ann, "bye")


def test_5000_lines_pasted_before_a_reset_are_heard_though_others_talk_on(start_daemon):
    daemon = start_daemon("--rate", "1000")
    ann, bob, paster = [guest(daemon, f"127.0.0.{number}") for number in (2, 3, 4)]
    gather(ann, bob, paster)
    # More than the daemon reads at once, and than its kernel holds.
    texts = [text.ljust(40, "x") for text in numbered(5000)]
    paster.send(as_bytes(texts))
    until(lambda: is_delivered(paster))
    paster.reset()
    heard: list[str] = []
    after_reset = -1
    while len(heard) < 3500:
        # What is sent to who is gone fails, and it still has something to say.
        after_reset += 1
        ann.send(b"%d\n" % after_reset)
        heard += bob.find(said(ann, str(after_reset)))
        assert left(paster, 2) not in heard[-2000:]
    assert after_reset > 1
    heard += bob.find(left(paster, 2))
    assert heard == [said(paster, text) for text in texts]
    ann.send(b"bye\n")
    assert bob.line() == said(ann, "bye")
