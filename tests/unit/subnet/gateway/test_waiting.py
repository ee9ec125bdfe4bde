"""Those who wait for a miner's place are woken client by client."""

from __future__ import annotations

import asyncio

from assay.clock import SystemClock
from assay.gateway.waiting import WaitingLine


async def test_clients_take_turns() -> None:
    line, order = WaitingLine(SystemClock()), []

    async def wait(whose: str) -> None:
        with line.joined(whose, named=False) as waiter:
            await waiter.until(60.0)
            order.append(whose)
        line.wake()

    tasks = [asyncio.create_task(wait(whose)) for whose in "aaaabbc"]
    await asyncio.sleep(0)
    line.wake()
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)
    assert "".join(order) == "abcabaa"
