"""One file over our own wire.

``serve FILE FOLDER`` prints its port, ``get PORT ROOT FOLDER`` prints what it took.

Everything is on: requests and replies are signed and checked, nonces persist in a fsynced file,
each chunk is hashed by its holder before it is sent and by its receiver before it is kept, and the
time ends when the file is on the disk. No limit of the wire or of the objects is raised.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import uvloop
from load import peak_memory_bytes, say

from assay.objects import Objects, ObjectStore, parse_root
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Peer
from assay.wire.keys import SeedSigner
from assay.wire.nonce_file import CeilingFile

SERVER = SeedSigner(b"\x01" * 32)
CLIENT = SeedSigner(b"\x02" * 32)
ROOM_BYTES = 2**40


async def serve(file: Path, folder: Path) -> None:
    store = ObjectStore(folder / "store", ROOM_BYTES)
    objects = Objects(store, Dendrite(SERVER))
    root = await objects.put(file)
    axon = Axon(SERVER, nonces=CeilingFile(folder / "nonces"))
    for method in objects.methods():
        axon.attach(method)
    await axon.start()
    say({"port": axon.port, "root": root.hex()})
    await asyncio.to_thread(sys.stdin.read)  # until the bench lets go
    await axon.stop()
    await objects.close()
    say({"peak_bytes": peak_memory_bytes()})


async def get(port: int, root: str, folder: Path) -> None:
    dendrite = Dendrite(CLIENT)
    objects = Objects(ObjectStore(folder / "store", ROOM_BYTES), dendrite)
    started_s = time.perf_counter()
    report = await objects.get(parse_root(root), [Peer(SERVER.address, "127.0.0.1", port)])
    taken_s = time.perf_counter() - started_s
    say({
        "seconds": taken_s, "cpu_s": time.process_time(), "bytes": report.size_bytes,
        "peak_bytes": peak_memory_bytes(),
    })  # fmt: skip
    await objects.close()
    await dendrite.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(Path(sys.argv[2]), Path(sys.argv[3])))
    else:
        uvloop.run(get(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
