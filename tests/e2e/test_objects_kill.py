"""A process that gets an object is killed with -9 at fifty points and goes on each time."""

from __future__ import annotations

import asyncio
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from assay.objects import Objects, ObjectStore, Root, messages
from assay.objects.limits import CHUNK_BYTES, DEFAULT
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Method, Peer
from assay.wire.keys import SeedSigner
from tests.e2e import objects_child
from tests.unit.subnet.objects.world import noise

pytestmark = pytest.mark.e2e

KILLS = 50
CHUNKS = 400
LOST_MAX = objects_child.SMALL_STEPS.in_flight_bytes_max // CHUNK_BYTES
PATIENT_S = 60

SERVER = SeedSigner(b"\x06" * 32)
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.e2e.objects_child"])


async def told(receiver: Any) -> int:
    """The next number from the child; EOFError when it has ended."""
    async with asyncio.timeout(PATIENT_S):
        return int(await asyncio.to_thread(receiver.recv))


async def run_until(folder: Path, root: Root, holder: Peer, stop_at_bytes: int) -> tuple[int, int]:
    """Run a child and kill it once it has so many bytes: the first number it told, and the last."""
    receiver, sender = SPAWN.Pipe(duplex=False)
    child = SPAWN.Process(target=objects_child.get, args=(folder, root, holder, sender))
    child.start()
    sender.close()
    try:
        first = last = await told(receiver)
        while 0 <= last < stop_at_bytes:
            last = await told(receiver)
    finally:
        if last >= 0:
            child.kill()
        await asyncio.to_thread(child.join, PATIENT_S)
        receiver.close()
        child.close()
    return first, last


@pytest.mark.timeout(600)
async def test_a_transfer_killed_at_fifty_points_goes_on_each_time(tmp_path: Path) -> None:
    data = noise((CHUNKS - 1) * CHUNK_BYTES + 17)
    objects = Objects(ObjectStore(tmp_path / "holder", 2**30), Dendrite(SERVER))
    root = await objects.put(data)
    asked: list[messages.GetChunks] = []
    axon = Axon(SERVER)
    for method in objects.methods():
        axon.attach(watched(method, asked))
    await axon.start()
    holder = Peer(SERVER.address, "127.0.0.1", axon.port)
    folder = tmp_path / "getter"
    reached = 0
    for number in range(KILLS):
        first, last = await run_until(folder, root, holder, (number + 1) * len(data) // (KILLS + 1))
        assert first >= reached, "what was told to be here is here after the kill"
        assert 0 <= last < len(data)
        reached = last
    _, last = await run_until(folder, root, holder, len(data) + 1)
    assert last == -1
    chunks_asked = sum(ask.count for ask in asked)
    assert CHUNKS <= chunks_asked <= CHUNKS + KILLS * LOST_MAX
    store = ObjectStore(folder, 2**30)
    with store.using(root) as kept:
        assert kept.whole
        assert (kept.path / "data").read_bytes() == data
    store.close()
    await axon.stop()
    await objects.close()


def watched(method: Method[Any, Any], asked: list[messages.GetChunks]) -> Method[Any, Any]:
    honest: Any = method.handler
    if method.name != messages.GET:
        return method

    async def handler(request: messages.GetChunks, caller: Any) -> Any:
        asked.append(request)
        return await honest(request, caller)

    return Method(method.name, method.request, method.reply, handler, large=method.large)


async def test_a_disk_that_takes_no_more_says_so_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writes fail in the middle."""
    kept = noise(100_000)
    (tmp_path / "small").write_bytes(kept)
    (tmp_path / "large").write_bytes(noise(5_000_000))
    folder = tmp_path / "store"
    said = []
    for name in ("small", "large"):
        receiver, sender = SPAWN.Pipe(duplex=False)
        child = SPAWN.Process(
            target=objects_child.put, args=(folder, tmp_path / name, 1_000_000, sender)
        )
        child.start()
        sender.close()
        said.append(await asyncio.to_thread(receiver.recv))
        await asyncio.to_thread(child.join, PATIENT_S)
        assert child.exitcode == 0
        receiver.close()
        child.close()
    root, refusal = said
    assert refusal.startswith("Unavailable: File too large: ")
    store = ObjectStore(folder, 2**30, limits=DEFAULT)
    with store.using(root) as whole:
        assert whole.whole and (whole.path / "data").read_bytes() == kept
    assert not list((folder / "new").iterdir())
    store.close()
