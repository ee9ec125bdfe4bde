"""The beat and the chain's clock of a node whose root gives the chain slots of another length.

The runtime is the shipped one, and root's call comes in as an extrinsic. The clock is hand-moved:
what is counted are blocks, what is compared is the chain's time with the clock's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from assay.clock import ManualClock
from assay.localnet.backend import Backend
from assay.localnet.pool import TransactionPool
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW
from assay.localnet.sealing import Sealing, SealingMode
from assay.localnet.service import Service
from assay.localnet.verify import verify_chain
from tests.unit.subnet.localnet.core_chain import (
    ALICE,
    SLOT_DURATION,
    by_root,
    module_cache,
    open_chain,
    set_u64,
    transfer,
)

STEPS_MAX = 50
BEGUN_MS = 250
"""The preset's."""
STEP_S = 1 / 32
"""The clock moves so far at a time: sums of it, and of the slots' lengths here, are exact."""


class Run:
    """A node without a socket, and the hand on its clock."""

    def __init__(self, chain: Backend, mode: SealingMode) -> None:
        self.chain = chain
        self.clock = ManualClock()
        pool = TransactionPool(chain, head_number=chain.head.number)
        interval_s = chain.slot_duration_ms() / 1e3
        sealing = Sealing(mode, interval_s=interval_s, now_s=self.clock.monotonic())
        self.service = Service(chain, pool, sealing, self.clock)
        self.task = asyncio.ensure_future(self.service.run())

    async def settle(self) -> None:
        """Let the service do all that it can at this time."""
        for _ in range(STEPS_MAX):
            await asyncio.sleep(0)

    async def pass_by(self, seconds: float) -> int:
        """Move the clock in small steps; how many blocks were made meanwhile."""
        before = self.chain.head.number
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            await self.settle()
        return self.chain.head.number - before

    async def give_slots_of(self, duration_ms: int) -> None:
        """Root changes the slot duration, by an extrinsic in the next block."""
        call = by_root(self.chain, set_u64(SLOT_DURATION, duration_ms), 0)
        self.service.submit(call)
        await self.settle()
        for _ in range(round(BEGUN_MS / 1e3 / STEP_S)):
            if self.chain.slot_duration_ms() == duration_ms:
                break
            await self.pass_by(STEP_S)
        assert self.chain.slot_duration_ms() == duration_ms

    def chain_ms(self) -> int:
        return int.from_bytes(self.chain.state().get(TIMESTAMP_NOW) or b"", "little")

    def ahead_ms(self) -> int:
        """How far the chain's clock is ahead of the wall's."""
        return self.chain_ms() - self.clock.now_ns() // 10**6


@asynccontextmanager
async def running(mode: SealingMode, path: Path | None = None) -> AsyncIterator[Run]:
    chain = open_chain(path)
    run = Run(chain, mode)
    try:
        yield run
    finally:
        run.service.stop()
        await asyncio.wait_for(run.task, 5)
        chain.close()


@pytest.mark.parametrize("mode", [SealingMode.INTERVAL, SealingMode.MIXED])
@pytest.mark.parametrize("duration_ms", [125, 500])
async def test_the_beat_follows_the_chain_and_its_clock_the_wall(
    mode: SealingMode, duration_ms: int
) -> None:
    async with running(mode) as run:
        assert await run.pass_by(2) == 2_000 // BEGUN_MS
        await run.give_slots_of(duration_ms)
        assert await run.pass_by(4) == 4_000 // duration_ms
        assert run.service.beat_s == duration_ms / 1e3
        assert abs(run.ahead_ms()) <= max(duration_ms, BEGUN_MS), "at most root's block was early"


@pytest.mark.parametrize("duration_ms", [125, 500])
async def test_without_a_beat_each_block_still_takes_one_slot(duration_ms: int) -> None:
    """Chain time runs ahead then, by a slot a block and no more."""
    async with running(SealingMode.TRANSACTION) as run:
        run.service.submit(transfer(run.chain, 0))
        await run.settle()
        call = by_root(run.chain, set_u64(SLOT_DURATION, duration_ms), 1)
        run.service.submit(call)
        await run.settle()
        begun_ms = run.chain_ms()
        for nonce in range(2, 12):
            run.service.submit(transfer(run.chain, nonce))
            await run.settle()
        assert run.chain.head.number == 12
        assert 9 * duration_ms < run.chain_ms() - begun_ms <= 10 * duration_ms


async def test_what_was_built_in_slots_of_several_lengths_verifies(tmp_path: Path) -> None:
    """As another node would execute it: see also the walk of ``tests/conformance/host``."""
    async with running(SealingMode.INTERVAL, tmp_path) as run:
        await run.pass_by(0.5)
        await run.give_slots_of(500)
        await run.pass_by(2)
        blocks = run.chain.head.number
    assert verify_chain(tmp_path, module_cache=module_cache()).blocks == blocks


async def test_slots_that_no_block_fits_leave_the_beat_and_the_pool_alone() -> None:
    """The node tries once with root's call, once without, and goes on."""
    async with running(SealingMode.INTERVAL) as run:
        run.service.submit(by_root(run.chain, set_u64(SLOT_DURATION, 2**40), 0))
        await run.pass_by(5)
        assert run.chain.slot_duration_ms() == BEGUN_MS
        run.service.submit(transfer(run.chain, 0))
        assert await run.pass_by(1) == 1_000 // BEGUN_MS
        nonce = run.chain.call("AccountNonceApi_account_nonce", bytes(ALICE.public_key))
        assert nonce == b"\x01\0\0\0", "the transfer, and nothing before it"
