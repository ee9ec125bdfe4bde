"""A client's receipt: which miners were asked for one reply, and what each of them has signed.

A ``ClientReceipt`` holds the calls of all miners that took part in one reply, each with the request
as the gateway signed it, the frames as the miner signed them, and the evidence that binds both.
``read_call`` checks one call by itself: it is all that a miner can be held to, because nothing else
in a receipt is signed by the miner. ``receipt_fault`` checks that the calls are those of one reply
as well. Whether the tokens are the model's is not asked here: that takes the model.

This module knows no parameters, no chain and no files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from assay.protocol.inference import (
    ANSWER_CHARS_MAX,
    NAME,
    STREAM,
    TOKENS_MAX,
    Complete,
    Completion,
    NumericPath,
    Piece,
    TokenLogprob,
    assemble,
)
from assay.protocol.one_reply import OneReply
from assay.types import Ss58
from assay.wire.evidence import EVIDENCE_BYTES_MAX, Evidence, EvidenceInvalid, unpack, verify
from assay.wire.signing import SCOPE_STREAM
from assay.wire.stream import WHOLE
from assay.wire.synapse import PATH_PREFIX, MessageInvalid, decode

STREAM_TARGET: Final = f"{PATH_PREFIX}{NAME}.{STREAM}"
"""Where a gateway asks: an answer in pieces."""
CALLS_MAX: Final = 112
"""Sixteen answers, each begun and gone on with by six miners, with one that lost a race. A gateway
makes no more (``assay.gateway.router``)."""
CALL_REQUEST_BYTES_MAX: Final = 2**19
"""Of one request. A prompt of 65,536 characters takes 256 KiB, the longest beginning and all biases
another 30."""
CALL_FRAMES_BYTES_MAX: Final = 6 * 2**20
"""Of all frames of one call: 4,096 tokens with 64 characters and twenty alternatives each."""
FRAMES_MAX: Final = TOKENS_MAX + 256
"""Of one call: a frame a token, 64 without one, and 64 that a signature covers beyond the last one
that the gateway took; twice as many of these."""


class CallInvalid(ValueError):
    """What is said to be a miner's call shows nothing. ``args[0]`` says why, as a part of a
    sentence."""


class SignedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one miner was asked and has signed: all that a third party needs."""

    request: Annotated[bytes, Meta(max_length=CALL_REQUEST_BYTES_MAX)]
    evidence: Annotated[bytes, Meta(max_length=EVIDENCE_BYTES_MAX)]
    """Packed as ``assay.wire.evidence`` packs it."""
    frames: Annotated[
        list[Annotated[bytes, Meta(max_length=CALL_FRAMES_BYTES_MAX)]], Meta(max_length=FRAMES_MAX)
    ]
    """The pieces as they were signed, in order; the evidence covers exactly these."""


