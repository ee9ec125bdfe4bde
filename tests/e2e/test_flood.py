"""Weights in a flood, live: a validator's weights are in a block within two, whatever others send.

A node in a process of its own makes a block each 250 ms. Another process sends signed calls from a
dozen funded accounts, as fast as the node takes them, for as long as the test runs. A third one,
this, sets weights again and again and looks at the blocks.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from multiprocessing.synchronize import Event
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from bittensor_core import Keypair

from assay.localnet.testing import node_process
from tests.conformance.runtime.test_priority import (
    FLOODS,
    MINER,
    NETUID,
    OWNER,
    RAO,
    SENDERS,
    add_stake,
    burned_register,
    register_network,
    serve_axon,
    set_weights,
    start_call,
    transfer_to,
)
from tests.unit.subnet.localnet.core_chain import ALICE, BOB, sign

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

TURNS = 12
WITHIN_BLOCKS = 2
"""Of the head that the submission saw."""
FLOOD_BLOCK_MIN = {"long remarks": 10}
"""Calls in an ordinary block while the flood goes on; an idle one has one, the time."""
FLOOD_BLOCK_MIN_ELSE = 50
SENT_AT_ONCE = {"long remarks": 4}
SENT_AT_ONCE_ELSE = 40
BEGINS_S_MAX = 60.0
AWAY = "127.0.0.2"
"""The flood comes from another address, as it would."""


def request(method: str, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


class Client:
    """One WebSocket, one question at a time."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    async def send(self, asked: Any) -> Any:
        await self._ws.send_str(json.dumps(asked))
        return json.loads((await self._ws.receive(60)).data)

    async def told(self) -> Any:
        """The next message that nobody asked for."""
        return json.loads((await self._ws.receive(60)).data)

    async def ask(self, method: str, *params: Any) -> Any:
        answer = await self.send(request(method, *params))
        assert "result" in answer, answer
        return answer["result"]

    async def chain(self) -> Any:
        """What ``sign`` needs to know of a chain."""
        told = await self.ask("state_getRuntimeVersion")
        version = SimpleNamespace(
            spec_version=told["specVersion"], transaction_version=told["transactionVersion"]
        )
        genesis_hash = bytes.fromhex((await self.ask("chain_getBlockHash", 0))[2:])
        return SimpleNamespace(runtime_version=lambda: version, genesis_hash=genesis_hash)

    async def nonce(self, signer: Keypair) -> int:
        return int(await self.ask("system_accountNextIndex", signer.ss58_address))

    async def head(self) -> int:
        return int((await self.ask("chain_getHeader"))["number"], 16)

    async def body(self, number: int) -> list[str]:
        block_hash = await self.ask("chain_getBlockHash", number)
        return list((await self.ask("chain_getBlock", block_hash))["block"]["extrinsics"])


def flood(url: str, kind: str, begun: Event) -> None:
    """Every sender on a connection of its own, for ever. ``begun``: the first were taken."""

    async def one(session: aiohttp.ClientSession, sender: Keypair) -> None:
        async with session.ws_connect(url, max_msg_size=0) as ws:
            client = Client(ws)
            chain = await client.chain()
            while True:
                first = await client.nonce(sender)
                frames = [
                    request(
                        "author_submitExtrinsic",
                        "0x" + FLOODS[kind](chain, sender, first + number).hex(),
                    )
                    for number in range(SENT_AT_ONCE.get(kind, SENT_AT_ONCE_ELSE))
                ]
                await client.send(frames)
                begun.set()

    async def all_of_them() -> None:
        connector = aiohttp.TCPConnector(local_addr=(AWAY, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(one(session, sender) for sender in SENDERS))

    asyncio.run(all_of_them())


async def set_up(client: Client, chain: Any) -> None:
    """A subnet, a validator with stake, a miner, and TAO for whoever floods."""
    calls: list[tuple[Keypair, list[bytes]]] = [
        (ALICE, [register_network(OWNER), start_call(NETUID)]),
        (BOB, [burned_register(NETUID, MINER)]),
        (ALICE, [add_stake(OWNER, NETUID, 100 * RAO)]),
        (ALICE, [transfer_to(sender, 10_000 * RAO) for sender in SENDERS]),
    ]
    for signer, each in calls:
        first = await client.nonce(signer)
        for number, call in enumerate(each):
            data = sign(chain, signer, call, first + number)
            await client.ask("author_submitExtrinsic", "0x" + data.hex())
        await client.ask("dev_newBlock", 1)


async def blocks_until_included(client: Client, chain: Any, signer: Keypair, call: bytes) -> int:
    """Submit a call and watch it; how many blocks after the head it is in one."""
    head = await client.head()
    data = "0x" + sign(chain, signer, call, await client.nonce(signer)).hex()
    await client.ask("author_submitAndWatchExtrinsic", data)
    while True:
        told = await client.told()
        status = told["params"]["result"]
        if isinstance(status, dict) and "finalized" in status:
            return (
                int((await client.ask("chain_getHeader", status["finalized"]))["number"], 16) - head
            )
        assert status in ("ready", "future") or "inBlock" in status, status


@pytest.mark.parametrize("kind", FLOODS)
async def test_weights_are_in_within_two_blocks_of_a_flood(kind: str) -> None:
    with node_process("--in-memory", "--log-level", "ERROR", "--dev-methods") as node:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(node.url, max_msg_size=0) as ws,
        ):
            client = Client(ws)
            chain = await client.chain()
            await set_up(client, chain)
            processes = multiprocessing.get_context("spawn")
            begun = processes.Event()
            flooding = processes.Process(target=flood, args=(node.url, kind, begun), daemon=True)
            flooding.start()
            try:
                assert await asyncio.to_thread(begun.wait, BEGINS_S_MAX)
                first = await client.head() + 1
                waited = [
                    await blocks_until_included(client, chain, OWNER, set_weights(NETUID, range(2)))
                    for _ in range(TURNS)
                ]
                served = await blocks_until_included(client, chain, MINER, serve_axon(8091))
                sizes = [len(await client.body(n)) for n in range(first, await client.head())]
            finally:
                flooding.kill()
                flooding.join()
    assert max(waited) <= WITHIN_BLOCKS, waited
    assert served <= WITHIN_BLOCKS
    ordinary = sorted(sizes)[len(sizes) // 2]
    assert ordinary >= FLOOD_BLOCK_MIN.get(kind, FLOOD_BLOCK_MIN_ELSE), sizes
