"""Inference: what is asked, what is answered, and what a miner publishes on chain.

The two messages of this task have bounds on every field. A request names the root of the model that
the caller expects, so that nobody is served another model by mistake. A miner publishes a
``ModelCommitment``: the root of its model and how its numbers come about. The sampler's key is a
hash of a request's seed and the model's root (``noise_key``), so one request has one right answer,
on every miner.

This module knows no engine, no parameters and no scores.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

from assay.wire.synapse import Synapse

NAME: Final = "inference"
"""The path to which requests are sent. Another path cuts off every miner of an older release."""

PROMPT_CHARS_MAX: Final = 65_536
"""About 16,000 tokens of text: more than the context of any model that this task is used with."""
TOKENS_MAX: Final = 4_096
"""Tokens of one answer. At 10 tokens/s they take seven minutes, longer than any client waits."""
TEMPERATURE_MAX: Final = 2.0
"""The upper bound of the OpenAI interface, so that its clients' requests pass unchanged."""
SEED_MAX: Final = 2**63 - 1
"""The largest signed 64-bit integer, which clients in every language can send."""
TOKEN_ID_MAX: Final = 2**24
"""Ten times the largest vocabulary in use. Larger ids are refused when a reply is decoded; whether
a smaller one is in the model's vocabulary is checked later."""
CHARS_PER_TOKEN_MAX: Final = 64
"""A token rarely covers more than 16 characters; vocabularies hold runs of blanks up to 64 long."""
ANSWER_CHARS_MAX: Final = TOKENS_MAX * CHARS_PER_TOKEN_MAX
SECONDS_MAX: Final = 86_400.0

Root = Annotated[bytes, Meta(min_length=32, max_length=32)]
Seconds = Annotated[float, Meta(ge=0.0, le=SECONDS_MAX)]


class Complete(Synapse, frozen=True):
    """A request to continue ``prompt``."""

    model: Root
    """Root of the model that must answer (``assay.models.root``)."""
    prompt: Annotated[str, Meta(max_length=PROMPT_CHARS_MAX)]
    max_tokens: Annotated[int, Meta(ge=1, le=TOKENS_MAX)]
    seed: Annotated[int, Meta(ge=0, le=SEED_MAX)]
    temperature: Annotated[float, Meta(ge=0.0, le=TEMPERATURE_MAX)]
    """At 0 the most likely token is chosen each time."""


class Completion(Synapse, frozen=True):
    """The answer: a continuation, as tokens and as the text that they spell."""

    text: Annotated[str, Meta(max_length=ANSWER_CHARS_MAX)]
    tokens: Annotated[
        list[Annotated[int, Meta(ge=0, le=TOKEN_ID_MAX)]], Meta(min_length=1, max_length=TOKENS_MAX)
    ]
    """Ids in the model's vocabulary. The last is an end-of-text token if ``finish`` is ``stop``."""
    finish: Literal["length", "stop"]
    """``length``: max_tokens were made. ``stop``: the model ended the text."""
    queued_s: Seconds
    first_token_s: Seconds
    total_s: Seconds
    """The miner's own timings, from the arrival of the request; shown, never scored."""


class NumericPath(enum.IntEnum):
    """How a miner's numbers come about, which decides what a validator can check."""

    SEEDED_FP32 = 1
    """fp32 logits and our seeded sampler. Every token can be checked."""
    ENGINE = 2
    """A foreign engine with a sampler of its own. Only greedy answers can be checked, and only that
    they are plausible."""


_MAGIC: Final = b"assay/inference/1:"
_COMMITMENT_BYTES: Final = len(_MAGIC) + 1 + 32


@dataclass(frozen=True, slots=True)
class ModelCommitment:
    """What a miner publishes under its hotkey: 51 bytes of the 128 that the chain allows."""

    root: bytes
    path: NumericPath

    def pack(self) -> bytes:
        """Return the bytes to publish; ValueError for a root of another length than 32 bytes."""
        if len(self.root) != 32:
            raise ValueError(f"a root has 32 bytes, not {len(self.root)}")
        return _MAGIC + bytes((self.path,)) + self.root

    @classmethod
    def parse(cls, data: bytes | None) -> ModelCommitment | None:
        """Return the commitment in ``data``, which a stranger published; None if it holds none."""
        if data is None or len(data) != _COMMITMENT_BYTES or not data.startswith(_MAGIC):
            return None
        try:
            path = NumericPath(data[len(_MAGIC)])
        except ValueError:
            return None
        return cls(data[len(_MAGIC) + 1 :], path)


def noise_key(seed: int, root: bytes) -> bytes:
    """Return the sampler's key, of 16 bytes, for one request: another ``seed`` or another model's
    ``root`` gives another key."""
    return hashlib.blake2b(
        seed.to_bytes(8, "little") + root, digest_size=16, person=b"assay-gumbel/1"
    ).digest()
