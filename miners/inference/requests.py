"""Which requests an inference miner takes.

In comes a request whose bounds the wire has checked; out comes the order for the engine, or a
refusal in one sentence, which costs the miner nothing. This module does not know who asks: the wire
has decided that.
"""

from __future__ import annotations

from assay.models.engine import EngineRequest
from assay.protocol.inference import Complete, noise_key
from assay.wire.errors import Code, RequestRefused


def admit(request: Complete, root: bytes, *, seeded: bool) -> EngineRequest:
    """Return the engine's order for ``request``; RequestRefused if this miner cannot answer it.

    ``root`` is that of the model served here, and ``seeded`` says whether our sampler draws.
    """
    if request.model != root:
        raise RequestRefused(
            Code.REFUSED_BY_TASK,
            f"this miner serves the model {root.hex()[:16]}, not {request.model.hex()[:16]}",
        )
    if not seeded and request.temperature > 0.0:
        # The engine would answer, with a sampler that nobody can check: honest clients of this
        # interface are promised that a seed fixes the answer.
        raise RequestRefused(
            Code.REFUSED_BY_TASK, "this miner's engine answers at temperature 0 only"
        )
    return EngineRequest(
        prompt=request.prompt,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        seed=request.seed,
        key=noise_key(request.seed, request.model),
    )
