"""What a gateway shows validators of its clients' answers, and what a complaint says.

A gateway *offers* digests of signed calls before it knows which ones are looked at; the validator
answers which of them its committed randomness has drawn (``is_drawn``), and the gateway *shows*
these alone. A *complaint* shows one call that its sender holds for wrong.

This module knows no rates, no keys and no judge.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.client_receipts import SignedCall
from assay.wire.synapse import Synapse

OFFER: Final = "offer"
SHOW: Final = "show"
COMPLAIN: Final = "complain"
"""The methods of a validator, behind the task's name."""
OFFERED_MAX: Final = 256
"""Digests of one offer: 8 KiB."""
SHOWN_BYTES_MAX: Final = 2 * 2**20
"""Of one call that is shown: an answer of 4,096 tokens without logprobs takes 100 KiB, one with
twenty alternatives each some megabytes, and is not shown. Half of what an axon takes."""
REASON_CHARS_MAX: Final = 200
_DRAW: Final = b"assay/organic/1"

Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Offer(Synapse, frozen=True):
    """Calls that a gateway could show."""

    calls: Annotated[list[Digest], Meta(min_length=1, max_length=OFFERED_MAX)]


class DrawnIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The turn whose committed randomness a draw is of (``assay.neuron.seeds``): once the epoch's
    link is published, whoever kept a signed ``Wanted`` can draw again."""

    turn: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    block: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    block_hash: Digest


class Wanted(Synapse, frozen=True):
    """Which of the offered calls the validator wants to see: their places in the offer."""

    places: Annotated[
        list[Annotated[int, Meta(ge=0, lt=OFFERED_MAX)]], Meta(max_length=OFFERED_MAX)
    ]
    drawn_in: DrawnIn | None = None
    """None before a validator's first turn, when nothing is drawn."""


class ShownCall(Synapse, frozen=True):
    """One call of a miner, as it was signed."""

    call: SignedCall


class CallTaken(Synapse, frozen=True):
    """The validator will look at the call."""


class Judgement(Synapse, frozen=True):
    """What a validator finds about the call of a complaint."""

    right: bool | None
    """Whether the answer is the model's; None: that cannot be judged."""
    reasons: Annotated[list[Annotated[str, Meta(max_length=REASON_CHARS_MAX)]], Meta(max_length=8)]


def digest(call: SignedCall) -> bytes:
    """Return what names ``call`` in an offer: a hash over both signatures and what they cover."""
    return sha256(call.evidence).digest()


def size(call: SignedCall) -> int:
    """Return how many bytes ``call`` has."""
    return len(call.request) + len(call.evidence) + sum(map(len, call.frames))


def is_drawn(key: bytes, named: bytes, share: float) -> bool:
    """Return whether the call ``named`` by its digest is among the ``share`` that is looked at.

    ``key`` is 32 bytes that only the validator knows when the digest is offered: the first of the
    generator that the turn has for the validator's own hotkey.
    """
    drawn = sha256(_DRAW + key + named).digest()
    return int.from_bytes(drawn[:8], "little") < share * 2.0**64
