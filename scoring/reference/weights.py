"""What a validator may set as weights, and what the chain stores of it.

The checks are those of ``do_set_weights`` in ``subnets/weights.rs``, in its order; what is stored
was read from executed runtimes. Zeros count towards the minimum and are stored, the order of uids
is kept, and values are scaled so that the largest is 65535, halves rounded up. A single weight of a
neuron for itself is free of permit, minimum and limit. Refusals are named as the chain's errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.scoring.reference.numbers import U16_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the checks read of the chain for one call."""

    block: int
    uid: int | None
    """The caller's uid; None if the caller is not registered on the subnet."""
    neurons: int
    permit: bool
    stake: int
    last_update: int
    stake_min: int = 0
    version_key: int = 0
    rate_limit: int = 0
    commit_reveal: bool = False
    weights_min: int = 1
    weight_limit: int = U16_MAX
    owner: bool = False


def refusal(
    setting: Setting, uids: Sequence[int], values: Sequence[int], version_key: int
) -> str | None:
    """Return the name of the error for these weights, or None if the chain accepts them."""
    if setting.commit_reveal:
        return "CommitRevealEnabled"
    if len(uids) != len(values):
        return "WeightVecNotEqualSize"
    if len(uids) > setting.neurons:
        return "UidsLengthExceedUidsInSubNet"
    if setting.uid is None:
        return "HotKeyNotRegisteredInSubNet"
    if setting.stake < setting.stake_min:
        return "NotEnoughStakeToSetWeights"
    if version_key < setting.version_key:
        return "IncorrectWeightVersionKey"
    since = setting.block - setting.last_update
    if setting.last_update and since < setting.rate_limit:
        return "SettingWeightsTooFast"
    myself = list(uids) == [setting.uid]
    if not (setting.permit or setting.owner or myself):
        return "NeuronNoValidatorPermit"
    if len(set(uids)) != len(uids):
        return "DuplicateUids"
    if any(uid >= setting.neurons for uid in uids):
        return "UidVecContainInvalidOne"
    if not myself and len(uids) < min(setting.neurons, setting.weights_min):
        return "WeightVecLengthIsLow"
    if not myself and max(values, default=0) * U16_MAX > setting.weight_limit * sum(values):
        return "MaxWeightExceeded"
    return None


def stored(uids: Sequence[int], values: Sequence[int]) -> list[tuple[int, int]]:
    """Return accepted weights as the chain stores them."""
    largest = max(values, default=0)
    if largest == 0:
        return [(uid, 0) for uid in uids]
    return [
        (uid, (2 * value * U16_MAX + largest) // (2 * largest))
        for uid, value in zip(uids, values, strict=True)
    ]
