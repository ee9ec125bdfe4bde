"""A node that follows another one: same blocks, same states, same fate of what is submitted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay.clock import SystemClock
from assay.errors import UserError
from assay.localnet.errors import BlockRejected, ChainDamaged
from assay.localnet.following.source import HttpFollowed
from assay.localnet.node import Node, NodeOptions, genesis_of, read_runtime, running
from assay.localnet.primitives.header import Block
from assay.localnet.rpc_client import NodeGone, NodeRefused
from assay.localnet.sealing import SealingMode
from assay.localnet.testing import running_node
from tests.support.waiting import soon
from tests.unit.subnet.localnet.core_chain import module_cache, open_chain, transfer

LIMIT_S = 30.0
"""For what takes milliseconds on an idle machine."""


async def until(condition: Callable[[], bool]) -> None:
    async def look() -> bool:
        return condition()

    await soon(look, "both nodes agree")


@contextlib.asynccontextmanager
async def following(url: str, folder: Path | None = None, **changed: object) -> AsyncIterator[Node]:
    options = NodeOptions(
        genesis=genesis_of(code=read_runtime()),
        state_dir=folder,
        follow=url,
        module_cache=module_cache(),
    )
    async with running(replace(options, **changed), SystemClock()) as node:  # type: ignore[arg-type]
        yield node


@contextlib.asynccontextmanager
async def leading(folder: Path | None = None) -> AsyncIterator[Node]:
    async with running_node(sealing=SealingMode.MANUAL, state_dir=folder) as node:
        yield node


async def test_blocks_and_states_are_the_same() -> None:
    async with leading() as leader:
        for nonce in range(3):
            leader.service.submit(transfer(leader.backend, nonce))
            leader.service.seal()
        async with following(leader.url) as follower:
            await until(lambda: follower.backend.head.number == 3)
            leader.service.submit(transfer(leader.backend, 3))
            leader.service.seal()
            await until(lambda: follower.backend.head.number == 4)
            assert follower.backend.head == leader.backend.head
            root = leader.backend.head.header.state_root
            assert follower.backend.head.header.state_root == root
            assert follower.service.beat_s is None, "it makes no blocks"


async def test_what_is_submitted_here_is_made_a_block_of_there() -> None:
    async with leading() as leader, following(leader.url) as follower:
        told: list[str] = []
        follower.service.on_events(lambda events: told.extend(e.status.name for e in events))
        follower.service.submit(transfer(follower.backend, 0))
        await until(lambda: leader.service._pool.ready_count == 1)
        leader.service.seal()
        await until(lambda: follower.backend.head.number == 1)
        assert follower.backend.head.extrinsics == leader.backend.head.extrinsics
        assert len(leader.backend.head.extrinsics) == 3, (
            "the time, the shield's key, and the transfer"
        )
        assert follower.service._pool.ready_count == 0
        assert "READY" in told


async def test_both_may_end_and_go_on(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    async with leading(there) as leader:
        leader.service.seal()
        async with following(leader.url, here) as follower:
            await until(lambda: follower.backend.head.number == 1)
        leader.service.seal()
    async with leading(there) as leader:
        leader.service.seal()
        async with following(leader.url, here) as follower:
            await until(lambda: follower.backend.head == leader.backend.head)
            assert follower.backend.head.number == 3


async def test_a_node_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    async with leading(tmp_path) as leader, contextlib.AsyncExitStack() as later:
        leader.service.seal()
        follower = await later.enter_async_context(following(leader.url))
        await until(lambda: follower.backend.head.number == 1)
        port = leader.port
        await leader.stop()
        follower.service.submit(transfer(follower.backend, 0))
        options = NodeOptions(
            genesis=genesis_of(code=read_runtime()), state_dir=tmp_path, port=port,
            sealing=SealingMode.MANUAL, module_cache=module_cache(),
        )  # fmt: skip
        again = await later.enter_async_context(running(options, SystemClock()))
        await until(lambda: again.service._pool.ready_count == 1)
        again.service.seal()
        await until(lambda: follower.backend.head.number == 2)
        assert follower.service._pool.ready_count == 0


async def test_another_chain_is_not_followed() -> None:
    async with leading() as leader:
        other = genesis_of(code=read_runtime(), block_time_ms=300)
        with pytest.raises(UserError, match="another chain"):
            async with following(leader.url, genesis=other):
                pass


async def test_a_chain_that_was_begun_anew_is_not_followed(tmp_path: Path) -> None:
    async with leading() as first:
        first.service.submit(transfer(first.backend, 0))
        first.service.seal()
        async with following(first.url, tmp_path) as follower:
            await until(lambda: follower.backend.head.number == 1)
    async with leading() as second:
        second.service.seal()
        with pytest.raises(UserError, match="begun anew"):
            async with following(second.url, tmp_path):
                pass


async def test_a_block_that_does_not_hold_ends_the_node() -> None:
    async with leading() as leader, following(leader.url) as follower:
        assert follower._follower is not None
        truth = leader.service.seal().block
        header = replace(truth.header, state_root=bytes(32))
        lie = Block(header, truth.extrinsics)

        class Liar(HttpFollowed):
            async def hash_of(self, number: int) -> bytes | None:
                return lie.hash if number == 1 else await super().hash_of(number)

            async def block(self, block_hash: bytes) -> Block:
                return lie

        follower._follower._source = Liar(leader.url)
        with pytest.raises(ChainDamaged, match="does not hold"):
            async with asyncio.timeout(LIMIT_S):
                await follower.finished()
        assert follower.backend.head.number == 0
        await follower._follower._source.close()


def test_a_block_out_of_order_is_refused() -> None:
    one, two = open_chain(), open_chain()
    try:
        one.build(one.earliest_timestamp_ms(), ())
        second = one.build(one.earliest_timestamp_ms(), ()).block
        with pytest.raises(BlockRejected, match="does not follow"):
            two.take(second)
        assert two.head.number == 0
    finally:
        one.close()
        two.close()


async def test_what_a_source_says_is_read_with_care() -> None:
    async with leading() as leader:
        source = HttpFollowed(leader.url)
        try:
            assert await source.finalized() == 0
            assert await source.hash_of(7) is None
            with pytest.raises(NodeRefused):
                await source.submit(b"\x04\x00")
            with pytest.raises(NodeGone, match="as no Substrate node does"):
                await source.block(bytes(32))
        finally:
            await source.close()
    with pytest.raises(NodeGone, match="does not answer"):
        await source.finalized()
    await source.close()
