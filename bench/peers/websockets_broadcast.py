"""The chat on `websockets`, with its own broadcast: `python websockets_broadcast.py PORT`."""

import asyncio
import json
import sys
import time
from itertools import count

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.typing import Subprotocol

members: set[ServerConnection] = set()
numbers = count(1)


def event(kind: str, **fields: object) -> str:
    return json.dumps({"event": kind, "room": "lobby", **fields}, separators=(",", ":"))


async def joined(connection: ServerConnection) -> None:
    host, port = connection.remote_address
    name = f"{host}:{port}"
    members.add(connection)
    await connection.send(event("greeting", name=name, count=len(members)))
    try:
        async for text in connection:
            if "say" in (asked := json.loads(text)):
                id = f"4f1c2a9d3b7e6a50-{next(numbers)}"
                said = event("said", name=name, text=asked["say"], time=time.time(), id=id)
                broadcast(members, said)
    finally:
        members.discard(connection)


async def main() -> None:
    server = await serve(
        joined,
        "127.0.0.1",
        int(sys.argv[1]),
        compression=None,
        subprotocols=[Subprotocol("chat.json")],
        backlog=4096,
        ping_interval=None,
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
