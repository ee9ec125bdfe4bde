"""The same file by plain aiohttp.

``serve FILE FOLDER`` prints its port, ``get PORT - FOLDER`` prints what it took: ``FileResponse``
(sendfile), and a client that writes each piece to disk as it comes. Nothing is signed, hashed or
checked. ``seconds`` ends when the file is closed, ``synced_s`` when it is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web
from load import peak_memory_bytes, say

PIECE_BYTES = 2**20


async def serve(file: Path) -> None:
    async def whole(_: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get("/file", whole)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say({"port": runner.addresses[0][1], "root": "-"})
    await asyncio.to_thread(sys.stdin.read)  # until the bench lets go
    await runner.cleanup()
    say({"peak_bytes": peak_memory_bytes()})


async def get(port: int, folder: Path) -> None:
    started_s = time.perf_counter()
    size = 0
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/file") as response,
    ):
        with (folder / "file").open("wb") as file:
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                size += file.write(piece)
            file.flush()
            taken_s = time.perf_counter() - started_s
            os.fsync(file.fileno())
    say({
        "seconds": taken_s, "synced_s": time.perf_counter() - started_s,
        "cpu_s": time.process_time(), "bytes": size, "peak_bytes": peak_memory_bytes(),
    })  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(Path(sys.argv[2])))
    else:
        uvloop.run(get(int(sys.argv[2]), Path(sys.argv[4])))