class CallRecord(SignedCall, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call of a receipt, with what the gateway says of it. Nobody has signed what it says."""

    miner: Ss58
    uid: int
    choice: int
    """Which answer of the client's request this was a part of."""
    verified: bool
    """Whether validators paid the miner when it was asked."""
    path: int
    """The numeric path that the chain showed of the miner when it was asked."""


class ClientReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was signed for one reply to a client."""

    object: Literal["assay.receipt"] = "assay.receipt"
    version: Literal[1] = 1
    id: str
    created: int
    """Unix time in seconds."""
    genesis: str
    netuid: int
    gateway: Ss58
    """The hotkey that signed the requests."""
    model: bytes
    """The root of the model that was asked."""
    key: str
    """The id of the client's key."""
    calls: Annotated[list[CallRecord], Meta(max_length=CALLS_MAX)]


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A call whose signatures hold, taken apart."""

    gateway: Ss58
    miner: Ss58
    signed_at_ns: int
    """The gateway's clock when it signed the request, in Unix nanoseconds. An honest miner takes no
    request whose time is seconds away from its own."""
    request_hash: bytes
    """Names the request, its signature included: no two calls have the same."""
    request: Complete
    pieces: tuple[Piece, ...]
    whole: bool
    """Whether the miner has signed that the answer ends with these pieces."""

    @property
    def tokens(self) -> list[int]:
        """All tokens that the miner has signed."""
        return [token for piece in self.pieces for token in piece.tokens]

    @property
    def logprobs(self) -> list[TokenLogprob]:
        """All probabilities that the miner has signed."""
        return [each for piece in self.pieces for each in piece.logprobs]

    @property
    def completion(self) -> Completion | None:
        """The answer as a method without a stream would have given it; None if it is not whole."""
        if not self.whole or sum(len(piece.text) for piece in self.pieces) > ANSWER_CHARS_MAX:
            return None
        try:
            return assemble(self.pieces)
        except ValueError:
            return None


def read_call(call: SignedCall) -> ReadCall:
    """Return ``call`` taken apart; CallInvalid unless both signatures in it hold, and the request
    is one for an answer in pieces. A miner may have signed what is no piece, or a failure: what
    stands before it was said to the client all the same."""
    if sum(map(len, call.frames)) > CALL_FRAMES_BYTES_MAX:
        raise CallInvalid("its frames have more bytes than an answer can need")
    try:
        evidence = unpack(call.evidence)
        verify(evidence, request=call.request, frames=call.frames)
        _check_streamed(evidence)
        request = decode(Complete, call.request)
    except (EvidenceInvalid, MessageInvalid) as error:
        raise CallInvalid(str(error)) from None
    pieces = tuple(_pieces(call.frames))
    return ReadCall(
        gateway=evidence.caller,
        miner=evidence.peer,
        signed_at_ns=evidence.nonce_ns,
        request_hash=evidence.request_hash,
        request=request,
        pieces=pieces,
        whole=evidence.word == WHOLE and len(pieces) == len(call.frames),
    )


def _pieces(frames: Sequence[bytes]) -> Iterator[Piece]:
    """Yield the pieces in ``frames`` up to the first frame that is none."""
    with contextlib.suppress(MessageInvalid):
        for frame in frames:
            yield decode(Piece, frame)


def _check_streamed(evidence: Evidence) -> None:
    """CallInvalid unless ``evidence`` is of pieces in reply to a gateway's request."""
    if evidence.target.partition("?")[0] != STREAM_TARGET:
        raise CallInvalid("it asked for something else than an answer in pieces")
    if evidence.scope != SCOPE_STREAM or evidence.status != 200:
        raise CallInvalid("it was refused")


def receipt_fault(receipt: ClientReceipt, *, whole: bool = True) -> str | None:
    """Return what is wrong with ``receipt``, as a part of a sentence; None if every signature in it
    holds and its calls are those of one reply. ``whole`` says whether the reply must have an end:
    calls of one that broke off can be judged all the same."""
    reply = OneReply()
    for place, call in enumerate(receipt.calls):
        try:
            read = read_call(call)
        except CallInvalid as error:
            return f"call {place}: {error}"
        if (read.gateway, read.miner) != (receipt.gateway, call.miner):
            return f"call {place} was signed by others than it says"
        if read.request.model != receipt.model:
            return f"call {place} asked for something else than it says"
        fault = reply.add(call.choice, call.miner, read.request, read.pieces)
        if fault is not None:
            return f"call {place} {fault}"
    return reply.end(whole=whole)


def parse_receipt(data: bytes) -> ClientReceipt | None:
    """Return the receipt in ``data``; None if there is none."""
    try:
        return msgspec.json.decode(data, type=ClientReceipt)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def shown_path(call: CallRecord) -> NumericPath | None:
    """Return the numeric path that the gateway says the chain showed; None for one that we do not
    know."""
    try:
        return NumericPath(call.path)
    except ValueError:
        return None
