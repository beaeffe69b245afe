"""A chat to which people come from anywhere, with passphrases, operators and a store."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from queue import SimpleQueue

from argon2.exceptions import VerifyMismatchError
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.support.doubles import LINES, ChatOnTheTable, RecordingOutbox, WallClock
from tests.support.journals import lay_journal, settle
from tests.support.processes import PATIENCE
from twisted_chat import authorisation
from twisted_chat.journal.store import Contents, IStore, Line, NoStore
from twisted_chat.limits import MAX_ROOMS
from twisted_chat.members import Member
from twisted_chat.networks import LOCAL, host_of, origin_of
from twisted_chat.passphrases import Passphrases

SECRET = "correct horse battery"


class ThreadsClock(Clock):
    """A clock that runs calls from threads when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, function, *arguments, **keywords) -> None:
        self._calls.put(lambda: function(*arguments, **keywords))

    def hear(self, count: int = 1) -> None:
        """Wait for `count` calls from threads, and run them."""
        settle()
        for _ in range(count):
            self._calls.get(timeout=PATIENCE)()
        settle()

    def hear_all(self) -> None:
        """Run all calls that have come from threads."""
        while not self.silent:
            self.hear()

    @property
    def silent(self) -> bool:
        """Whether no thread has called."""
        return self._calls.empty()


class FakeHasher:
    """Hashes at once while `open` is set. `most`: how many it had to hash at the same time."""

    def __init__(self) -> None:
        self.hashed = 0
        self.at_once = 0
        self.most = 0
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)
        self.error: Exception | None = None
        self._lock = threading.Lock()

    def hash(self, passphrase: str) -> str:
        self._work()
        return f"fake {passphrase[::-1]}"

    def verify(self, digest: str, passphrase: str) -> bool:
        self._work()
        if digest != f"fake {passphrase[::-1]}":
            raise VerifyMismatchError
        return True

    def _work(self) -> None:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun.release()
        assert self.open.wait(PATIENCE)
        with self._lock:
            self.at_once -= 1
            self.hashed += 1
        if self.error is not None:
            raise self.error

    def wait_until_begun(self, count: int) -> None:
        """Wait until `count` more have begun."""
        for _ in range(count):
            assert self.begun.acquire(timeout=PATIENCE)


class Vault:
    """Passphrases on a clock. They are closed at the end of the test."""

    def __init__(self, test, hasher=None) -> None:
        self.clock = ThreadsClock()
        self.hasher = hasher or FakeHasher()
        self.passphrases = Passphrases(self.clock, self.hasher)
        self._before = set(threading.enumerate())
        test.addCleanup(self.close)

    def close(self) -> None:
        """End all threads."""
        if isinstance(self.hasher, FakeHasher):
            self.hasher.open.set()
        self.passphrases.stop()
        for thread in set(threading.enumerate()) - self._before:
            if thread.name.startswith("passphrases"):
                thread.join(PATIENCE)
                assert not thread.is_alive()


@implementer(IStore)
class RecordingStore(NoStore):
    """Keeps all in memory; documents as JSON."""

    lasting = True

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, str]] = {}
        self.lines: dict[int, Line] = {}
        """The lines, by number."""
        self.audited: list[str] = []

    @property
    def rooms(self) -> set[str]:
        """The rooms whose lines are kept."""
        return {line.event.room for line in self.lines.values()}

    def load(self, read):
        contents = Contents()
        for kind, kept in self.documents.items():
            contents.documents[kind] = {each: json.loads(text) for each, text in kept.items()}
        contents.lines += (self.lines[number] for number in sorted(self.lines))
        return read(contents)

    def put(self, kind, key, document) -> None:
        kept = self.documents.setdefault(kind, {})
        if document is None:
            kept.pop(key, None)
        else:
            kept[key] = json.dumps(document)

    def add(self, line) -> None:
        assert not self.lines or max(self.lines) < line.event.number
        self.lines[line.event.number] = line

    def drop(self, numbers, rest=()) -> None:
        for number in numbers:
            del self.lines[number]  # Nothing is dropped twice.
        for line in rest:
            assert line.event.number not in self.lines
            self.lines[line.event.number] = line

    def audit(self, entry) -> None:
        self.audited.append(entry)


