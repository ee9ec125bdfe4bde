"""Recheck a validator from its receipts: its hash chain, its randomness, and its challenges.

In come the summaries and records of closed periods (``receipts``), the links that the chain showed,
and the validator's half of the task; out comes what holds and what does not. A third party needs
the state folder after the reveal and the chain, and nobody's word.

A challenge can be drawn again for a task of the usual shape (``rounds.Rounds``) whose ``challenge``
depends on its generator and its target alone. This module asks no miner and no chain.

What stays a validator's word, because nothing else tells it: that a reply could not be read
(``reply_malformed``), that nobody answered, and which of the blocks that its pace allows a turn
began at.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import UserError
from assay.files import read_limited
from assay.neuron.peers import Origin, Target
from assay.neuron.receipts import Period, Proof, ReceiptRecord
from assay.neuron.rounds import Rounds
from assay.neuron.seeds import follows, target_rng, turn_seed
from assay.types import BlockNumber, Ss58
from assay.wire.evidence import EvidenceInvalid, unpack, verify
from assay.wire.stream import WHOLE
from assay.wire.synapse import PATH_PREFIX, encode

PROOF_VERSION: Final = 1
"""Goes up when a field changes its meaning; another version is refused instead of misread."""
OWN_WORDS: Final = frozenset({"reply_malformed", "empty_stream"})
"""Failures that a peer's signed, whole reply may stand beside: it signed what cannot be read, or
nothing at all."""
PROOF_BYTES_MAX: Final = 4 * 2**20
"""A record, some thirty siblings and the roots of all kept periods have half of it."""


@dataclass(slots=True)
class Audit:
    """What a recheck found."""

    challenges: int = 0
    """Challenges that were drawn again and are the ones that were sent, to the last bit."""
    turn: int | None = None
    """The last turn that was looked at; None before the first."""
    problems: list[str] = field(default_factory=list)
    """One sentence for each thing that does not hold."""


def generator_of(record: ReceiptRecord, period: Period) -> random.Random:
    """The generator that the challenge of ``record`` was drawn from."""
    return target_rng(turn_seed(period.link, record.block_hash, record.turn), record.target)


def check_evidence(record: ReceiptRecord, validator: Ss58) -> str | None:
    """What is wrong with who signed what in ``record``, in one sentence; None if it all holds.

    A record of a request that nobody answered has no evidence, and nothing to check.
    """
    if record.origin not in (Origin.SYNTHETIC, Origin.ORGANIC):
        return f"it says {record.origin:.20}, which is nobody who asks"
    if record.evidence is None:
        return None if record.failure is not None else "it has a reply and no evidence"
    try:
        evidence = unpack(record.evidence)
        if evidence.peer != record.target:
            return "its evidence is of another call"
        if (record.origin == Origin.ORGANIC) == (evidence.caller == validator):
            return f"it says {record.origin:.20}, and its evidence is of another caller"
        if not _is_path(evidence.target, record.method):
            return "its evidence is of another method"
        verify(evidence, request=record.request, reply=record.reply)
    except EvidenceInvalid as error:
        return str(error)
    replied = evidence.status == HTTPStatus.OK and evidence.word in ("", WHOLE)
    if record.failure is None and not replied:
        return "it says reply, and the evidence says otherwise"
    if record.failure is not None and replied and record.failure not in OWN_WORDS:
        return f"it says {record.failure:.40}, and the evidence says reply"
    return None


def _is_path(target: str, method: str) -> bool:
    """Whether ``target``, the path and query of a request, is that of some task's ``method``."""
    path = target.partition("?")[0]
    task, _, rest = path.removeprefix(PATH_PREFIX).partition(".")
    return path.startswith(PATH_PREFIX) and bool(task) and rest == method


def read_proof(file: Path) -> tuple[Proof, ReceiptRecord]:
    """The exported receipt in ``file``, and the record that it is about; UserError if it is
    none."""
    data = read_limited(file, PROOF_BYTES_MAX)
    if data is None:
        raise UserError(f"There is no file {file}.", "Check the path.")
    try:
        return parse_proof(data)
    except ValueError as error:
        raise UserError(
            f"{file} is not a receipt: {error}.", "Give a file that `assay receipt export` wrote."
        ) from None


