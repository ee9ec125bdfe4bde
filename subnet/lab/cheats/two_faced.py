"""Two faces: honest to validators, and garbage to clients.

It tells the two by what keeps the prompts of a gateway's clients apart in a miner's cache, which a
validator's own requests do not have. It hopes that nobody looks at what clients get, and saves the
work of all their answers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from assay.lab.around import AnyMethod, Serve, Stream
from assay.lab.cheats.garbage import Garbage
from assay.neuron import Synapse


class TwoFaced(Garbage):
    """Answers what a gateway asks for its clients with garbage."""

    async def answer(self, method: AnyMethod, request: Synapse, serve: Serve) -> Synapse:
        if _is_a_clients(request):
            return await super().answer(method, request, serve)
        honest: Synapse = await serve(request)
        return honest

    async def frames(
        self, method: AnyMethod, request: Synapse, stream: Stream
    ) -> AsyncGenerator[Synapse, None]:
        shown = super().frames(method, request, stream)
        async for frame in shown if _is_a_clients(request) else stream(request):
            yield frame


def _is_a_clients(request: Synapse) -> bool:
    return bool(getattr(request, "cache", b""))
