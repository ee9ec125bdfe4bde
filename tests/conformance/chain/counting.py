"""A relay between a client and a node that counts what the client asks, call by call.

``counting(url)`` listens on a free port of this machine and passes every WebSocket frame on in both
directions. Each JSON-RPC call of a frame counts as one request, those of a batch as well;
notifications that the node pushes do not count.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

FRAME_BYTES_MAX = 2**24


class Counted:
    """The requests that went through one relay since the last ``clear``, by method."""

    def __init__(self) -> None:
        self.url = ""
        self.methods: Counter[str] = Counter()

    @property
    def requests(self) -> int:
        return self.methods.total()

    def clear(self) -> None:
        self.methods.clear()

    def note(self, frame: str | bytes) -> None:
        calls = json.loads(frame)
        for call in calls if isinstance(calls, list) else [calls]:
            self.methods[call["method"]] += 1


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[Counted]:
    """A relay to the node at ``url``; its own address is ``Counted.url``."""
    counted = Counted()

    async def relay(client: ServerConnection) -> None:
        async with connect(url, max_size=FRAME_BYTES_MAX) as node:

            async def up() -> None:
                async for frame in client:
                    counted.note(frame)
                    await node.send(frame)

            async def down() -> None:
                async for frame in node:
                    await client.send(frame)

            tasks = {asyncio.ensure_future(up()), asyncio.ensure_future(down())}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            with suppress(ConnectionClosed):
                await client.close()
            await asyncio.gather(*tasks, return_exceptions=True)

    async with serve(relay, "127.0.0.1", 0, max_size=FRAME_BYTES_MAX) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        counted.url = f"ws://127.0.0.1:{port}"
        yield counted
