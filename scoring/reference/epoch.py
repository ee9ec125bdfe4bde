"""One epoch of Yuma consensus, step by step.

The rules are those of ``epoch/run_epoch.rs``. The steps, to which comments below refer:

 1. A neuron is inactive if its last update is older than the activity cutoff.
 2. Its stake is a share of all stake; below the threshold it counts as zero, but for the owner's.
 3. The k highest stakes that are not zero get permits, and the owner. Active stake is the stake of
    active neurons that hold the *last* epoch's permit.
 4. Weights count from permit holders, for others than themselves (but for the owner), and for
    neurons that are older than the weights. Each row is normalised.
 5. The consensus on a neuron is the median of its weights by active stake, at kappa. Weights are
    clipped to it; what remains of a validator's row is its trust.
 6. Rank and incentive are the clipped weights by active stake, normalised.
 7. The weights that bonds follow lie between plain and clipped, by the bonds penalty.
 8. Bonds to neurons that are newer are dropped; the rest follow the weights, in the classic way or
    that of Yuma 3. Dividends are incentives by bonds.
 9. In Yuma 3 the speed of a bond may be liquid (``liquid``).
10. Emission is divided by incentives and dividends; permits, bonds and scores are stored.

Roundings come from the executed runtimes where these could be executed (classic bonds). Ours, where
the source leaves it open: the products of weights for bonds and of Yuma 3's average each round
down; in Yuma 3 a validator's dividend is its active stake times the summed products of
column-normalised bond and incentive; the owner's permit comes on top of the k highest stakes; rank,
consensus and payments are the same in both bond modes; liquid alpha rests while there is no
consensus on anybody. A bond too small to show in sixteen bits is stored as an entry of zero
(executed runtimes, classic; here in both modes). In what is computed an entry of zero and an absent
one are the same.

The epoch is dense and slow, and knows no accounts: neurons are their uids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic

from assay.scoring.reference.liquid import Liquid
from assay.scoring.reference.numbers import (
    PER_MILLION,
    U16_MAX,
    Exact,
    Fixed,
    N,
    Numbers,
    Rows,
    transposed,
)

Table = Mapping[int, Sequence[tuple[int, int]]]
"""Weights or bonds as the chain stores them: by uid, pairs of (uid, u16)."""


@dataclass(frozen=True, slots=True)
class EpochNeuron:
    """What an epoch reads of one neuron."""

    stake: int
    """In rao: alpha and weighted root stake together."""
    last_update: int = 0
    registered: int = 0
    permit: bool = False
    """The permit that the last epoch gave."""
    oldest_commit: int | None = None
    """Under commit-reveal, the block of the earliest commit that can still be revealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRules:
    """The subnet's hyperparameters, in the units in which the chain stores them."""

    kappa: int = 32767
    bonds_moving_average: int = 900_000
    bonds_penalty: int = U16_MAX
    permits_max: int = 64
    stake_threshold: int = 0
    activity_cutoff: int = 5000
    yuma3: bool = False
    liquid: Liquid | None = None
    """Only Yuma 3 uses it."""
    zero_stake_permits: bool = False
    """Runtime versions 143 to 200: the k highest stakes get permits even when they are zero."""
    bonds_outdated_by_update: bool = False
    """Runtime versions 143 to 200: a bond is dropped as a weight is, not by the tempo's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch's inputs."""

    block: int
    neurons: Sequence[EpochNeuron]
    weights: Table
    bonds: Table
    emission: int
    """The rao to divide: what is pending for servers, validators and root together."""
    tempo: int
    last_step: int = 0
    """The block of the last epoch; 0 before the first epoch."""
    owner: int | None = None
    """The uid of the subnet owner's hotkey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochOutcome(Generic[N]):
    """What an epoch decides, by uid: as the chain stores it, and as shares."""

    active: list[bool]
    permits: list[bool]
    consensus: list[int]
    incentive: list[int]
    dividends: list[int]
    validator_trust: list[int]
    rank: list[int]
    trust: list[int]
    pruning_scores: list[int]
    bonds: dict[int, list[tuple[int, int]]]
    """All bonds after the epoch."""
    server_emission: list[int]
    validator_emission: list[int]
    emission: list[int]
    shares: EpochShares[N]


@dataclass(frozen=True, slots=True)
class EpochShares(Generic[N]):
    """Results before they are cut to sixteen bits, to measure what the cutting costs."""

    incentive: list[N]
    dividends: list[N]
    consensus: list[N]


def run(epoch: Epoch, rules: EpochRules) -> EpochOutcome[int]:
    """Return the outcome of ``epoch`` under ``rules`` in the chain's fixed point."""
    return _run(Fixed(), epoch, rules)


