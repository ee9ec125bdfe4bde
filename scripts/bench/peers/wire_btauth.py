"""Signed echo as SDK 11 suggests it: plain aiohttp, ``btauth/1`` on the request, an unsigned reply.

The nearest thing that runs today. It does less than our wire (no signed reply, no budgets, nonces
in memory), so its figures say what signing the reply and the rest cost.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import msgspec
import uvloop
from aiohttp import web
from bittensor import http_auth
from bittensor.sp_core import Keypair
from load import measure, say

SERVER = Keypair.create_from_seed(b"\x01" * 32)
CLIENT = Keypair.create_from_seed(b"\x02" * 32)


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    http_auth.verify(
        request.headers,
        body,
        method="POST",
        path=request.raw_path,
        self_hotkey_ss58=SERVER.ss58_address,
    )
    return web.Response(body=msgspec.msgpack.encode(msgspec.msgpack.decode(body)))


async def serve() -> None:
    app = web.Application()
    app.router.add_post("/echo", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say({"port": runner.addresses[0][1]})
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def call(port: int, seconds: float, size: int) -> None:
    message = {"text": "x" * size}
    url = f"http://127.0.0.1:{port}/echo"
    async with aiohttp.ClientSession() as session:

        async def once(_: int) -> bool:
            body = msgspec.msgpack.encode(message)
            headers = http_auth.sign(
                CLIENT, method="POST", path="/echo", body=body, receiver_ss58=SERVER.ss58_address
            )
            async with session.post(url, data=body, headers=headers) as response:
                return bool(msgspec.msgpack.decode(await response.read()) == message)

        say(await measure(once, seconds))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve())
    else:
        uvloop.run(call(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
