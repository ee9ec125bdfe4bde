"""Signed echo over our own wire: ``serve`` prints its port, ``call`` prints what it measured.

Everything is on: both sides sign and verify, nonces persist in a fsynced file, every budget and
limit is checked. Only the rates are raised, because one client stands in for many.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop
from load import measure, say

from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Caller, Method, Peer
from assay.wire.keys import SeedSigner
from assay.wire.limits import Limits
from assay.wire.nonce_file import CeilingFile
from assay.wire.synapse import Synapse

SERVER = SeedSigner(b"\x01" * 32)
CLIENT = SeedSigner(b"\x02" * 32)
MANY = 1e6
LIMITS = Limits(
    source_rate=MANY, source_burst=MANY, strangers_rate=MANY, strangers_burst=MANY,
    proven_rate=MANY, proven_burst=MANY, caller_rate=MANY, caller_burst=MANY,
    nonces_max=1_000_000,
)  # fmt: skip


class Echo(Synapse):
    text: str


async def echo(request: Echo, _: Caller) -> Echo:
    return Echo(text=request.text)


async def serve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        axon = Axon(SERVER, limits=LIMITS, nonces=CeilingFile(Path(folder) / "nonces"))
        axon.attach(Method(name="echo", request=Echo, reply=Echo, handler=echo))
        await axon.start()
        say({"port": axon.port})
        await asyncio.to_thread(sys.stdin.read)  # until the bench lets go
        await axon.stop()


async def call(port: int, seconds: float, size: int) -> None:
    dendrite = Dendrite(CLIENT, limits=LIMITS)
    peer = Peer(SERVER.address, "127.0.0.1", port)
    message = Echo(text="x" * size)

    async def once(_: int) -> bool:
        reply = await dendrite.call(peer, "echo", message, Echo, deadline_s=30)
        return reply.message == message

    say(await measure(once, seconds))
    await dendrite.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve())
    else:
        uvloop.run(call(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