def run_exact(epoch: Epoch, rules: EpochRules) -> EpochOutcome[Fraction]:
    """Return the outcome of ``epoch`` under ``rules`` in exact rationals. What is stored is still
    cut to integers."""
    return _run(Exact(), epoch, rules)


def _run(numbers: Numbers[N], epoch: Epoch, rules: EpochRules) -> EpochOutcome[N]:
    neurons = epoch.neurons
    # Steps 1 to 3: who counts.
    active = [epoch.block <= each.last_update + rules.activity_cutoff for each in neurons]
    stake = numbers.amount_shares(
        [
            each.stake if each.stake >= rules.stake_threshold or uid == epoch.owner else 0
            for uid, each in enumerate(neurons)
        ]
    )
    permits = [each.permit or uid == epoch.owner for uid, each in enumerate(neurons)]
    active_stake = numbers.normalise(
        [
            s if is_active and permit else numbers.zero
            for s, is_active, permit in zip(stake, active, permits, strict=True)
        ]
    )
    # Steps 4 to 7: what they say, what they agree on.
    weights = _weights(numbers, epoch, permits)
    consensus = _consensus(numbers, active_stake, weights, rules.kappa)
    clipped = numbers.map_rows(weights, lambda _, j, w: min(w, consensus[j]))
    validator_trust = [numbers.total(row) for row in clipped]
    raw_rank = _rank(numbers, active_stake, clipped)
    trust = [
        numbers.div(rank, before)
        for rank, before in zip(raw_rank, _rank(numbers, active_stake, weights), strict=True)
    ]
    incentive = numbers.normalise(raw_rank)
    penalty = numbers.ratio(rules.bonds_penalty, U16_MAX)
    for_bonds = numbers.map_rows(
        weights,
        lambda i, j, w: numbers.mul(numbers.one - penalty, w) + numbers.mul(penalty, clipped[i][j]),
    )
    # Steps 8 and 9: bonds and dividends.
    step = _yuma3 if rules.yuma3 else _classic
    bonds, dividends = step(numbers, epoch, rules, for_bonds, active_stake, incentive, consensus)
    # Step 10.
    new_permits = _permits(stake, rules, epoch.owner)
    payment = _payment(numbers, epoch.emission, incentive, dividends, active_stake, stake)
    return EpochOutcome(
        active=active,
        permits=new_permits,
        consensus=[numbers.stored(x) for x in consensus],
        incentive=[numbers.stored(x) for x in incentive],
        dividends=[numbers.stored(x) for x in dividends],
        validator_trust=[numbers.stored(x) for x in validator_trust],
        rank=[numbers.stored(x) for x in incentive],
        trust=[numbers.stored(x) for x in trust],
        pruning_scores=numbers.upscaled(payment.combined_shares),
        bonds=_stored_bonds(numbers, epoch, bonds, new_permits),
        server_emission=payment.server,
        validator_emission=payment.validator,
        emission=payment.combined,
        shares=EpochShares(incentive, dividends, consensus),
    )


def _permits(stake: Sequence[N], rules: EpochRules, owner: int | None) -> list[bool]:
    """Return who gets a permit: the owner and the k highest stakes that are not zero; of equal
    stakes the larger uid comes first."""
    order = sorted(range(len(stake)), key=lambda uid: (stake[uid], uid), reverse=True)
    chosen = {
        uid for uid in order[: rules.permits_max] if stake[uid] > 0 or rules.zero_stake_permits
    }
    if owner is not None:
        chosen.add(owner)
    return [uid in chosen for uid in range(len(stake))]


