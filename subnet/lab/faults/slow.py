"""Slow: every answer takes a multiple of the time that it took.

It stands for an older machine or a farther one. The answers are honest, and a validator should pay
them almost like the others'.
"""

from __future__ import annotations

from assay.clock import Clock
from assay.lab.around import AnyMiner, Around
from assay.neuron import Caller, MinerContext, Synapse


class Slow(Around):
    """Waits after each answer until ``factor`` times its own time has passed."""

    def __init__(self, inner: AnyMiner, factor: float) -> None:
        if factor < 1.0:
            raise ValueError(f"slower means a factor of at least 1, not {factor}")
        super().__init__(inner)
        self._factor = factor
        self._clock: Clock | None = None

    async def start(self, context: MinerContext) -> None:
        self._clock = context.clock
        await super().start(context)

    async def serve(self, request: Synapse, caller: Caller) -> Synapse:
        assert self._clock is not None, "serve comes after start"
        begun = self._clock.monotonic()
        reply = await super().serve(request, caller)
        await self._clock.sleep((self._factor - 1.0) * (self._clock.monotonic() - begun))
        return reply


def wrap_slow(factor: float, honest: AnyMiner) -> AnyMiner:
    """``honest``, ``factor`` times as slow."""
    return Slow(honest, factor)
