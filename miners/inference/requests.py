"""Which requests an inference miner takes.

In comes a request whose bounds the wire has checked; out comes the order for the engine, or a
refusal in one sentence, which costs the miner nothing. This module does not know who asks: the wire
has decided that. It is told whether the caller has a validator permit.
"""

from __future__ import annotations

from assay.models.engine import EngineRequest
from assay.protocol.inference import Complete, noise_key
from assay.wire.errors import Code, RequestRefused


def admit(
    request: Complete, root: bytes, *, miner: str, permit: bool, seeded: bool
) -> EngineRequest:
    """Return the engine's order for ``request``; RequestRefused if this miner cannot answer it.

    ``root`` is that of the model served here, ``miner`` this miner's hotkey, ``permit`` says
    whether the caller has a validator permit, and ``seeded`` whether our sampler draws.
    """
    if request.model != root:
        raise _refused(
            f"this miner serves the model {root.hex()[:16]}, not {request.model.hex()[:16]}"
        )
    if request.begun and not permit:
        # Else a miner without a model could begin each answer with nothing of value, and have the
        # rest made here under its own name.
        raise RequestRefused(Code.NO_PERMIT, "another miner's answer is continued for validators")
    if not request.begun and request.miner != miner:
        raise _refused("the request names another miner")
    sampling = request.sampling()
    if not seeded:
        _admit_engine(request)
    return EngineRequest(
        prompt=request.prompt,
        max_tokens=request.max_tokens,
        seed=request.seed,
        key=noise_key(request.seed, request.model, request.miner),
        sampling=sampling,
        stop=tuple(request.stop),
        logprobs=request.logprobs,
        begun=tuple(request.begun),
        # The fingerprint is what a relay cannot make: who asks for one token at a time, with a bias
        # that is its own noise, would get it here together with the token.
        projected=seeded and permit,
        cache=request.cache,
    )


def _admit_engine(request: Complete) -> None:
    """RequestRefused for what a foreign engine would do in a way that nobody can check."""
    if request.temperature > 0.0:
        # The engine would answer, with a sampler of its own: honest clients of this interface are
        # promised that a seed fixes the answer.
        raise _refused("this miner's engine answers at temperature 0 only")
    changed = (
        request.repetition_penalty != 1.0
        or request.presence_penalty
        or request.frequency_penalty
        or request.bias
    )
    if changed or request.stop or request.logprobs is not None or request.begun:
        raise _refused(
            "this miner's engine takes no penalties, bias, stop texts, logprobs or continuations"
        )


def _refused(why: str) -> RequestRefused:
    return RequestRefused(Code.REFUSED_BY_TASK, why)
