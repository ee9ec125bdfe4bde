"""The beacon beside a real node: its pulses come into blocks, where the chain wants them."""

from __future__ import annotations

import asyncio
from typing import Final

from assay.clock import ManualClock
from assay.localnet.beacon.pulse import (
    AWAITED_ROUNDS_KEY,
    BROUGHT_KEY,
    CONFIG_KEY,
    LAST_ROUND_KEY,
    BeaconConfig,
)
from assay.localnet.beacon.schedule import IDLE_ROUNDS
from assay.localnet.node import Node
from assay.localnet.sealing import SealingMode
from assay.localnet.testing import running_node
from tests.unit.subnet.localnet.core_chain import by_root, set_u64

STEPS_MAX: Final = 50
"""Turns of the event loop in which the beacon has done whatever it does after a block."""


async def _block(node: Node) -> int:
    """One block, and then the beacon's turn; the last stored round."""
    node.service.seal()
    for _ in range(STEPS_MAX):
        await asyncio.sleep(0)
    return int.from_bytes(node.backend.state().get(LAST_ROUND_KEY) or b"", "little")


async def test_an_idle_chain_has_a_pulse_a_minute() -> None:
    clock = ManualClock()
    async with running_node(sealing=SealingMode.MANUAL, clock=clock, beacon=True) as node:
        stored = node.backend.state().get(CONFIG_KEY)
        assert stored is not None
        assert await _block(node) == 0
        first = await _block(node)
        assert first == BeaconConfig.read(stored).round_at(clock.now_ns() // 10**6)
        clock.advance(3 * IDLE_ROUNDS)
        for _ in range(3):
            last = await _block(node)
        assert last == first + IDLE_ROUNDS


async def test_a_round_that_was_passed_over_comes_as_soon_as_something_waits_for_it() -> None:
    clock = ManualClock()
    async with running_node(sealing=SealingMode.MANUAL, clock=clock, beacon=True) as node:
        await _block(node)
        first = await _block(node)
        clock.advance(3 * 1_000)  # as after a stop of most of an hour
        await _block(node)
        last = await _block(node)
        assert last > first + 990
        far = 2**64 - 1
        for nonce, number in enumerate((first + 7, far)):
            waits = set_u64(AWAITED_ROUNDS_KEY + number.to_bytes(8, "big"), 0)
            node.service.submit(by_root(node.backend, waits, nonce))
        await _block(node)
        await _block(node)
        state = node.backend.state()
        left = [key[-8:] for key in state.keys(AWAITED_ROUNDS_KEY)]
        assert [int.from_bytes(round_, "big") for round_ in left] == [far]
        assert state.get(BROUGHT_KEY) is not None
        assert await _block(node) == last, "what is far ahead brings no more than a pulse a minute"


async def test_a_chain_that_follows_quicknet_is_left_alone() -> None:
    async with running_node(
        sealing=SealingMode.MANUAL, clock=ManualClock(), preset="upstream", beacon=True
    ) as node:
        for _ in range(3):
            assert await _block(node) == 0
