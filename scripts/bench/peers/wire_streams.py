"""Streams over our own wire beside its unary calls, in turns over one connection.

``serve`` prints its port, ``call`` prints the medians of a unary echo, of the first frame of a
stream that says the same as the echo, and of a stream of 100 frames. With ``UNSIGNED`` in the
environment neither side hashes, signs or checks frames (requests are signed as ever): what is left
is what the frames themselves cost.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from load import say
from wire_assay import CLIENT, LIMITS, SERVER, Echo, echo

from assay.wire import stream
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Caller, Method, Peer
from assay.wire.nonce_file import CeilingFile

FRAMES = 100
WARM_UP = 20


async def first(request: Echo, _: Caller) -> AsyncIterator[Echo]:
    yield Echo(text=request.text)


async def echoes(request: Echo, _: Caller) -> AsyncIterator[Echo]:
    for _number in range(FRAMES):
        yield Echo(text=request.text)


def leave_frames_unsigned() -> None:
    """Take hashing, signing and verifying out of this process's streams."""

    class Nothing:
        """Stands for SHA-256 and its digest."""

        def __init__(self, _: bytes) -> None: ...

        def update(self, _: bytes) -> None: ...

        def digest(self) -> bytes:
            return b""

    def unsigned(self: stream.FrameWriter, kind: bytes, _: str) -> bytes:
        self._step(kind)
        self._unsealed.clear()
        self._unsealed_bytes = 0
        return stream.HEAD.pack(kind, self.frames, 64) + bytes(64)

    stream.sha256 = Nothing  # type: ignore[assignment]
    stream.FrameWriter._signed = unsigned  # type: ignore[method-assign]
    stream.StreamBinding.payload = lambda *_: b""  # type: ignore[method-assign,assignment,misc]
    stream.keys.verify = lambda *_: True  # type: ignore[assignment]


async def serve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        axon = Axon(SERVER, limits=LIMITS, nonces=CeilingFile(Path(folder) / "nonces"))
        axon.attach(Method("echo", Echo, Echo, echo))
        axon.attach(Method("first", Echo, Echo, first, stream=True))
        axon.attach(Method("echoes", Echo, Echo, echoes, stream=True))
        await axon.start()
        if os.environ.get("UNSIGNED"):
            leave_frames_unsigned()
        say({"port": axon.port})
        await asyncio.to_thread(sys.stdin.read)  # until the bench lets go
        await axon.stop()


async def call(port: int, seconds: float, size: int) -> None:
    dendrite = Dendrite(CLIENT, limits=LIMITS)
    peer = Peer(SERVER.address, "127.0.0.1", port)
    message = Echo(text="x" * size)
    if os.environ.get("UNSIGNED"):
        verify = stream.keys.verify
        leave_frames_unsigned()
        from assay.wire import exchange  # the unary reply is checked as ever

        class Keys:
            SIGNATURE_BYTES = stream.keys.SIGNATURE_BYTES

        Keys.verify = staticmethod(verify)  # type: ignore[attr-defined]
        exchange.keys = Keys  # type: ignore[assignment]
    unary: list[float] = []
    begun: list[float] = []
    whole: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(whole) <= WARM_UP:
        started = time.perf_counter()
        await dendrite.call(peer, "echo", message, Echo, deadline_s=30)
        unary.append(time.perf_counter() - started)
        started = time.perf_counter()
        async with dendrite.stream(peer, "first", message, Echo, deadline_s=30) as replies:
            await anext(replies)
            begun.append(time.perf_counter() - started)
            assert [reply async for reply in replies] == []
        started = time.perf_counter()
        async with dendrite.stream(peer, "echoes", message, Echo, deadline_s=30) as replies:
            count = len([reply async for reply in replies])
            whole.append(time.perf_counter() - started)
        assert count == FRAMES == replies.frames
    say(
        {
            name: 1000 * statistics.median(times[WARM_UP:])
            for name, times in (("unary", unary), ("first", begun), ("whole", whole))
        }
    )
    await dendrite.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve())
    else:
        uvloop.run(call(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
