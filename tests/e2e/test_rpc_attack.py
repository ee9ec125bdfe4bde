"""The RPC under attack, live: the chain keeps its blocks, and who asks little is answered soon.

A node in a process of its own makes a block each 250 ms. Another process attacks it over many
connections, for half a minute, with what is dearest to answer. Both figures are counted from a
third one, over a connection from the same address as the attack's.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import statistics
import time
from multiprocessing.synchronize import Event
from typing import Any

import aiohttp
import pytest

from assay.localnet.primitives.scale import compact
from assay.localnet.testing import node_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

ATTACK_S = 30.0
KEPT_MIN = 0.9
"""Of the blocks that are due, how many are made."""
MEDIAN_S_MAX = 0.5
"""Before the fair queue this was 7.7 s. Two calls of a quarter of a second are the worst here."""
BEGINS_S_MAX = 60.0
OLD_BLOCK = 10
BLOCKS = 200

LIST_CALL = "StakeInfoRuntimeApi_get_stake_info_for_coldkeys"


def request(method: str, *params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def accounts(count: int) -> str:
    names = (hashlib.blake2b(b"%d" % n, digest_size=32).digest() for n in range(count))
    return "0x" + (compact(count) + b"".join(names)).hex()


def attack_frames(old: str, later: str) -> dict[str, str]:
    long_extrinsic = compact(4_000_000) + b"\x84" + bytes(3_999_999)
    return {
        "a list of 140,000 accounts": request("state_call", LIST_CALL, accounts(140_000), old),
        "lists of 5,000 accounts": request("state_call", LIST_CALL, accounts(5_000), old),
        "values of many blocks": request(
            "state_queryStorage", [f"0x{n:04x}" for n in range(80)], old, later
        ),
        "extrinsics of 4 MB": request("author_submitExtrinsic", "0x" + long_extrinsic.hex()),
    }


CONNECTIONS = {
    "a list of 140,000 accounts": 4,
    "lists of 5,000 accounts": 8,
    "values of many blocks": 100,
    "extrinsics of 4 MB": 100,
}


def attack(url: str, frame: str, connections: int, begun: Event) -> None:
    """Ask ``frame`` over and over on each of ``connections``. Runs in a process of its own.

    ``begun`` is set once the first question was answered.
    """

    async def one(session: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with session.ws_connect(url, max_msg_size=0) as ws:
                    while True:
                        await ws.send_str(frame)
                        message = await ws.receive(60)
                        begun.set()
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            break
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                await asyncio.sleep(0.05)

    async def all_of_them() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(one(session) for _ in range(connections)))

    asyncio.run(all_of_them())


async def ask(ws: aiohttp.ClientWebSocketResponse, method: str, *params: Any) -> Any:
    await ws.send_str(request(method, *params))
    return json.loads((await ws.receive(60)).data)["result"]


async def measure(ws: aiohttp.ClientWebSocketResponse) -> tuple[float, float]:
    """Blocks made in a second, and the median time of a cheap question."""
    waits = []
    first = last = int((await ask(ws, "chain_getHeader"))["number"], 16)
    began_s = time.monotonic()
    while time.monotonic() - began_s < ATTACK_S:
        asked_s = time.monotonic()
        last = int((await ask(ws, "chain_getHeader"))["number"], 16)
        waits.append(time.monotonic() - asked_s)
        await asyncio.sleep(0.05)
    return (last - first) / (time.monotonic() - began_s), statistics.median(waits)


@pytest.mark.parametrize("kind", CONNECTIONS)
async def test_the_chain_keeps_its_blocks_and_others_are_answered(kind: str) -> None:
    with node_process("--in-memory", "--log-level", "ERROR", "--dev-methods") as node:
        async with aiohttp.ClientSession() as session, session.ws_connect(node.url) as ws:
            await ask(ws, "dev_newBlock", BLOCKS)
            old, later = await ask(ws, "chain_getBlockHash", [OLD_BLOCK, BLOCKS])
            frame = attack_frames(old, later)[kind]
            processes = multiprocessing.get_context("spawn")
            begun = processes.Event()
            attacker = processes.Process(
                target=attack, args=(node.url, frame, CONNECTIONS[kind], begun), daemon=True
            )
            attacker.start()
            try:
                assert await asyncio.to_thread(begun.wait, BEGINS_S_MAX)
                blocks_a_second, median_s = await measure(ws)
            finally:
                attacker.kill()
                attacker.join()
            kept = blocks_a_second * node.ready["block_time_ms"] / 1e3
            figures = f"{kept:.1%} of the blocks, median {1e3 * median_s:.1f} ms"
            assert kept >= KEPT_MIN, figures
            assert median_s <= MEDIAN_S_MAX, figures
