"""The little of telnet (RFC 854) that a line door needs."""

from __future__ import annotations

from enum import Enum, auto

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ANSWER = 3
"""Bytes of one answer to a peer's request."""

_TIMING_MARK = 6
_LINE_ENDS = b"\n\r"
_ANSWERS = {DO: WONT, WILL: DONT}


class _State(Enum):
    TEXT = auto()
    COMMAND = auto()
    OPTION = auto()
    SUBNEGOTIATION = auto()
    SUBNEGOTIATION_IAC = auto()


class Telnet:
    """Takes telnet's command sequences out of a stream and answers those that want an answer.

    Every option is declined, once; TIMING-MARK (RFC 860) each time, because inetutils telnet shows
    nothing after ^C until it is answered. LF and CR end whatever sequence they stand in, so that no
    sequence can swallow the lines behind it.
    """

    __slots__ = ("_answered", "_state", "_verb", "is_spoken")

    def __init__(self) -> None:
        self.is_spoken = False
        """The peer has sent a sequence."""
        self._state = _State.TEXT
        self._verb = 0
        self._answered: frozenset[tuple[int, int]] = frozenset()

    @property
    def idle(self) -> bool:
        """No sequence is under way: data without IAC needs no look."""
        return self._state is _State.TEXT

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Split `data` into what is not telnet's, and the answers to send.

        IAC IAC is the byte 0xFF.
        """
        text = bytearray()
        answers = bytearray()
        for byte in data:
            if byte in _LINE_ENDS:
                self._state = _State.TEXT
                text.append(byte)
            elif self._state is _State.TEXT:
                if byte == IAC:
                    self.is_spoken = True
                    self._state = _State.COMMAND
                else:
                    text.append(byte)
            elif self._state is _State.COMMAND:
                if byte in (WILL, WONT, DO, DONT):
                    self._verb, self._state = byte, _State.OPTION
                elif byte == SB:
                    self._state = _State.SUBNEGOTIATION
                else:
                    if byte == IAC:
                        text.append(byte)
                    self._state = _State.TEXT
            elif self._state is _State.OPTION:
                answers += self._answer(self._verb, byte)
                self._state = _State.TEXT
            elif self._state is _State.SUBNEGOTIATION:
                if byte == IAC:
                    self._state = _State.SUBNEGOTIATION_IAC
            else:
                self._state = _State.TEXT if byte == SE else _State.SUBNEGOTIATION
        return bytes(text), bytes(answers)

    def _answer(self, verb: int, option: int) -> bytes:
        if verb not in _ANSWERS or ((verb, option) in self._answered and option != _TIMING_MARK):
            return b""
        self._answered |= {(verb, option)}
        return bytes((IAC, _ANSWERS[verb], option))
