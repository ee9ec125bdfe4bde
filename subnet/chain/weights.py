"""Relative weights to the row a chain stores, and every check it makes first. Pure.

It gives the verdict of the chain's rules (``do_set_weights`` of the subtensor pallet, and the SDK's
``process_weights``) *before* anything is signed, as a typed refusal with its cure, and an exact
prediction of the row that will stand, so that reading it back is a comparison and not a guess.

What the chain does with a row: it scales the largest value to 65535, refuses a largest value whose
share of the sum exceeds ``max_weight_limit``, and stores the rest as it is. The rows made here have
their largest value at 65535 and no zeros, so scaling changes nothing.

It opens no socket and knows neither the SDK nor the fake; both call it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from assay.chain.interface import (
    BlockRef,
    Hyperparameters,
    RefusalReason,
    Stage,
    WeightRow,
    WeightsRefused,
)
from assay.chain.sealing import SealedRow, WeightsSealed
from assay.types import U16_MAX, U16Weight, Uid

_SHARE_MIN: Final = 1e-290
"""A share so far below the largest counts as zero, so that no step meets a denormal number."""


@dataclass(frozen=True, slots=True)
class WeightRights:
    """A hotkey's position when it wants to set weights, read at one block (the best head)."""

    netuid: int
    hotkey: str
    at: BlockRef
    n: int
    uid: Uid | None
    owner: bool
    permit: bool
    total_stake: int
    last_update: int
    settings: Hyperparameters
    beacon: bool
    """True where the chain stores quicknet's pulses: what the SDK seals opens only there."""
    next_epoch: int
    """The block of the subnet's next epoch, which hands out permits anew."""

    @property
    def blocks_to_epoch(self) -> int:
        """After how many blocks the next epoch has run; at least 1."""
        return max(self.next_epoch - self.at.number, 1)


def refuse(
    reason: RefusalReason, cause: str, cure: str, after: int | None = None
) -> WeightsRefused:
    return WeightsRefused(reason, Stage.PREFLIGHT, cause, cure, after)


def quantise(weights: Mapping[Uid, float], limit: int = U16_MAX) -> WeightRow:
    """The u16 row of these relative weights: largest 65535, zeros dropped, ascending uids.

    ``limit`` is ``max_weight_limit``: no value's share of the sum may exceed limit/65535. What is
    above it is cut off, the rest keeps its proportions. ValueError: a weight that is negative or
    not finite, a uid out of range, or a limit that this few weights cannot keep.
    """
    for uid, weight in weights.items():
        if not 0 <= uid <= U16_MAX:
            raise ValueError(f"{uid} is not a uid")
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"the weight of uid {uid} is {weight}")
    top = max(weights.values(), default=0.0)
    if top <= 0:
        return ()
    shares = {uid: weight / top for uid, weight in sorted(weights.items())}
    shares = {uid: share for uid, share in shares.items() if share > _SHARE_MIN}
    row = _scaled(shares, 1.0)
    if limit >= U16_MAX or _within(row, limit):
        return row
    return _capped(shares, limit)


def _scaled(shares: Mapping[Uid, float], ceiling: float) -> WeightRow:
    """Cut the shares at ``ceiling``, make the ceiling 65535, round half up, drop zeros."""
    values = (
        (uid, math.floor(min(share / ceiling, 1.0) * U16_MAX + 0.5))
        for uid, share in shares.items()
    )
    return tuple((uid, U16Weight(value)) for uid, value in values if value > 0)


def _within(row: WeightRow, limit: int) -> bool:
    """The chain's own test, in whole numbers: largest/sum <= limit/65535."""
    values = [value for _, value in row]
    return max(values) * U16_MAX <= limit * sum(values)


