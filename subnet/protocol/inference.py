"""Inference: what is asked, what is answered, and what a miner publishes on chain.

The two messages of this task have bounds on every field. A request names the root of the model that
the caller expects, so that nobody is served another model by mistake. A miner publishes a
``ModelCommitment``: the root of its model and how its numbers come about. The sampler's key is a
hash of a request's seed, the model's root and the miner's hotkey (``noise_key``), so one request
has one right answer, and an answer that a miner has fetched from another one is wrong.

An answer comes whole (``Completion``) or in pieces as it is made (``Piece``); the pieces say the
same in the end (``assemble``). A caller whose miner fails in the middle asks another one to go on:
the request then has the tokens that are there (``begun``) and still names the first miner.

This module knows no engine, no parameters and no scores.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from assay.scoring.inference.precision import Precision
from assay.scoring.inference.sampling import Sampling
from assay.wire.synapse import Synapse

NAME: Final = "inference"
"""The path to which requests are sent. Another path cuts off every miner of an older release."""
STREAM: Final = "stream"
"""The method that answers in pieces: the same request, under the path ``inference.stream``."""

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
BIASES_MAX: Final = 300
"""Tokens with a bias in one request, as OpenAI's interface has it."""
STOPS_MAX: Final = 4
"""Texts that end an answer, as OpenAI's interface has it."""
STOP_CHARS_MAX: Final = 256
"""Longer texts are not what one waits for. A miner looks for them at each token."""
TOP_LOGPROBS_MAX: Final = 20
"""Alternatives of a token, as OpenAI's interface has it."""
FINGERPRINT_BYTES_MAX: Final = 256
"""Numbers that stand for the model's inner state at a few tokens: 128 bytes, or none."""
CACHE_BYTES_MAX: Final = 16
"""Of what keeps caches apart: random bytes of this number do not meet by chance."""
ADDRESS_CHARS_MAX: Final = 64
"""An address has 48 characters."""

Root = Annotated[bytes, Meta(min_length=32, max_length=32)]
Seconds = Annotated[float, Meta(ge=0.0, le=SECONDS_MAX)]
TokenId = Annotated[int, Meta(ge=0, le=TOKEN_ID_MAX)]
TokenIds = Annotated[list[TokenId], Meta(max_length=TOKENS_MAX)]
Logprob = Annotated[float, Meta(le=1e-6)]
"""The logarithm of a probability; rounding may lift a certainty a little above 0."""


class Complete(Synapse, frozen=True):
    """A request to continue ``prompt``."""

    model: Root
    """Root of the model that must answer (``assay.models.root``)."""
    prompt: Annotated[str, Meta(max_length=PROMPT_CHARS_MAX)]
    max_tokens: Annotated[int, Meta(ge=1, le=TOKENS_MAX)]
    seed: Annotated[int, Meta(ge=0, le=SEED_MAX)]
    temperature: Annotated[float, Meta(ge=0.0, le=TEMPERATURE_MAX)]
    """At 0 the most likely token is chosen each time."""
    miner: Annotated[str, Meta(min_length=1, max_length=ADDRESS_CHARS_MAX)]
    """The hotkey that the sampler's noise names: the miner asked. Where ``begun`` has tokens, the
    miner that began."""
    top_k: Annotated[int, Meta(ge=0, le=TOKEN_ID_MAX)] = 0
    top_p: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    min_p: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    repetition_penalty: Annotated[float, Meta(ge=0.1, le=10.0)] = 1.0
    presence_penalty: Annotated[float, Meta(ge=-2.0, le=2.0)] = 0.0
    frequency_penalty: Annotated[float, Meta(ge=-2.0, le=2.0)] = 0.0
    bias: Annotated[
        dict[TokenId, Annotated[float, Meta(ge=-100.0, le=100.0)]], Meta(max_length=BIASES_MAX)
    ] = msgspec.field(default_factory=dict)
    """How tokens are drawn: ``assay.scoring.inference.sampling.Sampling`` has the meaning of each.
    The bounds are OpenAI's where its interface has the field."""
    stop: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=STOP_CHARS_MAX)]],
        Meta(max_length=STOPS_MAX),
    ] = msgspec.field(default_factory=list)
    """The answer ends with the token that completes one of these; its text ends before it."""
    logprobs: Annotated[int, Meta(ge=0, le=TOP_LOGPROBS_MAX)] | None = None
    """How many alternatives each token is shown with; None: not even its own probability."""
    begun: TokenIds = msgspec.field(default_factory=list)
    """The beginning of the answer, which another miner has made. ``max_tokens`` counts what is
    still to come; stop texts may reach back into the beginning."""
    cache: Annotated[bytes, Meta(max_length=CACHE_BYTES_MAX)] = b""
    """Whose cache of prompts the miner may use: that of the requests of the same caller with the
    same bytes here. A caller that asks for several clients gives each of them other bytes, because
    the time to the first token tells whether a prompt begins like an earlier one."""

    def sampling(self) -> Sampling:
        """Return how the tokens of the answer are drawn."""
        return Sampling(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            bias=self.bias,
        )


