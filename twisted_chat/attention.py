"""Which members have an eye on a name."""

from __future__ import annotations

from collections.abc import Collection

from twisted_chat.member import Member
from twisted_chat.names import key


class Attention(dict[str, set[Member]]):
    """Members by the key of a name that concerns them.

    A dict, so that it takes no call to see that there are none.
    """

    def of(self, name: str) -> Collection[Member]:
        """Whom the name `name` concerns."""
        return self.get(key(name), ())

    def add(self, name: str, member: Member) -> None:
        """The name whose key is `name` concerns `member` from now on."""
        self.setdefault(name, set()).add(member)

    def discard(self, name: str, member: Member) -> None:
        """The name whose key is `name` does not concern `member` any more."""
        if members := self.get(name):
            members.discard(member)
            if not members:
                del self[name]

    def forget(self, name: str) -> Collection[Member]:
        """Whom the name `name` concerned; it concerns nobody any more."""
        return self.pop(key(name), ()) if self else ()

    def rename(self, old: str, new: str) -> Collection[Member]:
        """Whoever bore the name whose key is `old` has that of `new` now: whom it concerns."""
        members = self.pop(old, set())
        if members:
            self.setdefault(new, set()).update(members)
        return members