class Hall:
    """A chat to which people come from anywhere, with passphrases that are hashed at once.

    It begins `since` seconds after its clock, when the wall clock shows `now`.
    """

    def __init__(self, test, store=None, since=1_000_000.0, now=None, max_rooms=MAX_ROOMS) -> None:
        self.vault = Vault(test)
        self.hasher = self.vault.hasher
        self.clock = self.vault.clock
        self.clock.advance(since)
        self.now = WallClock(self.clock)
        if now is not None:
            self.now.ahead = now - since
        self.journal = lay_journal(self.now, store, max_rooms, later=self.clock.callLater)
        self.table = ChatOnTheTable(
            self.journal, clock=self.clock, passphrases=self.vault.passphrases, now=self.now
        )
        self.hosts: dict[str, int] = {}

    def come(self, host="10.0.0.1", name=None, door=authorisation.Door.SAFE_LINE) -> Member:
        """Let somebody come in from `host` and take `name`. A `host` of `local` or `uid:1000` means
        a unix socket, of anybody or of that user. Return the member.
        """
        if host.startswith((LOCAL, "uid:")):
            port = self.hosts[LOCAL] = self.hosts.get(LOCAL, 0) + 1
            member = self.member(f"{LOCAL}:{port}", door)
            member.origin = host
        else:
            port = self.hosts[host] = self.hosts.get(host, 0) + 1
            address = f"[{host}]" if ":" in host else host
            member = self.member(f"{address}:{port}", door)
            kind = IPv6Address if ":" in host else IPv4Address
            member.host = host_of(kind("TCP", host, port))
            member.origin = origin_of(member.host)
        self.table.chat.arrive(member)
        self.table.settle()
        if name:
            self.ask(member, f"/nick {name}")
        self.table.read(member)
        return member

    def member(self, name: str, door: authorisation.Door) -> Member:
        return Member(name, RecordingOutbox(), LINES, self.table.flood.meter("x"), door)

    def ask(self, member: Member, line: str) -> list[str]:
        """Return what `member` reads after it has sent `line`, for which nothing is hashed."""
        self.table.read(member)
        waiting = self.begin(member, line)
        assert waiting is None, f"{line} waits"
        return self.table.read(member)

    def begin(self, member: Member, line: str) -> Deferred[None] | None:
        waiting = self.table.desk.hand_in(member, line)
        self.table.settle()
        return None if waiting is None or waiting.called else waiting

    def try_out(self, member: Member, line: str) -> list[str]:
        """Return what `member` reads after it has sent `line` and a passphrase was hashed."""
        self.table.read(member)
        waiting = self.begin(member, line)
        assert waiting is not None, self.table.read(member)
        self.clock.hear()
        self.table.settle()
        assert waiting.called
        return self.table.read(member)

    def owner(self, name="ann", host="10.0.0.1") -> Member:
        """Return a new member that has registered `name`."""
        member = self.come(host, name)
        self.try_out(member, f"/register {SECRET}")
        return member

    def operator(self, name="ann", host="10.0.0.1") -> Member:
        """Return a new member that is an operator."""
        member = self.owner(name, host)
        self.control("op", name)
        self.table.read(member)
        return member

    def control(self, word: str, argument="", room="", hashes=False) -> list[str]:
        """Return what chatctl reads. `hashes`: whether a passphrase is hashed for that."""
        member = self.member("chatctl", authorisation.Door.CONTROL)
        member.origin = "chatctl"
        self.table.chat.arrive(member, rooms=())
        self.table.settle()
        waiting = self.table.desk.command(member, word, argument, room)
        self.table.settle()
        assert (waiting is not None and not waiting.called) == hashes
        if hashes:
            self.clock.hear()
        lines = self.table.read(member)
        self.table.chat.leave(member)
        self.table.turns.run()
        return lines

    def leave(self, member: Member) -> None:
        self.table.chat.leave(member)
        self.table.turns.run()
