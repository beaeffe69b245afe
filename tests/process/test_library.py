"""`twisted_chat.client` as bots use it, against a real daemon."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError

from tests.support.processes import PATIENCE
from twisted_chat.client import Session, connect
from twisted_chat.events import (
    LOBBY,
    Entered,
    Event,
    Greeting,
    Left,
    Notice,
    Refused,
    Said,
    Stopping,
)
from twisted_chat.limits import CLIENT_EVENTS


def in_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., object]:
    """An asynchronous `test`; if it takes longer than PATIENCE it fails."""

    @functools.wraps(test)
    async def bounded(*arguments: object, **fixtures: object) -> None:
        running = Deferred.fromCoroutine(test(*arguments, **fixtures))
        await running.addTimeout(PATIENCE, reactor)

    return pytest_twisted.ensureDeferred(bounded)


@pytest.fixture
def join() -> Iterator[Callable[..., Coroutine[Any, Any, tuple[Session, Event]]]]:
    """A new session and its first event: `await join(host, port)`. It is gone after the test."""
    sessions = []

    async def join(*where: object) -> tuple[Session, Event]:
        session = await connect(*where)
        sessions.append(session)
        return session, await session.__anext__()

    yield join
    for session in sessions:
        session.transport.abortConnection()


@in_time
async def test_session_joins_at_a_host_and_port(join, start_daemon):
    session, first = await join("127.0.0.1", start_daemon().port)
    assert isinstance(first, Greeting)
    assert (first.count, first.room) == (1, LOBBY)
    await session.close()


@in_time
async def test_session_joins_at_an_endpoint(join, start_daemon):
    session, first = await join(f"tcp:127.0.0.1:{start_daemon().port}")
    assert isinstance(first, Greeting)
    assert (first.count, first.room) == (1, LOBBY)
    await session.close()


@in_time
async def test_session_joins_at_a_unix_socket(join, start_daemon, tmp_path):
    start_daemon("--listen", f"unix:{tmp_path}/chat")
    session, first = await join(f"unix:{tmp_path}/chat")
    assert isinstance(first, Greeting)
    assert (first.count, first.room) == (1, LOBBY)
    await session.close()


@in_time
async def test_two_sessions_talk_until_both_have_left(join, daemon):
    ann, _ = await join("127.0.0.1", daemon.port)
    bob, _ = await join("127.0.0.1", daemon.port)
    entered = await ann.__anext__()
    assert isinstance(entered, Entered)
    bob.say("/who is there?")
    assert await ann.__anext__() == Said(entered.name, "/who is there?", LOBBY)
    bob.command("/who")
    header = {"room": LOBBY, "count": 2, "members": []}
    assert await bob.__anext__() == Notice("2 users online:", header)
    assert isinstance(await bob.__anext__(), Notice)
    bob.say("x" * 5000)
    assert isinstance(await bob.__anext__(), Refused)
    ann.say("me")
    said = await bob.__anext__()
    assert isinstance(said, Said)
    assert said.text == "me"
    bob.command("/quit bye")
    assert await ann.__anext__() == Left(entered.name, {LOBBY: 1}, words="bye")
    assert [event async for event in bob] == []
    await bob.close()
    await ann.close()
    assert [event async for event in ann] == []


@in_time
async def test_close_returns_although_more_events_wait_than_are_read_ahead(join, daemon):
    ann, _ = await join("127.0.0.1", daemon.port)
    bob, _ = await join("127.0.0.1", daemon.port)
    for number in range(3 * CLIENT_EVENTS):
        bob.say(str(number))
    await bob.close()
    await ann.close()
    entered, *said, left = [event async for event in ann]
    assert isinstance(entered, Entered)
    assert said == [Said(entered.name, str(number), LOBBY) for number in range(3 * CLIENT_EVENTS)]
    assert left == Left(entered.name, {LOBBY: 1})


@in_time
async def test_session_that_the_daemon_leaves_ends(join, daemon):
    session, _ = await join("127.0.0.1", daemon.port)
    daemon.child.terminate()
    assert [event async for event in session] == [Stopping()]


@in_time
async def test_bad_endpoint_is_a_value_error_that_repeats_it():
    for where in ("8888", "nosuch:x", "tcp:127.0.0.1:x", ""):
        with pytest.raises(ValueError, match=re.escape(repr(where))):
            await connect(where)


@in_time
async def test_nobody_listening_is_told_as_twisted_tells_it(nobody):
    with pytest.raises(ConnectionRefusedError):
        await connect("127.0.0.1", nobody)
