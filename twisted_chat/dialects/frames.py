"""Events as WebSocket frames, for the web door: one text frame for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from zope.interface import implementer

from twisted_chat.dialects.json_lines import records
from twisted_chat.events import Answer, Done, Event, Greeting
from twisted_chat.interfaces import IDialect, IReader

EVENT = b'{"event":'
"""How the text of each frame begins. It stands nowhere else in a frame: quotes in a text of JSON
have a backslash before them, and no record within an event has this key."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@implementer(IDialect)
class FramesDialect:
    """The JSON objects of JsonDialect, each in an unmasked text frame: all who are in a room share
    their bytes.

    An answer to a request has its `ref`, and a greeting what its reader resumes by.
    """

    def render(self, event: Event, room: str) -> bytes:
        return _frames(records(event))

    def render_to(self, event: Event, reader: IReader) -> bytes:
        match event:
            case Answer(answer, ref):
                return _frames({**record, "ref": ref} for record in records(answer))
            case Done(ref, None):
                return frame({"event": "done", "ref": ref})
            case Done(ref, more):
                return frame({"event": "done", "ref": ref, "more": more})
            case Greeting():
                return _frames({**record, "resume": reader.token} for record in records(event))
        return _frames(records(event))


def frame(record: Mapping[str, object]) -> bytes:
    """Return `record` as one unmasked text frame (RFC 6455, 5.2)."""
    payload = _encode(record).encode("utf-8", "replace")
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def behind(frames: bytes, count: int) -> bytes:
    """Return `frames` without the first `count` of them."""
    start = 0
    for _ in range(count):
        size, header = frames[start + 1], 2
        if size > 125:
            header = 4 if size == 126 else 10
            size = int.from_bytes(frames[start + 2 : start + header], "big")
        start += header + size
    return frames[start:]


def _frames(records: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(map(frame, records))
