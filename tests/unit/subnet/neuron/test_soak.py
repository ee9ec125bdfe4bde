"""A validator that runs for days: neither its memory nor its folder grows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from pathlib import Path

import pytest

from assay.neuron import receipts
from assay.neuron.receipts import PERIODS_MAX
from assay.wire.memory import MemoryNetwork
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import (
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR, MINER = key(1), key(2)
TURNS = 24_000
WARM = TURNS // 3
"""Until then tables fill up to their bounds."""
GROWN_BYTES_MAX = 8 * 2**20
"""What an allocator may keep for itself; a kilobyte a turn would be twice as much."""


def resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def files_in(folder: Path) -> list[int]:
    """The sizes of all files below a folder; one that is being written may go meanwhile."""
    sizes = []
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                sizes.append(path.stat().st_size)
    return sizes


@pytest.mark.slow
@pytest.mark.timeout(1_500)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
async def test_thousands_of_turns_leave_no_trace_of_growth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "LOG_BYTES_MAX", 4 * 2**20)
    # A turn syncs files several times; on a slow disk that alone is a quarter of an hour.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    world = await make_world({VALIDATOR: None, MINER: None})
    network = MemoryNetwork()
    miner = make_miner(world, network, MINER, ReverseTask())
    validator = make_validator(world, network, VALIDATOR, tmp_path)
    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (miner, validator)]

        async def reach(turns: int) -> tuple[int, int, int]:
            while validator.memory.round < turns:
                for task in running:
                    assert not task.done(), task.result()
                aim = min(turns, validator.memory.round + 100)
                await until(lambda: validator.memory.round >= aim, f"turn {aim}")  # noqa: B023
            files = await asyncio.to_thread(files_in, tmp_path)
            return resident_bytes(), len(files), sum(files)

        before = await reach(WARM)
        after = await reach(TURNS)
        for neuron in (miner, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    assert after[0] - before[0] <= GROWN_BYTES_MAX
    assert after[1] <= 2 * PERIODS_MAX + 8
    assert after[1] - before[1] <= 16
    assert after[2] - before[2] <= 2**20
