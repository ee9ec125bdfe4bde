"""Slow: every answer takes a multiple of the time that it took.

It stands for an older machine or a farther one. The answers are honest, and a validator should pay
them almost like the others'.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from assay.clock import Clock
from assay.lab.around import AnyMethod, Around, Serve, Stream
from assay.neuron import MinerTask, Synapse, TaskContext


class Slow(Around):
    """Waits after each answer, and before each frame, until ``factor`` times its own time is
    over."""

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
        begun = self._clock.monotonic()
        async for frame in stream(request):
            await self._wait(begun)
            yield frame
            begun = self._clock.monotonic()

    async def _wait(self, begun: float) -> None:
        assert self._clock is not None
        await self._clock.sleep((self._factor - 1.0) * (self._clock.monotonic() - begun))


def wrap_slow(factor: float, honest: MinerTask) -> MinerTask:
    """``honest``, ``factor`` times as slow."""
    return Slow(honest, factor)
