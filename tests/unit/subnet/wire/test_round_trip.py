"""How much of a call the network took, as the kernel saw it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Caller, Method, Peer
from assay.wire.round_trip import network_s
from tests.unit.subnet.wire.world import ALICE, BOB, Answered, Question

LINUX = hasattr(socket, "TCP_INFO")
WORK_S = 0.2


async def work(question: Question, _: Caller) -> Answered:
    await asyncio.sleep(WORK_S)  # what is tried: time that is not the network's
    return Answered(text=question.text)


@pytest.mark.skipif(not LINUX, reason="only Linux tells how long a round trip takes")
async def test_the_work_of_a_peer_is_not_the_networks_time() -> None:
    axon = Axon(BOB)
    axon.attach(Method("work", Question, Answered, work))
    dendrite = Dendrite(ALICE)
    await axon.start()
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    try:
        for _ in range(2):
            reply = await dendrite.call(peer, "work", Question(), Answered, deadline_s=9.0)
            assert reply.latency_s > WORK_S
            assert 0.0 < reply.network_s < WORK_S / 2
    finally:
        await dendrite.close()
        await axon.stop()


class Connected:
    """A transport over a socket whose kernel tells ``info``."""

    def __init__(self, info: bytes | OSError) -> None:
        self.info = info

    def get_extra_info(self, name: str) -> Any:
        assert name == "socket"
        return self

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        if isinstance(self.info, OSError):
            raise self.info
        return self.info[:size]


def told(micros: int) -> bytes:
    """Linux's ``struct tcp_info`` up to the shortest round trip, which is the last word."""
    return struct.pack("=8B24I4Q3II", *[7] * 8, *[8] * 24, *[9] * 4, *[10] * 3, micros)


@pytest.mark.skipif(not LINUX, reason="only Linux tells how long a round trip takes")
def test_a_connection_made_for_the_call_costs_one_more_round_trip() -> None:
    transport: Any = Connected(told(200_000))
    assert network_s(transport, is_first_call=False) == pytest.approx(0.2)
    assert network_s(transport, is_first_call=True) == pytest.approx(0.4)


@pytest.mark.parametrize("info", [told(2**32 - 1), b"", told(5)[:-1], OSError("closed")])
def test_what_the_kernel_does_not_know_is_no_time(info: bytes | OSError) -> None:
    transport: Any = Connected(info)
    assert network_s(transport, is_first_call=True) == 0.0
    assert network_s(None, is_first_call=True) == 0.0
