"""A stream as its caller reads it."""

from __future__ import annotations

import pytest

from assay.wire.interface import Peer
from assay.wire.synapse import encode
from tests.unit.subnet.wire.world import BOB, Count, Counted, MemoryWorld, counting


async def test_nothing_is_handed_out_behind_the_end_of_the_call() -> None:
    """Several replies may have come at once; who has left the block wants none of them."""
    world = MemoryWorld()
    axon = await world.axon()
    axon.attach(counting())
    await axon.start()
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    dendrite = world.dendrite()
    async with dendrite.stream(peer, "count", Count(to=5), Counted, deadline_s=5.0) as replies:
        await anext(replies)
        await replies.aclose()  # type: ignore[attr-defined]  # what leaving the block does
    with pytest.raises(StopAsyncIteration):
        await anext(replies)
    await axon.stop()


async def test_the_size_of_all_replies_that_were_handed_over_is_told() -> None:
    world = MemoryWorld()
    axon = await world.axon()
    axon.attach(counting())
    await axon.start()
    peer = Peer(BOB.address, "127.0.0.1", axon.port)
    request, read = Count(to=3, bytes_each=100), 0
    dendrite = world.dendrite()
    async with dendrite.stream(peer, "count", request, Counted, deadline_s=5.0) as replies:
        async for reply in replies:
            read += len(encode(reply))
            assert replies.payload_bytes == read
    assert read > 300
    await axon.stop()
