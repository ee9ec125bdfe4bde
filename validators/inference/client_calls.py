"""How a miner's answer to a client is judged: by the judge of validators, from signed bytes alone.

In come a ``ReadCall``, whose signatures hold, and what the miner had committed when it was asked;
out comes a finding. An answer that came in pieces is put together and examined as one that came
whole. Where a miner broke off, the tokens that it has signed must be right all the same: else a
cheat would end no answer.

A gateway chooses the request, so a request that an honest miner refuses convicts nobody. What a
gateway says beside the signatures is not looked at. This module knows no sockets and no chain.
"""

from __future__ import annotations

import asyncio

from assay.errors import Refused, UserError
from assay.models.opening import find_model
from assay.neuron import JudgedCall
from assay.protocol.client_receipts import (
    CallRecord,
    ReadCall,
    parse_receipt,
    read_call,
    receipt_fault,
    shown_path,
)
from assay.protocol.inference import TOKENS_MAX, Complete, Completion, ModelCommitment, NumericPath
from assay.validators.inference.answers import Finding, Judge, Without, unjudged
from assay.validators.inference.replays import Replays
from assay.validators.inference.settings import ValidatorSettings


async def judge_receipt(data: bytes, settings: ValidatorSettings) -> list[JudgedCall]:
    """Return what is found about each call of the client's receipt in ``data``, on the model of
    ``settings``. Nothing is asked of the network: of each miner the numeric path is taken that the
    gateway wrote down, which a validator looks up on chain.

    UserError if there is no receipt, or one of another model; Refused if it does not hold.
    """
    receipt = parse_receipt(data)
    if receipt is None:
        raise UserError(
            "The file is not a client's receipt.",
            "Give what a gateway has at /v1/receipts/ for an answer.",
        )
    fault = receipt_fault(receipt, whole=False)
    if fault is not None:
        raise Refused(
            f"The receipt does not hold: {fault}.", "Ask whoever gave the file for a true one."
        )
    found = await find_model(settings.model)
    if found.root != receipt.model:
        raise UserError(
            f"The receipt is of the model {receipt.model.hex()[:16]}, and {settings.model} is "
            f"{found.root.hex()[:16]}.",
            "Give the model that was asked with --model.",
        )
    judge = Judge(Replays.of(found, settings), found.root, accept_engines=settings.accept_engines)

    def judged(call: CallRecord) -> JudgedCall:
        path = shown_path(call)
        commitment = None if path is None else ModelCommitment(receipt.model, path)
        # Whether the gateway had a permit then is not in the file.
        finding = judge_call(judge, read_call(call), commitment, fingerprint_owed=False)
        is_clear = finding.verified or finding.convicted
        return JudgedCall(call.miner, finding.verified if is_clear else None, finding.reasons)

    return await asyncio.to_thread(lambda: [judged(call) for call in receipt.calls])


def judge_call(
    judge: Judge,
    call: ReadCall,
    commitment: ModelCommitment | None,
    fingerprint_owed: bool = True,
) -> Finding:
    """Return the finding of ``judge`` about ``call``, of a miner that had committed ``commitment``.
    ``fingerprint_owed`` says whether the gateway certainly had a permit: miners give a fingerprint
    to nobody else. It computes a forward pass or more: call it outside the event loop."""
    if (objection := judge.objection(commitment)) is not None:
        return unjudged(objection)
    assert commitment is not None
    request = call.request
    fault = _asked_wrongly(call) or judge.refusal(request)
    if fault is None and commitment.path is NumericPath.ENGINE:
        fault = _beyond_engines(request)
    if fault is not None:
        return unjudged(f"an honest miner refuses the request: {fault}")
    completion = call.completion
    if completion is not None:
        without: Without = "convicts" if fingerprint_owed else "passes"
        return judge.examine(request, completion, commitment, without_fingerprint=without)
    tokens = call.tokens[: TOKENS_MAX + 1]
    if not tokens:
        return unjudged("the miner has signed no token")
    part = Completion(
        text="",
        tokens=tokens,
        finish="length",
        queued_s=0.0,
        first_token_s=0.0,
        total_s=0.0,
        logprobs=call.logprobs[: len(tokens)],
    )
    return judge.examine_part(request, part, commitment)


def _asked_wrongly(call: ReadCall) -> str | None:
    request = call.request
    if not request.begun and request.miner != call.miner:
        return "it names another miner"
    return None


def _beyond_engines(request: Complete) -> str | None:
    """Why a miner behind a foreign engine refuses ``request``; None if it takes it."""
    simple = Complete(
        model=request.model,
        prompt=request.prompt,
        max_tokens=request.max_tokens,
        seed=request.seed,
        temperature=0.0,
        miner=request.miner,
        top_k=request.top_k,
        top_p=request.top_p,
        min_p=request.min_p,
    )
    return None if request == simple else "an engine cannot be checked in it"
