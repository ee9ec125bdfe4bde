"""Places to run in: order, bounds, budgets, and that none is ever lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from assay.clock import Clock, ManualClock, SystemClock
from assay.wire.errors import Code, RequestRefused
from assay.wire.gate import Gate
from assay.wire.limits import Limits

A, B = b"a", b"b"


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_places_go_in_order_of_arrival() -> None:
    gate = Gate(Limits(running_max=1), SystemClock())
    order: list[int] = []

    async def visit(n: int) -> None:
        await gate.enter(A, 5.0)
        order.append(n)
        await asyncio.sleep(0)
        gate.leave(A)

    await asyncio.gather(*(visit(n) for n in range(10)))
    assert order == list(range(10))
    assert (gate.running, gate.waiting) == (0, 0)


async def test_the_queue_is_bounded() -> None:
    gate = Gate(Limits(running_max=1, waiting_max=1), SystemClock())
    await gate.enter(A, 5.0)
    waiter = asyncio.ensure_future(gate.enter(A, 5.0))
    await settle()
    with pytest.raises(RequestRefused) as caught:
        await gate.enter(A, 5.0)
    assert caught.value.code == Code.OVERLOADED
    gate.leave(A)
    await waiter
    gate.leave(A)
    assert (gate.running, gate.waiting) == (0, 0)


async def test_one_hotkey_cannot_take_it_all() -> None:
    gate = Gate(Limits(running_max=4, per_caller_max=2), SystemClock())
    await gate.enter(A, 5.0)
    await gate.enter(A, 5.0)
    with pytest.raises(RequestRefused) as caught:
        await gate.enter(A, 5.0)
    assert caught.value.code == Code.CALLER_LIMITED
    await gate.enter(B, 5.0)
    for key in (A, A, B):
        gate.leave(key)
    await gate.enter(A, 5.0)


@pytest.mark.parametrize("manual", [False, True], ids=["system clock", "manual clock"])
async def test_waiting_ends_with_the_budget(manual: bool) -> None:
    clock: Clock = ManualClock() if manual else SystemClock()
    gate = Gate(Limits(running_max=1), clock)
    await gate.enter(A, 5.0)
    waiter = asyncio.ensure_future(gate.enter(B, 0.01))
    await settle()
    if isinstance(clock, ManualClock):
        clock.advance(0.02)
    with pytest.raises(RequestRefused) as caught:
        await waiter
    assert caught.value.code == Code.OVERLOADED
    assert gate.waiting == 0
    gate.leave(A)
    assert gate.running == 0


async def test_no_place_is_lost_whatever_is_cancelled() -> None:
    gate = Gate(Limits(running_max=3, waiting_max=50, per_caller_max=100), SystemClock())
    rng = random.Random(5)

    async def visit() -> None:
        await gate.enter(A, rng.uniform(0.0, 0.01))
        try:
            await asyncio.sleep(rng.uniform(0.0, 0.004))
        finally:
            gate.leave(A)

    tasks = [asyncio.ensure_future(visit()) for _ in range(50)]
    for task in tasks:
        if rng.random() < 0.4:
            await asyncio.sleep(0.0005)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (gate.running, gate.waiting) == (0, 0)
    await asyncio.gather(*(gate.enter(A, 1.0) for _ in range(3)))
