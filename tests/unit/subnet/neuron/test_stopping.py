"""A stop ends everything, also beside work that catches its cancellation and goes on."""

from __future__ import annotations

import asyncio

from assay.clock import ManualClock
from assay.neuron.stopping import CANCELLED_S, until_stopped
from tests.unit.subnet.neuron.worlds import until


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_stop_leaves_behind_what_swallows_its_cancellation() -> None:
    clock, stop, release = ManualClock(), asyncio.Event(), asyncio.Event()
    tidied: list[str] = []

    async def swallows() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def tidies() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await clock.sleep(CANCELLED_S / 2)
            tidied.append("yes")

    running = asyncio.create_task(
        until_stopped(None, swallows(), tidies(), clock=clock, stop=stop, grace_s=1.0)
    )
    await settle()
    stop.set()
    await settle()
    assert not running.done(), "what is cancelled may tidy up"
    for _ in range(8):
        clock.advance(CANCELLED_S / 2 + 0.1)
        await settle()
    await until(running.done, "the neuron ends")
    assert running.exception() is None
    assert tidied == ["yes"]
    release.set()
