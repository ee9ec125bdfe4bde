"""Neurons with object stores on one network in memory, and holders that misbehave on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.objects import Objects, ObjectStore, Root, messages
from assay.objects.limits import CHUNK_BYTES, ObjectLimits
from assay.objects.serve import PutPolicy, nobody_may_put
from assay.wire.interface import Caller, Method, Peer
from assay.wire.keys import SeedSigner
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork

MB = 10**6
QUICK = ObjectLimits(retry_s=0.01, late_s=0.1, request_s=2.0, quiet_s_max=5.0, free_bytes_min=0)
"""Pauses that a test can wait for."""

Twist = Callable[[Any, Any], Awaitable[Any]]
"""From a request and the honest answer to the answer that is sent."""


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes without a pattern, the same ones for the same arguments."""
    return random.Random(seed).randbytes(size)


@dataclass
class Neuron:
    """One neuron: its store, its axon, and how many calls of each method it was sent."""

    objects: Objects
    store: ObjectStore
    peer: Peer
    axon: MemoryAxon
    asked: list[Any]

    def chunks_asked(self) -> int:
        """How many chunks this neuron was asked for, in all calls together."""
        return sum(ask.count for ask in self.asked if isinstance(ask, messages.GetChunks))


class World:
    """Makes neurons below ``folder``; ``twists`` bend a neuron's answers, by method."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = MemoryNetwork()
        self._count = 0
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def neuron(
        self,
        *,
        capacity_bytes: int = 100 * MB,
        limits: ObjectLimits = QUICK,
        may_put: PutPolicy = nobody_may_put,
        twists: dict[str, Twist] | None = None,
        folder: Path | None = None,
    ) -> Neuron:
        self._count += 1
        signer = SeedSigner(self._count.to_bytes(32, "big"))
        store = ObjectStore(
            folder or self.folder / f"neuron{self._count}", capacity_bytes, limits=limits
        )
        objects = Objects(
            store,
            MemoryDendrite(signer, self.network),
            rng=random.Random(self._count),
            limits=limits,
            may_put=may_put,
        )
        self._stack.push_async_callback(objects.close)
        axon = MemoryAxon(signer, self.network)
        asked: list[Any] = []
        for method in objects.methods():
            axon.attach(_watched(method, asked, (twists or {}).get(method.name)))
        await axon.start()
        self._stack.push_async_callback(axon.stop)
        return Neuron(objects, store, Peer(signer.address, "127.0.0.1", axon.port), axon, asked)

    async def holder(self, data: bytes, **options: Any) -> tuple[Neuron, Root]:
        """A neuron that has ``data``."""
        neuron = await self.neuron(**options)
        return neuron, await neuron.objects.put(data)


def _watched(method: Method[Any, Any], asked: list[Any], twist: Twist | None) -> Method[Any, Any]:
    honest: Any = method.handler

    async def handler(request: Any, caller: Caller) -> Any:
        asked.append(request)
        answer = await honest(request, caller)
        return answer if twist is None else await twist(request, answer)

    return replace(method, handler=handler)


async def wrong_first_byte(_: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
    """A lie in every answer."""
    return messages.Chunks(data=memoryview(b"\xff" + bytes(answer.data[1:])))


def lie_about(number: int) -> Twist:
    """A lie about one chunk only."""

    async def twist(request: messages.GetChunks, answer: messages.Chunks) -> messages.Chunks:
        data = bytearray(answer.data)
        if request.first <= number < request.first + request.count:
            data[(number - request.first) * CHUNK_BYTES] ^= 1
        return messages.Chunks(data=memoryview(data))

    return twist


def stall(started: asyncio.Event | None = None) -> Twist:
    """No answer, ever."""

    async def twist(_: Any, __: Any) -> Any:
        if started is not None:
            started.set()
        await asyncio.Event().wait()

    return twist


@contextlib.asynccontextmanager
async def neurons(folder: Path) -> AsyncIterator[World]:
    async with World(folder) as world:
        yield world
