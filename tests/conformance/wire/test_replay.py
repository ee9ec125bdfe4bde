"""Requests that come twice, out of order, or after a restart of the axon."""

from __future__ import annotations

import asyncio
import random

from assay.wire.errors import Code
from assay.wire.interface import Caller, Method
from assay.wire.replay import MemoryCeiling
from tests.conformance.wire.expect import SECOND
from tests.unit.subnet.wire.world import (
    CLOCK,
    Answered,
    Question,
    World,
    refusal_in,
    serving,
    signed,
)


async def _echo(question: Question, _: Caller) -> Answered:
    return Answered(text=question.text)


async def test_concurrent_shuffled_nonces(world: World) -> None:
    """64 requests whose nonces arrive in any order are all served; their copies are not."""
    now = CLOCK.now_ns()
    async with serving(world) as axon:
        # All are younger than the axon, as requests in flight from many tasks are.
        requests = [signed(nonce_ns=now + SECOND + n * 1_000_000) for n in range(64)]
        random.Random(7).shuffle(requests)
        replies = await asyncio.gather(*(world.send(axon, r) for r in requests))
        again = await asyncio.gather(*(world.send(axon, r) for r in requests))
    assert {reply.status for reply in replies} == {200}
    assert {reply.status for reply in again} == {401}


async def test_restart_after_a_crash_refuses_what_was_accepted(world: World) -> None:
    """Kill -9: the axon is not stopped, only forgotten. Its ceiling survives."""
    disk = MemoryCeiling()
    crashed = await world.axon(nonces=disk)
    crashed.attach(Method(name="echo", request=Question, reply=Answered, handler=_echo))
    await crashed.start()
    request = signed()
    assert (await world.send(crashed, request)).status == 200
    ceiling = disk.value

    after = MemoryCeiling()
    after.value = ceiling
    async with serving(world, nonces=after) as axon:
        reply = await world.send(axon, request)
        refusal = refusal_in(reply, request)
        assert refusal.code == Code.BEFORE_RESTART
        assert reply.status == 503
        # An honest caller is let in again as soon as its clock passes the ceiling.
        assert ceiling is not None
        later = signed(nonce_ns=ceiling + 1)
        assert (await world.send(axon, later)).status == 200
    await crashed.stop()


async def test_restart_after_a_clean_stop_serves_at_once(world: World) -> None:
    disk = MemoryCeiling()
    async with serving(world, nonces=disk) as axon:
        request = signed()
        assert (await world.send(axon, request)).status == 200
    async with serving(world, nonces=disk) as axon:
        reply = await world.send(axon, request)
        assert refusal_in(reply, request).code == Code.BEFORE_RESTART
        assert (await world.send(axon, signed())).status == 200
