"""The WebSocket of the web door, frame by frame: cases 1 to 7 and 10 of Autobahn's test suite.

Autobahn asks for an echo. Here a text is said, and read again as one's own. Binary frames are
refused, as is any text that is no request: so case 1.2 ends otherwise. Of cases with many alike
those at the edges are here.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import pytest
from websockets.sync.client import connect

from tests.conformance.driver import Driver
from tests.conformance.house import House
from tests.conformance.web_driver import WebDriver
from tests.support.processes import PATIENCE
from tests.support.web import BINARY, CLOSE, PING, PONG, TEXT, Closed, WebPeer, close, masked

CONTINUATION = 0
PAYLOAD = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"


@pytest.fixture(params=[WebDriver("web"), WebDriver("web-tls")], ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    return request.param


@dataclass(frozen=True)
class Case:
    """What is sent, and what is read then: ("said", text), ("pong", payload) or ("close", code).

    `chop`: bytes of each packet; 0: each frame is one.
    """

    number: str
    frames: Sequence[bytes]
    answers: Sequence[tuple[str, object]]
    chop: int = 0


def say(text: str) -> bytes:
    """Return the payload that says `text`."""
    return json.dumps({"ref": 1, "say": text, "room": ""}, ensure_ascii=False).encode()


def whole(text: str) -> bytes:
    return masked(TEXT, say(text))


def in_fragments(payload: bytes, size: int) -> list[bytes]:
    """Return `payload` as one message in fragments of `size` bytes."""
    pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
    last = len(pieces) - 1
    return [
        masked(CONTINUATION if number else TEXT, piece, fin=number == last)
        for number, piece in enumerate(pieces)
    ]


def cases() -> Iterator[Case]:
    # 1: framing.
    for number, size in enumerate((1, 125, 126, 127, 128, 65535, 65536), 1):
        yield Case(f"1.1.{number}", [whole("*" * size)], [("said", "*" * size)])
    yield Case("1.1.8", [whole("*" * 65536)], [("said", "*" * 65536)], chop=997)
    yield Case("1.2.1", [masked(BINARY, b"")], [("close", 1003)])
    yield Case("1.2.7", [masked(BINARY, PAYLOAD * 8192)], [("close", 1003)])
    # 2: pings and pongs.
    for number, payload in enumerate((b"", b"Hello, world!", PAYLOAD, b"\xfe" * 125), 1):
        yield Case(f"2.{number}", [masked(PING, payload)], [("pong", payload)])
    yield Case("2.5", [masked(PING, b"\xfe" * 126)], [("close", 1002)])
    yield Case("2.6", [masked(PING, b"\xfe" * 125)], [("pong", b"\xfe" * 125)], chop=1)
    yield Case("2.8", [masked(PONG, b"unasked"), whole("x")], [("said", "x")])
    yield Case("2.9", [masked(PONG, b"unasked"), masked(PING, b"p")], [("pong", b"p")])
    ten = [b"payload-%d" % number for number in range(10)]
    pongs = [("pong", payload) for payload in ten]
    yield Case("2.10", [masked(PING, payload) for payload in ten], pongs)
    yield Case("2.11", [masked(PING, payload) for payload in ten], pongs, chop=1)
    # 3: reserved bits.
    yield Case("3.1", [masked(TEXT, say("x"), rsv=1)], [("close", 1002)])
    yield Case("3.2", [whole("x"), masked(TEXT, b"x", rsv=2)], [("said", "x"), ("close", 1002)])
    yield Case("3.4", [whole("x"), masked(TEXT, b"x", rsv=4)], [("said", "x"), ("close", 1002)], 1)
    yield Case("3.5", [masked(BINARY, PAYLOAD, rsv=5)], [("close", 1002)])
    yield Case("3.6", [masked(PING, b"", rsv=6)], [("close", 1002)])
    yield Case("3.7", [masked(CLOSE, b"", rsv=7)], [("close", 1002)])
    # 4: reserved opcodes.
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        number = f"4.{1 if opcode < 8 else 2}.{opcode % 8}"
        yield Case(number, [whole("x"), masked(opcode, b"")], [("said", "x"), ("close", 1002)])
    # 5: fragments.
    yield Case("5.1", [masked(PING, b"a", fin=False)], [("close", 1002)])
    yield Case("5.2", [masked(PONG, b"a", fin=False)], [("close", 1002)])
    two = in_fragments(say("fragments"), 20)
    yield Case("5.3", [b"".join(two)], [("said", "fragments")])
    yield Case("5.4", two, [("said", "fragments")])
    yield Case("5.5", two, [("said", "fragments")], chop=1)
    between = [two[0], masked(PING, b"p"), *two[1:]]
    yield Case("5.6", between, [("pong", b"p"), ("said", "fragments")])
    yield Case("5.8", between, [("pong", b"p"), ("said", "fragments")], chop=1)
    yield Case("5.9", [masked(CONTINUATION, b"x")], [("close", 1002)])
    yield Case("5.12", [masked(CONTINUATION, b"x", fin=False)], [("close", 1002)])
    end = masked(CONTINUATION, b"x", fin=False)
    yield Case("5.15", [*two, end], [("said", "fragments"), ("close", 1002)])
    yield Case("5.18", [two[0], whole("x")], [("close", 1002)])
    # 6: UTF-8.
    empty = [masked(TEXT, b"", fin=False), masked(CONTINUATION, b"", fin=False)]
    yield Case("6.1.2", [*empty, masked(CONTINUATION, say("x"))], [("said", "x")])
    hello = "Hello-µ@ßöäüàá-UTF-8!!"
    yield Case("6.2.1", [whole(hello)], [("said", hello)])
    yield Case("6.2.3", in_fragments(say(hello), 1), [("said", hello)])
    yield Case("6.2.4", in_fragments(say("κόσμε"), 1), [("said", "κόσμε")])
    greek = "κόσμε".encode()
    yield Case("6.3.1", [masked(TEXT, greek + b"\xed\xa0\x80edited")], [("close", 1007)])
    broken = [masked(TEXT, greek, fin=False), masked(CONTINUATION, b"\xf4\x90\x80\x80", fin=False)]
    yield Case("6.4.1", broken, [("close", 1007)])  # Nothing more has to come.
    yield Case("6.4.3", broken, [("close", 1007)], chop=1)
    for number, text in enumerate(("\x7f", "\x80", "\u07ff", "\ud7ff", "\ue000", "\U0010ffff"), 1):
        payload = json.dumps({"ref": 1, "command": "help", "argument": text}, ensure_ascii=False)
        yield Case(f"6.9.{number}", [masked(TEXT, payload.encode())], [("refused", None)])
    for number, data in enumerate(
        (
            *(b"\x80", b"\xbf", b"\xc0 ", b"\xe0 ", b"\xf0 ", b"\xf8 ", b"\xfc ", b"\xfe", b"\xff"),
            *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf"),
            *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80"),
        ),
        1,
    ):
        yield Case(f"6.12.{number}", [masked(TEXT, b'{"say":"' + data + b'"}')], [("close", 1007)])
    # 7: the end.
    yield Case("7.1.1", [whole("x"), close()], [("said", "x"), ("close", 1000)])
    yield Case("7.1.2", [close(), close()], [("close", 1000)])
    yield Case("7.1.3", [close(), masked(PING, b"")], [("close", 1000)])
    yield Case("7.1.4", [close(), whole("x")], [("close", 1000)])
    yield Case("7.1.5", [two[0], close(), *two[1:]], [("close", 1000)])
    yield Case("7.3.1", [close(None)], [("close", None)])
    yield Case("7.3.2", [masked(CLOSE, b"a")], [("close", 1002)])
    yield Case("7.3.4", [close(1000, "Hello World!")], [("close", 1000)])
    yield Case("7.3.5", [close(1000, "*" * 123)], [("close", 1000)])
    yield Case("7.3.6", [close(1000, "*" * 124)], [("close", 1002)])
    yield Case("7.5.1", [masked(CLOSE, b"\x03\xe8" + greek + b"\xed\xa0\x80")], [("close", 1007)])
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield Case(f"7.7.{code}", [close(code)], [("close", code)])
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999):
        yield Case(f"7.9.{code}", [close(code)], [("close", 1002)])
    # 10: a long message in fragments.
    yield Case("10.1.1", in_fragments(say("*" * 65536), 1300), [("said", "*" * 65536)])


CASES = [*cases()]


def read(peer: WebPeer) -> tuple[str, object]:
    """Return what the daemon has sent next."""
    opcode, payload = peer.frame()
    if opcode == PONG:
        return "pong", payload
    if opcode == CLOSE:
        return "close", int.from_bytes(payload[:2], "big") if payload else None
    event = json.loads(payload)
    return event["event"], event["text"] if event["event"] == "said" else None


def test_autobahns_cases(open_house: Callable[..., House], driver: Driver):
    house = open_house(max_line=1 << 20)
    peers = []
    for case in CASES:
        peers.append(peer := WebPeer(house.address, tls=driver.is_safe))
        house.guests.append(peer)
        peer.hello(rooms={f"case-{len(peers)}": None})
        assert peer.event()["event"] == "greeting"
        for packet in [b"".join(case.frames)] if case.chop else case.frames:
            for start in range(0, len(packet), case.chop or len(packet)):
                peer.send(packet[start : start + (case.chop or len(packet))])
    # All at once: a peer that has broken a rule is heard out for a second.
    for case, peer in zip(CASES, peers, strict=True):
        try:
            answers = [read(peer) for _ in case.answers]
        except (Closed, ConnectionError) as gone:
            raise AssertionError(f"{case.number}: closed without a word") from gone
        assert answers == [*case.answers], case.number
        if case.answers[-1][0] == "close":
            # The daemon ends the connection, as RFC 6455 has it (7.1.1).
            with pytest.raises(Closed):
                peer.frame()


def test_numbers_of_cases_are_told_apart():
    numbers = [case.number for case in CASES]
    assert len(numbers) == len({*numbers}) > 100


def test_a_client_must_mask_its_frames(open_house: Callable[..., House], driver: Driver):
    peer = WebPeer(open_house().address, tls=driver.is_safe)
    peer.hello()
    peer.event()
    peer.send(b"\x81\x02{}")
    assert read(peer) == ("close", 1002)
    peer.close()


@pytest.mark.parametrize("size", [1 << 20, 1 << 62])
def test_a_message_that_is_too_long_is_not_gathered(
    open_house: Callable[..., House], driver: Driver, size: int
):
    """Neither in one frame, however long it says to be, nor in many."""
    house = open_house(max_line=1000)
    for many in (False, True):
        peer = WebPeer(house.address, tls=driver.is_safe)
        house.guests.append(peer)
        peer.hello()
        peer.event()
        if many:
            peer.send(masked(TEXT, b" " * 1000, fin=False))
            peer.send(masked(CONTINUATION, b" " * 1000, fin=False) * 30)
        else:
            peer.send(b"\x81\xff" + size.to_bytes(8, "big") + bytes(4) + b" " * 30_000)
        assert read(peer) == ("close", 1009)


def test_the_websockets_library_takes_part(open_house: Callable[..., House], driver: Driver):
    host, port = open_house().address
    refs = count(1)
    url, context = f"ws://{host}:{port}/-/ws", None
    if driver.is_safe:
        url, context = url.replace("ws", "wss", 1), ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(url, subprotocols=["chat.json"], ssl=context, open_timeout=PATIENCE) as socket:
        assert socket.subprotocol == "chat.json"
        assert not socket.protocol.extensions
        socket.send('{"hello":1,"name":"ann"}')
        assert json.loads(socket.recv())["event"] == "greeting"
        socket.send(json.dumps({"ref": next(refs), "say": "é" * 3000}))
        assert json.loads(socket.recv())["kind"] == "too long"
        socket.send(json.dumps({"ref": next(refs), "say": "é" * 2000}))
        assert json.loads(socket.recv())["text"] == "é" * 2000
        assert socket.ping().wait(timeout=60)
    assert socket.close_code == 1000
