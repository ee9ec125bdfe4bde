"""Send signed extrinsics, one frame each, over one WebSocket, and see them into blocks.

    chain_send.py URL FILE

The clock runs from the first frame to the head of the block that holds the last included one. Only
extrinsics whose ``System.ExtrinsicSuccess`` is in their block's events count; the events are read
and decoded by the SDK after the clock has stopped. Prints one JSON document.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import aiohttp

QUIET_S = 3.0  # so long without any of ours in a new block: the rest will not come
NEVER_S = 120.0


async def send(url: str, frames: list[str]) -> dict[str, Any]:
    texts = [
        f'{{"jsonrpc":"2.0","id":{number},"method":"author_submitExtrinsic","params":["{frame}"]}}'
        for number, frame in enumerate(frames)
    ]
    heads: list[tuple[float, str]] = []  # arrival of a head, its parent's hash
    answers: dict[int, Any] = {}
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as ws:
        await ws.send_str('{"jsonrpc":"2.0","id":-1,"method":"chain_subscribeNewHeads"}')
        await ws.receive()
        await ws.receive()

        async def listen() -> None:
            async for message in ws:
                told = json.loads(message.data)
                if told.get("method") == "chain_newHead":
                    heads.append((time.perf_counter(), told["params"]["result"]["number"]))
                elif "id" in told:
                    answers[told["id"]] = told

        listening = asyncio.ensure_future(listen())
        started = time.perf_counter()
        for text in texts:
            await ws.send_str(text)
        sent = time.perf_counter()
        await until(lambda: len(answers) == len(texts), NEVER_S)
        # Everything is in the pool: a few more heads, or QUIET_S without.
        known = len(heads)
        await until(lambda: len(heads) >= known + 4, QUIET_S)
        listening.cancel()
    return await count(url, frames, heads, answers, started, sent)


async def until(done: Callable[[], bool], limit_s: float) -> None:
    """Look every ten milliseconds: no more often, so as not to take the node's processor time."""
    ends = time.perf_counter() + limit_s
    while not done() and time.perf_counter() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def count(
    url: str,
    frames: list[str],
    heads: list[tuple[float, str]],
    answers: dict[int, Any],
    started: float,
    sent: float,
) -> dict[str, Any]:
    from bittensor.client import Client

    client = Client(url)
    await client.connect()
    chain = client._substrate.raw
    ours = {blake2b(bytes.fromhex(f[2:]), digest_size=32).digest() for f in frames}
    succeeded, last, blocks = 0, started, 0
    for arrived, number in heads:
        block_hash = await chain._session.request("chain_getBlockHash", [number])
        block = await chain._session.request("chain_getBlock", [block_hash])
        mine = {
            index
            for index, text in enumerate(block["block"]["extrinsics"])
            if blake2b(bytes.fromhex(text[2:]), digest_size=32).digest() in ours
        }
        if not mine:
            continue
        blocks, last = blocks + 1, arrived
        for event in await chain.get_events(block_hash):
            kind = event["event"] if isinstance(event.get("event"), dict) else event
            name = kind.get("event_id") or kind.get("name")
            index = event.get("extrinsic_idx")
            if name == "ExtrinsicSuccess" and index in mine:
                succeeded += 1
    refused = [told["error"] for told in answers.values() if "error" in told]
    return {
        "sent": len(frames),
        "succeeded": succeeded,
        "seconds": last - started,
        "sending_s": sent - started,
        "blocks": blocks,
        "refused": len(refused),
        "first_refusal": refused[:1],
        "per_s": succeeded / (last - started) if last > started else 0.0,
    }


if __name__ == "__main__":
    import os

    with tempfile.TemporaryDirectory() as cache:
        os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = cache
        lines = Path(sys.argv[2]).read_text().split()
        sys.stdout.write(json.dumps(asyncio.run(send(sys.argv[1], lines))) + "\n")
