"""The chain's runtime is replaced under its clients: reads, views and writes go on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assay.chain.follow import Follower
from assay.chain.interface import BlockRef, Call, Chain, WeightsSet
from assay.clock import SystemClock
from assay.localnet.node import read_runtime
from assay.localnet.primitives.well_known_keys import item_key
from assay.types import BlockNumber, Rao, Signer, Uid
from tests.conformance.chain.worlds import (
    BLOCK_MS,
    TAO,
    NodeWorld,
    RestartableNode,
    new_subnet,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WEIGHT = {"ref_time": 0, "proof_size": 0}
SLOT_DURATION = item_key("SubtensorModule", "SlotDurationMs")
A_MINUTE_MS = 60_000
"""More than a busy machine takes for a few blocks; a leap was one of decades."""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    process = RestartableNode(tmp_path / "chain")
    world = NodeWorld(process, tmp_path / "cache")
    try:
        await world.open()
        yield world
        await world.chain.close()
    finally:
        process.kill()


def same_rules(code: bytes) -> bytes:
    """The runtime with one custom section more, which changes its bytes and nothing else."""
    name, text = b"note", b"the same rules"
    body = bytes((len(name),)) + name + text
    return code + bytes((0, len(body))) + body


def next_version(code: bytes, spec_version: int) -> bytes:
    """The runtime with ``spec_version`` + 1 wherever its version stands.

    That is a constant of 32 bits in a data segment and in the section ``runtime_version``, and
    constants of 64 bits in the code, alone or beside the version of the implementation, 1.
    """
    old, new = spec_version, spec_version + 1
    # Between the versions of authoring and of the implementation, which are both 1: the number
    # alone stands by chance elsewhere.
    told = [struct.pack("<III", 1, version, 1) for version in (old, new)]
    code, count = swapped(code, *told)
    assert count == 2, "the version stands in the data and in the section runtime_version"
    for beside in (0, 1 << 32):
        code, _ = swapped(code, b"\x42" + leb128(old | beside), b"\x42" + leb128(new | beside))
    return code


def swapped(code: bytes, old: bytes, new: bytes) -> tuple[bytes, int]:
    assert len(old) == len(new)
    return code.replace(old, new), code.count(old)


def leb128(value: int) -> bytes:
    """WebAssembly's encoding of a number that is not negative, as a signed one."""
    found = bytearray()
    while value >= 0x40:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


async def replace_runtime(world: NodeWorld, code: bytes) -> int:
    """Let root set the code; the number of the block that did it."""
    set_code = Call("System", "set_code_without_checks", {"code": code})
    call = Call("Sudo", "sudo_unchecked_weight", {"call": set_code, "weight": WEIGHT})
    return (await world.chain.submit(call, world.rich)).block.number


async def spec_version(world: NodeWorld) -> int:
    told = await world.chain.read("System.LastRuntimeUpgrade")
    assert isinstance(told, dict)
    return int(told["spec_version"])


async def test_a_runtime_with_the_same_rules_and_one_with_the_next_version(
    node: NodeWorld,
) -> None:
    created, coldkey, owner = await new_subnet(node)
    netuid, receiver = created.netuid, node.key().address
    await node.blocks(1)
    version = await spec_version(node)
    stop = asyncio.Event()
    sent = {"transfer": 0, "commitment": 0, "weights": 0}
    clients = [await node.another_client() for _ in range(3)]

    async def transfers(chain: Chain, key: Signer) -> None:
        while not stop.is_set():
            await chain.transfer(key, receiver, Rao(TAO // 100))
            sent["transfer"] += 1

    async def commitments(chain: Chain) -> None:
        while not stop.is_set():
            await chain.set_commitment(netuid, owner, str(sent["commitment"]).encode())
            sent["commitment"] += 1

    async def weights(chain: Chain, hotkey: Signer) -> None:
        while not stop.is_set():
            outcome = await chain.set_weights(netuid, hotkey, {Uid(1): 1.0})
            assert isinstance(outcome, WeightsSet), outcome
            sent["weights"] += 1

    other, payer = node.key(), node.key()
    await node.chain.register(netuid, coldkey, other.address)
    await node.chain.transfer(node.rich, payer.address, Rao(100 * TAO))
    view = Follower(clients[0], netuid, clock=SystemClock(), rng=random.Random(1))
    async with view, asyncio.TaskGroup() as neurons:
        neurons.create_task(transfers(clients[0], payer))
        neurons.create_task(commitments(clients[1]))
        neurons.create_task(weights(clients[2], other))
        same = await replace_runtime(node, same_rules(read_runtime()))
        await node.blocks(3)
        assert await spec_version(node) == version
        code = next_version(read_runtime(), version)
        upgraded = await replace_runtime(node, code)
        assert upgraded > same
        async with contextlib.aclosing(view.blocks()) as moments:
            async for moment in moments:
                if moment.at.number >= upgraded + 3:
                    break
        assert await spec_version(node) == version + 1
        before = dict(sent)
        while any(sent[kind] < before[kind] + 2 for kind in sent):
            await node.blocks(1)
        stop.set()
    assert await node.chain.balance(receiver) == sent["transfer"] * (TAO // 100)
    # Old blocks are read as they were written, the one that replaced the runtime included.
    for number in range(same - 1, upgraded + 3):
        ref = (await node.chain.block_hash(number)).hex()
        moment = await node.chain.moment(netuid, _ref(number, ref))
        assert moment.at.number == number
        assert moment.metagraph.n == 2
    for client in clients:
        await client.close()


@pytest.mark.parametrize("block_ms", [BLOCK_MS // 2, 2 * BLOCK_MS])
async def test_root_gives_the_chain_another_block_time(node: NodeWorld, block_ms: int) -> None:
    """A client that is connected learns it, and the chain's clock goes on from where it is."""
    client = await node.another_client()
    assert await client.block_time_s() == BLOCK_MS / 1e3
    await node.blocks(1)  # before the first one it is no time yet
    before_ms = await client.read("Timestamp.Now")
    change = Call("System", "set_storage", {"items": [(SLOT_DURATION, u64(block_ms))]})
    call = Call("Sudo", "sudo", {"call": change})
    await client.submit(call, node.rich)
    assert await client.block_time_s() == block_ms / 1e3
    await node.blocks(5)
    after_ms = await client.read("Timestamp.Now")
    assert isinstance(before_ms, int) and isinstance(after_ms, int)
    assert 0 < after_ms - before_ms < A_MINUTE_MS
    await client.close()


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def _ref(number: int, hash_: str) -> BlockRef:
    return BlockRef(BlockNumber(number), "0x" + hash_)
