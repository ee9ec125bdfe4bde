"""Getting an object: from one holder and several, honest or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from assay.objects import messages
from assay.objects.errors import NoHolder
from assay.objects.fetch import FetchReport
from assay.objects.limits import CHUNK_BYTES
from tests.unit.subnet.objects.world import (
    QUICK,
    World,
    lie_about,
    neurons,
    noise,
    stall,
    wrong_first_byte,
)

PATIENT = replace(QUICK, late_s=60.0)
"""Nothing is asked of two holders because a machine is busy: asks can be counted."""
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5_000_000)


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_put_comes_back_byte_for_byte(tmp_path: Path, size: int) -> None:
    data = noise(size)
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(data)
        taker = await world.neuron()
        told: list[tuple[int, int]] = []
        report = await taker.objects.get(
            root, [holder.peer], into=tmp_path / "out", progress=lambda *step: told.append(step)
        )
        assert (tmp_path / "out").read_bytes() == data
        assert sum(report.accepted_bytes.values()) == size == report.size_bytes
        assert report.wrong == ()
        assert await taker.objects.has(root)
        async with taker.objects.hold(root) as path:
            assert path.read_bytes() == data
        if size:
            assert told[-1] == (size, size)
            assert told == sorted(told)


async def test_nothing_is_fetched_twice(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(noise(200_000))
        taker = await world.neuron()
        await taker.objects.get(root, [holder.peer])
        asked = len(holder.asked)
        await taker.objects.get(root, [holder.peer], into=tmp_path / "out")
        assert len(holder.asked) == asked


async def three_holders(world: World, data: bytes, **third: object) -> tuple[list, bytes]:
    first, root = await world.holder(data)
    second, _ = await world.holder(data)
    liar, _ = await world.holder(data, **third)
    return [first, second, liar], root


async def test_a_lying_holder_among_three_costs_one_chunk_and_is_named(tmp_path: Path) -> None:
    data = noise(20_000_000)
    chunks = -(-len(data) // CHUNK_BYTES)
    async with neurons(tmp_path) as world:
        holders, root = await three_holders(world, data, twists={messages.GET: wrong_first_byte})
        taker = await world.neuron(limits=PATIENT)
        report = await taker.objects.get(
            root, [holder.peer for holder in holders], into=tmp_path / "out"
        )
        assert (tmp_path / "out").read_bytes() == data
        liar = holders[2].peer.address
        assert [wrong.holder for wrong in report.wrong] == [liar]
        assert report.reasons[liar].startswith("sent a wrong chunk")
        assert sum(holder.chunks_asked() for holder in holders) == chunks + 1
        assert holders[2].chunks_asked() == 1
        assert sum(report.accepted_bytes.values()) == len(data)


async def test_a_lie_told_late_costs_the_chunks_that_are_wrong(tmp_path: Path) -> None:
    data = noise(20_000_000)
    async with neurons(tmp_path) as world:
        liar, root = await world.holder(data, twists={messages.GET: lie_about(200)})
        honest, _ = await world.holder(data)
        taker = await world.neuron()
        await taker.objects.get(root, [liar.peer, honest.peer], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data


async def test_only_liars(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        liar, root = await world.holder(noise(300_000), twists={messages.GET: lie_about(2)})
        taker = await world.neuron()
        with pytest.raises(NoHolder) as caught:
            await taker.objects.get(root, [liar.peer])
        assert caught.value.reasons == {liar.peer.address: "sent a wrong chunk (number 2)"}
        assert liar.peer.address in caught.value.cause
        honest, _ = await world.holder(noise(300_000))
        report = await taker.objects.get(root, [honest.peer])
        assert sum(report.accepted_bytes.values()) == CHUNK_BYTES, "what was right is kept"


async def test_a_stalled_holder_delays_by_moments(tmp_path: Path) -> None:
    data = noise(3_000_000)
    async with neurons(tmp_path) as world:
        stalled, root = await world.holder(data, twists={messages.GET: stall()})
        honest, _ = await world.holder(data)
        taker = await world.neuron()
        async with asyncio.timeout(1.5):  # well below a call's deadline
            await taker.objects.get(root, [stalled.peer, honest.peer], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data


async def test_a_holder_that_stalls_at_a_page_delays_by_moments(tmp_path: Path) -> None:
    data = noise(3_000_000)
    async with neurons(tmp_path) as world:
        stalled, root = await world.holder(data, twists={messages.PAGE: stall()})
        honest, _ = await world.holder(data)
        taker = await world.neuron()
        async with asyncio.timeout(1.5):
            await taker.objects.get(root, [stalled.peer, honest.peer])


async def test_a_head_that_says_too_much_is_refused_before_anything_is_fetched(
    tmp_path: Path,
) -> None:
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(noise(300_000))
        taker = await world.neuron()
        with pytest.raises(NoHolder, match="has 300,000 bytes, more than the 299,999"):
            await taker.objects.get(root, [holder.peer], size_bytes_max=299_999)
        assert holder.chunks_asked() == 0
        assert await taker.objects.stored() == []
        await taker.objects.get(root, [holder.peer], size_bytes_max=300_000)
        with pytest.raises(NoHolder, match="more than the 7 "):
            await taker.objects.get(root, [], size_bytes_max=7)


async def test_each_of_two_who_wait_for_one_transfer_has_a_bound_of_its_own(
    tmp_path: Path,
) -> None:
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(noise(300_000))
        taker = await world.neuron()
        small, large = await asyncio.gather(
            taker.objects.get(root, [holder.peer], size_bytes_max=1_000),
            taker.objects.get(root, [holder.peer], size_bytes_max=1_000_000),
            return_exceptions=True,
        )
        assert isinstance(small, NoHolder)
        assert isinstance(large, FetchReport)


async def test_a_get_ends_at_its_deadline_and_keeps_what_came(tmp_path: Path) -> None:
    stalled_at = asyncio.Event()

    async def some(request: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
        if request.first:
            stalled_at.set()
            await asyncio.Event().wait()
        return answer

    async with neurons(tmp_path) as world:
        holder, root = await world.holder(noise(300_000), twists={messages.GET: some})
        taker = await world.neuron()
        with pytest.raises(NoHolder, match=r"did not come within 0\.5 s"):
            await taker.objects.get(root, [holder.peer], deadline_s=0.5)
        assert stalled_at.is_set()
        (kept,) = await taker.objects.stored()
        assert not kept.whole
        assert kept.charged_bytes >= CHUNK_BYTES


async def test_a_holder_that_trickles_holds_no_place_for_ever(tmp_path: Path) -> None:
    """Each chunk is right and in time, and the next transfer waits longer than it may be quiet."""

    async def trickle(_: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
        await asyncio.sleep(0.1)
        return messages.Chunks(data=answer.data[:CHUNK_BYTES])

    limits = replace(
        QUICK, transfers_max=1, quiet_s_max=0.4, pace_s=1.0, pace_bytes_min=100 * CHUNK_BYTES
    )
    async with neurons(tmp_path) as world:
        slow, root = await world.holder(noise(100 * CHUNK_BYTES), twists={messages.GET: trickle})
        honest, other = await world.holder(noise(100_000))
        taker = await world.neuron(limits=limits)
        trickling = asyncio.ensure_future(taker.objects.get(root, [slow.peer]))
        waiting = asyncio.ensure_future(taker.objects.get(other, [honest.peer]))
        with pytest.raises(NoHolder, match=r"less than the least pace, 6,553,600 bytes in 1 s"):
            await trickling
        assert (await waiting).size_bytes == 100_000


async def test_gets_of_one_object_share_one_download(tmp_path: Path) -> None:
    data = noise(3_000_000)
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(data)
        taker = await world.neuron(limits=PATIENT)
        await asyncio.gather(*(taker.objects.get(root, [holder.peer]) for _ in range(5)))
        assert holder.chunks_asked() == -(-len(data) // CHUNK_BYTES)


async def test_one_of_two_waiters_may_leave(tmp_path: Path) -> None:
    data = noise(3_000_000)
    started, go = asyncio.Event(), asyncio.Event()

    async def wait(_: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
        started.set()
        await go.wait()
        return answer

    async with neurons(tmp_path) as world:
        holder, root = await world.holder(data, twists={messages.GET: wait})
        taker = await world.neuron()
        leaving = asyncio.ensure_future(taker.objects.get(root, [holder.peer]))
        staying = asyncio.ensure_future(taker.objects.get(root, [holder.peer]))
        await started.wait()
        leaving.cancel()
        await asyncio.wait({leaving})
        go.set()
        assert (await staying).size_bytes == len(data)


async def test_nobody_left_waiting_ends_the_transfer_and_keeps_what_came(tmp_path: Path) -> None:
    data = noise(3_000_000)
    started = asyncio.Event()

    async def slow(request: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
        if request.first > 20:
            started.set()
            await asyncio.Event().wait()
        return answer

    async with neurons(tmp_path) as world:
        holder, root = await world.holder(data, twists={messages.GET: slow})
        honest, _ = await world.holder(data)
        taker = await world.neuron()
        get = asyncio.ensure_future(taker.objects.get(root, [holder.peer]))
        await started.wait()
        get.cancel()
        await asyncio.wait({get})
        assert get.cancelled()
        await taker.objects.get(root, [honest.peer])
        assert honest.chunks_asked() <= -(-len(data) // CHUNK_BYTES) - 7