def parse_proof(data: bytes) -> tuple[Proof, ReceiptRecord]:
    """The exported receipt in ``data``, and its record; ValueError unless both are written in the
    one way that they may be."""
    try:
        proof = msgspec.json.decode(data, type=Proof)
        record = msgspec.msgpack.decode(proof.record, type=ReceiptRecord)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if msgspec.json.encode(proof) != data or msgspec.msgpack.encode(record) != proof.record:
        raise ValueError("it is written otherwise than `assay receipt export` writes it")
    if proof.version != PROOF_VERSION:
        raise ValueError(f"it is of version {proof.version}, not {PROOF_VERSION}")
    return proof, record


def receipt_problem(proof: Proof, record: ReceiptRecord, *, genesis: str) -> str | None:
    """What is wrong with a receipt by itself, in a few words; None if nothing is.

    ``genesis`` is the hash of the chain's block 0. A receipt without a problem holds if the chain
    showed ``proof.running()`` as the receipts' root of its validator (``shown_root``).
    """
    if proof.genesis != genesis:
        return f"it is of the chain {proof.genesis}"
    if record.period != proof.period.number:
        return "its record is of another period"
    problem = check_evidence(record, proof.validator)
    if problem is not None:
        return problem
    if not follows(proof.period.link, proof.period.tip):
        return "the link of its period does not follow its tip"
    try:
        proof.running()
    except ValueError as error:
        return str(error)
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
    task: Rounds[Any, Any],
    period: Period,
    records: Iterable[bytes | None],
    audit: Audit,
    *,
    validator: Ss58,
    block_hash: Callable[[BlockNumber], bytes | None],
) -> None:
    """Draw the challenges of a period again and compare them with what was sent.

    ``records`` are those of the period in their order, None for each of which only the hash was
    kept. ``block_hash`` gives the chain's hash of a block, or None where the chain has no such
    block. A record counts only if its evidence holds, its block is the chain's, and its turn is the
    one that the task's pace gives, or the next one of a count: a validator that may choose its
    turn's number can choose its challenges. Records of clients' requests, and of requests too large
    to keep, are passed over. Whatever is wrong with a record is a problem of the validator, and
    ends nothing.
    """
    seen: set[tuple[int, Ss58, BlockNumber]] = set()
    hidden = 0  # since the last whole record; each may be of a turn of its own
    for raw in records:
        if raw is None:
            hidden += 1
            continue
        try:
            record = msgspec.msgpack.decode(raw, type=ReceiptRecord)
            if record.origin == Origin.ORGANIC or record.request is None:
                continue
            problem = _number_problem(task, record, audit.turn, hidden) or _challenge_problem(
                task, period, record, validator, block_hash
            )
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
            audit.problems.append(f"A record of period {period.number} cannot be read: {error}.")
            continue
        key = (record.turn, record.target, record.block)
        if problem is None and key in seen:
            problem = "is written down twice"
        seen.add(key)
        audit.turn, hidden = record.turn, 0
        if problem is None:
            audit.challenges += 1
        else:
            audit.problems.append(f"Turn {record.turn}, uid {record.uid}: {problem}.")


def _number_problem(
    task: Rounds[Any, Any], record: ReceiptRecord, before: int | None, hidden: int
) -> str | None:
    """What is wrong with the turn's number behind the turn ``before`` and ``hidden`` records."""
    if before is None or record.turn == 1 or 0 <= record.turn - before <= hidden + 1:
        return None  # a count, which begins anew where a validator's memory was removed
    if task.pace.number_at(record.block) == record.turn:
        return None
    return f"its number does not follow {before}"


def _challenge_problem(
    task: Rounds[Any, Any],
    period: Period,
    record: ReceiptRecord,
    validator: Ss58,
    block_hash: Callable[[BlockNumber], bytes | None],
) -> str | None:
    if record.period != period.number:
        return "it is of another period"
    if block_hash(record.block) != record.block_hash:
        return f"the chain has another block {record.block}"
    wrong = check_evidence(record, validator)
    if wrong is not None:
        return wrong
    target = Target(record.uid, record.target, record.commitment)
    if encode(task.challenge(generator_of(record, period), target)) != record.request:
        return "it asked something else than its seed says"
    return None
