"""The inference miner: commit to a model, then answer with it.

At the start the engine is opened and the model's root is published under the hotkey, because
validators judge answers against what was committed before they asked. Then each request is let in
by ``requests`` and answered by ``answers``; open answers take turns on the engine, validators'
first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from loguru import logger

from assay.clock import Clock
from assay.miners.inference import answers
from assay.miners.inference.outage import EngineOutage
from assay.miners.inference.requests import admit
from assay.miners.inference.settings import MinerSettings
from assay.models.engine import Engine, EngineRequest
from assay.neuron import Caller, Method, Serving, TaskContext
from assay.protocol.bursts import BURST, Burst, BurstFrame
from assay.protocol.inference import (
    NAME,
    STREAM,
    Complete,
    Completion,
    ModelCommitment,
    NumericPath,
    Piece,
)
from assay.types import Ss58
from assay.wire.interface import Membership


class InferenceMiner(Serving[Complete, Completion]):
    """Serves one model."""

    name = NAME
    request = Complete
    reply = Completion
    settings = MinerSettings
    has_gateway = True
    preload = ("torch", "transformers", "transformers.models.llama.modeling_llama", "tokenizers")

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._hotkey = Ss58("")
        self._outage: EngineOutage | None = None
        self._clock: Clock | None = None

    async def open_engine(self, context: TaskContext) -> Engine:
        """Return what answers requests: by default the engine that the settings name."""
        assert isinstance(context.settings, MinerSettings)
        return await answers.open_engine(context.settings, context.clock)

    async def start(self, context: TaskContext) -> None:
        assert isinstance(context.settings, MinerSettings)
        self._hotkey = context.hotkey
        engine = self._engine = await self.open_engine(context)
        self._outage = EngineOutage(context.clock)
        self._clock = context.clock
        precision = context.settings.precision
        path = NumericPath.of(precision) if engine.seeded else NumericPath.ENGINE
        logger.info("Serving the model {} ({})", engine.root.hex()[:16], path.name.lower())
        await context.publish(ModelCommitment(engine.root, path).pack())

    async def serve(self, request: Complete, caller: Caller) -> Completion:
        assert self._engine is not None and self._outage is not None, "serve comes after start"
        ask = self._admit(request, caller)
        return await answers.answer(self._engine, ask, caller, self._outage)

    async def stream(self, request: Complete, caller: Caller) -> AsyncIterator[Piece]:
        """Answer ``request`` piece by piece, as the tokens are drawn."""
        assert self._engine is not None and self._outage is not None, "stream comes after start"
        ask = self._admit(request, caller)
        async for piece in answers.pieces(self._engine, ask, caller, self._outage):
            yield piece

    async def burst(self, request: Burst, caller: Caller) -> AsyncIterator[BurstFrame]:
        """Answer all that ``request`` asks for at once, as the tokens are drawn."""
        assert self._engine is not None and self._outage is not None, "burst comes after start"
        assert self._clock is not None
        asks = [self._admit(each, caller) for each in request.requests()]
        async for frame in answers.burst(self._engine, asks, caller, self._outage, self._clock):
            yield frame

    def methods(self) -> Sequence[Method[Any, Any]]:
        streamed = Method(STREAM, Complete, Piece, self.stream, stream=True)
        burst = Method(BURST, Burst, BurstFrame, self.burst, stream=True)
        return (*super().methods(), streamed, burst)

    def _admit(self, request: Complete, caller: Caller) -> EngineRequest:
        assert self._engine is not None
        return admit(
            request,
            self._engine.root,
            miner=self._hotkey,
            permit=caller.membership >= Membership.PERMIT,
            seeded=self._engine.seeded,
        )

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.close()
