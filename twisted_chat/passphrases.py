"""Passphrases: hashed beside the reactor, two at a time, and tried slowly."""

from __future__ import annotations

import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_chat.gathering import IThreadedReactor
from twisted_chat.limits import (
    FIRST_DELAY,
    FORGET_TRIES,
    HASHING_AT_ONCE,
    HASHING_FIRST,
    HASHING_SHARE,
    HASHING_WAITING,
    LONGEST_DELAY,
    TRIES_WAITING,
)
from twisted_chat.names import key
from twisted_chat.refusal import Kind, Refusal

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that do not look like one another."""


class _Tries:
    """The tries for one name from one origin, one after the other."""

    __slots__ = ("free", "last", "lock", "waiting", "wrong")

    def __init__(self) -> None:
        self.lock = DeferredLock()
        self.waiting = 0
        self.wrong = 0
        self.free = 0.0
        """When the next try may come, in monotonic seconds."""
        self.last = 0.0
        """When the last try came, in monotonic seconds."""


class Passphrases:
    """Makes digests (argon2id, with the parameters of RFC 9106's second choice: 64 MiB, 3 passes)
    and compares passphrases with them, in threads of its own, HASHING_AT_ONCE at a time.

    It raises Refusal if HASHING_SHARE passphrases of one origin are hashed or wait; if
    HASHING_WAITING wait, to an origin that has one among them; if HASHING_FIRST wait, to all.
    A passphrase whose Deferred is cancelled waits no longer.
    """

    def __init__(self, reactor: IThreadedReactor, hasher: PasswordHasher | None = None) -> None:
        self._reactor = reactor
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHING_AT_ONCE, "passphrases")
        self._asked: Counter[str] = Counter()
        """How many passphrases of each origin are hashed or wait for it."""
        self._stopped = False
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._sweep_at = 64

    async def digest(self, origin: str, passphrase: str) -> str:
        """Return a digest: it proves `passphrase` and does not tell it. Raises Refusal.

        `origin`: where the member that registers comes from.
        """
        passphrase = _as_typed_anywhere(passphrase)
        return str(await self._hashed(origin, lambda: self._hasher.hash(passphrase)))

    def wait(self, name: str, origin: str) -> float:
        """Return the seconds that a try for `name` from `origin` must wait for wrong ones before
        it.
        """
        tries = self._tries.get((key(name), origin))
        return 0.0 if tries is None else max(tries.free - self._reactor.seconds(), 0.0)

    async def check(self, name: str, origin: str, digest: str, passphrase: str) -> bool:
        """Return whether `digest` was made from `passphrase`, which a member from `origin` tries
        for `name`. Raises Refusal if too many wait.

        After a wrong passphrase the next try for the same name from the same origin waits
        FIRST_DELAY seconds, then twice as long each time, LONGEST_DELAY at most.
        """
        tries = self._tries_of(key(name), origin)
        if tries.waiting >= TRIES_WAITING:
            raise Refusal(
                f"others there are trying {name} just now: try again in a minute", Kind.TOO_MANY
            )
        tries.waiting += 1
        try:
            await tries.lock.acquire()
            try:
                if wait := self.wait(name, origin):
                    await deferLater(self._reactor, wait)
                return await self._checked(tries, origin, digest, passphrase)
            finally:
                tries.lock.release()
        finally:
            tries.waiting -= 1

    async def _checked(self, tries: _Tries, origin: str, digest: str, passphrase: str) -> bool:
        if tries.last + FORGET_TRIES <= self._reactor.seconds():
            tries.wrong = 0
        passphrase = _as_typed_anywhere(passphrase)
        right = await self._hashed(origin, lambda: self._verify(digest, passphrase))
        tries.last = self._reactor.seconds()
        if right:
            tries.wrong = 0
            tries.free = 0.0
        else:
            tries.free = tries.last + min(FIRST_DELAY * 2**tries.wrong, LONGEST_DELAY)
            tries.wrong = min(tries.wrong + 1, 16)
        return bool(right)

    def stop(self) -> None:
        """Hash nothing more. Hashes that are under way end by themselves."""
        self._stopped = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, digest: str, passphrase: str) -> bool:
        try:
            return self._hasher.verify(digest, passphrase)
        except VerificationError:
            return False

    def _hashed(self, origin: str, work: Callable[[], object]) -> Deferred[object]:
        if self._stopped:
            raise Refusal("the daemon stops", Kind.STOPPING)
        mine = self._asked[origin]
        others = HASHING_WAITING if mine else HASHING_FIRST
        if mine >= HASHING_SHARE or self._asked.total() >= HASHING_AT_ONCE + others:
            raise Refusal(
                "too many want to register or log in just now: try again in a minute", Kind.TOO_MANY
            )
        self._asked[origin] += 1

        def over() -> None:
            self._asked[origin] -= 1
            if not self._asked[origin]:
                del self._asked[origin]

        def cancel(result: Deferred[object]) -> None:
            if future.cancel():
                over()

        result: Deferred[object] = Deferred(cancel)

        def done(outcome: object) -> None:
            over()
            if not result.called:
                result.callback(outcome)

        def run() -> None:
            try:
                outcome = work()
            except Exception:
                outcome = Failure()
            self._reactor.callFromThread(done, outcome)

        future = self._threads.submit(run)
        return result

    def _tries_of(self, name: str, origin: str) -> _Tries:
        now = self._reactor.seconds()
        if len(self._tries) >= self._sweep_at:
            self._tries = {
                who: tries
                for who, tries in self._tries.items()
                if tries.waiting or tries.last + FORGET_TRIES > now
            }
            self._sweep_at = 64 + 2 * len(self._tries)
        return self._tries.setdefault((name, origin), _Tries())


def make_passphrase() -> str:
    """Return a random passphrase of 80 bits that can be read out on the telephone."""
    groups = ["".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)]
    return "-".join(groups)


def _as_typed_anywhere(passphrase: str) -> str:
    """Return `passphrase` in NFC: keyboards differ in how they compose what looks the same
    (RFC 8265, 4.2).
    """
    return unicodedata.normalize("NFC", passphrase)
