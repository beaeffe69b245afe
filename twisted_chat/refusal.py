"""The exception for something that was asked and is not done."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What was wrong, for programs and for doors that number it."""

    BAD_REQUEST = "bad request"
    """The request is written in a wrong way, or asks for what is so already."""
    NO_COMMAND = "no such command"
    NO_MEMBER = "no such member"
    NO_ROOM = "no such room"
    NO_LINE = "no such line"
    NOT_REGISTERED = "not registered"
    NAME_TAKEN = "name taken"
    REGISTERED = "registered"
    """The name belongs to somebody."""
    BAD_NAME = "bad name"
    NOT_ALLOWED = "not allowed"
    NOT_SAFE = "not safe"
    """A passphrase was sent, or would be shown, where others can read it."""
    WRONG_PASSPHRASE = "wrong passphrase"
    MUTED = "muted"
    IGNORED = "ignored"
    SLOW = "too fast"
    BANNED = "banned"
    LOCKED = "locked"
    TOO_LONG = "too long"
    TOO_MANY = "too many"
    GONE = "gone"
    """The author is not here any more."""
    NOT_A_CHAT_CLIENT = "not a chat client"
    STOPPING = "stopping"
    UNAVAILABLE = "unavailable"
    """It cannot be done just now."""


class Refusal(Exception):
    """What was asked is not done. str() says why, and what to do. The asker is told."""

    def __init__(self, text: str, kind: Kind = Kind.BAD_REQUEST) -> None:
        super().__init__(text)
        self.kind = kind