def _weights(numbers: Numbers[N], epoch: Epoch, permits: Sequence[bool]) -> Rows[N]:
    """Return the weights that count (step 4), each row normalised."""

    def counts(i: int, j: int) -> bool:
        rater, rated = epoch.neurons[i], epoch.neurons[j]
        if not permits[i] or (i == j and i != epoch.owner):
            return False
        if rater.oldest_commit is not None and rater.oldest_commit < rated.registered:
            return False
        return rater.last_update > rated.registered

    rows = _read(numbers, epoch.weights, len(epoch.neurons), numbers.whole)
    return numbers.row_normalised(
        numbers.map_rows(rows, lambda i, j, w: w if counts(i, j) else numbers.zero)
    )


def _read(numbers: Numbers[N], stored: Table, size: int, convert: Callable[[int], N]) -> Rows[N]:
    """Return ``stored`` as a dense matrix of ``size`` rows, each value converted."""
    rows = [[numbers.zero] * size for _ in range(size)]
    for uid, row in stored.items():
        for column, value in row:
            rows[uid][column] = convert(value)
    return rows


def _consensus(
    numbers: Numbers[N], active_stake: Sequence[N], weights: Rows[N], kappa: int
) -> list[N]:
    """Return the median of each column of ``weights`` by active stake, at kappa."""
    voters = [uid for uid, stake in enumerate(active_stake) if stake > 0]
    if not voters:
        return [numbers.zero] * len(active_stake)
    votes = numbers.normalise([active_stake[uid] for uid in voters])
    minority = numbers.total(votes) - numbers.ratio(kappa, U16_MAX)

    def median(column: Sequence[N]) -> N:
        scores = [column[uid] for uid in voters]
        for score in sorted(set(scores)):
            up_to = numbers.total(
                vote for other, vote in zip(scores, votes, strict=True) if other <= score
            )
            # No lower bound: at kappa 1 the truncated votes may sum to less than kappa.
            if minority < up_to:
                return score
        return max(scores)  # kappa 0: the minority is everybody

    return [median(column) for column in transposed(weights)]


def _rank(numbers: Numbers[N], stake: Sequence[N], rows: Rows[N]) -> list[N]:
    """Return the sum of each column of ``rows``, each row times its stake."""
    return [
        numbers.total(numbers.mul(s, w) for s, w in zip(stake, column, strict=True))
        for column in transposed(rows)
    ]


def _old_bonds(
    numbers: Numbers[N], epoch: Epoch, rules: EpochRules, convert: Callable[[int], N]
) -> Rows[N]:
    """Return the stored bonds without those to a neuron that is newer than the bond."""
    first = epoch.last_step + 1 if epoch.last_step else max(epoch.block - epoch.tempo, 0)

    def stale(i: int, j: int) -> bool:
        registered = epoch.neurons[j].registered
        if rules.bonds_outdated_by_update:
            return epoch.neurons[i].last_update <= registered
        return registered >= first

    rows = _read(numbers, epoch.bonds, len(epoch.neurons), convert)
    return numbers.map_rows(rows, lambda i, j, b: numbers.zero if stale(i, j) else b)


def _keeping(numbers: Numbers[N], rules: EpochRules) -> N:
    """Return how much of the old bonds stays: BondsMovingAverage as a share."""
    return numbers.ratio(rules.bonds_moving_average, PER_MILLION)


_Step = tuple[Rows[N], list[N]]
"""The bonds to store as shares, and the dividends."""


def _classic(
    numbers: Numbers[N],
    epoch: Epoch,
    rules: EpochRules,
    for_bonds: Rows[N],
    active_stake: Sequence[N],
    incentive: Sequence[N],
    consensus: Sequence[N],
) -> _Step[N]:
    """Move bonds in the classic way: the columns always sum to one, and no speed is liquid."""
    del consensus
    old = numbers.column_normalised(_old_bonds(numbers, epoch, rules, numbers.whole))
    delta = numbers.column_normalised(
        numbers.map_rows(for_bonds, lambda i, _, w: numbers.mul(active_stake[i], w))
    )
    alpha = numbers.one - _keeping(numbers, rules)
    average = numbers.map_rows(
        delta,
        lambda i, j, d: numbers.mul(alpha, d) + numbers.mul(numbers.one - alpha, old[i][j]),
    )
    bonds = numbers.column_normalised(average)
    earned = [
        numbers.total(numbers.mul(b, share) for b, share in zip(row, incentive, strict=True))
        for row in bonds
    ]
    largest = [max(column) for column in transposed(bonds)]
    to_store = numbers.map_rows(bonds, lambda _, j, b: numbers.div(b, largest[j]))
    return to_store, numbers.normalise(earned)


