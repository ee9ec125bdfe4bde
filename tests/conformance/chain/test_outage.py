"""A chain that goes away and comes back: deadlines, reconnection, and writes that happen once."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from assay.chain.errors import ChainUnavailable
from assay.types import Rao
from tests.conformance.chain.worlds import DEADLINES, TAO, World, funded, new_subnet


async def test_a_chain_that_is_down_is_named_within_the_deadline(world: World) -> None:
    created, _, _ = await new_subnet(world)
    await world.stop_chain()
    began = time.monotonic()
    with pytest.raises(ChainUnavailable) as caught:
        await world.chain.metagraph(created.netuid)
    assert time.monotonic() - began < DEADLINES.read_s + 3
    assert caught.value.exit_code == 4
    assert caught.value.cure
    await world.start_chain()
    assert (await world.chain.metagraph(created.netuid)).n == 1


async def test_a_restart_between_calls_is_not_visible(world: World) -> None:
    account = await funded(world, 5)
    await world.stop_chain()
    await world.start_chain()
    assert await world.chain.balance(account.address) == 5 * TAO
    await world.chain.transfer(account, world.rich.address, Rao(TAO))
    assert await world.chain.balance(account.address) < 4 * TAO


async def test_heads_go_on_after_a_restart(world: World) -> None:
    seen: list[int] = []

    async def watch() -> None:
        async with contextlib.aclosing(world.chain.heads(silence_s=30)) as heads:
            async for ref in heads:
                seen.append(ref.number)

    watching = asyncio.create_task(watch())
    await world.blocks(3)
    await asyncio.sleep(0.05)
    await world.stop_chain()
    await asyncio.sleep(0.3)
    before = len(seen)
    await world.start_chain()
    for _ in range(50):
        await world.blocks(1)
        await asyncio.sleep(0.02)
        if len(seen) > before + 2:
            break
    assert not watching.done() or watching.result() is None  # it raises nothing
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert len(seen) > before + 2
    assert seen == sorted(set(seen))


async def test_a_transfer_over_a_restart_happens_once(world: World) -> None:
    sender, receiver = await funded(world, 100), world.key()
    for round_ in range(1, 4):
        sending = asyncio.create_task(world.chain.transfer(sender, receiver.address, Rao(TAO)))
        await asyncio.sleep(0.03 * round_)
        await world.stop_chain()
        await asyncio.sleep(0.05)
        await world.start_chain()
        try:
            await sending
        except ChainUnavailable:  # the fake refuses at once what it was down for
            await world.chain.transfer(sender, receiver.address, Rao(TAO))
        assert await world.chain.balance(receiver.address) == round_ * TAO


async def test_a_closed_client_stays_closed(world: World) -> None:
    client = await world.another_client()
    await client.head()
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError):
        await client.head()
