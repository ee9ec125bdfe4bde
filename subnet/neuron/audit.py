"""Recheck a validator from its receipts: its hash chain, its randomness, and its challenges.

In come the summaries and records of closed periods (``receipts``), the links that the chain showed,
and the validator's half of the task; out comes what holds and what does not. A third party needs
the state folder after the reveal and the chain, and nobody's word.

A challenge can be drawn again for a task of the usual shape (``rounds.Rounds``) whose ``challenge``
depends on its generator and its target alone. This module asks no miner and no chain.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from assay.neuron.peers import Target
from assay.neuron.receipts import Period, ReceiptRecord
from assay.neuron.rounds import Rounds
from assay.neuron.seeds import follows, target_rng, turn_seed
from assay.types import Ss58
from assay.wire.evidence import EvidenceInvalid, unpack, verify
from assay.wire.synapse import encode


@dataclass(slots=True)
class Audit:
    """What a recheck found."""

    challenges: int = 0
    """Challenges that were drawn again and are the ones that were sent, to the last bit."""
    problems: list[str] = field(default_factory=list)
    """One sentence for each thing that does not hold."""


def generator_of(record: ReceiptRecord, period: Period) -> random.Random:
    """The generator that the challenge of ``record`` was drawn from."""
    return target_rng(turn_seed(period.link, record.block_hash, record.turn), record.target)


def check_evidence(record: ReceiptRecord, validator: Ss58) -> str | None:
    """What is wrong with who signed what in ``record``, in one sentence; None if it all holds.

    A record of a request that nobody answered has no evidence, and nothing to check.
    """
    if record.evidence is None:
        return None if record.failure is not None else "it has a reply and no evidence"
    try:
        evidence = unpack(record.evidence)
        if (evidence.caller, evidence.peer) != (validator, record.target):
            return "its evidence is of another call"
        verify(evidence, request=record.request, reply=record.reply)
    except EvidenceInvalid as error:
        return str(error)
    if record.failure is None and evidence.status != HTTPStatus.OK:
        return "it says reply, and the evidence says refusal"
    return None


def check_links(periods: Iterable[Period], shown: Collection[bytes], audit: Audit) -> None:
    """Note each period whose link does not follow its tip, or whose tip is not among those that the
    chain ``shown``."""
    for period in periods:
        if not follows(period.link, period.tip):
            audit.problems.append(f"The link of period {period.number} does not follow its tip.")
        if period.tip not in shown:
            audit.problems.append(f"The chain never showed the tip of period {period.number}.")


def check_challenges(
    task: Rounds[Any, Any], period: Period, records: Iterable[bytes], audit: Audit
) -> None:
    """Draw the challenges of a period again and compare them with what was sent.

    Records of clients' requests, and of requests too large to keep, are passed over.
    """
    for raw in records:
        record = msgspec.msgpack.decode(raw, type=ReceiptRecord)
        if record.origin != "synthetic" or record.request is None:
            continue
        target = Target(record.uid, record.target, record.commitment)
        if encode(task.challenge(generator_of(record, period), target)) == record.request:
            audit.challenges += 1
        else:
            audit.problems.append(
                f"Turn {record.turn} asked uid {record.uid} something else than its seed says."
            )
