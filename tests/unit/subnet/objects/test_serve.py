"""What a holder answers strangers, and putting an object into another's store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from assay.objects import Root, messages
from assay.objects.errors import NoHolder, ObjectMissing, SendRefused
from assay.objects.folder import DATA
from assay.objects.limits import CHUNK_BYTES, PAGE_CHUNKS, RANGE_CHUNKS_MAX
from assay.objects.serve import PutPolicy
from assay.wire.errors import PeerRefused
from assay.wire.interface import Caller
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryDendrite
from assay.wire.synapse import Synapse
from tests.unit.subnet.objects.world import Neuron, World, neurons, noise

DATA_BYTES = noise(3_000_000)


def small_only(size_bytes_max: int) -> PutPolicy:
    def may_put(_: Caller, size_bytes: int) -> str | None:
        return None if size_bytes <= size_bytes_max else "only small objects are taken here"

    return may_put


async def ask(world: World, neuron: Neuron, name: str, message: Synapse, kind: type[Any]) -> Any:
    """One call by a stranger."""
    dendrite = MemoryDendrite(SeedSigner(b"\x77" * 32), world.network)
    return (await dendrite.call(neuron.peer, name, message, kind, deadline_s=5)).message


# -- holders


@pytest.mark.parametrize(
    ("first", "count"),
    [(46, 1), (45, 2), (PAGE_CHUNKS, 1), (PAGE_CHUNKS * PAGE_CHUNKS - 1, RANGE_CHUNKS_MAX)],
)
async def test_a_range_that_is_none(tmp_path: Path, first: int, count: int) -> None:
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(DATA_BYTES)
        request = messages.GetChunks(root=root, first=first, count=count)
        with pytest.raises(PeerRefused, match="no such range"):
            await ask(world, holder, messages.GET, request, messages.Chunks)


@pytest.mark.parametrize(
    "request_",
    [
        messages.GetChunks(root=bytes(31), first=0, count=1),
        messages.GetChunks(root=bytes(32), first=-1, count=1),
        messages.GetChunks(root=bytes(32), first=0, count=0),
        messages.GetChunks(root=bytes(32), first=0, count=RANGE_CHUNKS_MAX + 1),
        messages.GetChunks(root=bytes(32), first=2**63, count=1),
    ],
)
async def test_a_request_beyond_its_bounds_is_refused(
    tmp_path: Path, request_: messages.GetChunks
) -> None:
    async with neurons(tmp_path) as world:
        holder, _ = await world.holder(DATA_BYTES)
        with pytest.raises(PeerRefused, match="bad_message"):
            await ask(world, holder, messages.GET, request_, messages.Chunks)


async def test_what_is_not_held(tmp_path: Path) -> None:
    absent = Root(b"\x01" * 32)
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(DATA_BYTES)
        has = await ask(
            world, holder, messages.HAS, messages.HasObject(root=absent), messages.ObjectHead
        )
        assert has.head == b""
        with pytest.raises(PeerRefused, match="not held here"):
            await ask(
                world, holder, messages.PAGE, messages.GetPage(root=absent, page=0),
                messages.PageHashes,
            )  # fmt: skip
        taker = await world.neuron()
        with pytest.raises(NoHolder, match="does not hold the object"):
            await taker.objects.get(absent, [holder.peer])
        empty = await world.neuron()
        assert await taker.objects.holders_of(root, [empty.peer, holder.peer]) == (holder.peer,)


async def test_a_holder_whose_disk_damaged_a_chunk_sends_none_and_is_mended(
    tmp_path: Path,
) -> None:
    async with neurons(tmp_path) as world:
        damaged, root = await world.holder(DATA_BYTES)
        honest, _ = await world.holder(DATA_BYTES)
        path = damaged.store.folder / "objects" / root.hex() / DATA
        with path.open("r+b") as file:
            file.seek(7 * CHUNK_BYTES)
            file.write(b"not what was here")
        # Asked for by name: a getter with two holders may take this chunk from the other one.
        chunk = messages.GetChunks(root=root, first=7, count=1)
        assert not (await ask(world, damaged, messages.GET, chunk, messages.Chunks)).data
        taker = await world.neuron()
        report = await taker.objects.get(root, [damaged.peer, honest.peer], into=tmp_path / "out")
        assert report.wrong == (), "an honest holder is not named as a liar"
        assert (tmp_path / "out").read_bytes() == DATA_BYTES
        assert not await damaged.objects.has(root)
        before = honest.chunks_asked()
        await damaged.objects.get(root, [honest.peer], into=tmp_path / "mended")
        assert (tmp_path / "mended").read_bytes() == DATA_BYTES
        assert honest.chunks_asked() == before + 1


async def test_damage_found_while_writing_a_file_out_is_mended_on_the_way(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        damaged, root = await world.holder(DATA_BYTES)
        honest, _ = await world.holder(DATA_BYTES)
        path = damaged.store.folder / "objects" / root.hex() / DATA
        with path.open("r+b") as file:
            file.write(b"not what was here")
        await damaged.objects.get(root, [honest.peer], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == DATA_BYTES
        assert honest.chunks_asked() == 1


async def test_a_part_of_a_file_is_read_and_checked(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        holder, root = await world.holder(DATA_BYTES)
        for offset, size in ((0, 10), (65_530, 20), (2_999_990, 100), (3_000_000, 5), (70_000, 0)):
            found = await holder.objects.read(root, offset, size)
            assert found == DATA_BYTES[offset : offset + size]
        for offset, size in ((-1, 5), (0, RANGE_CHUNKS_MAX * CHUNK_BYTES)):
            with pytest.raises(ValueError, match="shorter than a range"):
                await holder.objects.read(root, offset, size)


# -- receivers


async def test_nobody_may_put_unless_a_policy_says_so(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(DATA_BYTES)
        receiver = await world.neuron()
        with pytest.raises(SendRefused, match="nobody may put objects here"):
            await sender.objects.send(root, receiver.peer)
        assert receiver.store.all() == []


async def test_a_sent_object_arrives_whole(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(DATA_BYTES)
        receiver = await world.neuron(may_put=small_only(10**9))
        told: list[tuple[int, int]] = []
        await sender.objects.send(root, receiver.peer, progress=lambda *at: told.append(at))
        assert await receiver.objects.read(root, 0, 100) == DATA_BYTES[:100]
        assert await receiver.objects.has(root)
        assert told[-1] == (len(DATA_BYTES), len(DATA_BYTES))
        puts = sum(isinstance(asked, messages.PutChunks) for asked in receiver.asked)
        await sender.objects.send(root, receiver.peer)
        assert sum(isinstance(asked, messages.PutChunks) for asked in receiver.asked) == puts


async def test_what_is_larger_than_the_policy_or_the_store(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(DATA_BYTES)
        strict = await world.neuron(may_put=small_only(1_000))
        with pytest.raises(SendRefused, match="only small objects are taken here"):
            await sender.objects.send(root, strict.peer)
        tiny = await world.neuron(may_put=small_only(10**9), capacity_bytes=1_000_000)
        with pytest.raises(SendRefused, match="no room for it") as caught:
            await sender.objects.send(root, tiny.peer)
        assert str(tmp_path) not in str(caught.value), "a stranger learns no path of ours"


async def test_wrong_parts_are_refused_and_not_kept(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(DATA_BYTES)
        receiver = await world.neuron(may_put=small_only(10**9))
        with sender.store.using(root) as folder:
            head, page = folder.head.encoded, folder.page(0)
        assert page is not None
        wrong = memoryview(bytes(CHUNK_BYTES))

        async def put(hashes: bytes, first: int, data: memoryview) -> Any:
            request = messages.PutChunks(
                root=root, hashes=memoryview(hashes), first=first, data=data
            )
            return await ask(world, receiver, messages.PUT, request, messages.PutTaken)

        with pytest.raises(PeerRefused, match="not held here"):
            await put(page, 0, wrong)
        offer = messages.OfferObject(root=root, head=head[:-1] + b"x")
        with pytest.raises(PeerRefused, match="does not match the root"):
            await ask(world, receiver, messages.OFFER, offer, messages.ChunksWanted)
        offer = messages.OfferObject(root=root, head=head)
        wanted = await ask(world, receiver, messages.OFFER, offer, messages.ChunksWanted)
        assert (wanted.whole, wanted.runs) == (False, ((0, 46),))
        with pytest.raises(PeerRefused, match="hashes of page 0 are wrong"):
            await put(bytes(len(page)), 0, wrong)
        with pytest.raises(PeerRefused, match="chunk 3 does not match"):
            await put(page, 3, wrong)
        with pytest.raises(PeerRefused, match="no such range"):
            await put(page, 45, wrong)
        right = memoryview(DATA_BYTES)[3 * CHUNK_BYTES : 5 * CHUNK_BYTES]
        await put(page, 3, right)
        wanted = await ask(world, receiver, messages.OFFER, offer, messages.ChunksWanted)
        assert wanted.runs == ((0, 3), (5, 41))


async def test_a_receiver_that_asks_for_what_there_is_not(tmp_path: Path) -> None:
    async def absurd(_: Any, __: messages.ChunksWanted) -> messages.ChunksWanted:
        return messages.ChunksWanted(whole=False, runs=((40, 10),))

    async def insatiable(_: Any, __: messages.ChunksWanted) -> messages.ChunksWanted:
        return messages.ChunksWanted(whole=False, runs=((0, 1),))

    async with neurons(tmp_path) as world:
        sender, root = await world.holder(DATA_BYTES)
        for twist, said in ((absurd, "does not have"), (insatiable, "still lacks parts")):
            receiver = await world.neuron(may_put=small_only(10**9), twists={messages.OFFER: twist})
            with pytest.raises(SendRefused, match=said):
                await sender.objects.send(root, receiver.peer)


async def test_what_is_not_whole_is_not_sent_nor_held(tmp_path: Path) -> None:
    absent = Root(b"\x01" * 32)
    async with neurons(tmp_path) as world:
        neuron, _ = await world.holder(DATA_BYTES)
        with pytest.raises(ObjectMissing):
            await neuron.objects.send(absent, neuron.peer)
        with pytest.raises(ObjectMissing):
            async with neuron.objects.hold(absent):
                pass


async def test_a_progress_that_raises_does_not_stop_a_transfer(tmp_path: Path) -> None:
    def broken(_: int, __: int) -> None:
        raise RuntimeError("a builder's mistake")

    async with neurons(tmp_path) as world:
        holder, root = await world.holder(DATA_BYTES)
        taker = await world.neuron()
        other: list[int] = []
        await asyncio.gather(
            taker.objects.get(root, [holder.peer], progress=broken),
            taker.objects.get(root, [holder.peer], progress=lambda done, _: other.append(done)),
        )
        assert await taker.objects.has(root)
        assert other[-1] == len(DATA_BYTES)
