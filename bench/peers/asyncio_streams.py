"""The chat on asyncio's streams: `python asyncio_streams.py PORT`."""

import asyncio
import sys

members: set[asyncio.StreamWriter] = set()


async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    members.add(writer)
    host, port = writer.get_extra_info("peername")
    name = f"[{host}:{port}] ".encode()
    while line := await reader.readline():
        for member in members:
            if member is not writer:
                member.write(name + line)
    members.discard(writer)
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(joined, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
