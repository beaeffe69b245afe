"""The command that changes what a connection of the line door gets: lines, or JSON."""

from __future__ import annotations

from twisted_chat.commands.command import Request
from twisted_chat.dialects import FORMATS
from twisted_chat.refusal import Refusal


async def change(request: Request) -> None:
    """The answer begins with a greeting, as events: a program then knows of what it got before that
    nothing else was an event. A notice with the format as its record ends it.
    """
    name = request.argument.lower()
    if name not in FORMATS:
        raise Refusal("write /format json or /format line")
    # What was told before is written as it was asked for then.
    request.chat.flush()
    request.member.switch(FORMATS[name])
    request.chat.greet(request.member, retells=name == "json")
    what = "one JSON object a line" if name == "json" else "lines for people"
    request.answer(f"this connection gets {what} from here on", format=name)
