"""Slow: every answer takes a multiple of the time that it took.

It stands for an older machine or a farther one. The answers are honest, and a validator should pay
them almost like the others'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from assay.clock import Clock
from assay.lab.around import AnyMethod, Around, Serve, Stream
from assay.neuron import MinerTask, Synapse, TaskContext


class Slow(Around):
    """Gives each answer, and each frame, ``factor`` times as long after the request as the task
    inside. Frames are taken from the inside task as they come: it makes the next ones meanwhile, so
    that a wait between two frames alone would slow nothing."""

    def __init__(self, inner: MinerTask, factor: float) -> None:
        if factor < 1.0:
            raise ValueError(f"slower means a factor of at least 1, not {factor}")
        super().__init__(inner)
        self._factor = factor
        self._clock: Clock | None = None

    async def start(self, context: TaskContext) -> None:
        self._clock = context.clock
        await super().start(context)

    async def answer(self, method: AnyMethod, request: Synapse, serve: Serve) -> Synapse:
        assert self._clock is not None, "serving comes after start"
        begun = self._clock.monotonic()
        reply = await super().answer(method, request, serve)
        await self._wait(begun)
        return reply

    async def frames(
        self, method: AnyMethod, request: Synapse, stream: Stream
    ) -> AsyncGenerator[Synapse, None]:
        assert self._clock is not None, "serving comes after start"
        clock, begun = self._clock, self._clock.monotonic()
        made: asyncio.Queue[tuple[float, Synapse] | None] = asyncio.Queue()

        async def take() -> None:
            try:
                async for frame in stream(request):
                    made.put_nowait((clock.monotonic() - begun, frame))
            finally:
                made.put_nowait(None)

        taking = asyncio.ensure_future(take())
        try:
            while (both := await made.get()) is not None:
                due_s = begun + self._factor * both[0]
                await clock.sleep(max(due_s - clock.monotonic(), 0.0))
                yield both[1]
            await taking  # raises what ended the stream
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def _wait(self, begun: float) -> None:
        assert self._clock is not None
        await self._clock.sleep((self._factor - 1.0) * (self._clock.monotonic() - begun))


def wrap_slow(factor: float, honest: MinerTask) -> MinerTask:
    """``honest``, ``factor`` times as slow."""
    return Slow(honest, factor)
