"""The process that is killed: it gets one object and tells how far it is."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from assay.objects import Objects, ObjectStore, Root
from assay.objects.limits import CHUNK_BYTES, DEFAULT
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Peer
from assay.wire.keys import SeedSigner

SMALL_STEPS = replace(DEFAULT, in_flight_bytes_max=4 * CHUNK_BYTES)
"""So that a transfer has more points to be killed at."""
CAPACITY_BYTES = 2**30


def get(folder: Path, root: Root, holder: Peer, told: Connection) -> None:
    """Get ``root`` into the store at ``folder``; sends each number of bytes, and -1 at the end."""
    asyncio.run(_get(folder, root, holder, told))


async def _get(folder: Path, root: Root, holder: Peer, told: Connection) -> None:
    dendrite = Dendrite(SeedSigner(b"\x05" * 32))
    store = ObjectStore(folder, CAPACITY_BYTES, limits=SMALL_STEPS)
    objects = Objects(store, dendrite, limits=SMALL_STEPS)
    await objects.get(root, [holder], progress=lambda done, _: told.send(done))
    told.send(-1)
    await objects.close()
    await dendrite.close()


def put(folder: Path, source: Path, file_bytes_max: int, told: Connection) -> None:
    """Put ``source`` on a disk that takes no file beyond ``file_bytes_max``; sends what comes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, resource.RLIM_INFINITY))
    asyncio.run(_put(folder, source, told))


async def _put(folder: Path, source: Path, told: Connection) -> None:
    objects = Objects(ObjectStore(folder, CAPACITY_BYTES), Dendrite(SeedSigner(b"\x05" * 32)))
    try:
        told.send(await objects.put(source))
    except Exception as error:
        told.send(f"{type(error).__name__}: {error}")
    await objects.close()