def _yuma3(
    numbers: Numbers[N],
    epoch: Epoch,
    rules: EpochRules,
    for_bonds: Rows[N],
    active_stake: Sequence[N],
    incentive: Sequence[N],
    consensus: Sequence[N],
) -> _Step[N]:
    """Move bonds in the way of Yuma 3: each follows its weight, at its own speed if it is
    liquid."""
    old = _old_bonds(numbers, epoch, rules, lambda value: numbers.ratio(value, U16_MAX))
    fixed_speed = numbers.one - _keeping(numbers, rules)
    liquid = rules.liquid if any(consensus) else None

    def moved(i: int, j: int, weight: N) -> N:
        bond = old[i][j]
        speed = fixed_speed
        if liquid is not None:
            speed = liquid.speed(numbers, weight, bond, consensus[j])
        return numbers.mul(speed, weight) + numbers.mul(numbers.one - speed, bond)

    bonds = numbers.map_rows(for_bonds, moved)
    earned = [
        numbers.mul(
            active_stake[i],
            numbers.total(numbers.mul(b, share) for b, share in zip(row, incentive, strict=True)),
        )
        for i, row in enumerate(numbers.column_normalised(bonds))
    ]
    return bonds, numbers.normalise(earned)


def _stored_bonds(
    numbers: Numbers[N], epoch: Epoch, bonds: Rows[N], permits: Sequence[bool]
) -> dict[int, list[tuple[int, int]]]:
    """Return the table of bonds after the epoch: the rows of those who hold a permit now are
    written, the rows of those who lost it are cleared, and all others stay."""
    table = {uid: [(j, b) for j, b in row] for uid, row in epoch.bonds.items() if row}
    for uid, permit in enumerate(permits):
        if permit:
            table[uid] = [(j, numbers.stored(b)) for j, b in enumerate(bonds[uid]) if b]
        elif epoch.neurons[uid].permit:
            table[uid] = []
    return {uid: row for uid, row in table.items() if row}


@dataclass(frozen=True, slots=True)
class _Payment(Generic[N]):
    """What each neuron is paid, as miner, as validator and together, in rao and as a share."""

    server: list[int]
    validator: list[int]
    combined: list[int]
    combined_shares: list[N]


def _payment(
    numbers: Numbers[N],
    emission: int,
    incentive: Sequence[N],
    dividends: Sequence[N],
    active_stake: Sequence[N],
    stake: Sequence[N],
) -> _Payment[N]:
    """Divide ``emission`` by incentives and dividends; without any, by active stake or stake."""
    combined = [a + b for a, b in zip(incentive, dividends, strict=True)]
    total = numbers.total(combined)
    if total:
        server = [numbers.div(x, total) for x in incentive]
        validator = [numbers.div(x, total) for x in dividends]
        combined = [numbers.div(x, total) for x in combined]
    else:
        fallback = list(active_stake if any(active_stake) else stake)
        server, validator, combined = [numbers.zero] * len(fallback), fallback, fallback

    def paid(shares: Sequence[N]) -> list[int]:
        return [numbers.floor_times(share, emission) for share in shares]

    return _Payment(paid(server), paid(validator), paid(combined), combined)


def after(epoch: Epoch, outcome: EpochOutcome[N], block: int) -> Epoch:
    """Return the inputs of the epoch at ``block`` if nobody sets weights after ``epoch``: permits
    and bonds are those of ``outcome``."""
    neurons = [
        replace(each, permit=permit)
        for each, permit in zip(epoch.neurons, outcome.permits, strict=True)
    ]
    return replace(epoch, block=block, neurons=neurons, bonds=outcome.bonds, last_step=epoch.block)
