"""Streams over our own wire beside its unary calls and beside themselves unsigned, in turns.

``serve`` prints the ports of two axons of one process: of the second neither hashes nor signs
frames. ``call`` prints one line a turn. In a turn a unary echo, a stream of one frame, and the
first frame of a stream of 100 are timed one after the other, and then streams of 100 frames, signed
and unsigned by turns; for the latter the client neither hashes nor checks frames either. Requests
are signed as ever, and every frame that is there in one is there in the other: what differs is what
the signatures cost.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from load import say
from wire_assay import CLIENT, LIMITS, SERVER, Echo, echo

from assay.wire import dendrite, exchange, stream
from assay.wire.axon import Axon
from assay.wire.dendrite import Dendrite
from assay.wire.interface import Caller, Method, Peer
from assay.wire.nonce_file import CeilingFile

FRAMES = 100
WARM_UP_TURNS = 3  # connections, caches
UNARY_CALLS = 12  # of each kind of short call a turn, one after the other
ORDER = (False, True, True, False) * 4  # unsigned or not: each kind follows each as often


async def single(request: Echo, _: Caller) -> AsyncIterator[Echo]:
    yield Echo(text=request.text)


async def many(request: Echo, _: Caller) -> AsyncIterator[Echo]:
    for _number in range(FRAMES):
        yield Echo(text=request.text)


class NoHash:
    """Stands for SHA-256 and hashes nothing."""

    def update(self, _: Any) -> None: ...

    def digest(self) -> bytes:
        return b""


class NoBinding(stream.StreamBinding):
    """Stands for what a signature covers."""

    def payload(self, *_: Any) -> bytes:
        return b""


class UnsignedReader(stream.FrameReader):
    """Reads the same frames and believes every signature."""

    def _holds(self, *_: Any) -> bool:
        return True


def unsigned_writer(writer: stream.FrameWriter) -> stream.FrameWriter:
    """``writer``, from now on with zeros for signatures."""
    writer._hash = NoHash()  # type: ignore[assignment]
    writer._binding = NoBinding(**msgspec.structs.asdict(writer._binding))
    writer._sign = lambda _: bytes(64)
    return writer


def unsigned_reader(reader: stream.FrameReader) -> stream.FrameReader:
    """``reader``, from now on checking the frames' order alone."""
    reader.__class__ = UnsignedReader
    reader._hash = NoHash()  # type: ignore[assignment]
    reader.binding = NoBinding(**msgspec.structs.asdict(reader.binding))
    return reader


async def serve() -> None:
    with tempfile.TemporaryDirectory() as folder:
        axons = []
        for name in ("signed", "unsigned"):
            axon = Axon(SERVER, limits=LIMITS, nonces=CeilingFile(Path(folder) / name))
            axon.attach(Method("echo", Echo, Echo, echo))
            axon.attach(Method("single", Echo, Echo, single, stream=True))
            axon.attach(Method("many", Echo, Echo, many, stream=True))
            await axon.start()
            axons.append(axon)
        replies = axons[1].dispatcher._replies
        honest = replies.stream
        replies.stream = (  # type: ignore[method-assign]
            lambda *call, **limits: unsigned_writer(honest(*call, **limits))
        )
        say({"ports": [axon.port for axon in axons], "pid": os.getpid()})
        await asyncio.to_thread(sys.stdin.read)  # until the bench lets go
        for axon in axons:
            await axon.stop()


class Client:
    """One client of both axons."""

    def __init__(self, ports: list[int], server: int, size: int) -> None:
        self._peers = [Peer(SERVER.address, "127.0.0.1", port) for port in ports]
        self._message = Echo(text="x" * size)
        self._clocks = (time.CLOCK_PROCESS_CPUTIME_ID, processor_clock(server))
        self.dendrite = Dendrite(CLIENT, limits=LIMITS)

    async def turn(self) -> dict[str, Any]:
        """What one turn measured, in seconds."""
        short: dict[str, list[float]] = {"unary": [], "single": [], "first": []}
        for _ in range(UNARY_CALLS):
            short["unary"].append(await self.unary())
            short["single"].append((await self.stream("single", 1))[0])
            short["first"].append((await self.stream("many", FRAMES))[0])
        kinds: dict[str, dict[str, list[float]]] = {
            name: {"walls": [], "client": [], "server": []} for name in ("signed", "unsigned")
        }
        for unsigned in ORDER:
            kind = kinds["unsigned" if unsigned else "signed"]
            before = self._processor_s()
            kind["walls"].append((await self.stream("many", FRAMES, unsigned=unsigned))[1])
            after = self._processor_s()
            for name, begun_s, ended_s in zip(("client", "server"), before, after, strict=True):
                kind[name].append(ended_s - begun_s)
        return short | kinds

    async def unary(self) -> float:
        started = time.perf_counter()
        await self.dendrite.call(self._peers[0], "echo", self._message, Echo, deadline_s=30)
        return time.perf_counter() - started

    async def stream(
        self, name: str, frames: int, *, unsigned: bool = False
    ) -> tuple[float, float]:
        """Until the first frame, and until the end."""
        dendrite.reader_of = unsigned_reader_of if unsigned else exchange.reader_of
        peer = self._peers[unsigned]
        started = time.perf_counter()
        async with self.dendrite.stream(peer, name, self._message, Echo, deadline_s=30) as replies:
            await anext(replies)
            first_s = time.perf_counter() - started
            count = 1 + len([reply async for reply in replies])
            whole_s = time.perf_counter() - started
        assert count == frames == replies.frames
        return first_s, whole_s

    def _processor_s(self) -> list[float]:
        return [time.clock_gettime(clock) for clock in self._clocks]


def unsigned_reader_of(*call: Any) -> stream.FrameReader:
    return unsigned_reader(exchange.reader_of(*call))


def processor_clock(pid: int) -> int:
    """The clock of the processor time of the process ``pid``: clock_getcpuclockid(3) of Linux."""
    return (~pid << 3) | 2


async def call(ports: list[int], server: int, turns: int, size: int) -> None:
    client = Client(ports, server, size)
    for number in range(WARM_UP_TURNS + turns):
        found = await client.turn()
        if number >= WARM_UP_TURNS:
            say(found)
    await client.dendrite.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve())
    else:
        one, two, pid, turns, size = map(int, sys.argv[2:])
        uvloop.run(call([one, two], pid, turns, size))
