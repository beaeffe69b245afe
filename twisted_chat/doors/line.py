"""The line door: bytes from TCP, TLS or unix sockets to what members ask, events back to lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.internet.interfaces import IAddress, IDelayedCall

from twisted_chat.authorisation import Door
from twisted_chat.dialects import FORMATS
from twisted_chat.doors import telnet
from twisted_chat.doors.door import Entrance
from twisted_chat.doors.line_ends import LineEnds, erased
from twisted_chat.doors.listening import Listener, Place, listen
from twisted_chat.doors.member_lines import MemberLines
from twisted_chat.doors.strangers import Stranger
from twisted_chat.doors.streams import RefusingProtocol, StreamDoor
from twisted_chat.events import Reason
from twisted_chat.limits import CR_PAUSE, TOKEN
from twisted_chat.refusal import Kind
from twisted_chat.text import REPLACEMENT, clean, is_plain, is_utf8

_WANT_A_LOOK = (b"/", b"\n")
_LATER_WANTS_A_LOOK = re.compile(rb"\n[/\n]").search
"""Finds a later line that is a command or empty. A pattern costs no more than one `in`."""

_NO_UTF8 = (
    f"that was no UTF-8, and others see {REPLACEMENT} in it: set your terminal or program to UTF-8"
)

_MAY_BE_SECRET = re.compile(rb"(?i)login|register").search
"""Finds the word of a command that has a passphrase and may have slipped."""


class ChatProtocol(MemberLines):
    """One connection of the line door: any client that sends lines."""

    _telnet = telnet.Telnet()
    """Nothing is fed to this one, which all share: few peers speak telnet."""
    _after_cr: IDelayedCall | None = None
    _unpaid = 0
    """Bytes of telnet that are not charged yet."""
    _was_hinted = False
    """The peer was told of UTF-8."""
    kind = Door.LINE

    def __init__(self, door: LineDoor) -> None:
        super().__init__(door)
        self._stranger: Stranger | None = Stranger(self._turn_away)
        self._ends = LineEnds(door.limits)

    def connectionMade(self) -> None:
        super().connectionMade()
        self._await(self.door.entrance.enter(self._member))

    # What comes in: bytes, of which telnet is taken out, then line ends are told, then lines.

    def dataReceived(self, data: bytes) -> None:
        if self._member.leaving:
            return
        door = self.door
        door.heard += 1
        door.received += len(data)
        if self._stranger is not None:
            data = self._stranger.begin(data)
        elif self.at_line_start and self._say_at_once(data):
            return
        if data:
            self._read(data)

    def _say_at_once(self, data: bytes) -> bool:
        """Say all of `data` if it is nothing but whole lines that need no closer look.

        That is what nearly all packets are, and in a busy room this takes a third of the time.
        """
        # Neither a command nor an empty line, nor a part of one, nor one that may be too long or
        # that may hold a passphrase. To look for what both words of _MAY_BE_SECRET hold is quick.
        if (
            not data.endswith(b"\n")
            or data.startswith(_WANT_A_LOOK)
            or _LATER_WANTS_A_LOOK(data)
            or (len(data) > (most := self.door.limits.max_line) and _longest(data) > most)
            or (data.lower().find(b"gi") >= 0 and _MAY_BE_SECRET(data))
            or not is_plain(data)
        ):
            return False
        if self._member.meter.charge(data.count(b"\n") + len(data) // TOKEN, only_at_once=True):
            return False
        if (answer := self.door.chat.say(self._member, data[:-1].decode())) is not None:
            self._await(answer)
        return True

    def _read(self, data: bytes) -> None:
        if telnet.IAC in data and not self._telnet.is_spoken:
            start = data.index(telnet.IAC)
            self._read_text(data[:start])  # Lines that came before are edited by nobody.
            self._telnet = telnet.Telnet()
            data = data[start:]
        # Not with the line: ^C in telnet ends none, and hides all until it is answered.
        if telnet.IAC in data or not self._telnet.idle:
            size = len(data)
            data, answers = self._telnet.feed(data)
            tokens, self._unpaid = divmod(self._unpaid + size - len(data), TOKEN)
            # A few bytes cost nothing: they may be a sign of life, which ends no idleness.
            if tokens := tokens + len(answers) // telnet.ANSWER:
                self._charge(tokens)
            if answers:
                self._outbox.write(answers)
        self._read_text(data)

    def _read_text(self, data: bytes) -> None:
        """Take `data`, which holds no telnet."""
        ready = self._ends.feed(data)
        self._take(ready)
        if self._stranger is not None and not self.holding:
            # All that has come is empty lines and a part of the first one with text.
            self._stranger.part(ready if self._ends.are_known else data)
        self._watch_cr()

    def _take(self, data: bytes) -> None:
        """Take `data`, whose line ends are LF."""
        super().dataReceived(data)
        if self._ends.are_cr:
            self.at_line_start = False  # What comes next may belong to the last CR.

    def _watch_cr(self) -> None:
        """Wait for what may follow a CR, if only that tells whether it is a line end."""
        if self._after_cr is not None:
            self._after_cr.cancel()
            self._after_cr = None
        if self._ends.wait_for_pause and not self._member.leaving:
            self._after_cr = self.door.reactor.callLater(CR_PAUSE, self._nothing_follows)

    def _nothing_follows(self) -> None:
        self._after_cr = None
        if not self.holding:  # Otherwise it was not read, and `resume_input` waits again.
            self._take(self._ends.pause())

    # Lines.

    def line_received(self, line: bytes) -> None:
        if self._member.leaving:
            self.clearLineBuffer()
            return
        if line and self._stranger is not None:
            if not self._stranger.line(line):
                return
            self._stranger = None
        if self._ends.are_cr or self._telnet.is_spoken:
            line = erased(line)
        if not line:
            return
        text = clean(line)
        if REPLACEMENT in text and not self._was_hinted and not is_utf8(line):
            self._was_hinted = True
            hint = self.door.desk.refuse(self._member, _NO_UTF8, Kind.BAD_REQUEST)
            if hint is not None:
                self._await(hint.addCallback(lambda _: self._hand_in(text)))
                return
        self._hand_in(text)

    def _hand_in(self, text: str) -> None:
        self._await(self.door.desk.hand_in(self._member, text))

    def long_line(self, start: bytes) -> None:
        # However it was split, so much of it is here.
        if self._stranger is None or self._stranger.long_line(start[: self.MAX_LENGTH + 1]):
            self._refuse_long_line()

    def long_line_ended(self, tail: bytes) -> None:
        if self._stranger is not None and self._stranger.long_line_ended(tail):
            self._refuse_long_line()

    def _refuse_long_line(self) -> None:
        self._stranger = None
        self._refuse(
            f"a line longer than {self.max_line} bytes was not said: send it in shorter lines",
            Kind.TOO_LONG,
        )

    def _turn_away(self, message: str) -> None:
        # It has said nothing that could have an answer.
        self.door.chat.refuse(self._member, message, Kind.NOT_A_CHAT_CLIENT)
        self.door.entrance.put_out(self._member, Reason.NOT_A_CHAT_CLIENT)
        self.clearLineBuffer()

    # What holds the input back.

    def resume_input(self) -> None:
        super().resume_input()
        self._watch_cr()

    # The end.

    def keep_nothing_back(self) -> None:
        if self._stranger is not None and (start := self._stranger.kept_back()):
            self._read(start)
        self._take(self._ends.end())

    def leave(self) -> None:
        super().leave()
        self._watch_cr()  # It leaves: that only ends the wait.


def _longest(lines: bytes) -> int:
    return max(map(len, lines.split(b"\n")))


class LineDoor(StreamDoor):
    """The door of people: it makes a member of each connection at `places`."""

    name = "line"
    dialect = FORMATS["line"]

    def __init__(self, entrance: Entrance, places: Sequence[Place]) -> None:
        super().__init__(entrance)
        self._places = places

    def listen_on(self) -> Sequence[Listener]:
        return [listen(self.reactor, self.factory_for(place), place) for place in self._places]

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol | RefusingProtocol:
        assert addr is not None
        why = self.entrance.refusal(addr)
        return RefusingProtocol(self, why) if why else ChatProtocol(self)
