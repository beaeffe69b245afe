"""The audit file's lines: what operators did."""

from __future__ import annotations

import json

from twisted_chat.events import Acted
from twisted_chat.spans import moment


def entry(act: Acted) -> str:
    """Return `act` as one line of JSON, without its end."""
    return json.dumps(record(act), ensure_ascii=False)


def record(act: Acted) -> dict[str, object]:
    """Return `act` for programs: `time` (UTC), `who`, `what`, `whom`, and if there are any,
    `address`, `seconds` and `why`.
    """
    values: dict[str, object] = {
        "time": moment(act.time),
        "who": act.who,
        "what": act.what,
        "whom": act.whom,
    }
    if act.address:
        values["address"] = act.address
    if act.seconds:
        values["seconds"] = act.seconds
    if act.why:
        values["why"] = act.why
    return values
