"""The memory transport in simulated time: deterministic, and faults come from outside."""

from __future__ import annotations

import asyncio

import pytest

from assay.clock import ManualClock
from assay.wire.errors import DeadlineExceeded, PeerUnreachable
from assay.wire.interface import Caller, Method, Peer
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork, RawReply, RawRequest
from tests.unit.subnet.wire.world import ALICE, BOB, Answered, Question


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_latency_and_deadlines_are_the_clocks() -> None:
    clock = ManualClock()
    network = MemoryNetwork()

    async def slow(question: Question, _: Caller) -> Answered:
        await clock.sleep(question.number)
        return Answered(text="done")

    axon = MemoryAxon(BOB, network, clock=clock)
    axon.attach(Method(name="echo", request=Question, reply=Answered, handler=slow))
    await axon.start()
    dendrite = MemoryDendrite(ALICE, network, clock=clock)
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    calls = [
        asyncio.ensure_future(
            dendrite.call(peer, "echo", Question(number=n), Answered, deadline_s=10)
        )
        for n in (3, 30)
    ]
    for _ in range(12):
        await settle()
        clock.advance(1)
    await settle()
    assert calls[0].result().latency_s == pytest.approx(3)
    with pytest.raises(DeadlineExceeded):
        calls[1].result()
    await axon.stop()


async def test_a_fault_wraps_the_network() -> None:
    class Lossy(MemoryNetwork):
        lost = 0

        async def carry(self, host: str, port: int, request: RawRequest) -> RawReply:
            self.lost += 1
            if self.lost == 1:
                raise ConnectionResetError
            return await super().carry(host, port, request)

    network = Lossy()
    axon = MemoryAxon(BOB, network)

    async def echo(question: Question, _: Caller) -> Answered:
        return Answered(text=question.text)

    axon.attach(Method(name="echo", request=Question, reply=Answered, handler=echo))
    await axon.start()
    dendrite = MemoryDendrite(ALICE, network)
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    with pytest.raises(PeerUnreachable):
        await dendrite.call(peer, "echo", Question(), Answered, deadline_s=1)
    await dendrite.call(peer, "echo", Question(), Answered, deadline_s=1)
    await axon.stop()


async def test_free_ports_differ() -> None:
    network = MemoryNetwork()
    axons = [MemoryAxon(BOB, network) for _ in range(3)]
    for axon in axons:
        await axon.start()
    assert len({axon.port for axon in axons}) == 3
    for axon in axons:
        await axon.stop()
