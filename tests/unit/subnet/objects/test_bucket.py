"""Objects in a bucket: one more holder, believed no more than the others.

Run against every kind of bucket: memory, a folder, and a real S3 server, which `scripts/s3_server`
builds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assay.errors import Unavailable, UserError
from assay.objects import Bucket, Root
from assay.objects.errors import NoHolder
from assay.objects.limits import CHUNK_BYTES, PAGE_CHUNKS
from tests.unit.subnet.objects.s3_server import s3_bucket
from tests.unit.subnet.objects.world import Neuron, World, neurons, noise

KINDS = ["memory", "folder", pytest.param("s3", marks=pytest.mark.slow)]
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES + 1, 40 * CHUNK_BYTES + 7)
LARGE = CHUNK_BYTES * PAGE_CHUNKS + 12_345
"""Two pages, and an upload in parts."""


@pytest.fixture(params=KINDS)
async def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bucket]:
    if request.param == "memory":
        yield Bucket.open("memory:///")
    elif request.param == "folder":
        yield Bucket.open(f"file://{tmp_path / 'bucket'}")
    else:
        async with s3_bucket(tmp_path, monkeypatch.setenv) as address:
            yield Bucket.open(address)


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_sent_to_a_bucket_comes_back_byte_for_byte(
    tmp_path: Path, bucket: Bucket, size: int
) -> None:
    data = noise(size)
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(data)
        told: list[tuple[int, int]] = []
        await sender.objects.send(root, bucket, progress=lambda *step: told.append(step))
        assert told[-1] == (size, size)
        taker = await world.neuron()
        report = await taker.objects.get(root, [bucket], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data
        assert report.accepted_bytes == ({bucket.address: size} if size else {})


async def test_a_large_object_comes_back(tmp_path: Path, bucket: Bucket) -> None:
    data = noise(LARGE)
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(data, capacity_bytes=2 * LARGE)
        await sender.objects.send(root, bucket)
        taker = await world.neuron(capacity_bytes=2 * LARGE)
        await taker.objects.get(root, [bucket], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data


async def test_a_bucket_and_neurons_hold_one_object_together(
    tmp_path: Path, bucket: Bucket
) -> None:
    data = noise(3_000_000)
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(data)
        await sender.objects.send(root, bucket)
        away = await world.neuron()
        await away.axon.stop()
        taker = await world.neuron()
        assert await taker.objects.holders_of(root, [away.peer, bucket]) == (bucket,)
        report = await taker.objects.get(root, [away.peer, bucket])
        assert report.accepted_bytes == {bucket.address: len(data)}


async def test_what_is_not_there_is_told(tmp_path: Path, bucket: Bucket) -> None:
    async with neurons(tmp_path) as world:
        taker = await world.neuron()
        with pytest.raises(NoHolder, match="does not hold the object"):
            await taker.objects.get(Root(b"\x07" * 32), [bucket])


async def test_what_was_removed_is_gone(tmp_path: Path, bucket: Bucket) -> None:
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(b"some bytes")
        await sender.objects.send(root, bucket)
        assert await sender.objects.holders_of(root, [bucket]) == (bucket,)
        await bucket.remove(root)
        await bucket.remove(root)
        assert await sender.objects.holders_of(root, [bucket]) == ()


def stored(folder: Path, root: Root) -> Path:
    return folder / "bucket" / root.hex()


async def in_folder(world: World, data: bytes) -> tuple[Neuron, Root, Bucket]:
    sender, root = await world.holder(data)
    bucket = Bucket.open(f"file://{world.folder / 'bucket'}")
    await sender.objects.send(root, bucket)
    return sender, root, bucket


@pytest.mark.parametrize("at", [0, 8, 40, -1])
async def test_a_changed_byte_is_found_and_a_mended_file_believed(tmp_path: Path, at: int) -> None:
    async with neurons(tmp_path) as world:
        _, root, bucket = await in_folder(world, noise(200_000))
        whole = stored(tmp_path, root).read_bytes()
        changed = bytearray(whole)
        changed[at] ^= 1
        stored(tmp_path, root).write_bytes(changed)
        taker = await world.neuron()
        with pytest.raises(NoHolder):
            await taker.objects.get(root, [bucket])
        stored(tmp_path, root).write_bytes(whole)
        await taker.objects.get(root, [Bucket.open(bucket.address)], into=tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == noise(200_000)


@pytest.mark.parametrize("size", [0, 7, 8, 60, 100_000])
async def test_a_cut_file_ends_with_a_reason(tmp_path: Path, size: int) -> None:
    async with neurons(tmp_path) as world:
        _, root, bucket = await in_folder(world, noise(200_000))
        whole = stored(tmp_path, root).read_bytes()
        stored(tmp_path, root).write_bytes(whole[:size])
        taker = await world.neuron()
        with pytest.raises(NoHolder):
            await taker.objects.get(root, [bucket])


async def test_an_object_in_the_bucket_is_not_sent_again(tmp_path: Path) -> None:
    async with neurons(tmp_path) as world:
        sender, root, bucket = await in_folder(world, noise(200_000))
        before = stored(tmp_path, root).stat().st_mtime_ns
        await sender.objects.send(root, bucket)
        assert stored(tmp_path, root).stat().st_mtime_ns == before


async def test_a_bucket_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "bucket").write_bytes(b"a file")
    async with neurons(tmp_path) as world:
        sender, root = await world.holder(b"some bytes")
        with pytest.raises((Unavailable, UserError), match="bucket"):
            await sender.objects.send(root, Bucket.open(f"file://{tmp_path / 'bucket'}"))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://host/bucket", "no address of a bucket"),
        ("bucket", "no address of a bucket"),
        ("file://host/folder", "no address of a bucket"),
        ("s3://key:secret@bucket/x", "holds a credential"),
        ("s3://bucket/x?secret=1", "holds a credential"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(address: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        Bucket.open(address)
    assert "secret" not in str(caught.value)
