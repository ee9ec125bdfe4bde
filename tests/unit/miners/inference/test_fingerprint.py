"""A miner's fingerprint, made from what its engine computed, before the judge's replay."""

from __future__ import annotations

import pytest

from assay.neuron import Caller
from assay.protocol.inference import Complete, noise_key
from assay.scoring.inference.fingerprint import TOLERANCE_FP32, distance
from assay.types import Ss58
from assay.wire.interface import Membership

pytestmark = pytest.mark.inference
pytest.importorskip("torch")

from assay.clock import SystemClock  # noqa: E402  after the check for torch
from assay.miners.inference.answers import answer, open_engine, pieces  # noqa: E402
from assay.miners.inference.outage import EngineOutage  # noqa: E402
from assay.miners.inference.requests import admit  # noqa: E402
from assay.miners.inference.settings import MinerSettings  # noqa: E402
from assay.models.language import LanguageModel  # noqa: E402
from assay.models.source import DEMO, resolve  # noqa: E402

MINER = "5miner"
CALLER = Caller(Ss58("5v"), bytes(32), Membership.PERMIT, "127.0.0.1", 1, bytes(32), 60.0)
PROMPT = "class Reader:\n    def __init__(self, path):\n        self."


async def test_what_a_miner_sends_is_what_a_replay_has() -> None:
    """In one reply and in pieces, and for a continuation by its own tokens alone."""
    clock = SystemClock()
    engine = await open_engine(MinerSettings(), clock)
    model = LanguageModel.load(resolve(DEMO))
    outage = EngineOutage(clock)
    ids = model.tokens.encode(PROMPT)
    try:
        for begun in ((), tuple(model.tokens.encode("name = name"))):
            request = Complete(
                model=engine.root, prompt=PROMPT, max_tokens=12, seed=5, temperature=1.0,
                miner=MINER, begun=list(begun),
            )  # fmt: skip
            ask = admit(request, engine.root, miner=MINER, permit=True, seeded=True)
            made = await answer(engine, ask, CALLER, outage)
            streamed = [piece async for piece in pieces(engine, ask, CALLER, outage)]
            end = streamed[-1].end
            assert end is not None
            assert end.fingerprint == made.fingerprint
            hidden = model.replay_whole(ids, [*begun, *made.tokens]).hidden
            assert hidden is not None
            key = noise_key(request.seed, request.model, request.miner)
            own = hidden[len(begun) :]
            apart = distance(made.fingerprint, own, made.tokens, engine.root, key)
            assert apart <= TOLERANCE_FP32 / 4
    finally:
        await engine.close()
