"""The one loop on a toy chain and a hand-moved clock: when it builds, whom it tells, its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from loguru import logger

from assay.clock import ManualClock
from assay.localnet.backend import BuiltBlock
from assay.localnet.errors import InvalidTransaction, RuntimeTrap, StorageFailed
from assay.localnet.pool import Event, Status, TransactionPool
from assay.localnet.pool.errors import TemporarilyBanned
from assay.localnet.sealing import Sealing, SealingMode
from assay.localnet.service import Service
from tests.unit.subnet.localnet.toy_chain import SLOT_MS, Kind, ToyChain, extrinsic, hash_of

STEPS_MAX = 200


class Run:
    def __init__(self, mode: SealingMode, interval_s: float) -> None:
        self.clock = ManualClock()
        self.chain = ToyChain()
        self.pool = TransactionPool(self.chain, head_number=0)
        sealing = Sealing(mode, interval_s=interval_s, now_s=self.clock.monotonic())
        self.service = Service(self.chain, self.pool, sealing, self.clock)
        self.blocks: list[BuiltBlock] = []
        self.events: list[Event] = []
        self.service.on_block(self.blocks.append)
        self.service.on_events(self.events.extend)
        self.task = asyncio.ensure_future(self.service.run())

    async def settle(self) -> None:
        for _ in range(STEPS_MAX):
            await asyncio.sleep(0)

    async def until_height(self, number: int) -> None:
        for _ in range(STEPS_MAX):
            if self.chain.head.number >= number:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"block {self.chain.head.number}, not {number}")


@asynccontextmanager
async def running(mode: SealingMode, interval_s: float = SLOT_MS / 1e3) -> AsyncIterator[Run]:
    run = Run(mode, interval_s)
    try:
        yield run
    finally:
        run.service.stop()
        await asyncio.wait_for(asyncio.gather(run.task, return_exceptions=True), 5)


async def test_interval_builds_at_the_beat_and_only_then() -> None:
    async with running(SealingMode.INTERVAL) as run:
        run.service.submit(extrinsic(1, 0))
        await run.settle()
        assert run.chain.head.number == 0
        run.clock.advance(SLOT_MS / 1e3)
        await run.until_height(1)
        assert run.blocks[0].included == (hash_of(extrinsic(1, 0)),)
        await run.settle()
        assert run.chain.head.number == 1


async def test_on_transaction_builds_at_once_and_never_empty() -> None:
    async with running(SealingMode.TRANSACTION) as run:
        run.clock.advance(60)
        await run.settle()
        assert run.chain.head.number == 0
        run.service.submit(extrinsic(1, 0))
        run.service.submit(extrinsic(2, 0))
        await run.until_height(1)
        await run.settle()
        assert [len(b.included) for b in run.blocks] == [2]


async def test_every_block_has_a_slot_of_its_own_and_is_not_behind_the_wall() -> None:
    async with running(SealingMode.TRANSACTION) as run:
        for nonce in range(4):
            run.service.submit(extrinsic(1, nonce))
            await run.until_height(nonce + 1)
    slots = [t // SLOT_MS for t in run.chain.timestamps]
    assert slots == list(range(slots[0], slots[0] + 4))
    assert all(t >= run.clock.now_ns() // 10**6 for t in run.chain.timestamps)


async def test_a_block_takes_its_share_of_the_block_time_and_leaves_the_rest() -> None:
    async with running(SealingMode.INTERVAL) as run:
        for nonce in range(5):
            run.service.submit(extrinsic(1, nonce))
        each_s = 0.45 * SLOT_MS / 1e3  # two of these exceed the share, one does not
        run.chain.before_each = lambda: run.clock.advance(each_s)
        run.clock.advance(SLOT_MS / 1e3)
        await run.until_height(1)
        assert len(run.blocks[0].included) == 2
        assert len(run.service.seal().included) == 3, "by hand there is no limit"


async def test_a_long_block_time_does_not_make_others_wait_as_long() -> None:
    async with running(SealingMode.INTERVAL, interval_s=60.0) as run:
        for nonce in range(9):
            run.service.submit(extrinsic(1, nonce))
        run.chain.before_each = lambda: run.clock.advance(0.5)
        run.clock.advance(60)
        await run.until_height(1)
        assert len(run.blocks[0].included) == 4


async def test_manual_waits_for_a_word() -> None:
    async with running(SealingMode.MANUAL) as run:
        run.service.submit(extrinsic(1, 0))
        run.clock.advance(60)
        await run.settle()
        assert run.chain.head.number == 0
        assert run.service.seal().included == (hash_of(extrinsic(1, 0)),)


async def test_a_block_is_due_from_its_beat_until_it_is_made() -> None:
    async with running(SealingMode.INTERVAL) as run:
        assert not run.service.block_is_due()
        run.clock.advance(SLOT_MS / 1e3)
        assert run.service.block_is_due()
        await run.until_height(1)
        assert not run.service.block_is_due()
        run.service.stop()
        run.clock.advance(SLOT_MS / 1e3)
        assert not run.service.block_is_due(), "nobody makes it any more"


@pytest.mark.parametrize("mode", [SealingMode.TRANSACTION, SealingMode.MANUAL])
async def test_in_a_mode_without_a_beat_no_block_is_due(mode: SealingMode) -> None:
    async with running(mode) as run:
        run.service.submit(extrinsic(1, 0))
        run.clock.advance(60)
        assert not run.service.block_is_due()
        assert run.service.beat_s is None


async def test_a_block_that_cannot_be_made_is_not_due_at_once_again() -> None:
    """Whoever leaves the loop to a block that is due must not leave it for ever."""
    async with running(SealingMode.INTERVAL) as run:
        run.chain.build_fault = RuntimeTrap("Core_initialize_block", "unreachable")
        run.clock.advance(SLOT_MS / 1e3)
        await run.settle()
        assert not run.service.block_is_due()
        run.chain.build_fault = None
        run.clock.advance(SLOT_MS / 1e3)
        await run.settle()
        assert run.chain.head.number == 0
        run.clock.advance(1)
        await run.until_height(1)


async def test_listeners_hear_of_a_failed_transaction() -> None:
    async with running(SealingMode.TRANSACTION) as run:
        data = extrinsic(1, 0, kind=Kind.FAILS_IN_BLOCK)
        run.service.submit(data)
        await run.until_height(1)
        await run.settle()
        assert run.events == [Event(hash_of(data), s) for s in (Status.READY, Status.INVALID)]


async def test_refusals_pass_through_submit() -> None:
    async with running(SealingMode.MANUAL) as run:
        with pytest.raises(InvalidTransaction):
            run.service.submit(extrinsic(1, 0, kind=Kind.BAD_PROOF))


async def test_what_never_fits_does_not_make_the_loop_spin() -> None:
    async with running(SealingMode.TRANSACTION) as run:
        run.service.submit(extrinsic(1, 0, kind=Kind.TOO_BIG))
        await run.until_height(1)
        await run.settle()
        assert run.chain.head.number == 1
        run.clock.advance(1)
        await run.until_height(2)


async def test_a_runtime_that_cannot_build_is_asked_again_later() -> None:
    async with running(SealingMode.INTERVAL) as run:
        run.chain.build_fault = RuntimeTrap("Core_initialize_block", "unreachable")
        run.clock.advance(SLOT_MS / 1e3)
        await run.settle()
        assert not run.task.done()
        run.chain.build_fault = None
        run.clock.advance(2)
        await run.until_height(1)


async def test_a_transaction_that_no_block_can_hold_leaves_and_the_rest_goes_in() -> None:
    async with running(SealingMode.INTERVAL) as run:
        good = [extrinsic(who, 0) for who in range(1, 10)]
        poison = extrinsic(99, 0, kind=Kind.POISON)
        for data in [*good[:4], poison, *good[4:]]:
            run.service.submit(data)
        for _ in range(20):
            run.clock.advance(2)
            await run.settle()
        assert Event(hash_of(poison), Status.INVALID) in run.events
        with pytest.raises(TemporarilyBanned):  # or it would cost a row of blocks each time
            run.service.submit(poison)
        assert {name for block in run.blocks for name in block.included} == set(map(hash_of, good))
        run.service.submit(extrinsic(1, 1))
        run.service.submit(extrinsic(2, 1))
        run.clock.advance(2)
        await run.settle()
        assert sorted(map(len, (block.included for block in run.blocks)))[-1] > 1
        assert run.pool.ready_count == 0


async def test_no_transaction_is_blamed_for_a_block_that_fails_without_it() -> None:
    async with running(SealingMode.INTERVAL) as run:
        good = [extrinsic(who, 0) for who in range(1, 6)]
        for data in good:
            run.service.submit(data)
        run.chain.finish_fault = RuntimeTrap("BlockBuilder_finalize_block", "unreachable")
        for _ in range(20):
            run.clock.advance(2)
            await run.settle()
        assert (run.blocks, run.pool.ready_count) == ([], len(good))
        run.chain.finish_fault = None
        for _ in range(5):
            run.clock.advance(2)
            await run.settle()
        assert {name for block in run.blocks for name in block.included} == set(map(hash_of, good))


async def test_blocks_grow_again_after_some_that_failed_though_transactions_keep_coming() -> None:
    async with running(SealingMode.INTERVAL) as run:
        for who in range(1, 41):
            run.service.submit(extrinsic(who, 0))
        run.chain.finish_fault = RuntimeTrap("BlockBuilder_finalize_block", "unreachable")
        for _ in range(3):
            run.clock.advance(2)
            await run.settle()
        run.chain.finish_fault = None
        for _ in range(4):
            run.clock.advance(2)
            await run.settle()
        assert [len(block.included) for block in run.blocks][:4] == [5, 10, 20, 5]


async def test_a_failed_disk_ends_the_loop() -> None:
    async with running(SealingMode.INTERVAL) as run:
        run.chain.build_fault = StorageFailed("The disk is full.", "Free some space.")
        run.clock.advance(SLOT_MS / 1e3)
        with pytest.raises(StorageFailed):
            await asyncio.wait_for(run.task, 5)
        assert run.blocks == []


@pytest.mark.parametrize("mode", list(SealingMode))
async def test_stop_ends_every_mode(mode: SealingMode) -> None:
    run = Run(mode, SLOT_MS / 1e3)
    await run.settle()
    run.service.stop()
    await asyncio.wait_for(run.task, 5)


async def test_a_block_is_no_line_of_the_log() -> None:
    """A test that runs a node, with a log that shows everything, shall see its own lines."""
    told: list[str] = []
    sink = logger.add(told.append, level="TRACE", format="{message}")
    try:
        async with running(SealingMode.MANUAL) as run:
            run.service.submit(extrinsic(1, 0))
            run.service.seal()
            await run.until_height(1)
    finally:
        logger.remove(sink)
    assert told == []
