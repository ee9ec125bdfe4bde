"""Inference: what is asked, what is answered, and what a miner publishes on chain.

Adds to the wire's messages the two of this task, with bounds on every field, and the pointer that a
miner commits: the root of its model and how its numbers come about. A request names the model's
root that the caller expects, so that nobody is served another model by mistake.

Where the tokens' randomness comes from: the sampler's key is a hash of the request's seed and the
model's root (``noise_key``), so one request has one right answer, on every miner.

It knows no engine, no weights and no scores.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

from assay.wire.synapse import Synapse

NAME: Final = "inference"
"""The path that requests are sent to. Changing it cuts off every miner of an older release."""

PROMPT_CHARS_MAX: Final = 65_536
"""About 16,000 tokens of text: beyond the context of any model one would serve on this task."""
TOKENS_MAX: Final = 4_096
"""Of one answer. At 10 tokens/s that is seven minutes, longer than any round or client waits."""
TEMPERATURE_MAX: Final = 2.0
"""The upper bound of the OpenAI interface, so that its clients' requests pass unchanged."""
SEED_MAX: Final = 2**63 - 1
"""What a signed 64-bit integer holds; clients in every language can send it."""
TOKEN_ID_MAX: Final = 2**24
"""Ten times the largest vocabulary in use. It bounds what a decoder accepts, not what is right."""
CHARS_PER_TOKEN_MAX: Final = 64
"""A token rarely covers more than 16 characters; vocabularies hold runs of blanks up to 64 long."""
ANSWER_CHARS_MAX: Final = TOKENS_MAX * CHARS_PER_TOKEN_MAX
SECONDS_MAX: Final = 86_400.0

Root = Annotated[bytes, Meta(min_length=32, max_length=32)]
Seconds = Annotated[float, Meta(ge=0.0, le=SECONDS_MAX)]


class Complete(Synapse, frozen=True):
    """Continue a text."""

    model: Root
    """Root of the model that must answer (``assay.models.root``)."""
    prompt: Annotated[str, Meta(max_length=PROMPT_CHARS_MAX)]
    max_tokens: Annotated[int, Meta(ge=1, le=TOKENS_MAX)]
    seed: Annotated[int, Meta(ge=0, le=SEED_MAX)]
    temperature: Annotated[float, Meta(ge=0.0, le=TEMPERATURE_MAX)]
    """0 asks for the most likely token each time."""


class Completion(Synapse, frozen=True):
    """The continuation, as tokens and as the text that they spell."""

    text: Annotated[str, Meta(max_length=ANSWER_CHARS_MAX)]
    tokens: Annotated[
        list[Annotated[int, Meta(ge=0, le=TOKEN_ID_MAX)]], Meta(min_length=1, max_length=TOKENS_MAX)
    ]
    """Ids in the model's vocabulary; the last is the end-of-text token if ``finish`` is stop."""
    finish: Literal["length", "stop"]
    """``length``: max_tokens were made. ``stop``: the model ended the text."""
    queued_s: Seconds
    first_token_s: Seconds
    total_s: Seconds
    """The miner's own timings, from the arrival of the request; shown, never scored."""


class NumericPath(enum.IntEnum):
    """How a miner's numbers come about, which decides what can be checked."""

    SEEDED_FP32 = 1
    """Our own: fp32 logits and the seeded sampler. Every token can be checked."""
    ENGINE = 2
    """A foreign engine with a sampler of its own. Only greedy answers, and only plausibility."""


_MAGIC: Final = b"assay/inference/1:"
_COMMITMENT_BYTES: Final = len(_MAGIC) + 1 + 32


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a miner publishes under its hotkey: 51 bytes of the 128 that the chain allows."""

    root: bytes
    path: NumericPath

    def pack(self) -> bytes:
        if len(self.root) != 32:
            raise ValueError(f"a root has 32 bytes, not {len(self.root)}")
        return _MAGIC + bytes((self.path,)) + self.root

    @classmethod
    def parse(cls, data: bytes | None) -> Commitment | None:
        """The commitment in what a stranger published; None if it is not one of this task."""
        if data is None or len(data) != _COMMITMENT_BYTES or not data.startswith(_MAGIC):
            return None
        try:
            path = NumericPath(data[len(_MAGIC)])
        except ValueError:
            return None
        return cls(data[len(_MAGIC) + 1 :], path)


def noise_key(seed: int, root: bytes) -> bytes:
    """The sampler's 16-byte key for one request. Another seed or another model: another key."""
    return hashlib.blake2b(
        seed.to_bytes(8, "little") + root, digest_size=16, person=b"assay-gumbel/1"
    ).digest()