def _capped(shares: Mapping[Uid, float], limit: int) -> WeightRow:
    """The row whose largest value takes exactly the limit: the k largest shares are levelled.

    With the k largest at a common ceiling c and the rest r untouched, c/(k*c + r) = limit/65535
    gives c; the right k is the first whose ceiling is not below the next share.
    """
    too_few = ValueError(f"a largest share of {limit}/{U16_MAX} needs more weights above zero")
    if len(shares) * limit < U16_MAX:
        raise too_few
    ordered = sorted(shares.values(), reverse=True)
    rests = list(accumulate(reversed(ordered)))[::-1][1:]  # summed from the smallest: no loss
    ceiling = ordered[-1]
    for count, rest in enumerate(rests, start=1):
        room = U16_MAX - count * limit
        if room <= 0:  # this many equal weights already keep the limit
            ceiling = ordered[count]
            break
        ceiling = limit * rest / room
        if ceiling >= ordered[count]:
            break
    row = list(_scaled(shares, ceiling))
    # Rounding may leave the sum a few units short of what the limit needs; the smaller ones give.
    for index in sorted(range(len(row)), key=lambda i: -row[i][1]):
        missing = -(-(U16_MAX * U16_MAX) // limit) - sum(value for _, value in row)
        if missing <= 0:
            break
        uid, value = row[index]
        row[index] = (uid, U16Weight(min(value + missing, U16_MAX)))
    if not _within(tuple(row), limit):  # some shares rounded to zero, and too few are left
        raise too_few
    return tuple(row)


def preflight(
    rights: WeightRights,
    weights: Mapping[Uid, float],
    version_key: int,
    *,
    may_seal: bool = False,
) -> WeightRow | WeightsRefused:
    """The row to send, or why the chain would refuse it. ``may_seal``: the caller can commit a row
    by its hash and open it later."""
    return _may_set(rights, weights, version_key, may_seal) or _row(rights, weights)


def still_sealed(
    sealed: SealedRow, opens: Mapping[str, int], epoch: int
) -> WeightsSealed | WeightsRefused | None:
    """Why a row cannot be opened in the epoch of index ``epoch``; None if it can be.

    ``opens`` gives the epoch of each hash that the chain holds of this hotkey.
    """
    reveal_epoch = opens.get(sealed.hash)
    if reveal_epoch is None or reveal_epoch < epoch:
        cause = "holds no commit of these weights" if reveal_epoch is None else "let them expire"
        return refuse(
            RefusalReason.NOT_SEALED, f"The chain {cause}.", "Set the weights of this epoch."
        )
    return WeightsSealed(sealed, reveal_epoch) if reveal_epoch > epoch else None


def _may_set(
    rights: WeightRights, weights: Mapping[Uid, float], version_key: int, may_seal: bool
) -> WeightsRefused | None:
    settings = rights.settings
    if rights.uid is None:
        return refuse(
            RefusalReason.NOT_REGISTERED,
            f"Hotkey {rights.hotkey} is not registered on subnet {rights.netuid}.",
            "Register it first; a hotkey that was pruned has to register again.",
        )
    if rights.total_stake < settings.stake_threshold:
        return refuse(
            RefusalReason.TOO_LITTLE_STAKE,
            f"The hotkey's stake weight of {rights.total_stake} rao is below the"
            f" {settings.stake_threshold} rao that setting weights needs.",
            "Stake more to this hotkey.",
            rights.blocks_to_epoch,
        )
    if version_key < settings.weights_version:
        return refuse(
            RefusalReason.STALE_VERSION,
            f"The version key {version_key} is older than the subnet's {settings.weights_version}.",
            "Update the validator's code, or pass the subnet's version key.",
        )
    if settings.commit_reveal and not (rights.beacon or may_seal):
        return refuse(
            RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON,
            f"Subnet {rights.netuid} has commit-reveal on, and this chain stores no beacon"
            " pulses, so a row that is sealed for a beacon would never open.",
            "Seal the row by its hash and open it later, as `assay validator run` does.",
        )
    # The row is checked when it is executed, in the next block at the earliest.
    since = rights.at.number + 1 - rights.last_update
    limit = settings.weights_rate_limit_blocks
    by_sdk = settings.commit_reveal and rights.beacon  # which then looks at the limit itself
    if not by_sdk and rights.last_update and since < limit:
        return refuse(
            RefusalReason.RATE_LIMITED,
            f"Weights were set {since} blocks ago and may be set every {limit} blocks.",
            f"Wait {limit - since} blocks.",
            limit - since,
        )
    alone = set(weights) == {rights.uid}
    if not (rights.permit or rights.owner or alone):
        return refuse(
            RefusalReason.NO_PERMIT,
            f"uid {rights.uid} holds no validator permit on subnet {rights.netuid}.",
            "Stake more to this hotkey and wait for the next epoch, which hands out the permits.",
            rights.blocks_to_epoch,
        )
    return None


def _row(rights: WeightRights, weights: Mapping[Uid, float]) -> WeightRow | WeightsRefused:
    settings = rights.settings
    unknown = sorted(uid for uid in weights if not 0 <= uid < rights.n)
    if unknown:
        return refuse(
            RefusalReason.UNKNOWN_UID,
            f"uid {unknown[0]} does not exist; subnet {rights.netuid} has {rights.n} of them.",
            "Read the metagraph again before setting weights.",
        )
    alone = set(weights) == {rights.uid}
    try:
        row = quantise(weights, U16_MAX if alone else settings.max_weight_limit)
    except ValueError as error:
        return refuse(
            RefusalReason.BAD_WEIGHT,
            f"These weights cannot be set: {error}.",
            "Give every weight as a finite number that is not negative, and enough of them.",
        )
    if not row:
        return refuse(
            RefusalReason.NOTHING_TO_SET,
            "All weights are zero.",
            "Score at least one miner above zero, or leave the last row rights.",
        )
    least = min(rights.n, settings.min_allowed_weights)
    if len(row) < least and not alone:
        return refuse(
            RefusalReason.TOO_FEW_WEIGHTS,
            f"{len(row)} weights are above zero after rounding; the subnet needs {least}.",
            "Give more miners a weight above zero.",
        )
    return row


_BY_NAME: Final[Mapping[str, tuple[RefusalReason, str]]] = {
    "SubnetNotExists": (RefusalReason.UNKNOWN_SUBNET, "Choose a subnet that exists."),
    "MechanismDoesNotExist": (RefusalReason.UNKNOWN_SUBNET, "Choose a subnet that exists."),
    "HotKeyNotRegisteredInSubNet": (RefusalReason.NOT_REGISTERED, "Register the hotkey first."),
    "HotKeyNotRegisteredInNetwork": (RefusalReason.NOT_REGISTERED, "Register the hotkey first."),
    "HotKeyAccountNotExists": (RefusalReason.NOT_REGISTERED, "Register the hotkey first."),
    "NeuronNoValidatorPermit": (
        RefusalReason.NO_PERMIT,
        "Stake more to this hotkey and wait for the next epoch, which hands out the permits.",
    ),
    "NotEnoughStakeToSetWeights": (RefusalReason.TOO_LITTLE_STAKE, "Stake more to this hotkey."),
    "IncorrectWeightVersionKey": (RefusalReason.STALE_VERSION, "Update the validator's code."),
    "SettingWeightsTooFast": (RefusalReason.RATE_LIMITED, "Wait for the rate limit to pass."),
    "CommittingWeightsTooFast": (RefusalReason.RATE_LIMITED, "Wait for the rate limit to pass."),
    "RateLimitExceeded": (RefusalReason.RATE_LIMITED, "Wait for the rate limit to pass."),
    "RevealTooEarly": (RefusalReason.RATE_LIMITED, "Wait for the epoch after the commit's."),
    "TooManyUnrevealedCommits": (RefusalReason.RATE_LIMITED, "Open the weights that wait."),
    "NoWeightsCommitFound": (RefusalReason.NOT_SEALED, "Set the weights of this epoch."),
    "InvalidRevealCommitHashNotMatch": (
        RefusalReason.NOT_SEALED,
        "Set the weights of this epoch.",
    ),
    "ExpiredWeightCommit": (RefusalReason.NOT_SEALED, "Set the weights of this epoch."),
    "CommitRevealDisabled": (
        RefusalReason.NOT_SEALED,
        "Set the weights again: commit-reveal was switched off meanwhile.",
    ),
    "CommitRevealEnabled": (
        RefusalReason.COMMIT_REVEAL_WITHOUT_BEACON,
        "Set the weights again: commit-reveal was switched on meanwhile.",
    ),
    "WeightVecLengthIsLow": (
        RefusalReason.TOO_FEW_WEIGHTS,
        "Give more miners a weight above zero.",
    ),
    "MaxWeightExceeded": (RefusalReason.BAD_WEIGHT, "Spread the weights over more miners."),
    "UidVecContainInvalidOne": (RefusalReason.UNKNOWN_UID, "Read the metagraph again."),
    "UidsLengthExceedUidsInSubNet": (RefusalReason.UNKNOWN_UID, "Read the metagraph again."),
    "DuplicateUids": (RefusalReason.BAD_WEIGHT, "Name every uid once."),
    "rate_limited": (RefusalReason.RATE_LIMITED, "Wait for the rate limit to pass."),
    "not_registered": (RefusalReason.NOT_REGISTERED, "Register the hotkey first."),
    "not_authorized": (
        RefusalReason.NO_PERMIT,
        "Stake more to this hotkey and wait for the next epoch.",
    ),
    "WeightVecNotEqualSize": (RefusalReason.BAD_WEIGHT, "Give each uid one weight."),
}


_UNTIL_EPOCH: Final = frozenset({RefusalReason.NO_PERMIT, RefusalReason.TOO_LITTLE_STAKE})
"""Refusals that stand until an epoch has counted the stakes anew."""


def refused_by_chain(
    name: str | None,
    cause: str,
    stage: Stage,
    rights: WeightRights | None = None,
    *,
    cure: str = "Read the cause; nothing was changed.",
) -> WeightsRefused:
    """The typed refusal for an error by its name (the chain's, or the SDK's code; None: unnamed).

    ``cure`` is for an error that says nothing of weights, as a fee that cannot be paid. ``rights``
    tells when a refusal that lasts until the next epoch may end.
    """
    reason, cure = _BY_NAME.get(name or "", (RefusalReason.OTHER, cure))
    after = rights.blocks_to_epoch if rights is not None and reason in _UNTIL_EPOCH else None
    told = cause or f"The chain refused the weights: {name}."
    return WeightsRefused(reason, stage, told, cure, after)
