"""Which requests an inference miner takes on.

Adds to the bounds of the message itself what depends on this miner: the model that it serves. What
does not fit gets the caller one sentence that says why, and costs the miner nothing. It does not
know who asks; the wire has seen to that.
"""

from __future__ import annotations

from assay.models.engine import Ask
from assay.protocol.inference import Complete, noise_key
from assay.wire.errors import Code, RequestRefused


def admit(request: Complete, root: bytes, *, seeded: bool) -> Ask:
    """The engine's order for ``request``; RequestRefused if this miner cannot answer it."""
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
    return Ask(
        prompt=request.prompt,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        seed=request.seed,
        key=noise_key(request.seed, request.model),
    )
