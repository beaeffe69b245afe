"""The room: the shared set of members and the order in which things happen among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_chat.events import Entered, Event, Greeting, Left, Notice, Reason, Refused, Said
from twisted_chat.interfaces import IDialect, IJournal, ITranscript
from twisted_chat.limits import TOKEN, TURN
from twisted_chat.member import Member
from twisted_chat.turn import Turn


class Room:
    """Who is in, and what each of them gets to read.

    A member asks (`enter`, `say`, `leave`), the journal orders, the room applies what comes back:
    it puts the event and its audience into the pending turn, and `flush` hands every member one
    `bytes`. The room does no I/O of its own.

    `later` runs a function after the present turn of the reactor. `motd` is told to each newcomer
    after its greeting. The transcript gets what all members of the room could read, in `dialect`.
    """

    _log = Logger()

    def __init__(
        self,
        journal: IJournal,
        later: Callable[[Callable[[], None]], object],
        transcript: ITranscript,
        dialect: IDialect,
        motd: Sequence[str] = (),
    ) -> None:
        self.members: dict[Member, None] = {}
        """Everybody in the room, in the order in which they entered."""
        self._journal = journal
        self._later = later
        self._transcript = transcript
        self._dialect = dialect
        self._motd = [Notice(line) for line in motd]
        self._turn = Turn()
        self._departed: list[Member] = []
        self._flush_due = False
        self._flushing = False
        journal.follow(self._apply)

    # What a member asks.

    def enter(self, member: Member) -> None:
        """Ask for a place in the room under the name that `member` has, or one like it."""
        self._journal.enter(member, member.name)

    def say(self, member: Member, text: str) -> None:
        """Say `text` to all others: a line, clean and not empty, or several joined by LF."""
        if not member.leaving:
            self._journal.say(member, Said(member.name, text))

    def leave(self, member: Member, words: str = "", reason: Reason | None = None) -> None:
        """Take `member` out, once: with `words` of its own, or put out for `reason`.

        It still gets what came before its Left, then its outbox is closed.
        """
        if not member.leaving:
            member.leaving = True
            self._journal.leave(member, Left(member.name, 0, words, reason.value if reason else ""))

    def names(self) -> Deferred[list[str]]:
        """The names of all members of the chat, this daemon's and others'."""
        return self._journal.names()

    # What only one member gets.

    def notify(self, member: Member, text: str) -> None:
        """Answer `member` with a notice, which keeps its place among the events."""
        self._tell(member, Notice(text))

    def refuse(self, member: Member, text: str) -> None:
        """Tell `member` what was wrong with what it asked, and what to do."""
        self._tell(member, Refused(text))

    def _tell(self, member: Member, event: Notice | Refused) -> None:
        if not member.leaving:
            member.meter.charge(len(event.text) / TOKEN)
            self._turn.tell(member, event)
            self._flush_later()

    def stop(self) -> None:
        """Tell everybody that the daemon stops and let all leave.

        Nobody hears of the others' leaving: it would be one line for each pair of members.
        """
        everybody = list(self.members)
        for member in everybody:
            self._turn.tell(member, Notice("the daemon stops"))
            self._turn.end(member)
        for member in everybody:
            self.leave(member)
        self.flush()

    # What happened.

    def _apply(self, author: object, event: Event) -> None:
        member = author if isinstance(author, Member) else None
        if isinstance(event, Left) and member is not None:
            del self.members[member]
            self._turn.end(member)
            self._departed.append(member)
        self._turn.publish(event, but=member if isinstance(event, Said) else None)
        if isinstance(event, Entered) and member is not None:
            member.name = event.name
            self.members[member] = None
            self._turn.begin(member)
            self._turn.tell(member, Greeting(event.count))
            for line in self._motd:
                self._turn.tell(member, line)
        if self._turn.size >= TURN and not self._flushing:
            self.flush()
        else:
            self._flush_later()

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._later(self._flush_if_due)

    def _flush_if_due(self) -> None:
        if self._flush_due:
            self.flush()

    def _delivery_failed(self, member: Member) -> None:
        self._log.failure("delivery to {name} failed", name=member.name)
        self.leave(member, reason=Reason.DOOR_FAILED)

    def flush(self) -> None:
        """Deliver the pending turn.

        What happens meanwhile (a member found dead leaves) belongs to the next turn, in which it
        is still counted until its Left.
        """
        turn, self._turn = self._turn, Turn()
        departed, self._departed = self._departed, []
        self._flush_due = False
        self._flushing = True
        turn.deliver([*self.members, *departed], self._delivery_failed)
        if said := turn.shared(self._dialect):
            self._transcript.write(said)
        for member in departed:
            member.outbox.close()
        self._flushing = False
