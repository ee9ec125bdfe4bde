"""Bursts: in some turns each miner is asked for several answers at once, and paid by what it draws.

Machines draw many streams together at little more than the price of one. Asked for one answer each,
many uids on one machine would earn nearly as many incomes; asked for several, one uid shows by
itself what its machine can do, and many share it. In comes how much a miner is asked for; out come
the shape of a burst, which of its answers are replayed, and what is found about all of them.

A miner that lies in bursts alone lies for all its pay, and is asked as many times less often.
Therefore as many times more of a burst is replayed than of an ordinary answer (``CHECKED``): a lie
is as dear there as anywhere (``assay.scoring.inference.posp``).

This module knows no model and no turns.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from assay.protocol.bursts import Burst, BurstFrame, assemble_all
from assay.protocol.inference import Complete, Completion
from assay.validators.inference.answers import Finding, unjudged

BURST_SHARE: Final = 0.5
"""The part of the turns that are bursts, for all miners alike. With fewer, pay follows a machine's
speed more slowly; with more, miners and validators do little else."""
CHECKED: Final = 1.0 / BURST_SHARE
"""How many times the tokens of an ordinary answer are replayed of a burst, and are in it at
least."""
REPLAYED_MIN: Final = 2
"""Answers of a burst that are replayed at least: each brings a fingerprint."""
TOKENS_MIN: Final = 4
"""Of one answer of a burst, while the burst has fewer answers than it may. Shorter ones would cost
as much by their beginnings as by their tokens; longer ones, and a large model that draws three
tokens a second in each of many streams would be asked for few streams."""
PROMPT_CHARS: Final = 160
"""The most of a burst's prompt. What is read draws nothing meanwhile."""

FIXED_BYTES: Final = 2**16
"""Of one answer, or of all of a burst, beside its tokens: 240 endings with a fingerprint each."""
TOKEN_BYTES: Final = 512
"""Of one token: its id, 64 characters of text and its frame take 350. Of whoever sends more nothing
is read on: as objects, frames take seven times their bytes of the validator's memory."""


@dataclass(frozen=True, slots=True)
class BurstShape:
    """How many answers a burst has, and how many tokens each."""

    answers: int
    tokens: int

    @classmethod
    def of(cls, tokens: int, answers_max: int) -> BurstShape:
        """Return that of a burst of ``tokens`` tokens in all, in ``answers_max`` answers at
        most."""
        answers = max(1, min(tokens // TOKENS_MIN, answers_max))
        return cls(answers, math.ceil(tokens / answers))


def least_tokens(tokens: int) -> int:
    """Return how many tokens a burst has at least in a turn whose answers have ``tokens``."""
    return math.ceil(CHECKED * tokens)


def tokens_asked(request: Complete | Burst) -> int:
    """Return how many tokens the answers to ``request`` have in all."""
    return request.max_tokens * (request.answers if isinstance(request, Burst) else 1)


def reply_bytes_max(tokens: int) -> int:
    """Return how many bytes answers of ``tokens`` tokens in all may have."""
    return FIXED_BYTES + TOKEN_BYTES * tokens


def drawn_numbers(rng: random.Random, shape: BurstShape, tokens: int) -> frozenset[int]:
    """Return which answers of a burst are replayed, drawn from ``rng``, in a turn whose ordinary
    answers have ``tokens`` tokens."""
    count = max(REPLAYED_MIN, math.ceil(CHECKED * tokens / shape.tokens))
    return frozenset(rng.sample(range(shape.answers), min(count, shape.answers)))


def examine_burst(
    request: Burst,
    frames: Sequence[BurstFrame],
    numbers: frozenset[int] | None,
    examine: Callable[[Complete, Completion], Finding],
    unread: Callable[[Completion], str | None],
) -> Finding:
    """Return the finding about a burst: of the answers ``numbers`` of it, or of all for None,
    replayed by ``examine``. One that convicts convicts all, and one that cannot be judged leaves
    all unjudged, as does one of the others that ``unread`` objects to. The tokens of the others
    count as they are told."""
    try:
        replies = assemble_all(frames, request.answers)
    except ValueError as error:
        return unjudged(f"pieces of no answers: {error}")
    asked = request.requests()
    told = replayed = verified = 0
    for number, (each, reply) in enumerate(zip(asked, replies, strict=True)):
        told += len(reply.tokens)
        if len(reply.tokens) > each.max_tokens:
            return unjudged(f"{len(reply.tokens)} tokens of {each.max_tokens} in answer {number}")
        if numbers is not None and number not in numbers:
            if (objection := unread(reply)) is not None:
                return unjudged(objection)
            continue
        finding = examine(each, reply)
        if not finding.verified:
            return finding
        replayed += len(reply.tokens)
        verified += finding.tokens
    count = len(asked) if numbers is None else len(numbers)
    # A judge of an engine's text counts other tokens than the engine's own.
    counted = round(told * verified / replayed) if replayed else told
    agreeing = f"{verified} tokens agree in {count} of {len(asked)} answers"
    return Finding(True, False, (agreeing,), counted)
