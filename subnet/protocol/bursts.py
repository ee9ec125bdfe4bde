"""A burst: several answers that a validator asks one miner for at once, to see what its machine
draws when it has enough to do.

Each answer is the answer to a ``Complete`` of its own, so it is made, replayed and judged like any
other. They come over one stream, whose frames hold what was drawn in any of them since the frame
before: a frame is signed once, however many answers grow in it.

This module knows no engine, no parameters and no scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.inference import (
    ADDRESS_CHARS_MAX,
    PROMPT_CHARS_MAX,
    SEED_MAX,
    TEMPERATURE_MAX,
    TOKENS_MAX,
    Complete,
    Completion,
    Piece,
    Root,
    assemble,
)
from assay.wire.synapse import Synapse

BURST: Final = "burst"
"""The method that answers several requests in one stream, under the path ``inference.burst``."""
ANSWERS_MAX: Final = 256
"""Answers of one burst. An accelerator gains little from more; each holds a cache in the miner."""

Prompt = Annotated[str, Meta(max_length=PROMPT_CHARS_MAX)]
AnswerNumber = Annotated[int, Meta(ge=0, lt=ANSWERS_MAX)]


class Burst(Synapse, frozen=True):
    """A request for ``answers`` answers of ``max_tokens`` tokens each."""

    model: Root
    """As in ``Complete``, as ``temperature`` and ``miner``."""
    prompts: Annotated[list[Prompt], Meta(min_length=1, max_length=ANSWERS_MAX)]
    """One that all answers continue, or one for each."""
    answers: Annotated[int, Meta(ge=1, le=ANSWERS_MAX)]
    max_tokens: Annotated[int, Meta(ge=1, le=TOKENS_MAX)]
    seed: Annotated[int, Meta(ge=0, le=SEED_MAX - ANSWERS_MAX)]
    """Of the first answer; that of each next one is greater by one."""
    temperature: Annotated[float, Meta(ge=0.0, le=TEMPERATURE_MAX)]
    miner: Annotated[str, Meta(min_length=1, max_length=ADDRESS_CHARS_MAX)]

    def __post_init__(self) -> None:
        if len(self.prompts) not in (1, self.answers):
            raise ValueError("a burst has one prompt, or one for each answer")

    def requests(self) -> list[Complete]:
        """Return the request of each answer, in order."""
        return [
            Complete(
                model=self.model,
                prompt=self.prompts[number % len(self.prompts)],
                max_tokens=self.max_tokens,
                seed=self.seed + number,
                temperature=self.temperature,
                miner=self.miner,
            )
            for number in range(self.answers)
        ]


class BurstPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What was added to one answer of a burst."""

    number: AnswerNumber
    piece: Piece


class BurstFrame(Synapse, frozen=True):
    """One frame of a burst: what was added to any of its answers since the frame before."""

    parts: Annotated[list[BurstPart], Meta(min_length=1, max_length=2 * ANSWERS_MAX)]

    @property
    def tokens(self) -> int:
        """How many tokens were drawn."""
        return sum(len(part.piece.tokens) for part in self.parts)


def assemble_all(frames: Sequence[BurstFrame], answers: int) -> list[Completion]:
    """Return the answers that ``frames`` are, in order; ValueError unless they are ``answers``
    whole ones."""
    pieces: list[list[Piece]] = [[] for _ in range(answers)]
    for frame in frames:
        for part in frame.parts:
            if part.number >= answers:
                raise ValueError(f"an answer has the number {part.number}, of {answers}")
            pieces[part.number].append(part.piece)
    return [assemble(each) for each in pieces]
