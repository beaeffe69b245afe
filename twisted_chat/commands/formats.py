"""The command that lets a connection of the line door read lines or JSON."""

from __future__ import annotations

from twisted_chat.commands.command import Request
from twisted_chat.dialects import FORMATS
from twisted_chat.refusal import Refusal


async def change(request: Request) -> None:
    """Write what this connection gets in another format.

    The answer begins with the greeting and what newcomers are told, in the new format. So a program
    can tell all that from what it has read before. A notice with the format in its record ends it.
    """
    name = request.argument.lower()
    if name not in FORMATS:
        raise Refusal("write /format json or /format line")
    # What was told before is written in the old format.
    request.chat.flush()
    request.member.switch(FORMATS[name])
    request.chat.greet(request.member, retells=name == "json")
    what = "one JSON object a line" if name == "json" else "lines for people"
    request.answer(f"this connection gets {what} from here on", format=name)
