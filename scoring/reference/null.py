"""One epoch without consensus: the highest stake decides alone.

The mode is newer than the source that the other modules state; these are the rules that the public
runtime's own tests of it state (spec 475):

 1. Stake below the threshold is none, the owner's too.
 2. The neuron of the highest stake leads, of equal ones the first. It gets the one permit.
 3. Of the leader's weights count those for others (but for the owner) and for neurons that are
    older than the weights. Without any, every neuron is weighed alike.
 4. Half of the emission, rounded up, is for miners by these weights; the rest is for everybody by
    stake, active or not. Without any stake, miners have all of it.
 5. Bonds stay as they are.

Ours, where those tests leave it open: of an amount that is divided, each has what the parts up to
its own come to, rounded down, less what those before it have; a weight of the leader for itself
counts as in Yuma.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.scoring.reference.epoch import Epoch, EpochOutcome, EpochRules, EpochShares

_FRACTION_BITS = 32
"""Of the fixed-point number that a stored share passes through."""
_U16_MAX = 65_535


def run_null(epoch: Epoch, rules: EpochRules) -> EpochOutcome[int]:
    """Return the outcome of ``epoch`` under ``rules`` without consensus. Of the rules, only the
    stake threshold and the activity cutoff matter."""
    neurons = epoch.neurons
    stakes = [each.stake if each.stake >= rules.stake_threshold else 0 for each in neurons]
    leader = max(range(len(stakes)), key=lambda uid: (stakes[uid], -uid))
    weights = [0] * len(neurons)
    for uid, weight in epoch.weights.get(leader, ()):
        if _counts(epoch, leader, uid):
            weights[uid] = weight
    if not any(weights):
        weights = [1] * len(neurons)

    validators = epoch.emission // 2 if any(stakes) else 0
    server = divided(epoch.emission - validators, weights)
    validator = divided(validators, stakes)
    emission = [mined + earned for mined, earned in zip(server, validator, strict=True)]
    incentive = _stored(weights)
    nothing = [0] * len(neurons)
    return EpochOutcome(
        active=[each.last_update + rules.activity_cutoff >= epoch.block for each in neurons],
        permits=[uid == leader for uid in range(len(neurons))],
        consensus=incentive,
        incentive=incentive,
        dividends=_stored(stakes),
        validator_trust=nothing,
        rank=incentive,
        trust=nothing,
        pruning_scores=nothing,
        bonds={uid: list(row) for uid, row in epoch.bonds.items() if row},
        server_emission=server,
        validator_emission=validator,
        emission=emission,
        shares=EpochShares([], [], []),
    )


def divided(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide all of ``amount`` in proportion to ``weights``; nothing, if all of them are zero."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    due = [amount * sum(weights[: count + 1]) // total for count in range(len(weights))]
    return [up_to - before for before, up_to in zip([0, *due], due, strict=False)]


def _counts(epoch: Epoch, leader: int, uid: int) -> bool:
    leading, weighed = epoch.neurons[leader], epoch.neurons[uid]
    if uid == leader and epoch.owner != leader:
        return False
    if leading.oldest_commit is not None and leading.oldest_commit < weighed.registered:
        return False
    return leading.last_update > weighed.registered


def _stored(amounts: Sequence[int]) -> list[int]:
    """Parts of the whole as the chain stores them, of 65535."""
    total = sum(amounts) or 1
    parts = ((amount << _FRACTION_BITS) // total for amount in amounts)
    return [part * _U16_MAX >> _FRACTION_BITS for part in parts]
