"""Saying lines over HTTP, in the name of whoever owns the token of the request."""

from __future__ import annotations

import json
import re

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from twisted_chat.accounts import token_digest
from twisted_chat.doors.web.base import WebBase
from twisted_chat.doors.web.heads import Unwelcome
from twisted_chat.doors.web.request import WebRequest
from twisted_chat.limits import TOKEN
from twisted_chat.names import named
from twisted_chat.records import Registration
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import Post
from twisted_chat.text import clean_text

_BEARER = re.compile(r"(?i:bearer) +([\w~+/.=-]+)", re.ASCII)

_RAW = ("text/plain", "application/x-www-form-urlencoded")
"""What is taken as it stands; the second is what `curl -d` says of any text."""

_JSON = "application/json"

CODES = {
    Kind.WRONG_PASSPHRASE: 401,
    Kind.NO_ROOM: 404,
    Kind.TOO_LONG: 413,
    Kind.SLOW: 429,
    Kind.TOO_MANY: 429,
    Kind.STOPPING: 503,
    Kind.UNAVAILABLE: 503,
}
"""The status of HTTP by the kind of a refusal."""


async def post(door: WebBase, request: WebRequest, room: str) -> None:
    """Say what the body of `request` holds in `room`, each line of it. Raises Unwelcome."""
    digest, owned = _owner(door, request)
    lines = _lines(door, request)
    for number, line in enumerate(lines):
        if wait := request.meter.charge(1 + len(line.encode()) // TOKEN):
            await deferLater(door.reactor, wait)
        try:
            said: Deferred[None] = door.chat.journal.ask(
                "", Post(named(owned.name), digest, named(room), line)
            )
            await said
        except Refusal as refusal:
            before = f"line {number + 1} of {len(lines)}: " if len(lines) > 1 else ""
            raise Unwelcome(CODES.get(refusal.kind, 403), f"{before}{refusal}") from refusal


def _owner(door: WebBase, request: WebRequest) -> tuple[str, Registration]:
    """Return the digest of the token in `request`, and the registration that it is one of."""
    values = request.requestHeaders.getRawHeaders("Authorization", [])
    match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        raise Unwelcome(
            401,
            "a token is missing: /token makes one for the owner of a name; send it as the header "
            "Authorization: Bearer TOKEN",
        )
    digest = token_digest(match[1])
    owned = door.chat.view.token_owner(digest)
    if owned is None:
        raise Unwelcome(401, "that token is nobody's: /token makes one for the owner of a name")
    return digest, owned


def _lines(door: WebBase, request: WebRequest) -> list[str]:
    """Return the lines in the body of `request`, clean."""
    kind = (request.content_type or _RAW[0]).partition(";")[0].strip().lower()
    assert request.content is not None
    body = request.content.read()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Unwelcome(400, "the text is not UTF-8") from None
    if kind == _JSON:
        text = _text_in(text)
    elif kind not in _RAW:
        raise Unwelcome(415, f'send the text as {_RAW[0]}, or as {_JSON}: {{"text": "hello"}}')
    lines = [line for each in text.split("\n") if (line := each.removesuffix("\r"))]
    if not lines:
        raise Unwelcome(400, "there is no text in it")
    most = door.limits.max_line
    if max(len(line.encode("utf-8", "surrogatepass")) for line in lines) > most:
        raise Unwelcome(413, f"a line of more than {most} bytes was not said: send it in parts")
    return [clean_text(line) for line in lines]


def _text_in(body: str) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise Unwelcome(400, 'that is no JSON object with a text: {"text": "hello"}')
    return text