class TokenLogprob(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """How likely the model held one token of an answer, before any sampling."""

    logprob: Logprob
    top: Annotated[list[tuple[TokenId, Logprob]], Meta(max_length=TOP_LOGPROBS_MAX)]
    """The likeliest tokens, the likeliest first."""


class Completion(Synapse, frozen=True):
    """The answer: a continuation, as tokens and as the text that they spell."""

    text: Annotated[str, Meta(max_length=ANSWER_CHARS_MAX)]
    """Without what stood in ``begun``, and without the stop text."""
    tokens: Annotated[list[TokenId], Meta(min_length=1, max_length=TOKENS_MAX)]
    """Ids in the model's vocabulary."""
    finish: Literal["length", "stop"]
    """``length``: max_tokens were made. ``stop``: the last token ends the text, or completes a stop
    text."""
    queued_s: Seconds
    first_token_s: Seconds
    total_s: Seconds
    """The miner's own timings, from the arrival of the request; shown, never scored."""
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0
    """How many tokens the prompt has; shown, never scored."""
    logprobs: Annotated[list[TokenLogprob], Meta(max_length=TOKENS_MAX)] = msgspec.field(
        default_factory=list
    )
    """One for each token, if the request asked for them."""
    fingerprint: Annotated[bytes, Meta(max_length=FINGERPRINT_BYTES_MAX)] = b""


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the last piece says beside its tokens: the rest of a ``Completion``."""

    finish: Literal["length", "stop"]
    queued_s: Seconds
    first_token_s: Seconds
    total_s: Seconds
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0
    fingerprint: Annotated[bytes, Meta(max_length=FINGERPRINT_BYTES_MAX)] = b""


class Piece(Synapse, frozen=True):
    """One frame of an answer: what was drawn since the frame before."""

    tokens: TokenIds
    text: Annotated[str, Meta(max_length=ANSWER_CHARS_MAX)]
    """What is certain by now: half a character, and what may become a stop text, comes later."""
    logprobs: Annotated[list[TokenLogprob], Meta(max_length=TOKENS_MAX)] = msgspec.field(
        default_factory=list
    )
    end: Ending | None = None
    """In the last piece, and in no other."""


def assemble(pieces: Sequence[Piece]) -> Completion:
    """Return the answer that ``pieces`` are; ValueError if they are not all of one answer."""
    if not pieces or any((piece.end is None) != (piece is not pieces[-1]) for piece in pieces):
        raise ValueError("an answer's last piece, and no other, has its end")
    end = pieces[-1].end
    tokens = [token for piece in pieces for token in piece.tokens]
    text = "".join(piece.text for piece in pieces)
    if end is None or not tokens or len(tokens) > TOKENS_MAX or len(text) > ANSWER_CHARS_MAX:
        raise ValueError(f"an answer has between one token and {TOKENS_MAX}")
    return Completion(
        text=text,
        tokens=tokens,
        finish=end.finish,
        queued_s=end.queued_s,
        first_token_s=end.first_token_s,
        total_s=end.total_s,
        prompt_tokens=end.prompt_tokens,
        logprobs=[each for piece in pieces for each in piece.logprobs],
        fingerprint=end.fingerprint,
    )


class NumericPath(enum.IntEnum):
    """How a miner's numbers come about, which decides what a validator can check."""

    SEEDED_FP32 = 1
    """fp32 logits and our seeded sampler. Every token can be checked."""
    ENGINE = 2
    """A foreign engine with a sampler of its own. Only greedy answers can be checked, and only that
    they are plausible."""
    SEEDED_BF16 = 3
    """As ``SEEDED_FP32`` with states and parameters in bf16, checked with a wider tolerance."""
    SEEDED_FP16 = 4
    """As ``SEEDED_FP32`` with states and parameters in fp16, checked with a wider tolerance."""

    @property
    def precision(self) -> Precision | None:
        """In what the numbers are computed; None for an engine, of which nobody knows."""
        return next((which for which, path in _PATHS.items() if path is self), None)

    @classmethod
    def of(cls, precision: Precision) -> NumericPath:
        """Return the path with our sampler on which numbers are computed in ``precision``."""
        return _PATHS[precision]


_PATHS: Final[dict[Precision, NumericPath]] = {
    "fp32": NumericPath.SEEDED_FP32,
    "bf16": NumericPath.SEEDED_BF16,
    "fp16": NumericPath.SEEDED_FP16,
}

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


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Return where in ``text`` the first of the texts ``stops`` begins; None: none is in it."""
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(found, default=None)


def noise_key(seed: int, root: bytes, miner: str) -> bytes:
    """Return the sampler's key, of 16 bytes, for one request: another ``seed``, another model's
    ``root`` (32 bytes) or another ``miner``'s hotkey gives another key."""
    named = seed.to_bytes(8, "little") + root + miner.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, digest_size=16, person=b"assay-gumbel/2").digest()
